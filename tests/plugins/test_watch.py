"""``watch``: what it tells of worlds that change is what has changed in them."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from changes import changed, kill, tell, told
from satchel import hookimpl
from satchel.kemono.world import World
from satchel.recnet import Account, Room
from satchel.testing import crawl, plugins, project
from sites import Serve, Server
from stores import Stored

ON: dict[str, Any] = {"SATCHEL_WATCH_ENABLED": True}
BOB = {"accountId": 1, "isJunior": False, "username": "bob", "identityFlags": 3}


def room(id: int, name: str = "den", visits: int = 1, **more: Any) -> Any:
    return Room, {"RoomId": id, "Name": name, "Stats": {"VisitCount": visits}, **more}


def account(**data: Any) -> Any:
    return Account, {**BOB, **data}


def test_three_worlds_and_a_crawl_that_was_killed(
    serve: Serve, stored: Stored, tmp_path: Path
) -> None:
    first = World()
    creator = first.cast["long"]
    second, then = changed(first, creator, 0)
    third, later = changed(second, creator, 1)
    place = "/".join(creator)

    def look(server: Server) -> Any:
        own = server.settings(SATCHEL_STORE=stored.url, **ON)
        result = crawl("kemono-posts", own, creators=place)
        assert result.stats["satchel/verdict"] == "complete"
        return told(result)

    assert look(serve(world=first)) == set()
    server = serve(world=second)
    folder = project(
        tmp_path / "project",
        [
            "ROBOTSTXT_OBEY = False",
            'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 1.5, "concurrency": 1, "jitter": 0}}',
        ],
    )
    environ = {**server.environ(), "SATCHEL_WATCH_ENABLED": "1", "SATCHEL_STORE": stored.url}
    environ["SATCHEL_PRIVACY"] = "off"
    kill(
        folder, ["kemono-posts", "-a", f"creators={place}"], environ,
        lambda: stored.query("SELECT count(*) FROM satchel_listing_item WHERE seen = 2") > [(10,)],
    )  # fmt: skip
    assert stored.read("satchel_crawl", "id, ended IS NULL, verdict") == [
        (1, False, "complete"), (2, True, None),
    ]  # fmt: skip
    assert look(server) == then
    assert look(serve(world=third)) == later
    assert look(serve(world=third)) == set()
    kinds = stored.query("SELECT kind, count(*) FROM watch_change WHERE crawl > 2 GROUP BY kind")
    assert sorted(kinds) == [("changed", 6), ("gone", 6), ("new", 4)]
    assert "never kept" not in str(stored.read("satchel_listing_item"))


def test_what_is_told_of_fields(stored: Stored) -> None:
    first = [room(1), room(2, Roles=[{"AccountId": 5, "Role": 30}]), room(3), account()]
    assert told(tell(stored, *first, **ON)) == set()
    reduced = Room, {"RoomId": 3, "Description": "was not sent before"}
    second = [room(1, "hut", 7), room(2, visits=9, Roles=[]), reduced, account(username=None)]
    found = tell(stored, *second, SATCHEL_WATCH_IGNORE=["recnet_room.visit_count"], **ON)
    (roles,) = [item for item in found.items if getattr(item, "item", "") == "2"]
    (change,) = roles.fields
    assert (change.name, change.after) == ("roles", "[]")
    assert json.loads(change.before)[0]["name"] == "Co-Owner"
    assert {row for row in told(found) if row[1] == "1"} == {
        ("changed", "1", frozenset({("name", "den", "hut")})),
        ("changed", "1", frozenset({("username", "bob", None)})),
    }
    assert len(told(found)) == 3


def test_what_comes_twice_is_told_once(stored: Stored) -> None:
    tell(stored, room(1), room(2), **ON)
    twice = [room(1, "hut"), room(2, "hut"), room(3)]
    found = tell(stored, *twice, *twice, room(2, "hut", 5), SATCHEL_INCREMENTAL_ENABLED=True, **ON)
    changes = [item for item in found.items if type(item).__name__ == "Change"]
    assert sorted((item.item, len(item.fields or ())) for item in changes) == [
        ("1", 1), ("2", 1), ("2", 2), ("3", 0),
    ]  # fmt: skip


def test_an_incomplete_crawl_changes_no_base(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tell(stored, room(1), room(2), **ON)
    new = ("new", "3", frozenset())
    for _ in range(2):
        assert told(tell(stored, room(1), room(3), how="fail", **ON)) == {new}
    assert "nobody knows what is gone" in caplog.text
    gone = ("gone", "2", frozenset())
    assert told(tell(stored, room(1), room(3), **ON)) == {new, gone}
    assert told(tell(stored, room(1), room(3), **ON)) == set()


def test_a_limit_says_nothing_of_what_is_behind_it(stored: Stored) -> None:
    tell(stored, room(1), room(2), how="limit", **ON)
    assert told(tell(stored, room(3), room(1), how="limit", **ON)) == {("new", "3", frozenset())}
    assert told(tell(stored, room(2), room(4), how="limit", **ON)) == {("new", "4", frozenset())}


@pytest.mark.parametrize("level", ["juniors", "careful"])
def test_what_is_withheld_is_told_of_nobody(stored: Stored, level: str) -> None:
    tell(stored, account(), SATCHEL_PRIVACY="off", **ON)
    assert "bob" in str(stored.read("satchel_listing_item"))
    tell(stored, account(), SATCHEL_PRIVACY=level, **ON)
    junior = account(isJunior=True, username="bobby")
    result = tell(stored, junior, SATCHEL_PRIVACY=level, how="fail", **ON)
    fields = [field for item in result.items if item.key[0] == "crawl" for field in item.fields]
    assert [(field.name, field.after) for field in fields] == [("is_junior", "true")]
    # Forgotten at once, although the crawl was not complete.
    assert "bob" not in str(stored.read("satchel_listing_item"))
    if stored.kind == "sqlite":
        path = Path(stored.url.removeprefix("sqlite:///"))
        assert b"bob" not in path.read_bytes()


@pytest.mark.parametrize("settings", [ON, {}, {"SATCHEL_INCREMENTAL_ENABLED": True}])
def test_what_is_withheld_now_is_forgotten_in_other_listings(
    stored: Stored, settings: dict[str, Any]
) -> None:
    """Whether the crawl that withholds it compares anything or not."""
    tell(stored, account(), room(1), how="limit", **ON)
    tell(stored, account(username="bobs"), how="limit fail", **ON)
    assert "bob" in str(stored.read("satchel_listing_item"))
    tell(stored, account(isJunior=True), **settings)
    found = str(stored.read("satchel_listing_item"))
    assert "bob" not in found
    assert "den" in found


def test_what_is_withheld_of_what_is_nested_is_forgotten(stored: Stored) -> None:
    tell(stored, account(), **ON)

    class Nests:
        @hookimpl
        def satchel_process_item(self, item: Any) -> None:
            item.creator_account = Account.from_data({**BOB, "isJunior": True})

    assert "bob" in str(stored.read("satchel_listing_item"))
    with plugins(Nests) as paths:
        tell(stored, room(1), SATCHEL_PLUGINS=paths)
    assert "bob" not in str(stored.read("satchel_listing_item"))


def test_all_bases_are_forgotten_as_the_page_says(stored: Stored) -> None:
    tell(stored, account(), **ON)
    page = (Path(__file__).parents[2] / "docs" / "watching.md").read_text()
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert b'"username":"bob"' in _bytes(stored)
    for statement in filter(str.strip, statements.split(";")):
        stored.alone(statement)
    assert b'"username":"bob"' not in _bytes(stored)
    assert told(tell(stored, account(username="bobs"), **ON)) == set(), "a base is made anew"
    assert told(tell(stored, account(username="bobs"), room(1), **ON)) == {
        ("new", "1", frozenset())
    }


def _bytes(stored: Stored) -> bytes:
    """What is in the bases: of SQLite, the bytes of the file."""
    if stored.kind == "sqlite":
        return Path(stored.url.removeprefix("sqlite:///")).read_bytes()
    return "".join(str(row) for row in stored.read("satchel_listing_item")).encode()


def test_under_other_privacy_settings_the_base_is_forgotten(stored: Stored) -> None:
    tell(stored, account(), room(1), SATCHEL_PRIVACY="off", **ON)
    assert told(tell(stored, room(2), how="fail", **ON)) == set()
    assert "bob" not in str(stored.read("satchel_listing_item"))
    assert told(tell(stored, room(3), **ON)) == set()
    assert told(tell(stored, room(3), **ON)) == set()


def test_without_a_store_it_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    result = tell(Stored(""), room(1), room(2), **ON)
    assert result.stats["satchel/verdict"] == "incomplete"
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == (
        "plugin watch: satchel_crawl_started failed: SATCHEL_STORE is empty: what is to be "
        "compared is kept in the store"
    )
