"""Going through a listing page by page, to its end, without missing or repeating an item."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable
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


LONG: Final = 4
"""Pages that are worth a walk of their own: the walks of a listing overlap by one page each."""


@dataclass(slots=True)
class Listing:
    """A listing whose pages begin at multiples of a step, and what its walks have found.

    Several walks may go through it at once, each from a place of its own up to the first page of
    the next one. Each goes up, page by page, and looks at the next one's first page again: new rows
    shift others to later pages, so what leaves a page before a walk comes there is met on a later
    one, by this walk or the next. (If many pages come in again and again, that looks like a server
    that repeats itself; the listing is left then, and :attr:`was_left` says so.) Rows that vanish
    shift others to earlier pages, which no walk can
    see; :attr:`has_shrunk` says so where the server tells how many there are.

    :ivar step: rows of a page
    :ivar limit: items to take in all; ``None``: all there are
    :ivar again: it was read before
    :ivar total: how many rows can be had, as was said first; ``None``: nobody said
    :ivar last_total: the same, as was said last
    :ivar rows: how many there are, whether they can be had or not; ``None``: nobody said
    :ivar taken: items so far
    :ivar found: different rows so far
    """

    step: int
    limit: int | None = None
    again: bool = False
    total: int | None = None
    last_total: int | None = None
    rows: int | None = None
    taken: int = 0
    found: int = 0
    _walking: int = 0
    _is_left: bool = False
    _is_split: bool = False
    _seen: Recent = field(default_factory=lambda: Recent(WINDOW))
    _first: frozenset[Hashable] | None = None

    def walk(self, offset: int = 0) -> Walk:
        """A walk from its beginning, or from further on."""
        self._walking += 1
        return Walk(self, offset)

    def note(self, total: int | None, rows: int | None = None) -> None:
        """Note what the server says of how many rows there are."""
        self.rows = self.rows if rows is None else rows
        if total is not None:
            self.last_total = total
            self.total = total if self.total is None else self.total

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self.limit is not None and self.taken >= self.limit

    @property
    def has_ended(self) -> bool:
        """Whether all walks are done, of their own accord."""
        return not self._walking and not self._is_left

    @property
    def was_left(self) -> bool:
        """Whether its walks ended before there were no more rows."""
        return self._is_left

    @property
    def has_shrunk(self) -> bool:
        """Whether rows have vanished, as far as the server has said."""
        if self.total is None or self.last_total is None:
            return False
        return self.last_total < self.total

    def leave(self) -> None:
        """Want nothing more of it: its walks end with the page that they are at."""
        self._is_left = True


@dataclass(slots=True)
class Walk:
    """A walk through a listing, page by page.

    :ivar listing: what it goes through
    :ivar offset: where its next page begins
    :ivar again: the next page is one that was asked for before
    :ivar done: there is no next page
    :ivar repeats: it was ended because the server repeated itself
    """

    listing: Listing
    offset: int = 0
    again: bool = False
    done: bool = False
    repeats: bool = False
    _start: int = 0
    _next: Walk | None = None
    _begun: frozenset[Hashable] | None = None
    _previous: frozenset[Hashable] | None = None
    _same: int = 0
    _stale: int = 0
    _repeated: int = 0

    def split(self, walks: int) -> list[Walk]:
        """Share what is ahead, by the listing's total, among so many walks; this is the first.

        They are fewer, down to this one, where it would not be worth it, or has been done.
        """
        total, step = self.listing.total, self.listing.step
        if total is None or self.listing._is_split:
            return [self]
        self.listing._is_split = True
        ahead = -(-(total - self.offset) // step)
        walks = max(1, min(walks, ahead // LONG))
        starts = [self.offset + ahead * n // walks * step for n in range(1, walks)]
        made = [self, *(Walk(self.listing, start, _start=start) for start in starts)]
        for one, following in itertools.pairwise(made):
            one._next = following
        self.listing._walking += len(made) - 1
        return made

    def turn(
        self,
        received: int,
        page: Iterable[tuple[Hashable, T]],
        wants: Callable[[T], bool] = lambda item: True,
    ) -> list[T]:
        """What of a page is new and wanted; then :attr:`offset` and :attr:`done` say how to go on.

        :param received: the rows of the page, unusable ones included
        :param page: (identity, item) of those that could be used
        :param wants: whether an item counts
        """
        listing, rows = self.listing, list(page)
        identities = frozenset(identity for identity, _ in rows)
        self.again = self._is_first_again(identities)
        if self.again:
            self._repeated += 1
            return []
        fresh = []
        self._stale += 1
        for identity, item in rows:
            if identity in listing._seen:
                continue
            self._stale = self._repeated = 0
            listing._seen.add(identity)
            listing.found += 1
            if not listing.is_full and wants(item):
                listing.taken += 1
                fresh.append(item)
        self._go_on(received, identities)
        return fresh

    def end(self) -> None:
        """Go no further: there are no more rows."""
        if not self.done:
            self.done = True
            self.listing._walking -= 1

    def _is_first_again(self, identities: frozenset[Hashable]) -> bool:
        listing = self.listing
        if self.offset == 0:
            listing._first = identities
            return False
        repeats = bool(identities) and identities == listing._first
        return repeats and self._repeated < REPEATS

    def _go_on(self, received: int, identities: frozenset[Hashable]) -> None:
        if self._begun is None:
            self._begun = identities
        met = self._meets(identities)
        self.offset += self.listing.step
        self._same = self._same + 1 if identities == self._previous else 0
        self._previous = identities
        self.repeats = self._same >= STALE_PAGES or self._stale >= self._most_stale()
        if self.repeats or self.listing.is_full:
            self.listing.leave()
        if met or received < self.listing.step or self.listing._is_left or self._is_before_next():
            self.end()

    def _most_stale(self) -> int:
        """More pages in a row without anything new are none that known rows were shifted to."""
        return STALE_PAGES + 2 * min(self.listing.found, WINDOW) // self.listing.step

    def _meets(self, identities: frozenset[Hashable]) -> bool:
        """Whether this page has rows of the next walk's first one, which has seen all behind."""
        following = self._next
        if following is None or following._begun is None or self.offset < following._start:
            return False
        return bool(identities & following._begun)

    def _is_before_next(self) -> bool:
        """Whether the next walk will see all that is ahead, since it has not begun."""
        following = self._next
        if following is None or self.offset < following._start:
            return False
        return following._begun is None
