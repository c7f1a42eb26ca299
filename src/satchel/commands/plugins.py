"""``satchel plugins``: what is plugged in."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from satchel.commands import project_settings
from satchel.hooks import Plugins


@click.command()
def plugins() -> None:
    """List the plugins, in the order in which they are called.

    Each with its version, where it comes from, and the hooks that it has.
    """
    console = Console(highlight=False)
    found = Plugins.of(project_settings())
    for plugin in found.found():
        words = (plugin.version, f"({plugin.origin})")
        title = Text.assemble((plugin.name, "bold"), *(f" {word}" for word in words if word))
        console.print(title, soft_wrap=True)
        for hook in found.hooks_of(plugin.name):
            console.print(Text(f"    {hook}"), soft_wrap=True)
