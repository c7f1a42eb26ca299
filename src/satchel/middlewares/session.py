"""Requests that need a role get the session of an account that has it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from satchel.actions import CHANGES
from satchel.addon import SatchelAddon
from satchel.config import Secret
from satchel.errors import ActionError, LoginFailed, NoAccount, SatchelError
from satchel.service import is_below, origin
from satchel.sessions import ACCOUNT, CARRIED, JAR, LOGIN, RECEIVED, ROLE, USED, Account, Sessions
from satchel.throttle import PARTING

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http.cookies import CookieJar

_IN_VAIN: Final = 3
"""So often a session is renewed for a page that then takes the new one no more than the old; after
that such answers are not believed any more."""

READS: Final = "satchel_reads"
"""``meta``: the request changes nothing, although its method is not ``GET``."""

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
        self._count = crawler.stats.inc_value
        self._in_vain: Counter[str] = Counter()
        self._servers = self._addon.proposals.servers()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        request.meta.pop(USED, None)
        if self._changes(request):
            raise ActionError(
                f"{request.method} {request.url}: within a crawl, what changes something has to "
                f"be proposed: satchel.propose (docs/actions.md)"
            )
        try:
            await self._give_session(request)
        except SatchelError as error:
            if isinstance(error, NoAccount) and request.callback is not NO_CALLBACK:
                self._addon.login_failed(error)
            self._count("satchel/unserved")
            raise

    def _changes(self, request: Request) -> bool:
        """Whether a request may change something on a server of actions, or as an account, and is
        no action's."""
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return False
        if request.meta.keys() & {LOGIN, PARTING, CHANGES, READS}:
            return False
        return bool(request.meta.keys() & {ROLE, ACCOUNT}) or any(
            is_below(request.url, server) for server in self._servers
        )

    async def _give_session(self, request: Request) -> None:
        if not request.meta.keys() & {ROLE, ACCOUNT, LOGIN}:
            return
        sessions = sessions_for(self._addon, request)
        if sessions is None:
            raise NoAccount(f"{request.url}: it needs a role, and its service has no address set")
        request.meta["dont_cache"] = request.meta["dont_merge_cookies"] = True
        account = _account(sessions, request)
        if account is None:
            return
        request.meta[JAR] = account.name
        if origin(request.url) == sessions.scheme.origin:
            request.meta[USED] = (await sessions.of(account)).number

    def process_response(self, request: Request, response: Response) -> Request | Response:
        number = request.meta.get(USED)
        sessions = sessions_for(self._addon, request)
        if number is None or sessions is None or request.meta.keys() & {LOGIN, PARTING}:
            return response
        account = _account(sessions, request)
        assert account is not None
        if not sessions.scheme.has_expired(response):
            request.meta.pop(_RENEWED, None)
            sessions.worked(account.name, number)
            return response
        try:
            return self._renewed(sessions, account, request, number)
        except LoginFailed:
            self._count("satchel/unserved")
            raise

    def _renewed(
        self, sessions: Sessions, account: Account, request: Request, number: int
    ) -> Request:
        """The request once more, for a session that is new.

        :raises LoginFailed: it has been asked with a new session, or new ones do not help
        """
        name = account.name
        repeated = request.replace(dont_filter=True)
        session = sessions.current(name)
        if session is None or session.number != number:  # It is renewed already.
            return repeated
        again = _RENEWED in request.meta
        if session.worked and (again or self._in_vain[name] >= _IN_VAIN):
            self._in_vain[name] += again
            raise LoginFailed(f"{request.url}: the server takes no session of {account} here")
        sessions.expired(name, number)
        repeated.meta[_RENEWED] = True
        return repeated


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
        if origin(request.url) != sessions.scheme.origin:
            return
        if (jar := _jar(sessions, request)) is not None:
            jar.add_cookie_header(request)
        if (cookie := self._cookie(sessions, request)) is not None:
            others = request.headers.getlist("Cookie")
            session = f"{sessions.scheme.cookie}={cookie.reveal()}".encode()
            request.headers["Cookie"] = b"; ".join([*others, session])

    def _cookie(self, sessions: Sessions, request: Request) -> Secret | None:
        if CARRIED in request.meta:
            carried: Secret = request.meta[CARRIED]
            return carried
        if USED not in request.meta:
            return None
        account = _account(sessions, request)
        session = sessions.last(account.name) if account else None
        if session is None:
            return None
        # It may have waited for its turn, and the session been renewed meanwhile.
        request.meta[USED] = session.number
        return session.cookie

    def process_response(self, request: Request, response: Response) -> Response:
        sessions = self._addon.sessions.get(request.meta.get("satchel_service", ""))
        if sessions is None:
            return response
        # It is Scrapy's CookiesMiddleware that would put it into a jar, and its log.
        received = _take_cookie(response, sessions.scheme.cookie)
        if sessions_for(self._addon, request) is not None:
            request.headers.pop("Cookie", None)
            if origin(request.url) == sessions.scheme.origin:
                self._keep(sessions, request, response, received)
        return response

    def _keep(
        self, sessions: Sessions, request: Request, response: Response, received: Secret | None
    ) -> None:
        if (jar := _jar(sessions, request)) is not None:
            jar.extract_cookies(response, request)
        if received is not None and LOGIN in request.meta:
            request.meta[RECEIVED] = received

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
