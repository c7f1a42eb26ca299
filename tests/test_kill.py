"""A crawl that is killed at any moment and run again ends with the store of one that was not."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from satchel.testing import project
from stores import Stored

KILLS = 5
CHAINS = 3
"""Databases of each kind that are killed so many times each, then crawled to the end."""

BOOKKEEPING = ("first_seen", "last_seen", "changed_at", "last_crawl")
Rows = dict[str, dict[Any, dict[str, Any]]]


def _project(folder: Path) -> Path:
    return project(
        folder,
        [
            "SATCHEL_SANDBOX = True",
            "SATCHEL_RECNET_PAGE_SIZE = 10",
            "ROBOTSTXT_OBEY = False",
            'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 0.03, "concurrency": 4, "jitter": 0}}',
            'FEEDS = {"items.jl": {"format": "jsonlines", "overwrite": True}}',
        ],
    )


def _crawl(folder: Path, stored: Stored, seconds: float | None = None) -> tuple[float, bool]:
    """Crawl to the end, or kill the crawl after so many seconds; how long it took, and which."""
    program = Path(sys.executable).with_name("scrapy")
    words = ["crawl", "recnet-rooms", "-a", "hot=1", "-a", "include=subrooms,roles,tags,scores"]
    begin = time.monotonic()
    killed = False
    with subprocess.Popen(
        [program, *words],
        cwd=folder, env={**os.environ, "SATCHEL_STORE": stored.url},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            log = process.communicate(timeout=seconds)[1]
            assert process.returncode == 0, log
            assert "'finish_reason': 'finished'" in log
        except subprocess.TimeoutExpired:
            process.kill()
            killed = True
    return time.monotonic() - begin, killed


def _read(stored: Stored) -> Rows:
    """Table → key → column → value."""
    if stored.kind == "sqlite":
        if not Path(stored.url.removeprefix("sqlite:///")).exists():
            return {}
        assert stored.query("PRAGMA integrity_check") == [("ok",)]
    return stored.everything()


def _without_times(store: Rows) -> Rows:
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in BOOKKEEPING}
            for key, row in rows.items()
        }
        for table, rows in store.items()
    }


def _first_seen(store: Rows) -> dict[tuple[str, Any], Any]:
    return {(t, key): row["first_seen"] for t, rows in store.items() for key, row in rows.items()}


def _is_whole(folder: Path, store: Rows) -> bool:
    """Whether rooms have their parts, and what counted as scraped before the kill is stored."""
    rooms, parts = store.get("recnet_room", {}), store.get("recnet_sub_room", {})
    named = {(id,) for room in rooms.values() for id in (room["subrooms"] or [])}
    export = folder / "items.jl"
    lines = export.read_text().split("\n")[:-1] if export.exists() else []
    return named == parts.keys() and {(json.loads(line)["id"],) for line in lines} <= rooms.keys()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, float]:
    """The store of a crawl that nobody killed, and how long it took."""
    folder = _project(tmp_path_factory.mktemp("unbroken") / "project")
    stored = Stored(f"sqlite:///{folder}/satchel.db")
    seconds, _ = _crawl(folder, stored)
    store = _read(stored)
    assert len(store["recnet_room"]) == 29
    assert len(store["recnet_sub_room"]) == 55
    return _without_times(store), seconds


@pytest.mark.parametrize("chain", range(CHAINS))
def test_killed_and_run_again(
    unbroken: tuple[Rows, float], tmp_path: Path, stored: Stored, chain: int
) -> None:
    expected, seconds = unbroken
    folder = _project(tmp_path / "project")
    chance = random.Random(chain)
    # One moment in each part of the run, so that all chains together cover all of it.
    moments = [seconds * (part + chance.random()) / KILLS for part in range(KILLS)]
    first_seen: dict[tuple[str, Any], Any] = {}
    for moment in chance.sample(moments, KILLS):
        killed = False
        while not killed:
            (folder / "items.jl").unlink(missing_ok=True)
            _, killed = _crawl(folder, stored, moment)
            store = _read(stored)
            assert _is_whole(folder, store), moment
            first_seen = _first_seen(store) | first_seen
            assert _first_seen(store) == first_seen, moment
            # This run was over before the moment came: it was faster than the one that was timed.
            moment *= 0.7
    _crawl(folder, stored)
    store = _read(stored)
    assert _without_times(store) == expected
    assert first_seen.items() <= _first_seen(store).items()
    last, *_ = crawls = stored.read(
        "satchel_crawl", "id, ended IS NULL, finish_reason, verdict", "1 DESC"
    )
    assert last[1:] == (False, "finished", "complete")
    assert {row[1:] for row in crawls} <= {last[1:], (True, None, None)}
    assert stored.read("recnet_room", "DISTINCT last_crawl") == [last[:1]]
