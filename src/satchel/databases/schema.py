"""Tables, columns and views in a database, made or brought up to date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.schema import CreateColumn

from satchel.databases import statements
from satchel.databases.base import Database
from satchel.errors import StoreError
from satchel.items import Item
from satchel.tables import BOOKKEEPING, MARKS


def make(
    database: Database, connection: Connection, metadata: MetaData, items: Iterable[type[Item]]
) -> None:
    """Make what is missing. Where nothing is, only reading and writing has to be allowed.

    :raises StoreError: a table of one of the names is somebody else's
    """
    database.prepare(connection)
    make_tables(database, connection, metadata)
    _make_views(database, connection, metadata, items)
    for table in metadata.tables.values():
        _try_out(database, connection, table)


def make_tables(database: Database, connection: Connection, metadata: MetaData) -> None:
    """Make the tables, or the columns of these, that are missing.

    :raises StoreError: a table of one of the names is somebody else's
    """
    existing = _existing(connection, metadata)
    for table, columns in existing.items():
        _refuse_foreign(database, connection, table, columns)
    metadata.create_all(connection, [t for t in metadata.sorted_tables if t not in existing])
    for table, columns in existing.items():
        _add_columns(connection, table, columns)


def _existing(connection: Connection, metadata: MetaData) -> dict[Table, set[str]]:
    """The tables, or views of their names, that are there: table → names of its columns."""
    found = inspect(connection).get_multi_columns(
        kind=ObjectKind.ANY, filter_names=list(metadata.tables)
    )
    return {
        metadata.tables[name]: {column["name"] for column in columns}
        for (_, name), columns in found.items()
        if columns
    }


def _refuse_foreign(
    database: Database, connection: Connection, table: Table, columns: set[str]
) -> None:
    key = inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
    if {*key} != {*table.primary_key.columns.keys()} or not columns.issuperset(table.info[MARKS]):
        raise StoreError(
            f"{database.name}: the table {table.name} was not made by satchel; "
            f"give another database in SATCHEL_STORE"
        )


def _add_columns(connection: Connection, table: Table, existing: set[str]) -> None:
    """Add what a newer version documents to the table of an older one."""
    quote = connection.dialect.identifier_preparer.quote
    for column in table.columns:
        if column.name not in existing:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {definition}")


def _make_views(
    database: Database, connection: Connection, metadata: MetaData, items: Iterable[type[Item]]
) -> None:
    present = database.view_definitions(connection)
    for name, query in statements.views(database, metadata, items).items():
        compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        if present.get(name) != str(compiled):
            database.make_view(connection, name, str(compiled))


def _try_out(database: Database, connection: Connection, table: Table) -> None:
    """Write no row, so that what is not allowed or does not fit is noticed before a request."""
    columns = tuple(c.name for c in table.columns if c.name not in BOOKKEEPING)
    now = datetime.now(UTC).replace(tzinfo=None)
    parameters = {"rows": "[]", "now": now, "crawl": None}
    connection.execute(statements.upsert(database, table, columns), parameters)
