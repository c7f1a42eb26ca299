"""The privacy gate once more, for items that reach the pipelines without a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.privacy import Gate


class PrivacyPipeline:
    """Costs nothing for an item that has passed already."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(SatchelAddon.of(crawler).gate)

    def process_item(self, item: Any) -> Any:
        return self._gate.admit(item)
