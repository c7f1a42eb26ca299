"""What ``include=`` asks for, some items at a time: they wait for it, requests do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from cachetools import LRUCache
from scrapy.exceptions import NotConfigured

from satchel.addon import SatchelAddon
from satchel.items import Item, key_of
from satchel.relations import Resolver
from satchel.spider import SatchelSpider

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class RelationsMiddleware:
    """Joins to items what they are related to, and yields what was found on the way, too.

    Those of a page wait together, up to as many as the spider says: the rest of the page waits till
    these have gone on, and need not be in memory.

    The store has each of them for itself then (:attr:`Item._apart`). What was found goes out once,
    and once more only if it has come to have a field that it lacked; so does an item of the spider
    that may have been found before.
    """

    def __init__(self, crawler: Crawler, resolver: Resolver, together: int) -> None:
        addon = SatchelAddon.of(crawler)
        self._resolver = resolver
        self._together = together
        self._gate = addon.loading
        self._found = resolver.tree.types()
        self._lacked: LRUCache[Any, frozenset[str]] = LRUCache(addon.config.remembered)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        resolver, spider = SatchelAddon.of(crawler).resolver(), crawler.spider
        if resolver is None or not isinstance(spider, SatchelSpider):
            raise NotConfigured
        return cls(crawler, resolver, spider.together)

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        """Let requests pass, and hold items back until those that wait with them have come."""
        outputs = aiter(result)
        failure: Exception | None = None
        is_over = False
        while not is_over:
            items: list[Item] = []
            is_over = True
            self._gate.reading += 1
            try:
                async for output in outputs:
                    if type(output) is not self._resolver.tree.cls:
                        yield output
                        continue
                    items.append(output)
                    if len(items) == self._together:
                        is_over = False
                        break
            except Exception as error:
                failure = error
            finally:
                self._gate.reading -= 1
            found = await self._resolver.resolve(items) if items else []
            # Whoever nests one is stored without it if it is marked: all are, before one goes.
            for item in [*self._own(items), *filter(self._is_new, found)]:
                yield item
        if failure is not None:
            raise failure

    def _own(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            item._apart = True
            # What has no key is for the store to report.
            if type(item) not in self._found or key_of(item) is None or self._is_new(item):
                yield item

    def _is_new(self, item: Item) -> bool:
        key = key_of(item)
        if key is None:
            return False
        item._apart = True
        lacked = self._lacked.get((type(item), *key))
        if lacked is not None and lacked <= item._unsent:
            return False
        self._lacked[(type(item), *key)] = item._unsent
        return True
