"""Stores items: an item goes on, and counts as scraped, when it is committed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import DropItem, NotConfigured

from satchel.actions import Proposal
from satchel.addon import SatchelAddon
from satchel.config import masked
from satchel.errors import DecodeError, StoreError
from satchel.history import Begun, Ended
from satchel.items import Item
from satchel.privacy import Level
from satchel.proposals import named
from satchel.reasons import Reason
from satchel.spider import SatchelSpider
from satchel.store import Store
from satchel.tables import Row
from satchel.version import VERSION

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class StorePipeline:
    """Hands satchel's items to the store; other items pass."""

    def __init__(self, crawler: Crawler, url: str) -> None:
        addon = SatchelAddon.of(crawler)
        self._crawler = crawler
        shield = addon.gate.level >= Level.JUNIORS
        self._addon = addon
        self._proposes = addon.calls.has("satchel_propose_actions")
        self._servers = addon.proposals.servers()
        self._store = addon.store = Store.open(
            url,
            addon.item_classes(),
            shield_minors=shield,
            actions=bool(addon.proposals.kinds),
        )
        self._unknown: set[type[Item]] = set()
        self._failed = False
        # The verdict is final then, and what is told to plugins has been told.
        crawler.signals.connect(self._ended, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        config = SatchelAddon.of(crawler).config
        if not config.store:
            raise NotConfigured
        return cls(crawler, config.store)

    async def open_spider(self) -> None:
        spider = self._crawler.spider
        assert spider is not None
        written = spider.written if isinstance(spider, SatchelSpider) else None
        crawl = Begun(
            spider=spider.name,
            arguments=written and {name: masked(text) for name, text in written.items()},
            listing=masked(spider.asked_for) if isinstance(spider, SatchelSpider) else None,
            version=VERSION,
            job=getattr(spider, "_job", None),
            started=_now(),
        )
        await self._store.begin(crawl)

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, Item):
            return item
        if not self._store.takes(item):
            self._warn_of(type(item))
            return item
        try:
            await self._put(item)
        except DecodeError as error:
            # Scrapy's own line would show the item.
            logger.warning("not stored: %s", error)
            raise DropItem("not stored", log_level="DEBUG") from None
        except StoreError as error:
            self._fail(error)
            raise DropItem("not stored", log_level="DEBUG") from None
        return item

    async def _put(self, item: Item) -> None:
        """Store an item, and with it what plugins propose for it."""
        if not self._proposes:
            await self._store.put(item)
            return
        found = await self._addon.calls.propose_actions(item, partial(self._row, item))
        proposals = [row for rows in found.values() for row in rows]
        name = named(item)
        complete = [(server, _by(plugin), name) for plugin in found for server in self._servers]
        await self._store.put(item, proposals, complete)
        for row in proposals:
            self._addon.proposed(row)

    def _row(self, item: Item, proposal: Proposal, plugin: str) -> Row:
        return self._addon.proposals.row(proposal.made(_by(plugin), named(item)))

    def _warn_of(self, cls: type[Item]) -> None:
        self._crawler.stats.inc_value("satchel/store/unknown_type")
        if cls not in self._unknown:
            self._unknown.add(cls)
            logger.warning(
                "%s items are not stored: no service lists the class, or it has no key",
                cls.__name__,
            )

    async def close_spider(self) -> None:
        await self._store.close()
        stats = self._crawler.stats
        for table, rows in self._store.written.items():
            stats.set_value(f"satchel/stored/{table}", rows)

    async def _ended(self) -> None:
        try:
            ended = Ended.of(self._crawler.stats.get_stats(), _now())
            await self._store.end(ended, SatchelAddon.of(self._crawler).settlement())
        except StoreError as error:
            if not self._failed:  # Else it was reported.
                logger.warning("the end of the crawl is not noted in the store: %s", error)

    def _fail(self, error: StoreError) -> None:
        self._crawler.stats.inc_value("satchel/store/failed")
        if not self._failed:
            self._failed = True
            logger.error("%s", error)
            SatchelAddon.of(self._crawler).close_spider(Reason.STORE_FAILED)


def _by(plugin: str) -> str:
    return f"plugin {plugin}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
