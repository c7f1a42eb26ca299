"""Kemono's classes: how they are made, described, exported, stored and asked."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from itemadapter import ItemAdapter
from scrapy.exporters import CsvItemExporter, JsonLinesItemExporter

import satchel.kemono
from satchel.errors import NoClient
from satchel.items import Item, field_names, fields_of, leads_to, relations_of, type_name
from satchel.kemono import (
    AccountRole,
    AccountView,
    Attachment,
    Comment,
    Creator,
    CreatorLinkRequest,
    DiscordMessage,
    Poll,
    PollChoice,
    Post,
    Revision,
    Tag,
)
from satchel.kemono.wire import COMMENT, DISCORD_MESSAGE, POST
from satchel.privacy import Gate, Level
from satchel.tables import BOOKKEEPING, PAYLOAD
from stores import Stored

CLASSES: list[type[Any]] = [
    cls
    for name in satchel.kemono.__all__
    if isinstance(cls := getattr(satchel.kemono, name), type) and issubclass(cls, Item)
]
H1 = "1a" * 32
SECRET = "geheim"
FILE = {
    "name": "cover.png",
    "path": f"/{SECRET}/1a/{H1}.png",
    "server": f"https://{SECRET}.example.test",
    "thumbnail": SECRET,
}
PLACE = {"service": "patreon", "user": "10000001"}
EVERYTHING = {
    **PLACE,
    "id": "20000001",
    "title": "Landscape study 12",
    "substring": SECRET,
    "content": f"<p>{SECRET}</p>",
    "embed": {"url": SECRET, "subject": SECRET, "description": SECRET},
    "published": "2025-03-01T12:00:00",
    "added": "2025-03-04T05:06:07.891011",
    "file": {**FILE, "name": f"https://{SECRET}.example.test/x.png"},
    "attachments": [FILE],
    "poll": {"title": SECRET, "choices": [{"text": SECRET, "votes": 4}], "note": SECRET},
    "captions": [SECRET],
    "tags": ["landscape"],
    "incomplete_rewards": {"price": 5, "complete": [SECRET], "incomplete": SECRET},
    "thumbnail": SECRET,
}
COMMENTED = {
    **PLACE,
    "post": "20000001",
    "id": "50000001",
    "commenter": "60000001",
    "commenter_name": "Jane",
    "content": SECRET,
    "revisions": [{"id": 3, "content": SECRET, "added": None}],
}
SAID = {
    "id": "81000001",
    "author": {"id": "82000001", "username": "Jane", "global_name": "Jane", "flags": SECRET},
    "server": "80000000",
    "channel": "80000001",
    "content": SECRET,
    "embeds": [{"title": SECRET}],
    "mentions": [{"id": "82000002", "username": "Jane"}],
    "attachments": [FILE],
    "revisions": [{"content": SECRET}],
}


# How they are made and described


def test_account_views_are_made_as_documented() -> None:
    when = datetime(2025, 2, 3, tzinfo=UTC)
    account = AccountView(id=1, username="x", created_at=when, role=AccountRole.MODERATOR)
    assert (account.id, account.username, account.created_at) == (1, "x", when)
    assert account.role is AccountRole.MODERATOR
    with pytest.raises(TypeError):
        AccountView(1, "x")  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_is_none_until_set(cls: type[Any]) -> None:
    item = cls()
    for field in fields_of(cls):
        assert getattr(item, field.name) is None
        assert not item.was_sent(field.name)
    with pytest.raises(AttributeError):
        item.undocumented = 1


def test_keys() -> None:
    assert {type_name(cls): cls.key for cls in CLASSES if cls.key} == {
        "kemono_account_view": ("id",),
        "kemono_announcement": ("service", "user_id", "hash"),
        "kemono_comment": ("service", "user", "post", "id"),
        "kemono_creator": ("service", "id"),
        "kemono_creator_link_request": ("id",),
        "kemono_discord_channel": ("id",),
        "kemono_discord_message": ("id",),
        "kemono_discord_server": ("id",),
        "kemono_fancard": ("id",),
        "kemono_notification": ("id",),
        "kemono_post": ("service", "user", "id"),
        "kemono_revision": ("service", "user", "id", "revision_id"),
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_json_schema(cls: type[Any]) -> None:
    schema = ItemAdapter.get_json_schema(cls)
    assert set(schema["properties"]) == field_names(cls)
    for name, described in schema["properties"].items():
        assert described.get("description"), name
        assert described["default"] is None
        assert "type" in described or "anyOf" in described, name
    assert len(json.dumps(schema)) < 10_000


def test_json_schema_of_times_roles_and_parts() -> None:
    account = ItemAdapter.get_json_schema(AccountView)["properties"]
    assert account["created_at"]["anyOf"] == [
        {"type": "null"},
        {"type": "string", "format": "date-time"},
    ]
    assert account["role"]["examples"] == ["consumer", "moderator", "administrator"]
    post = ItemAdapter.get_json_schema(Post)["properties"]
    assert post["attachments"]["anyOf"][1] == {
        "type": "array",
        "items": {"type": "object", "title": "Attachment"},
    }


# Relations


def test_relations_are_declared_on_fields_that_are_there() -> None:
    for cls in CLASSES:
        for name, declared in relations_of(cls).items():
            assert set(declared.keys.values()) <= field_names(cls), name
            assert declared.field is None or declared.field in field_names(cls)
            assert leads_to(cls, name) is not None
    assert {cls.__name__: sorted(relations_of(cls)) for cls in CLASSES if relations_of(cls)} == {
        "Creator": ["announcements", "fancards", "links", "profile", "tags"],
        "CreatorLinkRequest": ["from_creator", "to_creator"],
        "DiscordServer": ["channels"],
        "Post": ["comments", "creator", "detail", "revisions"],
    }


def test_a_decision_asks_the_client() -> None:
    class Client:
        async def approve(self, request: Any) -> bool:
            return bool(request.id == 55)

        async def reject(self, request: Any) -> bool:
            return False

    request = CreatorLinkRequest(id=55)
    for method in (request.approve, request.reject):
        assert inspect.iscoroutinefunction(method)
        with pytest.raises(NoClient, match=rf"{method.__name__}\(\): this item belongs to no"):
            asyncio.run(method())
    request.client = Client()  # type: ignore[assignment]
    assert asyncio.run(request.approve()) is True
    assert asyncio.run(request.reject()) is False


# Feeds


def full_post() -> Post:
    choice = PollChoice(text="Sea", votes=4)
    return Post(
        service="patreon",
        user="1",
        id="2",
        added=datetime(2025, 3, 4, 5, 6, 7, 891011, UTC),
        published=datetime(2025, 3, 1, 12),
        poll=Poll(choices=[choice], closes_at=datetime(2025, 3, 9)),
        creator=Creator(service="patreon", id="1", updated=datetime(2025, 3, 4, tzinfo=UTC)),
        attachments=[Attachment(name="a.png")],
        tags=["a", "b"],
    )


def test_feeds_have_times_with_their_offset_and_their_fraction() -> None:
    output = BytesIO()
    exporter = JsonLinesItemExporter(output)
    exporter.start_exporting()
    exporter.export_item(full_post())
    exporter.finish_exporting()
    row = json.loads(output.getvalue())
    assert set(row) == field_names(Post)
    assert (row["added"], row["published"]) == (
        "2025-03-04T05:06:07.891011+00:00",
        "2025-03-01T12:00:00",
    )
    assert row["poll"]["choices"] == [{"text": "Sea", "votes": 4}]
    assert row["poll"]["closes_at"] == "2025-03-09T00:00:00"
    assert row["creator"]["updated"] == "2025-03-04T00:00:00+00:00"
    assert row["attachments"][0]["name"] == "a.png"


def test_feeds_of_text() -> None:
    output = BytesIO()
    exporter = CsvItemExporter(output)
    exporter.start_exporting()
    exporter.export_item(full_post())
    exporter.finish_exporting()
    assert b"2025-03-04T05:06:07.891011+00:00" in output.getvalue()


# The store


@pytest.fixture
def kemono(stored: Stored) -> Stored:
    return replace(stored, items=CLASSES)


def test_tables_take_every_kind_of_value(kemono: Stored) -> None:
    post = full_post()
    post.comments = [Comment(**PLACE, post="2", id="3", published=datetime(2025, 3, 1))]
    post.revisions = [Revision(**PLACE, id="2", revision_id=31)]
    account = AccountView(id=1, created_at=datetime(2025, 2, 3, 4, 5, 6, 789012, UTC))
    account.role = AccountRole.MODERATOR
    kemono.put(post, account, Creator(service="fanbox", id="9", tags=[Tag(tag="a", post_count=3)]))
    found = kemono.everything()
    (row,) = found["kemono_post"].values()
    assert row["added"] == datetime(2025, 3, 4, 5, 6, 7, 891011)
    assert row["published"] == datetime(2025, 3, 1, 12)
    assert row["poll"]["closes_at"] == "2025-03-09 00:00:00.000000"
    assert row["creator"] == ["patreon", "1"]
    assert row["tags"] == ["a", "b"]
    (row,) = found["kemono_account_view"].values()
    assert (row["role"], row["created_at"]) == ("moderator", datetime(2025, 2, 3, 4, 5, 6, 789012))
    assert list(found["kemono_comment"]) == [("patreon", "10000001", "2", "3")]
    assert kemono.read("kemono_creator_tags") == [("fanbox", "9", 0, "a", 3)]
    assert kemono.read("kemono_post_attachments", "name") == [("a.png",)]
    assert kemono.read("kemono_post_comments", "position, id") == [(0, "3")]


def test_tables_have_the_documented_columns(tmp_path: Path) -> None:
    kemono = Stored(f"sqlite:///{tmp_path}/s.db", CLASSES)
    kemono.put()
    tables = [type_name(cls) for cls in CLASSES if cls.key]
    found = kemono.inspect(lambda look: look.get_multi_columns(filter_names=[*tables]))
    assert {
        name: {column["name"] for column in columns} for (_, name), columns in found.items()
    } == {type_name(cls): {*field_names(cls), PAYLOAD, *BOOKKEEPING} for cls in CLASSES if cls.key}


# Privacy


def items() -> Iterator[Item]:
    yield POST(EVERYTHING)
    yield COMMENT(COMMENTED)
    yield DISCORD_MESSAGE(SAID)


def exported(*items: Item) -> str:
    output = BytesIO()
    exporter = JsonLinesItemExporter(output)
    for item in items:
        exporter.export_item(item)
    return output.getvalue().decode()


@pytest.mark.parametrize("level", list(Level))
def test_content_is_withheld_at_every_level(level: Level, tmp_path: Path) -> None:
    gate = Gate(level, b"key")
    admitted = [gate.admit(item) for item in items()]
    assert SECRET not in repr([(item, item.data) for item in admitted])
    assert SECRET not in exported(*admitted)
    kemono = Stored(f"sqlite:///{tmp_path}/s.db", CLASSES)
    kemono.put(*admitted)
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("s.db*"))


def test_what_an_earlier_crawl_kept_is_gone_byte_for_byte(tmp_path: Path) -> None:
    kemono = Stored(f"sqlite:///{tmp_path}/s.db", CLASSES)
    posts = [{**EVERYTHING, "id": str(n), "content": SECRET * (n % 90)} for n in range(200)]
    kemono.put_at_once(*map(_allowed, [*items(), *map(POST, posts)]))
    assert SECRET in kemono.one("kemono_discord_message", "attachments, payload")[0]
    assert SECRET in str(kemono.one("kemono_discord_message", "payload"))
    # Rows of lists, which lack the undocumented keys that are stored.
    for post in posts:
        del post["thumbnail"]
    kemono.put_at_once(*map(_withheld, [*items(), *map(POST, posts)]))
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("s.db*"))
    assert kemono.one("kemono_discord_message", "payload") == (None,)


def _allowed(item: Item) -> Item:
    admitted: Item = Gate(Level.OFF, content=["kemono"]).admit(item)
    return admitted


def _withheld(item: Item) -> Item:
    admitted: Item = Gate(Level.OFF).admit(item)
    return admitted


def test_what_is_not_content_stays() -> None:
    post, comment, message = (Gate(Level.CAREFUL).admit(item) for item in items())
    assert isinstance(post, Post)
    assert (post.title, post.tags) == ("Landscape study 12", ["landscape"])
    assert post.published == datetime(2025, 3, 1, 12)
    assert post.file == Attachment(hash=H1, extension=".png")
    assert post.attachments is not None
    assert (post.attachments[0].hash, post.attachments[0].name) == (H1, "cover.png")
    assert post.poll is not None
    assert post.poll.choices == [PollChoice(votes=4)]
    assert post.incomplete_rewards is not None
    assert post.incomplete_rewards.price == 5.0
    assert all(post.was_sent(name) for name in ("content", "embed", "captions", "substring"))
    assert isinstance(comment, Comment)
    assert isinstance(message, DiscordMessage)
    assert (comment.id, message.id, message.channel) == ("50000001", "81000001", "80000001")


def test_where_content_is_allowed_it_stays() -> None:
    for item in items():
        allowed = Gate(Level.OFF, content=["kemono"]).admit(dataclasses.replace(item))
        assert allowed == item
    assert SECRET in repr(Gate(Level.CAREFUL, content=["kemono"]).admit(POST(EVERYTHING)))
    assert SECRET not in repr(Gate(Level.CAREFUL, content=["other"]).admit(POST(EVERYTHING)))


@pytest.mark.parametrize(
    ("level", "names", "ids"),
    [
        (Level.OFF, True, True),
        (Level.JUNIORS, True, True),
        (Level.CAREFUL, False, True),
        (Level.STRICT, False, False),
    ],
)
def test_third_parties(level: Level, names: bool, ids: bool) -> None:
    gate = Gate(level, b"key", content=["kemono"])
    comment, message = gate.admit(COMMENT(COMMENTED)), gate.admit(DISCORD_MESSAGE(SAID))
    assert (comment.commenter_name == "Jane") is names
    assert ("Jane" in repr([comment, comment.data, message, message.data])) is names
    assert (comment.commenter == "60000001") is ids
    assert (message.author.id == "82000001") is ids
    assert comment.commenter is not None
    request = gate.admit(CreatorLinkRequest({"id": 5, "requester_id": 4021, "reason": "Same"}))
    assert request.requester_id == (4021 if ids else None)
    assert (request.reason == "Same") is ids


def test_creators_keep_their_names_but_under_strict() -> None:
    data = {"service": "patreon", "id": "1", "name": "Example", "public_id": "example"}
    assert Gate(Level.CAREFUL).admit(Creator(data)).name == "Example"
    strict = Gate(Level.STRICT, b"key").admit(Creator(data))
    assert strict.id == "1"
    assert strict.name.startswith("~")
    assert strict.public_id.startswith("~")
    assert "xample" not in repr((strict, strict.data))
