"""What a listing had when it was last crawled completely: what later crawls are compared with.

A listing is a spider with its arguments (the column ``listing`` of :mod:`satchel.history`). Its
base is in the store, in the table ``satchel_listing_item``: of each item the documented values, as
the privacy gate let them through. A crawl writes beside them what it finds otherwise (``next``) and
which it has seen; these become the base in the transaction that notes the crawl as complete, and
never else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, and_, case, delete, func, literal, select, true, tuple_, update

from satchel.bases import ITEM, LISTING, METADATA, Name, Values, Withheld, decoded, name_of, text_of
from satchel.databases import Database, schema
from satchel.databases.batches import encoded
from satchel.items import Item, key_of
from satchel.tables import INT, documented

if TYPE_CHECKING:
    from satchel.store import Store

BATCH_ITEMS: Final = 400
"""Items that are looked up at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """What comparing an item with the base shows.

    :ivar name: what it is called
    :ivar is_new: it is not in the base
    :ivar changes: documented field → its values before and now, as the store has them; only fields
        that were sent both times, and that nothing withholds
    :ivar is_more: the base lacks some of its fields, or has some that are withheld now
    :ivar is_stored: no crawl since has found it otherwise, whether it came to its end or not
    """

    name: Name
    is_new: bool
    changes: Mapping[str, tuple[Any, Any]]
    is_more: bool
    is_stored: bool

    def changes_but(self, ignored: Iterable[str]) -> dict[str, tuple[Any, Any]]:
        """:attr:`changes` without some fields, named ``field`` or ``type.field``."""
        out = set(ignored)
        return {
            field: values
            for field, values in self.changes.items()
            if field not in out and f"{self.name.type}.{field}" not in out
        }


class Baseline:
    """One crawl's view of its listing's base.

    :param store: where it is kept
    :param listing: the listing's number
    :param sees_all: whether the crawl, as far as it is, lacks nothing of its listing
    :ivar since: the last complete crawl of the listing; ``None``: there was none, so all is new
    """

    def __init__(
        self,
        store: Store,
        listing: int,
        since: int | None,
        *,
        namespaces: Iterable[str],
        sees_all: Callable[[], bool],
    ) -> None:
        self.since = since
        self._store = store
        self._listing = listing
        self._sees_all = sees_all
        self._namespaces = frozenset(namespaces)
        self._waiting: list[tuple[_Found, asyncio.Future[Look]]] = []
        self._writer: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        store: Store,
        name: str,
        privacy: str,
        *,
        namespaces: Iterable[str],
        sees_all: Callable[[], bool],
    ) -> Baseline:
        """The base of a listing.

        :param name: the listing
        :param privacy: what is withheld, in a word: what was kept under another one is forgotten
        :param namespaces: of the items that belong to listings
        :raises StoreError: the database failed
        """

        def work(database: Database, connection: Connection) -> tuple[int, int | None]:
            schema.make_tables(database, connection, METADATA)
            return _listing(database, connection, name, privacy)

        listing, since = await store.run(work)
        store.has_bases = True
        return cls(store, listing, since, namespaces=namespaces, sees_all=sees_all)

    @property
    def crawl(self) -> int:
        """The crawl that is compared: its ``id`` in the table ``satchel_crawl``."""
        assert self._store.crawl is not None
        return self._store.crawl

    @property
    def sees_all(self) -> bool:
        """Whether the crawl, as far as it is, lacks nothing of its listing: what it has not seen
        when it ends is gone."""
        return self._sees_all()

    async def look(self, items: Iterable[Any]) -> list[Look | None]:
        """Compare items with the base, and note that they were seen.

        :returns: for each what it shows; ``None`` for what belongs to no listing: an item of no
            service, or without a key
        :raises StoreError: the database failed
        """
        futures = [self._enqueue(item) for item in items]
        if self._waiting and self._writer is None:
            self._writer = asyncio.ensure_future(self._write())
        return [None if future is None else await future for future in futures]

    async def knows(self, items: Iterable[Any]) -> list[bool]:
        """For each of the items, whether it is in the base."""
        names = [name_of(item) if self._takes(item) else None for item in items]

        def work(database: Database, connection: Connection) -> set[Name]:
            stored = _stored(database, connection, self._listing, filter(None, names))
            return {name for name, row in stored.items() if row.value is not None}

        known = await self._store.run(work)
        return [name in known for name in names]

    async def gone(self) -> AsyncIterator[list[Name]]:
        """What is in the base and was not seen, in batches; of use when all has been seen."""
        last = Name("", "")
        while True:
            batch = await self._store.run(self._unseen(last))
            if not batch:
                return
            yield batch
            last = batch[-1]

    def settle(self, database: Database, connection: Connection) -> None:
        """Make the base of what this crawl, which is complete, has found."""
        own = ITEM.c.listing == self._listing
        mine = and_(own, ITEM.c.next_crawl == self.crawl)
        given = {"value": ITEM.c.next, "next": None, "next_crawl": None}
        connection.execute(update(ITEM).where(mine).values(given))
        if self.sees_all:
            connection.execute(delete(ITEM).where(own, ITEM.c.seen < self.crawl))
        done = update(LISTING).where(LISTING.c.id == self._listing)
        connection.execute(done.values(crawl=self.crawl))

    def _takes(self, item: Any) -> bool:
        return isinstance(item, Item) and item.namespace in self._namespaces

    def _enqueue(self, item: Any) -> asyncio.Future[Look] | None:
        if not self._takes(item) or key_of(item) is None:
            return None
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((_Found.of(item), future))
        return future

    async def _write(self) -> None:
        """Look up what waits; what comes meanwhile is the next batch."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_ITEMS], self._waiting[BATCH_ITEMS:]
                try:
                    looks = await self._store.run(self._compare([found for found, _ in batch]))
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for (_, future), look in zip(batch, looks, strict=True):
                        if not future.done():
                            future.set_result(look)
        finally:
            self._writer = None

    def _compare(self, batch: Sequence[_Found]) -> Callable[[Database, Connection], list[Look]]:
        def work(database: Database, connection: Connection) -> list[Look]:
            crawl = self.crawl
            names = [found.name for found in batch]
            stored = _stored(database, connection, self._listing, names)
            rows = {name: _Row(stored.get(name), crawl) for name in names}
            looks = [rows[found.name].look(found) for found in batch]
            _note(database, connection, self._listing, crawl, rows)
            return looks

        return work

    def _unseen(self, last: Name) -> Callable[[Database, Connection], list[Name]]:
        def work(database: Database, connection: Connection) -> list[Name]:
            found = connection.execute(
                select(ITEM.c.type, ITEM.c.key)
                .where(
                    ITEM.c.listing == self._listing,
                    ITEM.c.value.is_not(None),
                    ITEM.c.seen < self.crawl,
                    tuple_(ITEM.c.type, ITEM.c.key) > tuple_(literal(last.type), literal(last.key)),
                )
                .order_by(ITEM.c.type, ITEM.c.key)
                .limit(BATCH_ITEMS)
            )
            return [Name(*row) for row in found]

        return work


@dataclass(frozen=True, slots=True)
class _Found:
    """An item as it is compared.

    :ivar values: what was sent of it and is not withheld, as JSON has it
    """

    name: Name
    values: Values
    withheld: Withheld

    @classmethod
    def of(cls, item: Item) -> _Found:
        withheld = Withheld.of(item)
        values = msgspec.json.decode(encoded([documented(item)]))[0]
        return cls(withheld.name, withheld.taken_from(values), withheld)


@dataclass(slots=True)
class _Row:
    """A row of :data:`ITEM` while items are compared with it."""

    stored: Any
    crawl: int
    value: Values | None = field(init=False)
    next: Values | None = field(init=False, default=None)
    is_stored: bool = field(init=False)

    def __post_init__(self) -> None:
        row = self.stored
        self.value = decoded(row.value) if row is not None else None
        is_mine = row is not None and row.next_crawl == self.crawl
        self.next = decoded(row.next) if is_mine else None
        self.is_stored = row is None or row.next is None or is_mine

    def look(self, found: _Found) -> Look:
        """Compare an item with it, and take it in."""
        before = self.value
        if before is not None:
            self.value = found.withheld.taken_from(before)
        known = self.next if self.next is not None else self.value or {}
        now = {**found.withheld.taken_from(known), **found.values}
        if now != self.value or self.next is not None or not self.is_stored:
            self.next = now
        changes = {
            name: (old, now[name])
            for name, old in (self.value or {}).items()
            if name in now and now[name] != old
        }
        is_more = self.value != before or not now.keys() <= (self.value or {}).keys()
        return Look(found.name, self.value is None, changes, is_more, self.is_stored)


# SQL.


def _listing(
    database: Database, connection: Connection, name: str, privacy: str
) -> tuple[int, int | None]:
    """A listing's number, made if it has none, and its last complete crawl."""
    row = connection.execute(select(LISTING).where(LISTING.c.name == name)).one_or_none()
    if row is None:
        made = database.insert(LISTING).values(name=name, privacy=privacy)
        return connection.execute(made.returning(LISTING.c.id)).scalar_one(), None
    if row.privacy != privacy:
        connection.execute(delete(ITEM).where(ITEM.c.listing == row.id))
        anew = update(LISTING).where(LISTING.c.id == row.id).values(privacy=privacy, crawl=None)
        connection.execute(anew)
        database.erased(connection)
        return row.id, None
    return row.id, row.crawl


def _stored(
    database: Database, connection: Connection, listing: int, names: Iterable[Name]
) -> dict[Name, Any]:
    """The rows of these items."""
    source, wanted = database.source((ITEM.c.type, ITEM.c.key))
    same = and_(
        ITEM.c.listing == listing, ITEM.c.type == wanted["type"], ITEM.c.key == wanted["key"]
    )
    rows = [name._asdict() for name in dict.fromkeys(names)]
    found = connection.execute(
        select(ITEM).select_from(source.join(ITEM, same)), {"rows": encoded(rows)}
    )
    return {Name(row.type, row.key): row for row in found}


def _note(
    database: Database,
    connection: Connection,
    listing: int,
    crawl: int,
    rows: Mapping[Name, _Row],
) -> None:
    """Note that items were seen, and what was found otherwise."""
    source, new = database.source((ITEM.c.type, ITEM.c.key, ITEM.c.next))
    insert = database.insert(ITEM).from_select(
        ["listing", "seen", "next_crawl", *new],
        # "WHERE true" keeps SQLite from reading ON CONFLICT as a join's ON.
        select(literal(listing, INT), literal(crawl, INT), literal(crawl, INT), *new.values())
        .select_from(source)
        .where(true()),
    )
    given = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=["listing", "type", "key"],
        set_={
            "seen": case((ITEM.c.seen < given.seen, given.seen), else_=ITEM.c.seen),
            "next": func.coalesce(given.next, ITEM.c.next),
            "next_crawl": case((given.next.is_not(None), crawl), else_=ITEM.c.next_crawl),
        },
    )
    values = [{**name._asdict(), "next": text_of(row.next)} for name, row in rows.items()]
    connection.execute(upsert, {"rows": encoded(values)})
