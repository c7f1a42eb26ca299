"""``satchel settings``: every setting, its value and meaning."""

from __future__ import annotations

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from satchel.commands import reader
from satchel.config import Setting


@click.command()
def settings() -> None:
    """List satchel's settings: Scrapy settings, or environment variables of the same names.

    Each is shown with its value here and now. Secrets come from the environment, or from a file
    that NAME_FILE names; a secret that is set is shown as [secure].
    """
    console = Console(highlight=False)
    for setting in reader().known():
        console.print(Text(f"{setting.name}={setting.value}", style="bold"), soft_wrap=True)
        console.print(Padding(Text(_meaning(setting)), (0, 0, 0, 4)))


def _meaning(setting: Setting) -> str:
    changed = setting.value != setting.default and not setting.secret
    default = f" (default: {setting.default or 'empty'})" if changed else ""
    return f"{setting.description} Write {setting.expected}{default}."
