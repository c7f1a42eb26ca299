"""How the sandbox behaves where servers differ: the two profiles, and the switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Profile = Literal["current", "classic"]

_BY_PROFILE: Final[Mapping[Profile, Mapping[str, Any]]] = {
    "current": {
        "require_accept": True,
        "past_end": "400",
        "off_step": "empty",
        "fav_write_body": "true",
        "min_query": 3,
    },
    "classic": {
        "require_accept": False,
        "past_end": "empty",
        "off_step": "400",
        "fav_write_body": "empty",
        "min_query": 2,
    },
}


def _by_profile() -> Any:
    return field(default=None)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The switches of reference section 19.5. What is not given is as the profile has it."""

    profile: Profile = "current"
    """``current``: generation C, login by JSON. ``classic``: generation B as in section 15, login
    by a form."""
    require_accept: bool = _by_profile()
    """True: API reads without ``Accept: text/css`` are refused, and JSON says ``text/css``."""
    past_end: Literal["400", "404", "empty"] = _by_profile()
    """What an offset beyond the last row gets."""
    off_step: Literal["empty", "400"] = _by_profile()
    """What an offset gets that is no multiple of the step."""
    fav_write_body: Literal["true", "empty"] = _by_profile()
    min_query: int = _by_profile()
    """Characters of the shortest search; a shorter one is as none."""
    unauth_write: Literal[401, 302] = 401
    """What a favourite's write without a session gets; 302 leads to the login page."""
    tags_shape: Literal["array", "wrapper"] = "array"
    popular_key: Literal["posts", "results"] = "posts"
    bad_login: Literal[400, 401] = 400
    login_limit: int | None = 10
    """Attempts that an account has in five minutes. None: no limit."""
    moderator_exact: bool = False
    """True: administrators get 404 where moderators may go, as in 2023."""
    register_logs_in: bool = False
    """True: registering by JSON logs in, as the form does."""
    role_cached: bool = False
    """True: a new role counts after the next login, as in 2023."""
    edge_cache: float = 0.0
    """Seconds for which a good answer to an API read is repeated."""
    guesses: bool = True
    """False: routes whose bodies no source shows are not there."""
    reachable: int = 50_000
    """Rows of the list of all posts that can be reached."""

    def __post_init__(self) -> None:
        for name, value in _BY_PROFILE[self.profile].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
