"""Sends the actions that a crawl proposes, or says which it would send."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Self

from scrapy import signals
from scrapy.exceptions import DontCloseSpider, NotConfigured

from satchel.actions import State
from satchel.addon import SatchelAddon
from satchel.errors import SatchelError
from satchel.executor import Executor
from satchel.outbox import Outbox
from satchel.verdict import plural
from satchel.waiting import wake

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds to wait for another process that executes the same outbox."""


class ActPipeline:
    """What an item led to is sent when both are committed.

    It works beside the crawl, which does not end before it is through. (So no item passes it: one
    stage more would cost each item of each crawl something.)
    """

    def __init__(self, crawler: Crawler, url: str) -> None:
        self._crawler = crawler
        self._addon = SatchelAddon.of(crawler)
        self._outbox = Outbox(url)
        self._executor = Executor(crawler, self._outbox, self._addon.own_proposals)
        self._task: asyncio.Task[None] | None = None
        self._looked_at = 0
        self._left = False
        self._addon.act = self._begin
        crawler.signals.connect(self._idle, signals.spider_idle)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        addon = SatchelAddon.of(crawler)
        if not addon.proposals.kinds:
            raise NotConfigured
        if not addon.config.store:
            crawls = getattr(crawler.spidercls, "crawls", True)
            if crawls and addon.calls.has("satchel_propose_actions"):
                logger.warning("plugins propose no actions: nothing is stored (SATCHEL_STORE)")
            raise NotConfigured
        return cls(crawler, addon.config.store)

    async def close_spider(self) -> None:
        if self._task is not None:
            await self._task
        try:
            await self._report()
        except SatchelError as error:
            logger.error("%s", error)
        self._executor.close()
        self._outbox.close()

    def _idle(self) -> None:
        self._begin()
        if self._task is not None:
            raise DontCloseSpider

    def _begin(self) -> None:
        """Send what is new, unless that goes on already."""
        new = len(self._addon.own_proposals) > self._looked_at
        if new and self._addon.config.actions == "on" and self._task is None and not self._left:
            self._task = asyncio.create_task(self._act())

    async def _act(self) -> None:
        try:
            async with self._executor.alone(PATIENCE) as alone:
                if not alone:
                    self._left = True
                    logger.warning(
                        "another process sends the actions of this database; what this crawl "
                        "proposed is left to it, or to: satchel act run"
                    )
                while alone and (number := len(self._addon.own_proposals)) > self._looked_at:
                    self._looked_at = number
                    await self._executor.work()
        except Exception as error:
            self._left = True
            self._crawler.stats.inc_value("satchel/actions/failed_runs")
            known = isinstance(error, SatchelError)
            logger.error("actions: %s", error, exc_info=None if known else error)
        finally:
            self._task = None
            wake(self._crawler)

    async def _report(self) -> None:
        if not self._addon.own_proposals:
            return
        for state, number in self._executor.results.items():
            self._crawler.stats.set_value(f"satchel/actions/{state}", number)
        if self._addon.config.actions == "off":
            plan = self._addon.plan = await self._executor.plan()
            number = sum(step.state is State.SENDING for step in plan)
            logger.info(
                "%s %s be sent (SATCHEL_ACTIONS is off): satchel act list",
                number, plural(number, "action would", "actions would"),
            )  # fmt: skip
