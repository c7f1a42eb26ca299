"""``satchel <verb>``: what there is to do besides crawling. One file for each verb in commands/."""

from __future__ import annotations

import sys

import click

import satchel
from satchel.commands import (
    act,
    cassette,
    items,
    jobs,
    plugins,
    project_settings,
    replay,
    sandbox,
    schedule,
    schema,
    settings,
    spiders,
)
from satchel.errors import SatchelError
from satchel.hooks import Plugins


class _Verbs(click.Group):
    """satchel's own commands, and those of plugins: looked for where a verb is none of these."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *self._of_plugins()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.commands.get(cmd_name) or self._of_plugins().get(cmd_name)

    def _of_plugins(self) -> dict[str, click.Command]:
        return Plugins.of(project_settings()).commands(self.commands)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(satchel.__version__, prog_name="satchel")
def cli() -> None:
    """Crawl RecNet and Kemono servers into typed items.

    Crawls are run by Scrapy: 'scrapy crawl SPIDER'. These are the commands around it.
    """


for command in (
    act.act,
    cassette.cassette,
    items.items,
    jobs.jobs,
    plugins.plugins,
    replay.replay,
    sandbox.sandbox,
    schedule.schedule,
    schema.schema,
    settings.settings,
    spiders.spiders,
):
    cli.add_command(command)


def main() -> None:
    """The console script: a person's mistake is one line and the exit status 1."""
    try:
        cli(prog_name="satchel")  # Also by `python -m satchel`.
    except SatchelError as error:
        click.echo(f"satchel: {error}", err=True)
        sys.exit(1)
