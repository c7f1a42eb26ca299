"""Posts in lists, one post, and one of all: reference section 10, without 10.7 and 10.8."""

from __future__ import annotations

from collections.abc import Iterable

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, refuse
from satchel.kemono.world import Record


def posts_of(call: Call) -> object:
    """Section 10.2. A creator without a profile has posts; older servers list them in full."""
    if call.key not in call.site.index.creators:
        raise refuse(404, "Creator not found.")
    rows = call.page(call.search(call.site.index.of(call.key)))
    if call.site.is_classic:
        return [render.full(post, call.site.quirks(post)) for post in rows]
    return summaries(call, rows)


def summaries(call: Call, posts: Iterable[Record]) -> list[Record]:
    """Rows of a list."""
    return [render.summary(post, call.site.quirks(post)) for post in posts]


def detail(call: Call) -> object:
    """Section 10.3."""
    post = call.post()
    neighbours, quirks = call.site.index.neighbours(post), call.site.quirks(post)
    if call.site.is_classic:
        row = render.bare(post, quirks, neighbours)
        return row | {
            "origin": "scraped",
            "preview_state": "scraped",
            "has_full": True,
            "detail_fetched": True,
            "user_name": call.site.world.creators[call.key]["name"],
        }
    return render.detail(post, quirks, neighbours, call.site.state.flags.get(call.post_key))


def lookup(call: Call) -> object:
    """Section 10.4."""
    post = call.site.index.by_id.get((call.parts["service"], call.parts["post"]))
    if post is None:
        raise refuse(404, "Post not found.")
    return _where(post)


def feed(call: Call) -> object:
    """Section 10.5. Rows beyond a limit cannot be reached (quirk Q14)."""
    reachable, classic = call.site.options.reachable, call.site.is_classic
    if call.number("o", 0, 0) > reachable:
        text = "offset not multiple of 150 or too large" if classic else "offset is too large"
        raise refuse(400, text)
    found = call.search(call.site.index.posts)
    rows = summaries(call, call.page(found))
    if classic:
        return rows
    return {"count": min(len(found), reachable), "true_count": len(found), "posts": rows}


def random_post(call: Call) -> object:
    """Section 10.6."""
    if not call.site.index.posts:
        raise refuse(404, "No posts.")
    return _where(call.site.random.choice(call.site.index.posts))


def _where(post: Record) -> Record:
    return {"service": post["service"], "artist_id": post["user"], "post_id": post["id"]}
