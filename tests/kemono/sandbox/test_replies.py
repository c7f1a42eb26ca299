"""Revisions, comments, flags: reference section 11."""

from __future__ import annotations

import json
from typing import Any

import pytest

from satchel.kemono.world import CONSUMER, Record
from visits import WORLD, Visit, Visitor

LONG = [post for key, post in WORLD.posts.items() if key[:2] == WORLD.cast["long"]]
ODD = [post for key, post in WORLD.posts.items() if key[:2] == WORLD.cast["odd"]]


def path(post: Record, more: str) -> str:
    return f"/api/v1/{post['service']}/user/{post['user']}/post/{post['id']}/{more}"


def one_with(name: str) -> Record:
    return next(post for post in LONG if post[name])


def one_without(name: str) -> Record:
    return next(post for post in LONG if not post[name])


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


def test_revisions_are_the_older_versions(visitor: Visitor) -> None:
    for post in LONG:
        if post["revisions"]:
            rows = visitor.read(path(post, "revisions"))
            assert [row["revision_id"] for row in rows] == [
                old["revision_id"] for old in post["revisions"]
            ]
            assert {type(row["file"]) for row in rows} == {dict}
            assert all(row["title"] != post["title"] for row in rows)
    repeated = [post for post in LONG if len(post["revisions"]) == 3]
    rows = visitor.read(path(repeated[0], "revisions"))
    assert rows[0]["content"] == rows[1]["content"]
    assert [row["added"] is None for row in rows] == [False, True, False]


def test_revisions_with_json_in_strings(visitor: Visitor) -> None:
    rows = visitor.read(path(ODD[5], "revisions"))
    assert {type(json.loads(row["file"])) for row in rows} == {dict}
    files = [json.loads(file) for row in rows for file in row["attachments"]]
    assert files
    assert all(file["path"] for file in files)


def test_no_revisions_is_a_404(visit: Visit, visitor: Visitor) -> None:
    wrong = one_with("revisions") | {"id": "404"}
    for post in (one_without("revisions"), wrong):
        answer = visitor.get(path(post, "revisions"))
        assert (answer.status, list(answer.json)) == (404, ["error"])
    classic = visit(profile="classic").get(path(wrong, "revisions"))
    assert (classic.status, classic.json) == (404, [])


def test_one_revision(visitor: Visitor) -> None:
    post = one_with("revisions")
    number = post["revisions"][0]["revision_id"]
    found = visitor.read(path(post, f"revision/{number}"))
    assert found["post"]["revision_id"] == number
    assert {"attachments", "previews", "videos", "props"} < set(found)
    assert visitor.get(path(post, "revision/1")).status == 404
    assert visitor.get(path(post, "revision/x")).status == 400
    assert visitor.get(path(post | {"id": "404"}, f"revision/{number}")).status == 404


def test_comments(visitor: Visitor) -> None:
    rows: list[dict[str, Any]] = []
    for post in LONG:
        if post["comments"]:
            rows += visitor.read(path(post, "comments"))
    assert {"revisions" in row for row in rows} == {True, False}
    assert {bool(row.get("revisions")) for row in rows} == {True, False}
    assert {row["parent_id"] is None for row in rows} == {True, False}
    assert {row["commenter_name"] is None for row in rows} == {True, False}
    assert len({row["id"] for row in rows}) == len(rows)


def test_no_comment_is_a_404(visitor: Visitor) -> None:
    for post in (one_without("comments"), one_with("comments") | {"id": "404"}):
        answer = visitor.get(path(post, "comments"))
        assert (answer.status, list(answer.json)) == (404, ["error"])


def test_flags(visitor: Visitor) -> None:
    post = one_without("flag")
    assert visitor.get(path(one_with("flag"), "flag")).status == 200
    assert visitor.get(path(post, "flag")).status == 404
    assert visitor.ask("POST", path(post, "flag")).status == 201
    assert visitor.ask("POST", path(post, "flag")).status == 409
    assert visitor.get(path(post, "flag")).status == 200
    assert visitor.read(path(post, "")[:-1])["props"]["flagged"] == "reason-other"
    for method in ("GET", "POST"):
        assert visitor.ask(method, path(post | {"id": "404"}, "flag")).status == 404


def test_flags_v2_need_a_session(visit: Visit, visitor: Visitor) -> None:
    post = one_without("flag")
    words = {"service": post["service"], "creator_id": post["user"], "post_id": post["id"]}
    words["reason"] = "reason-copyright"

    def put(**more: str) -> int:
        return visitor.ask("PUT", "/api/v2/account/flags/post", json_=words | more).status

    assert put() == 401
    visitor.log_in(CONSUMER)
    assert [put(), put(), put(post_id="404")] == [201, 409, 404]
    del words["reason"]
    assert put(post_id=one_with("revisions")["id"]) == 400
