"""Quotas and pauses: a request enters its host's lane last, and leaves it first."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request, signals
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from satchel.addon import SatchelAddon
from satchel.reasons import Reason
from satchel.throttle import (
    PAID,
    PARTING,
    PAUSED,
    REFUSED,
    CrawlEnds,
    Lane,
    TooLong,
    is_refusal,
    retry_after,
)
from satchel.waiting import GLANCE, is_stopped

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_INSIDE: Final = "satchel_lane"

_GLANCES: Final = 20
"""How often the last request of a crawl looks whether it is its turn."""


class ThrottleMiddleware:
    """Lets each request wait for a place and a permit; what a refusal says holds for all of a host.

    It is next to the downloader, so a permit is used at once, and answers from a cache need none.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._addon = SatchelAddon.of(crawler)
        self._throttle = self._addon.throttle
        crawler.signals.connect(self._spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> Request | None:
        if not request.url.startswith("http"):
            return None
        lane = self._throttle.lane(request.url)
        try:
            await self._enter(lane, request)
        except CrawlEnds:
            return self._give_back(request)
        except TooLong as error:
            self._end(lane, error)
            return self._give_back(request)
        request.meta[_INSIDE] = lane
        return None

    async def _enter(self, lane: Lane, request: Request) -> None:
        paid = request.meta.pop(PAID, False)
        if request.meta.get(PARTING):
            for _ in range(_GLANCES):
                with contextlib.suppress(CrawlEnds):
                    await lane.enter(paid=paid)
                    return
                await asyncio.sleep(GLANCE)
        await lane.enter(paid=paid, stopped=functools.partial(is_stopped, self._crawler))

    def process_response(self, request: Request, response: Response) -> Response:
        lane: Lane | None = request.meta.pop(_INSIDE, None)
        if lane is not None:
            lane.leave()
            if is_refusal(response):
                self._pause(lane, request, response)
            else:
                lane.answered()
        return response

    def _pause(self, lane: Lane, request: Request, response: Response) -> None:
        seconds = retry_after(response) or lane.next_pause(request.meta.get(REFUSED, 0.0))
        self._tell(lane, response, seconds)
        lane.pause(seconds)
        request.meta[PAUSED] = seconds

    def process_exception(self, request: Request, exception: Exception) -> None:
        lane: Lane | None = request.meta.pop(_INSIDE, None)
        if lane is not None:
            lane.leave()

    def _give_back(self, request: Request) -> Request:
        """Back to the scheduler, which keeps it if it has a ``JOBDIR``; a call has no way back."""
        if request.callback is NO_CALLBACK:
            raise CrawlEnds
        return request.replace(dont_filter=True)

    def _tell(self, lane: Lane, response: Response, seconds: float) -> None:
        if not lane.paused_for:
            logger.warning(
                "%s answered %s: not asked again for %.0f seconds",
                lane.name,
                response.status,
                seconds,
            )

    def _end(self, lane: Lane, error: TooLong) -> None:
        if self._addon.close_spider(Reason.RATE_LIMITED):
            logger.error(
                "%s is not to be asked for %.0f seconds, and SATCHEL_MAX_WAIT=%s: run the crawl "
                "again then, or allow a longer wait",
                lane.name,
                error.seconds,
                self._addon.config.max_wait,
            )

    def _spider_closed(self) -> None:
        stats = self._crawler.stats
        for lane in self._throttle.lanes:
            for what, value in (
                ("quota_seconds", round(lane.waited.quota, 3)),
                ("paused_seconds", round(lane.waited.paused, 3)),
                ("pauses", lane.waited.pauses),
            ):
                if value:
                    stats.set_value(f"satchel/waited/{lane.name}/{what}", value)
