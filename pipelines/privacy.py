"""The privacy gate once more, for items that reach the pipelines without a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class PrivacyPipeline:
    """Costs nothing for an item that has passed already."""

    def __init__(self, addon: SatchelAddon) -> None:
        self._addon = addon

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(SatchelAddon.of(crawler))

    # async, since Scrapy takes longer to find out that a result is not to be awaited.
    async def process_item(self, item: Any) -> Any:
        return self._addon.adopt(self._addon.gate.admit(item))
