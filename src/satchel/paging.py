"""Going through a listing page by page, to its end, without missing or repeating an item."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

T = TypeVar("T")

STALE_PAGES: Final = 4
"""So many pages in a row without anything new: the server repeats itself."""

REPEATS: Final = 2
"""So often is a page asked for anew that comes as the first page again: a cache, or a mistake."""

FEW: Final = 16
"""A page of fewer is not asked for: if all of a small one are filtered out, it looks like the end.
"""


WINDOW: Final = 10_000
"""Rows of a listing that are remembered, and at least two pages: no listing shifts by more."""


class Recent:
    """Remembers identities, in bounded memory: the latest, and up to twice as many.

    :ivar least: so many are remembered for certain
    """

    def __init__(self, least: int) -> None:
        self.least = least
        self._new: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._new or identity in self._old

    def add(self, identity: Hashable) -> None:
        """Remember one."""
        self._new.add(identity)
        if len(self._new) >= self.least:
            self._new, self._old = set(), self._new


@dataclass(slots=True)
class Paging:
    """How far the crawl of one listing is (``take`` and ``skip``).

    A listing ends with an empty page: pages may hold fewer items than asked for although more
    follow, because private ones are filtered out or because the server clamps ``take``. So the
    next page begins behind what came, and only a second page without anything new is stepped over
    whole. New rows on top shift the others down, and cost no more than items that come twice.

    :ivar take: items for a page
    :ivar limit: items to take in all; ``None``: all there are
    :ivar skip: where the next page begins
    :ivar again: the next page is one that was asked for before
    :ivar done: there is no next page
    :ivar repeats: the listing was left because the server repeated itself
    :ivar taken: items so far
    """

    take: int
    limit: int | None = None
    skip: int = 0
    again: bool = False
    done: bool = False
    repeats: bool = False
    taken: int = 0
    _seen: Recent = field(default_factory=lambda: Recent(WINDOW))
    _first: list[Hashable] | None = None
    _stale: int = 0
    _repeated: int = 0

    def __post_init__(self) -> None:
        if self.limit is not None:
            self.take = min(self.take, max(self.limit, FEW))

    def turn(self, received: int, page: Iterable[tuple[Hashable, T]]) -> list[T]:
        """What of a page is new; then :attr:`skip` and :attr:`done` say how to go on.

        :param received: the rows of the page, unusable ones included
        :param page: (identity, item) of those that could be used
        """
        fresh, identities = [], []
        self._seen.least = max(self._seen.least, 2 * received)
        for identity, item in page:
            identities.append(identity)
            if identity not in self._seen and not self._full():
                self._seen.add(identity)
                self.taken += 1
                fresh.append(item)
        self.again = self._is_first_again(identities)
        if self.again:
            self._repeated += 1
        else:
            self._go_on(received, bool(fresh))
        return fresh

    def _is_first_again(self, identities: list[Hashable]) -> bool:
        if self._first is None:
            self._first = identities
            return False
        return self._repeated < REPEATS and identities != [] and identities == self._first

    def _go_on(self, received: int, fresh: bool) -> None:
        if fresh:
            self._stale = self._repeated = 0
        else:
            self._stale += 1
        self.skip += received if self._stale < 2 else max(received, self.take)
        self.repeats = received > 0 and self._stale >= STALE_PAGES
        self.done = received == 0 or self._full() or self.repeats

    def _full(self) -> bool:
        return self.limit is not None and self.taken >= self.limit
