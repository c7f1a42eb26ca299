from __future__ import annotations

from typing import Any

import pytest

from satchel.errors import ConfigError, NotOffered
from satchel.kemono.api import Api
from satchel.kemono.operations import OPERATIONS
from satchel.kemono.profiles import CLASSIC, CURRENT, Profile, read_profile
from satchel.kemono.settings import KemonoSettings

KNOWN = frozenset(OPERATIONS)


def test_those_built_in() -> None:
    assert read_profile("current", KNOWN) == CURRENT
    assert read_profile("classic", KNOWN) == CLASSIC
    assert CLASSIC.lacks <= KNOWN


@pytest.mark.parametrize(
    "value",
    [
        {"base": "classic", "accept": "*/*", "lacks": ["posts.random"]},
        '{"base": "classic", "accept": "*/*", "lacks": ["posts.random"]}',
    ],
)
def test_one_of_the_settings(value: Any) -> None:
    found = read_profile(value, KNOWN)
    assert found == Profile(
        accept="*/*",
        login="form",
        creator_posts="",
        min_query=2,
        lacks=frozenset({"posts.random"}),
    )
    assert read_profile({"exact_roles": True}, KNOWN) == Profile(exact_roles=True)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("curent", "SATCHEL_KEMONO_PROFILE=curent: no such profile; did you mean current?"),
        ("{", "SATCHEL_KEMONO_PROFILE: not JSON"),
        ({"base": []}, "base: expected one of current, classic"),
        ({"base": "modern"}, "base: expected one of current, classic"),
        ({"login": "telepathy"}, "SATCHEL_KEMONO_PROFILE: Invalid enum value"),
        (
            {"login_page": {"servers": ["login.example"]}},
            "servers: expected https://host or https://host:port: login.example",
        ),
        ({"acept": "x"}, "SATCHEL_KEMONO_PROFILE: Object contains unknown field `acept`"),
        ({"lacks": ["posts.randm"]}, "lacks: no operation posts.randm; did you mean posts.random"),
    ],
)
def test_what_is_none(value: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason.replace(".", r"\.").replace("?", r"\?")):
        read_profile(value, KNOWN)


def test_what_a_server_lacks_is_refused() -> None:
    api = Api(KemonoSettings(url="https://kemono.example.test", profile="classic"))
    assert not api.offers("posts.random")
    with pytest.raises(NotOffered, match=r"^posts.random: servers of this profile do not offer"):
        api.request("posts.random")


def test_no_server() -> None:
    with pytest.raises(ConfigError, match="SATCHEL_KEMONO_URL is not set"):
        Api(KemonoSettings())
