"""The documented classes: how they are made, compared, exported, described and asked."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from itemadapter import ItemAdapter
from scrapy.exporters import JsonLinesItemExporter

import satchel.recnet
from satchel.errors import DecodeError, NoClient
from satchel.items import Item, Relation, field_names, fields_of, relations_of, type_name
from satchel.recnet import (
    Account,
    BaseDataClass,
    Event,
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

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
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
    assert cls.namespace == "recnet"
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
        "resolve_responders": ("accounts.bulk", None),
    },
    Image: {
        "get_cheers": ("images.cheers", "cheer_player_ids"),
        "get_comments": ("images.comments", "comments"),
        "get_player": ("accounts.by_id", "player"),
        "get_player_event": ("events.by_id", "player_event"),
        "get_room": ("rooms.by_id", "room"),
        "get_tagged_players": ("accounts.bulk", "tagged_players"),
        "resolve_cheers": ("accounts.bulk", "cheer_players"),
        "resolve_commenters": ("accounts.bulk", None),
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
        "resolve_role_owners": ("accounts.bulk", None),
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
            assert {relation.field, relation.after} <= {None, *names}
            for field, link in (relation.members or {}).items():
                (members,) = (f.type for f in fields_of(cls) if f.name == relation.after)
                assert {field, link} <= field_names(members)
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
