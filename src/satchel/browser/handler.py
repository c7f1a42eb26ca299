"""Answers requests that have a visit by Chromium, through scrapy-playwright."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from playwright.async_api import Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy import Request
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from scrapy.http import HtmlResponse, Response
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from satchel.addon import SatchelAddon
from satchel.browser import FOUND, VISIT, Visit
from satchel.browser.guard import Document, Guard
from satchel.errors import BrowserError, ConfigError
from satchel.middlewares.refused import is_challenge_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from playwright.async_api import ProxySettings
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_START: Final = 120.0
"""Seconds that the browser gets to start, and to open an empty page."""

_SHARE: Final = 0.9
"""Of the time that is left when a page is there: what a visit is told that it has."""

_BETWEEN: Final = ("page is navigating", "context was destroyed")
"""Errors of Playwright's that say that a page is between two documents."""

_GLANCE: Final = 0.05
"""Seconds after which one looks again whether it is there."""

_PATIENCE: Final = 5.0
"""Seconds that something of the browser's gets to close."""


class Browser:
    """The one browser of a crawl. It is started by the first visit.

    :param seconds: what a visit may take that does not say
    """

    def __init__(self, crawler: Crawler, seconds: float) -> None:
        self._seconds = seconds
        self._pages = build_from_crawler(ScrapyPlaywrightDownloadHandler, crawler)
        # Whether to ask again is for the retry middleware: a password must not be sent four times.
        self._pages.config.target_closed_max_retries = 0
        self._names = map("visit {}".format, itertools.count(1))
        # A port where nobody listens, and nobody else can: the proxy to where a page may not go.
        self._nowhere = socket.socket()
        self._nowhere.bind(("127.0.0.1", 0))
        self._closed = False

    async def open(self, request: Request, visit: Visit) -> Response:
        """Open a page, do there what the visit is for, and close it.

        :raises DownloadTimeoutError: it took too long
        :raises DownloadFailedError: nobody answered, or the browser was killed
        :raises BrowserError: the browser does not start
        :raises ConfigError: a page that may speak to some servers only is to be opened by a proxy
        """
        if visit.servers() is not None and request.meta.get("proxy"):
            raise ConfigError(
                f"{request.url}: a page to log in on is opened without a proxy, and one is set for "
                f"it (docs/browser.md)"
            )
        seconds = visit.seconds or self._seconds
        context, guard = next(self._names), Guard(visit, request.url)
        try:
            async with asyncio.timeout(_START) as limit:
                opened = _page_request(request, visit, context, self._nowhere.getsockname()[1])
                opened.meta["playwright_page_init_callback"] = _beginning(guard, limit, seconds)
                return await self._visit(request, opened, visit, guard, limit)
        except (TimeoutError, PlaywrightTimeoutError):
            raise DownloadTimeoutError(f"the page did not finish in {seconds:g} seconds") from None
        except Error as error:
            raise _translated(error) from None
        finally:
            if guard.has_sent:
                # Servers count attempts, those too whose answers are lost.
                request.meta["dont_retry"] = True
            await self._leave(context)

    async def close(self) -> None:
        """End the browser. May be called again."""
        if not self._closed:
            self._closed = True
            self._nowhere.close()
            try:
                await asyncio.wait_for(self._pages.close(), _PATIENCE)
            except Exception as error:  # whatever it was, the browser ends with this process
                logger.debug("the browser did not close: %s", error)

    async def _visit(
        self,
        request: Request,
        opened: Request,
        visit: Visit,
        guard: Guard,
        limit: asyncio.Timeout,
    ) -> Response:
        try:
            await self._pages.download_request(opened)
        except Error:
            # What it comes to that the page leads where it may not is for the visit to say.
            if not guard.led_to:
                raise
        page: Page = opened.meta["playwright_page"]
        response = await self._shown(request, page, guard)
        if is_challenge_page(response, has_form=visit.has_form) or response.status >= 400:
            return response
        if visit.keeps and not guard.is_still(page):
            return response
        left = (limit.when() or 0) - asyncio.get_running_loop().time()
        found = await visit.act(page, guard, left * _SHARE)
        response = await self._shown(request, page, guard)
        if is_challenge_page(response, has_form=False) or (
            visit.keeps and not guard.is_still(page)
        ):
            return response
        request.meta[FOUND] = found
        response = response.replace(body=visit.body(response.text).encode())
        if (name := visit.cookie()) is not None:
            await _hand_over(name, request.url, page, response)
        return response

    async def _shown(self, request: Request, page: Page, guard: Guard) -> HtmlResponse:
        """What the page is now."""
        shown = guard.challenge or (
            guard.documents[-1] if guard.documents else Document(page.url, 200, {})
        )
        return _response(request, shown, await _content(page))

    async def _leave(self, name: str) -> None:
        wrapper = self._pages.context_wrappers.get(name)
        if wrapper is not None:
            with contextlib.suppress(Error, TimeoutError):
                await asyncio.wait_for(wrapper.context.close(), _PATIENCE)


class BrowserHandler:
    """Stands in the place of Scrapy's download handlers: requests without a visit pass to them."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._addon = SatchelAddon.of(crawler)
        self._browser: Browser = self._addon.browser(Browser)
        self._others: dict[str, Any] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        visit: Visit | None = request.meta.get(VISIT)
        if visit is not None:
            return await self._browser.open(request, visit)
        response: Response = await self._other(request).download_request(request)
        return response

    async def close(self) -> None:
        await self._browser.close()
        for handler in self._others.values():
            await handler.close()

    def _other(self, request: Request) -> Any:
        scheme = request.url.partition(":")[0]
        if scheme not in self._others:
            cls = load_object(self._addon.other_handlers[scheme])
            self._others[scheme] = build_from_crawler(cls, self._crawler)
        return self._others[scheme]


def _beginning(
    guard: Guard, limit: asyncio.Timeout, seconds: float
) -> Callable[[Page, Request], Awaitable[None]]:
    """What is done when the page is open and still empty: its time begins."""

    async def begin(page: Page, request: Request) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + seconds)
        await guard.attach(page)

    return begin


def _page_request(request: Request, visit: Visit, context: str, nowhere: int) -> Request:
    """What scrapy-playwright is asked for; it changes requests, so not the crawl's own."""
    others = visit.servers()
    proxy = None if others is None else _only(nowhere, (request.url, *others))
    return Request(
        request.url,
        meta={
            "playwright": True,
            "playwright_include_page": True,
            "playwright_context": context,
            "playwright_context_kwargs": {
                "user_agent": (request.headers.get("User-Agent") or b"").decode("latin-1"),
                "viewport": {"width": visit.width, "height": 800},
                "service_workers": "block",
                "accept_downloads": False,
                "proxy": proxy,
            },
            "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded", "timeout": 0},
        },
    )


def _only(nowhere: int, servers: Iterable[str]) -> ProxySettings:
    """Nobody can be spoken to but some servers.

    What a page sends is stopped before it leaves the browser, wherever it comes from: redirects,
    which Playwright does not show before they are followed, frames, workers, sockets.
    """
    rules = ["<-loopback>"]
    for url in servers:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = parts.port or (443 if secure else 80)
        rules += [f"{s}://{host}:{port}" for s in (("https", "wss") if secure else ("http", "ws"))]
    return {"server": f"http://127.0.0.1:{nowhere}", "bypass": ",".join(rules)}


def _response(request: Request, document: Document, html: str) -> HtmlResponse:
    # The browser has its cookies to itself.
    kept = {
        name: value
        for name, value in document.headers.items()
        if name not in ("set-cookie", "content-encoding", "content-length", "content-type")
    }
    kept["content-type"] = "text/html; charset=utf-8"
    return HtmlResponse(
        document.url,
        status=document.status,
        headers=kept,
        body=html.encode(),
        encoding="utf-8",
        request=request,
    )


async def _content(page: Page) -> str:
    """The page's HTML; of one that is just about to become another, that of the other."""
    while True:
        try:
            return await page.content()
        except Error as error:
            if not any(words in error.message for words in _BETWEEN):
                raise
            await asyncio.sleep(_GLANCE)


async def _hand_over(name: str, asked: str, page: Page, response: Response) -> None:
    """Put one cookie that the server gave to the browser on the answer, as it would have."""
    for cookie in await page.context.cookies([asked]):
        if cookie["name"] == name:
            response.headers["Set-Cookie"] = f"{name}={cookie['value']}"


def _translated(error: Error) -> Exception:
    """An error of Playwright's as one that the crawl knows."""
    first, *others = error.message.splitlines()
    if "BrowserType.launch" not in first:
        return DownloadFailedError(first)
    said = [line for line in others if "FATAL" in line]
    return BrowserError(f"the browser does not start: {(said or [first])[0].strip()}")
