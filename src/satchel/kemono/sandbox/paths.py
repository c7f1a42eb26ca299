"""The paths, and what answers them: reference sections 15 and 17."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from satchel.kemono.sandbox import (
    accounts,
    creators,
    discord,
    forms,
    misc,
    popular,
    posts,
    replies,
    staff,
)
from satchel.kemono.sandbox.call import Call
from satchel.kemono.sandbox.options import SandboxOptions

Handler = Callable[[Call], object]

_BOTH: Final = "both"
_CURRENT: Final = "current"
_CLASSIC: Final = "classic"
_GUESS: Final = "guess"
"""Only in ``current``, and no source shows the body."""

_CREATOR: Final = "/api/v1/{service}/user/{creator}"
_POST: Final = _CREATOR + "/post/{post}"
_FAVOURITE: Final = "/api/v1/favorites/creator/{service}/{creator}"
_FAVOURITE_POST: Final = "/api/v1/favorites/post/{service}/{creator}/{post}"
_STAFF: Final = "/api/v1/account/moderator"
_LINK_REQUEST: Final = _STAFF + "/creator_link_requests/{request}"
_ADMIN: Final = "/api/v1/account/administrator/accounts"
_ADMIN_V2: Final = "/api/v2/account/administrator"


class Operation(NamedTuple):
    """A row: the method, the path, which servers have it, and the handler."""

    method: str
    path: str
    where: str
    handler: Handler


# A path whose words are all fixed wins over one with places, whatever the order.
OPERATIONS: Final = tuple(
    Operation(*row)
    for row in (
        ("GET", "/artists", _BOTH, forms.artists),
        ("GET", "/account/login", _BOTH, forms.login_page),
        ("POST", "/account/login", _CLASSIC, forms.log_in),
        ("GET", "/account/logout", _CLASSIC, forms.log_out),
        ("GET", "/account/register", _CLASSIC, forms.register_page),
        ("POST", "/account/register", _CLASSIC, forms.register),
        ("POST", "/api/v1/authentication/register", _CURRENT, accounts.register),
        ("POST", "/api/v1/authentication/login", _CURRENT, accounts.log_in),
        ("POST", "/api/v1/authentication/logout", _CURRENT, accounts.log_out),
        ("GET", "/api/v1/account", _CURRENT, accounts.show),
        ("POST", "/api/v1/account/change_password", _CURRENT, accounts.change_password),
        ("GET", "/api/v1/account/notifications", _GUESS, accounts.notifications),
        ("GET", "/api/v1/account/favorites", _BOTH, accounts.favourites),
        ("POST", _FAVOURITE, _BOTH, accounts.favour_creator),
        ("DELETE", _FAVOURITE, _BOTH, accounts.forget_creator),
        ("POST", _FAVOURITE_POST, _BOTH, accounts.favour_post),
        ("DELETE", _FAVOURITE_POST, _BOTH, accounts.forget_post),
        ("GET", _STAFF + "/tasks/creator_links", _CURRENT, staff.link_requests),
        ("POST", _LINK_REQUEST + "/approve", _CURRENT, staff.approve),
        ("POST", _LINK_REQUEST + "/reject", _CURRENT, staff.reject),
        ("GET", _ADMIN, _CURRENT, staff.accounts),
        ("POST", _ADMIN, _CURRENT, staff.change_roles),
        ("GET", _ADMIN_V2 + "/accounts", _GUESS, staff.count_v2),
        ("GET", _ADMIN_V2 + "/accounts/{page}", _GUESS, staff.accounts_v2),
        ("GET", _ADMIN_V2 + "/account/{account}", _GUESS, staff.account_v2),
        ("PATCH", _ADMIN_V2 + "/account/{account}", _GUESS, staff.change_role_v2),
        ("DELETE", _CREATOR + "/links", _CURRENT, staff.remove_links),
        ("GET", "/api/v1/creators", _BOTH, creators.creators),
        ("GET", "/api/v1/creators.txt", _CURRENT, creators.creators),
        ("GET", _CREATOR + "/profile", _BOTH, creators.profile),
        ("GET", _CREATOR + "/links", _BOTH, creators.links),
        ("GET", _CREATOR + "/links/new", _GUESS, creators.new_link),
        ("POST", _CREATOR + "/links/new", _GUESS, creators.ask_to_link),
        ("GET", _CREATOR + "/tags", _CURRENT, creators.creator_tags),
        ("GET", _CREATOR + "/announcements", _BOTH, creators.announcements),
        ("GET", _CREATOR + "/fancards", _BOTH, creators.fancards),
        ("GET", "/api/v1/artists/random", _CURRENT, creators.random_creator),
        ("GET", _CREATOR + "/posts", _CURRENT, posts.posts_of),
        ("GET", _CREATOR, _CLASSIC, posts.posts_of),
        ("GET", _POST, _BOTH, posts.detail),
        ("GET", _POST + "/revisions", _BOTH, replies.revisions),
        ("GET", _POST + "/revision/{revision}", _CURRENT, replies.revision),
        ("GET", _POST + "/comments", _BOTH, replies.comments),
        ("GET", _POST + "/flag", _BOTH, replies.is_flagged),
        ("POST", _POST + "/flag", _BOTH, replies.flag),
        ("PUT", "/api/v2/account/flags/post", _GUESS, replies.flag_v2),
        ("GET", "/api/v1/posts", _BOTH, posts.feed),
        ("GET", "/api/v1/posts/popular", _CURRENT, popular.popular),
        ("GET", "/api/v1/posts/tags", _CURRENT, popular.all_tags),
        ("GET", "/api/v1/posts/random", _CURRENT, posts.random_post),
        ("GET", "/api/v1/{service}/post/{post}", _CURRENT, posts.lookup),
        ("GET", "/api/v1/discord/channel/lookup/{server}", _CURRENT, discord.lookup),
        ("GET", "/api/v1/discord/channel/{channel}", _CURRENT, discord.messages),
        ("GET", "/api/v1/discord/server/{server}", _CURRENT, discord.server),
        ("GET", "/api/v1/search_hash/{hash}", _BOTH, misc.search_hash),
        ("GET", "/api/v1/app_version", _BOTH, misc.app_version),
    )
)


def offered(options: SandboxOptions) -> Iterator[Operation]:
    """The operations that a server has."""
    wheres = {_BOTH, options.profile}
    if options.profile == _CURRENT and options.guesses:
        wheres.add(_GUESS)
    return (operation for operation in OPERATIONS if operation.where in wheres)
