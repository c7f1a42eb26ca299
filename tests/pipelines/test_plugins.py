"""What plugins do to items in real crawls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import scrapy
from scrapy.exceptions import DropItem

from satchel import hookimpl
from satchel.recnet import Account, Room
from satchel.testing import crawl
from satchel.throttle import CrawlEnds

MODULE = "plugins_of_this_test"


@pytest.fixture(autouse=True)
def _module() -> Iterator[None]:
    """Makes the plugins below importable, however the test module is."""
    module = ModuleType(MODULE)
    for name, value in globals().items():
        if isinstance(value, type) and name.islower():
            setattr(module, name, value())
    sys.modules[MODULE] = module
    yield
    del sys.modules[MODULE]


def account(id: int, **data: Any) -> Account:
    return Account.from_data({"accountId": id, "isJunior": False, **data})


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        for id in (1, 2, 3):
            yield account(id, username=f"user{id}")


class in_place:
    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        item.display_name = f"changed {item.id}"


class replacing:
    @hookimpl
    def satchel_process_item(self, item: Any) -> Any:
        return {"id": item.id}


class raw:
    """Puts items in place that never saw the privacy gate."""

    @hookimpl
    def satchel_process_item(self, item: Any) -> Any:
        return account(item.id, username="of a plugin", identityFlags=3, isJunior=item.id == 2)


class dropping:
    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        if item.id == 2:
            raise DropItem("two")


class waiting:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> Any:
        await asyncio.sleep(0)
        item.username = "after a wait"
        return item


class failing:
    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        if item.id == 2:
            raise RuntimeError("no")


class failing_async:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        raise RuntimeError("no")


class asking_too_late:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        raise CrawlEnds


class counting:
    @hookimpl
    def satchel_process_item(self, item: Any, crawler: Any) -> None:
        crawler.stats.inc_value("counted")


def run(*plugins: str, **settings: Any) -> Any:
    paths = [f"{MODULE}:{name}" for name in plugins]
    return crawl(Own, {"SATCHEL_PLUGINS": paths, **settings})


def test_in_place() -> None:
    assert [item.display_name for item in run("in_place").items] == [
        "changed 1", "changed 2", "changed 3",
    ]  # fmt: skip


def test_replacement_goes_to_the_next() -> None:
    assert run("replacing").items == [{"id": 1}, {"id": 2}, {"id": 3}]
    changed = run("waiting", "in_place").items[0]
    assert (changed.username, changed.display_name) == ("after a wait", "changed 1")


def test_drop() -> None:
    result = run("counting", "dropping", "waiting")
    assert [item.id for item in result.items] == [1, 3]
    assert result.stats["item_dropped_count"] == 1
    assert result.stats["counted"] == 3


def test_async() -> None:
    assert {item.username for item in run("waiting").items} == {"after a wait"}


def test_a_plugin_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    result = run("failing", "failing_async", "in_place")
    assert [item.display_name for item in result.items] == ["changed 1", "changed 2", "changed 3"]
    assert result.reason == "finished"
    assert result.stats[f"satchel/plugins/{MODULE}:failing/errors"] == 1
    assert result.stats[f"satchel/plugins/{MODULE}:failing_async/errors"] == 3
    assert (
        f"plugin {MODULE}:failing: satchel_process_item failed at recnet_account 2: no"
        in caplog.messages
    )


def test_a_plugin_whose_call_the_end_of_the_crawl_cuts_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = run("asking_too_late")
    assert len(result.items) == 3
    assert result.stats[f"satchel/plugins/{MODULE}:asking_too_late/errors"] == 3
    records = [r for r in caplog.records if "asking_too_late" in r.getMessage()]
    assert len(records) == 3
    assert (
        "satchel_process_item failed at recnet_account 1: the crawl ends" in records[0].getMessage()
    )
    assert "Traceback" not in caplog.text


def test_what_a_plugin_puts_in_place_passes_the_privacy_gate() -> None:
    first, junior, _ = run("raw").items
    assert (first.username, first.identity_flags) == ("of a plugin", None)
    assert (junior.id, junior.username) == (2, None)
    assert run("raw", SATCHEL_PRIVACY="off").items[1].username == "of a plugin"


def test_what_a_plugin_returns_is_gated_before_the_next_plugin_sees_it() -> None:
    seen: list[Any] = []

    class looking:
        @hookimpl
        def satchel_process_item(self, item: Any) -> None:
            seen.append((item.username, item.identity_flags))

    vars(sys.modules[MODULE])["looking"] = looking()
    run("raw", "looking")
    assert seen == [("of a plugin", None), (None, None), ("of a plugin", None)]


def test_what_a_plugin_nests_passes_the_privacy_gate() -> None:
    class nesting:
        @hookimpl
        def satchel_process_item(self, item: Any) -> Any:
            room = Room.from_data({"RoomId": 5})
            room.creator_account = account(9, username="x", identityFlags=3, isJunior=True)
            return room

    vars(sys.modules[MODULE])["nesting"] = nesting()
    creator = run("nesting").items[0].creator_account
    assert (creator.id, creator.username, creator.identity_flags) == (9, None, None)


def test_what_a_plugin_nests_in_an_item_that_passed_passes_the_privacy_gate() -> None:
    class nesting:
        @hookimpl
        def satchel_process_item(self, item: Any) -> None:
            item.created_rooms = [Room.from_data({"RoomId": 5})]
            item.created_rooms[0].creator_account = account(9, username="x", isJunior=True)

    vars(sys.modules[MODULE])["nesting"] = nesting()
    creator = run("nesting").items[0].created_rooms[0].creator_account
    assert (creator.id, creator.username) == (9, None)


def test_what_a_plugin_did_before_it_failed_passes_the_privacy_gate() -> None:
    class failing:
        @hookimpl
        def satchel_process_item(self, item: Any) -> None:
            item.patch_data({"accountId": item.id, "username": "x", "isJunior": True})
            raise ValueError("after all")

    vars(sys.modules[MODULE])["failing"] = failing()
    assert {item.username for item in run("failing").items} == {None}


def test_two_crawls_with_different_plugins() -> None:
    first, second = run("in_place"), run("counting")
    assert first.items[0].display_name == "changed 1"
    assert second.items[0].display_name is None
    assert "counted" not in first.stats
    assert second.stats["counted"] == 3
