"""Creators, their links and announcements: reference section 9."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from satchel.kemono.world import CONSUMER, MODERATOR, Key
from visits import WORLD, Visit, Visitor

CAST = WORLD.cast


def path(key: Key, more: str = "") -> str:
    return f"/api/v1/{key[0]}/user/{key[1]}{more}"


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


@pytest.fixture
def classic(visit: Visit) -> Visitor:
    return visit(profile="classic")


def keys(rows: list[dict[str, Any]]) -> set[Key]:
    return {(row["service"], row["id"]) for row in rows}


def test_all_creators_but_those_hidden(visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/creators")
    rows = answer.json
    assert keys(rows) == set(WORLD.creators) - {CAST["hidden"]}
    assert {" ".join(sorted(row)) for row in rows} == {"favorited id indexed name service updated"}
    assert all(type(row[name]) is int for row in rows for name in ("indexed", "updated"))
    assert visitor.get("/api/v1/creators.txt").body == answer.body
    row = next(row for row in rows if row["service"] == "discord")
    indexed = WORLD.creators["discord", row["id"]]["indexed"]
    assert row["indexed"] == int((indexed - datetime(1970, 1, 1)).total_seconds())


def test_classic_has_two_services(classic: Visitor) -> None:
    rows = classic.read("/api/v1/creators")
    assert {row["service"] for row in rows} == {"patreon", "fanbox"}
    assert {row["ever_imported"] for row in rows} == {True}
    assert classic.get("/api/v1/creators.txt").status == 404


def test_profile(visitor: Visitor, classic: Visitor) -> None:
    row = visitor.read(path(CAST["fifty_one"], "/profile"))
    assert row["name"] == "紙ひこうき工房"
    assert row["post_count"] == 51
    assert set(row) == {
        "id",
        "name",
        "service",
        "indexed",
        "updated",
        "public_id",
        "relation_id",
        "post_count",
        "dm_count",
        "share_count",
        "chat_count",
    }
    assert type(visitor.read(path(CAST["pair_a"], "/profile"))["relation_id"]) is int
    old = classic.read(path(CAST["fifty_one"], "/profile"))
    assert "post_count" not in old
    assert old["ever_imported"] is True
    assert "." not in old["indexed"]


@pytest.mark.parametrize(
    "key", [CAST["no_profile"], CAST["hidden"], ("patreon", "404"), ("a", "b")]
)
def test_creators_without_a_profile(visitor: Visitor, key: Key) -> None:
    for page in ("/profile", "/links", "/tags", "/announcements", "/fancards"):
        answer = visitor.get(path(key, page))
        assert (answer.status, answer.json) == (404, {"error": "Creator not found."})


def test_links_exclude_the_creator_itself(visitor: Visitor) -> None:
    rows = visitor.read(path(CAST["pair_a"], "/links"))
    assert keys(rows) == {CAST["pair_b"]}
    assert set(rows[0]) == {
        "id",
        "public_id",
        "service",
        "name",
        "indexed",
        "updated",
        "relation_id",
    }
    # As text here, a number elsewhere (quirk Q4).
    assert type(rows[0]["relation_id"]) is str
    assert visitor.read(path(CAST["long"], "/links")) == []


def test_a_link_is_asked_for_and_waits(visitor: Visitor) -> None:
    new = path(CAST["long"], "/links/new")
    words = {"service": CAST["single"][0], "artist_id": CAST["single"][1], "reason": "Same"}
    assert visitor.get(new).status == visitor.ask("POST", new, json_=words).status == 401
    visitor.log_in(CONSUMER)
    assert visitor.read(new)["props"]["artist"]["name"] == "Example Studio"
    assert visitor.ask("POST", new, json_=words).status == 200
    assert visitor.ask("POST", new, json_=words | {"artist_id": "404"}).status == 400
    moderator = visitor.another()
    moderator.log_in(MODERATOR)
    last = moderator.read("/api/v1/account/moderator/tasks/creator_links")[-1]
    assert (last["from_id"], last["to_id"]) == (CAST["long"][1], CAST["single"][1])
    assert (last["reason"], last["requester_id"]) == ("Same", 3)


def test_two_groups_become_one(visitor: Visitor) -> None:
    first, second = CAST["pair_a"], CAST["pair_b"]
    others = {key for key, row in WORLD.creators.items() if row["relation_id"] not in (None, 1)}
    other = next(key for key in others if _has_profile(key))
    visitor.log_in(MODERATOR)
    words = {"service": first[0], "artist_id": first[1], "reason": ""}
    visitor.ask("POST", path(other, "/links/new"), json_=words)
    id_ = visitor.read("/api/v1/account/moderator/tasks/creator_links")[-1]["id"]
    visitor.ask("POST", f"/api/v1/account/moderator/creator_link_requests/{id_}/approve")
    assert keys(visitor.read(path(second, "/links"))) == {first, *others}
    assert keys(visitor.read(path(other, "/links"))) == {first, second, *others} - {other}


def test_tags_in_both_shapes(visit: Visit, visitor: Visitor) -> None:
    rows = visitor.read(path(CAST["long"], "/tags"))
    posts = [post for key, post in WORLD.posts.items() if key[:2] == CAST["long"]]
    wanted = {tag for post in posts for tag in post["tags"] or ()}
    assert {row["tag"] for row in rows} == wanted
    assert sum(row["post_count"] for row in rows) == sum(len(post["tags"] or ()) for post in posts)
    wrapped = visit(tags_shape="wrapper").read(path(CAST["long"], "/tags"))
    assert wrapped["tags"] == rows
    assert wrapped["artist"]["id"] == CAST["long"][1]


def test_announcements_and_fancards(visitor: Visitor) -> None:
    found = {
        name: [visitor.read(path(key, f"/{name}")) for key in WORLD.creators if _has_profile(key)]
        for name in ("announcements", "fancards")
    }
    announced = [row for rows in found["announcements"] for row in rows]
    assert {"published" in row for row in announced} == {True, False}
    assert set(announced[0]) >= {"service", "user_id", "hash", "content", "added"}
    cards = [row for rows in found["fancards"] for row in rows]
    assert cards[0]["ext"] == ".jpg"
    assert {type(card["price"]) for card in cards} == {str}
    assert len({card["id"] for card in cards}) == len(cards) > 2


def _has_profile(key: Key) -> bool:
    return bool(WORLD.creators[key]["has_profile"])


def test_a_random_creator_has_a_profile(visitor: Visitor) -> None:
    found = [visitor.read("/api/v1/artists/random") for _ in range(9)]
    assert all(_has_profile((row["service"], row["artist_id"])) for row in found)
    assert len({row["artist_id"] for row in found}) > 1
    assert set(found[0]) == {"service", "artist_id"}
