"""Where in a TOML file something is written."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line, from 1, where a key or table is written; ``None``: it is not.

    A parser that knows no lines is asked with the first lines of the file, one more each time: what
    is there in the end has come with the line that made the difference.
    """
    lines = text.splitlines()
    begin = 1
    for number in range(len(lines)):
        try:
            found: Any = tomllib.loads("\n".join(lines[: number + 1]))
        except tomllib.TOMLDecodeError:
            continue  # In the middle of a value of several lines.
        for key in path:
            found = found.get(key, _MISSING) if isinstance(found, dict) else _MISSING
        if found is not _MISSING:
            return begin
        begin = number + 2
    return None


_MISSING = object()
