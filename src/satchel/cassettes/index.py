"""Finds the exchange that answers a request, in cassettes of any size.

What is where is in a temporary SQLite database, which keeps little of itself in memory and vanishes
with the crawl; of the segments, the few that were used last are in memory.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cachetools import LRUCache

from satchel.cassettes import matching
from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.masks import Masks
from satchel.cassettes.segments import Damaged, read, read_all
from satchel.cassettes.serializers import Serializer

logger = logging.getLogger(__name__)

_OPEN: Final = 4
"""Segments that are kept in memory."""

_NEAR: Final = 1000
"""Recorded requests that are compared with one that is missing."""


@dataclass(frozen=True, slots=True)
class Source:
    """An exchange that answers a part of a request.

    :ivar parts: the parts' numbers
    :ivar is_fresh: whether nothing of it was played before
    """

    exchange: Exchange
    parts: list[int]
    is_fresh: bool


class Index:
    """The exchanges of a cassette.

    What is looked for is without secrets; so is what it is compared with, since a recording of
    others may have some.

    :param path: the cassette
    :param matchers: what of a request counts
    :param taken_apart: a request for many at once → requests for each alone; of others: nothing
    :ivar size: how many exchanges there are
    :ivar damaged: the segments that cannot be read, and why
    """

    def __init__(
        self,
        path: Path,
        serializer: Serializer,
        matchers: Sequence[str],
        taken_apart: Callable[[Asked], list[Asked]] = lambda asked: [],
    ) -> None:
        self._serializer = serializer
        self._matchers = matchers
        self._taken_apart = taken_apart
        self._has_parts = False
        self._masks = Masks(learns=False)
        self._segments: LRUCache[Path, list[Exchange]] = LRUCache(_OPEN)
        self._files: list[Path] = []
        self.damaged: list[Damaged] = []
        # An empty name: a file of its own that SQLite removes itself.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE exchange (place INTEGER PRIMARY KEY, key BLOB, segment INTEGER,
                position INTEGER, who TEXT, method TEXT, uri TEXT, path TEXT, status INTEGER,
                played INTEGER DEFAULT 0);
            CREATE TABLE part (key BLOB, place INTEGER, played INTEGER);
            """
        )
        self._database.execute("BEGIN")
        for file, found in read_all(path, serializer):
            if isinstance(found, Damaged):
                self.damaged.append(found)
            else:
                self._add(file, found)
        self._database.execute("COMMIT")
        self._database.execute("CREATE INDEX exchange_key ON exchange (key, played)")
        self._database.execute("CREATE INDEX exchange_path ON exchange (path)")
        (self.size,) = self._database.execute("SELECT count(*) FROM exchange").fetchone()

    def close(self) -> None:
        """Forget it."""
        self._database.close()

    @property
    def files(self) -> list[Path]:
        """The segments that can be read."""
        return list(self._files)

    def play(self, asked: Asked, *, again: bool) -> Exchange | None:
        """The exchange that answers a request next.

        Equal requests get their answers in the order in which they were recorded, those of the same
        account first.

        :param again: when all have been played, the last one answers once more
        """
        key = matching.key(asked, self._matchers)
        found = self._database.execute(
            "SELECT place, segment, position FROM exchange WHERE key = ? AND NOT played "
            "ORDER BY who <> ?, place LIMIT 1",
            (key, asked.who),
        ).fetchone()
        if found is None and again:
            found = self._database.execute(
                "SELECT place, segment, position FROM exchange WHERE key = ? "
                "ORDER BY who <> ?, place DESC LIMIT 1",
                (key, asked.who),
            ).fetchone()
        if found is None:
            return None
        place, segment, position = found
        self._database.execute("UPDATE exchange SET played = 1 WHERE place = ?", (place,))
        if self._has_parts:
            self._database.execute("UPDATE part SET played = 1 WHERE place = ?", (place,))
        return self._exchange(segment, position)

    def play_parts(self, asked: Asked, *, again: bool) -> list[Source] | None:
        """The exchanges that together answer a request for many at once, in the order of what it
        asks for; ``None``: it is none, or something of it is in no exchange.

        Of what was answered more than once, good answers come first: a request that failed was made
        again.

        :param again: as for :meth:`play`
        """
        rows = self._parts(asked, again=again)
        if not rows or None in rows:
            return None
        found: dict[int, Source] = {}
        for number, (part, place, segment, position) in enumerate(filter(None, rows)):
            if place not in found:
                (played,) = self._database.execute(
                    "SELECT max(played) FROM part WHERE place = ?", (place,)
                ).fetchone()
                found[place] = Source(self._exchange(segment, position), [], not played)
            found[place].parts.append(number)
            self._database.execute("UPDATE part SET played = 1 WHERE rowid = ?", (part,))
        return list(found.values())

    def lacks(self, asked: Asked) -> list[int]:
        """The numbers of the parts of a request for many that are in no exchange."""
        rows = self._parts(asked, again=True)
        return [number for number, row in enumerate(rows) if row is None]

    def _parts(self, asked: Asked, *, again: bool) -> list[tuple[int, int, int, int] | None]:
        parts = self._taken_apart(asked)
        if parts and not self._has_parts:
            self._has_parts = True
            self._add_parts()
        return [self._part(part, again=again) for part in parts]

    def _part(self, asked: Asked, *, again: bool) -> tuple[int, int, int, int] | None:
        unplayed = "" if again else "AND NOT part.played"
        row: tuple[int, int, int, int] | None = self._database.execute(
            "SELECT part.rowid, place, segment, position FROM part JOIN exchange USING (place) "
            f"WHERE part.key = ? {unplayed} ORDER BY status NOT IN (200, 404), part.played, "
            "who <> ?, CASE part.played WHEN 0 THEN place ELSE -place END LIMIT 1",
            (matching.key(asked, self._matchers), asked.who),
        ).fetchone()
        return row

    def nearest(self, asked: Asked) -> tuple[Asked, list[str]] | None:
        """The recorded request that is most like one that is not, and what differs."""
        path = urlsplit(asked.url).path
        rows: list[tuple[int, int, str, str]] = []
        for where, values in (("path = ?", (path,)), ("1", ())):
            rows = self._database.execute(
                f"SELECT segment, position, method, uri FROM exchange WHERE {where} LIMIT {_NEAR}",
                values,
            ).fetchall()
            if rows:
                break
        if not rows:
            return None
        matcher = SequenceMatcher(b=f"{asked.method} {asked.url}", autojunk=False)

        def likeness(row: tuple[int, int, str, str]) -> float:
            matcher.set_seq1(f"{row[2]} {row[3]}")
            return matcher.quick_ratio()

        segment, position, *_ = max(rows, key=likeness)
        recorded = self._masks.asked(self._exchange(segment, position).asked)
        return recorded, matching.differences(asked, recorded, self._matchers)

    def _add(self, file: Path, exchanges: list[Exchange]) -> None:
        segment = len(self._files)
        self._files.append(file)
        self._database.executemany(
            "INSERT INTO exchange (key, segment, position, who, method, uri, path, status) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    matching.key(asked, self._matchers), segment, position, asked.who,
                    asked.method, asked.url, urlsplit(asked.url).path, one.status,
                )
                for position, one in enumerate(exchanges)
                for asked in [self._masks.asked(one.asked)]
            ),
        )  # fmt: skip

    def _add_parts(self) -> None:
        """Note what each exchange asks for; most crawls never need it."""
        self._database.execute("BEGIN")
        for place, segment, position, played in self._database.execute(
            "SELECT place, segment, position, played FROM exchange ORDER BY place"
        ):
            asked = self._masks.asked(self._exchange(segment, position).asked)
            keys = (matching.key(part, self._matchers) for part in self._taken_apart(asked))
            self._database.executemany(
                "INSERT INTO part VALUES (?, ?, ?)", ((key, place, played) for key in keys)
            )
        self._database.execute("COMMIT")
        self._database.execute("CREATE INDEX part_key ON part (key)")
        self._database.execute("CREATE INDEX part_place ON part (place)")

    def _exchange(self, segment: int, position: int) -> Exchange:
        file = self._files[segment]
        if file not in self._segments:
            self._segments[file] = read(file, self._serializer)
        return self._segments[file][position]
