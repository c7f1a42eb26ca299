"""``satchel <verb>``: what there is to do besides crawling. One file for each verb in commands/."""

from __future__ import annotations

import sys

import click

import satchel
from satchel.commands import items, plugins, sandbox, schema, settings, spiders
from satchel.errors import SatchelError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(satchel.__version__, prog_name="satchel")
def cli() -> None:
    """Crawl RecNet and Kemono servers into typed items.

    Crawls are run by Scrapy: 'scrapy crawl SPIDER'. These are the commands around it.
    """


for command in (
    items.items,
    plugins.plugins,
    sandbox.sandbox,
    schema.schema,
    settings.settings,
    spiders.spiders,
):
    cli.add_command(command)


def main() -> None:
    """The console script: a person's mistake is one line and the exit status 1."""
    try:
        cli()
    except SatchelError as error:
        click.echo(f"satchel: {error}", err=True)
        sys.exit(1)
