"""The contract: each hook is described, and the example of its docstring does what it says."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import scrapy

from hookpage import page
from satchel import hookspecs
from satchel.errors import ConfigError
from satchel.hooks import Plugins
from satchel.hookspecs import JobInfo
from satchel.recnet import Account, Room
from satchel.schedule.telling import Telling
from satchel.testing import Crawl, command, crawl, project
from stores import Stored

HOOKS = Plugins().hooks()


def example(hook: str) -> str:
    """The code at the end of a hook's docstring."""
    doc = inspect.cleandoc(getattr(hookspecs, hook).__doc__)
    return textwrap.dedent(doc.split("\n::\n")[1])


Plug = Callable[[str], str]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Makes a plugin of a hook's example; returns its import path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def plug(hook: str) -> str:
        (tmp_path / "example.py").write_text(example(hook))
        return "example"

    yield plug
    sys.modules.pop("example", None)


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        yield Account.from_data({"accountId": 1, "isJunior": False, "username": "paper"})
        yield Room.from_data({"RoomId": 2, "IsDorm": True, "Stats": {"VisitCount": 5}})
        yield Room.from_data({"RoomId": 3, "IsDorm": False, "Stats": {"VisitCount": 50}})


def run(plugin: str, **settings: Any) -> Crawl:
    result = crawl(Own, {"SATCHEL_PLUGINS": [plugin], **settings})
    assert result.reason == "finished"
    assert f"satchel/plugins/{plugin}/errors" not in result.stats
    return result


ROOT = Path(__file__).parent.parent
USES = [*(ROOT / "plugins").glob("*.py"), *(ROOT / "examples").rglob("*.py")]


@pytest.mark.parametrize("hook", HOOKS)
def test_each_is_described_tested_and_used(hook: str) -> None:
    assert f"def {hook}(" in example(hook)
    assert ".. versionadded:: " in getattr(hookspecs, hook).__doc__
    assert f"test_{hook}" in globals()
    assert [file for file in USES if f"def {hook}(" in file.read_text()], "no plugin, no example"
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    assert f"## `{hook}{signature}`\n" in (ROOT / "docs" / "hooks.md").read_text()


def test_the_page_says_the_same() -> None:
    written = ROOT / "docs" / "hooks.md"
    assert written.read_text() == page(), "python tests/support/hookpage.py > docs/hooks.md"


def test_satchel_services(plug: Plug) -> None:
    names = {service.name for service in Plugins([plug("satchel_services")]).services()}
    assert names == {"kemono", "mirror", "recnet"}


def test_satchel_settings(plug: Plug) -> None:
    plugin = plug("satchel_settings")
    assert [item.id for item in run(plugin).items] == [1, 3]
    assert [item.id for item in run(plugin, SATCHEL_EXAMPLE_LEAST=5).items] == [1, 2, 3]
    with pytest.raises(ConfigError, match="SATCHEL_EXAMPLE_LEAST=x: expected a whole number, at"):
        run(plugin, SATCHEL_EXAMPLE_LEAST="x")
    with pytest.raises(ConfigError, match="_LEAS: no such setting; did you mean SATCHEL_EXAMPLE_L"):
        run(plugin, SATCHEL_EXAMPLE_LEAS=1)


def test_satchel_process_item(plug: Plug) -> None:
    assert [item.id for item in run(plug("satchel_process_item")).items] == [1, 3]


def test_satchel_item_classes(plug: Plug, tmp_path: Path) -> None:
    plugin, stored = plug("satchel_item_classes"), Stored(f"sqlite:///{tmp_path}/s.db")
    result = run(plugin, SATCHEL_STORE=stored.url)
    assert result.stats["satchel/items/example_visits"] == 2
    assert stored.read("example_visits", "room_id, count") == [(2, 5), (3, 50)]
    project(tmp_path, ["SATCHEL_PLUGINS = ['example']"])
    assert '"title": "Visits"' in command("satchel", "schema", "Visits", cwd=tmp_path).stdout


def test_satchel_crawl_idle(plug: Plug) -> None:
    result = run(plug("satchel_crawl_idle"))
    assert result.items[-1] == {"total": 3}
    assert len(result.items) == 4


def test_satchel_stop_paging(plug: Plug) -> None:
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_RECNET_PAGE_SIZE": 2}
    plugin = {"SATCHEL_PLUGINS": [plug("satchel_stop_paging")]}
    whole = crawl("recnet-images", settings, by_player="7002").items
    stopped = crawl("recnet-images", {**settings, **plugin}, by_player="7002").items
    pages = [whole[at : at + 2] for at in range(0, len(whole), 2)]
    last = next(n for n, page in enumerate(pages) if any(i.cheer_count == 0 for i in page))
    assert 0 < len(stopped) < len(whole)
    assert {item.id for item in stopped} == {i.id for page in pages[: last + 1] for i in page}


def test_satchel_crawl_started(plug: Plug) -> None:
    assert run(plug("satchel_crawl_started")).stats["example/spider"] == "own"


def test_satchel_crawl_finished(plug: Plug, tmp_path: Path) -> None:
    figures = {"reason": "finished", "verdict": "complete", "items": 3}
    for feeds in ({}, {"items.jsonl": {"format": "jsonlines"}}):
        run(plug("satchel_crawl_finished"), FEEDS=feeds)
        assert json.loads((tmp_path / "figures.json").read_text()) == figures
        (tmp_path / "figures.json").unlink()


def of_the_sandbox(plugin: str) -> Crawl:
    return crawl("recnet-rooms", {"SATCHEL_PLUGINS": [plugin], "SATCHEL_SANDBOX": True}, hot="1")


def test_satchel_request(plug: Plug) -> None:
    stats = of_the_sandbox(plug("satchel_request")).stats
    assert stats["example/None/GET"] == 1  # robots.txt
    sent = sum(number for name, number in stats.items() if name.startswith("example/recnet/"))
    assert sent == stats["downloader/request_count"] - 1


def test_satchel_response(plug: Plug) -> None:
    assert of_the_sandbox(plug("satchel_response")).stats["example/largest"] > 100


def test_satchel_export_items(plug: Plug, tmp_path: Path) -> None:
    run(plug("satchel_export_items"))
    assert (tmp_path / "ids.txt").read_text() == "1\n2\n3\n"


def test_satchel_feed_exporters(plug: Plug, tmp_path: Path) -> None:
    run(plug("satchel_feed_exporters"), FEEDS={"rooms.ids": {"format": "ids"}})
    assert (tmp_path / "rooms.ids").read_text() == "1\n2\n3\n"
    project(tmp_path, ["SATCHEL_SANDBOX = True", "SATCHEL_STORE = ''"])
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-s", "SATCHEL_PLUGINS=example",
        "-O", "hot.ids", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "hot.ids").read_text().split()) > 10


def test_satchel_commands(plug: Plug, tmp_path: Path) -> None:
    plug("satchel_commands")
    project(tmp_path, ["SATCHEL_PLUGINS = ['example']"])
    assert command("satchel", "greet", "you", cwd=tmp_path).stdout == "hello you\n"
    assert "Say hello to NAME." in command("satchel", "--help", cwd=tmp_path).stdout


def test_satchel_withhold(plug: Plug) -> None:
    plugin = plug("satchel_withhold")
    for level in ("careful", "off"):
        account, *_ = run(plugin, SATCHEL_PRIVACY=level).items
        assert (account.id, account.username) == (1, None)
        assert account.data["username"] is None
        assert account.was_sent("username")


def images(plugin: str, include: str) -> Crawl:
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_PLUGINS": [plugin]}
    return crawl("recnet-images", settings, in_room="8200", limit="20", include=include)


def test_satchel_relations(plug: Plug, tmp_path: Path) -> None:
    plugin = plug("satchel_relations")
    result = images(plugin, "player.dorm")
    dorms = [item for item in result.items if isinstance(item, Room)]
    accounts = [item for item in result.items if isinstance(item, Account)]
    # Of a junior the privacy gate lets nothing through.
    expected = {account.id for account in accounts if not account.is_junior}
    assert {room.creator_account_id for room in dorms} == expected
    assert 1 < len(dorms) == len(expected) < len(accounts)
    assert result.stats["satchel/verdict"] == "complete"

    project(tmp_path, [f"SATCHEL_PLUGINS = ['{plugin}']"])
    shown = command("satchel", "schema", "Account", cwd=tmp_path).stdout
    assert json.loads(shown)["relations"]["dorm"] == {
        "description": "The account's own room.", "plugin": plugin, "leads_to": "Room",
    }  # fmt: skip


def test_satchel_resolve_relation(plug: Plug) -> None:
    result = images(plug("satchel_resolve_relation"), "first_tagged.bio,player")
    tagged = {i.tagged_player_ids[0] for i in result.items if getattr(i, "tagged_player_ids", 0)}
    found = {item.id: item for item in result.items if isinstance(item, Account)}
    assert tagged
    assert tagged <= found.keys()
    assert any(found[id].bio for id in tagged)


def test_satchel_job_finished(plug: Plug, tmp_path: Path) -> None:
    telling = Telling(Plugins([plug("satchel_job_finished")]), {}, 1)
    due = datetime(2027, 3, 28, tzinfo=UTC)
    given = {"id": "x", "name": "n", "spider": "s", "due": due, "attempt": 1, "node": "one"}
    failed = JobInfo(**given, verdict="failed", why="w", items=1, errors=0, again=None)
    for job in (failed, dataclasses.replace(failed, again=due)):
        asyncio.run(telling.finished(job))
    assert (tmp_path / "failed.txt").read_text() == "x: w\n"


def acting(tmp_path: Path, *plugins: str, **settings: Any) -> Crawl:
    """A crawl of creators in the sandbox with the example that proposes favourites, and others."""
    (tmp_path / "proposing.py").write_text(example("satchel_propose_actions"))
    store = f"sqlite:///{tmp_path}/s.db"
    given = {"SATCHEL_PLUGINS": ["proposing", *plugins], "SATCHEL_STORE": store, **settings}
    try:
        return crawl("kemono-creators", {"SATCHEL_SANDBOX": True, **given}, all="1")
    finally:
        sys.modules.pop("proposing", None)


def test_satchel_propose_actions(plug: Plug, tmp_path: Path) -> None:
    stats = acting(tmp_path).stats
    assert stats["satchel/actions/proposed"] > 3
    assert "satchel/plugins/proposing/errors" not in stats


def test_satchel_veto_action(plug: Plug, tmp_path: Path) -> None:
    plugin = plug("satchel_veto_action")
    stats = acting(tmp_path, plugin, SATCHEL_ACTIONS="on", SATCHEL_ACTIONS_PER_MINUTE=1000).stats
    assert stats["satchel/actions/vetoed"] == 1
    assert stats["satchel/actions/done"] > 2


def test_satchel_action_finished(plug: Plug, tmp_path: Path) -> None:
    plugin = plug("satchel_action_finished")
    stats = acting(tmp_path, plugin, SATCHEL_ACTIONS="on", SATCHEL_ACTIONS_PER_MINUTE=1000).stats
    assert stats["example/kemono.favorite_creator/done"] == stats["satchel/actions/done"] > 3
