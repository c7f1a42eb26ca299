"""What an instance of Kemono can do and wants: its profile (reference section 15).

Instances are told apart by configuration, not by trying. Where only the shape of an answer differs,
``wire.py`` reads both, so no profile has to say which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from satchel.browser.login import LoginPage
from satchel.errors import ConfigError, did_you_mean

SETTING: Final = "SATCHEL_KEMONO_PROFILE"


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of instance.

    :ivar accept: the ``Accept`` header that its API answers to
    :ivar login: how accounts log in: by the API, by sending the form of a web page, or by filling
        the page in in a browser
    :ivar login_page: what that page is like
    :ivar creator_posts: what follows a creator's address in that of their posts
    :ivar min_query: characters of the shortest search; a shorter one finds everything
    :ivar lacks: operations (names in ``kemono/operations.py``) that it does not have
    :ivar exact_roles: a moderator's pages are a moderator's only, not an administrator's
    """

    accept: str = "text/css"
    login: Literal["json", "form", "browser"] = "json"
    login_page: LoginPage = LoginPage()
    creator_posts: Literal["/posts", ""] = "/posts"
    min_query: int = 3
    lacks: frozenset[str] = frozenset()
    exact_roles: bool = False

    @property
    def has_forms(self) -> bool:
        """Whether one registers and logs out by web pages."""
        return self.login == "form" or (self.login == "browser" and "account.show" in self.lacks)


CURRENT: Final = Profile()
"""Generation C."""

CLASSIC: Final = Profile(
    accept="application/json",
    login="form",
    creator_posts="",
    min_query=2,
    lacks=frozenset(
        {
            "account.change_password",
            "account.show",
            "accounts.change_roles",
            "accounts.list",
            "creators.random",
            "creators.tags",
            "discord.channels",
            "discord.messages",
            "discord.server",
            "links.approve",
            "links.reject",
            "links.remove",
            "links.requests",
            "posts.lookup",
            "posts.popular",
            "posts.random",
        }
    ),
)
"""Generation B: the 19 operations of section 15, and login by form."""

PROFILES: Final = {"current": CURRENT, "classic": CLASSIC}


def read_profile(value: str | Mapping[str, Any], operations: frozenset[str]) -> Profile:
    """The profile that the setting names or describes.

    :param value: ``current``, ``classic``, or an object (as JSON or as it is) with ``base``, one of
        these two, and the fields that differ
    :param operations: the names that ``lacks`` may have
    :raises ConfigError: it is none of these
    """
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        if value not in PROFILES:
            raise ConfigError(
                f"{SETTING}={value}: no such profile{did_you_mean(value, PROFILES)} (known: "
                f"{', '.join(PROFILES)}; or a JSON object that says what differs from one)"
            )
        return PROFILES[value]
    try:
        changes = json.loads(value) if isinstance(value, str) else dict(value)
        base = PROFILES[str(changes.pop("base", "current"))]
        profile = msgspec.convert({**msgspec.to_builtins(base), **changes}, Profile)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{SETTING}: not JSON: {error}") from None
    except KeyError:
        raise ConfigError(f"{SETTING}: base: expected one of {', '.join(PROFILES)}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{SETTING}: {error}") from None
    for name in sorted(profile.lacks - operations):
        raise ConfigError(f"{SETTING}: lacks: no operation {name}{did_you_mean(name, operations)}")
    return profile
