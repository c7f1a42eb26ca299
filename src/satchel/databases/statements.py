"""Views and upserts, the same in all databases but for what :class:`Database` brings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Executable,
    MetaData,
    Select,
    Table,
    and_,
    bindparam,
    case,
    or_,
    select,
    true,
)

from satchel.databases.base import Database
from satchel.items import FieldInfo, Item, fields_of, type_name
from satchel.tables import BOOKKEEPING, INT, LAST_CRAWL, PAYLOAD, SHIELD, column_type


def views(
    database: Database, metadata: MetaData, items: Iterable[type[Item]]
) -> dict[str, Select[Any]]:
    """The views over what is JSON in the tables: name → query.

    Nobody has to parse JSON to query what the documentation names: ``recnet_room_roles`` has a row
    for each role of each room. Columns: ``owner_id`` (the owner's key; ``owner_<name>`` for each
    name of a key of several), ``position`` (from 0, in lists), then the part's documented names,
    the names of a key of several, or ``value`` where the members are plain or keys of one.
    """
    return {
        f"{type_name(cls)}_{field.name}": _view(database, metadata, cls, field)
        for cls in items
        if cls.key
        for field in fields_of(cls)
        if field.many or (field.item_type and len(field.item_type.key) != 1)
    }


def _view(database: Database, metadata: MetaData, cls: type[Item], field: FieldInfo) -> Select[Any]:
    table = metadata.tables[type_name(cls)]
    column = table.c[field.name]
    owner = [
        table.c[name].label("owner_id" if len(cls.key) == 1 else f"owner_{name}")
        for name in cls.key
    ]
    if not field.many:
        return select(*owner, *_parts(database, field, column)).where(column.is_not(None))
    listed, position, value = database.members(column)
    columns = [*owner, position.label("position"), *_parts(database, field, value)]
    return select(*columns).select_from(table, listed)


def _parts(database: Database, field: FieldInfo, value: ColumnElement[Any]) -> list[Any]:
    item = field.item_type
    if item is None or len(item.key) == 1:
        return [database.scalar(value, _member_type(field)).label("value")]
    kinds = {part.name: column_type(part) for part in fields_of(item)}
    keys: dict[str, str | int] = {name: position for position, name in enumerate(item.key)}
    return [
        database.part(value, key, kinds[name]).label(name)
        for name, key in (keys or {name: name for name in kinds}).items()
    ]


def _member_type(field: FieldInfo) -> Any:
    return column_type(replace(field, many=False))


def upsert(database: Database, table: Table, columns: tuple[str, ...]) -> Executable:
    """Insert or update rows that have these columns.

    Its parameters are ``rows``, one JSON text, ``now``, the time, and ``crawl``, the number of the
    crawl or ``None``. No key may occur twice.
    """
    source, new = database.source(table.c[name] for name in columns)
    now = bindparam("now", type_=DateTime())
    crawl = bindparam("crawl", type_=INT)
    if PAYLOAD in columns:
        stored = table.alias("stored")
        same = and_(*(column == new[column.name] for column in stored.primary_key))
        source = source.outerjoin(stored, same)
        # A key that was sent as null, as the privacy gate makes what it withholds, is forgotten.
        new[PAYLOAD] = database.merged(stored.c[PAYLOAD], new[PAYLOAD])
    statement = database.insert(table).from_select(
        [*columns, *BOOKKEEPING],
        # "WHERE true" keeps SQLite from reading ON CONFLICT as a join's ON.
        select(*new.values(), now, now, now, crawl).select_from(source).where(true()),
    )
    given = statement.excluded
    plain = [n for n in columns if not table.c[n].primary_key]
    update = {n: _shielded(table, n, columns, given[n]) for n in plain}
    changed = [table.c[n].is_distinct_from(update[n]) for n in update if n != PAYLOAD]
    if changed:
        update["changed_at"] = case((or_(*changed), given.changed_at), else_=table.c.changed_at)
    update["last_seen"] = given.last_seen
    update[LAST_CRAWL] = given[LAST_CRAWL]
    key = [column.name for column in table.primary_key]
    done: Executable = statement.on_conflict_do_update(index_elements=key, set_=update)
    return done


def _shielded(table: Table, name: str, columns: tuple[str, ...], new: Any) -> Any:
    if table.info[SHIELD] is None:
        return new
    minor, kept = table.info[SHIELD]
    if minor in columns or name in kept:
        return new
    return case((table.c[minor], None), else_=new)
