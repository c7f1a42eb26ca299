"""The synthetic world holds every trap that the reference knows (sections 3, 5 to 7 and 11)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from satchel.recnet.world import KINDS, World, codes


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def every(world: World, kind: Any, name: str) -> list[Any]:
    return [record[name] for record in world.table(kind).values()]


def flat(lists: Iterable[Any]) -> list[Any]:
    return [value for values in lists for value in values or ()]


def test_same_options_make_the_same_world() -> None:
    first, second = World(7), World(7)
    for kind in KINDS:
        assert first.table(kind) == second.table(kind)
    assert first.images != World(8).images


def test_sizes_are_as_asked_for_and_small_worlds_work() -> None:
    world = World(3, accounts=1, rooms=1, events=0, images=0, inventions=0)
    assert [len(world.table(kind)) for kind in KINDS] == [1, 1, 0, 0, 0]
    for count in range(1, 16):
        World(3, accounts=count, rooms=count, events=count, images=count, inventions=count)


@pytest.mark.parametrize("missing", ["accounts", "rooms"])
def test_a_world_needs_accounts_and_rooms(missing: str) -> None:
    with pytest.raises(ValueError, match="needs an account and a room"):
        World(**{missing: 0})


def test_more_rooms_do_not_change_the_accounts() -> None:
    assert World(rooms=90).accounts == World().accounts


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("platforms", codes.PLATFORMS),
        ("personal_pronouns", codes.PRONOUNS),
        ("identity_flags", codes.IDENTITY_FLAGS),
    ],
)
def test_every_bit_of_an_account_occurs(world: World, name: str, table: tuple[str, ...]) -> None:
    assert set(flat(every(world, "accounts", name))) == set(table)


def test_every_warning_occurs_and_custom_comes_with_a_text(world: World) -> None:
    assert set(flat(every(world, "rooms", "warnings"))) == set(codes.WARNINGS)
    for room in world.rooms.values():
        assert bool(room["custom_warning"]) == ("Custom" in room["warnings"])


@pytest.mark.parametrize(
    ("kind", "name", "table"),
    [
        ("events", "accessibility", codes.ACCESSIBILITY),
        ("images", "accessibility", codes.ACCESSIBILITY),
        ("rooms", "accessibility", codes.ACCESSIBILITY),
        ("inventions", "accessibility", codes.ACCESSIBILITY),
        ("events", "default_broadcast_permissions", codes.BROADCAST),
        ("events", "can_request_broadcast_permissions", codes.BROADCAST),
        ("images", "type", codes.IMAGE_TYPES),
        ("rooms", "state", codes.ROOM_STATES),
        ("rooms", "max_player_calculation_mode", codes.PLAYER_MODES),
        ("inventions", "creator_permission", codes.PERMISSIONS),
        ("inventions", "general_permission", codes.PERMISSIONS),
    ],
)
def test_every_value_of_an_enumeration_occurs(
    world: World, kind: str, name: str, table: dict[str | None, int]
) -> None:
    assert set(table) <= set(every(world, kind, name))


def test_every_nested_enumeration_value_occurs(world: World) -> None:
    subrooms = flat(every(world, "rooms", "subrooms"))
    assert {*codes.ACCESSIBILITY, "Unknown (3)", "Unknown (4)"} == {
        part["accessibility"] for part in subrooms
    }
    roles = flat(every(world, "rooms", "roles"))
    assert {role["name"] for role in roles} == set(codes.ROLES)
    for name, kind in (("rooms", codes.TAG_TYPES), ("inventions", codes.TAG_TYPES)):
        assert {tag["type"] for tag in flat(every(world, name, "tags"))} == set(kind)
    promos = flat(every(world, "rooms", "promo_external_content"))
    assert {promo["type"] for promo in promos} == {"YouTube"}
    replies = flat(world.responses.values())
    assert {reply["type"] for reply in replies} == set(codes.RESPONSE_TYPES)


def test_deleted_accounts_are_referred_to(world: World) -> None:
    roles = flat(every(world, "rooms", "roles"))
    deleted = world.deleted_accounts
    assert not deleted & set(world.accounts)
    assert deleted & {role["account_id"] for role in roles}
    assert deleted & {role["last_changed_by_account_id"] for role in roles}
    assert deleted & {comment["player_id"] for comment in flat(world.comments.values())}
    assert deleted & set(flat(world.cheers.values()))
    assert deleted & {reply["player_id"] for reply in flat(world.responses.values())}


def test_private_rooms_are_referred_to(world: World) -> None:
    assert world.private_rooms
    assert world.private_rooms & set(every(world, "events", "room_id"))
    assert world.private_rooms & set(every(world, "images", "room_id"))
    assert not any(world.is_visible("rooms", id_) for id_ in world.private_rooms)


@pytest.mark.parametrize("kind", ["rooms", "events", "inventions"])
def test_some_ids_have_19_digits(world: World, kind: Any) -> None:
    lengths = {len(str(id_)) for id_ in world.table(kind)}
    assert 19 in lengths
    assert min(lengths) == 4


def test_nulls_and_empty_texts(world: World) -> None:
    assert {None, ""} <= set(every(world, "images", "description"))
    assert {None, ""} <= set(every(world, "events", "description"))
    assert {None, ""} <= set(every(world, "rooms", "custom_warning"))
    assert {None, 0} < set(every(world, "inventions", "price"))
    assert None in world.bios.values()
    assert None in every(world, "images", "room_id")
    assert None in every(world, "inventions", "current_version")
    unpublished = [i for i in world.inventions.values() if not i["is_published"]]
    assert unpublished
    assert {i["first_published_at"] for i in unpublished} == {None}


def test_comments_exist_where_the_count_says_none(world: World) -> None:
    assert set(every(world, "images", "comment_count")) == {0}
    first = next(iter(world.comments.values()))
    players = [comment["player_id"] for comment in first]
    assert len(players) > len(set(players)), "one account comments twice"


def test_relations_agree_with_records(world: World) -> None:
    for id_, image in world.images.items():
        assert image["cheer_player_ids"] == world.cheers[id_]
        assert image["cheer_count"] == len(world.cheers[id_])
        assert image["comments"] == world.comments[id_]
    for id_, account in world.accounts.items():
        assert account["bio"] == world.bios[id_]
        assert account["level"] == world.progressions[id_]
        assert account["subscriber_count"] == world.subscribers[id_]
        assert account["is_influencer"] == (id_ in world.influencers)


def test_events_have_ended_or_are_to_come(world: World) -> None:
    ended = [event["end_time"] < world.now for event in world.events.values()]
    assert any(ended)
    assert not all(ended)


def test_images_rise_in_id_and_time(world: World) -> None:
    times = every(world, "images", "created_at")
    assert times == sorted(times)
    assert list(world.images) == sorted(world.images)
    assert times[-1] < world.now


def test_rooms_with_two_owners_removed_members_and_foreign_subrooms(world: World) -> None:
    rooms = world.rooms.values()
    ids = [[role["id"] for role in room["roles"]] for room in rooms]
    assert any(row.count(255) == 2 for row in ids)
    assert any(0 in row for row in ids)
    assert any(part["room_id"] != room["id"] for room in rooms for part in room["subrooms"])


def test_junior_secrets_occur_in_junior_accounts_only(world: World) -> None:
    records = world.accounts.values()
    juniors = json.dumps([r for r in records if r["is_junior"]], ensure_ascii=False)
    tables = [list(world.table(kind).values()) for kind in KINDS[1:]]
    others = json.dumps(
        [[r for r in records if not r["is_junior"] and len(r["platforms"] or ()) < 9], tables],
        ensure_ascii=False,
    )
    assert len(world.junior_secrets) > 25
    assert len(set(world.junior_secrets)) == len(world.junior_secrets)
    for secret in world.junior_secrets:
        assert secret in juniors
        assert secret not in others


def test_names_are_unique_and_some_are_not_ascii(world: World) -> None:
    for kind, name in (("accounts", "username"), ("rooms", "name"), ("images", "image_name")):
        names = every(world, kind, name)
        assert len({text.lower() for text in names}) == len(names)
    assert not all(name.isascii() for name in every(world, "rooms", "name"))
    assert not all(name.isascii() for name in every(world, "accounts", "display_name"))


def test_counts_exceed_31_bits(world: World) -> None:
    assert max(count or 0 for count in every(world, "rooms", "visit_count")) >= 2**31
