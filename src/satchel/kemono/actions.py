"""What can be changed on a Kemono server (reference sections 5.2, 6.2, 7.2, 8.2, 8.4 and 11.4)."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, cast
from urllib.parse import quote

from msgspec import Meta

from satchel.actions import Action, Found, Outcome, Reference, State
from satchel.addon import SatchelAddon
from satchel.config import Secret, referred
from satchel.errors import ActionError, AnswerError
from satchel.items import key_of
from satchel.kemono import wire
from satchel.kemono.api import is_redirect
from satchel.kemono.errors import InsufficientPrivileges
from satchel.kemono.operations import OPERATIONS
from satchel.kemono.values import AccountRole
from satchel.sessions import carrying

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from satchel.kemono.client import KemonoClient
    from satchel.kemono.items import CreatorLinkRequest

_DONE: Final = (200, 201, 204)

Word = Annotated[str, Meta(min_length=1)]


class KemonoAction(Action, frozen=True, kw_only=True):
    """An action that is one operation of the API."""

    operation: ClassVar[str]

    def path(self) -> dict[str, Any]:
        """The parameters of the operation's path."""
        return {}

    def body(self) -> Any:
        """What is sent as JSON; ``None``: nothing. Secrets are :class:`~satchel.Secret`."""
        return None

    def preview(self) -> str:
        operation = OPERATIONS[self.operation]
        words = {name: quote(str(value), safe="") for name, value in self.path().items()}
        body = self.body()
        shown = "" if body is None else f" {json.dumps(body, default=repr)}"
        return f"{operation.method} /api/{operation.path.format(**words)}{shown}"

    async def ask(self, client: KemonoClient) -> Response:
        """Send it; the server's response, a success or a refusal.

        :raises PyKemoException: as :meth:`KemonoClient.change` does
        """
        given = {} if self.body() is None else {"body": _revealed(self.body())}
        return await client.change(self.operation, **self.path(), **given)

    async def send(self, crawler: Crawler) -> Outcome:
        try:
            response = await self.ask(self._client(crawler))
        except InsufficientPrivileges as error:
            return Outcome(State.REFUSED, str(error), by_account=True)
        except AnswerError as error:
            return Outcome(State.REFUSED, str(error))
        return self.judge(response)

    def judge(self, response: Response) -> Outcome:
        """What a response says."""
        if response.status in _DONE:
            return Outcome(State.DONE)
        said = "it redirects" if is_redirect(response) else self.said(response)
        note = f"the server answered {response.status}" + (f" ({said[:200]})" if said else "")
        return Outcome(State.HELD if response.status == 429 else State.REFUSED, note)

    def said(self, response: Response) -> str:
        """What a refusal says of itself, without secrets."""
        return wire.read_error(response.body) or ""

    def _client(self, crawler: Crawler) -> KemonoClient:
        client = cast("KemonoClient", SatchelAddon.of(crawler).client("kemono"))
        return client.as_account(self.account) if self.account else client


def _revealed(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _revealed(value) for name, value in body.items()}
    return body.reveal() if isinstance(body, Secret) else body


# Favourites


class _Favorite(KemonoAction, frozen=True, kw_only=True):
    """A favourite. Adding or removing it twice is as once; what does not exist is accepted, too.

    A list of favourites leaves out what is hidden, so that what is missing there says nothing.
    """

    role = AccountRole.CONSUMER
    repeatable = True
    adds: ClassVar[bool]
    listed: ClassVar[str]

    service: Word
    creator: Word

    def key(self) -> tuple[str, ...]:
        """The key of the favourite item."""
        return self.service, self.creator

    @property
    def target(self) -> str:
        owner = f" of {self.account}" if self.account else ""
        return f"favorite {'/'.join(self.key())}{owner}"

    async def look(self, crawler: Crawler) -> Found:
        items = await self._client(crawler).ask(self.listed)
        if self.key() not in map(key_of, items):
            return Found.UNSURE
        return Found.DONE if self.adds else Found.NOT_DONE


class FavoriteCreator(_Favorite, frozen=True, kw_only=True):
    """Add a creator to the account's favourites."""

    kind = "kemono.favorite_creator"
    operation = "favorites.add_creator"
    adds = True
    listed = "favorites.creators"

    def path(self) -> dict[str, Any]:
        return {"service": self.service, "id": self.creator}


class UnfavoriteCreator(FavoriteCreator, frozen=True, kw_only=True):
    """Take a creator out of the account's favourites."""

    kind = "kemono.unfavorite_creator"
    operation = "favorites.remove_creator"
    adds = False


class FavoritePost(_Favorite, frozen=True, kw_only=True):
    """Add a post to the account's favourites."""

    kind = "kemono.favorite_post"
    operation = "favorites.add_post"
    adds = True
    listed = "favorites.posts"

    post: Word

    def key(self) -> tuple[str, ...]:
        return self.service, self.creator, self.post

    def path(self) -> dict[str, Any]:
        return {"service": self.service, "user": self.creator, "id": self.post}


class UnfavoritePost(FavoritePost, frozen=True, kw_only=True):
    """Take a post out of the account's favourites."""

    kind = "kemono.unfavorite_post"
    operation = "favorites.remove_post"
    adds = False


# Link requests


class _Decision(KemonoAction, frozen=True, kw_only=True):
    """A link request is decided on once: whoever comes second is told 404.

    With the two creators given, a decision whose answer was lost can be looked up. The requester
    is for the audit.
    """

    role = AccountRole.MODERATOR
    repeatable = True
    approves: ClassVar[bool]

    id: int
    from_service: str = ""
    from_id: str = ""
    to_service: str = ""
    to_id: str = ""
    requester: int | None = None

    @property
    def target(self) -> str:
        return f"link request {self.id}"

    def path(self) -> dict[str, Any]:
        return {"id": self.id}

    def judge(self, response: Response) -> Outcome:
        if response.status == 404:
            return Outcome(State.REFUSED, "there is no such request, or it was decided on before")
        return super().judge(response)

    async def look(self, crawler: Crawler) -> Found:
        client = self._client(crawler)
        if self.id in [request.id for request in await client.ask("links.requests")]:
            return Found.NOT_DONE
        if not (self.from_id and self.to_id):
            return Found.UNSURE
        linked = await self._are_linked(client)
        return Found.DONE if linked is self.approves else Found.UNSURE

    async def _are_linked(self, client: KemonoClient) -> bool | None:
        """Whether the two creators are linked; ``None``: the server shows neither of them."""
        one, other = (self.from_service, self.from_id), (self.to_service, self.to_id)
        for (service, id), partner in ((one, other), (other, one)):
            # The links of a creator without a profile are a 404, too, as if there were none.
            if await client.ask("creators.profile", service=service, id=id) is not None:
                links = await client.ask("creators.links", service=service, id=id)
                return partner in map(key_of, links)
        return None


class ApproveLinkRequest(_Decision, frozen=True, kw_only=True):
    """Link the two creators of a request."""

    kind = "kemono.approve_link_request"
    operation = "links.approve"
    approves = True


class RejectLinkRequest(_Decision, frozen=True, kw_only=True):
    """Refuse to link the two creators of a request."""

    kind = "kemono.reject_link_request"
    operation = "links.reject"
    approves = False


def decision(
    request: CreatorLinkRequest,
    kind: type[ApproveLinkRequest | RejectLinkRequest],
    account: str | None = None,
) -> ApproveLinkRequest | RejectLinkRequest:
    """The action that decides on a link request.

    :param account: who decides; ``None``: the least privileged that may
    :raises ActionError: the request has no number
    """
    if request.id is None:
        raise ActionError("a link request without its number cannot be decided on")
    return kind(
        id=request.id,
        from_service=request.from_service or "",
        from_id=request.from_id or "",
        to_service=request.to_service or "",
        to_id=request.to_id or "",
        requester=request.requester_id if isinstance(request.requester_id, int) else None,
        account=account or "",
    )


class UnlinkCreator(KemonoAction, frozen=True, kw_only=True):
    """Take a creator out of those that it is linked with."""

    kind = "kemono.unlink_creator"
    operation = "links.remove"
    role = AccountRole.ADMINISTRATOR

    service: Word
    creator: Word

    @property
    def target(self) -> str:
        return f"links of {self.service}/{self.creator}"

    def path(self) -> dict[str, Any]:
        return {"service": self.service, "id": self.creator}

    async def look(self, crawler: Crawler) -> Found:
        client = self._client(crawler)
        if await client.ask("creators.profile", **self.path()) is None:
            return Found.UNSURE
        links = await client.ask("creators.links", **self.path())
        return Found.NOT_DONE if links else Found.DONE


# Accounts


class ChangeRole(KemonoAction, frozen=True, kw_only=True):
    """Make an account a moderator or a consumer. It is told so each time."""

    kind = "kemono.change_role"
    operation = "accounts.change_roles"
    role = AccountRole.ADMINISTRATOR
    sensitive = True

    id: int
    to: Literal["moderator", "consumer"]

    @property
    def target(self) -> str:
        return f"role of account {self.id}"

    @property
    def variant(self) -> str:
        return self.to

    def body(self) -> Any:
        return {role: [self.id] if role == self.to else [] for role in ("moderator", "consumer")}

    async def look(self, crawler: Crawler) -> Found:
        # Moderators are the fewest.
        if await self._is(crawler, AccountRole.MODERATOR):
            return Found.DONE if self.to == "moderator" else Found.NOT_DONE
        if await self._is(crawler, AccountRole.ADMINISTRATOR):
            return Found.NOT_DONE
        if self.to == "moderator":
            return Found.NOT_DONE
        # An account that is gone is in no list.
        return Found.DONE if await self._is(crawler, AccountRole.CONSUMER) else Found.UNSURE

    async def _is(self, crawler: Crawler, role: AccountRole) -> bool:
        client, seen = self._client(crawler), set[int]()
        for page in itertools.count(1):
            query = {"role": role.value, "page": page}
            found = {view.id for view in await client.ask("accounts.list", query=query)}
            if self.id in found:
                return True
            if found <= seen:  # It is empty, or the server repeats itself.
                break
            seen |= found
        return False


class ChangePassword(KemonoAction, frozen=True, kw_only=True):
    """Change the password of an account. The settings have to be given the new one then."""

    kind = "kemono.change_password"
    operation = "account.change_password"
    role = AccountRole.CONSUMER
    sensitive = True

    account: Word
    current: Reference
    new: Reference

    @property
    def target(self) -> str:
        return f"password of {self.account}"

    def preview(self) -> str:
        operation = OPERATIONS[self.operation]
        return f"{operation.method} /api/{operation.path} ({self.current} → {self.new})"

    def body(self) -> Any:
        return change_password_body(referred(self.current), referred(self.new))

    async def ask(self, client: KemonoClient) -> Response:
        response = await super().ask(client)
        if response.status in _DONE:
            client.sessions.change_password(self.account, referred(self.new))
        return response

    def said(self, response: Response) -> str:
        return without(super().said(response), referred(self.current), referred(self.new))

    async def look(self, crawler: Crawler) -> Found:
        """Log in with the new password, once: servers count attempts."""
        client = self._client(crawler)
        new, sessions = referred(self.new), client.sessions
        answer = await sessions.ask(client.api.login(self.account, new))
        if answer.response.status in _DONE and answer.cookie is not None:
            await sessions.ask(carrying(client.api.logout(), answer.cookie))
            return Found.DONE
        return Found.NOT_DONE if answer.response.status in (400, 401) else Found.UNSURE


def change_password_body(current: Secret, new: Secret) -> dict[str, Secret]:
    """What the server is sent for another password."""
    return {"current-password": current, "new-password": new, "new-password-confirmation": new}


def without(said: str, *secrets: Secret) -> str:
    """What a server says, without secrets that it was sent: validators like to repeat them."""
    for secret in secrets:
        if word := secret.reveal():
            said = said.replace(word, repr(secret))
    return said


# Posts


class FlagPost(KemonoAction, frozen=True, kw_only=True):
    """Ask for a post to be imported anew. Nobody needs an account for it."""

    kind = "kemono.flag_post"
    operation = "posts.flag"
    role = None
    repeatable = True

    service: Word
    creator: Word
    post: Word

    @property
    def target(self) -> str:
        return f"flag of {self.service}/{self.creator}/{self.post}"

    def path(self) -> dict[str, Any]:
        return {"service": self.service, "user": self.creator, "id": self.post}

    def judge(self, response: Response) -> Outcome:
        if response.status == 409:
            return Outcome(State.DONE, "it was flagged before")
        return super().judge(response)

    async def look(self, crawler: Crawler) -> Found:
        flagged = await self._client(crawler).ask("posts.flagged", **self.path())
        return Found.DONE if flagged else Found.NOT_DONE


ACTIONS: Final = (
    FavoriteCreator,
    UnfavoriteCreator,
    FavoritePost,
    UnfavoritePost,
    ApproveLinkRequest,
    RejectLinkRequest,
    UnlinkCreator,
    ChangeRole,
    ChangePassword,
    FlagPost,
)
"""All kinds."""
