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
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    literal,
    select,
    true,
    tuple_,
    update,
)

from satchel.databases import Database, schema
from satchel.databases.batches import encoded
from satchel.items import Item, key_of, nested_fields, type_name
from satchel.store import Store
from satchel.tables import INT, MARKS, documented

BATCH_ITEMS: Final = 400
"""Items that are looked up at once."""

METADATA: Final = MetaData()

LISTING: Final = Table(
    "satchel_listing",
    METADATA,
    Column("id", INT, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("privacy", Text, nullable=False),
    Column("crawl", INT),
    info={MARKS: ("name", "privacy", "crawl")},
)
"""``crawl``: the last complete one; NULL: there is no base yet."""

ITEM: Final = Table(
    "satchel_listing_item",
    METADATA,
    Column("listing", INT, primary_key=True, autoincrement=False),
    Column("type", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text),
    Column("seen", INT, nullable=False),
    Column("next", Text),
    Column("next_crawl", INT),
    info={MARKS: ("listing", "seen", "next")},
)
"""``value``: NULL: the item is not in the base. ``seen``: the last crawl that saw it. ``next``:
what the crawl ``next_crawl`` found in place of ``value``."""

Values = dict[str, Any]


class Name(NamedTuple):
    """What an item is called.

    :ivar type: its type's name: ``recnet_room``
    :ivar key: its key; the parts of one of several by ``/``
    """

    type: str
    key: str


@dataclass(frozen=True, slots=True)
class Look:
    """What comparing an item with the base shows.

    :ivar name: what it is called
    :ivar is_new: it is not in the base
    :ivar changes: documented field → its values before and now, as the store has them; only fields
        that were sent both times, and that nothing withholds
    :ivar is_stored: no crawl since has found it otherwise, whether it came to its end or not
    """

    name: Name
    is_new: bool
    changes: Mapping[str, tuple[Any, Any]]
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
        names = [_name(item) if self._takes(item) else None for item in items]

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
            _forget(database, connection, [found for found in batch if found.withholds])
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
    :ivar withheld: the fields that are withheld
    :ivar withheld_parts: the same, of the parts without a key in it
    """

    name: Name
    values: Values
    withheld: frozenset[str]
    withheld_parts: frozenset[str]

    @property
    def withholds(self) -> bool:
        """Whether anything is withheld."""
        return bool(self.withheld or self.withheld_parts)

    def stripped(self, text: str | None) -> str | None:
        """A stored value without what is withheld."""
        values = _read(text)
        return _write(values and _without(values, self.withheld, self.withheld_parts))

    @classmethod
    def of(cls, item: Item) -> _Found:
        withheld = item._admitted or frozenset()
        parts = _withheld_parts(item)
        values = msgspec.json.decode(encoded([documented(item)]))[0]
        return cls(_name(item), _without(values, withheld, parts), withheld, parts)


@dataclass(slots=True)
class _Row:
    """A row of :data:`ITEM` while items are compared with it.

    :ivar forgets: its value has something that is withheld now
    """

    stored: Any
    crawl: int
    value: Values | None = field(init=False)
    next: Values | None = field(init=False, default=None)
    is_stored: bool = field(init=False)
    forgets: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        row = self.stored
        self.value = _read(row.value) if row is not None else None
        is_mine = row is not None and row.next_crawl == self.crawl
        self.next = _read(row.next) if is_mine else None
        self.is_stored = row is None or row.next is None or is_mine

    def look(self, found: _Found) -> Look:
        """Compare an item with it, and take it in."""
        before = self.value
        if before is not None:
            self.value = _without(before, found.withheld, found.withheld_parts)
            self.forgets |= self.value != before
        known = self.next if self.next is not None else self.value or {}
        known = _without(known, found.withheld, found.withheld_parts)
        now = {**known, **found.values}
        if now != self.value or self.next is not None or not self.is_stored:
            self.next = now
        changes = {
            name: (old, now[name])
            for name, old in (self.value or {}).items()
            if name in now and now[name] != old
        }
        return Look(found.name, self.value is None, changes, self.is_stored)


def _name(item: Item) -> Name:
    parts = (quote(str(part), safe=" :~@") for part in key_of(item) or ())
    return Name(type_name(type(item)), "/".join(parts))


def _read(text: str | None) -> Values | None:
    return None if text is None else msgspec.json.decode(text)


def _write(values: Values | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()


def _withheld_parts(item: Item) -> frozenset[str]:
    """The fields that are withheld of the parts, without a key, that an item nests."""
    names: set[str] = set()
    for name in nested_fields(type(item)):
        value = getattr(item, name)
        for part in value if isinstance(value, list) else [value]:
            if part is not None and not part.key:
                names |= (part._admitted or frozenset()) | _withheld_parts(part)
    return frozenset(names)


def _without(values: Values, names: frozenset[str], parts: frozenset[str]) -> Values:
    kept = {name: value for name, value in values.items() if name not in names}
    return {name: _bare(value, parts) for name, value in kept.items()} if parts else kept


def _bare(value: Any, names: frozenset[str]) -> Any:
    """A field's value without these members of the parts in it."""
    if isinstance(value, list):
        return [_bare(member, names) for member in value]
    if isinstance(value, dict):
        return {name: _bare(inner, names) for name, inner in value.items() if name not in names}
    return value


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


def _forget(database: Database, connection: Connection, batch: Sequence[_Found]) -> None:
    """Take what is withheld of items out of what all listings have of them."""
    if not batch:
        return
    source, wanted = database.source((ITEM.c.type, ITEM.c.key))
    same = and_(
        ITEM.c.listing == LISTING.c.id, ITEM.c.type == wanted["type"], ITEM.c.key == wanted["key"]
    )
    by_name = {found.name: found for found in batch}
    stored = connection.execute(
        # By each listing's number, so that the primary key finds the rows.
        select(ITEM).select_from(source.join(LISTING, true()).join(ITEM, same)),
        {"rows": encoded([name._asdict() for name in by_name])},
    ).all()
    erased = False
    for row in stored:
        found = by_name[Name(row.type, row.key)]
        kept = {"value": found.stripped(row.value), "next": found.stripped(row.next)}
        if kept != {"value": row.value, "next": row.next}:
            own = (ITEM.c.listing == row.listing, ITEM.c.type == row.type, ITEM.c.key == row.key)
            connection.execute(update(ITEM).where(*own).values(kept))
            erased = True
    if erased:
        database.erased(connection)


def _note(
    database: Database,
    connection: Connection,
    listing: int,
    crawl: int,
    rows: Mapping[Name, _Row],
) -> None:
    """Note that items were seen, what was found otherwise, and forget what is withheld."""
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
    values = [{**name._asdict(), "next": _write(row.next)} for name, row in rows.items()]
    connection.execute(upsert, {"rows": encoded(values)})
    forgotten = {name: row for name, row in rows.items() if row.forgets}
    for name, row in forgotten.items():
        connection.execute(
            update(ITEM)
            .where(ITEM.c.listing == listing, ITEM.c.type == name.type, ITEM.c.key == name.key)
            .values(value=_write(row.value))
        )
    if forgotten:
        database.erased(connection)
