"""Item classes → tables, and items → rows.

A class with a key has a table; its columns are the documented names. A list is one column of
JSON; :mod:`satchel.databases.views` makes rows of it.

``payload`` has what the server sent of the item itself and the documentation does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from satchel.decode import INT64_MAX, INT64_MIN
from satchel.errors import DecodeError, PluginError
from satchel.items import FieldInfo, Item, Personal, cached, fields_of, type_name
from satchel.privacy import kept_of_minors

INT: Final = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; in SQLite as the row's own id."""

AS_JSON: Final = JSON().with_variant(JSONB(), "postgresql")
"""Lists, parts and payloads: text in SQLite, ``jsonb`` in PostgreSQL."""

PAYLOAD: Final = "payload"
TIMES: Final = ("first_seen", "last_seen", "changed_at")

LAST_CRAWL: Final = "last_crawl"
"""The crawl that wrote the row last: an ``id`` of :mod:`satchel.history`."""

BOOKKEEPING: Final = (*TIMES, LAST_CRAWL)
"""The columns that are about the row, not about the item."""

WITHHELD: Final = "withheld"
"""In a column's ``info``: whether the privacy gate may null what an earlier crawl stored."""

WITHHELD_PARTS: Final = "withheld_parts"
"""In a column's ``info``: what it may null of the parts in the column, by their names in JSON."""

MARKS: Final = "marks"
"""``Table.info``: the columns by which a table is known to be satchel's."""

SHIELD: Final = "shield"
"""``Table.info``: of a type that may be about a minor, the mark's column and what stays anyway."""

Row = dict[str, Any]


def build(items: Iterable[type[Item]], *, shield_minors: bool = True) -> MetaData:
    """The tables of item classes; a class without a key exists only in its owner's table.

    :param shield_minors: an answer that does not say who is a minor fills in nothing about one
        whose row says so
    """
    metadata = MetaData()
    for cls in items:
        if cls.key:
            shield = (cls.minor, kept_of_minors(cls)) if shield_minors and cls.minor else None
            Table(type_name(cls), metadata, *_columns(cls), info={MARKS: TIMES, SHIELD: shield})
    return metadata


def _columns(cls: type[Item]) -> Iterator[Column[Any]]:
    for field in fields_of(cls):
        info = {WITHHELD: _is_withheld(cls, field), WITHHELD_PARTS: _withheld_parts(field, set())}
        is_key = field.name in cls.key
        yield Column(
            field.name, column_type(field), primary_key=is_key, autoincrement=False, info=info
        )
    yield Column(PAYLOAD, AS_JSON, info={WITHHELD: cls.minor is not None or cls.guarded})
    for name in TIMES:
        yield Column(name, DateTime, nullable=False)
    yield Column(LAST_CRAWL, INT)


def _is_withheld(cls: type[Item], field: FieldInfo) -> bool:
    """Whether the privacy gate makes a null of the field, of minors or of all."""
    everybodys = field.personal in (Personal.IDENTITY, Personal.BYSTANDER)
    return everybodys or field.content or bool(field.personal and cls.minor)


def _withheld_parts(field: FieldInfo, above: set[type[Item]]) -> frozenset[str]:
    cls = field.item_type
    if cls is None or cls.key or cls in above:
        return frozenset()
    names = {part.name for part in fields_of(cls) if _is_withheld(cls, part)}
    inner = (_withheld_parts(part, {*above, cls}) for part in fields_of(cls))
    return frozenset(names).union(*inner)


def column_type(field: FieldInfo) -> TypeEngine[Any]:
    """The type of a field's column.

    :raises PluginError: the field's own type cannot be stored
    """
    if field.many:
        return AS_JSON
    if field.item_type is not None:
        return _reference_type(field.item_type)
    scalars: dict[type, TypeEngine[Any]] = {
        bool: Boolean(),
        int: INT,
        float: Float(),
        str: Text(),
        datetime: DateTime(),
    }
    for base in field.type.__mro__:
        if base in scalars:
            return scalars[base]
    raise PluginError(f"{field.name}: a field of type {field.type} cannot be stored")


def _reference_type(cls: type[Item]) -> TypeEngine[Any]:
    """The type of the column that holds a nested item's key, or a part as a whole."""
    if len(cls.key) != 1:
        return AS_JSON
    return next(column_type(field) for field in fields_of(cls) if field.name in cls.key)


# Rows.


def rows(item: Item) -> list[tuple[str, Row]]:
    """The rows of an item and of the items that it nests, each once: (table, column → value).

    A row has the columns whose fields were sent; items that are nested are represented by their
    keys, and have no rows here if they come by themselves. What is nested and has no usable key is
    left out.

    :raises DecodeError: the item itself has no usable key
    """
    found: list[tuple[str, Row]] = []
    if _collect(item, found, set()) is None:
        raise DecodeError(type(item).__name__, f"no usable {' and '.join(item.key)}")
    return found


def _collect(item: Item, found: list[tuple[str, Row]], seen: set[int]) -> list[Any] | None:
    """Add the rows of an item, unless they are there, and return its key."""
    key = _key_of(item)
    if key is not None and id(item) not in seen:
        seen.add(id(item))
        row = documented(item, found, seen)
        if item._bare:
            row[PAYLOAD] = None
        elif item.data is not None and (extra := item.decoder.extra(item.data)) is not None:
            row[PAYLOAD] = extra
        found.append((type_name(type(item)), row))
    return key


def _key_of(item: Item) -> list[Any] | None:
    key = []
    for name, kind in _key_types(type(item)):
        value = getattr(item, name)
        if type(value) is not kind and (not isinstance(value, kind) or isinstance(value, bool)):
            return None
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            return None
        key.append(value)
    return key


def documented(
    item: Item, found: list[tuple[str, Row]] | None = None, seen: set[int] | None = None
) -> Row:
    """The columns of an item that the documentation names and whose fields were sent.

    :param found: gets the rows of the items that it nests
    :param seen: the items whose rows are there
    """
    found, seen = [] if found is None else found, set() if seen is None else seen
    row: Row = {}
    unsent = item._unsent
    for name, is_nested in _plan(type(item)):
        value = getattr(item, name)
        if value is None:
            if name not in unsent:
                row[name] = None
        elif isinstance(value, datetime):
            row[name] = _utc(value)
        elif not is_nested:
            row[name] = value
        elif isinstance(value, list):
            references = (_reference(inner, found, seen) for inner in value)
            row[name] = [reference for reference in references if reference is not None]
        else:
            row[name] = _reference(value, found, seen)
    return row


def _utc(value: datetime) -> str:
    """A point in time as both databases write it: in UTC, or as it is if it has no offset."""
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(" ", "microseconds")


def _reference(item: Item, found: list[tuple[str, Row]], seen: set[int]) -> Any:
    """What stands for a nested item in its owner's row: its key, or a part as a whole."""
    if not item.key:
        names = [name for name, _ in _plan(type(item))]
        row = documented(item, found, seen)
        return {name: row.get(name) for name in names}
    key = _key_of(item) if item._apart else _collect(item, found, seen)
    return key[0] if key is not None and len(key) == 1 else key


@cached
def _plan(cls: type[Item]) -> tuple[tuple[str, bool], ...]:
    return tuple((f.name, f.item_type is not None) for f in fields_of(cls))


@cached
def _key_types(cls: type[Item]) -> tuple[tuple[str, type], ...]:
    types = {f.name: f.type for f in fields_of(cls)}
    return tuple((name, types[name]) for name in cls.key)
