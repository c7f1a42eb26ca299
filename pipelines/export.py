"""Has the plugins export what is stored, in batches: the hook ``satchel_export_items``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy.exceptions import NotConfigured

from satchel.addon import SatchelAddon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

BATCH_ITEMS: Final = 250
"""Items of one call at most, as the store commits at once."""


class ExportPipeline:
    """Stands behind the store. What gathers during a call is the next batch.

    An item goes on when it has been exported, so that no more wait than the crawl has under way.
    """

    def __init__(self, addon: SatchelAddon) -> None:
        self._calls = addon.calls
        self._gate = addon.gate
        self._pending: list[tuple[Any, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        addon = SatchelAddon.of(crawler)
        if not addon.calls.has("satchel_export_items"):
            raise NotConfigured
        return cls(addon)

    async def process_item(self, item: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._pending.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._export())
        await future
        # Feeds come after, and a plugin may have changed what it was to export.
        return self._gate.admit_again(item)

    async def _export(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:BATCH_ITEMS], self._pending[BATCH_ITEMS:]
                try:
                    await self._calls.export_items([item for item, _ in batch])
                finally:
                    for _, future in batch:
                        if not future.done():
                            future.set_result(None)
        finally:
            self._task = None
