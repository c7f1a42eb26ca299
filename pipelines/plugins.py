"""Has the plugins change or drop each item: the hook ``satchel_process_item``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class PluginsPipeline:
    """Calls the plugins; what they put in an item's place passes the privacy gate like the item."""

    def __init__(self, crawler: Crawler) -> None:
        addon = SatchelAddon.of(crawler)
        self._crawler = crawler
        self._plugins = addon.plugins
        self._gate = addon.gate

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not SatchelAddon.of(crawler).plugins.change_items:
            raise NotConfigured
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        return await self._plugins.process_item(item, self._crawler, self._gate.admit_again)
