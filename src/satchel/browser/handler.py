"""Answers requests that have a visit by Chromium, through scrapy-playwright."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Any, Final, Self

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
from satchel.errors import BrowserError
from satchel.middlewares.refused import is_challenge_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_START: Final = 120.0
"""Seconds that the browser gets to start, and to open an empty page."""

_SHARE: Final = 0.9
"""Of the time that is left when a page is there: what a visit is told that it has."""

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
        self._closed = False

    async def open(self, request: Request, visit: Visit) -> Response:
        """Open a page, do there what the visit is for, and close it.

        :raises DownloadTimeoutError: it took too long
        :raises DownloadFailedError: nobody answered, or the browser was killed
        :raises BrowserError: the browser does not start
        """
        seconds = visit.seconds or self._seconds
        context, guard = next(self._names), Guard(visit, request.url)
        try:
            async with asyncio.timeout(_START) as limit:
                opened = _page_request(request, visit, context)
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
        await self._pages.download_request(opened)
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
        return _response(request, shown, await page.content())

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


def _page_request(request: Request, visit: Visit, context: str) -> Request:
    """What scrapy-playwright is asked for; it changes requests, so not the crawl's own."""
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
            },
            "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded", "timeout": 0},
        },
    )


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
