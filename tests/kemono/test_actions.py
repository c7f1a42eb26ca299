"""Each kind of action: done, refused, with a lost role or session, and with a lost connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from scrapy.http import Response

from acting import Acting, writes
from satchel.actions import Action
from satchel.faults import Faults
from satchel.kemono import (
    ApproveLinkRequest,
    ChangePassword,
    ChangeRole,
    FavoriteCreator,
    FavoritePost,
    FlagPost,
    RejectLinkRequest,
    UnfavoriteCreator,
    UnfavoritePost,
    UnlinkCreator,
)
from satchel.kemono.actions import ACTIONS
from satchel.kemono.sandbox import KemonoSite
from satchel.kemono.world import CONSUMER, password_of
from sites import ACCOUNTS, WORLD

Make = Callable[..., Acting]

(FAVORITE,) = [key for key in WORLD.favourite_creators[3] if key in WORLD.creators][:1]
POST = next(key for key in WORLD.posts if key not in WORLD.favourite_posts[3])
(FAVORITE_POST,) = [key for key in WORLD.favourite_posts[3] if key in WORLD.posts][:1]
OTHER = next(key for key in WORLD.creators if key not in WORLD.favourite_creators[3])
PAIR = WORLD.cast["pair_a"]
SIDES = ("from_service", "from_id", "to_service", "to_id")
REQUEST = {"id": 55, **{side: WORLD.link_requests[55][side] for side in SIDES}}
UNFLAGGED = next(key for key, post in WORLD.posts.items() if not post["flag"])
IDS = {"consumer": 3, "moderator": 2, "administrator": 1}


def post(key: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("service", "creator", "post"), key, strict=True))


def creator(key: tuple[str, str]) -> dict[str, str]:
    return dict(zip(("service", "creator"), key, strict=True))


@dataclass
class Kind:
    """A kind of action.

    :ivar action: one that the server does
    :ivar so: whether a server has done it
    :ivar path: what its path has
    :ivar vanished: one that it refuses, since the target is not there; what is said
    :ivar lookable: whether a lost one shows
    """

    action: Action
    so: Callable[[KemonoSite], bool]
    path: str
    vanished: Action | None = None
    said: str = "the server answered 40"
    lookable: bool = True


TABLE = [
    Kind(
        FavoriteCreator(**creator(OTHER)),
        lambda site: OTHER in site.state.creators[3],
        "/favorites/creator",
    ),
    Kind(
        UnfavoriteCreator(**creator(FAVORITE)),
        lambda site: FAVORITE not in site.state.creators[3],
        "/favorites/creator",
        lookable=False,
    ),
    Kind(FavoritePost(**post(POST)), lambda site: POST in site.state.posts[3], "/favorites/post"),
    Kind(
        UnfavoritePost(**post(FAVORITE_POST)),
        lambda site: FAVORITE_POST not in site.state.posts[3],
        "/favorites/post",
        lookable=False,
    ),
    Kind(
        ApproveLinkRequest(**REQUEST),
        lambda site: site.state.requests[55]["status"] == "approved",
        "/approve",
        ApproveLinkRequest(id=57),
        "there is no such request, or it was decided on before",
    ),
    Kind(
        RejectLinkRequest(**REQUEST),
        lambda site: site.state.requests[55]["status"] == "rejected",
        "/reject",
        RejectLinkRequest(id=9_999),
        "there is no such request, or it was decided on before",
    ),
    Kind(
        UnlinkCreator(**creator(PAIR)),
        lambda site: site.state.relations[PAIR] is None,
        "DELETE|/links$",
        UnlinkCreator(service="patreon", creator="none"),
    ),
    Kind(
        ChangeRole(id=4, to="moderator"),
        lambda site: site.state.accounts[4]["role"] == "moderator",
        "/administrator/accounts$",
        ChangeRole(id=9_999, to="consumer"),
        "the server answered 400 (Account not found)",
    ),
    Kind(
        ChangePassword(account=CONSUMER, current="OLD_ONE", new="NEW_ONE"),
        lambda site: site.state.passwords[3] == "the new one",
        "/change_password",
        ChangePassword(account=CONSUMER, current="NEW_ONE", new="NEW_ONE"),
        "the server answered 400 (Current password is invalid)",
    ),
    Kind(
        FlagPost(**post(UNFLAGGED)),
        lambda site: UNFLAGGED in site.state.flags,
        "/flag",
        FlagPost(service="patreon", creator="none", post="1"),
    ),
]


def name_of(kind: Kind) -> str:
    return kind.action.kind


@pytest.fixture(params=TABLE, ids=name_of)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setenv("OLD_ONE", password_of(CONSUMER))
    monkeypatch.setenv("NEW_ONE", "the new one")
    found: Kind = request.param
    return found


@pytest.fixture(params=["sqlite"])
def stored(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """tests/test_executor.py has both kinds of databases."""
    from stores import Stored

    return Stored(f"sqlite:///{tmp_path}/s.db")


def test_all_kinds_are_here() -> None:
    assert [type(kind.action) for kind in TABLE] == list(ACTIONS)


def test_done(kind: Kind, act: Make) -> None:
    acting = act()
    site = acting.server.site
    assert not kind.so(site)
    (id_,) = acting.propose(kind.action)
    (step,) = acting.plan()
    assert writes(acting.server) == []
    assert acting.run() == {"done": 1}
    assert kind.so(site)
    (sent,) = writes(acting.server)
    method, _, path = step.proposal.action.preview().partition(" /api/") if step.proposal else ""
    assert sent.startswith(f"{method} /{path.split()[0]}")
    assert acting.story(id_) == ["proposed", "sending", "done"]
    assert acting.run() == {}
    assert writes(acting.server) == []


# Servers accept favourites of what does not exist.
VANISHED = [kind for kind in TABLE if kind.vanished is not None]


@pytest.mark.parametrize("kind", VANISHED, indirect=True, ids=name_of)
def test_refused(kind: Kind, act: Make) -> None:
    assert kind.vanished is not None
    acting = act()
    acting.propose(kind.vanished)
    assert acting.run() == {"refused": 1}
    assert kind.said in acting.notes()[0]
    assert len(writes(acting.server)) == 1


@pytest.mark.parametrize("how", [401, 302])
def test_with_a_session_that_has_expired(kind: Kind, act: Make, how: int) -> None:
    stale = "e30.AAAA.AAAA"
    given = [
        {"role": role, "username": name, "password": password_of(name), "session": stale}
        for role, name in ACCOUNTS.items()
    ]
    acting = act(roles=json.dumps(given), unauth_write=how)
    acting.propose(kind.action)
    assert acting.run() == {"done": 1}
    assert kind.so(acting.server.site)


# Every account is a consumer.
OF_FEW = [kind for kind in TABLE if kind.action.role not in (None, "consumer")]


@pytest.mark.parametrize("kind", OF_FEW, indirect=True, ids=name_of)
def test_without_the_role(kind: Kind, act: Make) -> None:
    role = kind.action.role
    acting = act()
    cookie = acting.server.site._signer.sign({"_permanent": True, "account_id": 3})
    acting = act(roles=json.dumps([{"role": role, "session": cookie}]))
    acting.server.site._signer = _signer_of(cookie, acting)
    acting.propose(kind.action, kind.action)
    assert acting.run() == {"refused": 1, "held": 1}
    assert "it takes a" in acting.notes()[0]
    assert acting.notes()[1].startswith("the account the session of a")
    assert len(writes(acting.server)) == 1


def _signer_of(cookie: str, acting: Acting) -> Any:
    """A server that takes this cookie as the consumer's."""
    signer = acting.server.site._signer
    read = signer.read
    signer.read = lambda given: {"account_id": 3} if given == cookie else read(given)  # type: ignore[method-assign]
    return signer


def test_a_server_that_repeats_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD_ONE", "garofani")
    monkeypatch.setenv("NEW_ONE", "tulipani")
    action = ChangePassword(account=CONSUMER, current="OLD_ONE", new="NEW_ONE")
    said = {"error": f"{'x' * 195}tulipani: too short; garofani"}
    refused = Response("http://127.0.0.1", status=400, body=json.dumps(said).encode())
    note = action.judge(refused).note
    assert note == f"the server answered 400 ({'x' * 195}[secu)"


def test_a_lost_demotion_shows_unless_the_account_is_gone(act: Make) -> None:
    acting = act()
    acting.propose(ChangeRole(id=4, to="consumer"), ChangeRole(id=5, to="consumer"))
    for row in acting.outbox.listed():
        assert acting.outbox.claim(row, "sandbox-admin")
    accounts = acting.server.site.state.accounts
    accounts[4]["role"] = "consumer"
    del accounts[5]
    assert acting.run() == {"done": 1, "unknown": 1}
    assert writes(acting.server) == []


@pytest.mark.parametrize("fault", ["reset", "lost"])
def test_the_connection_dies(kind: Kind, act: Make, fault: Any) -> None:
    """Before the server acts (``reset``), or after it (``lost``)."""
    acting = act()
    site = acting.server.site
    (id_,) = acting.propose(kind.action)
    # HTTP libraries repeat a DELETE by themselves.
    requests = 2 if kind.action.preview().startswith("DELETE") else 1
    faults = Faults(rate=1, kinds=(fault,), only=kind.path, in_a_row=requests)
    acting.server.sandbox.faults = faults
    assert acting.run() == {"done": 1}
    assert kind.so(site)
    twice = fault == "reset" or not kind.lookable
    assert len(writes(acting.server)) == requests + twice
    again = ["proposed", "sending"] if twice else []
    assert acting.story(id_) == ["proposed", "sending", "sending", *again, "done"]
