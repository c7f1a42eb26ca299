"""The synthetic world holds what the reference's checklist asks for (sections 16 and 19)."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from satchel.kemono.world import NOW, SERVICES, World


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_same_arguments_make_the_same_world() -> None:
    assert vars(World(7)) == vars(World(7))
    assert World(7).posts != World(8).posts


def test_more_creators_do_not_change_the_others(world: World) -> None:
    larger = World(creators=60)
    assert {key: larger.posts[key] for key in world.posts} == world.posts


@pytest.mark.parametrize(
    ("word", "count"),
    [("long", 120), ("fifty_one", 51), ("fifty", 50), ("single", 1), ("empty", 0), ("odd", 13)],
)
def test_creators_have_as_many_posts_as_tests_need(world: World, word: str, count: int) -> None:
    assert sum(key[:2] == world.cast[word] for key in world.posts) == count
    assert world.creators[world.cast[word]]["post_count"] == count


def test_one_creator_can_have_many_posts() -> None:
    world = World(posts=3_000)
    posts = [post for key, post in world.posts.items() if key[:2] == world.cast["long"]]
    assert len(posts) == 3_000
    assert max(post["published"] for post in posts) < NOW


def test_every_service_occurs(world: World) -> None:
    assert {service for service, _ in world.creators} == {*SERVICES, "discord"}
    assert {service for service, _, _ in world.posts} == set(SERVICES)


def test_ids_need_not_be_digits(world: World) -> None:
    shapes = {service: id_ for service, _, id_ in world.posts}
    assert shapes["gumroad"].startswith("pack-")
    assert shapes["boosty"].count("-") == 4
    assert len({(service, id_) for service, _, id_ in world.posts}) == len(world.posts)


def test_names_are_not_all_ascii(world: World) -> None:
    names = [record["name"] for record in world.creators.values()]
    assert {name.isascii() for name in names} == {True, False}


def test_some_times_have_a_fraction_and_some_have_none(world: World) -> None:
    for name in ("added", "published"):
        found = {bool(post[name].microsecond) for post in world.posts.values() if post[name]}
        assert found == {True, False}
    for name in ("added", "published", "edited"):
        assert any(post[name] is None for post in world.posts.values())


def test_a_pair_is_linked_and_approved_requests_are(world: World) -> None:
    relations = {key: record["relation_id"] for key, record in world.creators.items()}
    assert relations[world.cast["pair_a"]] == relations[world.cast["pair_b"]] == 1
    for request in world.link_requests.values():
        sides = [(request[f"{side}_service"], request[f"{side}_id"]) for side in ("from", "to")]
        assert len({relations[key] for key in sides} - {None}) == (request["status"] == "approved")


@pytest.mark.parametrize("seed", range(1, 30))
def test_every_world_holds_together(seed: int) -> None:
    world = World(seed)
    assert {request["status"] for request in world.link_requests.values()} == {
        "pending",
        "approved",
        "rejected",
    }
    assert all(key[:2] in world.creators for key in world.posts)
    assert {world.cast["hidden"], world.cast["no_profile"]} <= set(world.favourite_creators[3])


def test_accounts_have_each_role(world: World) -> None:
    roles = [account["role"] for account in world.accounts.values()]
    assert roles[:3] == ["administrator", "moderator", "consumer"]
    assert roles.count("administrator") == 1
    assert roles.count("consumer") > 25
    names = [account["username"] for account in world.accounts.values()]
    assert len(set(names)) == len(names)
    assert all(account["created_at"].microsecond for account in world.accounts.values())


def test_the_world_is_json_but_for_its_times(world: World) -> None:
    def time(value: object) -> str:
        assert isinstance(value, datetime)
        assert value.tzinfo is None
        return value.isoformat()

    for part in (world.creators, world.posts, world.accounts):
        json.dumps(list(part.values()), default=time)
