"""The documented methods against the truth of the sandbox's world, in both dialects.

Each of the 36 has a test of its name. :func:`holds` says what is asked of all that ask a server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request

from satchel.errors import AnswerError, NotOffered
from satchel.faults import Faults
from satchel.items import Item, relations_of
from satchel.recnet import (
    Account,
    BaseDataClass,
    Comment,
    Event,
    Image,
    Invention,
    Progression,
    Role,
    Room,
    Tag,
)
from satchel.recnet.api import Api
from satchel.recnet.client import RecNetClient
from satchel.recnet.world import World
from satchel.recnet.world.index import Index

Client = RecNetClient
Server = Any  # of conftest.py, which cannot be imported

WORLD = World()
LISTS = Index(WORLD)
GONE = min(WORLD.deleted_accounts)
PRIVATE_ROOM = min(WORLD.private_rooms)
SEED = json.loads((Path(__file__).parent.parent / "reference" / "recnet-seed.json").read_text())

both = pytest.mark.parametrize("dialect", ["legacy", "public"])


def test_no_method_is_missing() -> None:
    words = (
        (re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls).lower(), method)
        for cls, documented in SEED.items()
        for method in documented.get("methods", {})
    )
    expected = {f"test_{cls}_{method}" for cls, method in words}
    assert len(expected) == 36
    assert expected <= globals().keys()


def told(answer: Any) -> Any:
    """An answer without what is not compared: items are their keys, and are as the world is."""
    if isinstance(answer, list):
        return [told(one) for one in answer]
    if not isinstance(answer, Item):
        return answer
    key: tuple[Any, ...] = tuple(getattr(answer, name) for name in type(answer).key)
    if isinstance(answer, BaseDataClass):
        truth = WORLD.table(f"{type(answer).__name__.lower()}s").get(key[0], {})  # type: ignore[arg-type]
        for name in truth.keys() - {"comment_count"}:  # The server's counts disagree.
            value = getattr(answer, name)
            if answer.was_sent(name) and not isinstance(value, Item | list):
                assert value == truth[name], (type(answer).__name__, key, name)
    return key[0] if len(key) == 1 else key


def listed(kind: Any, ids: Iterable[int], take: int = 16) -> list[int]:
    """What one page of a listing shows of these."""
    return [id for id in list(ids)[:take] if WORLD.is_listed(kind, id)]


def holds(
    server: Server,
    dialect: str,
    item: Item,
    method: str,
    truth: Any,
    *,
    requests: int = 1,
    again: int = 0,
    anew: int | None = None,
    **arguments: Any,
) -> None:
    """Hold what each documented method promises.

    It answers with the truth; keeps the answer in the item's field; answers what is known without
    asking, of another item with the same id, too; and asks anew by ``force``.

    :param requests: how many the first call makes, *again*: each later one, *anew*: with ``force``
    """
    cls: Any = type(item)
    relation = next(r for r in relations_of(cls).values() if r.method == method)
    given = {name: getattr(item, name) for name in cls.__slots__ if item.was_sent(name)}

    async def asking(client: Client) -> None:
        async def call(asked: Any, **more: Any) -> int:
            server.asked()
            answer = await getattr(asked, method)(**arguments, **more)
            assert told(answer) == truth
            if relation.field is not None:
                assert told(getattr(asked, relation.field)) == truth
                assert asked.was_sent(relation.field)
            return len(server.asked())

        one, other = (cls(client, **given) for _ in range(2))
        assert await call(one) == requests
        assert await call(one) == again
        assert await call(other) == again
        if "force" in SEED[cls.__name__]["methods"][method]["params"]:
            assert await call(one, force=True) == (requests if anew is None else anew)
            assert await call(one) == again

    server.ask(asking, dialect)


def not_offered(server: Server, dialect: str, item: Any, method: str) -> None:
    """A direct call says so; the field stays as it was, and nobody is asked."""

    async def asking(client: Client) -> None:
        item.client = client
        with pytest.raises(NotOffered):
            await getattr(item, method)()

    server.ask(asking, dialect)


# Account


@both
def test_account_get_bio(server: Server, dialect: str) -> None:
    holds(server, dialect, Account(id=7001), "get_bio", WORLD.bios[7001])
    silent = next(id for id, bio in WORLD.bios.items() if bio is None)
    holds(server, dialect, Account(id=silent), "get_bio", None)
    holds(server, dialect, Account(id=GONE), "get_bio", None)


@both
def test_account_get_created_rooms(server: Server, dialect: str) -> None:
    truth = LISTS.created_rooms(7006)
    holds(server, dialect, Account(id=7006), "get_created_rooms", truth)
    holds(server, dialect, Account(id=GONE), "get_created_rooms", [])


@both
def test_account_get_events(server: Server, dialect: str) -> None:
    creator = next(id for id in WORLD.accounts if LISTS.events_of(id))
    holds(server, dialect, Account(id=creator), "get_events", LISTS.events_of(creator))
    holds(server, dialect, Account(id=creator), "get_events", [], skip=1)
    holds(server, dialect, Account(id=GONE), "get_events", [])


@both
def test_account_get_feed(server: Server, dialect: str) -> None:
    account = Account(id=7059)
    if dialect == "public":
        not_offered(server, dialect, account, "get_feed")
        assert account.feed is None
        assert server.asked() == []
        return
    images = LISTS.images_by("tagged", 7059)
    holds(server, dialect, account, "get_feed", listed("images", images))
    holds(server, dialect, account, "get_feed", listed("images", images[1:], 3), take=3, skip=1)


@both
def test_account_get_images(server: Server, dialect: str) -> None:
    images = LISTS.images_by("player_id", 7021)
    account = Account(id=7021)
    holds(server, dialect, account, "get_images", listed("images", images))
    holds(server, dialect, account, "get_images", listed("images", images[2:], 3), take=3, skip=2)
    cheered = LISTS.images_by("player_id", 7021, 1)
    assert cheered != images
    holds(server, dialect, account, "get_images", listed("images", cheered), sort=1)


@both
def test_account_get_is_influencer(server: Server, dialect: str) -> None:
    holds(server, dialect, Account(id=min(WORLD.influencers)), "get_is_influencer", True)
    holds(server, dialect, Account(id=7001), "get_is_influencer", False)


@both
def test_account_get_level(server: Server, dialect: str) -> None:
    level = WORLD.progressions[7002]

    async def asking(client: Client) -> Progression | None:
        return await Account(client, 7002).get_level()

    assert server.ask(asking, dialect) == Progression(**level)
    holds(server, dialect, Account(id=7002), "get_level", 7002)
    holds(server, dialect, Account(id=GONE), "get_level", None)


@both
def test_account_get_owned_rooms(server: Server, dialect: str) -> None:
    truth = LISTS.owned_rooms(7006)
    assert truth != LISTS.created_rooms(7006)
    holds(server, dialect, Account(id=7006), "get_owned_rooms", truth)


@both
def test_account_get_showcased_rooms(server: Server, dialect: str) -> None:
    shown = WORLD.showcases[7001]
    truth = [id for id in shown if WORLD.is_visible("rooms", id)]
    assert truth not in ([], shown)
    holds(server, dialect, Account(id=7001), "get_showcased_rooms", truth, requests=2)
    holds(server, dialect, Account(id=7002), "get_showcased_rooms", [])


@both
def test_account_get_subscriber_count(server: Server, dialect: str) -> None:
    popular = LISTS.top_creators[0]
    count = WORLD.subscribers[popular]
    holds(server, dialect, Account(id=popular), "get_subscriber_count", count)
    holds(server, dialect, Account(id=GONE), "get_subscriber_count", 0)


# Event


@both
def test_event_get_creator_player(server: Server, dialect: str) -> None:
    holds(server, dialect, Event(id=1, creator_player_id=7001), "get_creator_player", 7001)
    holds(server, dialect, Event(id=1, creator_player_id=GONE), "get_creator_player", None)


@both
def test_event_get_images(server: Server, dialect: str) -> None:
    images = LISTS.images_by("player_event_id", 5127)
    holds(server, dialect, Event(id=5127), "get_images", listed("images", images))
    holds(
        server, dialect, Event(id=5127), "get_images", listed("images", images[1:], 1),
        take=1, skip=1,
    )  # fmt: skip


@both
def test_event_get_responses(server: Server, dialect: str) -> None:
    truth = [(5104, row["player_id"]) for row in WORLD.responses[5104]]
    holds(server, dialect, Event(id=5104), "get_responses", truth)
    holds(server, dialect, Event(id=404), "get_responses", [])


@both
def test_event_get_room(server: Server, dialect: str) -> None:
    a_room_with_parts(server, dialect, Event(id=1, room_id=8203), "get_room")


@both
def test_event_resolve_responders(server: Server, dialect: str) -> None:
    truth = [(5102, 7011), (5102, GONE)]
    event = Event(id=5102)
    holds(server, dialect, event, "resolve_responders", truth, requests=2, again=1)

    async def asking(client: Client) -> None:
        event = Event(client, 5102)
        responses = await event.resolve_responders()
        assert responses is event.responses is not None
        assert [response.player and response.player.id for response in responses] == [7011, None]

    server.ask(asking, dialect)


# Image


@both
def test_image_get_cheers(server: Server, dialect: str) -> None:
    holds(server, dialect, Image(id=61001), "get_cheers", WORLD.cheers[61001])
    quiet = next(id for id in WORLD.images if not WORLD.cheers[id])
    holds(server, dialect, Image(id=quiet), "get_cheers", [])
    holds(server, dialect, Image(id=404), "get_cheers", [])


@both
def test_image_get_comments(server: Server, dialect: str) -> None:
    image = Image(id=61001, comment_count=0)
    truth = [row["saved_image_comment_id"] for row in WORLD.comments[61001]]
    holds(server, dialect, image, "get_comments", truth)
    holds(server, dialect, Image(id=404), "get_comments", [])

    async def asking(client: Client) -> list[Comment]:
        return await Image(client, 61001).get_comments() or []

    texts = [comment.comment for comment in server.ask(asking, dialect)]
    assert texts == [row["comment"] for row in WORLD.comments[61001]]


@both
def test_image_get_player(server: Server, dialect: str) -> None:
    holds(server, dialect, Image(id=1, player_id=7001), "get_player", 7001)
    holds(server, dialect, Image(id=1, player_id=GONE), "get_player", None)


@both
def test_image_get_player_event(server: Server, dialect: str) -> None:
    holds(server, dialect, Image(id=1, player_event_id=5102), "get_player_event", 5102)
    nothing_to_ask(server, dialect, Image(id=1), "get_player_event")


@both
def test_image_get_room(server: Server, dialect: str) -> None:
    a_room_with_parts(server, dialect, Image(id=1, room_id=8203), "get_room")
    nothing_to_ask(server, dialect, Image(id=1), "get_room")


@both
def test_image_get_tagged_players(server: Server, dialect: str) -> None:
    """In the public dialect nobody knows who is tagged."""

    async def asking(client: Client) -> Any:
        image = await client.images.fetch(61012)
        assert image is not None
        players = told(await image.get_tagged_players())
        assert told(image.tagged_players) == players
        return players

    tagged = WORLD.images[61012]["tagged_player_ids"]
    assert server.ask(asking, dialect) == (tagged if dialect == "legacy" else None)
    assert len(server.asked()) == (2 if dialect == "legacy" else 1)

    ids = [7003, GONE, 7001, 7003]
    truth = [7003, 7001]
    holds(server, dialect, Image(id=1, tagged_player_ids=ids), "get_tagged_players", truth)
    empty = Image(id=1, tagged_player_ids=[])
    holds(server, dialect, empty, "get_tagged_players", [], requests=0)


@both
def test_image_resolve_cheers(server: Server, dialect: str) -> None:
    assert WORLD.cheers[61001] == [7001, GONE]
    holds(server, dialect, Image(id=61001), "resolve_cheers", [7001], requests=2, again=1)


@both
def test_image_resolve_commenters(server: Server, dialect: str) -> None:
    truth = [row["saved_image_comment_id"] for row in WORLD.comments[61001]]
    image = Image(id=61001)
    holds(server, dialect, image, "resolve_commenters", truth, requests=2, again=1)

    async def asking(client: Client) -> None:
        image = Image(client, 61001)
        comments = await image.resolve_commenters()
        assert comments is image.comments is not None
        assert [told(comment.player) for comment in comments] == [7001, 7001, None]
        assert comments[0].player is comments[1].player

    server.ask(asking, dialect)


# Invention


@both
def test_invention_get_creation_room(server: Server, dialect: str) -> None:
    item = Invention(id=1, creation_room_id=8203)
    a_room_with_parts(server, dialect, item, "get_creation_room")


@both
def test_invention_get_creator_player(server: Server, dialect: str) -> None:
    holds(server, dialect, Invention(id=1, creator_player_id=7001), "get_creator_player", 7001)


@both
def test_invention_get_tags(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> list[Tag] | None:
        return await Invention(client, 3402).get_tags()

    truth = [Tag(**tag) for tag in WORLD.inventions[3402]["tags"]]
    assert server.ask(asking, dialect) == truth
    holds(server, dialect, Invention(id=3402), "get_tags", [() for _ in truth])


# Room


@both
def test_room_get_creator_player(server: Server, dialect: str) -> None:
    holds(server, dialect, Room(id=1, creator_account_id=7001), "get_creator_player", 7001)


@both
def test_room_get_events(server: Server, dialect: str) -> None:
    room = next(id for id in WORLD.rooms if len(LISTS.events_in(id)) > 1)
    events = LISTS.events_in(room)
    holds(server, dialect, Room(id=room), "get_events", events)
    holds(server, dialect, Room(id=room), "get_events", events[1:2], take=1, skip=1)


@both
def test_room_get_images(server: Server, dialect: str) -> None:
    images, cheered = LISTS.images_by("room_id", 8201), LISTS.images_by("room_id", 8201, 1)
    room = Room(id=8201)
    holds(server, dialect, room, "get_images", listed("images", images))
    holds(server, dialect, room, "get_images", listed("images", images[1:], 2), take=2, skip=1)
    holds(server, dialect, room, "get_images", listed("images", cheered), sort=1)


@both
def test_room_resolve_role_owners(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        room = await client.rooms.fetch(8200, include=4)
        assert room is not None
        for _ in range(2):
            server.asked()
            roles = await room.resolve_role_owners()
            assert len(server.asked()) == 1
            assert roles is room.roles is not None
            assert [told(role.account) for role in roles] == [7001, None, 7006]
            assert [told(role.last_changed_by_account) for role in roles] == [None, None, 7001]
        for roles in (None, list[Role]()):
            room.roles = roles
            assert await room.resolve_role_owners() == roles
        assert server.asked() == []

    server.ask(asking, dialect)


# Those that ask nobody


def patches(server: Server, cls: Any, data: dict[str, Any], field: str, value: Any) -> None:
    """``patch_data`` sets what the object has, leaves the rest, and makes no request."""

    async def asking(client: Client) -> None:
        item = cls(client, 7)
        setattr(item, field, None)
        assert item.patch_data(data) is None
        assert (item.id, getattr(item, field), item.data) == (7, value, data)

    server.ask(asking)
    assert server.asked() == []


def test_account_patch_data(server: Server) -> None:
    patches(server, Account, {"username": "sample_otter"}, "username", "sample_otter")


def test_event_patch_data(server: Server) -> None:
    patches(server, Event, {"StartTime": "1970-01-01T00:00:09Z"}, "start_time", 9)


def test_image_patch_data(server: Server) -> None:
    patches(server, Image, {"PlayerEventId": 3}, "player_event_id", 3)


def test_invention_patch_data(server: Server) -> None:
    patches(server, Invention, {"Price": None, "CheerCount": 2}, "cheer_count", 2)


def test_room_patch_data(server: Server) -> None:
    patches(server, Room, {"Stats": {"VisitCount": 2345678901}}, "visit_count", 2345678901)


def test_base_data_class_create_from_id_list(server: Server) -> None:
    async def asking(client: Client) -> None:
        accounts = Account.create_from_id_list(client, [7002, 7001])
        assert told(accounts) == [7002, 7001]
        assert server.asked() == []
        await asyncio.gather(*(account.get_level() for account in accounts))
        assert [account.level and account.level.player_id for account in accounts] == [7002, 7001]
        assert len(server.asked()) == 1

    server.ask(asking)


# What several of them have in common


def a_room_with_parts(server: Server, dialect: str, item: Any, method: str) -> None:
    """*item* is about the room 8203."""
    holds(server, dialect, item, method, 8203)
    holds(server, dialect, item, method, 8203, include=366)
    (link,) = (name for name in ("room_id", "creation_room_id") if hasattr(item, name))
    setattr(item, link, PRIVATE_ROOM)
    holds(server, dialect, item, method, None)
    holds(server, dialect, item, method, None, include=4)

    async def asking(client: Client) -> None:
        setattr(item, link, 8203)
        item.client = client
        room = await getattr(item, method)(include=12)
        truth = WORLD.rooms[8203]
        assert [tag.tag for tag in room.tags] == [tag["tag"] for tag in truth["tags"]]
        assert [role.account_id for role in room.roles] == [r["account_id"] for r in truth["roles"]]
        assert room.scores is None

    server.ask(asking, dialect)


def nothing_to_ask(server: Server, dialect: str, item: Any, method: str) -> None:
    async def asking(client: Client) -> Any:
        item.client = client
        return await getattr(item, method)()

    assert server.ask(asking, dialect) is None
    assert server.asked() == []


# What another client does and this one does not (reference section 10, by its numbers). Held by the
# tests above: 1, 2, 5, 7, 9, 16, 22, 27.


@both
def test_4_counts_of_zero_are_not_believed(server: Server, dialect: str) -> None:
    image = Image(id=61001, cheer_count=0, comment_count=0)
    holds(server, dialect, image, "get_cheers", WORLD.cheers[61001])
    truth = [row["saved_image_comment_id"] for row in WORLD.comments[61001]]
    holds(server, dialect, image, "get_comments", truth)


@both
def test_5_cheers_are_resolved_in_their_order(server: Server, dialect: str) -> None:
    image = next(id for id, cheers in WORLD.cheers.items() if cheers != sorted(cheers))
    truth = [id for id in WORLD.cheers[image] if id in WORLD.accounts]
    assert len(truth) > 1
    holds(server, dialect, Image(id=image), "resolve_cheers", truth, requests=2, again=1)


@both
def test_6_who_was_not_asked_for_is_not_joined(
    server: Server, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers a bulk call with more accounts than it was asked for."""
    ask_for = Api.bulk

    def with_another(self: Api, name: str, values: Iterable[Any]) -> Iterator[Request]:
        return ask_for(self, name, [7009, *values])

    monkeypatch.setattr(Api, "bulk", with_another)

    async def asking(client: Client) -> None:
        assert told(await Image(client, 61001).resolve_cheers()) == [7001]
        assert await client.accounts.fetch(GONE) is None

    server.ask(asking, dialect)


@both
def test_8_arguments_make_another_question(server: Server, dialect: str) -> None:
    images = LISTS.images_by("player_id", 7021)

    async def asking(client: Client) -> None:
        account = Account(client, 7021)
        questions: list[dict[str, int]] = [{}, {"take": 3}, {"take": 3, "skip": 2}, {"sort": 1}]
        answers = [told(await account.get_images(**question)) for question in questions]
        assert answers[0] == listed("images", images)
        assert answers[1] == listed("images", images, 3)
        assert answers[2] == listed("images", images[2:], 3)
        assert answers[3] == listed("images", LISTS.images_by("player_id", 7021, 1))
        assert len(server.asked()) == 4
        # Defaults that are given are the same question, and each answer is remembered.
        for question, answer in zip(questions, answers, strict=True):
            assert told(await account.get_images(**{"skip": 0, **question})) == answer
            assert told(account.images) == answer
        assert server.asked() == []

    server.ask(asking, dialect)


@both
def test_14_a_refusal_is_no_bio(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        account = Account(client, 7001)
        server.misbehave(Faults(rate=1, kinds=("forbidden",), in_a_row=None, only="bio"))
        with pytest.raises(AnswerError, match="the server answered 403"):
            await account.get_bio()
        assert (account.bio, account.was_sent("bio")) == (None, False)
        server.misbehave(Faults())
        assert await account.get_bio() == WORLD.bios[7001]

    server.ask(asking, dialect)


@both
def test_24_json_by_another_name_is_read(server: Server, dialect: str) -> None:
    async def asking(client: Client) -> None:
        server.misbehave(Faults(rate=1, kinds=("wrong_type",), in_a_row=None))
        assert await Account(client, 7001).get_subscriber_count() == WORLD.subscribers[7001]
        assert told(await Image(client, 61001).resolve_cheers()) == [7001]

    server.ask(asking, dialect)


@both
def test_27_nothing_to_resolve_asks_for_no_account(server: Server, dialect: str) -> None:
    quiet = next(
        id for id in WORLD.images
        if WORLD.is_visible("images", id) and not WORLD.comments[id] and not WORLD.cheers[id]
    )  # fmt: skip
    for item, method in (
        (Image(id=quiet), "resolve_cheers"),
        (Image(id=quiet), "resolve_commenters"),
        (Event(id=5100), "resolve_responders"),
    ):
        holds(server, dialect, item, method, [])
