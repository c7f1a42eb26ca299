"""What the stores have of the jobs: a row of the table ``satchel_crawl`` for each."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from satchel import history
from satchel.databases import database
from satchel.errors import ConfigError, StoreError


def refuse_relative(store: str) -> None:
    """Refuse a store that is another one where the crawls run.

    :raises ConfigError: it is one
    """
    if store and (found := database(store)).is_relative:
        raise ConfigError(
            f"{found.name}: scrapyd's crawls run in a folder of their own: write the whole path in "
            "SATCHEL_STORE, such as sqlite:////var/lib/scrapyd/satchel.db"
        )


def of_jobs(store: str, jobs: Iterable[str]) -> dict[str, history.Crawl]:
    """Job → its crawl, of those that have one.

    :param store: the URL of the database
    :raises SatchelError: it cannot be read
    """
    found = database(store)
    try:
        engine = found.reader()
    except StoreError:  # No crawl has stored anything yet.
        return {}
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(history.CRAWL.name):
                return {}
            return history.of_jobs(connection, jobs)
    except DBAPIError as error:
        cause = error.orig or error
        raise StoreError(f"{found.name}: {found.reason(cause)}; {found.advice(cause)}") from None
    finally:
        engine.dispose()
