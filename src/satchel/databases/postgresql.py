"""PostgreSQL: a server. It needs the extra ``satchel[postgresql]``, which is psycopg 3.

Crawls into one database take turns, as they do in SQLite: each transaction that writes first takes
one advisory lock, which ends with it. So no two of them can wait for each other, whatever rows
they write in whatever order, and none merges a payload that another is about to replace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    inspect,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from satchel.databases.base import Database
from satchel.databases.batches import Group
from satchel.decode import INT64_MAX, INT64_MIN
from satchel.errors import ConfigError
from satchel.tables import Row

logger = logging.getLogger(__name__)

DEFAULTS: Final = {
    "application_name": "satchel",
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
"""Parameters of the connection that the URL may set (``?connect_timeout=60``).

How long another program may keep what is written locked, and how long the server keeps what a crawl
has locked that does not go on.
"""

LOCK: Final = 0x7361746368656C
"""The advisory lock of whoever writes; PostgreSQL keeps it apart for each database."""

EXECUTORS_LOCK: Final = LOCK + 1
"""The advisory lock of whoever executes actions."""

GLANCE: Final = 0.25
"""Seconds after which one who waits for that lock looks again."""

MERGE: Final = """
DECLARE
  merged jsonb := CASE jsonb_typeof(stored) WHEN 'object' THEN stored ELSE '{}' END;
  name text;
  value jsonb;
BEGIN
  IF jsonb_typeof(sent) IS DISTINCT FROM 'object' THEN
    RETURN sent;
  END IF;
  IF NOT sent @? 'strict $.* ? (@ == null || @.type() == "object")' THEN
    RETURN merged || sent;
  END IF;
  FOR name, value IN SELECT * FROM jsonb_each(sent) LOOP
    CASE jsonb_typeof(value)
      WHEN 'null' THEN merged := merged - name;
      WHEN 'object' THEN
        merged := merged || jsonb_build_object(name, satchel_merge(merged -> name, value));
      ELSE merged := merged || jsonb_build_object(name, value);
    END CASE;
  END LOOP;
  RETURN merged;
END
"""
"""JSON Merge Patch (RFC 7396), which PostgreSQL does not have: its ``||`` is not recursive."""

ADVICE_BY_STATE: Final = (
    ("25006", "the server or the role may only read; give one that may write"),
    ("42501", "the role may not do that; grant it, or give another role in SATCHEL_STORE"),
    ("531", "make room on the server's disk, then run the crawl again"),
    ("533", "too many programs are connected; wait for some to end, then run the crawl again"),
    ("55P03", "another program writes to it; wait for it to end, then run the crawl again"),
    ("57P", "the server was stopped; see that it runs, then run the crawl again"),
)
"""By the beginning of the SQLSTATE, which is the same in all languages."""

ADVICE_BY_WORD: Final = (
    ("closed the connection", "the server went away; see that it runs, then run the crawl again"),
    ("password", "give the right user and password in SATCHEL_STORE"),
    ("authentication", "see the server's pg_hba.conf for how this user may connect"),
    ("pg_hba.conf", "see the server's pg_hba.conf for how this user may connect"),
    ("role", "give the right user and password in SATCHEL_STORE"),
    ("does not exist", "make the database (createdb), or give another in SATCHEL_STORE"),
    ("connection option", "take it out of SATCHEL_STORE or write it right"),
    ("connection", "see that the server runs and that SATCHEL_STORE has its host and port"),
)
"""By what psycopg says where there is no SQLSTATE: about connections."""

AGAIN: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, a lock that did not come in time: others write. The same may go
well next."""

UNFIT: Final = "22"
"""A value that its column cannot hold; only a plugin makes one."""

TWICE: Final = "21000"
"""Two rows of one key: keys that differ only in what cannot be stored, such as NUL."""


class Postgresql(Database):
    """A database of a server."""

    drivers = frozenset({"postgresql", "postgresql+psycopg"})

    def _engine(self) -> Engine:
        engine = self._connecting(pool_size=1, max_overflow=0)
        event.listen(engine, "begin", _begin)
        return engine

    def reader(self) -> Engine:
        return self._connecting(poolclass=NullPool).execution_options(postgresql_readonly=True)

    def _connecting(self, **options: Any) -> Engine:
        given = {name: value for name, value in DEFAULTS.items() if name not in self.url.query}
        try:
            return create_engine(
                self.url.set(drivername="postgresql+psycopg"),
                # A plan that is made anew fits the size that a table has now.
                connect_args={**given, "prepare_threshold": None},
                isolation_level="READ COMMITTED",
                use_native_hstore=False,
                json_serializer=str,  # It is JSON already: satchel.databases.batches.
                **options,
            )
        except ImportError:
            raise ConfigError(
                "SATCHEL_STORE: PostgreSQL needs psycopg; run: pip install 'satchel[postgresql]'"
            ) from None
        except (ArgumentError, ValueError, TypeError):
            raise ConfigError(
                "SATCHEL_STORE: not the URL of a PostgreSQL database; write one such as "
                "postgresql://user:password@host/database"
            ) from None

    def make_durable(self) -> None:
        """It is so by default (``synchronous_commit``)."""

    @contextmanager
    def alone(self, seconds: float) -> Iterator[bool]:
        # It stands still for long, but in no transaction.
        engine = self._connecting(poolclass=NullPool).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        ask = f"SELECT pg_try_advisory_lock({EXECUTORS_LOCK})"
        end = time.monotonic() + seconds
        try:
            with engine.connect() as connection:
                while not (mine := connection.exec_driver_sql(ask).scalar_one()):
                    if time.monotonic() >= end:
                        break
                    time.sleep(GLANCE)
                yield bool(mine)
        finally:
            engine.dispose()

    def insert(self, table: Table) -> Any:
        return insert(table)

    def source(self, columns: Iterable[Column[Any]]) -> tuple[FromClause, dict[str, Any]]:
        named = [column(c.name, c.type) for c in columns]
        rows = func.jsonb_to_recordset(bindparam("rows", type_=JSONB)).table_valued(*named)
        rows = rows.render_derived("rows", with_types=True)
        return rows, {c.name: rows.c[c.name] for c in named}

    def merged(self, stored: ColumnElement[Any], sent: ColumnElement[Any]) -> ColumnElement[Any]:
        merged: ColumnElement[Any] = func.satchel_merge(stored, sent, type_=JSONB)
        return func.nullif(merged, text("'{}'::jsonb"))

    def members(
        self, column: ColumnElement[Any]
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
        listed = func.jsonb_array_elements(column).table_valued(
            _json("value"), with_ordinality="ordinality"
        )
        listed = listed.render_derived("members")
        return listed, listed.c.ordinality - 1, listed.c.value

    def scalar(self, value: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
        return _typed(value.op("#>>")(text("'{}'")), kind)

    def part(
        self, value: ColumnElement[Any], key: str | int, kind: TypeEngine[Any]
    ) -> ColumnElement[Any]:
        found = type_coerce(value, JSONB)[key]
        return found if isinstance(kind, JSON) else _typed(found.astext, kind)

    def prepare(self, connection: Connection) -> None:
        """Make the function that merges payloads."""
        body = connection.exec_driver_sql(
            "SELECT prosrc FROM pg_proc WHERE oid = to_regproc('satchel_merge')"
        ).scalar()
        if body != MERGE:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION satchel_merge(stored jsonb, sent jsonb) RETURNS jsonb "
                f"LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $${MERGE}$$"
            )

    def view_definitions(self, connection: Connection) -> dict[str, str]:
        """From the views' comments: PostgreSQL keeps queries in words of its own."""
        inspector = inspect(connection)
        found = {
            name: inspector.get_table_comment(name)["text"] for name in inspector.get_view_names()
        }
        return {name: comment for name, comment in found.items() if comment}

    def make_view(self, connection: Connection, name: str, query: str) -> None:
        comment = query.replace("'", "''")
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
        connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{comment}'")

    def opened(self) -> None:
        """A server notices itself when its files are removed."""

    def about_to_write(
        self, connection: Connection, table: Table, columns: Sequence[str], values: Row
    ) -> None:
        """What is erased needs no note: see :meth:`tidy`."""

    def erased(self, connection: Connection) -> None:
        """It needs no note: see :meth:`tidy`."""

    def committed(self) -> None:
        """What a server has committed is where it belongs."""

    def tidy(self) -> None:
        """Nothing: old versions of rows are the server's to remove, when nobody can see them."""

    def second_try(self, error: Exception, groups: Sequence[Group]) -> Sequence[Group] | None:
        state = _state(error)
        if state in AGAIN:
            return groups
        if state == TWICE:
            return [(table, columns, [row]) for table, columns, rows in groups for row in rows]
        if state.startswith(UNFIT):
            return [
                (table, columns, [_fitted(table, row) for row in rows])
                for table, columns, rows in groups
            ]
        return None

    def reason(self, error: BaseException) -> str:
        diagnosis = getattr(error, "diag", None)
        return super().reason(Exception(getattr(diagnosis, "message_primary", None) or error))

    def advice(self, error: BaseException) -> str:
        state, reason = _state(error), str(error)
        for start, advice in ADVICE_BY_STATE:
            if state.startswith(start):
                return advice
        for word, advice in ADVICE_BY_WORD:
            if not state and word in reason:
                return advice
        return "see to the database, then run the crawl again"


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def _state(error: BaseException) -> str:
    """The SQLSTATE of an error of the driver or of SQLAlchemy around it, or an empty string."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""


def _json(name: str) -> ColumnElement[Any]:
    return column(name, JSONB)


def _typed(words: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """A text as a value of a column's type."""
    return words if isinstance(kind, Text) else cast(words, kind)


def _fitted(table: Table, row: Row) -> Row:
    return {name: _fit(table.c[name], value) for name, value in row.items()}


def _fit(column: Column[Any], value: Any) -> Any:
    """The value, or ``None`` if the column cannot hold it."""
    kind = column.type.python_type
    if value is None or kind not in _FITTING:
        return value
    try:
        return _FITTING[kind](value)
    except (ValueError, TypeError, OverflowError):
        logger.warning("%s: a %s is stored as null", column, type(value).__name__)
        return None


def _whole(value: Any) -> int:
    number = int(value)
    if not INT64_MIN <= number <= INT64_MAX or (isinstance(value, float) and number != value):
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError
    return bool(value)


_FITTING: Final[dict[type, Callable[[Any], Any]]] = {
    int: _whole,
    float: float,
    bool: _flag,
    datetime: lambda value: datetime.fromisoformat(value).isoformat(),
}
