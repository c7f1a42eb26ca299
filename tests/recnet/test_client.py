"""The documented methods in running crawls, through the crawl's own downloader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import scrapy

from satchel.addon import SatchelAddon
from satchel.errors import NoClient, NotOffered
from satchel.recnet import Account, Event, Image, Room
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
