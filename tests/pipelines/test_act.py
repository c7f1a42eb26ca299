"""Actions in a crawl: proposed with their items, shown or sent, and nothing else is written."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import scrapy
from scrapy.crawler import Crawler

import satchel
from acting import writes
from satchel.actions import Proposal
from satchel.cli import main
from satchel.errors import StoreError
from satchel.hookspecs import hookimpl
from satchel.kemono import (
    ChangeRole,
    Consumer,
    Creator,
    FavoriteCreator,
    Moderator,
    UnfavoriteCreator,
)
from satchel.outbox import Outbox
from satchel.proposals import Proposals
from satchel.store import Store
from satchel.testing import Crawl, crawl
from sites import Serve, Server, accounts
from stores import Stored


class Fan:
    """Proposes to favour creators, and fails at one."""

    @hookimpl
    async def satchel_propose_actions(self, item: Any, crawler: Crawler) -> Any:
        await asyncio.sleep(0)
        if not isinstance(item, Creator):
            return None
        if item.id == "10000003":
            raise RuntimeError("not that one")
        if item.id == "10000001":
            return ["what is no proposal"]
        one = {"service": item.service, "creator": item.id}
        wanted = [FavoriteCreator(**one)]
        if item.id == "20000002":
            wanted += [UnfavoriteCreator(**one)]
        return [Proposal(action, reason="nice paper") for action in wanted]


fan = Fan()


@pytest.fixture
def server(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", "moderator"))
    monkeypatch.setattr("acting.fan", fan, raising=False)
    found = serve()
    found.site.state.creators[3].clear()
    return found


def run(server: Server, stored: Stored, **settings: Any) -> Crawl:
    given = {
        "SATCHEL_STORE": stored.url,
        "SATCHEL_PLUGINS": ["acting:fan"],
        "SATCHEL_ACTIONS_PER_MINUTE": 1_000,
        **settings,
    }
    return crawl("kemono-creators", server.settings(**given), services="patreon,fanbox")


def test_a_crawl_shows_what_it_would_send_and_then_sends_it_once(
    server: Server, stored: Stored, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    dry = run(server, stored, SATCHEL_SUMMARY=True)
    assert dry.reason == "finished"
    assert writes(server) == []
    count = dry.stats["satchel/actions/proposed"]
    assert count == len(dry.items) - 2 + 1
    assert dry.stats["satchel/plugins/acting:fan/errors"] == 2
    shown = capsys.readouterr().err
    assert "Actions, of which none was sent (SATCHEL_ACTIONS is off):" in shown
    assert re.search(r" POST /api/v1/favorites/creator/fanbox/20000002 +sandbox-consumer ", shown)
    assert "nice paper; by plugin acting:fan; kemono_creator fanbox/20000002" in shown
    # What a plugin fails for is stored without its proposals.
    assert {id for (id,) in stored.read("kemono_creator", "id")} >= {"10000001", "10000003"}

    done = run(server, stored, SATCHEL_ACTIONS="on")
    assert done.stats["satchel/actions/done"] == count == len(writes(server))
    assert ("fanbox", "20000002") not in server.site.state.creators[3]
    again = run(server, stored, SATCHEL_ACTIONS="on")
    assert "satchel/actions/done" not in again.stats
    assert writes(server) == []


def test_a_crawl_sends_only_what_it_has_proposed(server: Server, stored: Stored) -> None:
    outbox = Outbox(stored.url)
    outbox.make()
    from satchel.kemono.service import SERVICE

    known = Proposals([SERVICE], {"kemono": server.url})
    outbox.add([known.row(Proposal(ChangeRole(id=4, to="moderator"), by="person somebody"))])
    run(server, stored, SATCHEL_ACTIONS="on")
    first, *others = outbox.listed()
    assert first["state"] == "proposed"
    assert {row["state"] for row in others} == {"done"}
    outbox.close()


def test_a_spider_proposes(server: Server, stored: Stored) -> None:
    """In a callback, for an item: both are committed when it goes on."""

    class Own(scrapy.Spider):
        name = "own"

        async def start(self) -> AsyncIterator[Any]:
            moderator = await Moderator.of(self.crawler)
            first, second, *_ = await moderator.creator_link_requests()
            assert await first.approve() is False
            (row,) = stored.read("satchel_action", "target")
            assert row == (f"link request {first.id}",)
            assert (first.id,) in stored.read("kemono_creator_link_request", "id")
            await second.reject()
            creator = await (await Consumer.of(self.crawler)).random_creator()
            assert creator is not None
            action = FavoriteCreator(service=creator.service or "", creator=creator.id or "")
            for name in ("", "", "again"):
                made = await satchel.propose(self.crawler, Proposal(action, name=name))
                assert made.by == "spider own"
            return
            yield

    def again() -> Crawl:
        given = server.settings(SATCHEL_STORE=stored.url, SATCHEL_ACTIONS="on")
        return crawl(Own, given)

    assert again().stats["satchel/actions/done"] == 4
    first, second, *favorites = writes(server)
    assert first.endswith("/approve")
    assert second.endswith("/reject")
    assert len(favorites) == 2


def test_a_request_of_ones_own_changes_nothing(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """It needs no account to be refused, unless it says that it only reads."""

    class Own(scrapy.Spider):
        name = "own"

        async def start(self) -> AsyncIterator[Any]:
            for path in ("patreon/user/1/post/1/flag", "none", "read"):
                meta = {"satchel_reads": True} if path == "read" else {}
                url = f"{server.url}/api/v1/{path}"
                yield scrapy.Request(url, method="POST", meta=meta)

    crawl(Own, server.settings(SATCHEL_ACTIONS="off"))
    assert all(path.endswith("/read") for path in writes(server))
    for path in ("flag", "none"):
        assert re.search(rf"POST http.*/{path}: within a crawl, .* has to be proposed", caplog.text)
    assert "/read: within" not in caplog.text


def test_an_item_and_its_proposals_are_one_transaction(stored: Stored) -> None:
    async def main() -> None:
        store = Store.open(stored.url, [Creator], actions=True)
        item = Creator.from_data({"id": "1", "service": "patreon"})
        try:
            with pytest.raises(StoreError):
                await store.put(item, [{"server": None, "kind": "a", "target": "b"}])
        finally:
            await store.close()

    asyncio.run(main())
    assert stored.read("kemono_creator") == []
    assert stored.read("satchel_action") == []


def test_another_process_sends_them(
    server: Server, stored: Stored, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    monkeypatch.setattr("satchel.pipelines.act.PATIENCE", 0.1)
    outbox = Outbox(stored.url)
    with outbox.alone(0) as mine:
        assert mine
        done = run(server, stored, SATCHEL_ACTIONS="on")
    outbox.close()
    assert done.reason == "finished"
    assert writes(server) == []
    assert "another process sends the actions of this database" in caplog.text


def test_nothing_is_stored(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    done = run(server, Stored(""))
    assert done.reason == "finished"
    assert "plugins propose no actions: nothing is stored (SATCHEL_STORE)" in caplog.text


def nobody() -> str:
    raise KeyError("getpwuid(): uid not found: 1234")


def test_as_a_person_does_it(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """``satchel act …``; what a process of its own prints and exits with."""
    given = {**server.environ(), "SATCHEL_STORE": "sqlite:///s.db", "COLUMNS": "160"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def act(*words: str, status: int = 0, **more: str) -> str:
        with monkeypatch.context() as here:
            here.setattr(sys, "argv", ["satchel", "act", *words])
            for name, value in more.items():
                here.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        for name in ("scrapy", "satchel.executor"):  # A process of its own would have ended here.
            logging.getLogger(name).setLevel(logging.NOTSET)
        said = capsys.readouterr()
        assert (ended.value.code or 0) == status, said
        return said.out + said.err

    assert "s.db: there is no such file" in act("list", status=1)
    (tmp_path / "wanted.jsonl").write_text(
        '{"kind": "kemono.favorite_creator", "parameters": {"service": "fanbox", "creator": "1"}}\n'
        '{"kind": "kemono.change_role", "parameters": {"id": 4, "to": "moderator"}}\n'
    )
    assert act("propose", "--file", "wanted.jsonl") == "1\n2\n"
    named = ("propose", "kemono.reject_link_request", "id=56", "--proposal", "n", "--reason", "no")
    assert act(*named) == "3\n"
    assert act(*named) == "1 proposed before, by that name\n"
    assert "no account" in act("run", SATCHEL_PLUGINS="acting:fan")
    assert "nothing is stored" not in caplog.text
    assert "A dry run: nothing was sent; SATCHEL_ACTIONS=on sends them." in act("run")
    assert writes(server) == []
    assert "2  done" in act("run", status=3, SATCHEL_ACTIONS="on")
    assert len(writes(server)) == 2
    assert "reason       no" in act("show", "3")
    assert '"state": "held"' in act("list", "--json", "--state", "held")
    act("resolve", "2", "withdrawn", "--note", "not needed")
    assert "withdrawn" in act("list")
    assert act("run", SATCHEL_ACTIONS="on") == "nothing to send\n"
    act("propose", "kemono.approve_link_request", "id=58")
    assert "action 3 is done" in act("resolve", "4", "3", "withdrawn", status=1)
    assert act("resolve", "2", "2", "again") == ""
    assert act("resolve", "2", "4", "withdrawn") == ""
    assert act("list", "--json").count('"state": "withdrawn"') == 2
    for words, said in (
        (("propose", "kemono.favourite"), "no such kind; did you mean kemono.favorite_post?"),
        # That both begin with the service makes them no more alike.
        (("propose", "kemono.aprove"), "kemono.aprove: no such kind (kemono.approve_link"),
        (("propose", "kemono.flag_post", "service"), "service: expected NAME=VALUE"),
        (("propose", "kemono.flag_post", "post=1"), "missing required field `service`"),
        (("propose", "kemono.change_role", "id=4", "to=consumer", "id=5"), "id: it is given twice"),
        (("propose",), "give a KIND or a --file"),
        (("propose", "--file", "none"), "--file none: No such file"),
        (("list", "--state", "don"), "no such state; did you mean done?"),
        (("list", "--kind", "kemono.flag"), "--kind kemono.flag: no such kind"),
        (("show", "9"), "no action 9"),
        (("resolve", "3", "again"), "action 3 is done, which cannot become again"),
    ):
        assert said in act(*words, status=1)
    change = ("propose", "kemono.change_password", "account=a", "current=OLD_ONE")
    said = act(*change, "new=HUNTER2", status=1, OLD_ONE_FILE="old")
    assert "new: expected the name of an environment variable" in said
    assert "HUNTER2" not in said
    assert act(*change, "new=HUNTER2", OLD_ONE_FILE="old", HUNTER2="x") == "5\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert "--file -: not a text file" in act("propose", "--file", "-", status=1)
    with monkeypatch.context() as here:
        here.setattr("getpass.getuser", nobody)
        assert act("resolve", "5", "withdrawn") == ""
    assert f"by person uid {os.getuid()}" in act("show", "5")
    (tmp_path / "wrong.toml").write_text('[[action]]\nkind = "kemono.change_role"\n')
    assert "wrong.toml, line 1: kemono.change_role: " in act(
        "propose", "--file", "wrong.toml", status=1
    )
    good = '[[action]]\nkind = "kemono.flag_post"\n[action.parameters]\nservice = "a"\n'
    good += 'creator = """\nb"""\npost = "c"\n\n'
    for text, said in (
        (f'{good}[[action]]\nkind = "kemono.change_role"\n', "line 9: kemono.change_role: Object"),
        (f'{good}[[action]]\nkind = "kemono.flag_post"\nreasn = "x"\n', "line 11: Object contains"),
        (f"{good}[[action]]\nkind = 5\n", "line 10: Expected `str`"),
        (f"{good}[[action]]\nreason = 'x'\n", "line 9: Object missing required field `kind`"),
        (f"{good}[[action]\n", "line 9: "),
    ):
        (tmp_path / "wrong.toml").write_text(text)
        assert f"wrong.toml, {said}" in act("propose", "--file", "wrong.toml", status=1)
