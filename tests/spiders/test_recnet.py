"""Crawls of the sandbox compared with the truth of its world, in both dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from satchel.errors import ArgumentError, ConfigError
from satchel.faults import Faults
from satchel.faults import Kind as Fault
from satchel.items import Item, nested_fields
from satchel.recnet import Account, Event, Image, Invention, Room
from satchel.recnet.world import KINDS, Kind, World
from satchel.testing import crawl, running_sandbox
from stores import Stored

WORLD = World()
PARTS = "subrooms,roles,tags,promo,scores,load_screens"
CLASSES = {
    "accounts": Account,
    "rooms": Room,
    "events": Event,
    "images": Image,
    "inventions": Invention,
}

# Reference section 8.1: what the public dialect does not send.
NOT_PUBLIC = {
    "accounts": {"is_junior"},
    "rooms": {
        "max_player_calculation_mode",
        "cloning_allowed",
        "disable_mic_auto_mute",
        "disable_room_comments",
        "encrypted_voice_chat",
        "voice_moderated",
        "load_screen_locked",
        "state",
        "accessibility",
    },
    "events": {
        "subroom_id",
        "accessibility",
        "is_multi_instance",
        "support_multi_instance_room_chat",
        "default_broadcast_permissions",
        "can_request_broadcast_permissions",
    },
    "images": {"type", "accessibility", "accessibility_locked", "tagged_player_ids"},
    "inventions": set(),
}
# What only relations get.
RELATED = {
    "accounts": {"bio", "level", "subscriber_count", "is_influencer"},
    "rooms": set(),
    "events": {"responses"},
    "images": {"cheer_player_ids", "comments"},
    "inventions": {"tags"},
}


def sandbox(dialect: str = "legacy", **settings: Any) -> dict[str, Any]:
    return {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_RECNET_DIALECT": dialect,
        "SATCHEL_PRIVACY": "off",
        **settings,
    }


def visible(kind: Kind) -> list[int]:
    return [id for id in WORLD.table(kind) if WORLD.is_visible(kind, id)]


def ids(kind: Kind) -> str:
    return ",".join(map(str, WORLD.table(kind)))


def crawl_all(kind: Kind, dialect: str, **settings: Any) -> list[Any]:
    """Everything of one kind that the server shows, by id."""
    include = {"include": PARTS} if kind == "rooms" else {}
    result = crawl(f"recnet-{kind}", sandbox(dialect, **settings), ids=ids(kind), **include)
    assert result.reason == "finished"
    assert "log_count/ERROR" not in result.stats
    return result.items


def expected(kind: Kind, id: int, dialect: str) -> dict[str, Any]:
    unsent = RELATED[kind] | (NOT_PUBLIC[kind] if dialect == "public" else set())
    truth = WORLD.table(kind)[id]
    return {name: None if name in unsent else value for name, value in truth.items()}


def assert_equal(item: Item, truth: Mapping[str, Any], *, partial: frozenset[str]) -> None:
    for name, value in truth.items():
        if name in partial:
            continue
        found = getattr(item, name)
        if name in nested_fields(type(item)) and value is not None:
            many = isinstance(value, list)
            pairs = zip(found, value, strict=True) if many else [(found, value)]
            for inner, inner_truth in pairs:
                documented = {k: v for k, v in inner_truth.items() if hasattr(inner, k)}
                assert_equal(inner, documented, partial=partial)
        else:
            assert found == value, (type(item).__name__, truth.get("id"), name)


DIALECTS = ["legacy", "public"]
CRAWLED = [(kind, d) for kind in KINDS for d in DIALECTS if (kind, d) != ("inventions", "public")]


@pytest.mark.parametrize(("kind", "dialect"), CRAWLED)
def test_full_crawl_gives_exactly_the_world(kind: Kind, dialect: str) -> None:
    items = crawl_all(kind, dialect)
    assert sorted(item.id for item in items) == sorted(visible(kind))
    # The bulk answer of images has counted comments (reference section 5.5).
    partial = {"comment_count"} if kind == "images" else set()
    if kind == "rooms" and dialect == "public":
        partial |= NOT_PUBLIC_SUBROOM
    for item in items:
        assert type(item) is CLASSES[kind]
        assert_equal(item, expected(kind, item.id, dialect), partial=frozenset(partial))


NOT_PUBLIC_SUBROOM: set[str] = set()


def test_public_server_without_inventions_is_an_error_in_the_log() -> None:
    result = crawl("recnet-inventions", sandbox("public"), featured="1")
    assert result.items == []
    assert result.stats["satchel/not_offered"] == 1
    assert result.stats["log_count/ERROR"] == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_store_and_feeds_have_the_same(tmp_path: Path, stored: Stored, dialect: str) -> None:
    feeds = {
        str(tmp_path / f"{kind}.jsonl"): {
            "format": "jsonlines",
            "item_classes": [f"satchel.recnet.{cls.__name__}"],
        }
        for kind, cls in CLASSES.items()
    }
    settings = {"SATCHEL_STORE": stored.url, "FEEDS": feeds}
    for kind in ("accounts", "rooms", "images"):
        crawl_all(kind, dialect, **settings)
        lines = (tmp_path / f"{kind}.jsonl").read_text().splitlines()
        exported = {row["id"]: row for row in map(json.loads, lines)}
        assert sorted(exported) == sorted(visible(kind))
        found = stored.everything()[f"recnet_{CLASSES[kind].__name__.lower()}"]
        rows = {id: row for (id,), row in found.items()}
        assert rows.keys() == exported.keys()
        for id, row in rows.items():
            for name, value in expected(kind, id, dialect).items():
                if isinstance(value, str | int | float | bool | None) and name != "comment_count":
                    assert row[name] == value
                    assert exported[id][name] == value


def listed(spider: str, **arguments: str) -> list[int]:
    result = crawl(spider, sandbox(SATCHEL_RECNET_PAGE_SIZE=7), **arguments)
    assert result.reason == "finished"
    assert "log_count/ERROR" not in result.stats
    return [item.id for item in result.items]


def rooms_of(field: str, value: int) -> set[int]:
    return {
        id for id, room in WORLD.rooms.items()
        if room[field] == value and WORLD.is_listed("rooms", id)
    }  # fmt: skip


def images_of(field: str, value: int) -> set[int]:
    return {
        id for id, image in WORLD.images.items()
        if image[field] == value and WORLD.is_listed("images", id)
    }  # fmt: skip


def most_common(kind: Kind, field: str) -> int:
    values = [record[field] for record in WORLD.table(kind).values() if record[field] is not None]
    return max(set(values), key=values.count)


def test_hot_rooms_page_by_page() -> None:
    listed_rooms = {
        id for id, room in WORLD.rooms.items()
        if room["state"] == "Active" and WORLD.is_listed("rooms", id)
    }  # fmt: skip
    found = listed("recnet-rooms", hot="1")
    assert len(found) == len(set(found))
    assert set(found) == listed_rooms


def test_limit_counts_items_of_a_listing() -> None:
    assert len(listed("recnet-rooms", hot="1", limit="10")) == 10


def test_rooms_created_by() -> None:
    creator = most_common("rooms", "creator_account_id")
    assert set(listed("recnet-rooms", created_by=str(creator))) == rooms_of(
        "creator_account_id", creator
    )


def test_rooms_showcased_by() -> None:
    owner, showcase = next((a, rooms) for a, rooms in WORLD.showcases.items() if rooms)
    shown = {id for id in showcase if WORLD.is_visible("rooms", id)}
    assert set(listed("recnet-rooms", showcased_by=str(owner))) == shown


def test_featured_rooms() -> None:
    shown = {id for id in WORLD.featured if WORLD.is_visible("rooms", id)}
    assert set(listed("recnet-rooms", featured="1")) == shown


def test_images_in_room_by_player_and_during_event() -> None:
    for argument, field in (
        ("in_room", "room_id"),
        ("by_player", "player_id"),
        ("during_event", "player_event_id"),
    ):
        value = most_common("images", field)
        assert set(listed("recnet-images", **{argument: str(value)})) == images_of(field, value)


def test_images_of_player() -> None:
    tagged = next(
        i["tagged_player_ids"][0] for i in WORLD.images.values() if i["tagged_player_ids"]
    )
    shown = {
        id for id, image in WORLD.images.items()
        if tagged in image["tagged_player_ids"] and WORLD.is_listed("images", id)
    }  # fmt: skip
    assert set(listed("recnet-images", of_player=str(tagged))) == shown


def test_images_front_page() -> None:
    shown = {id for id in WORLD.images if WORLD.is_listed("images", id)}
    assert set(listed("recnet-images", front_page="1")) <= shown
    assert len(listed("recnet-images", front_page="1", limit="20")) == 20


def test_sort_is_sent() -> None:
    room = str(most_common("images", "room_id"))
    cheered = listed("recnet-images", in_room=room, sort="1")
    cheers = [WORLD.images[id]["cheer_count"] for id in cheered]
    assert cheers == sorted(cheers, reverse=True)
    assert cheered != listed("recnet-images", in_room=room)


def test_events_upcoming_in_room_created_by() -> None:
    found = listed("recnet-events", upcoming="1")
    assert found
    assert all(WORLD.events[id]["end_time"] > WORLD.now for id in found)
    room = most_common("events", "room_id")
    shown = {
        id for id, event in WORLD.events.items()
        if event["room_id"] == room and WORLD.is_listed("events", id)
    }  # fmt: skip
    assert set(listed("recnet-events", in_room=str(room))) == shown
    creator = most_common("events", "creator_player_id")
    assert set(listed("recnet-events", created_by=str(creator))) == {
        id for id, event in WORLD.events.items() if event["creator_player_id"] == creator
    }


def test_inventions_featured_and_top_today() -> None:
    featured = listed("recnet-inventions", featured="1")
    assert featured
    assert all(WORLD.inventions[id]["is_featured"] for id in featured)
    assert listed("recnet-inventions", top_today="1")


def test_top_creators_are_fetched_as_accounts() -> None:
    found = crawl("recnet-accounts", sandbox(), top_creators="1", limit="5").items
    assert 0 < len(found) <= 5
    assert all(account.username for account in found)


def test_search() -> None:
    assert listed("recnet-rooms", search="PaperHarbor")
    assert listed("recnet-accounts", search="otter")
    name = next(e["name"] for id, e in WORLD.events.items() if WORLD.is_listed("events", id))
    assert listed("recnet-events", search=name)
    invention = next(
        i["name"] for id, i in WORLD.inventions.items() if WORLD.is_listed("inventions", id)
    )
    assert listed("recnet-inventions", search=invention)


def test_names_and_urls() -> None:
    assert listed("recnet-rooms", names="PAPERHARBOR") == [8200]
    assert listed("recnet-rooms", urls="https://rec.net/room/PaperHarbor") == [8200]
    assert listed("recnet-accounts", names="sample_otter") == [7001]
    assert listed("recnet-accounts", urls="https://rec.net/user/sample_otter/photos") == [7001]
    image = visible("images")[0]
    assert listed("recnet-images", urls=f"https://rec.net/image/{image}") == [image]
    public = next(id for id in WORLD.images if WORLD.is_listed("images", id))
    assert listed("recnet-images", names=WORLD.images[public]["image_name"]) == [public]


def test_names_with_include_have_the_parts() -> None:
    (room,) = crawl("recnet-rooms", sandbox(), names="PaperHarbor", include="roles").items
    assert room.roles
    assert room.tags is None


def test_each_item_once_however_many_sources() -> None:
    found = listed("recnet-rooms", hot="1", ids="8200", names="PaperHarbor")
    assert sorted(found) == sorted(set(found))


def test_what_is_not_there_is_counted() -> None:
    private = next(iter(WORLD.private_rooms))
    result = crawl("recnet-rooms", sandbox(), ids=f"8200,{private},1")
    assert [room.id for room in result.items] == [8200]
    assert result.stats["satchel/absent"] == 2
    result = crawl("recnet-rooms", sandbox(), ids=f"8200,{private},1", include="tags")
    assert result.stats["satchel/absent"] == 2


def test_ids_are_asked_for_in_bulk() -> None:
    result = crawl("recnet-images", sandbox(ROBOTSTXT_OBEY=False), ids=ids("images"))
    assert len(result.items) == len(visible("images"))
    assert result.stats["downloader/request_count"] == 1


@pytest.mark.parametrize("source", ["of_player", "front_page"])
def test_what_a_dialect_lacks_is_refused_before_the_first_request(source: str) -> None:
    with pytest.raises(ArgumentError, match=rf"{source}: images.* is not offered in the public"):
        crawl("recnet-images", sandbox("public"), **{source: "1"})


def test_nothing_to_crawl_names_the_sources() -> None:
    with pytest.raises(ArgumentError, match=r"nothing to crawl; give one or more of ids="):
        crawl("recnet-rooms", sandbox(), limit="5")


def test_no_server_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match=r"SATCHEL_RECNET_URL.*SATCHEL_SANDBOX=1"):
        crawl("recnet-rooms", hot="1")


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"urls=.*expected addresses of the form"):
        crawl("recnet-rooms", sandbox(), urls="https://rec.net/user/sample_otter")


@pytest.mark.parametrize("level", ["juniors", "careful"])
def test_no_secret_of_a_junior_reaches_store_or_feed(tmp_path: Path, level: str) -> None:
    settings = sandbox(
        SATCHEL_PRIVACY=level,
        SATCHEL_STORE=f"sqlite:///{tmp_path}/satchel.db",
        FEEDS={str(tmp_path / "accounts.jsonl"): {"format": "jsonlines"}},
    )
    crawl("recnet-accounts", settings, ids=ids("accounts"))
    kept = (tmp_path / "satchel.db").read_bytes() + (tmp_path / "accounts.jsonl").read_bytes()
    assert b"sample_otter" in kept
    for secret in WORLD.junior_secrets:
        assert secret.encode() not in kept
        assert json.dumps(secret).strip('"').encode() not in kept
    if level == "careful":
        for account in WORLD.accounts.values():
            flags, pronouns = account["identity_flags"], account["personal_pronouns"]
            for word in (*(flags or ()), *(pronouns or ())):
                assert word.encode() not in kept


def by_url(url: str, **settings: Any) -> dict[str, Any]:
    slots = {"127.0.0.1": {"delay": 0, "concurrency": 8}}
    return {"SATCHEL_RECNET_URL": url, "DOWNLOAD_SLOTS": slots, "RETRY_TIMES": 1, **settings}


@pytest.mark.parametrize("kind", ["status_500", "status_404", "invalid_json"])
def test_a_room_whose_parts_fail_is_kept_as_listed(kind: Fault) -> None:
    faults = Faults(rate=1, kinds=(kind,), only="include=", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url), hot="1", include="tags", limit="3")
    assert len(result.items) == 3
    assert all(room.tags is None and room.name for room in result.items)
    stats = {"status_500": "error_answers", "status_404": "absent", "invalid_json": "undecodable"}
    assert result.stats[f"satchel/{stats[kind]}"] == 3


def test_what_cannot_be_read_is_not_reported_as_absent() -> None:
    faults = Faults(rate=1, kinds=("invalid_json",), only="bulk", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url), ids="8200,8201")
    assert result.stats["satchel/undecodable"] == 1
    assert "satchel/absent" not in result.stats


def test_a_missing_key_ends_the_crawl_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox:
        result = crawl("recnet-images", by_url(sandbox.url), in_room="8200")
    assert result.reason == "unauthorized"
    assert "401; SATCHEL_RECNET_KEY is missing" in caplog.text


def test_a_server_that_is_not_there_ends_the_crawl(caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox:
        url = sandbox.url
    result = crawl("recnet-rooms", by_url(url), hot="1")
    assert result.reason == "unreachable"
    assert result.stats["satchel/unreachable"] == 1
    assert f"{url}/rooms/hot?take=100&skip=0: no answer" in caplog.text


def test_a_dialect_without_the_mark_fills_in_nothing_about_a_junior(tmp_path: Path) -> None:
    juniors = [id for id, account in WORLD.accounts.items() if account["is_junior"]]
    some = ",".join(map(str, [7001, *juniors]))
    database = tmp_path / "satchel.db"
    store = {"SATCHEL_STORE": f"sqlite:///{database}", "SATCHEL_PRIVACY": "careful"}
    for dialect in ("legacy", "public"):
        crawl("recnet-accounts", sandbox(dialect, **store), ids=some)
    kept = database.read_bytes()
    assert b"sample_otter" in kept
    for secret in WORLD.junior_secrets:
        assert secret.encode() not in kept


def test_the_sandbox_and_an_address_are_not_both_crawled() -> None:
    with pytest.raises(ConfigError, match="give one of the two"):
        crawl("recnet-rooms", sandbox(SATCHEL_RECNET_URL="http://127.0.0.1:1"), hot="1")


@pytest.mark.parametrize("url", ["http://localhost:99999", "http://localhost:abc", "http://[::1"])
def test_an_address_without_a_usable_host_or_port_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"SATCHEL_RECNET_URL=.*: expected an http"):
        crawl("recnet-rooms", {"SATCHEL_RECNET_URL": url}, hot="1")


def test_a_room_name_may_be_written_with_its_mark() -> None:
    assert listed("recnet-rooms", names="^PaperHarbor") == [8200]
