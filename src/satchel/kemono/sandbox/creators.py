"""Creators, their links and announcements: reference section 9."""

from __future__ import annotations

from collections.abc import Sequence

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, refuse
from satchel.kemono.sandbox.index import tags
from satchel.kemono.world import Record


def creators(call: Call) -> object:
    """Section 9.1."""
    more = {"ever_imported": True} if call.site.is_classic else {}
    return [render.listed(row) | more for row in call.site.index.creators.values()]


def profile(call: Call) -> object:
    """Section 9.2."""
    creator, relation = call.creator(), call.site.state.relations[call.key]
    write = render.profile_classic if call.site.is_classic else render.profile
    return write(creator, relation)


def links(call: Call) -> object:
    """Section 9.3."""
    call.creator()
    found, state = call.site.index.creators, call.site.state
    others = (key for key in state.linked(call.key) if key in found)
    return [render.linked(found[key], state.relations[key]) for key in others]


def new_link(call: Call) -> object:
    """Section 9.3, what the form for a new link shows. No source shows the body."""
    call.account()
    creator = call.creator()
    return {
        "props": {
            "id": creator["id"],
            "service": creator["service"],
            "artist": render.profile(creator, call.site.state.relations[call.key]),
            "share_count": 0,
            "has_links": str(len(call.site.state.linked(call.key))),
        }
    }


def ask_to_link(call: Call) -> object:
    """Section 9.3: a request that waits for a moderator. No source shows the body."""
    account = call.account()
    call.creator()
    other = call.text("service"), call.text("artist_id")
    if other == call.key or call.site.index.creator(other) is None:
        raise refuse(400, "Those creators cannot be linked.")
    call.site.state.ask_to_link(call.key, other, call.text("reason"), account["id"])
    return True


def creator_tags(call: Call) -> object:
    """Section 9.4."""
    creator = call.creator()
    found = tags(call.site.index.of(call.key))
    if call.site.options.tags_shape == "array":
        return found
    return {
        "props": {"currentPage": "tags"},
        "tags": found,
        "service": creator["service"],
        "artist": render.profile(creator, call.site.state.relations[call.key]),
    }


def announcements(call: Call) -> object:
    """Section 9.4."""
    return _rows(call, "announcements")


def fancards(call: Call) -> object:
    """Section 9.4."""
    return _rows(call, "fancards")


def _rows(call: Call, name: str) -> Sequence[Record]:
    found: Sequence[Record] = call.creator()[name]
    return found


def random_creator(call: Call) -> object:
    """Section 9.5."""
    found = [row for row in call.site.index.creators.values() if row["has_profile"]]
    if not found:
        raise refuse(404, "No creators.")
    chosen = call.site.random.choice(found)
    return {"service": chosen["service"], "artist_id": chosen["id"]}
