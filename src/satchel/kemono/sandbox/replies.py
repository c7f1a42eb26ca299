"""What belongs to one post: revisions, comments, flags: reference section 11."""

from __future__ import annotations

from typing import Final

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, Refused, Reply, integer, refuse
from satchel.kemono.world import PostKey

_FLAG: Final = "reason-other"


def revisions(call: Call) -> object:
    """Section 11.1. No older version is a 404 (quirk Q9)."""
    post = call.site.index.post(call.post_key)
    if post is None or not post["revisions"]:
        raise Refused(404, [] if call.site.is_classic else {"error": "No revisions found."})
    quirks = call.site.quirks(post)
    return [render.revision(old, quirks) for old in post["revisions"]]


def revision(call: Call) -> object:
    """Section 11.2."""
    post, wanted = call.post(), integer("revision", call.parts["revision"])
    for old in post["revisions"]:
        if old["revision_id"] == wanted:
            return render.old_detail(old, call.site.state.flags.get(call.post_key))
    raise refuse(404, "Revision not found.")


def comments(call: Call) -> object:
    """Section 11.3. No comment is a 404 (quirk Q9)."""
    if not (found := call.post()["comments"]):
        raise refuse(404, "No comments found.")
    return found


# Section 11.4: by status only


def is_flagged(call: Call) -> object:
    """Whether somebody flagged the post."""
    call.post()
    if call.post_key not in call.site.state.flags:
        raise refuse(404, "Not flagged.")
    return Reply()


def flag(call: Call) -> object:
    """Flag the post; nobody needs an account for it."""
    call.post()
    return _flag(call, call.post_key, _FLAG)


def flag_v2(call: Call) -> object:
    """Flag the post that the body names."""
    call.account()
    names = ("service", "creator_id", "post_id")
    service, creator, post = (call.text(name) for name in names)
    if call.site.index.post((service, creator, post)) is None:
        raise refuse(404, "Post not found.")
    return _flag(call, (service, creator, post), call.text("reason"))


def _flag(call: Call, key: PostKey, reason: str) -> Reply:
    flags = call.site.state.flags
    if key in flags:
        return Reply(409)
    flags[key] = reason
    return Reply(201)
