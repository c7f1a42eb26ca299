"""The rows of a batch → what one statement each can write, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import MetaData, Table

from satchel.tables import PAYLOAD, SHIELD, Row

MAX_DEPTH: Final = 200
"""How deep a payload may nest, if it is one that JSON or a database cannot take as it is."""

TableRow = tuple[str, Row]

Group = tuple[Table, tuple[str, ...], list[Row]]
"""Rows of one table that have the same columns, and different keys: (table, columns, rows)."""


def grouped(metadata: MetaData, rows: Iterable[TableRow]) -> Iterator[Group]:
    """Rows of one table and the same columns together, in their order."""
    for merged in _merged(metadata, rows):
        groups: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
        for (table, _), row in merged.items():
            groups.setdefault((table, tuple(row)), []).append(row)
        for (table, columns), group in groups.items():
            yield metadata.tables[table], columns, group


def _merged(metadata: MetaData, rows: Iterable[TableRow]) -> list[dict[tuple[str, Any], Row]]:
    """Rows of one key made one; those that only the database can merge get turns of their own.

    It merges payloads, and it knows who is a minor.
    """
    keys = {name: [c.name for c in table.primary_key] for name, table in metadata.tables.items()}
    turns: list[dict[tuple[str, Any], Row]] = [{}]
    for table, row in rows:
        key = (table, tuple([row[name] for name in keys[table]]))
        known = turns[-1].get(key)
        if known is None:
            turns[-1][key] = row
        elif metadata.tables[table].info[SHIELD] or (
            PAYLOAD in known and PAYLOAD in row and known[PAYLOAD] != row[PAYLOAD]
        ):
            turns.append({key: row})
        else:
            turns[-1][key] = {**known, **row}
    return turns


def encoded(rows: list[Row]) -> str:
    """Rows as one JSON text; what JSON or a database cannot hold in it is replaced."""
    try:
        body = msgspec.json.encode(rows)
    except (ValueError, TypeError, RecursionError):
        body = b""
    if not body or b"\\u0000" in body:  # SQLite cuts a text there; PostgreSQL refuses it
        body = msgspec.json.encode(_plain(rows))
    return body.decode()


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """A text without what a database cannot hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def _plain(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member, depth + 1) for member in value]
    return storable(str(value))
