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
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, Engine, MetaData, Select, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.schema import CreateColumn

from satchel import tables
from satchel.errors import ConfigError, StoreError
from satchel.items import Item, type_name
from satchel.tables import PAYLOAD, Row

logger = logging.getLogger(__name__)

BATCH_ROWS: Final = 1000
"""Rows of one transaction; more than that has to wait for the next."""

BUSY_SECONDS: Final = 30
"""How long another program may keep the database locked (``?timeout=`` in the URL)."""

ERASED: Final = 1
"""``user_version`` of a database whose free bytes may hold what the privacy gate withholds now.

SQLite zeroes what is deleted, but not every copy that it made when it moved rows between pages.
"""

MAX_DEPTH: Final = 200
"""How deep a payload may nest, if it is one that JSON or SQLite cannot take as it is."""

TableRow = tuple[str, Row]
Waiting = tuple[list[TableRow], asyncio.Future[None]]


class Store:
    """The database of one crawl.

    :ivar written: table → rows written
    """

    def __init__(self, url: URL, engine: Engine, metadata: MetaData) -> None:
        self.written: Counter[str] = Counter()
        self._name = url.render_as_string(hide_password=True)
        self._engine = engine
        self._metadata = metadata
        self._file = _FileGuard(url.database)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="satchel-store")
        self._pending: list[Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: StoreError | None = None
        self._erased = False

    @classmethod
    def open(cls, url: str, items: Iterable[type[Item]], *, shield_minors: bool = True) -> Store:
        """Open or make the database, with the tables, columns and views of these item classes.

        :param url: a database URL, such as ``sqlite:///satchel.db``
        :param shield_minors: fill in nothing about a known minor from answers that lack the mark
        :raises ConfigError: the URL is none, or of a database that is not supported
        :raises StoreError: the database cannot be opened, read or written
        """
        parsed = _parse(url)
        items = list(items)
        metadata = tables.build(items, shield_minors=shield_minors)
        store = cls(parsed, _engine(parsed), metadata)
        try:
            with store._engine.begin() as connection:
                _make_schema(connection, metadata, items)
        except DBAPIError as error:
            store._engine.dispose()
            raise store._error(error) from None
        store._file.remember()
        return store

    def takes(self, item: Item) -> bool:
        """Whether there is a table for the item."""
        return type_name(type(item)) in self._metadata.tables

    async def put(self, item: Item) -> None:
        """Wait until the item, and the items that it nests, are committed.

        :raises StoreError: they are not, and nothing of their batch is
        :raises DecodeError: the item has no usable key; nothing of it is stored
        """
        if self._failure is not None:
            raise self._failure
        known = self._metadata.tables
        rows = [(table, row) for table, row in tables.rows(item) if table in known]
        future = asyncio.get_running_loop().create_future()
        self._pending.append((rows, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await future

    async def close(self) -> None:
        """Wait for what is being written, and close the database."""
        if self._writer is not None:
            await self._writer
        if self._failure is None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._tidy)
        self._thread.shutdown()
        self._engine.dispose()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch = self._take()
            rows = [row for part, _ in batch for row in part]
            try:
                await loop.run_in_executor(self._thread, self._commit, rows)
            except Exception as error:  # whoever waits has to hear of it
                if not isinstance(error, DBAPIError | StoreError):
                    logger.exception("%s: an error of satchel or of a plugin", self._name)
                self._fail(batch, self._error(error))
            else:
                self.written.update(table for table, _ in rows)
                for _, future in batch:
                    if not future.done():
                        future.set_result(None)
        self._writer = None

    def _take(self) -> list[Waiting]:
        size = end = 0
        while end < len(self._pending) and size < BATCH_ROWS:
            size += len(self._pending[end][0])
            end += 1
        batch, self._pending = self._pending[:end], self._pending[end:]
        return batch

    def _fail(self, batch: list[Waiting], error: StoreError) -> None:
        self._failure = error
        for _, future in (*batch, *self._pending):
            if not future.done():
                future.set_exception(error)
        self._pending = []

    def _error(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(cause).split()) or type(cause).__name__
        return StoreError(f"{self._name}: {reason}; {_advice(reason)}")

    def _commit(self, rows: list[TableRow]) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._engine.begin() as connection:
            for table, columns, group in _grouped(self._metadata, rows):
                values = {"rows": _json(group), "now": now}
                if not self._erased:
                    self._notice_erasing(connection, table, columns, values)
                statement = tables.upsert(self._metadata.tables[table], columns)
                connection.execute(statement, values)
        self._file.check()

    def _notice_erasing(
        self, connection: Connection, table: str, columns: tuple[str, ...], values: Row
    ) -> None:
        """Remember in the database, which may outlive the process, that :meth:`_tidy` is due."""
        query = tables.erases(self._metadata.tables[table], columns)
        if query is not None and connection.scalar(query, values):
            connection.exec_driver_sql(f"PRAGMA user_version = {ERASED}")
            self._erased = True

    def _tidy(self) -> None:
        """Leave no byte of what was erased, nor a log of the database beside it."""
        connection = self._engine.raw_connection()
        try:
            _tidy(cast("sqlite3.Cursor", connection.cursor()))
        except sqlite3.Error as error:
            logger.warning(
                "%s: what is withheld was deleted, but bytes of it may be left in the file (%s); "
                "a crawl that nobody disturbs removes them", self._name, error,
            )  # fmt: skip
        finally:
            connection.close()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "SATCHEL_STORE: not a database URL; write one such as sqlite:///satchel.db"
        ) from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ConfigError(
            f"SATCHEL_STORE: {parsed.drivername} is not supported; write a URL such as "
            f"sqlite:///satchel.db"
        )
    if parsed.database in (None, "", ":memory:"):
        raise ConfigError(
            "SATCHEL_STORE: a database in memory is lost when the crawl ends; write a URL such as "
            "sqlite:///satchel.db"
        )
    return parsed


def _engine(url: URL) -> Engine:
    arguments = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    try:
        engine = create_engine(url, connect_args=arguments)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "SATCHEL_STORE: not the URL of a SQLite file; write one such as "
            "sqlite:///satchel.db or sqlite:////folder/satchel.db?timeout=60"
        ) from None
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin and commit on its own terms
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_schema(connection: Connection, metadata: MetaData, items: list[type[Item]]) -> None:
    _touch(connection)
    metadata.create_all(connection)
    _add_columns(connection, metadata)
    _make_views(connection, tables.views(metadata, items))


def _touch(connection: Connection) -> None:
    """Write, so that a database which is read-only is noticed before the first request."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def _add_columns(connection: Connection, metadata: MetaData) -> None:
    """Add what a newer version documents to the tables of an older one."""
    inspector = inspect(connection)
    for table in metadata.tables.values():
        existing = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in existing:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


def _make_views(connection: Connection, views: Mapping[str, Select[Any]]) -> None:
    inspector = inspect(connection)
    present = {name: inspector.get_view_definition(name) for name in inspector.get_view_names()}
    for name, query in views.items():
        body = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        definition = f"CREATE VIEW {name} AS {body}"
        if present.get(name) != definition:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
            connection.exec_driver_sql(definition)


def _tidy(cursor: sqlite3.Cursor) -> None:
    def pragma(words: str) -> int:
        return int(cursor.execute(f"PRAGMA {words}").fetchone()[0])

    pragma("busy_timeout = 1000")
    if pragma("user_version") != ERASED:
        return
    before = pragma("data_version")
    cursor.execute("VACUUM")
    if pragma("wal_checkpoint(TRUNCATE)"):
        raise sqlite3.OperationalError("another program reads the database")
    cursor.execute("BEGIN IMMEDIATE")
    if pragma("data_version") == before:  # else another crawl may have erased something since
        cursor.execute("PRAGMA user_version = 0")
    cursor.execute("COMMIT")


def _grouped(
    metadata: MetaData, rows: list[TableRow]
) -> Iterator[tuple[str, tuple[str, ...], list[Row]]]:
    """Rows of one table and the same columns together: (table, columns, rows), in their order."""
    for merged in _merged(metadata, rows):
        groups: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
        for (table, _), row in merged.items():
            groups.setdefault((table, tuple(row)), []).append(row)
        for (table, columns), group in groups.items():
            yield table, columns, group


def _merged(metadata: MetaData, rows: list[TableRow]) -> list[dict[tuple[str, Any], Row]]:
    """Rows of one key made one; those that only the database can merge get turns of their own.

    It merges payloads, and it knows who is a minor.
    """
    keys = {name: [c.name for c in table.primary_key] for name, table in metadata.tables.items()}
    turns: list[dict[tuple[str, Any], Row]] = [{}]
    for table, row in rows:
        key = (table, tuple([row[name] for name in keys[table]]))
        known = turns[-1].get(key)
        if known is None:
            turns[-1][key] = row
        elif metadata.tables[table].info[tables.SHIELD] or (
            PAYLOAD in known and PAYLOAD in row and known[PAYLOAD] != row[PAYLOAD]
        ):
            turns.append({key: row})
        else:
            turns[-1][key] = {**known, **row}
    return turns


def _json(group: list[Row]) -> str:
    """Rows as one JSON text; what JSON or SQLite cannot hold in it is replaced."""
    try:
        body = msgspec.json.encode(group)
    except (ValueError, TypeError, RecursionError):
        body = b""
    if not body or b"\\u0000" in body:  # SQLite would cut a text there
        body = msgspec.json.encode(_plain(group))
    return body.decode()


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def _plain(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member, depth + 1) for member in value]
    return _UNSTORABLE.sub("\ufffd", str(value))


class _FileGuard:
    """Notices that the file of a SQLite database was removed or replaced.

    SQLite would go on writing to a file that no longer has a name.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path or "")
        self._identity: tuple[int, int] | None = None

    def remember(self) -> None:
        self._identity = self._look()

    def check(self) -> None:
        if self._look() != self._identity:
            raise StoreError(
                f"{self._path}: the database file was removed or replaced meanwhile; "
                f"run the crawl again"
            )

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _advice(reason: str) -> str:
    for word, advice in (
        ("locked", "another program writes to it; wait for it to end, then run the crawl again"),
        ("readonly", "make the file and its folder writable"),
        ("unable to open", "check that the folder exists and can be written"),
        ("full", "make room on the disk, then run the crawl again"),
        ("disk I/O", "see whether the disk is full or broken, then run the crawl again"),
        ("not a database", "the file is something else; give another in SATCHEL_STORE"),
    ):
        if word in reason:
            return advice
    return "see to the database, then run the crawl again"
