"""``satchel spiders``: the spiders and their arguments."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from satchel.arguments import Argument
from satchel.commands import project_settings, spider_classes
from satchel.errors import UsageError, did_you_mean
from satchel.spider import SatchelSpider


@click.command()
@click.argument("name", required=False)
def spiders(name: str | None) -> None:
    """List the spiders, or the arguments of one."""
    known = _spiders()
    console = Console(highlight=False)
    if name is None:
        console.print(_table((n, _first_line(cls)) for n, cls in sorted(known.items())))
        console.print("\n'satchel spiders NAME' lists a spider's arguments.", markup=False)
        return
    if name not in known:
        raise UsageError(
            f"no spider {name}{did_you_mean(name, known)} ({', '.join(sorted(known))})"
        )
    console.print(f"{name}: {_plain(known[name])}\n", markup=False)
    console.print(_table((_usage(a), a.help) for a in known[name].arguments))


def _spiders() -> dict[str, type[SatchelSpider]]:
    found = spider_classes(project_settings())
    return {name: cls for name, cls in found.items() if issubclass(cls, SatchelSpider)}


def _plain(cls: type) -> str:
    """The docstring without the marks of reStructuredText."""
    return cleandoc(cls.__doc__ or "").replace("``", "")


def _first_line(cls: type) -> str:
    return _plain(cls).split("\n")[0]


def _usage(argument: Argument) -> str:
    return f"-a {argument.name}={argument.value}"


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in rows:
        table.add_row(Text(left), Text(right))
    return table
