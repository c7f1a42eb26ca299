"""Has the plugins change or drop each item: the hook ``satchel_process_item``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class PluginsPipeline:
    """Calls the plugins; what they put in an item's place passes the privacy gate like the item."""

    def __init__(self, addon: SatchelAddon) -> None:
        self._calls = addon.calls
        self._gate = addon.gate

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        addon = SatchelAddon.of(crawler)
        if not addon.calls.has("satchel_process_item"):
            raise NotConfigured
        return cls(addon)

    async def process_item(self, item: Any) -> Any:
        return await self._calls.process_item(item, self._gate.admit_again)
