"""Tells the plugins when the crawl begins, idles and has ended, and watches them in between."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import DontCloseSpider, NotConfigured
from scrapy.extensions.feedexport import FeedExporter

from satchel.addon import SatchelAddon
from satchel.summary import Summary
from satchel.waiting import wake
from satchel.watchdog import Watchdog

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class Lifecycle:
    """Calls ``satchel_crawl_started``, ``satchel_crawl_idle`` and ``satchel_crawl_finished``."""

    def __init__(self, crawler: Crawler) -> None:
        addon = SatchelAddon.of(crawler)
        self._crawler = crawler
        self._calls = addon.calls
        self._reason = ""
        self._last: asyncio.Task[None] | None = None
        self._warned: set[str] = set()
        self._watchdog = Watchdog(
            self._calls.codes(),
            addon.config.hook_blocking_seconds,
            warn=self._warn,
            count=self._count,
        )
        crawler.signals.connect(self._spider_opened, signals.spider_opened)
        if self._calls.has("satchel_crawl_idle"):
            crawler.signals.connect(self._spider_idle, signals.spider_idle)
        crawler.signals.connect(self._spider_closed, signals.spider_closed)
        crawler.signals.connect(self._feeds_closed, signals.feed_exporter_closed)
        crawler.signals.connect(self._watchdog.stop, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not SatchelAddon.of(crawler).calls.codes():
            raise NotConfigured
        return cls(crawler)

    async def _spider_opened(self) -> None:
        self._watchdog.start()
        await self._calls.crawl_started()

    def _spider_idle(self) -> None:
        if self._last is None:
            self._last = asyncio.ensure_future(self._calls.crawl_idle())
            self._last.add_done_callback(lambda task: wake(self._crawler))
        if not self._last.done():
            raise DontCloseSpider

    async def _spider_closed(self, reason: str) -> None:
        self._reason = reason
        # Feeds are written while the spider is being closed: what they come to is a figure, too.
        if self._crawler.get_extension(FeedExporter) is None:
            await self._finished()

    async def _feeds_closed(self) -> None:
        await self._finished()

    async def _finished(self) -> None:
        await asyncio.sleep(0)  # All others that the signal is for have written their figures then.
        await self._calls.crawl_finished(self._reason)
        if summary := self._crawler.get_extension(Summary):
            summary.judge()

    def _warn(self, name: str, place: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            logger.warning(
                "plugin %s keeps the crawl from going on (%s): make it async, or have a thread do "
                "its work",
                name,
                place,
            )

    def _count(self, name: str) -> None:
        plugin = name.rpartition(": ")[0]
        self._crawler.stats.inc_value(f"satchel/plugins/{plugin}/blocked")
