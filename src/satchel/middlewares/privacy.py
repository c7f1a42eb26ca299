"""The privacy gate, next to the spider: nothing sees an item before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.spidermiddlewares.base import BaseSpiderMiddleware

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class PrivacyMiddleware(BaseSpiderMiddleware):
    """Lets the items of responses and of ``start()`` through the gate."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._addon = SatchelAddon.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def get_processed_item(self, item: Any, response: Response | None) -> Any:
        return self._addon.adopt(self._addon.gate.admit(item))
