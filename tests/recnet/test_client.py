"""The documented methods in running crawls, through the crawl's own downloader."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import scrapy

from satchel.addon import SatchelAddon
from satchel.errors import AnswerError, NoClient, NotOffered
from satchel.faults import Faults
from satchel.recnet import Account, Event, Image, Room
from satchel.recnet.client import RecNetClient
from satchel.recnet.world import World
from satchel.testing import crawl, running_sandbox

WORLD = World()
JUNIOR = next(id for id, account in WORLD.accounts.items() if account["is_junior"])
UNLIMITED = {"DOWNLOAD_SLOTS": {"127.0.0.1": {"delay": 0, "concurrency": 8}}}


class Asking(scrapy.Spider):
    """Yields one item whose methods a subclass has called."""

    name = "asking"

    async def start(self) -> AsyncIterator[Any]:
        async for found in self.ask(SatchelAddon.of(self.crawler).client("recnet")):
            yield found

    async def ask(self, client: Any) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield


def ask(function: Any, dialect: str = "legacy", **settings: Any) -> list[Any]:
    """What *function*, an async generator that takes the client, yields in a crawl."""

    class Spider(Asking):
        async def ask(self, client: Any) -> AsyncIterator[Any]:
            async for found in function(client):
                yield {"found": found}

    result = crawl(Spider, {"SATCHEL_SANDBOX": True, "SATCHEL_RECNET_DIALECT": dialect, **settings})
    assert "spider_exceptions/count" not in result.stats
    return [item["found"] for item in result.items]


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_methods_answer_with_the_truth(dialect: str) -> None:
    image_id = next(id for id, image in WORLD.images.items() if WORLD.is_listed("images", id))
    truth = WORLD.images[image_id]

    async def asking(client: Any) -> AsyncIterator[Any]:
        image = Image(client, image_id)
        image.player_id = truth["player_id"]
        player = await image.get_player()
        yield player.id if player else None
        yield image.player is player
        yield await image.get_cheers()
        yield [comment.saved_image_comment_id for comment in await image.get_comments() or []]

    found = ask(asking, dialect)
    assert found == [
        truth["player_id"],
        True,
        WORLD.cheers[image_id],
        [comment["saved_image_comment_id"] for comment in WORLD.comments[image_id]],
    ]


def test_an_item_of_ones_own_spider_gets_the_crawls_client() -> None:
    found: list[Any] = []

    class Pipeline:
        async def process_item(self, item: Any) -> Any:
            found.append(await item.get_creator_player())
            return item

    class Own(scrapy.Spider):
        name = "own"

        async def start(self) -> AsyncIterator[Any]:
            yield Room.from_data({"RoomId": 8200, "CreatorAccountId": 7001})

    crawl(Own, {"SATCHEL_SANDBOX": True, "ITEM_PIPELINES": {Pipeline: 300}})
    assert [account.username for account in found] == ["sample_otter"]


def test_without_a_crawl_there_is_no_client() -> None:
    with pytest.raises(NoClient, match=r"Image.get_player\(\)"):
        asyncio.run(Image(id=1, player_id=2).get_player())


def test_an_id_that_cannot_be_is_not_there_and_spoils_no_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "sandbox")
    with running_sandbox() as sandbox:

        async def asking(client: Any) -> AsyncIterator[Any]:
            ids = [7001, -1, 2**63, 7002]
            yield [account.id for account in await client.accounts.fetch_many(ids)]
            yield await client.accounts.fetch(-2)

        assert ask(asking, SATCHEL_SANDBOX=False, SATCHEL_RECNET_URL=sandbox.url) == [
            [7001, 7002],
            None,
        ]
        bodies = [asked.body for asked in sandbox.log if asked.method == "POST"]
    assert bodies == ["id=7001&id=7002"]


def test_the_same_question_is_asked_once_at_a_time() -> None:
    with running_sandbox() as sandbox:

        async def asking(client: Any) -> AsyncIterator[Any]:
            first, second = Account(client, 7001), Account(client, 7001)
            await asyncio.gather(first.get_subscriber_count(), second.get_subscriber_count())
            yield first.subscriber_count == second.subscriber_count == WORLD.subscribers[7001]
            await first.get_subscriber_count(force=True)

        settings = {"SATCHEL_SANDBOX": False, "SATCHEL_RECNET_URL": sandbox.url, **UNLIMITED}
        assert ask(asking, **settings) == [True]
        asked = [one for one in sandbox.log if "subscribercount" in one.path]
        assert len(asked) == 2


def test_a_list_that_a_caller_changes_is_its_own() -> None:
    async def asking(client: Any) -> AsyncIterator[Any]:
        first, second = Account(client, 7001), Account(client, 7001)
        rooms = await first.get_created_rooms()
        assert rooms is not None
        before = len(rooms)
        rooms.clear()
        yield before == len(await second.get_created_rooms() or [])

    assert ask(asking) == [True]


def test_what_the_server_does_not_offer_is_no_empty_answer() -> None:
    async def asking(client: Any) -> AsyncIterator[Any]:
        account = Account(client, 7001)
        try:
            await account.get_feed()
        except NotOffered as error:
            yield str(error)
        yield account.feed

    assert ask(asking, "public") == ["images.of_player is not offered in the public dialect", None]


def test_a_route_that_the_server_lacks_is_no_empty_answer() -> None:
    async def asking(client: Any) -> AsyncIterator[Any]:
        try:
            yield await client.call("inventions.top_today")
        except NotOffered as error:
            yield str(error).partition(": ")[2]

    assert ask(asking, "public") == ["the server does not offer inventions.top_today"]


def test_a_null_that_a_method_got_is_one_that_was_sent() -> None:
    silent = next(id for id, bio in WORLD.bios.items() if bio is None)

    async def asking(client: Any) -> AsyncIterator[Any]:
        account = Account(client, silent)
        yield account.was_sent("bio")
        yield await account.get_bio()
        yield account.was_sent("bio")

    assert ask(asking, SATCHEL_PRIVACY="off") == [False, None, True]


def test_a_juniors_bio_is_withheld() -> None:
    async def asking(client: Any) -> AsyncIterator[Any]:
        junior = await client.call("accounts.by_id", id=JUNIOR)
        yield junior.username
        yield await junior.get_bio()

    assert ask(asking) == [None, None]
    assert ask(asking, SATCHEL_PRIVACY="off")[0] is not None


def test_items_that_lead_back_to_themselves_are_exported(tmp_path: Path) -> None:
    event_id = next(id for id in WORLD.events if WORLD.is_listed("events", id))

    class Cycle(Asking):
        async def ask(self, client: Any) -> AsyncIterator[Any]:
            event: Event = await client.call("events.by_id", id=event_id)
            creator = await event.get_creator_player()
            assert creator is not None
            for other in await creator.get_events() or []:
                await other.get_creator_player()
            yield event

    path = tmp_path / "events.jsonl"
    feeds = {str(path): {"format": "jsonlines"}}
    result = crawl(Cycle, {"SATCHEL_SANDBOX": True, "FEEDS": feeds})
    assert "log_count/ERROR" not in result.stats
    (row,) = map(json.loads, path.read_text().splitlines())
    assert row["creator_player"]["events"]
    assert all(event["creator_player"] is None for event in row["creator_player"]["events"])


# Many at once. ``server`` is conftest.py's.

Server = Any
FAR = range(10**8, 10**8 + 1_000)
"""Ids of nine digits: 787 fit in a body (reference section 9). None of them exists."""


def images_by(client: RecNetClient, players: Iterable[int]) -> list[Image]:
    return [Image(client, number, player_id=id) for number, id in enumerate(players)]


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_a_thousand_calls_are_as_few_requests_as_fit(server: Server, dialect: str) -> None:
    players = [*WORLD.accounts, *FAR[: 1_000 - len(WORLD.accounts)]]

    async def asking(client: RecNetClient) -> None:
        images = images_by(client, players)
        found = await asyncio.gather(*(image.get_player() for image in images))
        # By id, and not by the order of the answer.
        known = len(WORLD.accounts)
        assert [player and player.id for player in found[:known]] == players[:known]
        assert set(found[known:]) == {None}
        assert [image.player for image in images] == found
        first = server.asked()
        assert len(first) == math.ceil(sum(len(f"id={id}&") for id in players) / 10_241)
        assert max(len(one.body) for one in first) <= 10_240
        asked = [id for one in first for _, id in parse_qsl(one.body)]
        assert asked == list(map(str, players))
        # Nothing is asked for again: not who is there, and not who is not.
        await asyncio.gather(*(image.get_player() for image in images_by(client, players)))
        assert server.asked() == []

    server.ask(asking, dialect)


def test_ids_of_nineteen_digits(server: Server) -> None:
    ids = range(10**18, 10**18 + 446)

    async def asking(client: RecNetClient) -> None:
        await asyncio.gather(*(Image(client, 1, player_id=id).get_player() for id in ids))

    server.ask(asking)
    assert [one.body.count("id=") for one in server.asked()] == [445, 1]


def test_one_who_stops_waiting_does_not_stop_the_others(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        server.misbehave(Faults(latency=0.2))
        for method in ("get_player", "get_cheers"):
            image, same = images_by(client, [7001, 7001])
            same.id = image.id
            leaving = asyncio.ensure_future(getattr(image, method)())
            staying = asyncio.ensure_future(getattr(same, method)())
            while not client._crawler.engine.downloader.active:
                await asyncio.sleep(0.001)
            leaving.cancel()
            answer = await staying
            assert leaving.cancelled()
            assert method == "get_cheers" or answer.id == 7001
            assert len(server.asked()) == 1

    server.ask(asking)
    assert "log_count/ERROR" not in server.crawl.stats


def test_a_failed_batch_fails_who_asked_for_it_and_is_not_remembered(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        server.misbehave(Faults(rate=1, kinds=("status_500",), in_a_row=None, only="bulk"))
        ids = [*FAR[:788], 7001]  # one body, and the beginning of another
        calls = [image.get_player() for image in images_by(client, ids)]
        image = images_by(client, [7002])[0]
        image.id = 61001
        *failed, cheers = await asyncio.gather(*calls, image.get_cheers(), return_exceptions=True)
        assert {type(error) for error in failed} == {AnswerError}
        assert cheers == WORLD.cheers[61001]
        server.misbehave(Faults())
        server.asked()
        players = await asyncio.gather(*(i.get_player() for i in images_by(client, ids)))
        assert [player.id for player in players if player] == [7001]
        assert len(server.asked()) == 2

    server.ask(asking, RETRY_ENABLED=False)


def test_what_is_least_recently_used_is_forgotten(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        async def cost(id: int) -> int:
            await images_by(client, [id])[0].get_player()
            await Account(client, id).get_bio()
            return len(server.asked())

        assert [await cost(id) for id in (7001, 7002, 7001, 7003)] == [2, 2, 0, 2]
        assert [await cost(id) for id in (7001, 7003, 7002)] == [0, 0, 2]

    server.ask(asking, SATCHEL_REMEMBERED=2)


# A room with parts completes the one that all share


def both_rooms(client: RecNetClient) -> tuple[Image, Event]:
    return Image(client, 1, room_id=8201), Event(client, 1, room_id=8201)


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_parts_complete_the_bare_room(server: Server, dialect: str) -> None:
    async def asking(client: RecNetClient) -> None:
        image, event = both_rooms(client)
        bare = await image.get_room()
        assert bare is not None
        assert (bare.tags, bare.was_sent("tags")) == (None, False)
        assert await event.get_room(include=366) is bare
        assert bare.tags is not None
        assert bare.data is not None
        assert {"Name", "Tags"} <= bare.data.keys()
        assert len(server.asked()) == 2
        # Whoever asks for less, or for the same, has it.
        for include in (0, 8, 12, 366):
            assert await image.get_room(include=include) is bare
        assert server.asked() == []

    server.ask(asking, dialect)


def test_a_room_with_parts_answers_the_bare_question(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        image, event = both_rooms(client)
        room = await image.get_room(include=8)
        assert await event.get_room() is room
        assert await client.rooms.fetch(8201) is room
        assert len(server.asked()) == 1
        # Other parts are fetched, and what it has stays.
        assert room is not None
        tags = room.tags
        assert await event.get_room(include=4) is room
        assert room.tags is tags
        assert room.roles is not None
        assert room.data is not None
        assert {"Tags", "Roles"} <= room.data.keys()
        assert [one.path.partition("=")[2] for one in server.asked()] == ["4"]

    server.ask(asking)


def test_subrooms_with_less_are_asked_for_with_all(server: Server) -> None:
    async def asking(client: RecNetClient) -> list[Any]:
        image, event = both_rooms(client)
        await image.get_room(include=1)
        room = await event.get_room(include=2)
        assert room is not None
        return [subroom.supports_join_in_progress for subroom in room.subrooms or []]

    assert None not in server.ask(asking)
    assert len(server.asked()) == 1


def test_bare_and_complete_at_once(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        image, event = both_rooms(client)
        server.misbehave(Faults(latency=0.02))
        rooms = await asyncio.gather(
            image.get_room(), event.get_room(include=8), image.get_room(include=8),
            event.get_room(include=4), client.rooms.fetch(8201),
        )  # fmt: skip
        assert all(room is rooms[0] for room in rooms)
        assert rooms[0] is not None
        assert rooms[0].tags is not None
        assert rooms[0].roles is not None
        assert len(server.asked()) <= 3
        await image.get_room(include=12)
        assert server.asked() == []

    server.ask(asking)


def test_force_is_about_the_room_that_all_share(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        image, event = both_rooms(client)
        old = await image.get_room(include=8)
        bare = await image.get_room(force=True)
        assert bare is not old
        assert bare is not None
        assert bare.tags is None
        assert len(server.asked()) == 2
        # The parts were the old one's.
        assert await event.get_room(include=8) is bare
        assert bare.tags is not None
        assert len(server.asked()) == 1
        new = await event.get_room(include=8, force=True)
        assert new is not bare
        assert await image.get_room() is new
        assert len(server.asked()) == 1

    server.ask(asking)


def test_a_forgotten_room_lacks_its_parts(server: Server) -> None:
    async def asking(client: RecNetClient) -> None:
        image, _ = both_rooms(client)
        await image.get_room(include=8)
        await client.rooms.fetch(8202)
        bare = await image.get_room()
        assert bare is not None
        assert bare.tags is None
        server.asked()
        room = await image.get_room(include=8)
        assert room is bare
        assert room.tags is not None
        assert len(server.asked()) == 1

    server.ask(asking, SATCHEL_REMEMBERED=1)


def test_a_private_room_is_absent_however_one_asks(server: Server) -> None:
    private = min(WORLD.private_rooms)

    async def asking(client: RecNetClient) -> None:
        assert await client.rooms.fetch(private, include=8) is None
        assert await client.rooms.fetch(private) is None
        assert await client.rooms.fetch(private, include=4) is None
        assert len(server.asked()) == 1

    server.ask(asking)


def test_what_was_withheld_stays_withheld(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the gate, or by a plugin: completing a room adds only what it lacks."""
    truth = WORLD.rooms[8201]

    async def asking(client: RecNetClient) -> None:
        image, event = both_rooms(client)
        room = await image.get_room()
        assert room is not None
        name = room.name
        assert name is not None
        assert name.startswith("~")
        room.description, room.tags = None, []
        await event.get_room(include=366)
        assert (room.name, room.description, room.tags) == (name, None, [])
        assert room.load_screens
        shown = json.dumps(room.data)
        texts = [screen[name] for screen in truth["load_screens"] for name in ("title", "subtitle")]
        for text in (truth["name"], truth["description"], *filter(None, texts)):
            assert text not in shown
        assert not {s.title for s in room.load_screens} & {*filter(None, texts)}

    monkeypatch.setenv("SATCHEL_PRIVACY_KEY", "k")
    server.ask(asking, SATCHEL_PRIVACY="strict")


def test_a_junior_stays_one_however_one_asks(server: Server) -> None:
    truth = WORLD.accounts[JUNIOR]

    async def asking(client: RecNetClient) -> None:
        by_name = await client.accounts.get(truth["username"])
        assert by_name is not None
        assert (by_name.id, by_name.username) == (JUNIOR, None)
        assert await client.accounts.fetch(JUNIOR) is by_name
        newer = await client.accounts.fetch(JUNIOR, force=True)
        assert newer is not None
        assert (newer.id, newer.username, newer.is_junior) == (JUNIOR, None, True)
        for account in await client.accounts.search(truth["username"]):
            assert account.id != JUNIOR or account.username is None

    server.ask(asking, SATCHEL_PRIVACY="careful")
