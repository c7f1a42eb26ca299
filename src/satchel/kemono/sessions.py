"""How Kemono's accounts log in (reference sections 3 and 4), and what their calls go through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from satchel.addon import SatchelAddon
from satchel.browser import FOUND
from satchel.browser.login import Outcome, Told
from satchel.config import Secret
from satchel.errors import ConfigError, DecodeError
from satchel.kemono import wire
from satchel.kemono.api import COOKIE, Api, is_redirect
from satchel.kemono.errors import (
    AlreadyLoggedIn,
    InvalidLogin,
    InvalidRole,
    LoginError,
)
from satchel.kemono.profiles import SETTING as PROFILE
from satchel.kemono.values import AccountRole
from satchel.script import Engine
from satchel.service import origin
from satchel.sessions import Account, LoginFlow, LoginScheme, Sessions, Welcome, carrying

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from satchel.kemono.client import KemonoClient
    from satchel.kemono.items import AccountView
    from satchel.kemono.settings import KemonoSettings

SETTING = "SATCHEL_KEMONO_ACCOUNTS"


def login_scheme(settings: KemonoSettings) -> LoginScheme | None:
    """How the configured accounts log in; ``None`` while no server is configured.

    :raises ConfigError: the accounts are none, or the profile is none
    """
    accounts = read_accounts(settings.accounts)
    if settings.url is None:
        return None
    api = Api(settings)

    def serves(needed: str, role: str) -> bool:
        if api.profile.exact_roles and needed == AccountRole.MODERATOR:
            return role == needed
        return AccountRole(needed) <= role

    return LoginScheme(
        service="kemono",
        setting=SETTING,
        accounts=accounts,
        roles=tuple(AccountRole),
        serves=serves,
        origin=origin(api.base),
        cookie=COOKIE,
        login=lambda account: log_in(api, account),
        logout=api.logout,
        has_expired=api.has_expired,
    )


def wants_browser(settings: KemonoSettings) -> str | None:
    """What wants a browser: accounts that log in in one."""
    if settings.url is None or settings.accounts is None:
        return None
    return f"{PROFILE}: login: browser" if Api(settings).profile.login == "browser" else None


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    role: AccountRole
    username: str = ""
    password: str = ""
    session: str = ""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    accounts: list[_Given]


def read_accounts(document: Secret | None) -> tuple[Account, ...]:
    """The accounts of the setting: a JSON list, or a TOML file with ``[[accounts]]``.

    :raises ConfigError: one lacks something, or two have one name; no value is quoted
    """
    if document is None:
        return ()
    value = msgspec.json.decode(document.reveal())
    listed = value if isinstance(value, dict) else {"accounts": value}
    try:
        given = msgspec.convert(listed, _Document).accounts
    except msgspec.ValidationError as error:
        place = str(error).rpartition("`")[0].rpartition("`")[2].removeprefix("$.") or "accounts"
        what = "accounts" if place.startswith("accounts[") else "a list of accounts ([[accounts]])"
        raise ConfigError(
            f"{SETTING}: {place}: expected {what} with role ("
            f"{', '.join(AccountRole)}), username and password, or session"
        ) from None
    for position, one in enumerate(given):
        if not (one.username if one.password else one.session):
            raise ConfigError(
                f"{SETTING}: accounts[{position}]: expected username and password, or session"
            )
        if not re.fullmatch(r"[!#-+\--:<-\[\]-~]*", one.session):
            raise ConfigError(
                f"{SETTING}: accounts[{position}].session: expected the value of the cookie alone"
            )
    accounts = tuple(
        Account(
            role=one.role.value,
            username=one.username,
            password=Secret(one.password) if one.password else None,
            session=Secret(one.session) if one.session else None,
        )
        for one in given
    )
    names = [account.name for account in accounts]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{SETTING}: two accounts are {name}; give each a username")
    return accounts


def log_in(api: Api, account: Account) -> LoginFlow:
    """Log an account in: a flow without I/O, for :class:`~satchel.sessions.Sessions`.

    :raises InvalidLogin: the server refuses the name or the password
    :raises AlreadyLoggedIn: the requests carried a session
    :raises InvalidRole: the account has another role than it is said to have
    :raises LoginError: anything else
    """
    answer = yield api.login(account.username, account.password or Secret(""))
    view = None
    if api.profile.login == "browser":
        _read_page(account, answer.response)
    elif api.profile.login == "form":
        _read_form(api, account, answer.response, answer.cookie)
    else:
        view = _read_json(account, answer.response)
    cookie = answer.cookie
    if cookie is None:
        raise LoginError(f"{account}: {answer.response.url}: the server gave no session")
    if view is None and api.offers("account.show"):
        shown = yield carrying(api.request("account.show"), cookie)
        view = _read_view(account, shown.response)
    if view is not None and view.role != account.role:
        yield carrying(api.logout(), cookie)
        raise InvalidRole(
            f"{account}: the server says that its role is {view.role}, not {account.role}; "
            f"correct the role",
            refused=True,
        )
    return Welcome(cookie, view)


def _read_json(account: Account, response: Response) -> AccountView | None:
    if response.status == 200:
        return _read_view(account, response)
    said = _said(response)
    if response.status in (400, 401):
        raise InvalidLogin(
            f"{account}: {response.url}: the server refused the username or the password ({said}); "
            f"check both",
            refused=True,
        )
    if response.status == 409:
        raise AlreadyLoggedIn(f"{account}: {response.url}: logged in already ({said})")
    raise LoginError(
        f"{account}: {response.url}: the server answered {response.status} ({said}); see whether "
        f"the profile is right (SATCHEL_KEMONO_PROFILE)"
    )


def _read_form(api: Api, account: Account, response: Response, cookie: Secret | None) -> None:
    # Success and failure are both a 302, and both set a cookie (section 4).
    if api.is_login_page(response):
        raise InvalidLogin(
            f"{account}: {response.url}: the server refused the username or the password; check "
            f"both",
            refused=True,
        )
    if not is_redirect(response):
        raise LoginError(
            f"{account}: {response.url}: expected a redirect from the form, got "
            f"{response.status}; see whether the profile is right (SATCHEL_KEMONO_PROFILE)"
        )
    if cookie is None:
        raise AlreadyLoggedIn(f"{account}: {response.url}: logged in already")


def _read_page(account: Account, response: Response) -> None:
    told: Told | None = response.meta.get(FOUND)
    if told is None:
        raise LoginError(
            f"{account}: {response.url}: the server answered {response.status} instead of a page "
            f"to log in on; see whether login_page.path is right ({PROFILE})"
        )
    if told.outcome is Outcome.REFUSED:
        raise InvalidLogin(
            f"{account}: {response.url}: the server refused the username or the password; check "
            f"both",
            refused=True,
        )
    if told.outcome is not Outcome.IN:
        raise LoginError(f"{account}: {response.url}: {_PAGES[told.outcome].format(told.words)}")


_PAGES = {
    Outcome.ELSEWHERE: "the page to log in on leads to another server, {}, which gets no password; "
    f"see whether SATCHEL_KEMONO_URL and login_page.path ({PROFILE}) are right "
    "(docs/browser.md)",
    Outcome.MISSING: "the page to log in on has no {}; say where that is in login_page of "
    f"{PROFILE} (docs/browser.md)",
    Outcome.FAILED: "the server answered {}; try again later",
    Outcome.NEVER: "nothing came of it in time (SATCHEL_BROWSER_SECONDS), neither a session nor a "
    "refusal{}; say what shows them in login_page of "
    f"{PROFILE} (docs/browser.md)",
}


def _read_view(account: Account, response: Response) -> AccountView:
    try:
        view = wire.read_account(response.body) if response.status == 200 else None
    except DecodeError:
        view = None
    if view is None:
        raise LoginError(
            f"{account}: {response.url}: the answer ({response.status}) is no account; see whether "
            f"the profile is right (SATCHEL_KEMONO_PROFILE)"
        )
    return view


def _said(response: Response) -> str:
    return wire.read_error(response.body) or f"status {response.status}"


class KemoSession:
    """What accounts' calls go through: a crawl's downloader, with its pace, sessions and retries.

    Within a crawl it is that crawl's (:meth:`of`); in a script or a notebook one of its own
    (:meth:`open`), in the event loop that is running.
    """

    def __init__(self, crawler: Crawler, engine: Engine | None = None) -> None:
        self.crawler = crawler
        self._engine = engine

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The session of a running crawl. Closing it does nothing."""
        return cls(crawler)

    @classmethod
    async def open(cls, settings: Mapping[str, Any] | None = None) -> Self:
        """One for a script: what is configured in the environment, and *settings*.

        What a person calls in a script acts on the server at once.

        :param settings: Scrapy's and satchel's, such as ``{"SATCHEL_KEMONO_URL": …}``
        :raises ConfigError: a setting is wrong, or no server is configured
        :raises NotInACrawl: a crawl goes on; it has one (:meth:`of`)
        """
        engine = await Engine.start(settings)
        self = cls(engine.crawler, engine)
        try:
            _ = self.client
        except BaseException:
            await self.close()
            raise
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.sessions.scheme.origin}>"

    @property
    def client(self) -> KemonoClient:
        """The client of the crawl.

        :raises ConfigError: no server is configured
        """
        from satchel.kemono.client import KemonoClient

        return KemonoClient.of(self.crawler)

    @property
    def sessions(self) -> Sessions:
        """The accounts' sessions.

        :raises ConfigError: no server is configured
        """
        _ = self.client
        return SatchelAddon.of(self.crawler).sessions["kemono"]

    async def close(self) -> None:
        """Stop, unless it belongs to a crawl. May be called again.

        Accounts are logged out, unless ``SATCHEL_SESSIONS`` keeps their sessions.
        """
        if self._engine is not None:
            await self._engine.stop()
