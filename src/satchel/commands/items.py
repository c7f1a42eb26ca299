"""``satchel items``: a look into the store."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, Select, func, inspect, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import MetaData

from satchel.commands import config
from satchel.databases import Database, database
from satchel.errors import StoreError, UsageError, did_you_mean


@click.command()
@click.argument("table", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=10, show_default=True, help="Rows to show."
)
@click.option("--columns", help="Columns to show, by comma.  [default: those with values]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, all columns.")
def items(table: str | None, limit: int, columns: str | None, as_json: bool) -> None:
    """List what is stored, or show rows of one TABLE (or view).

    The database is that of the SATCHEL_STORE setting.
    """
    found = _open(config().store)
    engine = found.reader()
    try:
        with engine.connect() as connection:
            if table is None:
                _list(connection, as_json)
            else:
                _show(connection, table, limit, columns, as_json)
    except DBAPIError as error:
        cause = error.orig or error
        advice = found.advice(cause)
        raise StoreError(f"{found.name}: {found.reason(cause)}; {advice}") from None
    finally:
        engine.dispose()


def _open(url: str) -> Database:
    """The database of the setting.

    :raises UsageError: it is none that can be looked into
    """
    if not url:
        raise UsageError("SATCHEL_STORE is empty: nothing is stored")
    return database(url)


def _names(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    return [*inspector.get_table_names(), *inspector.get_view_names()]


def _list(connection: Connection, as_json: bool) -> None:
    names = sorted(_names(connection))
    counts = {name: connection.scalar(_count(connection, name)) or 0 for name in names}
    if as_json:
        click.echo(json.dumps(counts))
        return
    for name, count in counts.items():
        if count:
            click.echo(f"{count:>10,}  {name}")
    if empty := sum(not count for count in counts.values()):
        click.echo(f"{empty:>10,}  tables and views are empty")


def _count(connection: Connection, name: str) -> Select[int]:
    return select(func.count()).select_from(_reflect(connection, name))


def _reflect(connection: Connection, name: str) -> SqlTable:
    return SqlTable(name, MetaData(), autoload_with=connection)


def _show(
    connection: Connection, name: str, limit: int, columns: str | None, as_json: bool
) -> None:
    known = _names(connection)
    if name not in known:
        raise UsageError(f"no table {name}{did_you_mean(name, known)} ('satchel items' lists all)")
    found = _reflect(connection, name)
    wanted = (
        [c.strip() for c in columns.split(",")]
        if columns
        else [column.name for column in found.columns]
    )
    for column in wanted:
        if column not in found.c:
            raise UsageError(f"{name} has no column {column}{did_you_mean(column, found.c.keys())}")
    query = (
        select(*(found.c[column] for column in wanted)).order_by(*found.primary_key).limit(limit)
    )
    rows = [dict(row._mapping) for row in connection.execute(query)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=str, ensure_ascii=False))
    else:
        _print(rows, wanted if columns else _telling(rows))


def _telling(rows: list[dict[str, Any]], at_most: int = 6) -> list[str]:
    """The first columns that have values."""
    names = list(rows[0]) if rows else []
    return [name for name in names if any(row[name] not in (None, "", 0) for row in rows)][:at_most]


def _print(rows: list[dict[str, Any]], columns: list[str]) -> None:
    console = Console(highlight=False)
    if not rows:
        console.print("no rows")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="ellipsis", max_width=40)
    for row in rows:
        table.add_row(*(Text("" if row[c] is None else str(row[c])) for c in columns))
    console.print(table)
