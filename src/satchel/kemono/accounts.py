"""The account interface (the seed's ``pykemo.accounts``; reference section 18).

An account's calls go through Scrapy's downloader: in a crawl that of the crawl, in a script one of
its own. Each call is as few requests as it takes; lists are as the server orders them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from msgspec import convert

from satchel.config import Secret
from satchel.errors import ActionError, LoginFailed
from satchel.kemono import wire
from satchel.kemono.actions import ChangeRole, UnlinkCreator, change_password_body, without
from satchel.kemono.api import REGISTER_PAGE, is_redirect
from satchel.kemono.errors import InvalidRegister, LoginError, PyKemoException, RegisterError
from satchel.kemono.sessions import KemoSession
from satchel.kemono.values import AccountRole
from satchel.script import is_script
from satchel.sessions import Account

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.kemono.client import KemonoClient
    from satchel.kemono.items import AccountView, Creator, CreatorLinkRequest, Post
    from satchel.kemono.wire import Found


class Consumer:
    """A basic account. :meth:`login` makes one; it can be used by ``async with``.

    :ivar id: the account's number; ``None`` if the server does not say it (login by form)
    :ivar username: its name
    :ivar created_at: when it was registered, in UTC; ``None`` if the server does not say it
    :ivar session: what its calls go through
    """

    id: int | None
    username: str
    created_at: datetime | None
    session: KemoSession

    def __init__(
        self,
        *,
        id: int | None,
        username: str,
        created_at: datetime | None,
        session: KemoSession,
    ) -> None:
        self.id = id
        self.username = username
        self.created_at = created_at
        self.session = session
        # The sessions' name for it: it may have none, or one that privacy withholds.
        self._name = username
        self._owns_session = False
        self._logged_out = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.username!r}>"

    @property
    def ks(self) -> KemoSession:
        """:attr:`session`, by the seed's other name."""
        return self.session

    @staticmethod
    def role() -> AccountRole:
        """What an account of this class may do."""
        return AccountRole.CONSUMER

    @classmethod
    async def login(cls, user: str, password: str, session: KemoSession | None = None) -> Self:
        """Log in.

        :param session: what the calls go through; within a crawl ``KemoSession.of(crawler)``.
            Default: one of its own, which ends with :meth:`logout` or ``async with``
        :raises InvalidLogin: the server refuses the name or the password
        :raises AlreadyLoggedIn: the account is logged in on *session*
        :raises InvalidRole: the account's role is not the class's
        :raises LoginError: anything else
        :raises ConfigError: no server is configured
        """
        account = Account(
            role=cls.role().value, username=user, password=Secret(password), configured=False
        )
        if session is not None:
            return await cls._logged_in(account, session)
        session = await KemoSession.open()
        try:
            self = await cls._logged_in(account, session)
        except BaseException:
            await session.close()
            raise
        self._owns_session = True
        return self

    @classmethod
    async def of(cls, crawler: Crawler) -> Self:
        """The account that is configured for the class's role, within a running crawl.

        :raises NoAccount: there is none
        :raises LoginFailed: it cannot be logged in
        """
        session = KemoSession.of(crawler)
        account = session.sessions.choose(cls.role().value)
        view = (await session.sessions.of(account)).details
        if view is None and session.client.api.offers("account.show"):
            view = await session.client.whoami(account.name)
        return cls._of(account.name, view, session)

    @classmethod
    async def _logged_in(cls, account: Account, session: KemoSession) -> Self:
        try:
            details = (await session.sessions.log_in(account)).details
        except LoginFailed as error:
            raise (error if isinstance(error, LoginError) else LoginError(str(error))) from None
        return cls._of(account.name, details, session)

    @classmethod
    def _of(cls, name: str, view: AccountView | None, session: KemoSession) -> Self:
        self = cls(
            id=view.id if view else None,
            username=(view and view.username) or name,
            created_at=view.created_at if view else None,
            session=session,
        )
        self._name = name
        return self

    @classmethod
    async def register(cls, user: str, password: str) -> Self:
        """Make an account on the server, and log in. In scripts only.

        :raises NotInACrawl: it is none
        :raises InvalidRegister: the server refuses the name or the password
        :raises RegisterError: anything else
        :raises LoginError: the account is made, but cannot log in
        """
        session = await KemoSession.open()
        try:
            await _register(session, user, password)
            self = await cls.login(user, password, session)
        except BaseException:
            await session.close()
            raise
        self._owns_session = True
        return self

    async def logout(self) -> None:
        """End the session. The account is of no more use then; to log out again does nothing."""
        if self._logged_out:
            return
        self._logged_out = True
        try:
            await self.session.sessions.log_out(self._name)
        finally:
            if self._owns_session:
                await self.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.logout()

    async def change_password(
        self, current_password: str, new_password: str, close_on_fail: bool = True
    ) -> None:
        """Change the password. Other sessions of the account stay valid.

        :param close_on_fail: log out if it fails
        :raises PyKemoException: it failed
        :raises ActionError: in a crawl: there it has to be proposed as an action, which does not
            have the passwords but their places
        """
        body = change_password_body(Secret(current_password), Secret(new_password))
        sent = {name: secret.reveal() for name, secret in body.items()}
        try:
            response = await self._client.change("account.change_password", body=sent)
            if response.status != 200:
                said = without(wire.read_error(response.body) or "", *body.values())
                said = said or f"status {response.status}"
                raise PyKemoException(f"{self.username}: the password was not changed: {said}")
        except ActionError:
            raise
        except BaseException:
            if close_on_fail:
                await self.logout()
            raise
        self.session.sessions.change_password(self._name, Secret(new_password))

    async def favorite_artists(self) -> list[Creator]:
        """The account's favourite creators: :meth:`favorite_creators` by another name."""
        return await self.favorite_creators()

    async def favorite_creators(self) -> list[Creator]:
        """The account's favourite creators; what the list has of them."""
        return cast("list[Creator]", await self._client.ask("favorites.creators"))

    async def favorite_posts(self) -> list[Post]:
        """The account's favourite posts."""
        return cast("list[Post]", await self._client.ask("favorites.posts"))

    async def get_creator(self, service: str, creator_id: str) -> Creator | None:
        """A creator's profile; ``None`` when there is none."""
        found = await self._client.ask("creators.profile", service=service, id=creator_id)
        return cast("Creator | None", found)

    async def get_post(self, service: str, post_id: str) -> Post | None:
        """A post, without knowing its creator; ``None`` when there is none."""
        found = await self._client.ask("posts.lookup", service=service, id=post_id)
        return await self._post(found, post_id)

    async def random_creator(self) -> Creator | None:
        """The profile of some creator; ``None`` when the server finds none."""
        found: Found | None = await self._client.ask("creators.random")
        return found and await self.get_creator(found.service, found.user)

    async def random_post(self) -> Post | None:
        """Some post; ``None`` when the server finds none."""
        return await self._post(await self._client.ask("posts.random"), None)

    async def _post(self, found: Found | None, post_id: str | None) -> Post | None:
        if found is None:
            return None
        post = await self._client.ask(
            "posts.detail", service=found.service, user=found.user, id=found.post or post_id
        )
        return cast("Post | None", post)

    @property
    def _client(self) -> KemonoClient:
        if self._logged_out:
            raise PyKemoException(f"{self.username}: logged out")
        return self.session.client.as_account(self._name)


class Moderator(Consumer):
    """An account that decides on link requests."""

    @staticmethod
    def role() -> AccountRole:
        """What an account of this class may do."""
        return AccountRole.MODERATOR

    async def creator_link_requests(self) -> list[CreatorLinkRequest]:
        """The link requests that nobody has decided on; each has ``approve()`` and ``reject()``.

        :raises InsufficientPrivileges: the account is no moderator, or not any more
        """
        return cast("list[CreatorLinkRequest]", await self._client.ask("links.requests"))


class Admin(Moderator):
    """An account that sees all accounts, and decides what each may do."""

    @staticmethod
    def role() -> AccountRole:
        """What an account of this class may do."""
        return AccountRole.ADMINISTRATOR

    async def view_accounts(
        self,
        *,
        name: str | None = None,
        role: AccountRole | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> list[AccountView]:
        """A page of the accounts, newest first; without administrators unless asked for.

        :param name: only those whose name has this in it, in this case
        :param role: only those with this role
        :param page: which page, from 1
        :param limit: accounts of a page; servers take up to 25
        :raises ValueError: *page* or *limit* is 0 or less
        :raises InsufficientPrivileges: the account is no administrator, or not any more
        """
        for word, value in (("page", page), ("limit", limit)):
            if value is not None and value <= 0:
                raise ValueError(f"{word}: expected 1 or more, got {value}")
        query: dict[str, Any] = {
            "name": name,
            "role": None if role is None else AccountRole(role).value,
            "page": page,
            "limit": limit,
        }
        return cast("list[AccountView]", await self._client.ask("accounts.list", query=query))

    async def change_roles(self, mod_ids: Iterable[int], cons_ids: Iterable[int]) -> bool:
        """Make accounts moderators, and others consumers.

        :param mod_ids: numbers of the accounts that become moderators
        :param cons_ids: numbers of those that become consumers
        :returns: whether the server did it; in a crawl it did not, yet: an action is proposed for
            each account
        :raises InsufficientPrivileges: the account is no administrator, or not any more
        """
        roles = {"moderator": [int(id) for id in mod_ids], "consumer": [int(id) for id in cons_ids]}
        client = self._client
        if is_script(client.crawler):
            response = await client.change("accounts.change_roles", body=roles)
            return response.status == 200
        for role, ids in roles.items():
            for id in ids:
                action = convert({"id": id, "to": role, "account": self._name}, ChangeRole)
                await client.act(action)
        return False

    async def remove_creator(self, creator: Creator) -> bool:
        """Take a creator out of those that it is linked with.

        Errors and result as of :meth:`remove_creator_link`.
        """
        return await self.remove_creator_link(creator.service or "", creator.id or "")

    async def remove_creator_link(self, service: str, creator_id: str) -> bool:
        """The same by where the creator publishes, and its id there.

        :returns: whether the server did it; false, too, when there is no such creator, and in a
            crawl, which proposes it
        :raises InsufficientPrivileges: the account is no administrator, or not any more
        """
        return await self._client.act(
            UnlinkCreator(service=service, creator=creator_id, account=self._name)
        )


async def _register(session: KemoSession, user: str, password: str) -> None:
    client = session.client
    try:
        response = (await session.sessions.ask(client.api.register(user, password))).response
    except Exception as error:
        raise RegisterError(
            f"{user}: no answer ({error}); nobody knows whether the account was made: try to log in"
        ) from error
    if client.api.profile.login == "form":
        done = is_redirect(response) and client.api.location(response) != REGISTER_PAGE
    else:
        done = response.status == 200 and wire.read_done(response.body) is not False
    if done:
        return
    said = wire.read_error(response.body) or f"status {response.status}"
    kind = InvalidRegister if response.status in (200, 302, 400, 409) else RegisterError
    raise kind(f"{user}: {response.url}: the server made no account ({said})")
