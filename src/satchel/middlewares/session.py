"""Requests that need a role get the session of an account that has it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request
from scrapy.http import Response

from satchel.addon import SatchelAddon
from satchel.config import Secret
from satchel.errors import LoginFailed
from satchel.reasons import Reason
from satchel.service import origin
from satchel.sessions import ACCOUNT, CARRIED, JAR, LOGIN, RECEIVED, ROLE, Account, Sessions

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http.cookies import CookieJar

logger = logging.getLogger(__name__)

_USED: Final = "satchel_session"
"""``meta``: the number of the session that a request carries."""

_RENEWED: Final = "satchel_session_renewed"
"""``meta``: the request is repeated, since its session had expired."""


class SessionMiddleware:
    """Waits for the account's session, and has it renewed when the server does not take it.

    A request names the role that it needs by ``meta["satchel_role"]``, or the very account by
    ``meta["satchel_account"]``. Redirects to another server go without a session. No cache keeps
    what only an account sees.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._addon = SatchelAddon.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        request.meta.pop(_USED, None)
        sessions = sessions_for(self._addon, request)
        if sessions is None:
            return
        request.meta["dont_cache"] = request.meta["dont_merge_cookies"] = True
        account = _account(sessions, request)
        if account is None:
            return
        request.meta[JAR] = account.name
        if origin(request.url) != sessions.scheme.origin:
            return
        try:
            session = await sessions.of(account)
        except LoginFailed as error:
            self._end(account, error)
            raise
        request.meta[_USED] = session.number

    def process_response(self, request: Request, response: Response) -> Request | Response:
        number = request.meta.get(_USED)
        sessions = sessions_for(self._addon, request)
        if number is None or sessions is None or LOGIN in request.meta:
            return response
        account = _account(sessions, request)
        assert account is not None
        if not sessions.scheme.has_expired(response):
            sessions.worked(account.name, number)
            return response
        try:
            sessions.expired(account.name, number)
        except LoginFailed as error:
            self._end(account, error)
            raise
        if _RENEWED in request.meta:
            raise LoginFailed(f"{request.url}: the server takes no session of {account} here")
        again = request.replace(dont_filter=True)
        again.meta[_RENEWED] = True
        return again

    def _end(self, account: Account, error: LoginFailed) -> None:
        if account.configured and self._addon.close_spider(Reason.LOGIN_FAILED):
            logger.error("%s", error)


class SessionCookieMiddleware:
    """The last moment at which a request gets an account's cookies, and the first at which it and
    the response lose them: no retry, redirect, queue, log or ``repr`` has them.

    Scrapy's own jars (which mix accounts, and ports) have nothing to do with these requests.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._addon = SatchelAddon.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        sessions = sessions_for(self._addon, request)
        if sessions is None:
            return
        request.headers.pop("Cookie", None)
        if jar := _jar(sessions, request):
            jar.add_cookie_header(request)
        cookie = self._cookie(sessions, request)
        if cookie is not None and origin(request.url) == sessions.scheme.origin:
            others = request.headers.getlist("Cookie")
            session = f"{sessions.scheme.cookie}={cookie.reveal()}".encode()
            request.headers["Cookie"] = b"; ".join([*others, session])

    def _cookie(self, sessions: Sessions, request: Request) -> Secret | None:
        if CARRIED in request.meta:
            carried: Secret = request.meta[CARRIED]
            return carried
        if _USED not in request.meta:
            return None
        account = _account(sessions, request)
        session = sessions.current(account.name) if account else None
        if session is None:
            return None
        # It may have waited for its turn, and the session been renewed meanwhile.
        request.meta[_USED] = session.number
        return session.cookie

    def process_response(self, request: Request, response: Response) -> Response:
        sessions = self._addon.sessions.get(request.meta.get("satchel_service", ""))
        if sessions is None:
            return response
        # It is Scrapy's CookiesMiddleware that would put it into a jar, and its log.
        received = _take_cookie(response, sessions.scheme.cookie)
        if sessions_for(self._addon, request) is None:
            return response
        request.headers.pop("Cookie", None)
        if jar := _jar(sessions, request):
            jar.extract_cookies(response, request)
        if (
            received is not None
            and LOGIN in request.meta
            and origin(request.url) == sessions.scheme.origin
        ):
            request.meta[RECEIVED] = received
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        if sessions_for(self._addon, request) is not None:
            request.headers.pop("Cookie", None)


def sessions_for(addon: SatchelAddon, request: Request) -> Sessions | None:
    """The sessions of a request's service, if the request is about one."""
    if not request.meta.keys() & {ROLE, ACCOUNT, LOGIN}:
        return None
    return addon.sessions.get(request.meta.get("satchel_service", ""))


def _account(sessions: Sessions, request: Request) -> Account | None:
    """The account that serves a request.

    :raises NoAccount: none has its role
    """
    if ACCOUNT in request.meta:
        return sessions.account(request.meta[ACCOUNT])
    if LOGIN in request.meta or ROLE not in request.meta:
        return None
    return sessions.choose(request.meta[ROLE])


def _jar(sessions: Sessions, request: Request) -> CookieJar | None:
    name = request.meta.get(JAR)
    return None if name is None else sessions.jar(name)


def _take_cookie(response: Response, name: str) -> Secret | None:
    """Take a cookie out of a response's headers; its value, if it has one."""
    others, value = [], ""
    for header in response.headers.getlist("Set-Cookie"):
        key, _, rest = header.decode("latin-1").partition("=")
        if key.strip() == name:
            value = rest.partition(";")[0].strip().strip('"') or value
        else:
            others.append(header)
    response.headers.setlist("Set-Cookie", others)
    return Secret(value) if value else None
