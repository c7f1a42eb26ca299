"""``satchel replay``: recordings → items in a store, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from satchel.addon import SatchelAddon
from satchel.cassettes.exchange import Exchange
from satchel.cassettes.redaction import items_of
from satchel.cassettes.serializers import serializer
from satchel.cassettes.sources import exchanges
from satchel.errors import CassetteError, DecodeError, UsageError
from satchel.service import reading_of
from satchel.spider import SatchelSpider
from satchel.verdict import EXIT_STATUS, STAT, Verdict


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path)
)
@click.option("-O", "--output", metavar="FILE", help="Write the items to a feed, too.")
@click.option("-L", "level", metavar="LEVEL", default="WARNING", show_default=True)
@click.pass_context
def replay(context: click.Context, files: tuple[Path, ...], output: str | None, level: str) -> None:
    """Store the items of cassettes, HAR files and Postman collections; nobody is asked anything.

    The answers are told apart by their addresses, whatever the host. SATCHEL_STORE, the privacy
    level, plugins and the exit status are those of a crawl.
    """
    settings = get_project_settings()
    assert isinstance(settings, Settings)
    settings.set("LOG_LEVEL", level, "cmdline")
    settings.set("SATCHEL_CASSETTE", "", "cmdline")
    if not SatchelAddon.is_enabled(settings):
        settings.set("ADDONS", {**settings["ADDONS"], SatchelAddon: 100}, "project")
    if output:
        kind = Path(output).suffix.lstrip(".") or "jsonlines"
        settings.set("FEEDS", {output: {"format": kind, "overwrite": True}}, "cmdline")
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(ReplaySpider)
    process.crawl(crawler, files=files)
    process.start()
    verdict = crawler.stats.get_value(STAT) if crawler.stats else None
    context.exit(EXIT_STATUS[Verdict(str(verdict).split(":")[0])] if verdict else 1)


class ReplaySpider(SatchelSpider):
    """Yields the items of recordings."""

    name = "replay"

    def __init__(self, files: tuple[Path, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._files = files

    def prepare(self, addon: SatchelAddon) -> None:
        self._services = addon.services
        self._serializer = serializer(addon.config.cassette_format)

    async def start(self) -> AsyncIterator[Any]:
        for file in self._files:
            try:
                for found in exchanges(file, self._serializer):
                    if isinstance(found, CassetteError):
                        self.logger.error("%s: left out: %s", file, found)
                        self.count("undecodable")
                        continue
                    for item in self._items(found):
                        yield item
            except UsageError as error:
                self.logger.error("%s", error)
                self.count("undecodable")
        await self._items_are_through()

    async def _items_are_through(self) -> None:
        # Without requests Scrapy looks only every five seconds whether anything is left to do.
        assert self.crawler.engine is not None
        slot = self.crawler.engine.scraper.slot
        while slot is not None and not slot.is_idle():
            await asyncio.sleep(0.02)

    def _items(self, exchange: Exchange) -> list[Any]:
        asked = exchange.asked
        reading = reading_of(self._services, asked.method, asked.url, asked.body)
        if reading is None:
            self.logger.debug("%s: no service knows it", asked.url)
            self.count("replay/unknown")
            return []
        if exchange.status != 200:
            self.count(f"replay/status_{exchange.status}")
            return []
        try:
            answer = reading.read(exchange.body)
        except DecodeError as error:
            self._undecodable(asked.url, error)
            return []
        for unusable in getattr(answer, "errors", ()):
            self._undecodable(asked.url, unusable)
        self.count("replay/answers")
        return list(items_of(answer))

    def _undecodable(self, url: str, error: DecodeError) -> None:
        self.logger.error("%s: %s", url, error)
        self.count("undecodable")
