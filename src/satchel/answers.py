"""Whole answers, bytes in and values out: what the ``wire.py`` of all services share.

An empty body, ``null`` and ``{}`` are nothing. What is none of the expected forms raises
:class:`~satchel.errors.DecodeError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from satchel.decode import Decoder
from satchel.errors import DecodeError
from satchel.items import Item

T = TypeVar("T", bound=Item)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    :ivar items: the rows that are items, in the server's order
    :ivar errors: why the other rows are none
    :ivar total: how many rows there are on all pages, where the server says so
    """

    items: list[T]
    errors: list[DecodeError]
    total: int | None = None

    @property
    def rows(self) -> int:
        """How many rows the answer had; pages end with fewer than were asked for."""
        return len(self.items) + len(self.errors)


def page(
    decoder: Decoder[T], rows: list[Any], client: Any = None, *, total: int | None = None
) -> Page[T]:
    """The items of a list. A bad row harms no other."""
    made: Page[T] = Page([], [], total)
    for row in rows:
        try:
            made.items.append(decoder(row, client))
        except DecodeError as error:
            made.errors.append(error)
    return made


def parse(expected: str, body: bytes) -> Any:
    """The JSON value; ``None`` also for an empty body and an empty object.

    :param expected: what it should be, for the error
    """
    if not body or body.isspace():
        return None
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        if rb"\ud" not in body.lower():
            raise DecodeError(expected, "not JSON") from error
        value = _with_half_pairs(expected, body)
    return None if value == {} else value


def _with_half_pairs(expected: str, body: bytes) -> Any:
    """JSON with halves of surrogate pairs, which msgspec refuses: each becomes ``?``.

    One badly cut text would else cost a whole page.
    """
    try:
        return _encodable(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise DecodeError(expected, "not JSON") from error


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_encodable(member) for member in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(member) for key, member in value.items()}
    return value


def lowered(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its keys in lower case."""
    return {key.lower(): member for key, member in value.items()}


def member(expected: str, value: Any, key: str) -> Any:
    """What an object has under a key, in any case of it."""
    if not isinstance(value, dict):
        raise DecodeError(expected, f"got {type(value).__name__}")
    members = lowered(value)
    if key.lower() not in members:
        raise DecodeError(expected, f"no {key}")
    return members[key.lower()]


def rows(expected: str, value: Any) -> list[Any]:
    """A list, or nothing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DecodeError(expected, f"got {type(value).__name__}")
    return value


def each(expected: str, values: Any, convert: Callable[[Any], Value]) -> list[Value]:
    """The members of a list, converted."""
    return [converted(expected, convert, value) for value in rows(expected, values)]


def converted(expected: str, convert: Callable[[Any], Value], value: Any) -> Value:
    """A value, converted."""
    try:
        return convert(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(expected, f"unusable {type(value).__name__}") from error


def count(value: Any) -> int | None:
    """A number of things, if it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
