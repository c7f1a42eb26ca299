"""What a page may load, and what it has loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from satchel.browser import Visit
from satchel.service import origin

if TYPE_CHECKING:
    from playwright.async_api import Page, Request, Response, Route

HEAVY: Final = frozenset({"image", "media"})
"""Kinds of what a page loads that only a visit with pictures gets."""

_CHALLENGES: Final = re.compile(
    r"""(?ix) ^https?:// (
    [^/]* / cdn-cgi / challenge-platform / (?! scripts/jsd/ )
    | challenges\.cloudflare\.com /
    | [^/]* / \.well-known / ddos-guard /
    | ([^/]*\.)? captcha-delivery\.com /
    | ([^/]*\.)? hcaptcha\.com /
    | (www\.)? (google\.com | recaptcha\.net) / recaptcha /
    )"""
)
"""Addresses of what finds out whether a visitor is human. (Cloudflare's ``jsd`` only watches, and
is on ordinary pages.)"""


class Document(NamedTuple):
    """An answer to a navigation of the page itself."""

    url: str
    status: int
    headers: dict[str, str]


class Guard:
    """Stands between one page and the network.

    No challenge is answered, not even one that answers itself in a browser: what it consists of is
    not loaded.

    :ivar asked: the address that the page was opened with
    :ivar documents: what the page has navigated to, redirects and all
    :ivar answers: the status of each answer to what the page itself sent with one of the words that
        :meth:`look_for` names
    :ivar kept_from: origins of the servers that the page wanted to speak to and may not
    :ivar led_to: the address of one of them that the page itself wanted to go to
    :ivar sent_to: the address of one of them that was to get one of the words
    """

    def __init__(self, visit: Visit, asked: str) -> None:
        self._visit = visit
        self.asked = asked
        self._words: tuple[bytes, ...] = ()
        self.documents: list[Document] = []
        self.answers: list[int] = []
        self.challenge: Document | None = None
        others = visit.servers()
        self._servers = None if others is None else {origin(url) for url in (asked, *others)}
        self.kept_from: set[str] = set()
        self.led_to = ""
        self.sent_to = ""

    async def attach(self, page: Page) -> None:
        """Begin, while the page is empty."""
        page.on("response", self._seen)
        page.on("requestfailed", self._failed)
        page.on("dialog", lambda dialog: dialog.dismiss())
        await page.route("**/*", self._decide)

    def look_for(self, *words: bytes) -> None:
        """Take note of the answers to requests whose body has one of these words."""
        self._words = words

    @property
    def has_sent(self) -> bool:
        """Whether what is looked for may be on its way."""
        return bool(self._words)

    def is_at_home(self, page: Page) -> bool:
        """Whether the page is, by now, of the server that was asked."""
        return origin(page.url) == origin(self.asked)

    def is_still(self, page: Page) -> bool:
        """Whether the page is, and has been all the time, the one that was asked.

        Sites may end paths with a slash, or write names with other capitals.
        """
        shown = [found.url for found in self.documents if not 300 <= found.status < 400]
        return {_place(url) for url in (*shown, page.url)} == {_place(self.asked)}

    async def _decide(self, route: Route) -> None:
        if self._is_refused(route.request):
            await route.abort()
        else:
            await route.fallback()

    def _is_refused(self, request: Request) -> bool:
        heavy = request.resource_type in HEAVY and not self._visit.pictures
        return heavy or _CHALLENGES.match(request.url) is not None

    def _failed(self, request: Request) -> None:
        allowed = self._servers is None or origin(request.url) in self._servers
        if allowed or self._is_refused(request):
            return
        self.kept_from.add(origin(request.url))
        if self._has_words(request):
            self.sent_to = self.sent_to or request.url
        if _is_of_the_page(request):
            self.led_to = self.led_to or request.url

    def _seen(self, response: Response) -> None:
        request = response.request
        if self._has_words(request):
            self.answers.append(response.status)
        found = Document(response.url, response.status, response.headers)
        if "cf-mitigated" in found.headers or "x-amzn-waf-action" in found.headers:
            self.challenge = self.challenge or found
        if _is_of_the_page(request):
            self.documents.append(found)

    def _has_words(self, request: Request) -> bool:
        if not self._words or request.method != "POST":
            return False
        sent = request.post_data_buffer or b""
        return any(word in sent for word in self._words)


def _is_of_the_page(request: Request) -> bool:
    """Whether it is the page itself that goes there, and nothing in it."""
    return request.is_navigation_request() and request.frame.parent_frame is None


def _place(url: str) -> tuple[str, str]:
    return origin(url), unquote(urlsplit(url).path).rstrip("/").casefold()
