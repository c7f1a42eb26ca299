"""The figures that those who schedule read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from satchel import hookimpl
from satchel.testing import command, crawl, plugins, project

ASKED = {"search": "paper harbor", "include": "creator_account"}


def test_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text("of the crawl before")
    seen: list[Any] = []

    class Looks:
        @hookimpl
        def satchel_process_item(self) -> None:
            seen.append(json.loads(file.read_text()))

    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_STATS_FILE": str(file)}
    with plugins(Looks) as paths:
        result = crawl("recnet-rooms", {**settings, "SATCHEL_PLUGINS": paths}, **ASKED, _job="j1")
    figures = json.loads(file.read_text())
    assert {**figures, **seen[0], "verdict": "complete"} == figures
    assert seen[0]["verdict"] == "running"
    assert figures["spider"] == "recnet-rooms"
    assert figures["job"] == "j1"
    assert figures["arguments"] == {"search": "[withheld]", "include": "creator_account"}
    assert (figures["verdict"], figures["reason"]) == ("complete", "finished")
    assert sum(figures["items"].values()) == len(result.items) > 1
    assert set(figures["items"]) == {"recnet_room", "recnet_account"}
    assert figures["requests"]["recnet"] == figures["responses"]["recnet/200"] > 1
    assert figures["errors"] == 0
    assert figures["started"] < figures["ended"]
    assert "harbor" not in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_what_went_wrong(tmp_path: Path) -> None:
    class Fails:
        @hookimpl
        def satchel_crawl_finished(self) -> None:
            raise RuntimeError("no")

    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_STATS_FILE": str(tmp_path / "f.json")}
    with plugins(Fails) as paths:
        crawl("recnet-rooms", {**settings, "SATCHEL_PLUGINS": paths}, ids="1,2,3")
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["plugin_errors"] == {paths[0]: 1}
    assert figures["arguments"] == {"ids": [1, 2, 3]}


def test_nothing_is_written_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = crawl("recnet-rooms", {"SATCHEL_SANDBOX": True}, ids="1")
    assert not [name for name in result.stats if name.startswith("stats/")]
    assert os.listdir(tmp_path) == []


def test_to_standard_output(tmp_path: Path) -> None:
    project(tmp_path, ["SATCHEL_SANDBOX = True", "SATCHEL_STORE = ''"])
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-s", "SATCHEL_STATS_FILE=-",
        cwd=tmp_path, env={**os.environ, "SATCHEL_RECNET_KEY": "sesame-open"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"]["recnet_room"] > 10
    assert "sesame-open" not in done.stdout


def test_a_file_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "nowhere" / "f.json"
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_STATS_FILE": str(file)}
    result = crawl("recnet-rooms", settings, ids="1")
    assert result.stats["satchel/verdict"] == "incomplete"
    problem = f"SATCHEL_STATS_FILE={file}: No such file or directory"
    assert f"plugin stats: satchel_crawl_started failed: {problem}" in caplog.messages
    assert "Traceback" not in caplog.text
