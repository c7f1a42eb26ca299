"""Popular posts and all tags: reference sections 10.7 and 10.8."""

from __future__ import annotations

import pytest

from satchel.kemono.world import NOW
from visits import WORLD, Visit, Visitor

POPULAR = "/api/v1/posts/popular"


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


@pytest.mark.parametrize("period", ["recent", "day", "week", "month"])
def test_popular_posts_come_in_pages_the_most_favoured_first(visitor: Visitor, period: str) -> None:
    query = f"?date=2030-05-06&period={period}"
    first = visitor.read(POPULAR + query)
    total = first["props"]["count"]
    pages = [visitor.read(f"{POPULAR}{query}&o={o}")["posts"] for o in range(0, total, 50)]
    rows = [row for page in pages for row in page]
    assert len(rows) == total > 50
    counts = [row["fav_count"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) > 0
    assert first["info"]["scale"] == period
    assert set(first["info"]["navigation_dates"]) == {"day", "week", "month"}
    assert visitor.get(f"{POPULAR}{query}&o=500").status == 400


def test_popular_posts_of_another_day_are_others(visitor: Visitor) -> None:
    today = visitor.read(POPULAR)
    assert today["props"]["today"] == NOW.date().isoformat()
    assert today == visitor.read(f"{POPULAR}?date={NOW.date()}&period=recent")
    assert today["posts"] != visitor.read(f"{POPULAR}?date=2030-05-30")["posts"]


@pytest.mark.parametrize("query", ["period=year", "date=today", "date=2030-13-01", "o=-1"])
def test_popular_refuses(visitor: Visitor, query: str) -> None:
    assert visitor.get(f"{POPULAR}?{query}").status == 400


def test_popular_posts_under_another_key(visit: Visit, visitor: Visitor) -> None:
    found = visit(popular_key="results").read(POPULAR)
    assert "posts" not in found
    assert found["results"] == visitor.read(POPULAR)["posts"]


def test_all_tags_in_both_shapes(visit: Visit, visitor: Visitor) -> None:
    rows = visitor.read("/api/v1/posts/tags")
    assert {row["tag"] for row in rows} == {
        tag for post in WORLD.posts.values() for tag in post["tags"] or ()
    }
    counts = [row["post_count"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    wrapped = visit(tags_shape="wrapper").read("/api/v1/posts/tags")
    assert wrapped == {"props": {"currentPage": "tags"}, "tags": rows}
