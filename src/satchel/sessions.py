"""Login sessions: which account serves a request, and one login however many wait for it.

How a service logs in is the service's to say (:class:`LoginScheme`). Here is when that is done, and
who gets which session. The requests pass Scrapy's downloader like all others.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct, structs
from scrapy.http.cookies import CookieJar

from satchel.config import Secret
from satchel.errors import ConfigError, LoginFailed, NoAccount, did_you_mean
from satchel.session_file import SessionFile
from satchel.throttle import PARTING

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

    Send = Callable[[Request], Awaitable[Response]]

logger = logging.getLogger(__name__)


class Account(Struct, frozen=True, kw_only=True):
    """One account on a server, with a password, a session's cookie, or both.

    :ivar role: what it may do
    :ivar username: the name that it logs in with
    :ivar password: logs it in
    :ivar session: the value of a session's cookie that is used until it expires
    :ivar configured: from the settings, not made by a call
    """

    role: str
    username: str = ""
    password: Secret | None = None
    session: Secret | None = None
    configured: bool = True

    @property
    def name(self) -> str:
        """What tells it from the others; no secret."""
        return self.username or f"the session of a {self.role}"

    def __str__(self) -> str:
        return f"{self.username} ({self.role})" if self.username else self.name


class Answer(NamedTuple):
    """What a login flow is sent for a request that it yielded.

    :ivar response: the response, without the session's cookie
    :ivar cookie: that cookie's value, if the response set one
    """

    response: Response
    cookie: Secret | None


class Welcome(NamedTuple):
    """What a login flow returns.

    :ivar cookie: the value of the session's cookie
    :ivar details: what the server said of the account, as the service makes it
    """

    cookie: Secret
    details: Any = None


LoginFlow = Generator["Request", Answer, Welcome]


@dataclass(frozen=True, slots=True)
class LoginScheme:
    """How the accounts of a service log in.

    :ivar service: the service's word
    :ivar setting: the setting that has the accounts, for messages
    :ivar accounts: those that are configured
    :ivar roles: from the least privileged to the most
    :ivar serves: (the role that a request needs, an account's) → whether the account will do
    :ivar origin: ``scheme://host:port``: where sessions go, and nowhere else
    :ivar cookie: the name of the session's cookie
    :ivar login: a flow without I/O that yields requests, is sent their answers, and returns the
        session; raises :class:`LoginFailed`
    :ivar logout: the request that ends a session
    :ivar has_expired: whether a response says that the session is none
    """

    service: str
    setting: str
    accounts: tuple[Account, ...]
    roles: tuple[str, ...]
    serves: Callable[[str, str], bool]
    origin: str
    cookie: str
    login: Callable[[Account], LoginFlow]
    logout: Callable[[], Request]
    has_expired: Callable[[Response], bool]


@dataclass(slots=True, eq=False)
class Session:
    """A session of an account.

    :ivar number: tells it from others of the same crawl
    :ivar cookie: the value of its cookie
    :ivar details: what the server said of the account, if it was asked
    :ivar worked: the server has taken it
    :ivar made: this crawl has logged in for it
    :ivar doubts: answers that did not take it before it worked
    """

    number: int
    cookie: Secret
    details: Any = None
    worked: bool = False
    made: bool = False
    doubts: int = 0


LOGIN = "satchel_login"
"""``meta``: a request of a login; the cookie that it is answered with is for the flow."""

RECEIVED = "satchel_received"
"""``meta``: the cookie that a request of a login was answered with, a :class:`Secret`."""

CARRIED = "satchel_carried"
"""``meta``: the cookie that a request of a login carries, a :class:`Secret`."""

USED = "satchel_session"
"""``meta``: the number of the session that a request carries."""

JAR = "satchel_jar"
"""``meta``: the name of the account whose other cookies a request carries."""

ACCOUNT = "satchel_account"
"""``meta``: the name of the account that a request is for, whatever its role."""

ROLE = "satchel_role"
"""``meta``: the role that a request needs."""


def carrying(request: Request, cookie: Secret) -> Request:
    """A request of a login flow, with the session that the flow has just got."""
    request.meta[CARRIED] = cookie
    return request


DOUBTS: Final = 10
"""Answers that do not take a new session, before any that does, until it is given up."""


class Sessions:
    """The sessions of one service in one crawl.

    :param scheme: what the service says
    :param send: sends a request through the crawl's downloader
    :param file: keeps sessions for the next crawl; ``None``: they end with this one
    :param failed: is told when a configured account cannot be logged in
    """

    def __init__(
        self,
        scheme: LoginScheme,
        send: Send,
        file: SessionFile | None = None,
        failed: Callable[[LoginFailed], object] = lambda error: None,
    ) -> None:
        self.scheme = scheme
        self._send = send
        self._file = file
        self._failed = failed
        self._accounts = {account.name: account for account in scheme.accounts}
        self._logins: dict[str, asyncio.Future[Session]] = {}
        self._running: dict[tuple[str, Secret | None], asyncio.Task[Session]] = {}
        self._current: dict[str, Session] = {}
        self._last: dict[str, Session] = {}
        self._jars: defaultdict[str, CookieJar] = defaultdict(CookieJar)
        self._spent: set[Secret] = set()
        self._refused: dict[tuple[str, Secret | None], LoginFailed] = {}
        self._numbers = itertools.count(1)

    def choose(self, role: str) -> Account:
        """The least privileged account that serves a role.

        :raises NoAccount: there is none, or no such role
        """
        roles = self.scheme.roles
        if role not in roles:
            raise NoAccount(
                f"{self.scheme.service}: no role {role}{did_you_mean(role, roles)} (known: "
                f"{', '.join(roles)})"
            )
        for candidate in (role, *roles):
            if candidate == role or self.scheme.serves(role, candidate):
                for account in self._accounts.values():
                    if account.configured and account.role == candidate:
                        return account
        raise NoAccount(
            f"{self.scheme.setting}: no account for the role {role}; add one "
            f"(docs/accounts.md has an example)"
        )

    def account(self, name: str) -> Account:
        """The account of a name.

        :raises NoAccount: there is none
        """
        if name not in self._accounts:
            raise NoAccount(f"{self.scheme.setting}: no account {name}")
        return self._accounts[name]

    def jar(self, name: str) -> CookieJar:
        """The other cookies of an account: nobody else sends them."""
        return self._jars[name]

    def change_password(self, name: str, password: Secret) -> None:
        """Take note that an account has another password now."""
        account = self.account(name)
        self._accounts[name] = structs.replace(account, password=password, session=None)

    async def of(self, account: Account) -> Session:
        """The session of an account; it logs in if need be, once for all who wait.

        :raises LoginFailed: it cannot; a password that was refused is not tried again
        """
        if account.name not in self._logins:
            login = asyncio.ensure_future(self._begin(self.account(account.name)))
            self._logins[account.name] = login
            login.add_done_callback(functools.partial(self._begun, account.name))
        return await asyncio.shield(self._logins[account.name])

    def current(self, name: str) -> Session | None:
        """The session that an account has now."""
        return self._current.get(name)

    def last(self, name: str) -> Session | None:
        """The session that an account had last: its current one, unless a new one is on its way."""
        return self._last.get(name)

    def worked(self, name: str, number: int) -> None:
        """The server has taken a session."""
        session = self._current.get(name)
        if session is not None and session.number == number:
            session.worked = True

    def expired(self, name: str, number: int) -> None:
        """The server has not taken a session: forget it, if it has not been replaced meanwhile.

        :raises LoginFailed: it has never taken it, so another would not be taken either; after
            :data:`DOUBTS` of these the account counts as one that cannot be logged in
        """
        session = self._current.get(name)
        if session is None or session.number != number:
            return
        if session.worked:
            self.forget(name)
            return
        session.doubts += 1
        error = LoginFailed(
            f"{self._accounts[name]}: the server does not take the session that it has just given; "
            f"see whether the address and the profile are right"
        )
        if session.doubts == DOUBTS:
            self._tell(self._accounts[name], error)
        raise error

    def forget(self, name: str) -> None:
        """Use the session of an account no more."""
        session = self._current.pop(name, None)
        self._logins.pop(name, None)
        if session is not None:
            self._spent.add(session.cookie)
            if self._file is not None:
                self._file.remove(self.scheme.origin, name, session.cookie)

    async def log_in(self, account: Account) -> Session:
        """Log an account in, whether or not it has a session; once for all who wait.

        :raises LoginFailed: it cannot; what was refused is not tried again
        """
        key = account.name, account.password
        if key in self._refused:
            raise self._refused[key]
        if key not in self._running:
            login = asyncio.ensure_future(self._log_in(account))
            self._running[key] = login
            login.add_done_callback(lambda done: self._running.pop(key))
        return await asyncio.shield(self._running[key])

    async def log_out(self, name: str) -> None:
        """End the session of an account, if it has one. That it cannot be told is only logged."""
        if self.current(name) is None:
            return
        request = self.scheme.logout()
        request.meta.update({ACCOUNT: name, PARTING: True, "dont_retry": True})
        try:
            await self._send(request)
        except Exception as error:  # whatever it was, the session is not used any more
            logger.warning("%s: not logged out: %s", self._accounts[name], _one_line(error))
        finally:
            self.forget(name)
            if not self._accounts[name].configured:
                del self._accounts[name]

    async def close(self) -> None:
        """End the sessions that this crawl has made, unless a file keeps them."""
        if self._file is None:
            made = [name for name, session in self._current.items() if session.made]
            await asyncio.gather(*map(self.log_out, made), return_exceptions=True)

    async def _begin(self, account: Account) -> Session:
        kept = self._file.get(self.scheme.origin, account.name) if self._file else None
        for cookie in (account.session, kept):
            if cookie is not None and cookie not in self._spent:
                return self._keep(account, cookie, made=False)
        if account.password is None:
            raise LoginFailed(
                f"{self.scheme.setting}: {account}: the session is not valid any more, and there "
                f"is no password; give a new session, or a username and a password",
                refused=True,
            )
        return await self.log_in(account)

    def _begun(self, name: str, login: asyncio.Future[Session]) -> None:
        error = None if login.cancelled() else login.exception()
        if isinstance(error, LoginFailed):
            self._tell(self._accounts[name], error)
        if login.cancelled() or (error and not getattr(error, "refused", False)):
            self._logins.pop(name, None)

    def _tell(self, account: Account, error: LoginFailed) -> None:
        if account.configured:
            self._failed(error)

    async def _log_in(self, account: Account) -> Session:
        try:
            welcome = await self._flow(account, self.current(account.name) is not None)
        except LoginFailed as error:
            if error.refused:
                self._refused[account.name, account.password] = error
            raise
        self._accounts.setdefault(account.name, account)
        session = self._keep(account, welcome.cookie, welcome.details, made=True)
        if self._file is not None:
            self._file.put(self.scheme.origin, account.name, session.cookie)
        return session

    def _keep(
        self, account: Account, cookie: Secret, details: Any = None, *, made: bool
    ) -> Session:
        session = Session(next(self._numbers), cookie, details, worked=not made, made=made)
        self._current[account.name] = self._last[account.name] = session
        done: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        done.set_result(session)
        self._logins[account.name] = done
        return session

    async def _flow(self, account: Account, with_session: bool) -> Welcome:
        flow = self.scheme.login(account)
        try:
            request = next(flow)
            while True:
                request = flow.send(await self._ask(request, account, with_session))
        except StopIteration as done:
            welcome: Welcome = done.value
            return welcome

    async def _ask(self, request: Request, account: Account, with_session: bool) -> Answer:
        request.meta[JAR] = account.name
        if with_session:
            request.meta[ACCOUNT] = account.name
        try:
            return await self.ask(request)
        except ConfigError:
            raise
        except Exception as error:
            raise LoginFailed(f"{account}: {request.url}: no answer: {_one_line(error)}") from error

    async def ask(self, request: Request) -> Answer:
        """The answer to a request of a login, or of a registration."""
        request.meta[LOGIN] = True
        response = await self._send(request)
        asked = response.request or request
        return Answer(response, asked.meta.pop(RECEIVED, None))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
