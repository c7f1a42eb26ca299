"""What the store asks of a kind of database: everything in which they differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from sqlalchemy import Column, ColumnElement, Connection, Engine, FromClause, Table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.types import TypeEngine

from satchel.databases.batches import Group
from satchel.tables import Row


class Database(ABC):
    """One database, by its URL.

    A transaction of :attr:`engine` is the only one that writes until it ends: what it reads stays
    as it is, so a statement may merge what is stored with what was sent.

    :ivar name: the URL as it may be shown
    :ivar engine: for writing
    """

    drivers: ClassVar[frozenset[str]]
    """What its URLs begin with."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.name = shown(url)
        self.engine = self._engine()

    @abstractmethod
    def _engine(self) -> Engine:
        """:raises ConfigError: the URL is none of such a database, or its driver is missing"""

    @abstractmethod
    def reader(self) -> Engine:
        """An engine for reading only.

        :raises StoreError: there is nothing to read
        """

    @property
    def is_relative(self) -> bool:
        """Whether it is another one in each working directory."""
        return False

    @abstractmethod
    def make_durable(self) -> None:
        """Have what :attr:`engine` commits survive a power cut. Called before its first use."""

    @abstractmethod
    def alone(self, seconds: float) -> AbstractContextManager[bool]:
        """Whether no other process has this lock; none will while the context lasts.

        It is apart from the locks of writing, and ends with the process.

        :param seconds: how long to wait for another to give it up
        """

    # SQL.

    @abstractmethod
    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""

    @abstractmethod
    def source(self, columns: Iterable[Column[Any]]) -> tuple[FromClause, dict[str, Any]]:
        """The rows of the parameter ``rows``, one JSON text, and their values by column."""

    @abstractmethod
    def merged(self, stored: ColumnElement[Any], sent: ColumnElement[Any]) -> ColumnElement[Any]:
        """Two payloads as JSON Merge Patch (RFC 7396) makes one of them; an empty one is NULL."""

    @abstractmethod
    def members(
        self, column: ColumnElement[Any]
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
        """The members of a JSON list: where to select from, their position from 0, their value."""

    @abstractmethod
    def scalar(self, value: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
        """A member of a list that is no list or object itself."""

    @abstractmethod
    def part(
        self, value: ColumnElement[Any], key: str | int, kind: TypeEngine[Any]
    ) -> ColumnElement[Any]:
        """A member of a JSON object or list, by its name or position."""

    # The schema.

    @abstractmethod
    def prepare(self, connection: Connection) -> None:
        """Make what the statements need besides tables."""

    @abstractmethod
    def view_definitions(self, connection: Connection) -> dict[str, str]:
        """The views that are there, as they were given to :meth:`make_view`: name → query."""

    @abstractmethod
    def make_view(self, connection: Connection, name: str, query: str) -> None:
        """Make a view, or make it anew."""

    # The life of a store.

    @abstractmethod
    def opened(self) -> None:
        """The tables are there."""

    @abstractmethod
    def about_to_write(
        self, connection: Connection, table: Table, columns: Sequence[str], values: Row
    ) -> None:
        """Rows are about to be upserted in this transaction."""

    @abstractmethod
    def erased(self, connection: Connection) -> None:
        """Something that is withheld was taken out in this transaction."""

    @abstractmethod
    def committed(self) -> None:
        """A batch was committed.

        :raises StoreError: it was not written to where it is expected
        """

    @abstractmethod
    def tidy(self) -> None:
        """The last batch was committed."""

    # Errors.

    @abstractmethod
    def second_try(self, error: Exception, groups: Sequence[Group]) -> Sequence[Group] | None:
        """What to write instead, in a new transaction, after an error; ``None`` if nothing."""

    def reason(self, error: BaseException) -> str:
        """An error of the driver in one line, without values of rows."""
        return " ".join(str(error).split()) or type(error).__name__

    @abstractmethod
    def advice(self, error: BaseException) -> str:
        """What a person can do about an error of the driver."""


def shown(url: URL | str) -> str:
    """A URL as it may be printed: without a password, wherever it stands."""
    parsed = make_url(url)
    secret = [name for name in parsed.query if "password" in name.lower()]
    return parsed.difference_update_query(secret).render_as_string(hide_password=True)
