"""recnetpy itself, two releases of it as published, gets along with the sandbox.

0.2 speaks the legacy dialect and, unlike those before it, does not pin an aiohttp that newer
Pythons cannot build; 0.2.75 speaks the public one. What fails is named, by its number in reference
section 10 where it has one.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from satchel.faults import Faults, Kind
from satchel.recnet.world import Kind as Table
from satchel.recnet.world import World
from satchel.recnet.world.index import Index
from satchel.sandbox import Sandbox
from satchel.testing import running_sandbox

LEGACY, PUBLIC = "0.2", "0.2.75"
RELEASES = [LEGACY, PUBLIC]

WORLD = World()
INDEX = Index(WORLD)


# Runs with the Python of an environment that has recnetpy and nothing of satchel.
DRIVER = r"""
import asyncio, json, re, sys

from recnetpy.client import Client
from recnetpy.rest import http_client, route_manager

bases, calls = json.load(sys.stdin)
build = route_manager.RouteBuilder


def here(client, base, **more):
    host, path = re.fullmatch(r"https://(\w+)\.rec\.net(/.*)", base).groups()
    return build(client, bases.get(host, bases["net"]) + path, **more)


route_manager.RouteBuilder = here
http_client.RATE_LIMIT = 10_000


def shown(value):
    if isinstance(value, list):
        return [shown(part) for part in value]
    if type(value).__module__.startswith("recnetpy."):
        return {
            name: shown(part)
            for name, part in vars(value).items()
            if name not in ("client", "rec_net", "data")
        }
    return value


async def follow(client, steps):
    found = client
    for path, arguments in steps:
        for name in path.split("."):
            found = found[int(name)] if name.isdigit() else getattr(found, name)
        found = await found(*arguments)
    return found


async def main():
    client = Client("throwaway")
    for steps in calls:
        try:
            print(json.dumps({"result": shown(await follow(client, steps))}))
        except Exception as error:
            print(json.dumps({"error": type(error).__name__}))
    await client.close()


asyncio.run(main())
"""

Steps = Sequence[tuple[str, Sequence[Any]]]


@dataclass
class Client:
    """One release of recnetpy, installed, and the sandbox that it asks."""

    release: str
    python: Path
    sandbox: Sandbox

    def ask(self, calls: Sequence[Steps]) -> list[dict[str, Any]]:
        """For each call its ``result``, or the name of the ``error``."""
        apim, api, net = self.sandbox.urls
        bases = {"apim": apim, "api": api, "net": net}
        done = subprocess.run(
            [str(self.python), "-c", DRIVER], input=json.dumps([bases, calls]),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def _environment(folder: Path, release: str) -> str:
    """Make a virtual environment; why that is impossible, or nothing."""
    python = [sys.executable, "-m"]
    subprocess.run([*python, "venv", "--without-pip", str(folder)], check=True)
    done = subprocess.run(
        [*python, "pip", "--python", str(folder), "--disable-pip-version-check", "install",
         "--quiet", "--retries", "1", "--timeout", "20", f"recnetpy=={release}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="session", params=RELEASES)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    base = tmp_path_factory.getbasetemp()
    # The workers of one run share what they install.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"recnetpy-{request.param}"
    outcome = folder.with_suffix(f"{folder.suffix}.outcome")
    with (shared / "recnetpy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            outcome.write_text(_environment(folder, request.param))
    if reason := outcome.read_text():
        pytest.skip(f"recnetpy {request.param} cannot be installed: {reason}")
    with running_sandbox(names=3) as sandbox:
        yield Client(request.param, folder / "bin" / "python", sandbox)


# What to ask, and what the world says


def _plain(kind: Table) -> list[int]:
    """Those that every client can read."""
    return [
        id_
        for id_ in WORLD.table(kind)
        if WORLD.is_listed(kind, id_)
        and (kind, id_) not in WORLD.quirks
        and id_ not in WORLD.pascal_accounts
    ]


ACCOUNTS, ROOMS = _plain("accounts"), _plain("rooms")
EVENTS, IMAGES = _plain("events"), _plain("images")
ACCOUNT = next(id_ for id_ in ACCOUNTS if WORLD.showcases.get(id_))
ROOM = next(id_ for id_ in ROOMS if WORLD.rooms[id_]["roles"])
EVENT = next(id_ for id_ in EVENTS if WORLD.responses[id_])
IMAGE = next(
    id_
    for id_ in IMAGES
    if WORLD.comments[id_] and WORLD.cheers[id_] and WORLD.images[id_]["tagged_player_ids"]
)
SHOWCASED = [id_ for id_ in WORLD.showcases[ACCOUNT] if WORLD.is_visible("rooms", id_)]
HOT = next(i for i in range(20) if set(INDEX.hot_rooms[i : i + 3]) <= set(ROOMS))
INVENTION = next(id_ for id_, record in WORLD.inventions.items() if record["tags"])
DURING = next(id_ for id_ in EVENTS if INDEX.images_by("player_event_id", id_))
NOBODY = 5


def name(kind: Table, id_: int) -> str:
    word = {"accounts": "username", "images": "image_name"}.get(kind, "name")
    return str(WORLD.table(kind)[id_][word])


@dataclass(frozen=True)
class Items:
    """Objects of the world; *ordered* unless the server promises no order."""

    kind: Table
    ids: Sequence[int]
    ordered: bool = True


def one(kind: Table, id_: int) -> Items:
    return Items(kind, (id_,))


def some(kind: Table, ids: Sequence[int]) -> Items:
    return Items(kind, ids, ordered=False)


def listed(kind: Table, ids: Sequence[int], take: int = 16, skip: int = 0) -> Items:
    """A page of a list, from which what is private is left out."""
    return Items(kind, [i for i in ids[skip : skip + take] if WORLD.is_listed(kind, i)])


def images(word: str, id_: int) -> Items:
    return listed("images", INDEX.images_by(word, id_, 0))


def names(kind: Table, ids: Sequence[int]) -> list[str]:
    return [name(kind, id_) for id_ in ids]


def found(kind: Table, word: str, ids: Sequence[int]) -> list[int]:
    """Those of *ids* whose name has *word*."""
    return [id_ for id_ in ids if word in WORLD.table(kind)[id_]["name"].lower()]


def named_alone(kind: Table, ids: Sequence[int]) -> int:
    """The first of *ids* whose name is no part of another's."""
    return next(id_ for id_ in ids if len(found(kind, name(kind, id_).lower(), ids)) == 1)


Call = tuple[str, Steps, Any]
"""A label, what to call, and the result that the world has for it."""


def call(path: str, arguments: Sequence[Any], expected: Any, note: str = "") -> Call:
    """A call of a manager."""
    return " ".join(filter(None, (path, note))), [(path, arguments)], expected


def method(owner: Steps, name: str, expected: Any, arguments: Sequence[Any] = ()) -> Call:
    """A call of a method of what *owner* gives."""
    label = owner[0][0].partition(".")[0]
    return f"{label} {name}", [*owner, (name, arguments)], expected


_ACCOUNT, _ROOM = WORLD.accounts[ACCOUNT], WORLD.rooms[ROOM]
_EVENT, _IMAGE = WORLD.events[EVENT], WORLD.images[IMAGE]
_INVENTION = WORLD.inventions[INVENTION]

LONE_EVENT = named_alone("events", [id_ for id_ in INDEX.public_events if id_ in EVENTS])
LONE = named_alone("inventions", INDEX.store_inventions)

MANAGERS: list[Call] = [
    call("accounts.get", [_ACCOUNT["username"].upper()], one("accounts", ACCOUNT)),
    call("accounts.get", ["nobody"], None, "of nobody"),
    call("accounts.fetch", [ACCOUNT], one("accounts", ACCOUNT)),
    call("accounts.fetch", [NOBODY], None, "of nobody"),
    call("accounts.get_many", [names("accounts", ACCOUNTS[:3])], some("accounts", ACCOUNTS[:3])),
    call("accounts.fetch_many", [[*ACCOUNTS[:3], NOBODY]], some("accounts", ACCOUNTS[:3])),
    call(
        "accounts.search",
        [_ACCOUNT["username"]],
        Items(
            "accounts", [i for i in WORLD.accounts if _ACCOUNT["username"] in name("accounts", i)]
        ),
    ),
    call("rooms.get", [_ROOM["name"].lower(), 366], one("rooms", ROOM)),
    call("rooms.get", ["nobody"], None, "of nobody"),
    call("rooms.fetch", [ROOM, 366], one("rooms", ROOM)),
    call("rooms.fetch", [NOBODY], None, "of nobody"),
    call("rooms.get_many", [names("rooms", ROOMS[:3])], some("rooms", ROOMS[:3])),
    call("rooms.fetch_many", [[*ROOMS[:3], NOBODY]], some("rooms", ROOMS[:3])),
    call("rooms.search", ["paper"], listed("rooms", found("rooms", "paper", INDEX.hot_rooms))),
    call("rooms.created_by", [ACCOUNT], Items("rooms", INDEX.created_rooms(ACCOUNT))),
    call("rooms.owned_by", [ACCOUNT], Items("rooms", INDEX.owned_rooms(ACCOUNT))),
    call("rooms.showcased_by", [ACCOUNT], some("rooms", SHOWCASED)),
    call("rooms.showcased_by", [NOBODY], [], "of nobody"),
    call("rooms.hot", [3, HOT], listed("rooms", INDEX.hot_rooms, 3, HOT)),
    call("rooms.hot", [], listed("rooms", INDEX.hot_rooms), "whole page"),
    call("events.fetch", [EVENT], one("events", EVENT)),
    call("events.fetch", [NOBODY], None, "of nobody"),
    call("events.fetch_many", [[*EVENTS[:3], NOBODY]], some("events", EVENTS[:3])),
    call("events.search", [name("events", LONE_EVENT)], one("events", LONE_EVENT)),
    call(
        "events.search",
        ["lampions"],
        listed("events", found("events", "lampions", INDEX.public_events)),
        "whole page",
    ),
    call(
        "events.from_account",
        [_EVENT["creator_player_id"]],
        Items("events", INDEX.events_of(_EVENT["creator_player_id"])),
    ),
    call(
        "events.in_room", [_EVENT["room_id"]], Items("events", INDEX.events_in(_EVENT["room_id"]))
    ),
    call("events.get_events", [4, 2], listed("events", INDEX.coming_events, 4, 2)),
    call("images.get", [_IMAGE["image_name"]], one("images", IMAGE)),
    call("images.get", ["nobody"], None, "of nobody"),
    call("images.get_many", [names("images", IMAGES[:3])], some("images", IMAGES[:3])),
    call("images.fetch", [IMAGE], one("images", IMAGE)),
    call("images.fetch", [NOBODY], None, "of nobody"),
    call("images.fetch_many", [[*IMAGES[:3], NOBODY]], some("images", IMAGES[:3])),
    call("images.from_account", [_IMAGE["player_id"]], images("player_id", _IMAGE["player_id"])),
    call("images.player_feed", [ACCOUNT], images("tagged", ACCOUNT)),
    call("images.during_event", [DURING], images("player_event_id", DURING)),
    call("images.in_room", [ROOM], images("room_id", ROOM)),
    call("images.front_page", [], listed("images", INDEX.popular_images)),
    call("inventions.fetch", [INVENTION], one("inventions", INVENTION)),
    call("inventions.fetch", [NOBODY], None, "of nobody"),
    call("inventions.search", [name("inventions", LONE)], one("inventions", LONE)),
    call(
        "inventions.search",
        ["glows"],
        listed("inventions", INDEX.store_inventions),
        "whole page",
    ),
    call(
        "inventions.featured",
        [],
        listed(
            "inventions", [i for i in INDEX.store_inventions if WORLD.inventions[i]["is_featured"]]
        ),
    ),
    call("inventions.top_today", [], listed("inventions", INDEX.store_inventions, 5)),
]

VISIBLE_CHEERERS = [id_ for id_ in WORLD.cheers[IMAGE] if id_ in WORLD.accounts]

_OF_ACCOUNT: Steps = [("accounts.fetch", [ACCOUNT])]
_OF_ROOM: Steps = [("rooms.fetch", [ROOM, 4])]
_OF_EVENT: Steps = [("events.fetch", [EVENT])]
# The bulk route alone counts comments.
_OF_IMAGE: Steps = [("images.fetch_many", [[IMAGE]])]
_OF_INVENTION: Steps = [("inventions.fetch", [INVENTION])]

METHODS: list[Call] = [
    method(_OF_ACCOUNT, "get_bio", _ACCOUNT["bio"]),
    method(_OF_ACCOUNT, "get_created_rooms", Items("rooms", INDEX.created_rooms(ACCOUNT))),
    method(_OF_ACCOUNT, "get_owned_rooms", Items("rooms", INDEX.owned_rooms(ACCOUNT))),
    method(_OF_ACCOUNT, "get_showcased_rooms", some("rooms", SHOWCASED)),
    method(_OF_ACCOUNT, "get_events", Items("events", INDEX.events_of(ACCOUNT))),
    method(_OF_ACCOUNT, "get_images", images("player_id", ACCOUNT)),
    method(_OF_ACCOUNT, "get_feed", images("tagged", ACCOUNT)),
    method(_OF_ACCOUNT, "get_is_influencer", _ACCOUNT["is_influencer"]),
    method(_OF_ACCOUNT, "get_level", _ACCOUNT["level"]),
    method(_OF_ACCOUNT, "get_subscriber_count", _ACCOUNT["subscriber_count"]),
    method(_OF_ROOM, "get_creator_player", one("accounts", _ROOM["creator_account_id"])),
    method(_OF_ROOM, "get_events", Items("events", INDEX.events_in(ROOM))),
    method(_OF_ROOM, "get_images", images("room_id", ROOM)),
    method(_OF_ROOM, "resolve_role_owners", _ROOM["roles"]),
    method(_OF_EVENT, "get_creator_player", one("accounts", _EVENT["creator_player_id"])),
    method([("events.fetch", [DURING])], "get_images", images("player_event_id", DURING)),
    method(_OF_EVENT, "get_responses", WORLD.responses[EVENT]),
    method(_OF_EVENT, "get_room", one("rooms", _EVENT["room_id"])),
    method(_OF_EVENT, "resolve_responders", WORLD.responses[EVENT]),
    method(_OF_IMAGE, "0.get_player", one("accounts", _IMAGE["player_id"])),
    method(_OF_IMAGE, "0.get_tagged_players", some("accounts", _IMAGE["tagged_player_ids"])),
    method(_OF_IMAGE, "0.get_room", one("rooms", _IMAGE["room_id"])),
    method(_OF_IMAGE, "0.get_cheers", WORLD.cheers[IMAGE]),
    method(_OF_IMAGE, "0.get_comments", WORLD.comments[IMAGE]),
    method(_OF_IMAGE, "0.resolve_cheers", some("accounts", VISIBLE_CHEERERS)),
    method(_OF_IMAGE, "0.resolve_commenters", WORLD.comments[IMAGE]),
    method(_OF_INVENTION, "get_creator_player", one("accounts", _INVENTION["creator_player_id"])),
    method(_OF_INVENTION, "get_creation_room", one("rooms", _INVENTION["creation_room_id"])),
    method(_OF_INVENTION, "get_tags", _INVENTION["tags"]),
]

CALLS: dict[str, tuple[Steps, Any]] = {
    label: (steps, expected) for label, steps, expected in (*MANAGERS, *METHODS)
}


# What the releases do otherwise, by label: the answer, and why it is not the sandbox's fault.

Bugs = Mapping[str, tuple[dict[str, Any], str]]


def _error(name: str, why: str, *labels: str) -> Bugs:
    return dict.fromkeys(labels, ({"error": name}, why))


_UNNAMED = "every 404 is an error (section 3)"
_HARD = "19: keys that this server does not send in some objects are indexed"
_BULK = "2: posts to …/account/account/bulk"
_GONE = "section 8.1: the dialect lost the route, and the release its method, but not the caller"
_BODY_OF_404 = "16: reads the body of a 404 as the list; inventions are not offered (section 8.1)"
_NOT_OFFERED = "inventions are not offered (section 8.1): a 404 is nothing"
_COMMENTERS = "1: builds a body of the builtin id and an uncalled method"
_CHEERS = ({"result": []}, "5: nothing, unless get_cheers() was called before")

BUGS: Mapping[str, Bugs] = {
    LEGACY: {
        **_error("NotFound", _UNNAMED, "accounts.get of nobody", "accounts.fetch of nobody"),
        **_error("NotFound", _UNNAMED, "rooms.get of nobody", "rooms.fetch of nobody"),
        **_error("NotFound", _UNNAMED, "events.fetch of nobody", "images.fetch of nobody"),
        **_error("NotFound", _UNNAMED, "inventions.fetch of nobody"),
        **_error("KeyError", _HARD, "rooms.showcased_by", "accounts get_showcased_rooms"),
        **_error("KeyError", _HARD, "rooms.hot whole page", "events.search whole page"),
        **_error("TypeError", _HARD, "inventions.search whole page"),
        **_error("NotFound", _BULK, "events resolve_responders", "rooms resolve_role_owners"),
        **_error("TypeError", _COMMENTERS, "images 0.resolve_commenters"),
        "images 0.resolve_cheers": _CHEERS,
    },
    PUBLIC: {
        **_error("AttributeError", _GONE, "images.player_feed", "accounts get_feed"),
        **_error("AttributeError", _GONE, "images.front_page"),
        **_error("TypeError", _BODY_OF_404, "inventions.search", "inventions.search whole page"),
        **_error("TypeError", _BODY_OF_404, "inventions.featured", "inventions.top_today"),
        "inventions.fetch": ({"result": None}, _NOT_OFFERED),
        **_error("AttributeError", _NOT_OFFERED, "inventions get_creator_player"),
        **_error("AttributeError", _NOT_OFFERED, "inventions get_creation_room"),
        **_error("AttributeError", _NOT_OFFERED, "inventions get_tags"),
        **_error("TypeError", _COMMENTERS, "images 0.resolve_commenters"),
        "images 0.resolve_cheers": _CHEERS,
        "images 0.get_tagged_players": ({"result": []}, "22: tagged_player_ids is always []"),
        "rooms resolve_role_owners": (
            {"result": [role for role in _ROOM["roles"] if role["account_id"] in WORLD.accounts]},
            "7: drops the roles of accounts that are gone",
        ),
    },
}


@pytest.fixture(scope="session")
def results(client: Client) -> Mapping[str, dict[str, Any]]:
    """Every call's result or error, by its label."""
    answers = client.ask([steps for steps, _ in CALLS.values()])
    return dict(zip(CALLS, answers, strict=True))


@pytest.mark.parametrize("label", CALLS)
def test_call(label: str, client: Client, results: Mapping[str, dict[str, Any]]) -> None:
    expected: Any = CALLS[label][1]
    if label in BUGS[client.release]:
        answer, _why = BUGS[client.release][label]
        if "error" in answer:
            assert results[label] == answer
            return
        expected = answer["result"]
    if label == "rooms resolve_role_owners":
        expected = _roles(expected, client.release)
    assert "result" in results[label], results[label]
    got = results[label]["result"]
    if isinstance(expected, Items):
        assert_items(got, expected, client.release)
    else:
        assert_agrees(got, expected)


def assert_items(got: Any, expected: Items, release: str) -> None:
    rows = got if isinstance(got, list) else [got]
    ids, wanted = [row["id"] for row in rows], list(expected.ids)
    assert wanted
    assert ids == wanted if expected.ordered else sorted(ids) == sorted(wanted)
    for row in rows:
        assert_agrees(row, _as_read(expected.kind, row["id"], row, release))


def _as_read(kind: Table, id_: int, row: Mapping[str, Any], release: str) -> dict[str, Any]:
    """What the world has for the attributes of *row*, as this release reads it."""
    truth = dict(WORLD.table(kind)[id_])
    if kind == "rooms":
        # Parts are None where include did not ask for them.
        truth["roles"] = _roles(truth["roles"], release)
        truth |= {part: None for part in PARTS if row[part] is None}
    if kind == "images":
        # 3: it has another name. The count is true on some routes only (section 5.5).
        truth["event_id"] = truth["player_event_id"]
        truth["comment_count"] = row["comment_count"] and len(WORLD.comments[id_])
    if kind == "images" and release == PUBLIC:
        truth["tagged_player_ids"] = []  # 22
    if kind == "accounts" and release == LEGACY:
        # It is older than this platform.
        truth["platforms"] = [word for word in truth["platforms"] if word != "Nintendo"]
    return truth


PARTS = ("subrooms", "roles", "tags", "promo_images", "promo_external_content", "scores")
PARTS += ("load_screens",)


def assert_agrees(got: Any, truth: Any) -> None:
    """What both have is equal; objects of the client have attributes of their own."""
    if isinstance(truth, dict) and isinstance(got, dict):
        shared = got.keys() & truth.keys()
        assert len(shared) >= min(2, len(truth))
        for key in shared:
            assert_agrees(got[key], truth[key])
    elif isinstance(truth, list) and isinstance(got, list):
        assert len(got) == len(truth)
        for pair in zip(got, truth, strict=True):
            assert_agrees(*pair)
    else:
        assert got == truth


def _roles(roles: list[dict[str, Any]], release: str) -> list[dict[str, Any]]:
    """Roles as a release reads them."""
    # 21, and section 6.3.
    words = {"None": None} if release == LEGACY else {"None": None, "Member": "Host"}
    return [
        {
            key: words.get(value, value) if key in _ROLE_WORDS else value
            for key, value in role.items()
        }
        for role in roles
    ]


_ROLE_WORDS = ("name", "invited_role")


def test_the_bugs_are_of_calls_that_are_made() -> None:
    assert set(BUGS[LEGACY]) | set(BUGS[PUBLIC]) <= set(CALLS)


def test_where_the_key_goes(client: Client) -> None:
    apim, api, net = (url.removeprefix("http://") for url in client.sandbox.urls)
    client.sandbox.log.clear()
    account: Steps = [("accounts.fetch", [ACCOUNT]), ("get_subscriber_count", [])]
    client.ask([account, [("rooms.fetch", [ROOM])], [("images.fetch", [IMAGE])]])
    keyed = {
        asked.host
        for asked in client.sandbox.log
        if asked.headers.get("Ocp-Apim-Subscription-Key") == "[secure]"
    }
    # 15: the public release sends its key to the clubs too.
    assert keyed == ({apim} if client.release == LEGACY else {apim, net})
    assert api not in keyed


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("status_500", "InternalServerError"),
        ("status_503", "HTTPError"),
        ("status_403", "RateLimited"),
        ("forbidden", "Forbidden"),
        ("invalid_json", "JSONDecodeError"),
    ],
)
def test_faults_are_what_it_takes_them_for(client: Client, kind: Kind, answer: str) -> None:
    if (client.release, kind) == (LEGACY, "status_403"):
        answer = "TypeError"  # 11
    client.sandbox.faults = Faults(rate=1, kinds=(kind,), in_a_row=None)
    try:
        found = client.ask([[("accounts.fetch", [ACCOUNT])]])
    finally:
        client.sandbox.faults = Faults()
    assert found == [{"error": answer}]


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_broken_connections_are_tried_again(client: Client, kind: Kind) -> None:
    client.sandbox.faults = Faults(rate=1, kinds=(kind,))
    try:
        (found,) = client.ask([[("accounts.fetch", [ACCOUNT])]])
    finally:
        client.sandbox.faults = Faults()
    assert found["result"]["id"] == ACCOUNT
