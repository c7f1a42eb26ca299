"""What ``include=`` asks for, for items that did not come with a response (an errback's, …).

Those that did have been given it, a page at a time, by ``RelationsMiddleware``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured

from satchel.addon import SatchelAddon
from satchel.relations import Resolver

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class ResolvePipeline:
    """Joins to an item what it is related to. What is found stays in it, and is stored with it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        resolver = SatchelAddon.of(crawler).resolver()
        if resolver is None:
            raise NotConfigured
        return cls(resolver)

    async def process_item(self, item: Any) -> Any:
        if type(item) is self._resolver.tree.cls and not item._apart:
            await self._resolver.resolve([item])
        return item
