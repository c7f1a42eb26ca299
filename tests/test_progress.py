"""What a person sees while a crawl runs: on a terminal (a real one, emulated), and elsewhere."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyte
import pytest
from rich.console import Console

from satchel.faults import Faults
from satchel.progress import Snapshot, _Above, _quotas, _waits
from satchel.spiders.recnet import RoomsSpider
from satchel.testing import Crawl, command, crawl, project, running_sandbox

WIDTH, HEIGHT = 90, 24
PACE = 'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 0.1, "concurrency": 1, "jitter": 0}}'
CRAWL = ("recnet-rooms", "-a", "hot=1", "-a", "include=tags", "-a", "limit=29")
HIDDEN_CURSOR = "\x1b[?25l"
LONG = "a line that is longer than the terminal is wide, and is not broken " * 3

TALKING = f"""
import logging, sys
from satchel import hookimpl

@hookimpl
def satchel_process_item(item):
    logging.getLogger("plugin").warning("{LONG}of %s", item.id)
    print("said", item.id)
"""


# Words


def snapshot(**given: Any) -> Snapshot:
    values: dict[str, Any] = {
        "seconds": 60.0, "items": {}, "requests": 0, "rate": 0.0, "quotas": (), "waits": (),
        "lacks": (), "done": 0, "expected": None,
    }  # fmt: skip
    return Snapshot(**{**values, **given})


def test_the_time_left_is_told_where_the_total_is_known() -> None:
    assert snapshot().share is None
    assert snapshot(expected=1000).share == "0% of 1,000"
    assert snapshot(expected=1000, done=250).share == "25% of 1,000, 0:03:00 left"
    assert snapshot(expected=1000, done=1000).share == "100% of 1,000"


def test_items_and_requests() -> None:
    now = snapshot(items={"b": 1, "a": 1200}, requests=1500, rate=12.34, quotas=("30/second",))
    assert now.scraped == "1,200 a, 1 b"
    assert now.asked == "1,500, 12.3 answers a second (quota: 30/second)"
    assert (snapshot().scraped, snapshot().asked) == ("0", "0, 0.0 answers a second")


@dataclass
class Host:
    name: str
    rate: str = "30/second"
    waiting: int = 0
    paused_for: float = 0.0


def test_what_is_waited_for_and_why() -> None:
    hosts: list[Any] = [
        Host("a", waiting=1, paused_for=41.6),
        Host("b", "10000/hour", 8),
        Host("c", "off"),
    ]
    throttle: Any = SimpleNamespace(lanes=hosts, backing_off=3)
    assert list(_waits(throttle)) == [
        "0:00:42 until a may be asked again (Retry-After)",
        "8 requests for the quota of b",
        "3 requests to be repeated",
    ]
    idle: Any = SimpleNamespace(lanes=[Host("d"), Host("e", "off", 3)], backing_off=0)
    assert list(_waits(idle)) == []
    assert list(_quotas(hosts)) == ["a 30/second", "b 10000/hour"]
    assert list(_quotas(hosts[1:])) == ["10000/hour"]


# The total


class Counted(RoomsSpider):
    """Leaves what it expected, and what was done, in the stats."""

    def closed(self, reason: str) -> None:
        self.crawler.stats.set_value("expected", self.expected)
        self.crawler.stats.set_value("done", self.done)


@pytest.mark.parametrize(
    ("arguments", "expected", "done"),
    [
        ({"ids": "8200,1"}, 2, 2),
        ({"ids": "8200,1", "include": "tags"}, 2, 2),
        ({"hot": "1", "limit": "7"}, 7, 7),
        ({"hot": "1", "limit": "7", "include": "tags"}, 7, 7),
        ({"ids": "1", "hot": "1", "limit": "7"}, 8, 8),
        ({"hot": "1"}, None, 29),
    ],
)
def test_how_many_were_asked_for(
    arguments: dict[str, str], expected: int | None, done: int
) -> None:
    stats = crawl(Counted, {"SATCHEL_SANDBOX": True}, **arguments).stats
    assert (stats["expected"], stats["done"]) == (expected, done)


# Lines in the log


def slow(progress: str, seconds: float = 0.3) -> Crawl:
    slots = {"127.0.0.1": {"delay": 0.1, "concurrency": 1, "jitter": 0}}
    settings = {
        "SATCHEL_SANDBOX": True, "DOWNLOAD_SLOTS": slots, "SATCHEL_PROGRESS": progress,
        "SATCHEL_PROGRESS_SECONDS": seconds,
    }  # fmt: skip
    return crawl("recnet-rooms", settings, hot="1", include="tags", limit="9")


@pytest.mark.parametrize("progress", ["auto", "plain"])
def test_a_line_now_and_then(progress: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    result = slow(progress)
    lines = [r.getMessage() for r in caplog.records if r.name == "satchel.progress"]
    assert len(lines) >= 2
    for line in lines:
        assert re.fullmatch(
            r"after 0:00:\d\d: items: (0|\d recnet_room); requests: \d+, \d+\.\d answers a second"
            r"; \d+% of 9(, 0:00:\d\d left)?",
            line,
        )
    assert "scrapy.extensions.logstats" not in {record.name for record in caplog.records}
    assert result.reason == "finished"


def test_off_leaves_it_to_scrapy(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    slow("off")
    names = {record.name for record in caplog.records}
    assert "satchel.progress" not in names
    assert "scrapy.extensions.logstats" in names


def test_no_live_view_in_a_pipe_unless_it_is_asked_for(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", ["SATCHEL_SANDBOX = True", "SATCHEL_STORE = ''"])
    # As on CI, where it asks for colours.
    colours = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    words = ("scrapy", "crawl", "recnet-rooms", "-a", "ids=8200", "-L", "WARNING")
    done = command(*words, cwd=folder, env=colours)
    assert HIDDEN_CURSOR not in done.stderr
    done = command(*words, "-s", "SATCHEL_PROGRESS=live", cwd=folder)
    assert HIDDEN_CURSOR in done.stderr


def test_a_flood_of_lines_is_printed_together_and_in_order() -> None:
    file = io.StringIO()
    above = _Above(Console(file=file))
    for number in range(100):
        above.write(f"\x1b[31m{number} [red]\x1b[0m\n")
    assert file.getvalue() == "0 [red]\n"
    above.release()
    above.release()
    assert file.getvalue().splitlines() == [f"{number} [red]" for number in range(100)]


# A terminal


class Terminal:
    """A crawl whose standard error is a terminal, and perhaps standard output."""

    def __init__(self, folder: Path, *words: str, stdout: int | None = None) -> None:
        self.screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=1000)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self._end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_FRONT, Path(sys.executable).with_name("scrapy"), "crawl",
             *CRAWL, *words],
            cwd=folder, stdin=theirs, stdout=theirs if stdout is None else stdout, stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def wait_for(self, seen: Callable[[str], Any]) -> str:
        """Wait until the screen has something; the screen."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self._read():
            if seen(self.text()):
                return self.text()
        raise AssertionError(self.text())

    def finish(self) -> str:
        """Wait for the crawl's end; all that stays, what was scrolled away included."""
        while self._read():
            pass
        self.process.wait(60)
        return self.text()

    def press(self, key: bytes) -> None:
        os.write(self._end, key)

    def text(self) -> str:
        above = ["".join(row[x].data for x in range(WIDTH)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).rstrip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)

    def _read(self) -> bool:
        try:
            data = os.read(self._end, 65536)
        except OSError:  # The other side is closed.
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)


# Ctrl-C goes to those whom the terminal belongs to.
_IN_FRONT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

Crawls = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Crawls]:
    """Begins a crawl of some seconds on a terminal."""
    settings = ["SATCHEL_SANDBOX = True", "ROBOTSTXT_OBEY = False", 'LOG_LEVEL = "WARNING"', PACE]
    folder = project(tmp_path / "project", settings)
    (folder / "talking.py").write_text(TALKING)
    begun: list[Terminal] = []

    def begin(*words: str, stdout: int | None = None) -> Terminal:
        begun.append(Terminal(folder, *words, stdout=stdout))
        return begun[-1]

    yield begin
    for run in begun:
        run.close()


def is_live(text: str) -> Any:
    # To the end of the row below it: a terminal is read while it is being drawn.
    return re.search(r"^items +[1-9].*\nrequests .* a second$", text, re.MULTILINE)


def test_a_live_view_that_leaves_no_trace(terminal: Crawls) -> None:
    run = terminal()
    text = run.wait_for(is_live)
    assert re.search(r"^recnet-rooms hot=1 include=tags limit=29 \(in the sandbox\)  0:", text)
    assert re.search(r"━ +\d+% of 29, 0:00:\d\d left$", text, re.MULTILINE)
    assert re.search(r"^requests  \d+, \d+\.\d answers a second$", text, re.MULTILINE)
    text = run.finish()
    assert run.process.returncode == 0
    assert text.startswith("\nrecnet-rooms: finished (in the sandbox")
    assert text.splitlines()[-1] == "complete"
    assert not is_live(text)
    assert not run.screen.cursor.hidden


def test_what_is_logged_and_printed_stays_whole_above_it(terminal: Crawls) -> None:
    run = terminal("-s", "SATCHEL_PLUGINS=talking")
    run.wait_for(is_live)
    text = run.finish()
    # A line is as wide as it is; it is the terminal that goes on in the next row.
    rows = "".join(line.ljust(WIDTH) for line in text.splitlines())
    assert len(re.findall(rf"WARNING: {LONG}of \d+ ", rows)) == 29
    assert len(re.findall(r"^said \d+$", text, re.MULTILINE)) == 29
    assert not is_live(text)
    assert text.splitlines()[-1] == "complete"


def test_what_is_piped_elsewhere_stays_there(terminal: Crawls, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        run = terminal("-s", "SATCHEL_PLUGINS=talking", stdout=out.fileno())
        run.wait_for(is_live)
        text = run.finish()
    assert len((tmp_path / "out").read_text().splitlines()) == 29
    assert "said" not in text


def test_with_a_log_file(terminal: Crawls, tmp_path: Path) -> None:
    run = terminal("-s", f"LOG_FILE={tmp_path / 'log'}", "-L", "INFO")
    run.wait_for(is_live)
    assert run.finish().splitlines()[-1] == "complete"
    log = (tmp_path / "log").read_text()
    assert "Spider closed (finished)" in log
    assert "\x1b" not in log


def test_ctrl_c(terminal: Crawls) -> None:
    run = terminal()
    run.wait_for(is_live)
    run.press(b"\x03")
    text = run.finish()
    assert run.process.returncode == 130
    assert text.splitlines()[-1] == "interrupted: it was stopped"
    assert "rows written to recnet_room" in text or "row written to recnet_room" in text
    assert not is_live(text)
    assert not run.screen.cursor.hidden


def test_ctrl_c_twice_restores_the_terminal(terminal: Crawls) -> None:
    faults = Faults(rate=1, kinds=("silence",), in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        run = terminal("-s", "SATCHEL_SANDBOX=0", "-s", f"SATCHEL_RECNET_URL={sandbox.url}")
        run.wait_for(lambda text: re.search(r"^requests +1", text, re.MULTILINE))
        run.press(b"\x03")
        run.wait_for(lambda text: "Ctrl-C again does not wait" in text)
        run.press(b"\x03")
        text = run.finish()
    assert run.process.returncode == 130
    assert text.splitlines()[-1] == "interrupted: it was forced to stop"
    assert not re.search(r"^items", text, re.MULTILINE)
    assert not run.screen.cursor.hidden


def test_plain_lines_on_a_terminal(terminal: Crawls) -> None:
    run = terminal(
        "-s", "SATCHEL_PROGRESS=plain", "-s", "SATCHEL_PROGRESS_SECONDS=0.5", "-L", "INFO"
    )
    text = run.finish()
    assert HIDDEN_CURSOR.encode() not in run.raw
    assert "[satchel.progress] INFO: after 0:00:0" in text
