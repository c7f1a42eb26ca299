"""Spider arguments: declared, checked before the first request, listed by ``satchel spiders``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from satchel.errors import ArgumentError, did_you_mean


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, ``-a name=value``.

    :ivar name: its word
    :ivar value: what to write behind ``=``, for the help
    :ivar help: what it does
    :ivar parse: text → value; raises ``ValueError("expected …")``
    """

    name: str
    value: str
    help: str
    parse: Callable[[str], Any]


def read(spider: str, arguments: Iterable[Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the arguments that were given.

    Names that begin with ``_`` belong to scrapyd and are passed over.

    :raises ArgumentError: a name is unknown, or a value cannot be used
    """
    known = {argument.name: argument for argument in arguments}
    values = {}
    for name, text in given.items():
        if name.startswith("_"):
            continue
        if name not in known:
            raise ArgumentError(
                f"{spider}: no argument {name}{did_you_mean(name, known)} "
                f"('satchel spiders {spider}' lists all)"
            )
        try:
            values[name] = known[name].parse(str(text))
        except ValueError as error:
            raise ArgumentError(f"{spider}: {name}={_shown(str(text))}: {error}") from None
    return values


def canonical(spider: str, given: Mapping[str, Any]) -> str:
    """A spider and the values of its arguments in one line: the same, the same was asked for.

    Lists are in order, long ones by a digest; ``@file`` counts as what was in the file.
    """
    return " ".join([spider, *(f"{name}={_canonical(given[name])}" for name in sorted(given))])


def _canonical(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, Mapping):
        text = "/".join(map(_canonical, value.values()))
    elif isinstance(value, bool):
        text = str(int(value))
    else:
        members = map(_canonical, value) if isinstance(value, list) else str(value).split(",")
        text = ",".join(sorted(members))
    if len(text) <= _LONG:
        return text
    return f"#{blake2b(text.encode(errors='surrogatepass'), digest_size=16).hexdigest()}"


_LONG: Final = 200


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"


def words(text: str) -> list[str]:
    """Words by comma, or one or several on each line of ``@file``; each once."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8-sig").replace("\n", ",")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            raise ValueError(f"cannot read the file: {reason}") from None
    found = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise ValueError("expected at least one")
    return found


def numbers(text: str) -> list[int]:
    """Ids by comma, or in ``@file``; each once."""
    ids = []
    for word in words(text):
        if not _is_number(word, 2**63):
            raise ValueError(
                f"expected whole numbers, by comma or as @file; {_shown(word)} is none"
            )
        ids.append(int(word))
    return list(dict.fromkeys(ids))


def _is_number(text: str, below: int) -> bool:
    # int() refuses very long texts with words of its own.
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) < below


def phrase(text: str) -> str:
    """Words to search for."""
    if not text.strip():
        raise ValueError("expected something to search for")
    return text.strip()


def switch(text: str) -> bool:
    """1 or 0."""
    if text not in ("0", "1"):
        raise ValueError("expected 1 or 0")
    return text == "1"


def at_least(least: int) -> Callable[[str], int]:
    """A whole number, not below *least*."""

    def parse(text: str) -> int:
        if not (_is_number(text, 2**31) and int(text) >= least):
            raise ValueError(f"expected a whole number, at least {least}")
        return int(text)

    return parse
