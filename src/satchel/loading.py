"""Loading by ids in bulk: when a batch goes out, and what goes into it.

Batching and caching are dloader's. What is added is *when*: as late as it costs no time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any, Final

from cachetools import LRUCache
from dloader import DataLoader

from satchel.waiting import is_stopped

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

MANY: Final = 4_000
"""So many items wait at most: batches go out then, full or not."""

PATIENCE: Final = 60.0
"""Seconds after which a batch goes out whatever else goes on."""

GLANCE: Final = 0.005
"""Seconds from one look at what goes on to the next."""

LOOKS: Final = 3
"""So many looks in a row have to find that nothing goes on: between an answer and the requests that
follow from it that is so for a moment, which is long when the event loop is busy."""

COMING: Final = object()
"""What stands for a result that is not known yet."""


class Gate:
    """Says when batches go out that are not full.

    They all do at once, when nothing else is being fetched (more ids may come with it), or when
    :data:`MANY` items wait: a relation with few distinct ids never fills a batch.

    :param crawler: the running crawl
    :ivar waiting: items that have come to wait since the last time
    :ivar reading: pages whose items have not all been seen
    """

    def __init__(self, crawler: Crawler) -> None:
        self.waiting = 0
        self.reading = 0
        self._crawler = crawler
        self._openings = 0
        self._looked = 0.0
        self._rests = 0

    async def wait(self, is_full: Callable[[], bool]) -> None:
        """Wait until a batch is to go out."""
        opening, since = self._openings, time.monotonic()
        while self._openings == opening and not is_full():
            if self._is_time(since):
                self._open()
            else:
                await asyncio.sleep(GLANCE)

    def _is_time(self, since: float) -> bool:
        if is_stopped(self._crawler):  # Whoever waits is to be told at once.
            return True
        now = time.monotonic()
        if self.reading or not is_resting(self._crawler):
            self._rests = 0
        elif now - self._looked >= GLANCE:  # Several may look; they count as one.
            self._rests += 1
            self._looked = now
        return self._rests >= LOOKS or self.waiting >= MANY or now - since >= PATIENCE

    def _open(self) -> None:
        self._openings += 1
        self.waiting = 0
        self._rests = 0


def is_resting(crawler: Crawler) -> bool:
    """Whether nothing is being fetched, nor would be if one waited.

    A crawl that is paused because too much is under way rests, too: it waits for us.
    """
    engine = crawler.engine
    if engine.downloader.active:
        return False
    if engine.needs_backout():
        return True
    scheduler = engine.scheduler
    return scheduler is None or not scheduler.has_pending_requests()


class Loader(DataLoader[Any, Any]):
    """Loads by ids, each once, in batches whose encoded bytes are limited.

    :param load: (ids, whether there is a permit) → what each leads to; those that it leaves out are
        not there (``None``)
    :param gate: says when a batch goes out that is not full
    :param permit: waits for the permit of a request, and says whether there is one; ids that come
        meanwhile still go along
    :param size: the bytes that an id takes
    :param limit: the bytes of a batch
    :param remembered: results that are kept; the least recently used are forgotten first
    """

    def __init__(
        self,
        load: Callable[[list[Any], bool], Awaitable[Mapping[Any, Any]]],
        gate: Gate,
        *,
        permit: Callable[[], Awaitable[bool]],
        size: Callable[[Any], int],
        limit: int,
        remembered: int,
    ) -> None:
        cache: MutableMapping[Hashable, Any] = LRUCache(remembered)
        super().__init__(self._load_batch, cache_map=cache)
        self._load_by_id = load
        self._gate = gate
        self._permit = permit
        self._size = size
        self._limit = limit
        self._bytes = 0
        self._permitted = False

    def load(self, key: Any) -> asyncio.Future[Any]:
        before = len(self._keys_to_load)
        future = super().load(key)
        if len(self._keys_to_load) > before:
            self._bytes += self._size(key)
        return future

    async def load_each(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """What each id leads to: an item, ``None``, or the exception that its batch failed with."""
        found = {key: self.cache_map.get(key, COMING) for key in keys}
        coming = {key: self.load(key) for key, item in found.items() if item is COMING}
        for key, future in coming.items():
            # One after the other, since those of a batch are done at once; and by wait(), which
            # does not cancel for all when one stops waiting.
            if not future.done():
                await asyncio.wait([future])
            found[key] = future.exception() or future.result()
        return found

    async def _load_batch(self, keys: Sequence[Any]) -> list[Any]:
        found = await self._load_by_id(list(keys), self._permitted)
        return [found.get(key) for key in keys]

    # dloader has no public hooks for when a batch goes out and what it holds: its version is
    # pinned, and tests/test_loading.py holds these two to what it does.

    def _ensure_load_task_is_scheduled(self) -> None:
        if self._scheduled_load_task is None:
            self._scheduled_load_task = self._loop.create_task(self._load_when_due())

    async def _load_when_due(self) -> None:
        await self._gate.wait(lambda: self._bytes >= self._limit)
        try:
            self._permitted = await self._permit()
        except Exception:  # The request will meet this, too, and whoever waits hears of it.
            self._permitted = False
        await self._load_collected_keys()

    def _deque_next_keys_batch(self) -> list[Any]:
        total = count = 0
        for key in self._keys_to_load:
            total += self._size(key)
            if count and total > self._limit:
                break
            count += 1
        batch, self._keys_to_load = self._keys_to_load[:count], self._keys_to_load[count:]
        self._bytes = sum(map(self._size, self._keys_to_load))
        return batch
