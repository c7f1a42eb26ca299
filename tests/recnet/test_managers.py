"""The calls that lead to items, in both dialects, and what they cost."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from satchel.errors import NotOffered
from satchel.recnet import managers
from satchel.recnet.client import RecNetClient
from satchel.recnet.world import World
from satchel.recnet.world.index import Index

Client = RecNetClient
Server = Any  # of conftest.py, which cannot be imported

WORLD = World()
LISTS = Index(WORLD)
GONE = min(WORLD.deleted_accounts)
PRIVATE_ROOM = min(WORLD.private_rooms)
NAMES = [WORLD.accounts[id]["username"] for id in (7002, 7001)]
ROOM_NAMES = [WORLD.rooms[id]["name"] for id in (8201, 8200)]
FOUND = [id for id, account in WORLD.accounts.items() if NAMES[1] in account["username"]]
FILES = [WORLD.images[id]["image_name"] for id in (61012, 61001)]
COMING = LISTS.coming_events
CREATOR = WORLD.events[COMING[0]]["creator_player_id"]
TAGGED = LISTS.images_by("tagged", 7059)
TAKEN = LISTS.images_by("player_id", 7021)
CHEERED = LISTS.images_by("player_id", 7021, 1)
SHOWN = [id for id in WORLD.showcases[7001] if WORLD.is_visible("rooms", id)]
STORE = LISTS.store_inventions


def listed(ids: list[int]) -> list[int]:
    """The images that a page of these shows."""
    return [id for id in ids if WORLD.is_listed("images", id)]


# manager, method, arguments, the ids that it leads to, requests in legacy and in public (None: not
# offered there)
CALLS: list[tuple[str, str, dict[str, Any], Any, int, int | None]] = [
    ("accounts", "fetch", {"id": 7001}, 7001, 1, 1),
    ("accounts", "fetch", {"id": GONE}, None, 1, 1),
    ("accounts", "fetch", {"id": "7001"}, 7001, 1, 1),
    ("accounts", "fetch_many", {"ids": [7002, GONE, 7001, 7002]}, [7002, 7001], 1, 1),
    ("accounts", "fetch_many", {"ids": []}, [], 0, 0),
    ("accounts", "get", {"name": NAMES[1].upper()}, 7001, 1, 1),
    ("accounts", "get", {"name": "nobody"}, None, 1, 1),
    ("accounts", "get_many", {"names": [NAMES[0], "nobody", NAMES[1]]}, [7002, 7001], 1, 1),
    ("accounts", "search", {"query": NAMES[1]}, FOUND, 1, 1),
    ("accounts", "search", {"query": "nobody at all"}, [], 1, 1),
    ("rooms", "fetch", {"id": 8200}, 8200, 1, 1),
    ("rooms", "fetch", {"id": 8200, "include": 8}, 8200, 1, 1),
    ("rooms", "fetch", {"id": PRIVATE_ROOM}, None, 1, 1),
    ("rooms", "fetch_many", {"ids": [8201, PRIVATE_ROOM, 8200]}, [8201, 8200], 1, 1),
    ("rooms", "get", {"name": ROOM_NAMES[1]}, 8200, 1, 1),
    ("rooms", "get", {"name": "NoSuchRoom"}, None, 1, 1),
    ("rooms", "get", {"name": ROOM_NAMES[1], "include": 8}, 8200, 1, 2),
    ("rooms", "get", {"name": "NoSuchRoom", "include": 8}, None, 1, 1),
    ("rooms", "get_many", {"names": [*ROOM_NAMES, "NoSuchRoom"]}, [8201, 8200], 1, 1),
    ("rooms", "search", {"query": f"^{ROOM_NAMES[1]}"}, [8200], 1, 1),
    ("rooms", "created_by", {"account_id": 7006}, LISTS.created_rooms(7006), 1, 1),
    ("rooms", "owned_by", {"account_id": 7006}, LISTS.owned_rooms(7006), 1, 1),
    ("rooms", "showcased_by", {"account_id": 7001}, SHOWN, 2, 2),
    ("rooms", "hot", {}, LISTS.hot_rooms[:16], 1, 1),
    ("rooms", "hot", {"take": 100}, LISTS.hot_rooms, 1, 1),
    ("rooms", "hot", {"take": 2, "skip": 3}, LISTS.hot_rooms[3:5], 1, 1),
    ("events", "fetch", {"id": 5102}, 5102, 1, 1),
    ("events", "fetch_many", {"ids": [5104, 404, 5101]}, [5104, 5101], 1, 1),
    ("events", "search", {"query": "lampions", "take": 1}, [5100], 1, 1),
    ("events", "from_account", {"account_id": CREATOR}, LISTS.events_of(CREATOR), 1, 1),
    ("events", "in_room", {"room_id": 8205}, LISTS.events_in(8205), 1, 1),
    ("events", "get_events", {}, COMING[:16], 1, 1),
    ("events", "get_events", {"take": 3, "skip": 1}, COMING[1:4], 1, 1),
    ("images", "fetch", {"id": 61012}, 61012, 1, 1),
    ("images", "fetch_many", {"ids": [61012, 404, 61001]}, [61012, 61001], 1, 1),
    ("images", "get", {"name": FILES[0]}, 61012, 1, 1),
    ("images", "get", {"name": "none.jpg"}, None, 1, 1),
    ("images", "get_many", {"names": [*FILES, "none.jpg"]}, [61012, 61001], 1, 1),
    ("images", "from_account", {"account_id": 7021}, listed(TAKEN), 1, 1),
    ("images", "from_account", {"account_id": 7021, "sort": 1}, listed(CHEERED), 1, 1),
    ("images", "player_feed", {"account_id": 7059, "take": 3}, listed(TAGGED[:3]), 1, None),
    (
        "images", "during_event", {"event_id": 5127},
        listed(LISTS.images_by("player_event_id", 5127)), 1, 1,
    ),
    ("images", "in_room", {"room_id": 8201}, listed(LISTS.images_by("room_id", 8201)), 1, 1),
    ("images", "front_page", {"take": 5}, LISTS.popular_images[:5], 1, None),
    ("inventions", "fetch", {"id": 3401}, 3401, 1, None),
    ("inventions", "fetch", {"id": 404}, None, 1, None),
    ("inventions", "search", {"query": "no such thing"}, [], 1, None),
    ("inventions", "featured", {"take": 0}, [], 1, None),
    ("inventions", "top_today", {}, STORE[:5], 1, None),
]  # fmt: skip


def ids_of(answer: Any) -> Any:
    return [item.id for item in answer] if isinstance(answer, list) else answer and answer.id


@pytest.mark.parametrize("dialect", ["legacy", "public"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}.{call[1]}")
def test_calls(server: Server, call: tuple[Any, ...], dialect: str) -> None:
    """The truth, remembered, and asked for anew by ``force``."""
    manager, method, arguments, truth, *requests = call
    expected = requests[dialect == "public"]

    async def asking(client: Client) -> None:
        function = getattr(getattr(client, manager), method)
        if expected is None:
            with pytest.raises(NotOffered):
                await function(**arguments)
            return
        for force, count in ((False, expected), (False, 0), (True, expected), (False, 0)):
            server.asked()
            assert ids_of(await function(**arguments, force=force)) == truth
            assert len(server.asked()) == count

    server.ask(asking, dialect)


def test_every_call_is_tested_and_documented() -> None:
    public = {
        (name.lower(), method)
        for name in ("Accounts", "Rooms", "Events", "Images", "Inventions")
        for method, function in vars(getattr(managers, name)).items()
        if inspect.iscoroutinefunction(function) and function.__doc__
    }
    assert public == {(call[0], call[1]) for call in CALLS}


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_calls_at_once_go_together(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        accounts = await asyncio.gather(*(client.accounts.fetch(id) for id in WORLD.accounts))
        assert ids_of(accounts) == list(WORLD.accounts)
        rooms = await asyncio.gather(*(client.rooms.get(name) for name in ROOM_NAMES))
        assert ids_of(rooms) == [8201, 8200]
        images = await asyncio.gather(*(client.images.get(name) for name in FILES))
        assert ids_of(images) == [61012, 61001]

    server.ask(asking, dialect)
    assert [one.method for one in server.asked()] == ["POST"] * 3


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_a_name_and_an_id_lead_to_one_item(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        account = await client.accounts.get(NAMES[1])
        assert await client.accounts.fetch(7001) is account
        room = await client.rooms.fetch(8200)
        assert await client.rooms.get(ROOM_NAMES[1]) is room
        assert len(server.asked()) == 3
        # By force it is another, for all.
        newer = await client.rooms.get(ROOM_NAMES[1], force=True)
        assert newer is not room
        assert await client.rooms.fetch(8200) is newer
        newest = await client.rooms.fetch(8200, force=True)
        assert await client.rooms.get(ROOM_NAMES[1]) is newest

    server.ask(asking, dialect)


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_a_room_by_name_gets_its_parts(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        room = await client.rooms.get(ROOM_NAMES[0])
        assert room is not None
        assert room.tags is None
        assert await client.rooms.get(ROOM_NAMES[0], include=8) is room
        assert [tag.tag for tag in room.tags or []] == [
            tag["tag"] for tag in WORLD.rooms[8201]["tags"]
        ]
        assert len(server.asked()) == 2
        assert await client.rooms.get(ROOM_NAMES[0], include=8) is room
        assert await client.rooms.fetch(8201, include=8) is room
        assert server.asked() == []

    server.ask(asking, dialect)
