"""A running crawl without a spider's work: what a script's or a notebook's calls go through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.settings import Settings
from scrapy.utils.reactor import is_reactor_installed

from satchel.addon import CRAWL
from satchel.errors import NotInACrawl

SETTINGS: Final = {
    "ADDONS": {"satchel.addon.SatchelAddon": 100},
    "SATCHEL_PROGRESS": "off",
    "SATCHEL_STORE": "",
    "SATCHEL_SUMMARY": False,
    "LOGSTATS_INTERVAL": 0,
}
"""Nothing is stored, shown or counted, but what a call asks for."""


class _WaitingSpider(Spider):
    """Does nothing, and does not end."""

    name = "satchel-script"
    crawls = False
    """It has no items, and nobody expects what items lead to."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider: Self = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.stay, signals.spider_idle)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        return
        yield

    def stay(self) -> None:
        """Keep the crawl open."""
        raise DontCloseSpider


class Engine:
    """Scrapy's engine, running in the event loop.

    :ivar crawler: the crawl
    """

    def __init__(self, crawler: Crawler, crawl: asyncio.Task[None]) -> None:
        self.crawler = crawler
        self._crawl = crawl

    @classmethod
    async def start(cls, settings: Mapping[str, Any] | None = None) -> Self:
        """Start one, and wait until it takes requests.

        :param settings: Scrapy's and satchel's; the environment counts, too
        :raises SatchelError: a setting is wrong
        :raises NotInACrawl: a crawl goes on, which has an engine of its own
        """
        _refuse_within_a_crawl()
        merged = Settings({**SETTINGS, "TWISTED_REACTOR_ENABLED": is_reactor_installed()})
        merged.setdict(dict(settings or {}), priority="cmdline")
        runner = AsyncCrawlerRunner(merged)
        crawler = runner.create_crawler(_WaitingSpider)
        started = asyncio.Event()
        crawler.signals.connect(started.set, signals.engine_started)
        crawl = runner.crawl(crawler)
        waiting = asyncio.ensure_future(started.wait())
        self = cls(crawler, crawl)
        try:
            await asyncio.wait({crawl, waiting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            crawl.add_done_callback(_taken_note_of)
            crawl.cancel()
            raise
        finally:
            waiting.cancel()
        if crawl.done():
            crawl.result()
        return self

    async def stop(self) -> None:
        """Stop it, and wait until it has. May be called again."""
        if not self._crawl.done():
            await self.crawler.stop_async()
            await self._crawl


def is_script(crawler: Crawler) -> bool:
    """Whether a crawl is a script's: what is called there, a person has called."""
    return isinstance(crawler.spider, _WaitingSpider)


def _refuse_within_a_crawl() -> None:
    crawler = CRAWL.get()
    if crawler is None or not crawler.crawling or is_script(crawler):
        return
    raise NotInACrawl(
        "this runs within a crawl, whose engine and settings hold: give the call its session, "
        "such as KemoSession.of(crawler)"
    )


def _taken_note_of(crawl: asyncio.Task[None]) -> None:
    if not crawl.cancelled():
        crawl.exception()
