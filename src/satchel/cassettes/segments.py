"""A cassette's files: a folder of segments, each a betamax cassette by itself.

A segment is ``NNNN-WRITER`` with its serializer's ending: its number puts it in order, its writer
tells it from that of a crawl that records at the same time. It is written whole under another name
and then renamed, so that a crawl that is killed leaves only segments that can be read.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from satchel.cassettes.exchange import Exchange, from_interaction, to_interaction
from satchel.cassettes.serializers import Serializer, serializer_of
from satchel.errors import CassetteError

SEGMENT_BYTES: Final = 2**20
"""Bytes of bodies after which a new segment is begun: so much is rewritten, and read, at once."""

_SEGMENT: Final = re.compile(r"(\d+)-[0-9a-z]+\.")


class Damaged(CassetteError):
    """A segment cannot be read."""


def segments(path: Path) -> list[Path]:
    """The files of a cassette, in order: the segments of a folder, or the one file that it is."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        return []
    files = (file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    return sorted((file for file in files if "." in file.name), key=_order)


def _order(file: Path) -> tuple[int, str]:
    found = _SEGMENT.match(file.name)
    return (int(found[1]) if found else 0), file.name


def is_segment(file: Path) -> bool:
    """Whether a file is named as a :class:`Writer` names its own."""
    return _SEGMENT.match(file.name) is not None


def read(file: Path, preferred: Serializer) -> list[Exchange]:
    """The exchanges of a segment.

    :raises Damaged: it, or one of them, cannot be read
    """
    found = read_each(file, preferred)
    for one in found:
        if isinstance(one, CassetteError):
            raise Damaged(f"{file}: {one}")
    return [one for one in found if isinstance(one, Exchange)]


def read_each(file: Path, preferred: Serializer) -> list[Exchange | CassetteError]:
    """The exchanges of a segment; of those that cannot be read, why.

    :raises Damaged: it cannot be read itself
    """
    try:
        # As betamax does: line ends of bodies are escaped, those of the file do not matter.
        text = file.read_text(encoding="utf-8")
        cassette = serializer_of(file.name, preferred).deserialize(text)
        found = cassette.get("http_interactions") if isinstance(cassette, dict) else None
        if not isinstance(found, list):
            raise Damaged(f"{file}: no list of exchanges")
        return [_exchange(one, number) for number, one in enumerate(found, 1)]
    except Damaged:
        raise
    except OSError as error:
        raise Damaged(f"{file}: {error.strerror}") from None
    except Exception as error:  # a serializer may be anybody's
        words = " ".join(str(error).split()) or type(error).__name__
        raise Damaged(f"{file}: {words[:200]}") from None


def _exchange(interaction: Any, number: int) -> Exchange | CassetteError:
    try:
        return from_interaction(interaction)
    except CassetteError as error:
        return CassetteError(f"exchange {number}: {error}")


class Writer:
    """Writes the segments of one crawl.

    :param folder: the cassette; it is made when there is something to write
    :ivar finished: the segments that nothing is added to any more
    """

    def __init__(self, folder: Path, serializer: Serializer) -> None:
        self._folder = folder
        self._serializer = serializer
        self._name = secrets.token_hex(3)
        self._number = 0
        self._exchanges: list[Exchange] = []
        self._bytes = 0
        self._written = True
        self.finished: list[Path] = []

    @property
    def is_written(self) -> bool:
        """Whether all exchanges are in the files."""
        return self._written

    @property
    def has_written(self) -> bool:
        """Whether there is a file of it."""
        return self._number > 0

    @property
    def is_full(self) -> bool:
        """Whether the segment is as large as one should be."""
        return self._bytes >= SEGMENT_BYTES

    @property
    def exchanges(self) -> list[Exchange]:
        """Those of the segment; may be changed until it is written."""
        return self._exchanges

    def add(self, exchange: Exchange) -> None:
        """Take one in."""
        self._exchanges.append(exchange)
        self._bytes += len(exchange.body) + len(exchange.asked.body) + 1000
        self._written = False

    def write(self) -> None:
        """Write the segment; one that is full is left then, and a new one begun.

        :raises OSError: it cannot be written
        """
        if not self._exchanges:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._number:
            last = [_order(file)[0] for file in segments(self._folder)]
            self._number = max(last, default=0) + 1
        replace(self._path(), serialized(self._exchanges, self._serializer))
        self._written = True
        if self.is_full:
            self.finished.append(self._path())
            self._number += 1
            self._exchanges, self._bytes = [], 0

    def rewrite(self, file: Path, change: Callable[[list[Exchange]], list[Exchange]]) -> None:
        """Write a finished segment anew.

        :raises OSError: it cannot be written
        :raises Damaged: it is not as it was written
        """
        replace(file, serialized(change(read(file, self._serializer)), self._serializer))

    def _path(self) -> Path:
        name = f"{self._number:04}-{self._name}"
        return Path(self._serializer.generate_cassette_name(str(self._folder), name))


def serialized(exchanges: Iterable[Exchange], serializer: Serializer) -> str:
    """A segment as text."""
    cassette: dict[str, Any] = {
        "http_interactions": [to_interaction(one) for one in exchanges],
        "recorded_with": "satchel",
    }
    return serializer.serialize(cassette)


def replace(path: Path, text: str) -> None:
    """Put a file in the place of another at once."""
    # Of another name than a segment's, should the process be killed here.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def read_all(path: Path, preferred: Serializer) -> Iterator[tuple[Path, list[Exchange] | Damaged]]:
    """The segments of a cassette with what they hold, or why that cannot be read."""
    for file in segments(path):
        try:
            yield file, read(file, preferred)
        except Damaged as error:
            yield file, error
