"""The last moment at which a request gets its service's key, and the first at which it loses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.http import Response

from satchel.addon import SatchelAddon
from satchel.service import Key, origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.crawler import Crawler


class KeyMiddleware:
    """Adds a service's key to the requests that need one, for their way through the downloader.

    A request says that it needs a key by ``meta["satchel_keyed"]`` and ``meta["satchel_service"]``;
    it gets one only if its address, also after redirects, is one of the key's own. Since the key
    is gone again when the response comes back, no retry, redirect, queue or ``repr`` has it.
    """

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = keys

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(SatchelAddon.of(crawler).keys)

    def process_request(self, request: Request) -> None:
        key = self._key(request)
        if key and origin(request.url) in key.origins:
            request.headers[key.header] = key.secret.reveal()

    def process_response(self, request: Request, response: Response) -> Response:
        self._forget(request)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        self._forget(request)

    def _key(self, request: Request) -> Key | None:
        if not request.meta.get("satchel_keyed"):
            return None
        return self._keys.get(request.meta.get("satchel_service", ""))

    def _forget(self, request: Request) -> None:
        if key := self._key(request):
            request.headers.pop(key.header, None)
