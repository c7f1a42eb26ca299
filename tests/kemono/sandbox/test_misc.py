"""Files by their hash, and the version: reference sections 12.1 and 14."""

from __future__ import annotations

import re

from visits import WORLD, Visit

NONE = "0" * 64


def hash_in(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def test_posts_and_messages_that_have_a_file(visit: Visit) -> None:
    visitor = visit()
    post = next(post for post in WORLD.posts.values() if post["file"])
    hash_ = hash_in(post["file"]["path"])
    found = visitor.read(f"/api/v1/search_hash/{hash_}")
    assert (found["hash"], found["ext"], found["discord_posts"]) == (hash_, ".png", None)
    assert [row["id"] for row in found["posts"]] == [post["id"]]
    message = next(row for rows in WORLD.messages.values() for row in rows if row["attachments"])
    found = visitor.read(f"/api/v1/search_hash/{hash_in(message['attachments'][0]['path'])}")
    assert found["posts"] is None
    assert [row["id"] for row in found["discord_posts"]] == [message["id"]]
    assert re.search(r"\.\d{3}$", found["discord_posts"][0]["published"])


def test_no_such_file(visit: Visit) -> None:
    visitor, classic = visit(), visit(profile="classic")
    assert visitor.get(f"/api/v1/search_hash/{NONE}").status == 404
    assert visitor.get("/api/v1/search_hash/nonsense").status == 400
    answer = classic.get(f"/api/v1/search_hash/{NONE}")
    assert (answer.status, answer.json) == (404, {})


def test_the_version_is_text(visit: Visit) -> None:
    assert re.fullmatch(rb"[0-9a-f]{40}\n", visit().get("/api/v1/app_version").body)
    assert visit().get("/api/v1/app_version", Accept="*/*").status == 403
    assert visit(profile="classic").get("/api/v1/app_version").body == b"custom"
