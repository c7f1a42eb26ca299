"""The crawls that wrote to a store: the table ``satchel_crawl``, a row for each.

A crawl has a row from its start. One that was killed never gets an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Float,
    FromClause,
    Integer,
    MetaData,
    Table,
    Text,
    select,
    update,
)

from satchel.databases import Database, schema
from satchel.databases.batches import encoded
from satchel.tables import AS_JSON, INT, MARKS
from satchel.verdict import STAT, missing

METADATA: Final = MetaData()

CRAWL: Final = Table(
    "satchel_crawl",
    METADATA,
    Column("id", INT, primary_key=True),
    Column("spider", Text, nullable=False),
    Column("arguments", AS_JSON),
    Column("listing", Text),
    Column("version", Text, nullable=False),
    Column("job", Text),
    Column("started", DateTime, nullable=False),
    Column("ended", DateTime),
    Column("finish_reason", Text),
    Column("verdict", Text),
    Column("items", AS_JSON),
    Column("errors", Integer),
    Column("waiting", Float),
    info={MARKS: ("spider", "started", "verdict")},
)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a crawl when it begins.

    :ivar spider: the spider's name
    :ivar arguments: its arguments as they were written, without passwords of addresses; ``None``:
        the spider declares none, so nobody knows
    :ivar listing: the spider and its arguments in one way of writing them: the same text, the same
        was asked for; ``None``: nobody knows
    :ivar version: satchel's
    :ivar job: the id that scrapyd gave it; ``None``: it did not start it
    :ivar started: when, in UTC without zone
    """

    spider: str
    arguments: Mapping[str, str] | None
    listing: str | None
    version: str
    job: str | None
    started: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What a crawl came to.

    :ivar ended: when, in UTC without zone
    :ivar finish_reason: Scrapy's
    :ivar verdict: satchel's (docs/errors.md)
    :ivar items: type → how many
    :ivar errors: what is missing of what was asked for, and what went wrong
    :ivar waiting: seconds that requests were held up, by quotas and by pauses
    """

    ended: datetime
    finish_reason: str
    verdict: str
    items: Mapping[str, int]
    errors: int
    waiting: float

    @classmethod
    def of(cls, stats: Mapping[str, Any], now: datetime) -> Ended:
        """From a crawl's final stats."""
        return cls(
            ended=now,
            finish_reason=stats.get("finish_reason", ""),
            verdict=stats.get(STAT, ""),
            items={
                name.removeprefix(_ITEMS): number
                for name, number in sorted(stats.items())
                if name.startswith(_ITEMS)
            },
            errors=sum(number for number, _ in missing(stats)),
            waiting=round(
                sum(
                    value
                    for name, value in stats.items()
                    if name.startswith("satchel/waited/") and name.endswith("_seconds")
                ),
                3,
            ),
        )


@dataclass(frozen=True, slots=True)
class Crawl:
    """A row: what of :class:`Begun` and :class:`Ended` tells how it went."""

    job: str
    spider: str
    started: datetime
    ended: datetime | None
    finish_reason: str | None
    verdict: str | None
    items: Mapping[str, int] | None
    errors: int | None
    waiting: float | None


_ITEMS: Final = "satchel/items/"


def make(database: Database, connection: Connection) -> None:
    """Make the table, or the columns that it lacks.

    :raises StoreError: there is a table of that name which is somebody else's
    """
    schema.make_tables(database, connection, METADATA)


def begin(database: Database, connection: Connection, crawl: Begun) -> int:
    """Add a crawl; its number."""
    source, new = _source(database, crawl)
    rows = select(*new.values()).select_from(source)
    insert = database.insert(CRAWL).from_select(list(new), rows).returning(CRAWL.c.id)
    number: int = connection.execute(insert, _parameters(crawl)).scalar_one()
    return number


def end(database: Database, connection: Connection, number: int, crawl: Ended) -> None:
    """Add what a crawl came to."""
    source, new = _source(database, crawl)
    values = {
        name: select(value).select_from(source).scalar_subquery() for name, value in new.items()
    }
    statement = update(CRAWL).values(values).where(CRAWL.c.id == number)
    connection.execute(statement, _parameters(crawl))


# Rows travel as JSON, as those of items do: what a database cannot hold is replaced on the way.


def _source(database: Database, row: Begun | Ended) -> tuple[FromClause, dict[str, Any]]:
    return database.source(CRAWL.c[field.name] for field in fields(row))


def of_jobs(connection: Connection, jobs: Iterable[str]) -> dict[str, Crawl]:
    """Job → its crawl, the last one of each, as far as there are any."""
    rows = connection.execute(
        select(*(CRAWL.c[field.name] for field in fields(Crawl)))
        .where(CRAWL.c.job.in_(list(jobs)))
        .order_by(CRAWL.c.id)
    )
    return {row.job: Crawl(**row._mapping) for row in rows}


def _parameters(row: Begun | Ended) -> dict[str, str]:
    values = asdict(row)
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.isoformat(" ", "microseconds")
    return {"rows": encoded([values])}
