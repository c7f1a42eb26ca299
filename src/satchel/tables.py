"""Item classes → tables, views and statements, and items → rows.

A class with a key has a table; its columns are the documented names. A list is one column of
JSON, and a view makes rows of it, so that nobody has to parse JSON to query what the
documentation names: ``recnet_room_roles`` has a row for each role of each room.

``payload`` has what the server sent of the item itself and the documentation does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Executable,
    Float,
    FromClause,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.types import TypeEngine

from satchel.decode import INT64_MAX, INT64_MIN
from satchel.errors import DecodeError, PluginError
from satchel.items import FieldInfo, Item, Personal, cached, fields_of, type_name
from satchel.privacy import kept_of_minors

INT: Final = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; in SQLite as the row's own id."""

PAYLOAD: Final = "payload"
TIMES: Final = ("first_seen", "last_seen", "changed_at")

WITHHELD: Final = "withheld"
SHIELD: Final = "shield"
"""``Table.info``: of a type that may be about a minor, the mark's column and what stays anyway."""
"""In a column's ``info``: whether the privacy gate may null what an earlier crawl stored."""

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
            Table(type_name(cls), metadata, *_columns(cls), info={SHIELD: shield})
    return metadata


def _columns(cls: type[Item]) -> Iterator[Column[Any]]:
    for field in fields_of(cls):
        info = {WITHHELD: _is_withheld(cls, field)}
        is_key = field.name in cls.key
        yield Column(field.name, _column_type(field), primary_key=is_key, info=info)
    yield Column(PAYLOAD, JSON, info={WITHHELD: cls.minor is not None})
    for name in TIMES:
        yield Column(name, DateTime, nullable=False)


def _is_withheld(cls: type[Item], field: FieldInfo) -> bool:
    """Whether the privacy gate makes a null of the field, of minors or of all."""
    return field.personal is Personal.IDENTITY or bool(field.personal and cls.minor)


def _column_type(field: FieldInfo) -> TypeEngine[Any]:
    if field.many:
        return JSON()
    if field.item_type is not None:
        return _reference_type(field.item_type)
    scalars: dict[type, TypeEngine[Any]] = {
        bool: Boolean(),
        int: INT,
        float: Float(),
        str: Text(),
        datetime: DateTime(),
    }
    if field.type not in scalars:
        raise PluginError(f"{field.name}: a field of type {field.type} cannot be stored")
    return scalars[field.type]


def _reference_type(cls: type[Item]) -> TypeEngine[Any]:
    """The type of the column that holds a nested item's key, or a part as a whole."""
    if len(cls.key) != 1:
        return JSON()
    return next(_column_type(field) for field in fields_of(cls) if field.name in cls.key)


# Views.


def views(metadata: MetaData, items: Iterable[type[Item]]) -> dict[str, Select[Any]]:
    """The views over what is JSON in the tables: name → query (SQLite).

    Columns: ``owner_id`` (the owner's key; ``owner_<name>`` for each name of a key of several),
    ``position`` (from 0, in lists), then the part's documented names, the names of a key of
    several, or ``value`` where the members are plain or keys of one.
    """
    return {
        f"{type_name(cls)}_{field.name}": _view(metadata.tables[type_name(cls)], cls, field)
        for cls in items
        if cls.key
        for field in fields_of(cls)
        if field.many or (field.item_type and len(field.item_type.key) != 1)
    }


def _view(table: Table, cls: type[Item], field: FieldInfo) -> Select[Any]:
    column = table.c[field.name]
    owner = [
        table.c[name].label("owner_id" if len(cls.key) == 1 else f"owner_{name}")
        for name in cls.key
    ]
    if not field.many:
        return select(*owner, *_members(field, column)).where(column.is_not(None))
    listed = func.json_each(column).table_valued("key", "value", name="members")
    position = listed.c.key.label("position")
    return select(*owner, position, *_members(field, listed.c.value)).select_from(table, listed)


def _members(field: FieldInfo, value: ColumnElement[Any]) -> list[Any]:
    if field.item_type is None or len(field.item_type.key) == 1:
        return [value.label("value")]
    paths = {name: f"$[{position}]" for position, name in enumerate(field.item_type.key)}
    if not paths:
        paths = {part.name: f"$.{part.name}" for part in fields_of(field.item_type)}
    return [func.json_extract(value, path).label(name) for name, path in paths.items()]


# Statements. Rows come as one JSON parameter, ``rows``; all have the same columns.


@lru_cache(maxsize=512)
def upsert(table: Table, columns: tuple[str, ...]) -> Executable:
    """Insert or update rows that have these columns; ``now`` is the time."""
    source, new = _source(columns)
    now = bindparam("now", type_=DateTime())
    if PAYLOAD in columns:
        stored = table.alias("stored")
        source = source.outerjoin(stored, _same(stored, new))
        # A key that was sent as null, as the privacy gate makes what it withholds, is forgotten.
        merged = func.json_patch(func.coalesce(stored.c.payload, text("'{}'")), new[PAYLOAD])
        new[PAYLOAD] = func.nullif(merged, text("'{}'"))
    statement = insert(table).from_select(
        [*columns, *TIMES],
        # "WHERE true" keeps SQLite from reading ON CONFLICT as a join's ON.
        select(*new.values(), now, now, now).select_from(source).where(true()),
    )
    given = statement.excluded
    plain = [n for n in columns if not table.c[n].primary_key]
    update = {n: _shielded(table, n, columns, given[n]) for n in plain}
    changed = [table.c[n].is_distinct_from(update[n]) for n in update if n != PAYLOAD]
    if changed:
        update["changed_at"] = case((or_(*changed), given.changed_at), else_=table.c.changed_at)
    update["last_seen"] = given.last_seen
    key = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=key, set_=update)


def _shielded(table: Table, name: str, columns: tuple[str, ...], new: Any) -> Any:
    if table.info[SHIELD] is None:
        return new
    minor, kept = table.info[SHIELD]
    if minor in columns or name in kept:
        return new
    return case((table.c[minor], None), else_=new)


@lru_cache(maxsize=512)
def erases(table: Table, columns: tuple[str, ...]) -> Select[Any] | None:
    """Whether rows with these columns null what is stored and withheld now: 1, else nothing."""
    source, new = _source(columns)
    stored = table.alias("stored")
    nulled = [
        and_(new[name].is_(None), stored.c[name].is_not(None))
        for name in columns
        if table.c[name].info.get(WITHHELD)
    ]
    if not nulled:
        return None
    joined = source.join(stored, _same(stored, new))
    return select(literal(1)).select_from(joined).where(or_(*nulled)).limit(1)


def _source(columns: Iterable[str]) -> tuple[FromClause, dict[str, Any]]:
    """The rows of the parameter, and their values by column."""
    rows = func.json_each(bindparam("rows")).table_valued("value", name="rows")
    return rows, {name: func.json_extract(rows.c.value, f"$.{name}") for name in columns}


def _same(stored: FromClause, new: dict[str, Any]) -> ColumnElement[bool]:
    return and_(*(column == new[column.name] for column in stored.primary_key))


# Rows.


def rows(item: Item) -> list[tuple[str, Row]]:
    """The rows of an item and of the items that it nests, each once: (table, column → value).

    A row has the columns whose fields were sent; items that are nested are represented by their
    keys. What is nested and has no usable key is left out.

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
        row = _documented(item, found, seen)
        extra = None if item.data is None else item.decoder.extra(item.data)
        if _is_blanked(item, extra or {}):
            row[PAYLOAD] = None
        elif extra is not None:
            row[PAYLOAD] = extra
        found.append((type_name(type(item)), row))
    return key


def _key_of(item: Item) -> list[Any] | None:
    key = []
    for name, kind in _key_types(type(item)):
        value = getattr(item, name)
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            return None
        key.append(value)
    return key


def _is_blanked(item: Item, extra: Row) -> bool:
    """Whether the privacy gate let only a minor's id and links through.

    Then all of the stored payload is to go, also what an answer with other keys brought.
    """
    if item.minor is None or item._unsent or getattr(item, item.minor) is False:
        return False
    return all(value is None for value in extra.values())


def _documented(item: Item, found: list[tuple[str, Row]], seen: set[int]) -> Row:
    row: Row = {}
    unsent = item._unsent
    for name, is_nested in _plan(type(item)):
        value = getattr(item, name)
        if value is None:
            if name not in unsent:
                row[name] = None
        elif not is_nested:
            row[name] = value
        elif isinstance(value, list):
            references = (_reference(inner, found, seen) for inner in value)
            row[name] = [reference for reference in references if reference is not None]
        else:
            row[name] = _reference(value, found, seen)
    return row


def _reference(item: Item, found: list[tuple[str, Row]], seen: set[int]) -> Any:
    """What stands for a nested item in its owner's row: its key, or a part as a whole."""
    if not item.key:
        names = [name for name, _ in _plan(type(item))]
        row = _documented(item, found, seen)
        return {name: row.get(name) for name in names}
    key = _collect(item, found, seen)
    return key[0] if key is not None and len(key) == 1 else key


@cached
def _plan(cls: type[Item]) -> tuple[tuple[str, bool], ...]:
    return tuple((f.name, f.item_type is not None) for f in fields_of(cls))


@cached
def _key_types(cls: type[Item]) -> tuple[tuple[str, type], ...]:
    types = {f.name: f.type for f in fields_of(cls)}
    return tuple((name, types[name]) for name in cls.key)
