"""The tables of bases: what listings had when they were last crawled completely.

What the gate withholds of an item now is taken out of all of them in the transaction that stores
the item, by crawls that compare nothing, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    inspect,
    select,
    true,
    update,
)

from satchel.databases import Database
from satchel.databases.batches import encoded
from satchel.items import Item, key_of, nested_fields, type_name
from satchel.tables import INT, MARKS

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
"""Documented field → its value, as JSON has it."""


class Name(NamedTuple):
    """What an item is called.

    :ivar type: its type's name: ``recnet_room``
    :ivar key: its key; the parts of one of several by ``/``
    """

    type: str
    key: str


class Withheld(NamedTuple):
    """What the gate withholds of an item.

    :ivar fields: of the item itself
    :ivar parts: the same, of the parts without a key in it
    """

    name: Name
    fields: frozenset[str]
    parts: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.fields or self.parts)

    def taken_from(self, values: Values) -> Values:
        """The values without it."""
        kept = {name: value for name, value in values.items() if name not in self.fields}
        if not self.parts:
            return kept
        return {name: _bare(value, self.parts) for name, value in kept.items()}

    def and_of(self, other: Withheld) -> Withheld:
        """What is withheld of either of two answers about one item."""
        return Withheld(self.name, self.fields | other.fields, self.parts | other.parts)

    @classmethod
    def of(cls, item: Item) -> Withheld:
        return cls(name_of(item), item._admitted or frozenset(), _withheld_parts(item))


def withheld_of(item: Item) -> Iterator[Withheld]:
    """What is withheld of an item and of those that it nests, if anything is."""
    waiting, seen = [item], set[int]()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if key_of(current) is not None and (withheld := Withheld.of(current)):
            yield withheld
        for name in nested_fields(type(current)):
            value = getattr(current, name)
            members = value if isinstance(value, list) else [value]
            waiting += [member for member in members if isinstance(member, Item)]


def name_of(item: Item) -> Name:
    """What an item is called."""
    parts = (quote(str(part), safe=" :~@") for part in key_of(item) or ())
    return Name(type_name(type(item)), "/".join(parts))


def decoded(text: str | None) -> Values | None:
    """Values as a row has them."""
    return None if text is None else msgspec.json.decode(text)


def text_of(values: Values | None) -> str | None:
    """Values as a row has them."""
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


def _bare(value: Any, names: frozenset[str]) -> Any:
    """A field's value without these members of the parts in it."""
    if isinstance(value, list):
        return [_bare(member, names) for member in value]
    if isinstance(value, dict):
        return {name: _bare(inner, names) for name, inner in value.items() if name not in names}
    return value


def are_there(connection: Connection) -> bool:
    """Whether the database has bases."""
    return inspect(connection).has_table(ITEM.name)


def forget(database: Database, connection: Connection, withheld: Iterable[Withheld]) -> None:
    """Take what is withheld of items out of what all listings have of them."""
    source, wanted = database.source((ITEM.c.type, ITEM.c.key))
    same = and_(
        ITEM.c.listing == LISTING.c.id, ITEM.c.type == wanted["type"], ITEM.c.key == wanted["key"]
    )
    by_name: dict[Name, Withheld] = {}
    for one in withheld:
        by_name[one.name] = one.and_of(by_name.get(one.name, one))
    rows = connection.execute(
        # By each listing's number, so that the primary key finds the rows.
        select(ITEM).select_from(source.join(LISTING, true()).join(ITEM, same)),
        {"rows": encoded([name._asdict() for name in by_name])},
    ).all()
    erased = False
    for row in rows:
        one = by_name[Name(row.type, row.key)]
        stored = {"value": decoded(row.value), "next": decoded(row.next)}
        kept = {name: values and one.taken_from(values) for name, values in stored.items()}
        if kept != stored:
            own = (ITEM.c.listing == row.listing, ITEM.c.type == row.type, ITEM.c.key == row.key)
            texts = {name: text_of(values) for name, values in kept.items()}
            connection.execute(update(ITEM).where(*own).values(texts))
            erased = True
    if erased:
        database.erased(connection)
