"""``satchel plugins``: what is plugged in."""

from __future__ import annotations

import click
from msgspec.structs import fields
from rich.console import Console
from rich.text import Text

from satchel.commands import project_settings
from satchel.config import plugin_prefix
from satchel.hooks import Plugins


@click.command()
def plugins() -> None:
    """List the plugins, in the order in which they are called.

    Each with its version, where it comes from, its hooks and its settings.
    """
    console = Console(highlight=False)
    found = Plugins.of(project_settings())
    declared = found.settings()
    for plugin in found.found():
        words = (plugin.version, f"({plugin.origin})")
        title = Text.assemble((plugin.name, "bold"), *(f" {word}" for word in words if word))
        console.print(title, soft_wrap=True)
        structs = [declared[plugin.name]] if plugin.name in declared else []
        prefix = plugin_prefix(plugin.name)
        names = [prefix + field.name.upper() for struct in structs for field in fields(struct)]
        for word in (*found.hooks_of(plugin.name), *names):
            console.print(Text(f"    {word}"), soft_wrap=True)
