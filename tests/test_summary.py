"""The figures at the end of a crawl."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import scrapy
from scrapy.exceptions import DropItem
from sqlalchemy.engine import make_url

from satchel.recnet import Account
from satchel.testing import crawl, running_sandbox


class Own(scrapy.Spider):
    name = "[own]"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        for id in range(1200):
            yield Account.from_data({"accountId": id, "username": "a", "isJunior": id < 2})
        yield {"of": "no interest"}
        raise RuntimeError


class Drop:
    def process_item(self, item: Any) -> Any:
        if isinstance(item, Account) and (item.id or 0) > 1099:
            raise DropItem("too many")
        return item


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [" ".join(line.split()) for line in captured.err.splitlines()]


def test_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a rather long name for a folder [of] databases" / "satchel.db"
    path.parent.mkdir()
    settings = {
        "SATCHEL_SUMMARY": True,
        "SATCHEL_STORE": f"sqlite:///{path}",
        "ITEM_PIPELINES": {Drop: 500},
    }
    crawl(Own, settings)
    shown = lines(capsys)
    store = make_url(f"sqlite:///{path}").render_as_string()
    for line in (
        "[own]: finished",
        "1,100 recnet_account items",
        "1 dict item",
        "1,100 rows written to recnet_account",
        "1 request",
        "100 items dropped",
        "2 juniors withheld",
        "1 error in the spider",
        f"Stored in {store}",
        f"see some of it: SATCHEL_STORE={shlex.quote(store)} satchel items recnet_account",
    ):
        assert line in shown
    assert shown[-1] == "incomplete: 1 error in the spider"


def test_nothing_stored_and_plugins_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fails_at_each.py").write_text(
        "from satchel import hookimpl\n"
        "@hookimpl\n"
        "def satchel_process_item(item): raise ValueError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    crawl(Own, {"SATCHEL_SUMMARY": True, "SATCHEL_PLUGINS": "fails_at_each"})
    shown = lines(capsys)
    assert "1,201 errors of plugin fails_at_each" in shown
    assert not any(line.startswith("Stored in") for line in shown)


def test_no_items(capsys: pytest.CaptureFixture[str]) -> None:
    class Empty(Own):
        def parse(self, response: Any) -> Any:
            return []

    crawl(Empty, {"SATCHEL_SUMMARY": True})
    assert "0 items" in lines(capsys)


@pytest.mark.parametrize(("path", "hinted"), [("/wrong", True), ("", False)])
def test_a_server_with_a_wrong_address(
    path: str, hinted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_sandbox() as server:
        settings = {
            "SATCHEL_SUMMARY": True,
            "SATCHEL_KEMONO_URL": f"{server.url}/kemono{path}",
            "SATCHEL_RATES": {"*": "off"},
        }
        crawl("kemono-creators", settings, ids="patreon/10000001,patreon/1")
    shown = lines(capsys)
    hint = "The server has nothing of this (404): is its address right?"
    assert (hint in shown) == hinted
    assert shown[-1] == "complete"


def test_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    result = crawl(Own, {"SATCHEL_SUMMARY": False})
    assert lines(capsys) == []
    assert result.reason == "finished"
