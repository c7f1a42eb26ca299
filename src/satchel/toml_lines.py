"""TOML files, and where in them something is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read(text: str, kind: type[T]) -> T:
    """What a TOML document says.

    :param kind: what it has to be
    :raises ValueError: it is no TOML, or something else; the text says the line
    """
    try:
        return msgspec.convert(loads(text), kind)
    except msgspec.ValidationError as error:
        said, _, _ = str(error).partition(" - at `$")
        raise ValueError(f"line {_line_of_error(text, str(error))}: {said}") from None


def loads(text: str) -> dict[str, Any]:
    """What a TOML document says, whatever that is.

    :raises ValueError: it is no TOML; the text says the line
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else len(text.splitlines())
        words = re.sub(r" \(at .*\)$", "", str(error))
        raise ValueError(f"line {line}: {words}") from None


def _line_of_error(text: str, error: str) -> int:
    """The line that a validation error is about: of its key, else of the table that lacks it."""
    place = re.search(r"at `\$(.*)`$", error)
    path: list[str | int] = [
        int(number) if number else key
        for key, number in re.findall(r"\.(\w+)|\[(\d+)\]", place[1] if place else "")
    ]
    if unknown := re.search(r"unknown field `(.+?)`", error):
        path.append(unknown[1])
    places = (path[:end] for end in range(len(path), 0, -1))
    return next(filter(None, (line_of(text, place) for place in places)), 1)


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line, from 1, where a key, a table or an entry of a list is written; ``None``: it is not.

    A parser that knows no lines is asked with the first lines of the file, more or fewer: what is
    there in the end has come with the line that made the difference.
    """
    lines = text.splitlines()
    if not _has(lines, path):
        return None
    absent, top = 0, len(lines)
    while absent + 1 < top:
        middle = end = (absent + top) // 2
        # In the middle of a value of several lines there is nothing to read.
        while end < top and (found := _has(lines[:end], path)) is None:
            end += 1
        if end < top and not found:
            absent = end
        else:
            top = middle
    return absent + 1


def _has(lines: Sequence[str], path: Sequence[str | int]) -> bool | None:
    """Whether these lines have something; ``None``: they are no TOML."""
    try:
        found: Any = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return None
    try:
        for key in path:
            found = found[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True
