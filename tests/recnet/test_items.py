"""The documented classes: how they are made, compared, exported, described and asked."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import pytest
from itemadapter import ItemAdapter
from scrapy.exporters import JsonLinesItemExporter

import satchel.recnet
from satchel.errors import DecodeError, NoClient
from satchel.items import Item, Relation, fields_of, relations_of, type_name
from satchel.recnet import (
    Account,
    BaseDataClass,
    Comment,
    Event,
    EventInteraction,
    Image,
    Invention,
    LoadScreen,
    Progression,
    Role,
    Room,
    Score,
    SubRoom,
    Tag,
)

CLASSES: list[type[Any]] = [
    getattr(satchel.recnet, name) for name in satchel.recnet.__all__ if name != "BaseDataClass"
]
WITH_ID: list[type[Any]] = [cls for cls in CLASSES if issubclass(cls, BaseDataClass)]


class FakeClient:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any] | None = None, known: Iterable[int] = ()) -> None:
        self.answers = dict(answers or {})
        self.known = set(known)
        self.asked: list[tuple[str, Any]] = []

    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        self.asked.append(
            (relation.operation, dict(arguments) | ({"force": True} if force else {}))
        )
        answer = self.answers.get(relation.operation)
        if relation.field is not None:
            setattr(item, relation.field, answer)
        return answer

    async def accounts_by_ids(self, ids: Iterable[int]) -> dict[int, Account]:
        wanted = list(ids)
        self.asked.append(("accounts", wanted))
        return {id: Account(id=id) for id in wanted if id in self.known}


def made(cls: type[Any], client: Any, **fields: Any) -> Any:
    item = cls(client, 1) if issubclass(cls, BaseDataClass) else cls()
    for name, value in fields.items():
        setattr(item, name, value)
    return item


# How they are made


def test_the_documented_constructor() -> None:
    client: Any = FakeClient()
    account = Account(client, 7001)
    assert (account.id, account.client, account.rec_net, account.data) == (
        7001,
        client,
        client,
        None,
    )
    data = {"accountId": 7001, "username": "x"}
    account = Account(client, 7001, data)
    assert (account.id, account.username, account.data) == (7001, "x", data)
    assert Account(client, id=5, data=data).id == 5


def test_keywords() -> None:
    account = Account(id=7001, username="x")
    assert (account.client, account.id, account.username) == (None, 7001, "x")
    assert account.was_sent("username")
    assert not account.was_sent("bio")
    assert Account(data={"accountId": 2, "username": "x"}, username="y").username == "y"
    assert Tag({"Tag": "lamp"}, type="Auto") == Tag(tag="lamp", type="Auto")
    with pytest.raises(TypeError, match="Account has no field nickname"):
        Account(id=1, nickname="x")
    with pytest.raises(DecodeError):
        Account(None, 1, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", WITH_ID)
def test_patch_data_and_create_from_id_list(cls: type[Any]) -> None:
    client: Any = FakeClient()
    items = cls.create_from_id_list(client, [3, 1, 2])
    assert [item.id for item in items] == [3, 1, 2]
    assert all(type(item) is cls and item.client is client for item in items)
    assert items[0].data is None
    key = cls.decoder.table["created_at" if cls is not Event else "start_time"].keys[0]
    patch = {key: "1970-01-01T00:00:07Z"}
    assert items[0].patch_data(patch) is None
    assert (items[0].start_time if cls is Event else items[0].created_at) == 7
    assert items[0].id == 3
    assert items[0].data == patch
    assert client.asked == []


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_is_none_until_set(cls: type[Any]) -> None:
    item = cls()
    for field in fields_of(cls):
        assert getattr(item, field.name) is None
        assert not item.was_sent(field.name)
    with pytest.raises(AttributeError):
        item.undocumented = 1


@pytest.mark.parametrize("cls", CLASSES)
def test_client_and_data_are_no_fields(cls: type[Any]) -> None:
    names = {field.name for field in dataclasses.fields(cls)}
    assert names.isdisjoint({"client", "data", "rec_net"})
    one, other = cls(), cls()
    one.client, one.data = FakeClient(), {"secret": 1}
    assert one == other
    assert "secret" not in repr(one)
    assert "client" not in repr(one)
    assert set(ItemAdapter(one)) == names
    assert copy.deepcopy(other) == other
    assert cls.service == "recnet"
    assert set(cls.key) <= names


def test_keys_and_names_in_the_store() -> None:
    assert type_name(SubRoom) == "recnet_sub_room"
    assert {cls.__name__: cls.key for cls in CLASSES if not issubclass(cls, BaseDataClass)} == {
        "Comment": ("saved_image_comment_id",),
        "EventInteraction": ("player_event_id", "player_id"),
        "InventionVersion": ("invention_id", "version_number"),
        "LoadScreen": (),
        "Progression": ("player_id",),
        "PromoExternalContent": (),
        "Role": (),
        "Score": (),
        "SubRoom": ("subroom_id",),
        "Tag": (),
    }
    assert all(cls.key == ("id",) for cls in WITH_ID)
    assert Account.minor == "is_junior"


# What others see of them


def test_feed_export() -> None:
    client: Any = FakeClient()
    room = Room(client, 8200, {"RoomId": 8200, "Name": "PaperHarbor", "Brand": "new"})
    room.creator_account = Account(client, 7001)
    room.roles = [Role(account_id=9223372036854775807, id=255, name="Owner")]
    room.scores = [Score(room_id=8200, score=0.5)]
    output = BytesIO()
    exporter = JsonLinesItemExporter(output)
    exporter.start_exporting()
    exporter.export_item(room)
    exporter.finish_exporting()
    row = json.loads(output.getvalue())
    assert set(row) == {field.name for field in dataclasses.fields(Room)}
    assert (row["id"], row["name"], row["tags"]) == (8200, "PaperHarbor", None)
    assert row["creator_account"]["id"] == 7001
    assert row["roles"][0]["account_id"] == 9223372036854775807
    assert row["scores"][0]["score"] == 0.5


@pytest.mark.parametrize("cls", CLASSES)
def test_json_schema(cls: type[Any]) -> None:
    schema = ItemAdapter.get_json_schema(cls)
    assert set(schema["properties"]) == {field.name for field in dataclasses.fields(cls)}
    for name, described in schema["properties"].items():
        assert described.get("description"), name
        assert described["default"] is None
    assert "required" not in schema
    # Nested classes are named and not written out: they refer to each other.
    assert len(json.dumps(schema)) < 10_000


def test_json_schema_gives_documented_values_and_nested_classes() -> None:
    event = ItemAdapter.get_json_schema(Event)["properties"]
    assert event["accessibility"]["examples"] == ["Private", "Public", "Unlisted"]
    assert event["default_broadcast_permissions"]["examples"] == [None, "Room Owners", "All"]
    assert event["room"]["anyOf"] == [{"type": "null"}, {"type": "object", "title": "Room"}]
    account = ItemAdapter.get_json_schema(Account)["properties"]
    assert account["personal_pronouns"]["examples"][0][0] == "She / her"
    assert account["images"]["anyOf"][1] == {
        "type": "array",
        "items": {"type": "object", "title": "Image"},
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_nested_fields_name_the_class_that_they_hold(cls: type[Any]) -> None:
    for field, info in zip(dataclasses.fields(cls), fields_of(cls), strict=True):
        schema = field.metadata.get("json_schema_extra", {})
        if info.item_type is None:
            assert "anyOf" not in schema
            continue
        shown = schema["anyOf"][1]
        assert (shown["type"] == "array") is info.many
        assert (shown["items"] if info.many else shown)["title"] == info.item_type.__name__


# Relations

OPERATIONS: dict[type[Any], dict[str, tuple[str, str | None]]] = {
    Account: {
        "get_bio": ("accounts.bio", "bio"),
        "get_created_rooms": ("rooms.created_by", "created_rooms"),
        "get_events": ("events.created_by", "events"),
        "get_feed": ("images.of_player", "feed"),
        "get_images": ("images.by_player", "images"),
        "get_is_influencer": ("accounts.is_influencer", "is_influencer"),
        "get_level": ("accounts.level", "level"),
        "get_owned_rooms": ("rooms.owned_by", "owned_rooms"),
        "get_showcased_rooms": ("rooms.showcased_by", None),
        "get_subscriber_count": ("accounts.subscriber_count", "subscriber_count"),
    },
    Event: {
        "get_creator_player": ("accounts.by_id", "creator_player"),
        "get_images": ("images.during_event", "images"),
        "get_responses": ("events.responses", "responses"),
        "get_room": ("rooms.by_id", "room"),
    },
    Image: {
        "get_cheers": ("images.cheers", "cheer_player_ids"),
        "get_comments": ("images.comments", "comments"),
        "get_player": ("accounts.by_id", "player"),
        "get_player_event": ("events.by_id", "player_event"),
        "get_room": ("rooms.by_id", "room"),
        "get_tagged_players": ("accounts.bulk", "tagged_players"),
    },
    Invention: {
        "get_creation_room": ("rooms.by_id", "creation_room"),
        "get_creator_player": ("accounts.by_id", "creator_player"),
        "get_tags": ("inventions.tags", "tags"),
    },
    Room: {
        "get_creator_player": ("accounts.by_id", "creator_account"),
        "get_events": ("events.in_room", "events"),
        "get_images": ("images.in_room", "images"),
    },
}


def test_relations_are_declared_once() -> None:
    for cls in CLASSES:
        declared = {
            relation.method: (relation.operation, relation.field)
            for relation in relations_of(cls).values()
        }
        assert declared == OPERATIONS.get(cls, {})
        names = {field.name for field in fields_of(cls)}
        for relation in relations_of(cls).values():
            assert set(relation.keys.values()) <= names
            assert relation.field is None or relation.field in names
    assert relations_of(Account)["showcased_rooms"].field is None


@pytest.mark.parametrize(
    ("cls", "method"), [(cls, method) for cls, methods in OPERATIONS.items() for method in methods]
)
def test_a_relation_asks_the_client(cls: type[Any], method: str) -> None:
    operation, field = OPERATIONS[cls][method]
    client = FakeClient({operation: "the answer"})
    item = made(cls, client)
    assert asyncio.run(getattr(item, method)()) == "the answer"
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(getattr(cls, method)).parameters.items()
        if name not in ("self", "force")
    }
    assert client.asked == [(operation, defaults)]
    if field is not None:
        assert getattr(item, field) == "the answer"
    with pytest.raises(NoClient, match=f"{cls.__name__}.{method}"):
        asyncio.run(getattr(made(cls, None), method)())


def test_arguments_reach_the_client() -> None:
    client: Any = FakeClient()
    asyncio.run(Account(client, 1).get_images(5, sort=1, force=True))
    asyncio.run(Event(client, 1).get_room(366))
    assert client.asked == [
        ("images.by_player", {"take": 5, "skip": 0, "sort": 1, "force": True}),
        ("rooms.by_id", {"include": 366}),
    ]
    with pytest.raises(TypeError):
        asyncio.run(Account(client, 1).get_bio(unknown=1))  # type: ignore[call-arg]


# What resolves accounts


def test_every_comment_of_a_player_gets_the_account() -> None:
    comments = [Comment(saved_image_comment_id=n, player_id=p) for n, p in enumerate([5, 6, 5, 9])]
    comments.append(Comment(saved_image_comment_id=9))
    client: Any = FakeClient({"images.comments": comments}, known=[5, 6])
    image = Image(client, 1)
    assert asyncio.run(image.resolve_commenters()) is comments
    assert [c.player and c.player.id for c in comments] == [5, 6, 5, None, None]
    assert client.asked == [("images.comments", {}), ("accounts", [5, 6, 9])]


def test_accounts_are_asked_for_at_each_call_and_force_refetches_the_list() -> None:
    client: Any = FakeClient({"images.comments": [Comment(player_id=5)]}, known=[5])
    image = Image(client, 1)
    for force in (False, False, True):
        asyncio.run(image.resolve_commenters(force=force))
    assert client.asked == [
        ("images.comments", {}),
        ("accounts", [5]),
        ("accounts", [5]),
        ("images.comments", {"force": True}),
        ("accounts", [5]),
    ]


def test_responders() -> None:
    rows = [EventInteraction(player_event_id=1, player_id=p) for p in (5, 6)]
    client: Any = FakeClient({"events.responses": rows}, known=[6])
    event = Event(client, 1)
    assert asyncio.run(event.resolve_responders()) is rows
    assert [row.player and row.player.id for row in rows] == [None, 6]


def test_cheers_keep_their_order_and_leave_out_who_is_gone() -> None:
    client: Any = FakeClient({"images.cheers": [7, 5, 6]}, known=[5, 7])
    image = Image(client, 1)
    players = asyncio.run(image.resolve_cheers())
    assert players is not None
    assert [player.id for player in players] == [7, 5]
    assert image.cheer_players is players
    asyncio.run(image.resolve_cheers())
    assert [operation for operation, _ in client.asked] == ["images.cheers", "accounts", "accounts"]


@pytest.mark.parametrize("answer", [None, []])
def test_nothing_to_resolve_asks_for_no_account(answer: list[Any] | None) -> None:
    names = ("images.cheers", "images.comments", "events.responses")
    client: Any = FakeClient(dict.fromkeys(names, answer))
    image, event = Image(client, 1), Event(client, 1)
    assert asyncio.run(image.resolve_cheers()) == answer
    assert asyncio.run(image.resolve_commenters()) == answer
    assert asyncio.run(event.resolve_responders()) == answer
    assert [operation for operation, _ in client.asked] == list(names)


def test_roles_keep_those_whose_account_is_gone() -> None:
    client: Any = FakeClient(known=[5, 6])
    room = Room(client, 1)
    roles = room.roles = [
        Role(account_id=5, last_changed_by_account_id=6),
        Role(account_id=404, last_changed_by_account_id=None),
        Role(account_id=6, last_changed_by_account_id=5),
    ]
    assert asyncio.run(room.resolve_role_owners()) is roles
    assert [role.account and role.account.id for role in roles] == [5, None, 6]
    changed = [role.last_changed_by_account for role in roles]
    assert [account and account.id for account in changed] == [6, None, 5]
    assert client.asked == [("accounts", [5, 6, 404])]


def test_no_roles_no_request() -> None:
    client: Any = FakeClient()
    assert asyncio.run(Room(client, 1).resolve_role_owners()) is None
    assert asyncio.run(Room(id=1).resolve_role_owners()) is None
    room = Room(client, 1)
    room.roles = []
    assert asyncio.run(room.resolve_role_owners()) == []
    assert client.asked == []


def test_resolving_needs_a_client() -> None:
    image = Image(id=1, comments=[], cheer_player_ids=[])
    for coroutine in (
        image.resolve_cheers(),
        image.resolve_commenters(),
        Event(id=1, responses=[]).resolve_responders(),
        Room(id=1, roles=[]).resolve_role_owners(),
    ):
        with pytest.raises(NoClient, match=r"resolve_\w+\(\): this item belongs to no running"):
            asyncio.run(coroutine)


def test_parts_without_a_key() -> None:
    assert Progression(player_id=1, level=2) != Progression(player_id=1, level=3)
    assert LoadScreen(title="x").title == "x"


def test_a_replaced_item_erases_nothing() -> None:
    room = Room.from_data({"RoomId": 1, "Name": "PaperHarbor"})
    other = dataclasses.replace(room, name="Other")
    assert (other.id, other.name) == (1, "Other")
    assert not other.was_sent("roles")
