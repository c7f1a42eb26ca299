"""A database as tests fill and read it, whichever kind it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Inspector, MetaData, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from satchel import recnet
from satchel.history import CRAWL
from satchel.items import Item
from satchel.store import Store

RECNET: list[type[Item]] = [
    getattr(recnet, name) for name in recnet.__all__ if name != "BaseDataClass"
]


@dataclass
class Stored:
    """A database and what is in it.

    :ivar url: as SATCHEL_STORE takes it
    :ivar items: the classes that have tables there
    """

    url: str
    items: Iterable[type[Item]] = tuple(RECNET)

    @property
    def kind(self) -> str:
        return self.url.partition(":")[0]

    def use(self, use: Callable[[Store], Awaitable[Any]]) -> Store:
        async def run() -> Store:
            store = Store.open(self.url, self.items)
            try:
                await use(store)
            finally:
                await store.close()
            return store

        return asyncio.run(run())

    def put(self, *items: Item) -> Store:
        """A crawl that finds these items one after the other."""

        async def one_by_one(store: Store) -> None:
            for item in items:
                await store.put(item)

        return self.use(one_by_one)

    def put_at_once(self, *items: Item) -> Store:
        """A crawl that finds these items together, so that they are one batch."""

        async def together(store: Store) -> None:
            await asyncio.gather(*(store.put(item) for item in items))

        return self.use(together)

    def read(self, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        """Rows; JSON as text."""
        return self.query(f"SELECT {columns} FROM {table} ORDER BY {order}")

    def one(self, table: str, columns: str) -> tuple[Any, ...]:
        (row,) = self.read(table, columns)
        return row

    def query(self, query: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            found = connection.execute(text(query))
            return [tuple(map(_plain, row)) for row in found]

    def everything(self) -> dict[str, dict[Any, dict[str, Any]]]:
        """All rows of all tables of items: table → key → column → value."""
        metadata = MetaData()
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            metadata.reflect(connection)
            return {
                name: {
                    tuple(row[column.name] for column in table.primary_key): dict(row)
                    for row in connection.execute(table.select()).mappings()
                }
                for name, table in metadata.tables.items()
                if name != CRAWL.name
            }

    def inspect(self, look: Callable[[Inspector], Any]) -> Any:
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            return look(inspect(connection))

    def alone(self, statement: str) -> None:
        """Run a statement that no transaction may be around."""
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def change(self, *statements: str) -> None:
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def _plain(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value
