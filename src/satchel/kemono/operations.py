"""Kemono's operations: their paths, who may use them, and how they page (reference section 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from satchel.kemono import wire
from satchel.kemono.values import AccountRole


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    :ivar name: the word for it
    :ivar path: its path after ``/api``, with ``{parameters}``
    :ivar decode: (body, client) → what the answer holds
    :ivar method: the HTTP method
    :ivar role: what an account needs to be; ``None``: everybody may
    :ivar one: it is about one thing, so that a 404 also means that there is no such thing
    :ivar parts: it is a list of what belongs to one thing; a 404 says that the list is empty
    :ivar place: what the rows do not say themselves: :attr:`decode`'s word for it → the parameter
    :ivar step: rows of a page, of which ``o`` is a multiple (accounts have ``page`` and
        ``limit``): fewer rows are the last ones, and a 400 or 404 behind the first page says that
        there are no more (reference section 1.5); 0: there are no pages
    :ivar reachable: the last ``o`` that servers take; ``None``: all
    :ivar grows_on_top: what is new comes on the first pages
    :ivar newest_first: rows come by ``published``, the newest first, those without it before all
    """

    name: str
    path: str
    decode: Callable[..., Any]
    method: str = "GET"
    role: AccountRole | None = None
    one: bool = False
    parts: bool = False
    place: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
    reachable: int | None = None
    newest_first: bool = False
    grows_on_top: bool = False

    @property
    def changes(self) -> bool:
        """Whether it changes something on the server."""
        return self.method != "GET"

    def read(self, body: bytes, client: Any, parameters: Mapping[str, Any]) -> Any:
        """What an answer holds.

        :param parameters: those of the path that was asked
        :raises DecodeError: it cannot be read
        """
        place = {word: parameters[name] for word, name in self.place.items()}
        return self.decode(body, client=client, **place)


def _plain(read: Callable[[bytes], Any]) -> Callable[..., Any]:
    return lambda body, client: read(body)


_CONSUMER: Final = AccountRole.CONSUMER
_MODERATOR: Final = AccountRole.MODERATOR
_ADMINISTRATOR: Final = AccountRole.ADMINISTRATOR
_CREATOR: Final = "v1/{service}/user/{id}"
_POST: Final = "v1/{service}/user/{user}/post/{id}"
_REQUEST: Final = "v1/account/moderator/creator_link_requests/{id}"
_ACCOUNTS: Final = "v1/account/administrator/accounts"
_FAVORITE: Final = "v1/favorites/creator/{service}/{id}"
_FAVORITE_POST: Final = "v1/favorites/post/{service}/{user}/{id}"
_OF_POST: Final = {"service": "service", "user": "user", "post": "id"}

POSTS: Final = 50
"""Posts of a page."""

MESSAGES: Final = 150
"""Discord messages of a page."""

ACCOUNTS: Final = 25
"""Accounts of a page, at most."""

_OPERATIONS: Final = (
    # Accounts: sections 5 to 8
    Operation("account.show", "v1/account", wire.read_account, role=_CONSUMER),
    Operation(
        "account.change_password", "v1/account/change_password", _plain(wire.read_done),
        "POST", _CONSUMER,
    ),
    Operation(
        "favorites.creators", "v1/account/favorites?type=artist", wire.read_creators,
        role=_CONSUMER,
    ),
    Operation(
        "favorites.posts", "v1/account/favorites?type=post", wire.read_posts, role=_CONSUMER
    ),
    Operation(
        "favorites.add_creator", _FAVORITE, _plain(wire.read_done), "POST", _CONSUMER, True
    ),
    Operation(
        "favorites.remove_creator", _FAVORITE, _plain(wire.read_done), "DELETE", _CONSUMER, True
    ),
    Operation(
        "favorites.add_post", _FAVORITE_POST, _plain(wire.read_done), "POST", _CONSUMER, True
    ),
    Operation(
        "favorites.remove_post", _FAVORITE_POST, _plain(wire.read_done), "DELETE", _CONSUMER, True
    ),
    Operation(
        "links.requests", "v1/account/moderator/tasks/creator_links", wire.read_link_requests,
        role=_MODERATOR,
    ),
    Operation(
        "links.approve", f"{_REQUEST}/approve", _plain(wire.read_done), "POST", _MODERATOR, True
    ),
    Operation(
        "links.reject", f"{_REQUEST}/reject", _plain(wire.read_done), "POST", _MODERATOR, True
    ),
    Operation(
        "links.remove", f"{_CREATOR}/links", _plain(wire.read_done), "DELETE", _ADMINISTRATOR, True
    ),
    Operation(
        "accounts.list", _ACCOUNTS, wire.read_accounts, role=_ADMINISTRATOR, step=ACCOUNTS
    ),
    Operation(
        "accounts.change_roles", _ACCOUNTS, _plain(wire.read_done), "POST", _ADMINISTRATOR
    ),
    # Creators: section 9
    Operation("creators.list", "v1/creators", wire.read_creators),
    Operation("creators.profile", f"{_CREATOR}/profile", wire.read_creator, one=True),
    Operation("creators.links", f"{_CREATOR}/links", wire.read_creators, parts=True),
    Operation("creators.tags", f"{_CREATOR}/tags", wire.read_tags, parts=True),
    Operation(
        "creators.announcements", f"{_CREATOR}/announcements", wire.read_announcements, parts=True
    ),
    Operation("creators.fancards", f"{_CREATOR}/fancards", wire.read_fancards, parts=True),
    Operation("creators.random", "v1/artists/random", _plain(wire.read_found), one=True),
    # Posts: sections 10 and 11
    Operation(
        "posts.of_creator", f"{_CREATOR}{{creator_posts}}", wire.read_posts, one=True,
        step=POSTS, newest_first=True, grows_on_top=True,
    ),
    Operation(
        "posts.list", "v1/posts", wire.read_posts, step=POSTS, reachable=50_000, grows_on_top=True
    ),
    Operation("posts.popular", "v1/posts/popular", wire.read_posts, step=POSTS),
    Operation("posts.detail", _POST, wire.read_post, one=True),
    Operation("posts.lookup", "v1/{service}/post/{id}", _plain(wire.read_found), one=True),
    Operation("posts.random", "v1/posts/random", _plain(wire.read_found), one=True),
    Operation(
        "posts.comments", f"{_POST}/comments", wire.read_comments, parts=True, place=_OF_POST
    ),
    Operation("posts.revisions", f"{_POST}/revisions", wire.read_revisions, parts=True),
    Operation("posts.flag", f"{_POST}/flag", _plain(wire.read_done), "POST", one=True),
    # Its status says it all; a body means nothing.
    Operation("posts.flagged", f"{_POST}/flag", lambda body, client: True, one=True),
    # Discord: section 13
    Operation("discord.server", "v1/discord/server/{server}", wire.read_server, one=True),
    Operation(
        "discord.channels", "v1/discord/channel/lookup/{server}", wire.read_channels, one=True,
        place={"server": "server"},
    ),
    Operation(
        "discord.messages", "v1/discord/channel/{channel}", wire.read_messages, one=True,
        step=MESSAGES,
    ),
)  # fmt: skip

OPERATIONS: Final = {operation.name: operation for operation in _OPERATIONS}
