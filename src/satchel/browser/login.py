"""Logging in on a page, as a person would: fill it in, send it, see what comes of it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple
from urllib.parse import quote_plus, urlsplit

from msgspec import Struct

from satchel.browser import Visit
from satchel.config import Secret

if TYPE_CHECKING:
    from playwright.async_api import Page

    from satchel.browser.guard import Guard

_GLANCE: Final = 0.05
"""Seconds after which one looks again what became of it."""


_SERVER: Final = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:\d{1,5})?")


class LoginPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a page to log in on has what. All but the path and the servers are CSS selectors.

    :ivar path: its address, below the server's
    :ivar username: the field for the name
    :ivar password: the field for the password
    :ivar submit: what sends them
    :ivar success: what only shows when one is logged in; empty: that the page has gone elsewhere
    :ivar refusal: what only shows when the name or the password was refused; empty: that the server
        answered so, or sent the same page again
    :ivar servers: those besides its own that the page may speak to, as ``https://host``; nobody
        keeps it from sending them the password
    :raises ValueError: one of these is no such address
    """

    path: str = "/account/login"
    username: str = "input[name=username], input[autocomplete=username], input[type=email]"
    password: str = "input[type=password]"
    submit: str = "button[type=submit], input[type=submit], form button:not([type=button])"
    success: str = ""
    refusal: str = ""
    servers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for server in self.servers:
            if not _SERVER.fullmatch(server):
                raise ValueError(f"servers: expected https://host or https://host:port: {server}")


class Outcome(Enum):
    """What became of it."""

    IN = "in"
    """The page has gone on, and there is a session."""
    REFUSED = "refused"
    """The name or the password was refused."""
    ELSEWHERE = "elsewhere"
    """The page is another server's, or what was typed in was to go there. It got nothing."""
    MISSING = "missing"
    """The page lacks something that is needed."""
    FAILED = "failed"
    """The server answered with an error."""
    NEVER = "never"
    """Nothing came of it in time."""


class Told(NamedTuple):
    """An outcome.

    :ivar words: what is missing, what the server answered, or the address of another server; of
        what never came, the servers that the page was kept from
    """

    outcome: Outcome
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class LogIn(Visit):
    """Log in on a page.

    :ivar page: what it is like
    :ivar session: the name of the session's cookie, the only one that is taken from the browser
    """

    has_form: ClassVar[bool] = True

    username: str
    password: Secret
    page: LoginPage
    session: str

    def servers(self) -> tuple[str, ...]:
        return self.page.servers

    def cookie(self) -> str:
        return self.session

    def body(self, html: str) -> str:
        # Some pages write what is typed in into their fields.
        return ""

    async def act(self, page: Page, guard: Guard, seconds: float) -> Told:
        """Fill the page in and send it.

        A field that is not there in half of the time is missing.
        """
        end = time.monotonic() + seconds
        if guard.led_to or not guard.is_at_home(page):
            return _elsewhere(guard.led_to or page.url)
        if (missing := await self._missing(page, seconds / 2)) is not None:
            return Told(Outcome.MISSING, missing + _kept_from(guard))
        for selector, words in (
            (self.page.username, self.username),
            (self.page.password, self.password.reveal()),
        ):
            # A locator would go on to whatever page comes next; this is a field of this one.
            field = await page.locator(selector).first.element_handle()
            if not guard.is_at_home(page):
                return _elsewhere(page.url)
            await field.fill(words)
        guard.look_for(*_spellings(self.username))
        loaded = len(guard.documents)
        await page.locator(self.page.submit).first.click(no_wait_after=True)
        while (told := await self._told(page, guard, loaded)) is None:
            if time.monotonic() > end:
                return Told(Outcome.NEVER, _kept_from(guard))
            await asyncio.sleep(_GLANCE)
        return told

    async def _missing(self, page: Page, seconds: float) -> str | None:
        from playwright.async_api import TimeoutError as PlaywrightTimeoutError

        end = time.monotonic() + seconds
        for what in ("username", "password", "submit"):
            selector = getattr(self.page, what)
            left = max(end - time.monotonic(), _GLANCE) * 1000
            try:
                await page.locator(selector).first.wait_for(state="visible", timeout=left)
            except PlaywrightTimeoutError:
                return f"{what} ({selector})"
        return None

    async def _told(self, page: Page, guard: Guard, loaded: int) -> Told | None:
        """What the page shows by now."""
        if guard.sent_to:
            return _elsewhere(guard.sent_to)
        status = guard.answers[0] if guard.answers else 0
        if guard.challenge is not None or status >= 500 or status == 429:
            return Told(Outcome.FAILED, str(status or guard.challenge))
        if await self._shows(page, self.page.refusal):
            return Told(Outcome.REFUSED)
        if not self.page.refusal and (400 <= status < 500 or self._again(guard, loaded)):
            return Told(Outcome.REFUSED, str(status))
        there = self.page.success
        left = bool(guard.led_to) or not self._is_here(page.url)
        gone = await self._shows(page, there) if there else left
        if gone and await self._has_session(page, guard):
            return Told(Outcome.IN)
        return _elsewhere(guard.led_to) if guard.led_to else None

    def _again(self, guard: Guard, loaded: int) -> bool:
        """Whether the server has sent the same page once more."""
        newer = guard.documents[loaded:]
        return any(found.status == 200 and self._is_here(found.url) for found in newer)

    def _is_here(self, url: str) -> bool:
        return urlsplit(url).path.rstrip("/").endswith(self.page.path.rstrip("/"))

    async def _shows(self, page: Page, selector: str) -> bool:
        from playwright.async_api import Error

        try:
            return bool(selector) and await page.locator(selector).first.is_visible()
        except Error:  # It is between two documents.
            return False

    async def _has_session(self, page: Page, guard: Guard) -> bool:
        cookies = await page.context.cookies([guard.asked])
        return any(cookie["name"] == self.session for cookie in cookies)


def _elsewhere(url: str) -> Told:
    parts = urlsplit(url)
    return Told(Outcome.ELSEWHERE, f"{parts.scheme}://{parts.netloc}{parts.path}")


def _kept_from(guard: Guard) -> str:
    """What of other servers the page lacks."""
    listed = ", ".join(sorted(guard.kept_from))
    return f" (nor what it wants of {listed}: login_page.servers)" if listed else ""


def _spellings(word: str) -> list[bytes]:
    """A word as bodies of requests have it."""
    escaped = (json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1])
    return list({text.encode() for text in (word, quote_plus(word), *escaped)})
