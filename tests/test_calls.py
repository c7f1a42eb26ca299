"""What becomes of a crawl whose plugins fail, wait for ever, or are watched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import scrapy
from msgspec import Struct
from scrapy import signals

from satchel import (
    Action,
    AddedRelation,
    Outcome,
    Proposal,
    State,
    hookimpl,
    plugin_settings,
    put_item,
)
from satchel.calls import BEFORE_CRAWL, Calls
from satchel.config import Config
from satchel.errors import ArgumentError, ConfigError, PluginError
from satchel.hooks import Plugins
from satchel.recnet import Account, Room
from satchel.testing import Crawl, crawl, crawl_async, plugins

BUILT_IN = [found.name for found in Plugins().found() if found.origin == "built-in"]

MODULE = "calls_of_this_test"

Plug = Callable[..., Crawl]


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        for id in (1, 2):
            yield Account.from_data({"accountId": id, "isJunior": False})


@pytest.fixture
def run() -> Plug:
    """Runs a crawl with plugins that are classes."""

    def run(
        *classes: type,
        spider: Any = Own,
        arguments: Mapping[str, str] = MappingProxyType({}),
        **settings: Any,
    ) -> Crawl:
        with plugins(*classes, module=MODULE) as paths:
            return crawl(spider, {"SATCHEL_PLUGINS": paths, **settings}, **arguments)

    return run


def errors(result: Crawl, plugin: type) -> int:
    return int(result.stats.get(f"satchel/plugins/{MODULE}:{plugin.__name__}/errors", 0))


class Counts:
    """Keeps what it has seen on itself."""

    def __init__(self) -> None:
        self.seen = 0

    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        self.seen += 1
        item.display_name = f"number {self.seen}"


def test_each_crawl_has_its_own_object(run: Plug) -> None:
    for _ in range(2):
        assert [item.display_name for item in run(Counts).items] == ["number 1", "number 2"]


def test_two_crawls_at_once_have_each_its_own_plugins() -> None:
    class Names(Counts):
        pass

    class Rooms(scrapy.Spider):
        name = "rooms"
        start_urls = ["data:,"]  # noqa: RUF012

        async def parse(self, response: Any) -> Any:
            for id in (3, 4):
                await asyncio.sleep(0.01)
                yield Room(id=id)

    class Doubles:
        @hookimpl
        def satchel_process_item(self, item: Any, crawler: Any) -> None:
            item.name = f"{item.id} of {crawler.spider.name}"

    async def both(first: str, second: str) -> list[Crawl]:
        return await asyncio.gather(
            crawl_async(Own, {"SATCHEL_PLUGINS": [first], "SATCHEL_SANDBOX": True}),
            crawl_async(Rooms, {"SATCHEL_PLUGINS": [second]}),
        )

    with plugins(Names, Doubles) as paths:
        accounts, rooms = asyncio.run(both(*paths))
    assert [item.display_name for item in accounts.items] == ["number 1", "number 2"]
    assert [item.name for item in rooms.items] == ["3 of rooms", "4 of rooms"]
    assert {accounts.stats["satchel/verdict"], rooms.stats["satchel/verdict"]} == {"complete"}


# Time limit


class NeverReturns:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        await asyncio.Event().wait()


class RefusesToEnd:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()


class FailsAtTheEnd:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("after all")


class CancelsItself:
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        raise asyncio.CancelledError


@pytest.mark.parametrize("plugin", [NeverReturns, RefusesToEnd, FailsAtTheEnd])
def test_one_that_does_not_return_is_given_up(
    run: Plug, caplog: pytest.LogCaptureFixture, plugin: type
) -> None:
    result = run(plugin, Counts, SATCHEL_HOOK_SECONDS=0.02)
    assert result.reason == "finished"
    assert [item.display_name for item in result.items] == ["number 1", "number 2"]
    assert errors(result, plugin) == 2
    (first, _) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert first.getMessage() == (
        f"plugin {MODULE}:{plugin.__name__}: satchel_process_item failed at recnet_account 1: "
        "given up after 0.02 seconds (SATCHEL_HOOK_SECONDS)"
    )
    assert not first.exc_info


def test_one_that_cancels_itself_has_failed(run: Plug) -> None:
    result = run(CancelsItself, Counts)
    assert [item.display_name for item in result.items] == ["number 1", "number 2"]
    assert errors(result, CancelsItself) == 2


# Tracing


def test_trace(run: Plug, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run(Counts)
    assert "took" not in caplog.text
    run(Counts, SATCHEL_TRACE_HOOKS=True)
    (first, _) = [m for m in caplog.messages if "Counts: satchel_process_item" in m]
    assert first.startswith(f"plugin {MODULE}:Counts: satchel_process_item at recnet_account 1 to")
    assert first.endswith(" ms")


def test_trace_of_every_hook(run: Plug, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("INFO")
    asked = {hook: hookimpl(lambda self: None) for hook in BEFORE_CRAWL}
    store = f"sqlite:///{tmp_path}/s.db"
    run(type("Asked", (), asked), Sees, SATCHEL_TRACE_HOOKS=True, SATCHEL_STORE=store)
    traced = {m.partition("satchel_")[2].split()[0] for m in caplog.messages if " took " in m}
    # Of a command line, and of the scheduler.
    elsewhere = {"commands", "job_finished"}
    hooks = {hook.removeprefix("satchel_") for hook in {*IN_A_CRAWL, *BEFORE_CRAWL}}
    assert traced == hooks - elsewhere


# Settings


class Optional:
    class Settings(Struct, frozen=True):
        enabled: bool = False
        word: str = "word"

        def __post_init__(self) -> None:
            if self.word == "forbidden":
                raise ValueError("SATCHEL_OPTIONAL_WORD=forbidden: choose another")

    @hookimpl
    def satchel_settings(self) -> type[Struct]:
        return self.Settings

    @hookimpl
    def satchel_process_item(self, item: Any, settings: Settings) -> None:
        item.display_name = settings.word


class optional(Optional):
    """The prefix of its settings is the same."""


class Sandbox(Optional):
    class Settings(Struct, frozen=True):
        seed: int = 1


def test_one_that_is_not_enabled(run: Plug) -> None:
    assert {item.display_name for item in run(Optional).items} == {None}
    result = run(Optional, SATCHEL_OPTIONAL_ENABLED=True, SATCHEL_OPTIONAL_WORD="other")
    assert {item.display_name for item in result.items} == {"other"}


def test_settings_that_are_impossible(run: Plug) -> None:
    with pytest.raises(ConfigError, match="SATCHEL_OPTIONAL_WORD=forbidden: choose another"):
        run(Optional, SATCHEL_OPTIONAL_WORD="forbidden")


def test_settings_of_one_name(run: Plug) -> None:
    with pytest.raises(ConfigError, match=f"^plugin {MODULE}:optional: there is a setting SATCH"):
        run(Optional, optional)
    with pytest.raises(ConfigError, match="there is a setting SATCHEL_SANDBOX_SEED already"):
        run(Sandbox)


# Failing and blocking, in every hook


def fails(self: Any) -> None:
    raise RuntimeError("no")


def exits(self: Any) -> None:
    raise SystemExit(3)


async def waits(self: Any) -> None:
    await asyncio.Event().wait()


async def exits_async(self: Any) -> None:
    raise SystemExit(3)


WAYS = [fails, exits, waits, exits_async]


def failing(hook: str, way: Any) -> type:
    return type("Failing", (), {hook: hookimpl(way)})


@pytest.mark.parametrize("way", [fails, exits])
@pytest.mark.parametrize(
    "hook", sorted(BEFORE_CRAWL - {"satchel_commands", "satchel_job_finished"})
)
def test_one_that_fails_before_a_crawl_is_refused(
    run: Plug, tmp_path: Path, hook: str, way: Any
) -> None:
    """``satchel_commands`` is no part of it, nor is ``satchel_job_finished``."""
    with pytest.raises(PluginError, match=f"^plugin {MODULE}:Failing: {hook} failed: "):
        run(failing(hook, way), SATCHEL_STORE=f"sqlite:///{tmp_path}/s.db")


APART: Mapping[str, Callable[[Calls], Any]] = {
    "satchel_stop_paging": lambda calls: calls.stop_paging([], "a page"),
    "satchel_propose_actions": lambda calls: calls.propose_actions(
        Account(id=1), lambda proposal, plugin: None
    ),
    "satchel_veto_action": lambda calls: calls.veto_action(PROPOSAL),
    "satchel_action_finished": lambda calls: calls.action_finished(PROPOSAL, Outcome(State.DONE)),
}
"""What a crawl without a listing or an action does not call."""


class Wave(Action, frozen=True, kw_only=True):
    """An action that nobody sends."""

    kind: ClassVar[str] = "test.wave"
    target: ClassVar[str] = "1"  # type: ignore[misc]


PROPOSAL = Proposal(Wave())

ELSEWHERE = {"satchel_withhold", "satchel_resolve_relation"}
"""Those of which more is to be said: tests below are about them."""

IN_A_CRAWL = sorted({*Plugins().hooks()} - BEFORE_CRAWL - {*APART} - ELSEWHERE)
"""All others. A new hook that these crawls do not call belongs above, with a test of its own."""


class Sees:
    """Has all hooks, and notes which were called."""

    seen: ClassVar[set[str]] = set()

    def _sees(hook: str) -> Any:
        def sees(self: Any) -> None:
            Sees.seen.add(hook)

        return hookimpl(sees)

    for hook in IN_A_CRAWL:
        locals()[hook] = _sees(hook)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", IN_A_CRAWL)
def test_one_that_fails_or_waits_stops_nothing(
    run: Plug, caplog: pytest.LogCaptureFixture, hook: str, way: Any
) -> None:
    Sees.seen.clear()
    plugin = failing(hook, way)
    result = run(plugin, Sees, SATCHEL_HOOK_SECONDS=0.02)
    assert result.reason == "finished"
    assert [item.id for item in result.items] == [1, 2]
    assert Sees.seen == set(IN_A_CRAWL)
    assert errors(result, plugin) >= 1
    assert result.stats["satchel/verdict"] == "incomplete"
    assert f"plugin {MODULE}:Failing: {hook} failed" in caplog.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", APART)
def test_one_that_fails_or_waits_apart_from_a_crawl(
    caplog: pytest.LogCaptureFixture, hook: str, way: Any
) -> None:
    counted: list[str] = []
    crawler: Any = SimpleNamespace(stats=SimpleNamespace(inc_value=counted.append))
    with plugins(failing(hook, way), module=MODULE) as paths:
        calls = Calls(crawler, Plugins(paths, blocked=BUILT_IN), {}, Config(hook_seconds=0.02))
        found = asyncio.run(APART[hook](calls))
    assert counted == [f"satchel/plugins/{MODULE}:Failing/errors"]
    assert f"plugin {MODULE}:Failing: {hook} failed" in caplog.text
    # Only what may refuse does so when it fails.
    assert bool(found) == (hook == "satchel_veto_action")


class Blocks:
    """Keeps the loop until the watchdog says so."""

    said = threading.Event()

    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        assert Blocks.said.wait(60)


class BlocksAsync(Blocks):
    @hookimpl
    async def satchel_process_item(self, item: Any) -> None:
        await asyncio.sleep(0)
        assert Blocks.said.wait(60)


@pytest.mark.parametrize("plugin", [Blocks, BlocksAsync])
def test_one_that_blocks_is_named(
    run: Plug, caplog: pytest.LogCaptureFixture, plugin: type
) -> None:
    Blocks.said.clear()

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "keeps the crawl" in record.getMessage():
                Blocks.said.set()

    hears = Hears()
    logging.getLogger("satchel").addHandler(hears)
    try:
        result = run(plugin, SATCHEL_HOOK_BLOCKING_SECONDS=0.05)
    finally:
        logging.getLogger("satchel").removeHandler(hears)
    name = f"{MODULE}:{plugin.__name__}"
    assert f"plugin {name}: satchel_process_item keeps the crawl from going on (" in caplog.text
    assert result.stats[f"satchel/plugins/{name}/blocked"] >= 1
    assert not [t for t in threading.enumerate() if t.name == "satchel-watchdog"]


def test_no_watchdog_without_plugins_of_the_crawl(run: Plug) -> None:
    started: list[str] = []

    class Looks(Own):
        def parse(self, response: Any) -> Any:
            started.extend(thread.name for thread in threading.enumerate())
            return None

    run(spider=Looks)
    assert "satchel-watchdog" not in started
    run(Counts, spider=Looks)
    assert "satchel-watchdog" in started


# Exporting


class Exports:
    batches: ClassVar[list[list[Any]]] = []

    @hookimpl
    async def satchel_export_items(self, items: list[Any]) -> None:
        await asyncio.sleep(0)
        with contextlib.closing(sqlite3.connect("x.db")) as store:
            (rows,) = store.execute("SELECT count(*) FROM recnet_account").fetchone()
        assert rows >= sum(map(len, self.batches)) + len(items)
        self.batches.append(list(items))
        items.clear()


class Many(Own):
    def parse(self, response: Any) -> Any:
        for id in range(1, 601):
            yield Account.from_data({"accountId": id, "isJunior": False})


def test_export_is_after_the_commit_and_of_each_item_once(
    run: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Exports.batches.clear()
    result = run(Exports, spider=Many, SATCHEL_STORE="sqlite:///x.db")
    assert errors(result, Exports) == 0
    assert sorted(item.id for batch in Exports.batches for item in batch) == list(range(1, 601))
    assert len(result.items) == 600
    assert len(Exports.batches) < 300


class ExportsTooMuch:
    @hookimpl
    def satchel_export_items(self, items: list[Any]) -> None:
        for item in items:
            item.patch_data({"accountId": item.id, "username": "x", "isJunior": True})


def test_what_an_exporter_did_to_an_item_passes_the_privacy_gate(run: Plug) -> None:
    assert {item.username for item in run(ExportsTooMuch).items} == {None}


# Withholding


def withholding(answer: Any) -> type:
    def withholds(self: Any, item: Any) -> Any:
        return answer() if callable(answer) else answer

    return type("Withholding", (), {"satchel_withhold": hookimpl(withholds)})


class WithRoom(Own):
    def parse(self, response: Any) -> Any:
        room = Room.from_data({"RoomId": 5, "Name": "Hall", "CreatorAccountId": 1, "Tags": []})
        room.creator_account = Account.from_data(
            {"accountId": 1, "username": "paper", "isJunior": False}
        )
        yield room


@pytest.mark.parametrize("answer", [lambda: 1 / 0, sys.exit, ["nmae"], ["id"], "name", 5])
def test_where_it_fails_all_is_withheld(
    run: Plug, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    plugin = withholding(answer)
    result = run(plugin, spider=WithRoom, SATCHEL_PRIVACY="off")
    (room,) = result.items
    assert (room.id, room.creator_account_id, room.name) == (5, 1, None)
    assert room.creator_account is None
    assert "Hall" not in str(room.data)
    assert errors(result, plugin) >= 1
    assert "satchel_withhold failed at recnet_room 5: " in caplog.text


def test_what_is_withheld_of_what_is_nested(run: Plug) -> None:
    class Names:
        @hookimpl
        def satchel_withhold(self, item: Any) -> Any:
            return {"username"} if isinstance(item, Account) else None

    (room,) = run(Names, spider=WithRoom).items
    assert (room.name, room.creator_account.id, room.creator_account.username) == ("Hall", 1, None)


def test_plugins_withhold_together_and_before_others_see_it(run: Plug) -> None:
    seen: list[Any] = []

    class Looks:
        @hookimpl
        def satchel_withhold(self, item: Any) -> Any:
            return ["display_name"]

        @hookimpl
        def satchel_process_item(self, item: Any) -> None:
            seen.append((item.username, item.display_name))

    class One(Own):
        def parse(self, response: Any) -> Any:
            yield Account.from_data(
                {"accountId": 1, "username": "a", "displayName": "b", "isJunior": False}
            )

    run(withholding(("username",)), Looks, spider=One)
    assert seen == [(None, None)]
    assert run(Looks, spider=One, SATCHEL_PRIVACY="off").items[0].username == "a"


def test_nothing_lets_through_what_the_gate_withholds(run: Plug) -> None:
    class Junior(Own):
        def parse(self, response: Any) -> Any:
            yield Account.from_data({"accountId": 1, "username": "a", "isJunior": True})

    assert run(withholding([]), spider=Junior).items[0].username is None


def test_each_exporter_has_a_list_of_its_own(run: Plug) -> None:
    seen: list[int] = []

    class Takes:
        @hookimpl
        def satchel_export_items(self, items: list[Any]) -> None:
            items.clear()

    class Looks:
        @hookimpl
        def satchel_export_items(self, items: list[Any]) -> None:
            seen.extend(item.id for item in items)

    run(Takes, Looks)
    assert seen == [1, 2]


def test_figures_are_those_of_all_others(run: Plug) -> None:
    seen: list[Any] = []

    class Late(Own):
        def parse(self, response: Any) -> Any:
            self.crawler.signals.connect(self.count, signals.spider_closed)

        def count(self) -> None:
            self.crawler.stats.set_value("late", 1)

    class Looks:
        @hookimpl
        def satchel_crawl_finished(self, stats: Any) -> None:
            seen.append((stats.get("late"), "finish_time" in stats))

    run(Looks, spider=Late)
    assert seen == [(1, True)]


def test_after_the_end_nothing_can_be_put_in(run: Plug, caplog: pytest.LogCaptureFixture) -> None:
    class Late:
        @hookimpl
        async def satchel_crawl_finished(self, crawler: Any) -> None:
            put_item(crawler, Account(id=3))

    result = run(Late)
    assert len(result.items) == 2
    assert errors(result, Late) == 1
    assert "satchel_crawl_finished failed: put_item: the crawl has ended" in caplog.text


def test_the_last_items_take_their_time() -> None:
    """It is given up when none has arrived since the limit began anew."""
    figures = iter([2, 0, 3, 0, 3, 1, 3, 1])  # scraped and dropped, each time it looks
    stats = SimpleNamespace(
        inc_value=lambda name: None, get_value=lambda name, default: next(figures)
    )
    crawler: Any = SimpleNamespace(stats=stats)
    with plugins(failing("satchel_crawl_idle", waits), module=MODULE) as paths:
        calls = Calls(crawler, Plugins(paths, blocked=BUILT_IN), {}, Config(hook_seconds=0.02))
        asyncio.run(calls.crawl_idle())
    assert not [*figures]


def test_settings_where_there_is_no_hook(run: Plug) -> None:
    seen: list[Any] = []

    class Looks(Own):
        def parse(self, response: Any) -> Any:
            for name in (f"{MODULE}:Optional", "nobody"):
                found = plugin_settings(self.crawler, name, Optional.Settings)
                seen.append(found and found.word)

    run(Optional, spider=Looks, SATCHEL_OPTIONAL_WORD="other")
    assert seen == ["other", None]


# Relations that a plugin adds


class Rooms:
    """Answers as the test says."""

    answer: ClassVar[Any]
    calls: ClassVar[list[list[int]]]

    @hookimpl
    def satchel_relations(self) -> list[AddedRelation]:
        return [
            AddedRelation(of=Account, name="home", to=Room, field="created_rooms"),
            AddedRelation(of=Account, name="motto", field="bio"),
        ]

    @hookimpl
    async def satchel_resolve_relation(self, relation: AddedRelation, items: list[Any]) -> Any:
        self.calls.append([item.id for item in items])
        return Rooms.answer(relation.name, items)


class RoomsOfNobody(Rooms):
    class Settings(Struct, frozen=True):
        enabled: bool = False

    @hookimpl
    def satchel_settings(self) -> type[Struct]:
        return self.Settings


def accounts(run: Plug, answer: Any, include: str, *plugins: type) -> Crawl:
    Rooms.answer, Rooms.calls = staticmethod(answer), []
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_HOOK_SECONDS": 1}
    return run(
        *plugins or [Rooms],
        spider="recnet-accounts",
        arguments=ASKED | {"include": include},
        **settings,
    )


ASKED = {"top_creators": "1", "limit": "5"}


def test_an_added_relation_is_asked_for_all_items_of_a_page_at_once(run: Plug) -> None:
    def answer(name: str, items: list[Any]) -> list[Any]:
        first = Room(id=1, name="Hall", creator_account_id=items[0].id)
        first.creator_account = Account(id=items[0].id, username="x", identity_flags=["LGBTQIA"])
        return [[first, Room(id=2)], [], None, [first], ValueError("gone")]

    result = accounts(run, answer, "home.images")
    (asked,) = Rooms.calls
    found = {item.id: item for item in result.items if isinstance(item, Account)}
    rooms = [found[id].created_rooms for id in asked]
    assert [rooms[0][0].id, rooms[0][1].id, rooms[1], rooms[2], rooms[3][0].id, rooms[4]] == [
        1, 2, [], None, 1, None,
    ]  # fmt: skip
    assert sorted(item.id for item in result.items if isinstance(item, Room)) == [1, 2]
    assert rooms[0][0].creator_account.identity_flags is None, "it passes the privacy gate"
    assert rooms[0][0].images == [], "its own relations are asked for"
    assert result.stats["satchel/relations/failed"] == 1
    assert result.stats["satchel/verdict"] == "incomplete"


def test_an_added_relation_to_a_value(run: Plug) -> None:
    result = accounts(run, lambda name, items: [f"I am {item.id}" for item in items], "motto")
    expected = [None if item.is_junior else f"I am {item.id}" for item in result.items]
    assert [item.bio for item in result.items] == expected
    assert any(expected)
    assert all(item.was_sent("bio") for item in result.items)
    result = accounts(run, lambda name, items: None, "motto")
    assert {item.bio for item in result.items} == {None}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda name, items: 1 / 0, "division by zero"),
        (lambda name, items: sys.exit("no"), "it raised SystemExit: no"),
        (lambda name, items: 5, "expected a list of 5 answers, one for each item"),
        (lambda name, items: [], "expected a list of 5 answers, one for each item"),
        (lambda name, items: items, "expected items of the class Room, got Account"),
    ],
)
def test_an_added_relation_that_fails(
    run: Plug, caplog: pytest.LogCaptureFixture, answer: Any, problem: str
) -> None:
    result = accounts(run, answer, "home")
    assert [item.created_rooms for item in result.items] == [None] * 5
    assert errors(result, Rooms) == 1
    name = f"plugin {MODULE}:Rooms"
    assert f"{name}: satchel_resolve_relation failed at Account.home of 5 items: {problem}" in (
        caplog.text
    )
    assert f"Account.home of 5 items could not be had: {name} failed" in caplog.messages


def test_a_relation_that_no_plugin_adds_is_refused_with_a_list(run: Plug) -> None:
    with pytest.raises(ArgumentError) as caught:
        accounts(run, None, "home.images,hom")
    assert "Account has no hom; did you mean home? (known: bio" in str(caught.value)
    assert ", home, images, is_influencer, level, motto, " in str(caught.value)
    with pytest.raises(ArgumentError, match="include=home: Account has no home"):
        accounts(run, None, "home", RoomsOfNobody)


class NeverAnswers(Rooms):
    @hookimpl
    async def satchel_resolve_relation(self) -> None:
        await asyncio.Event().wait()


def test_an_added_relation_that_is_never_answered(
    run: Plug, caplog: pytest.LogCaptureFixture
) -> None:
    result = run(
        NeverAnswers, spider="recnet-accounts", arguments=ASKED | {"include": "home"},
        SATCHEL_SANDBOX=True, SATCHEL_HOOK_SECONDS=0.02,
    )  # fmt: skip
    assert len(result.items) == 5
    assert errors(result, NeverAnswers) == 1
    assert "Account.home of 5 items: given up after 0.02 seconds" in caplog.text
