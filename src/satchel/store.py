"""Items into a SQL database: upserted by key, in batches, off the event loop.

What gathers while a batch is written is the next batch. A batch is one transaction, and each kind
of row in it one statement: the rows travel as one JSON parameter, so that the thread that writes
does not fight the event loop for the interpreter at every row. Rows that have the same columns go
together; a column that a row does not have is not in its statement, so what was not sent never
erases what is stored, and a null that was sent does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError

from satchel import bases, history, outbox, tables
from satchel.databases import Database, database, schema
from satchel.databases.batches import Group, TableRow, encoded, grouped
from satchel.databases.statements import upsert
from satchel.errors import StoreError
from satchel.items import Item, type_name

logger = logging.getLogger(__name__)

BATCH_ROWS: Final = 400
"""Rows of one transaction; more than that has to wait for the next. They are fewer than the items
that Scrapy has in its pipelines at once, so that it goes on with some while others are written."""

ATTEMPTS: Final = 5
"""How often a batch is written anew where its database has a reason to."""


class _Content(NamedTuple):
    """What is committed together.

    :ivar complete: whose proposals these are all of
    :ivar withheld: what bases are to forget
    """

    rows: Sequence[TableRow]
    proposals: Sequence[tables.Row]
    complete: Sequence[outbox.Whose]
    withheld: Sequence[bases.Withheld]

    @classmethod
    def joined(cls, contents: Iterable[_Content]) -> _Content:
        return cls(*(list(chain.from_iterable(same)) for same in zip(*contents, strict=True)))


class _Waiting(NamedTuple):
    """Something to be committed, and who waits for that."""

    content: _Content
    future: asyncio.Future[None]


T = TypeVar("T")

Work = Callable[[Database, Connection], T]
"""Something that reads or writes, in a transaction."""


class Store:
    """The database of one crawl.

    :ivar written: table → rows written
    :ivar crawl: the number of the crawl that writes (:mod:`satchel.history`); ``None``: of none
    :ivar has_bases: whether there is what crawls are compared with (:mod:`satchel.listings`)
    """

    def __init__(self, database: Database, metadata: MetaData) -> None:
        self.written: Counter[str] = Counter()
        self.crawl: int | None = None
        self.has_bases = False
        self._database = database
        self._metadata = metadata
        self._upsert = lru_cache(maxsize=512)(partial(upsert, database))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="satchel-store")
        self._pending: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: StoreError | None = None

    @classmethod
    def open(
        cls,
        url: str,
        items: Iterable[type[Item]],
        *,
        shield_minors: bool = True,
        actions: bool = False,
    ) -> Store:
        """Open or make the database, with the tables, columns and views of these item classes.

        :param url: a database URL, such as ``sqlite:///satchel.db`` or ``postgresql://user@host/db``
        :param shield_minors: fill in nothing about a known minor from answers that lack the mark
        :param actions: make the tables of actions, too
        :raises ConfigError: the URL is none, or of a database that is not supported
        :raises StoreError: the database cannot be opened, read or written
        """
        items = list(items)
        metadata = tables.build(items, shield_minors=shield_minors)
        store = cls(database(url), metadata)
        try:
            with store._database.engine.begin() as connection:
                schema.make(store._database, connection, metadata, items)
                history.make(store._database, connection)
                store.has_bases = bases.are_there(connection)
                if actions:
                    outbox.make(connection)
        except (DBAPIError, StoreError) as error:
            store._database.engine.dispose()
            raise store._error(error) from None
        store._database.opened()
        return store

    async def begin(self, crawl: history.Begun) -> None:
        """Note that a crawl begins; the rows that are written from now on are its own.

        :raises StoreError: the database cannot be written
        """
        self.crawl = await self.run(partial(history.begin, crawl=crawl))

    async def end(self, crawl: history.Ended, also: Iterable[Work[None]] = ()) -> None:
        """Note what the crawl came to, when the store is closed.

        :param also: what is to be done in the same transaction
        :raises StoreError: the database cannot be written
        """
        if self.crawl is None:
            return
        work = partial(history.end, number=self.crawl, crawl=crawl)
        try:
            await asyncio.to_thread(self._work, work, *also)
        finally:
            self._database.engine.dispose()

    async def run(self, work: Work[T]) -> T:
        """Have something else read or write in a transaction of its own, between two batches.

        :raises StoreError: the database failed
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)

    def _work(self, work: Work[T], *also: Work[None]) -> T:
        try:
            self._database.committed()  # else SQLite would make a new file in place of a lost one
            with self._database.engine.begin() as connection:
                result = work(self._database, connection)
                for more in also:
                    more(self._database, connection)
        except DBAPIError as error:
            raise self._error(error) from None
        return result

    def takes(self, item: Item) -> bool:
        """Whether there is a table for the item."""
        return type_name(type(item)) in self._metadata.tables

    async def put(
        self,
        item: Item | None,
        proposals: Sequence[tables.Row] = (),
        complete: Sequence[outbox.Whose] = (),
    ) -> None:
        """Wait until the item, and the items that it nests, are committed.

        :param proposals: rows of the outbox that are committed with them
        :param complete: whose proposals these are all of: :func:`satchel.outbox.add`
        :raises StoreError: they are not, and nothing of their batch is
        :raises DecodeError: the item has no usable key; nothing of it is stored
        """
        if self._failure is not None:
            raise self._failure
        known = self._metadata.tables
        found = [] if item is None else tables.rows(item)
        rows = [(table, row) for table, row in found if table in known]
        withheld = list(bases.withheld_of(item)) if item is not None and self.has_bases else ()
        future = asyncio.get_running_loop().create_future()
        self._pending.append(_Waiting(_Content(rows, proposals, complete, withheld), future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await future

    async def close(self) -> None:
        """Wait for what is being written, and close the database."""
        if self._writer is not None:
            await self._writer
        if self._failure is None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._database.tidy)
        self._thread.shutdown()
        self._database.engine.dispose()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch = self._take()
            content = _Content.joined(part.content for part in batch)
            try:
                await loop.run_in_executor(self._thread, self._commit, content)
            except Exception as error:  # whoever waits has to hear of it
                if not isinstance(error, DBAPIError | StoreError):
                    logger.exception("%s: an error of satchel or of a plugin", self._database.name)
                self._fail(batch, self._error(error))
            else:
                self.written.update(table for table, _ in content.rows)
                for _, future in batch:
                    if not future.done():
                        future.set_result(None)
        self._writer = None

    def _take(self) -> list[_Waiting]:
        size = end = 0
        while end < len(self._pending) and size < BATCH_ROWS:
            size += len(self._pending[end].content.rows)
            end += 1
        batch, self._pending = self._pending[:end], self._pending[end:]
        return batch

    def _fail(self, batch: list[_Waiting], error: StoreError) -> None:
        self._failure = error
        for _, future in (*batch, *self._pending):
            if not future.done():
                future.set_exception(error)
        self._pending = []

    def _error(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        cause = (error.orig if isinstance(error, DBAPIError) else None) or error
        reason, advice = self._database.reason(cause), self._database.advice(cause)
        return StoreError(f"{self._database.name}: {reason}; {advice}")

    def _commit(self, content: _Content) -> None:
        groups: Sequence[Group] = list(grouped(self._metadata, content.rows))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._transact(groups, content)
                break
            except DBAPIError as error:
                again = self._database.second_try(error, groups)
                if again is None or attempt == ATTEMPTS:
                    raise
                groups = again
        self._database.committed()

    def _transact(self, groups: Sequence[Group], content: _Content) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._database.engine.begin() as connection:
            for table, columns, group in groups:
                values = {"rows": encoded(group), "now": now, "crawl": self.crawl}
                self._database.about_to_write(connection, table, columns, values)
                connection.execute(self._upsert(table, columns), values)
            if content.proposals or content.complete:
                outbox.add(self._database, connection, content.proposals, content.complete)
            if content.withheld:
                bases.forget(self._database, connection, content.withheld)
