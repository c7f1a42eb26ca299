"""Posts in lists, and one post: reference section 10."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from satchel.kemono.world import Key, World
from visits import WORLD, Visit, Visitor

CAST = WORLD.cast
SUMMARY = {"id", "user", "service", "title", "substring", "published", "file", "attachments"}
FULL = SUMMARY - {"substring"} | {"content", "embed", "shared_file", "added", "edited"}
FULL |= {"poll", "captions", "tags"}


def listed(key: Key, query: str = "") -> str:
    return f"/api/v1/{key[0]}/user/{key[1]}/posts{query}"


def detail(post: Any, more: str = "") -> str:
    return f"/api/v1/{post['service']}/user/{post['user']}/post/{post['id']}{more}"


def odd(n: int) -> dict[str, Any]:
    return [post for key, post in WORLD.posts.items() if key[:2] == CAST["odd"]][n]


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


@pytest.fixture
def classic(visit: Visit) -> Visitor:
    return visit(profile="classic")


# Section 10.2


@pytest.mark.parametrize(
    ("word", "sizes"),
    [
        ("empty", [0]),
        ("single", [1]),
        ("fifty", [50]),
        ("fifty_one", [50, 1]),
        ("long", [50, 50, 20]),
        ("no_profile", [2]),
    ],
)
def test_posts_of_a_creator_come_in_pages(visitor: Visitor, word: str, sizes: list[int]) -> None:
    pages = [visitor.read(listed(CAST[word], f"?o={50 * n}")) for n in range(len(sizes))]
    assert [len(page) for page in pages] == sizes
    rows = [row for page in pages for row in page]
    assert all(set(row) == SUMMARY for row in rows)
    times = [row["published"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert {row["id"] for row in rows} == {key[2] for key in WORLD.posts if key[:2] == CAST[word]}
    assert visitor.read(listed(CAST[word])) == pages[0]


def test_posts_published_together_are_in_the_order_of_ids(visitor: Visitor) -> None:
    rows = visitor.read(listed(CAST["long"]))
    pairs = [(a, b) for a, b in itertools.pairwise(rows) if a["published"] == b["published"]]
    assert pairs
    assert all(a["id"] < b["id"] for a, b in pairs)


@pytest.mark.parametrize(
    ("options", "offset", "status"),
    [
        ({}, 50, 400),
        ({}, 100, 400),
        ({}, 25, 200),
        ({}, -50, 400),
        ({}, "x", 400),
        ({"past_end": "404"}, 50, 404),
        ({"past_end": "empty"}, 50, 200),
        ({"off_step": "400"}, 25, 400),
    ],
)
def test_offsets_that_fit_no_page(
    visit: Visit, options: dict[str, Any], offset: int | str, status: int
) -> None:
    answer = visit(**options).get(listed(CAST["fifty"], f"?o={offset}"))
    assert answer.status == status
    assert answer.json == [] if status == 200 else isinstance(answer.json["error"], str)


def test_posts_of_nobody(visitor: Visitor) -> None:
    assert visitor.get(listed(("patreon", "404"))).status == 404
    assert visitor.get(listed(CAST["hidden"])).status == 404
    assert visitor.get(listed(CAST["long"]).removesuffix("/posts")).status == 404


def test_classic_lists_full_rows_without_a_suffix(classic: Visitor) -> None:
    path = listed(CAST["fifty"]).removesuffix("/posts")
    rows = classic.read(path)
    assert all(set(row) == FULL for row in rows)
    assert classic.read(f"{path}?o=50") == []
    answer = classic.get(f"{path}?o=25")
    assert (answer.status, answer.json) == (400, {"error": "offset not multiple of 50"})
    assert classic.get(f"{path}/posts").status == 404
    assert classic.get(path.replace("patreon", "gumroad")).status == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=landscape", True),
        ("q=LANDSCAPE", True),
        ("q=%E3%83%A9%E3%82%B8%E3%82%AA", True),
        ("q=nonsense", False),
        ("tag=landscape", True),
        ("tag=landscape&tag=study", True),
        ("tag=landscape&tag=nonsense", False),
        ("tag=landscape&q=nonsense", False),
    ],
)
def test_search(visitor: Visitor, query: str, found: bool) -> None:
    rows = visitor.read(listed(CAST["long"], f"?{query}"))
    assert bool(rows) == found
    assert len(rows) < 50
    for row in rows:
        post = WORLD.posts[row["service"], row["user"], row["id"]]
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name == "tag":
                assert value in post["tags"]


def test_a_search_that_is_too_short_is_none(visitor: Visitor, classic: Visitor) -> None:
    assert len(visitor.read(listed(CAST["long"], "?q=zz"))) == 50
    path = listed(CAST["long"], "?q=zz").replace("/posts", "")
    assert classic.read(path) == []
    assert len(classic.read(path.replace("zz", "z"))) == 50


# Section 10.3


def test_a_post_and_all_around_it(visitor: Visitor) -> None:
    for key, post in WORLD.posts.items():
        if key[:2] == CAST["long"]:
            found = visitor.read(detail(post))
            assert set(found) == {"post", "attachments", "previews", "videos", "props"}
            assert set(found["post"]) == FULL | {"incomplete_rewards", "next", "prev"}
            assert found["props"]["flagged"] == post["flag"]
            versions = found["props"]["revisions"]
            assert [number for number, _ in versions] == list(range(len(versions)))[::-1]
            assert versions[0][1] == found["post"]
            assert len(versions) == len(post["revisions"]) + 1
            types = {file["type"] for file in found["previews"]}
            assert ("embed" in types) == bool(post["embed"])
            assert not any(file["name"].endswith("png") for file in found["attachments"])
            assert all(file["name"].endswith("mp4") for file in found["videos"])


def test_the_next_post_is_the_older_one(visitor: Visitor) -> None:
    rows = visitor.read(listed(CAST["fifty"]))
    found = [visitor.read(detail(row))["post"] for row in rows]
    ids = [row["id"] for row in rows]
    assert [post["next"] for post in found] == [*ids[1:], None]
    assert [post["prev"] for post in found] == [None, *ids[:-1]]


def test_a_post_of_a_hidden_creator_is_served_by_id(visitor: Visitor) -> None:
    key = next(key for key in WORLD.posts if key[:2] == CAST["hidden"])
    post = visitor.read(detail(WORLD.posts[key]))["post"]
    assert (post["next"], post["prev"]) == (None, None)


def test_no_post(visitor: Visitor) -> None:
    post = odd(0)
    for wrong in ({"id": "404"}, {"user": "404"}, {"service": "fanbox"}):
        answer = visitor.get(detail(post | wrong))
        assert answer.status == 404
        assert isinstance(answer.json["error"], str)


def test_a_classic_post_is_bare(classic: Visitor) -> None:
    found = classic.read(detail(odd(5)))
    extra = {"origin", "preview_state", "has_full", "detail_fetched", "user_name"}
    assert set(found) == FULL | {"incomplete_rewards", "next", "prev"} | extra


def test_odd_posts(visitor: Visitor) -> None:
    found = [visitor.read(detail(odd(n)))["post"] for n in range(13)]
    assert [found[0][name] for name in ("added", "published", "edited")] == [None] * 3
    assert found[1]["file"] is None
    assert "path" not in found[2]["file"]
    assert found[3]["tags"] == r'{landscape,"two words","say \"hi\"","NULL"}'
    assert found[4]["tags"] is None
    paths = [found[n]["attachments"][0]["path"] for n in range(6, 10)]
    assert [path[:8] for path in paths] == ["/inline/", "/files/p", "https://", paths[3][:8]]
    assert "\\" in paths[3]
    assert "name" not in found[10]["attachments"][0]
    assert (found[11]["file"], found[11]["title"], found[11]["tags"]) == ({}, "", [])
    rows = visitor.read(listed(CAST["odd"]))
    assert rows[0]["published"] is None


# Sections 10.4 to 10.6


def test_lookup_needs_no_creator(visitor: Visitor) -> None:
    post = odd(3)
    assert visitor.read(f"/api/v1/patreon/post/{post['id']}") == {
        "service": "patreon",
        "artist_id": post["user"],
        "post_id": post["id"],
    }
    assert visitor.get(f"/api/v1/fanbox/post/{post['id']}").status == 404


def test_all_posts(visitor: Visitor, classic: Visitor) -> None:
    shown = [post for key, post in WORLD.posts.items() if key[:2] != CAST["hidden"]]
    rows: list[dict[str, Any]] = []
    while len(rows) < len(shown):
        page = visitor.read(f"/api/v1/posts?o={len(rows)}")
        assert (page["count"], page["true_count"]) == (len(shown), len(shown))
        rows += page["posts"]
    assert {row["id"] for row in rows} == {post["id"] for post in shown}
    assert all(set(row) == SUMMARY for row in rows)
    added = [WORLD.posts[row["service"], row["user"], row["id"]]["added"] for row in rows]
    known = [time for time in added if time]
    assert known == sorted(known, reverse=True)
    assert visitor.get("/api/v1/posts?o=500").status == 400
    assert visitor.read("/api/v1/posts?tag=podcast")["true_count"] < len(shown)
    assert all(set(row) == SUMMARY for row in classic.read("/api/v1/posts"))


def test_posts_that_cannot_be_reached(visit: Visit) -> None:
    visitor = visit(reachable=100)
    page = visitor.read("/api/v1/posts?o=100")
    assert page["count"] == 100
    assert page["true_count"] > 300
    assert visitor.get("/api/v1/posts?o=150").status == 400


def test_a_random_post(visitor: Visitor) -> None:
    found = [visitor.read("/api/v1/posts/random") for _ in range(9)]
    keys = {(row["service"], row["artist_id"], row["post_id"]) for row in found}
    assert keys < set(WORLD.posts)
    assert len(keys) > 1


def test_a_world_without_posts(visit: Visit) -> None:
    world = World(creators=0, posts=0)
    for key in list(world.posts):
        del world.posts[key]
    assert visit(world).get("/api/v1/posts/random").status == 404
