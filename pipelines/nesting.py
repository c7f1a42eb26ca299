"""The end of an item's way through satchel: it is counted, and what exports it comes to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from satchel.items import Item, type_name, without_cycles

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class NestingPipeline:
    """Counts items by type, and cuts cycles after the store.

    Items that relations joined may lead back to themselves; feeds nest what they export.
    """

    def __init__(self, crawler: Crawler) -> None:
        # Here, since a receiver of the signal item_scraped costs a task for each item.
        self._count = crawler.stats.inc_value

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, Item):
            self._count(f"satchel/items/{type(item).__name__}")
            return item
        self._count(f"satchel/items/{type_name(type(item))}")
        return without_cycles(item)
