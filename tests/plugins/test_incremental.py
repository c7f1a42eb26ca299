"""``incremental``: what it leaves out is stored already, and what it does not ask for is known."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from changes import changed, kill, tell
from satchel.kemono.world import World as KemonoWorld
from satchel.recnet import Account, Room
from satchel.recnet.sandbox import routes
from satchel.recnet.sandbox.call import SandboxOptions
from satchel.recnet.service import SERVICE
from satchel.recnet.world import World
from satchel.sandbox import Sandbox
from satchel.testing import Crawl, crawl, project, running_sandbox
from sites import Serve
from stores import Stored

ON: dict[str, Any] = {"SATCHEL_INCREMENTAL_ENABLED": True}


def room(id: int, name: str = "den") -> Any:
    return Room, {"RoomId": id, "Name": name}


def ids(result: Any) -> list[Any]:
    return [item.id for item in result.items]


def pages(result: Any) -> int:
    got = result.stats["downloader/request_count"]
    return int(got) - int(result.stats.get("robotstxt/request_count", 0))


def test_only_what_has_changed_comes(stored: Stored) -> None:
    assert ids(tell(stored, room(1), room(2), **ON)) == [1, 2]
    result = tell(stored, room(1), room(2, "hut"), room(3), **ON)
    assert ids(result) == [2, 3]
    assert result.stats["satchel/incremental/unchanged"] == 1
    assert result.stats["satchel/verdict"] == "complete"
    assert ids(tell(stored, room(2), SATCHEL_INCREMENTAL_IGNORE=["name"], **ON)) == []
    assert stored.read("recnet_room", "id, name, last_crawl") == [
        (1, "den", 1), (2, "hut", 2), (3, "den", 2),
    ]  # fmt: skip


def test_what_an_interrupted_crawl_stored_is_not_taken_for_the_base(stored: Stored) -> None:
    tell(stored, room(1), **ON)
    assert ids(tell(stored, room(1, "hut"), room(2), how="fail", **ON)) == [1, 2]
    assert ids(tell(stored, room(1), room(2), **ON)) == [1, 2]
    assert stored.read("recnet_room", "id, name") == [(1, "den"), (2, "den")]
    assert ids(tell(stored, room(1), room(2), **ON)) == []


def test_what_the_base_lacks_comes(stored: Stored) -> None:
    bob = {"accountId": 1, "username": "bob"}
    for data, comes in (
        (bob, [1]),
        ({**bob, "displayName": "Bob"}, [1]),
        (bob, []),
        ({**bob, "displayName": "Bob"}, []),
        ({**bob, "isJunior": True}, [1]),  # What is withheld now, the store has to forget.
        ({**bob, "isJunior": True}, []),
    ):
        assert ids(tell(stored, (Account, data), **ON)) == comes, data
        if "displayName" in data:
            assert stored.read("recnet_account", "display_name") == [("Bob",)]
    assert stored.read("recnet_account", "username, display_name") == [(None, None)]
    assert "ob" not in str(stored.read("satchel_listing_item"))


def test_what_is_withheld_now_comes_whatever_is_ignored(stored: Stored) -> None:
    bob = {"accountId": 1, "username": "bob", "isJunior": False}
    tell(stored, (Account, bob), **ON)
    ignoring = {"SATCHEL_INCREMENTAL_IGNORE": ["is_junior"], **ON}
    assert ids(tell(stored, (Account, {**bob, "isJunior": True}), **ignoring)) == [1]
    assert stored.read("recnet_account", "username") == [(None,)]


def test_with_watch_both_see_the_same(stored: Stored) -> None:
    both = {"SATCHEL_WATCH_ENABLED": True, **ON}
    tell(stored, room(1), room(2), room(3), **both)
    result = tell(stored, room(1), room(2, "hut"), room(4), **both)
    kinds = {(item.item, item.kind) for item in result.items if not hasattr(item, "id")}
    assert kinds == {("2", "changed"), ("3", "gone"), ("4", "new")}
    assert len(result.items) == 5


def test_posts_and_a_crawl_that_was_killed(serve: Serve, tmp_path: Path) -> None:
    """The first page of the listing is stored, the rest is not: all of it comes again."""
    stored = Stored(f"sqlite:///{tmp_path}/s.db")
    first = KemonoWorld()
    creator = first.cast["long"]
    place = "/".join(creator)
    old = serve(world=first)
    crawl("kemono-posts", old.settings(SATCHEL_STORE=stored.url, **ON), creators=place)
    later = first
    for step in range(30):  # Two posts each: more than a page.
        later, _ = changed(later, creator, step)
    server = serve(world=later)
    folder = project(
        tmp_path / "project",
        [
            "ROBOTSTXT_OBEY = False",
            'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 1.5, "concurrency": 1, "jitter": 0}}',
        ],
    )
    environ = {**server.environ(), "SATCHEL_INCREMENTAL_ENABLED": "1"}
    environ |= {"SATCHEL_STORE": stored.url, "SATCHEL_PRIVACY": "off"}
    kill(
        folder, ["kemono-posts", "-a", f"creators={place}"], environ,
        lambda: stored.query("SELECT count(*) FROM kemono_post WHERE last_crawl = 2") > [(40,)],
    )  # fmt: skip
    result = crawl("kemono-posts", server.settings(SATCHEL_STORE=stored.url, **ON), creators=place)
    assert result.stats["satchel/verdict"] == "complete"
    truth = {key[2]: row["title"] for key, row in later.posts.items() if key[:2] == creator}
    new = {id: title for id, title in truth.items() if "new" in id}
    assert len(new) == 60
    assert new.items() <= dict(stored.query("SELECT id, title FROM kemono_post")).items()
    again = crawl("kemono-posts", server.settings(SATCHEL_STORE=stored.url, **ON), creators=place)
    assert (again.items, pages(again)) == ([], 1)


def test_images_are_asked_for_up_to_those_that_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "sandbox")
    later = World(images=60)
    for image in later.images.values():
        image |= {"player_id": 7001, "accessibility": "Public"}
    world, late = copy.deepcopy(later), set()
    for _ in range(7):
        late.add(world.images.popitem()[0])
    settings = {
        "SATCHEL_RECNET_PAGE_SIZE": 5,
        "SATCHEL_STORE": f"sqlite:///{tmp_path}/s.db",
        **ON,
    }

    def images(url: str, **arguments: str) -> Crawl:
        own = {**settings, "SATCHEL_RECNET_URL": url}
        return crawl("recnet-images", own, by_player="7001", **arguments)

    with serving(world) as sandbox:
        whole = images(sandbox.url)
        by_cheers = images(sandbox.url, sort="1")
    assert len(whole.items) == 53
    with serving(later) as sandbox:
        more = images(sandbox.url)
        # In another order nothing can be said of what follows.
        assert pages(images(sandbox.url, sort="1")) >= pages(by_cheers)
    assert set(ids(more)) == late
    assert pages(more) == 3  # Five new ones; two, and known ones; five known ones.
    assert more.stats["satchel/stopped_listings"] == 1


@contextmanager
def serving(world: World) -> Iterator[Sandbox]:
    def mount(app: web.Application, seed: int, scale: int) -> None:
        app.add_routes(routes(world, SandboxOptions(seed=seed)))

    with running_sandbox(services=[dataclasses.replace(SERVICE, sandbox=mount)]) as sandbox:
        yield sandbox
