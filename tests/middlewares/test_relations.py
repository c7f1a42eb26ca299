"""What ``include=`` brings, and what it costs, in crawls of a real server.

The busy room has a thousand images, by 900 players, at 95 events, and tag 720 players.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from satchel.faults import Faults
from satchel.items import type_name
from satchel.recnet import Account, Comment, Event, Image, Room
from satchel.recnet.api import BODY_LIMIT
from satchel.recnet.sandbox import SandboxOptions, routes
from satchel.recnet.service import SERVICE
from satchel.recnet.world import World
from satchel.sandbox import Sandbox
from satchel.spiders.recnet import ImagesSpider
from satchel.testing import Crawl, crawl, project, running_sandbox

ROOM = 8200
IMAGES = 1000
FORMS = {"player": "id", "room": "id", "player_event": "Ids", "tagged_players": "id"}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "sandbox")


def busy_world(images: int = IMAGES, accounts: int = 900) -> World:
    """A world of which so many images were taken in one room, by as many players as there are."""
    world = World(accounts=accounts, rooms=40, events=150, images=images)
    players = list(world.accounts)
    for number, image in enumerate(world.images.values()):
        image |= {
            "room_id": ROOM,
            "accessibility": "Public",
            "player_id": players[number % len(players)],
        }
    return world


def serving(world: World, faults: Faults | None = None) -> AbstractContextManager[Sandbox]:
    def sandbox(app: web.Application, seed: int, scale: int) -> None:
        app.add_routes(routes(world, SandboxOptions(seed=seed)))

    return running_sandbox(services=[dataclasses.replace(SERVICE, sandbox=sandbox)], faults=faults)


def images(
    sandbox: Sandbox, include: str, settings: dict[str, Any] | None = None, **arguments: Any
) -> Crawl:
    """Crawl the images of the busy room."""
    own = {"SATCHEL_RECNET_URL": sandbox.url, **(settings or {})}
    return crawl("recnet-images", own, **{"in_room": ROOM, "include": include, **arguments})


def bulk_requests(sandbox: Sandbox) -> Counter[str]:
    """How often each bulk operation was asked, by the last words of its path."""
    paths = (asked.path for asked in sandbox.log if asked.method == "POST")
    return Counter("/".join(path.split("/")[-2:]) for path in paths)


def comments_asked(sandbox: Sandbox) -> int:
    """How many images' comments were asked for."""
    return sum("comments" in asked.path for asked in list(sandbox.log))


def fewest(key: str, ids: Iterable[int]) -> int:
    """The fewest bodies that so many ids fit in."""
    total = sum(len(f"&{key}={id}") for id in set(ids))
    return math.ceil((total - 1) / (BODY_LIMIT + 1))


def allowed(minimum: int) -> float:
    return minimum + max(2, minimum / 10)


def of_type(result: Crawl, cls: type) -> list[Any]:
    return [item for item in result.items if type(item) is cls]


@pytest.fixture(scope="module")
def busy() -> World:
    return busy_world()


@pytest.fixture
def server(busy: World) -> Iterator[Sandbox]:
    with serving(busy) as sandbox:
        yield sandbox


@pytest.mark.parametrize("size", [64, 10])
@pytest.mark.parametrize("include", ["player,room,player_event", "tagged_players"])
@pytest.mark.parametrize("latency", [0, 0.05])
def test_a_thousand_images_cost_as_few_requests_as_possible(
    size: int, include: str, latency: float, server: Sandbox, busy: World
) -> None:
    server.faults = Faults(latency=latency)
    if include == "tagged_players":
        include = "player,room,player_event,tagged_players"
    result = images(server, include, {"SATCHEL_RECNET_PAGE_SIZE": size})
    found = of_type(result, Image)
    assert len(found) == IMAGES
    truth = list(busy.images.values())
    players = {record["player_id"] for record in truth}
    events = {record["player_event_id"] for record in truth} - {None}
    tagged = {id for record in truth for id in record["tagged_player_ids"]}
    assert (len(players), len(events), len(tagged)) == (900, 95, 720)
    accounts = players | tagged if "tagged" in include else players
    lists = sum(asked.method == "GET" for asked in server.log)
    assert lists == math.ceil(IMAGES / size) + 2  # with the empty page, and robots.txt
    minimum = lists + fewest("id", accounts) + fewest("id", [ROOM]) + fewest("Ids", events)
    assert len(server.log) <= allowed(minimum), bulk_requests(server)
    for image in found:
        record = busy.images[image.id]
        assert image.player.id == record["player_id"]
        assert image.room.id == ROOM


def test_two_levels(server: Sandbox, busy: World) -> None:
    result = images(server, "player,room.creator_account", {"SATCHEL_RECNET_PAGE_SIZE": 64})
    creator = busy.rooms[ROOM]["creator_account_id"]
    players = {record["player_id"] for record in busy.images.values()}
    lists = sum(asked.method == "GET" for asked in server.log)
    minimum = lists + fewest("id", players | {creator}) + 1
    assert len(server.log) <= allowed(minimum)
    assert {image.room.creator_account.id for image in of_type(result, Image)} == {creator}
    (room,) = of_type(result, Room)
    assert room.creator_account.id == creator


def test_a_world_of_many_players() -> None:
    world = busy_world(images=20_000, accounts=20_000)
    with serving(world) as sandbox:
        settings = {"SATCHEL_RECNET_PAGE_SIZE": 1000, "SATCHEL_STORE": ""}
        result = images(sandbox, "player,room", settings)
        assert all(image.player.id == image.player_id for image in of_type(result, Image))
        players = [account.id for account in of_type(result, Account)]
        assert len(players) == len(set(players)) == 20_000
        lists = sum(asked.method == "GET" for asked in sandbox.log)
        assert len(sandbox.log) <= allowed(lists + fewest("id", players) + 1)


def test_the_permit_is_taken_before_the_ids_are(server: Sandbox) -> None:
    settings = {"SATCHEL_RATES": {"*": "5/second"}, "SATCHEL_RECNET_PAGE_SIZE": 64}
    result = images(server, "player,room,player_event", settings, limit=640)
    lists = sum(asked.method == "GET" for asked in server.log)
    assert len(of_type(result, Image)) == 640
    assert len(server.log) <= allowed(lists + 3)
    host = server.url.removeprefix("http://")
    assert result.stats[f"satchel/waited/{host}/quota_seconds"] > 1


def test_what_is_found_goes_out_once(server: Sandbox, busy: World) -> None:
    result = images(server, "player,tagged_players,room", {"SATCHEL_RECNET_PAGE_SIZE": 64})
    found = Counter((type(item), item.id) for item in result.items)
    assert set(found.values()) == {1}
    assert len(of_type(result, Room)) == 1
    assert len(of_type(result, Event)) == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"CONCURRENT_ITEMS": 1},
        {"CONCURRENT_REQUESTS": 1, "DOWNLOAD_SLOTS": {"127.0.0.1": {"concurrency": 1, "delay": 0}}},
        {"SCRAPER_SLOT_MAX_ACTIVE_SIZE": 20_000},
        {"SATCHEL_REMEMBERED": 3},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_nothing_hangs(settings: dict[str, Any], server: Sandbox) -> None:
    own = {"SATCHEL_RECNET_PAGE_SIZE": 64, **settings}
    result = images(server, "player,room.creator_account", own, limit=300)
    assert result.reason == "finished"
    assert all(image.player and image.room for image in of_type(result, Image))
    assert len(of_type(result, Image)) == 300


@pytest.mark.parametrize("number", [0, 1])
def test_few_images(number: int) -> None:
    with serving(busy_world(images=number)) as sandbox:
        result = images(sandbox, "player,room,player_event,tagged_players")
    assert len(of_type(result, Image)) == number
    assert result.reason == "finished"


def test_a_crawl_that_is_closed_in_the_middle(server: Sandbox) -> None:
    settings = {"CLOSESPIDER_ITEMCOUNT": 50, "SATCHEL_RECNET_PAGE_SIZE": 64}
    result = images(server, "player,room", settings)
    assert result.reason == "closespider_itemcount"
    assert len(result.items) >= 50
    assert all(image.player for image in of_type(result, Image))


def test_a_bulk_request_that_is_never_answered(server: Sandbox) -> None:
    server.faults = Faults(rate=1, kinds=("silence",), only="rooms/bulk", in_a_row=None)
    settings = {"DOWNLOAD_TIMEOUT": 0.3, "RETRY_TIMES": 1}
    result = images(server, "player,room", settings, limit=100)
    found = of_type(result, Image)
    assert len(found) == 100
    assert all(image.player for image in found)
    assert not any(image.room or image.was_sent("room") for image in found)
    assert result.stats["satchel/relations/failed"] == 100
    assert result.stats["satchel/verdict"] == "incomplete"


@pytest.mark.parametrize("kind", ["status_500", "reset", "invalid_json"])
def test_failures_that_pass_cost_no_relation(
    kind: Any, server: Sandbox, busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satchel.recnet.client.BODY_LIMIT", 128)  # a hundred small requests
    server.faults = Faults(rate=0.1, kinds=(kind,), only="bulk")
    result = images(server, "player,room,player_event", {"SATCHEL_RECNET_PAGE_SIZE": 64})
    assert kind in {asked.fault for asked in server.log}
    for image in of_type(result, Image):
        assert image.player.id == image.player_id
        assert image.room.id == image.room_id
        event = busy.events.get(image.player_event_id)
        assert bool(image.player_event) == bool(event and event["accessibility"] != "Private")
    assert result.stats["satchel/verdict"] == "complete"


def test_requests_that_fail_for_good(
    server: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("satchel.recnet.client.BODY_LIMIT", 256)
    server.faults = Faults(rate=0.1, kinds=("status_500",), only="account/bulk")
    settings = {"RETRY_ENABLED": False, "SATCHEL_RECNET_PAGE_SIZE": 1000}
    result = images(server, "player,room", settings)
    bodies = [asked.body for asked in server.log if asked.fault]
    failed = {int(pair.partition("=")[2]) for body in bodies for pair in body.split("&")}
    assert 0 < len(failed) < 300
    lacking = 0
    for image in of_type(result, Image):
        assert image.room is not None
        assert image.was_sent("player") == (image.player_id not in failed)
        lacking += image.player_id in failed
    assert result.stats["satchel/relations/failed"] == lacking
    lines = [r.getMessage() for r in caplog.records if "Image.player" in r.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(f"Image.player of {lacking} items could not be had: http")
    assert lines[0].endswith("the server answered 500")
    assert "Traceback" not in caplog.text
    assert result.stats["satchel/verdict"] == "incomplete"


def test_an_item_that_the_spider_yields_and_a_relation_finds() -> None:
    """The rooms' creator made them all: the relation finds what the spider comes to, too."""
    world, creator = World(), 7001
    for room in world.rooms.values():
        room["creator_account_id"] = creator
    with serving(world) as sandbox:
        result = crawl(
            "recnet-rooms",
            {"SATCHEL_RECNET_URL": sandbox.url},
            created_by=creator,
            include="creator_account.created_rooms",
        )
    rooms = of_type(result, Room)
    assert len(rooms) > 1
    assert max(Counter(room.id for room in rooms).values()) == 1
    assert all(room.creator_account.id == creator for room in rooms)
    assert [account.id for account in of_type(result, Account)] == [creator]


def test_members_of_a_list(server: Sandbox) -> None:
    """Comments and their writers go out as items of their own."""
    result = images(server, "commenters", limit=20)
    comments = of_type(result, Comment)
    assert comments
    assert {c.saved_image_comment_id for i in of_type(result, Image) for c in i.comments} == {
        c.saved_image_comment_id for c in comments
    }
    writers = {account.id for account in of_type(result, Account)}
    assert writers >= {c.player.id for c in comments if c.player}


def test_parts_that_a_relation_needs_are_fetched(server: Sandbox) -> None:
    settings = {"SATCHEL_RECNET_URL": server.url}
    result = crawl("recnet-rooms", settings, ids=str(ROOM), include="role_owners")
    (room,) = of_type(result, Room)
    assert any(role.account for role in room.roles)
    assert of_type(result, Account)


def test_a_callback_that_fails_loses_nothing_that_it_yielded(server: Sandbox) -> None:
    class Broken(ImagesSpider):
        name = "broken"

        def keep(self, items: Any) -> Iterator[Any]:
            yield from super().keep(items)
            raise RuntimeError("half way")

    settings = {"SATCHEL_RECNET_URL": server.url}
    result = crawl(Broken, settings, in_room=ROOM, include="player", limit=20)
    assert len(of_type(result, Image)) == 20
    assert all(image.player for image in of_type(result, Image))
    assert result.stats["spider_exceptions/count"] == 1


def test_each_is_stored_once(server: Sandbox, tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    settings = {"SATCHEL_STORE": f"sqlite:///{database}", "SATCHEL_RECNET_PAGE_SIZE": 64}
    result = images(server, "player,room.creator_account,tagged_players", settings)
    for cls in (Account, Image, Room):
        assert result.stats[f"satchel/stored/{type_name(cls)}"] == len(of_type(result, cls))
    with contextlib.closing(sqlite3.connect(database)) as connection:
        wrong = connection.execute(
            "SELECT count(*) FROM recnet_image i LEFT JOIN recnet_account a ON a.id = i.player"
            " WHERE a.id IS NULL OR i.player != i.player_id OR i.room IS NULL"
        ).fetchone()
    assert wrong == (0,)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_the_middle(times: int, busy: World, tmp_path: Path) -> None:
    """What was there is stored; nothing is begun for what was not."""
    folder = project(tmp_path / "project")
    with serving(busy, Faults(latency=0.5, only="comments")) as sandbox:
        environment = {
            **os.environ,
            "SATCHEL_RECNET_URL": sandbox.url,
            "SATCHEL_STORE": f"sqlite:///{tmp_path / 'x.db'}",
            "SATCHEL_RATES": '{"*": "off"}',
            "SATCHEL_RECNET_PAGE_SIZE": "64",
        }
        words = ["crawl", "recnet-images", "-a", f"in_room={ROOM}", "-a", "include=player,comments"]
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("scrapy")), *words],
            cwd=folder, env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while comments_asked(sandbox) < 8:
            assert process.poll() is None
            time.sleep(0.05)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    if times == 1:
        with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as connection:
            images, players, commented = connection.execute(
                "SELECT count(*), count(player), count(comments) FROM recnet_image"
            ).fetchone()
        assert images > commented == comments_asked(sandbox) >= 8
        assert players == 0
        assert bulk_requests(sandbox) == {}
        given_up = 2 * images - commented
        (line,) = [line for line in said.splitlines() if "not asked for any more" in line]
        assert f"{given_up} relations of items" in line
        assert f"'satchel/relations/failed': {given_up}" in said
        assert re.search(rf"^ *{len(sandbox.log)} +requests", said, re.MULTILINE)
        assert "not answered" not in said


def test_a_crawl_that_goes_on_where_it_was_stopped(server: Sandbox, tmp_path: Path) -> None:
    settings = {
        "JOBDIR": str(tmp_path / "job"),
        "SATCHEL_STORE": f"sqlite:///{tmp_path / 'x.db'}",
        "SATCHEL_RECNET_PAGE_SIZE": 64,
    }
    images(server, "player", {**settings, "CLOSESPIDER_ITEMCOUNT": 100})
    images(server, "player", settings)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        found = connection.execute("SELECT count(*), count(player) FROM recnet_image").fetchone()
    assert found == (IMAGES, IMAGES)
