"""Shows the plugins what is sent and what comes back: the hooks of requests and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from satchel.addon import SatchelAddon
from satchel.calls import Calls
from satchel.hookspecs import RequestInfo, ResponseInfo

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class PluginsMiddleware:
    """Stands before the throttle, so that a plugin that takes its time holds no place there, and
    behind a cache: what that answers is not sent."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        calls = SatchelAddon.of(crawler).calls
        if not calls.has("satchel_request", "satchel_response"):
            raise NotConfigured
        return cls(calls)

    async def process_request(self, request: Request) -> None:
        await self._calls.request(_described(request))

    async def process_response(self, request: Request, response: Response) -> Response:
        await self._calls.response(
            ResponseInfo(
                request=_described(request),
                status=response.status,
                size=len(response.body),
                seconds=request.meta.get("download_latency"),
            )
        )
        return response


def _described(request: Request) -> RequestInfo:
    return RequestInfo(
        method=request.method,
        url=request.url,
        service=request.meta.get("satchel_service"),
        attempt=1 + request.meta.get("retry_times", 0),
    )
