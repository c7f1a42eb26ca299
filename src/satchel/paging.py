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
    """

    take: int
    limit: int | None = None
    skip: int = 0
    again: bool = False
    done: bool = False
    repeats: bool = False
    _seen: set[Hashable] = field(default_factory=set)
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
        for identity, item in page:
            identities.append(identity)
            if identity not in self._seen and not self._full():
                self._seen.add(identity)
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
        return self.limit is not None and len(self._seen) >= self.limit
