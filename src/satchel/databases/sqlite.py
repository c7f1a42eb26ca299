"""SQLite: a file that one process at a time writes to, with a write-ahead log."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from satchel.databases.base import Database
from satchel.databases.batches import Group
from satchel.errors import ConfigError, StoreError
from satchel.tables import WITHHELD, WITHHELD_PARTS, Row

logger = logging.getLogger(__name__)

BUSY_SECONDS: Final = 30
"""How long another program may keep the database locked (``?timeout=`` in the URL)."""

ERASED: Final = 1
"""``user_version`` of a database whose free bytes may hold what the privacy gate withholds now.

SQLite zeroes what is deleted, but not every copy that it made when it moved rows between pages.
"""

ADVICE: Final = (
    ("locked", "another program writes to it; wait for it to end, then run the crawl again"),
    ("readonly", "make the file and its folder writable"),
    ("unable to open", "check that the folder exists and can be written"),
    ("full", "make room on the disk, then run the crawl again"),
    ("disk I/O", "see whether the disk is full or broken, then run the crawl again"),
    ("not a database", "the file is something else; give another in SATCHEL_STORE"),
)


class Sqlite(Database):
    """A database file."""

    drivers = frozenset({"sqlite", "sqlite+pysqlite"})

    def _engine(self) -> Engine:
        if self.url.database in (None, "", ":memory:"):
            raise ConfigError(
                "SATCHEL_STORE: a database in memory is lost when the crawl ends; write a URL such "
                "as sqlite:///satchel.db"
            )
        self._file = _FileGuard(str(self.url.database))
        self._erased = False
        # Each batch asks; making the query takes as long as writing a hundred rows.
        self._erases = lru_cache(maxsize=512)(self._make_erases)
        arguments = {} if "timeout" in self.url.query else {"timeout": BUSY_SECONDS}
        try:
            engine = create_engine(self.url, connect_args=arguments)
        except (ArgumentError, ValueError):
            raise ConfigError(
                "SATCHEL_STORE: not the URL of a SQLite file; write one such as "
                "sqlite:///satchel.db or sqlite:////folder/satchel.db?timeout=60"
            ) from None
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine

    @property
    def is_relative(self) -> bool:
        return not os.path.isabs(str(self.url.database))

    def reader(self) -> Engine:
        if not Path(str(self.url.database)).exists():
            raise StoreError(
                f"{self.name}: there is no such file; has a crawl stored something there yet?"
            )
        path = quote(os.path.abspath(str(self.url.database)))

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(f"file:{path}?mode=ro", uri=True)

        return create_engine("sqlite://", creator=connect, poolclass=NullPool)

    def make_durable(self) -> None:
        # In WAL mode a power cut would take back commits otherwise, though nothing is damaged.
        event.listen(self.engine, "connect", _synchronize)

    @contextmanager
    def alone(self, seconds: float) -> Iterator[bool]:
        lock = FileLock(f"{os.path.abspath(str(self.url.database))}.actions", thread_local=False)
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise StoreError(
                f"{lock.lock_file}: {error.strerror}; make the folder writable"
            ) from None
        try:
            yield True
        finally:
            lock.release()

    def insert(self, table: Table) -> Any:
        return insert(table)

    def source(self, columns: Iterable[Column[Any]]) -> tuple[FromClause, dict[str, Any]]:
        rows = func.json_each(bindparam("rows")).table_valued("value", name="rows")
        return rows, {c.name: func.json_extract(rows.c.value, f"$.{c.name}") for c in columns}

    def merged(self, stored: ColumnElement[Any], sent: ColumnElement[Any]) -> ColumnElement[Any]:
        patched = func.json_patch(func.coalesce(stored, text("'{}'")), sent)
        return func.nullif(patched, text("'{}'"))

    def members(
        self, column: ColumnElement[Any]
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
        listed = func.json_each(column).table_valued("key", "value", name="members")
        return listed, listed.c.key, listed.c.value

    def scalar(self, value: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
        return value

    def part(
        self, value: ColumnElement[Any], key: str | int, kind: TypeEngine[Any]
    ) -> ColumnElement[Any]:
        return func.json_extract(value, f"$[{key}]" if isinstance(key, int) else f"$.{key}")

    def prepare(self, connection: Connection) -> None:
        """SQLite has all that is needed."""

    def view_definitions(self, connection: Connection) -> dict[str, str]:
        inspector = inspect(connection)
        found = {name: inspector.get_view_definition(name) for name in inspector.get_view_names()}
        return {
            name: str(definition).removeprefix(f"CREATE VIEW {name} AS ")
            for name, definition in found.items()
        }

    def make_view(self, connection: Connection, name: str, query: str) -> None:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")

    def opened(self) -> None:
        self._file.remember()

    def about_to_write(
        self, connection: Connection, table: Table, columns: Sequence[str], values: Row
    ) -> None:
        """Note where what is withheld is about to be taken out: :meth:`tidy` is due then."""
        if self._erased:
            return
        query = self._erases(table, columns)
        if query is not None and connection.scalar(query, values):
            self.erased(connection)

    def erased(self, connection: Connection) -> None:
        """Remember that in the database, which may outlive the process."""
        connection.exec_driver_sql(f"PRAGMA user_version = {ERASED}")
        self._erased = True

    def _make_erases(self, table: Table, columns: Sequence[str]) -> Select[Any] | None:
        """Whether rows with these columns null what is stored and withheld now: 1, else nothing."""
        withheld = [name for name in columns if table.c[name].info.get(WITHHELD)]
        parts = [name for name in columns if table.c[name].info.get(WITHHELD_PARTS)]
        if not withheld and not parts:
            return None
        stored = table.alias("stored")
        source, new = self.source(table.c[name] for name in columns)
        same = and_(*(column == new[column.name] for column in stored.primary_key))
        nulled = [and_(new[name].is_(None), stored.c[name].is_not(None)) for name in withheld]
        for name in parts:
            members = table.c[name].info[WITHHELD_PARTS]
            nulled.append(and_(_has(stored.c[name], members), ~_has(new[name], members)))
        return (
            select(literal(1)).select_from(source.join(stored, same)).where(or_(*nulled)).limit(1)
        )

    def committed(self) -> None:
        self._file.check()

    def tidy(self) -> None:
        """Leave no byte of what was erased, nor a log of the database beside it."""
        connection = self.engine.raw_connection()
        try:
            _tidy(cast("sqlite3.Cursor", connection.cursor()))
        except sqlite3.Error as error:
            logger.warning(
                "%s: what is withheld was deleted, but bytes of it may be left in the file (%s); "
                "a crawl that nobody disturbs removes them", self.name, error,
            )  # fmt: skip
        finally:
            connection.close()

    def second_try(self, error: Exception, groups: Sequence[Group]) -> Sequence[Group] | None:
        return None

    def advice(self, error: BaseException) -> str:
        reason = str(error)
        return next(
            (advice for word, advice in ADVICE if word in reason),
            "see to the database, then run the crawl again",
        )


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin and commit on its own terms
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")


def _synchronize(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _has(value: ColumnElement[Any], members: Iterable[str]) -> ColumnElement[bool]:
    """Whether a JSON value has one of these members anywhere, other than as null."""
    tree = func.json_tree(value).table_valued("key", "atom", name="tree")
    found = select(literal(1)).select_from(tree)
    return found.where(tree.c.key.in_(sorted(members)), tree.c.atom.is_not(None)).exists()


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


class _FileGuard:
    """Notices that the file of a SQLite database was removed or replaced.

    SQLite would go on writing to a file that no longer has a name.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
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
