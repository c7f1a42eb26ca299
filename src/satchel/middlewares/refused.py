"""Answers after which there is no point in going on: a credential refused, or a challenge."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from satchel.addon import SatchelAddon
from satchel.browser import FOUND, VISIT, Visit
from satchel.reasons import Reason

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

CHALLENGED: Final = frozenset({200, 202, 401, 403, 405, 429, 503})
"""The statuses that challenges come with."""

_HEADERS: Final = {
    "cf-mitigated": b"challenge",
    "x-amzn-waf-action": b"",
    "x-sucuri-block": b"",
}
_TITLES: Final = (
    b"<title>just a moment",
    b"<title>attention required! | cloudflare",
    b"<title>ddos-guard",
)
_WIDGETS: Final = (b"captcha-delivery.com", b"g-recaptcha", b"h-captcha", b"cf-turnstile")
_MARKS: Final = (*_TITLES, *_WIDGETS, b"/cdn-cgi/challenge-platform/", b"_incapsula_resource")


class RefusedMiddleware:
    """Ends the crawl, once, with a line that says what a person can do."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._addon = SatchelAddon.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        if (visit := request.meta.get(VISIT)) is not None:
            self._addon.check_visit(request, visit)

    def process_response(self, request: Request, response: Response) -> Response:
        if is_challenge_to(request, response):
            self._end(
                Reason.CHALLENGE,
                "%s: the server wants to see a person (a challenge page, status %s); satchel "
                "answers none: open the address yourself, or ask the operator for access",
                response.url,
                response.status,
            )
            raise IgnoreRequest("a challenge page")
        service = request.meta.get("satchel_service")
        if response.status == 401 and service and service not in self._addon.sessions:
            name = f"SATCHEL_{service.upper()}_KEY"
            self._end(
                Reason.UNAUTHORIZED,
                "%s: the server answered 401; %s is %s (give it in the environment, or in a file "
                "that %s_FILE names)",
                response.url,
                name,
                "refused" if service in self._addon.keys else "missing",
                name,
            )
        return response

    def _end(self, reason: Reason, message: str, *words: object) -> None:
        if self._addon.close_spider(reason):
            logger.error(message, *words)


def is_challenge_to(request: Request, response: Response) -> bool:
    """Whether an answer is a challenge to a request that could be answered by one."""
    visit: Visit | None = request.meta.get(VISIT)
    if visit is not None:
        return is_challenge_page(response, has_form=visit.has_form and FOUND not in request.meta)
    return bool(request.meta.get("satchel_json")) and is_challenge(response)


def is_challenge_page(response: Response, *, has_form: bool) -> bool:
    """Whether a page that a browser has opened asks for proof of being human.

    Ordinary pages may carry some of the marks; what asks for it in a form counts where the form is
    to be sent.
    """
    if response.status != 200 or any(name in response.headers for name in _HEADERS):
        return is_challenge(response)
    page = response.body[:65_536].lower()
    return any(mark in page for mark in _TITLES + (_WIDGETS if has_form else ()))


def is_challenge(response: Response) -> bool:
    """Whether an answer asks for a browser or for proof of being human.

    Known headers, or an HTML page with known marks, where data was asked for.
    """
    if response.status not in CHALLENGED:
        return False
    for header, value in _HEADERS.items():
        found = response.headers.get(header)
        if found is not None and value in found.lower():
            return True
    if b"html" not in (response.headers.get("Content-Type") or b"").lower():
        return False
    page = response.body[:65_536].lower()
    return page.lstrip().startswith(b"<") and any(mark in page for mark in _MARKS)
