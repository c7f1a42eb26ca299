"""Shapes of values that only Kemono has (reference section 16): each gives the Wire of a field."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from satchel.decode import Decoder, Wire, text
from satchel.kemono.values import AccountRole

_text: Final[Callable[[Any], str]] = text().convert


def _unpacked(value: Any) -> Any:
    """A value that may have been packed into a string, as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value) if value.strip() else None
    except RecursionError:
        raise ValueError("nested too deep") from None


def packed(decoder: Decoder[Any], key: str) -> Wire:
    """A nested item, also as a string; an empty object is none."""
    return Wire((key,), lambda value: decoder(value) if (value := _unpacked(value)) else None)


def packed_list(decoder: Decoder[Any], key: str) -> Wire:
    """A list of nested items, also as strings; empty objects are none of them."""

    def convert(value: Any) -> list[Any]:
        value = _unpacked(value)
        if not isinstance(value, list):
            raise TypeError("not a list")
        return [decoder(member) for packed in value if (member := _unpacked(packed))]

    return Wire((key,), convert)


def words(key: str) -> Wire:
    """A list of strings, also as PostgreSQL writes one: ``{a,"b c"}``."""

    def convert(value: Any) -> list[str]:
        if isinstance(value, str):
            return _postgresql_array(value)
        if not isinstance(value, list):
            raise TypeError("not a list")
        return [_text(word) for word in value if word is not None]

    return Wire((key,), convert)


_ELEMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}\\\s](?:[^",{}\\]|\\.)*)', re.DOTALL)


def _postgresql_array(value: str) -> list[str]:
    if not (value.startswith("{") and value.endswith("}")):
        raise ValueError("not an array")
    words: list[str] = []
    at, last = 1, len(value) - 1
    while last > 1:
        found = _ELEMENT.match(value, at, last)
        if found is None:
            raise ValueError("not an array")
        quoted, plain = found.groups()
        if quoted is not None or plain.upper() != "NULL":
            words.append(re.sub(r"\\(.)", r"\1", plain if quoted is None else quoted, flags=re.S))
        at = found.end() + 1
        if found.end() == last:
            break
        if value[found.end()] != ",":
            raise ValueError("not an array")
    return words


def as_text(key: str) -> Wire:
    """A value of any shape: a string as it is, else its JSON."""

    def convert(value: Any) -> str:
        if isinstance(value, str):
            return value
        try:
            return msgspec.json.encode(value).decode()
        except RecursionError:
            raise ValueError("nested too deep") from None

    return Wire((key,), convert)


_LOCATION: Final = re.compile(r"[/\\]|%2f|%5c", re.IGNORECASE)
_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.[0-9a-z]{1,16}$", re.IGNORECASE)


def file_name(*keys: str) -> Wire:
    """The name of a file. What has a slash is none: it says where the file is."""
    return Wire(keys, lambda value: None if _LOCATION.search(_text(value)) else value)


def file_address(*keys: str) -> Wire:
    """What stands in the place of the name, if it says where the file is."""
    return Wire(keys, lambda value: value if _LOCATION.search(_text(value)) else None)


def file_hash(*keys: str) -> Wire:
    """The hash in a path, or by itself."""

    def convert(value: Any) -> str | None:
        found = _HASH.search(_text(value))
        return found[0].lower() if found else None

    return Wire(keys, convert)


def file_extension(*keys: str) -> Wire:
    """What a name or a path ends in, with the dot."""

    def convert(value: Any) -> str | None:
        found = _EXTENSION.search(_text(value).partition("?")[0])
        return found[0] if found else None

    return Wire(keys, convert)


def role(key: str) -> Wire:
    """An account's role; one that is not documented is its word."""

    def convert(value: Any) -> str:
        word = _text(value).lower()
        return AccountRole(word) if word in tuple(AccountRole) else word

    return Wire((key,), convert)
