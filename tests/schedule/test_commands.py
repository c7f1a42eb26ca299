"""``satchel schedule`` and ``satchel jobs`` as a person meets them."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from satchel import cli
from satchel.history import Crawl
from satchel.schedule import crawls
from satchel.schedule.crawls import of_jobs
from satchel.schedule.nodes import Job, Look, Nodes
from satchel.schedule.runs import alone, path_in

ROOT = Path(__file__).parent.parent.parent

FILE = """\
[nodes]
gone = "http://127.0.0.1:1"
[runs.rooms]
spider = "recnet-rooms"
arguments = { hot = 1 }
cron = "30 3 * * *"
timezone = "Europe/Berlin"
jitter = "10m"
[runs.often]
spider = "recnet-rooms"
arguments = { hot = 1 }
every = "1s"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def satchel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command beside a timetable, where clocks show the time of India."""
    (tmp_path / "schedule.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("SATCHEL_STORE", f"sqlite:///{tmp_path}/satchel.db")
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["satchel", *words])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return int(code or 0), captured.out, captured.err

    yield run
    monkeypatch.undo()
    time.tzset()


def mistake(done: tuple[int, str, str]) -> str:
    """The one line of it."""
    code, out, err = done
    assert (code, out, err.count("\n")) == (1, "", 1)
    return err


def test_check(satchel: Run, tmp_path: Path) -> None:
    code, out, _ = satchel("schedule", "--check")
    assert (code, out) == (0, "schedule.toml: all right; runs: 2, nodes: 1\n")
    (tmp_path / "wrong.toml").write_text(FILE.replace("recnet-rooms", "recnet-room"))
    line = mistake(satchel("schedule", "wrong.toml", "--check"))
    assert line.startswith("satchel: wrong.toml, line 4: runs.rooms.spider: no spider recnet-room;")
    assert "none.toml: No such file" in mistake(satchel("schedule", "none.toml"))


def test_list_in_local_time(satchel: Run) -> None:
    lines = satchel("schedule", "--list")[1].splitlines()
    assert len(lines) == 7
    (first, *_) = [line for line in lines if " rooms " in line]
    # 03:30 in Berlin
    assert re.search(r" (07|08):00:00 IST  rooms +recnet-rooms +30 3 \* \* \* Europe/Berlin", first)
    assert "up to 10m later" in first


def test_tables_in_a_pipe_are_as_wide_as_they_need(
    satchel: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    lines = satchel("schedule", "--list")[1].splitlines()
    assert len(lines) == 7
    assert lines[-1].rstrip().endswith("30 3 * * * Europe/Berlin, up to 10m later")


def test_rounds_and_what_is_shown_of_them(
    satchel: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert satchel("schedule", "--once")[0] == 0
    time.sleep(1)  # It is due each second.
    assert satchel("schedule", "--once", "--dry-run")[0] == 0
    assert any(said.startswith("node gone: nobody answers") for said in caplog.messages)
    assert any("waits: no node takes it" in said for said in caplog.messages)
    assert re.fullmatch(r"next: often, due 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", caplog.messages[-1])
    assert json.loads(satchel("jobs", "--json")[1])["jobs"] == []
    satchel("schedule", "--once")
    shown = json.loads(satchel("jobs", "--json")[1])
    assert shown["silent"]["gone"].startswith("nobody answers")
    assert [entry["run"] for entry in shown["next"]] == ["often", "rooms"]
    waiting = [row for row in shown["jobs"] if row["state"] == "waiting"]
    job = next(row["job"] for row in waiting if row["why"] == "no node takes it")
    table = satchel("jobs")[1]
    assert job in table
    assert "node gone: nobody answers" in table
    assert f"job      {job}" in satchel("jobs", "show", job)[1]
    code, _, err = satchel("jobs", "show", "nothing")
    assert code == 1
    assert err.splitlines()[-1].startswith("satchel: no job nothing: no node has it")


def test_the_store_is_asked_for_what_is_shown_only(
    satchel: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In three months there may be more runs than a database takes in one question."""
    asked: list[str] = []

    def of_jobs(store: str, jobs: list[str]) -> dict[str, Crawl]:
        asked.extend(jobs)
        now = datetime.now(UTC)
        return {"x9": Crawl("x9", "rooms", now, now, "finished", "complete", {"i": 3}, 1, 0.0)}

    async def look(*_: object) -> dict[str, Look]:
        jobs = [Job(f"x{n}", "p", "rooms", "finished", f"2027-01-01 00:0{n}:00") for n in range(10)]
        return {"gone": Look({job.id: job for job in jobs})}

    monkeypatch.setattr(Nodes, "look", look)
    monkeypatch.setattr(crawls, "of_jobs", of_jobs)
    (row,) = json.loads(satchel("jobs", "--json", "--limit", "1")[1])["jobs"]
    assert (row["job"], row["items"], row["errors"], row["verdict"]) == ("x9", 3, 1, "complete")
    assert asked == ["x9"]


def test_a_log_that_does_not_come(satchel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(*_: object) -> dict[str, Look]:
        return {"gone": Look({"x": Job("x", "p", "rooms", "running", log="/logs/x.log")})}

    monkeypatch.setattr(Nodes, "look", look)
    code, out, err = satchel("jobs", "show", "x")
    assert code == 0
    assert "state   running" in out
    assert "satchel: node gone: no log: ClientConnectorError: " in err
    assert "Traceback" not in err


def test_one_scheduler_only(satchel: Run) -> None:
    with alone(path_in(os.environ["SATCHEL_STATE"])):
        line = mistake(satchel("schedule", "--once"))
    assert line.startswith("satchel: another 'satchel schedule' uses")


def test_a_state_that_cannot_be_used(satchel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    state = Path(os.environ["SATCHEL_STATE"])
    state.mkdir()
    (state / "schedule.db").write_text("these are notes, and no database at all" * 100)
    line = mistake(satchel("schedule", "--once"))
    assert "schedule.db: file is not a database" in line
    monkeypatch.setenv("SATCHEL_STATE", "")
    assert "SATCHEL_STATE is empty" in mistake(satchel("schedule", "--once"))


def test_a_store(satchel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_jobs(os.environ["SATCHEL_STORE"], ["x"]) == {}  # As if it had none.
    monkeypatch.setenv("SATCHEL_STORE", "sqlite:///x.db")
    line = mistake(satchel("schedule", "--once"))
    assert line.startswith("satchel: sqlite:///x.db: scrapyd's crawls run in a folder of their own")


def test_without_the_extra(satchel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    for name in [name for name in sys.modules if name.startswith("satchel.schedule")]:
        monkeypatch.delitem(sys.modules, name)
    for verb in ("schedule", "jobs"):
        line = mistake(satchel(verb))
        assert line == "satchel: timetables need cronsim; run: pip install 'satchel[schedule]'\n"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_the_units(tmp_path: Path) -> None:
    for name in ("scrapyd", "satchel"):
        program = tmp_path / name
        program.write_text("")
        program.chmod(0o755)
    for unit in (ROOT / "deploy").glob("*.service"):
        text = unit.read_text().replace("/opt/satchel/bin", str(tmp_path))
        (tmp_path / unit.name).write_text(text)
    units = sorted(map(str, tmp_path.glob("*.service")))
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_ends_after_its_crawls(tmp_path: Path) -> None:
    """scrapyd ends at once, and does not tell its crawls."""
    crawl = tmp_path / "crawl"
    crawl.write_text(
        "#!/bin/bash\ntrap 'sleep 0.5; echo stored; exit' TERM\n"
        "echo running\nfor _ in {1..100}; do sleep 0.1; done\n"
    )
    scrapyd = tmp_path / "scrapyd"
    scrapyd.write_text(f"#!/bin/bash\n{crawl} &\nexec sleep 10\n")
    for program in (crawl, scrapyd):
        program.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = [ROOT / "deploy" / "scrapyd.sh"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout is not None
        assert container.stdout.readline() == "running\n"
        container.terminate()
        container.wait(30)
        assert container.stdout.read() == "stored\n"


def test_what_is_beside_the_compose_file_is_kept_out() -> None:
    """The settings of the crawls, with their secrets: neither in the image nor in the clone."""
    image = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"deploy/environment", "deploy/schedule", ".git", "**/.venv", "**/*.db"} <= {*image}
    clone = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/deploy/environment", "/deploy/schedule"} <= {*clone}
