"""Asking again what failed for now: with backoff and jitter, within limits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, Self

import msgspec
from scrapy import Request
from scrapy.downloadermiddlewares.retry import RetryMiddleware as ScrapyRetryMiddleware
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from satchel.addon import SatchelAddon
from satchel.throttle import PAUSED, REFUSED, retry_after
from satchel.waiting import wait

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

LONGEST: Final = 60.0
"""Seconds: no backoff is longer."""


class RetryMiddleware(ScrapyRetryMiddleware):
    """Scrapy's own, with its settings and ``meta`` keys, and besides:

    - it waits before it asks again: ``SATCHEL_BACKOFF`` seconds, twice as long each time, of which
      half is left to chance, so that many do not come back at once;
    - a refusal for now is no failure: the host's lane has the pause, and the request is asked again
      after it, for twice ``SATCHEL_MAX_WAIT`` in all (where nobody says for how long, a request's
      own ``max_retry_times`` holds);
    - a body that should be JSON and is none is asked for again.
    """

    _addon: SatchelAddon

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self: Self = super().from_crawler(crawler)
        self._addon = SatchelAddon.of(crawler)
        return self

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        seconds = _pause(request, response)
        if request.meta.get("dont_retry"):
            return response
        if seconds is not None:
            return self._after_a_pause(request, seconds) or response
        request.meta.pop(REFUSED, None)  # Whoever repeats it for another reason begins anew.
        if response.status == 200 and request.meta.get("satchel_json") and not is_json(response):
            again: Request | Response | None = self._retry(request, "a body that is no JSON")
        else:
            again = super().process_response(request, response)
        return (await self._later(again) or response) if isinstance(again, Request) else response

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        again = super().process_exception(request, exception)
        return await self._later(again) if isinstance(again, Request) else None

    async def _later(self, again: Request) -> Request | None:
        """The repetition, when it is time; a call is given up when the crawl ends before that."""
        throttle = self._addon.throttle
        throttle.backing_off += 1
        try:
            seconds = backoff(self._addon.config.backoff, again.meta["retry_times"])
            goes_on = await wait(self.crawler, seconds)
        finally:
            throttle.backing_off -= 1
        return again if goes_on or again.callback is not NO_CALLBACK else None

    def _after_a_pause(self, request: Request, seconds: float) -> Request | None:
        waited = request.meta.get(REFUSED, 0.0) + seconds
        self.crawler.stats.inc_value("satchel/refusals")
        # Sooner, if the host refuses everything, the throttle ends the crawl.
        if REFUSED in request.meta and waited > 2 * self._addon.config.max_wait:
            return None
        again: Request = request.replace(dont_filter=True)
        again.meta[REFUSED] = waited
        return again


def _pause(request: Request, response: Response) -> float | None:
    """Seconds of the pause that a refusal led to; ``None``: it is none, or one failure of few."""
    paused: float | None = request.meta.pop(PAUSED, None)
    said = retry_after(response)
    if said is None and "max_retry_times" in request.meta:
        return None
    return said if paused is None else paused


def backoff(first: float, times: int) -> float:
    """Seconds to wait before the *times*-th repetition."""
    longest = min(first * 2.0 ** (times - 1), LONGEST)
    return longest * random.uniform(0.5, 1.0)


def is_json(response: Response) -> bool:
    """Whether the whole body is JSON; no objects are made of it."""
    try:
        msgspec.json.decode(response.body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True
