"""The kinds of database that the store writes to, each in a module of its own."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from satchel.databases.base import Database, shown
from satchel.databases.postgresql import Postgresql
from satchel.databases.sqlite import Sqlite
from satchel.errors import ConfigError

__all__ = ["Database", "database", "shown"]

EXAMPLES = "sqlite:///satchel.db or postgresql://user:password@host/database"


def database(url: str) -> Database:
    """The database of a URL; nothing is opened yet.

    :param url: such as ``sqlite:///satchel.db`` or ``postgresql://user@host/database``
    :raises ConfigError: it is no URL, or of a database that is not supported
    """
    parsed = _parse(url)
    for kind in (Sqlite, Postgresql):
        if parsed.drivername in kind.drivers:
            return kind(parsed)
    raise ConfigError(
        f"SATCHEL_STORE: {parsed.drivername} is not supported; write a URL such as {EXAMPLES}"
    )


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"SATCHEL_STORE: not a database URL; write one such as {EXAMPLES}"
        ) from None
