"""``scrapy crawl`` and ``scrapy runspider`` as a script meets them: exit status and last line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from satchel.faults import Faults
from satchel.testing import ADDONS, command, project, running_sandbox

QUICK = [
    "RETRY_TIMES = 0",
    "ROBOTSTXT_OBEY = False",
    "SATCHEL_RECNET_PAGE_SIZE = 20",
    'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 0, "concurrency": 8, "jitter": 0}}',
]
HOT = ("scrapy", "crawl", "recnet-rooms", "-a", "hot=1")
BAD_PAGE = Faults(rate=1, kinds=("status_500",), only="skip=[1-9]", in_a_row=None)

OWN = f"""
import scrapy

class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]
    custom_settings = {{"ADDONS": {ADDONS!r}, "SATCHEL_STORE": ""}}

    def parse(self, response):
        raise RuntimeError
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "project", QUICK)


@pytest.fixture(scope="module")
def bad_page() -> Iterator[str]:
    """The URL of a server of whose listings only the first page can be had."""
    with running_sandbox(faults=BAD_PAGE) as sandbox:
        yield sandbox.url


def last(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1]


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return re.findall(r"\] (?:ERROR|CRITICAL): (.*)", done.stderr)


def test_complete(folder: Path) -> None:
    done = command(*HOT, "-s", "SATCHEL_SANDBOX=1", cwd=folder)
    assert (done.returncode, last(done), errors(done)) == (0, "complete", [])
    assert "'satchel/verdict': 'complete'" in done.stderr


def test_nobody_reads_what_it_says(folder: Path) -> None:
    """As when scrapyd was told to end with its crawls: each still ends, and its row says so."""
    read, write = os.pipe()
    os.close(read)
    words = ("crawl", *HOT[2:], "-s", "SATCHEL_SANDBOX=1", "-s", "LOG_FILE=crawl.log")
    program = Path(sys.executable).with_name("scrapy")
    subprocess.run([program, *words], cwd=folder, stderr=write, timeout=60, check=False)
    os.close(write)
    with closing(connect(folder / "satchel.db")) as database:
        ended = database.execute("SELECT finish_reason, verdict FROM satchel_crawl").fetchall()
    assert ended == [("finished", "complete")]


def test_incomplete(folder: Path, bad_page: str) -> None:
    done = command(*HOT, "-s", f"SATCHEL_RECNET_URL={bad_page}", cwd=folder)
    assert done.returncode == 3
    assert last(done) == "incomplete: 1 answer with an error status"
    assert "'satchel/verdict': 'incomplete'" in done.stderr


def test_a_server_that_is_not_there(folder: Path) -> None:
    done = command(*HOT, "-s", "SATCHEL_RECNET_URL=http://127.0.0.1:1", cwd=folder)
    assert (done.returncode, last(done)) == (1, "failed: nobody answered")
    assert "Traceback" not in done.stderr


def test_a_key_that_is_missing(folder: Path, bad_page: str) -> None:
    words = ("scrapy", "crawl", "recnet-accounts", "-a", "ids=7001")
    done = command(*words, "-s", f"SATCHEL_RECNET_URL={bad_page}", cwd=folder)
    assert done.returncode == 1
    assert last(done) == "failed: the server misses or refuses a credential"
    assert any("SATCHEL_RECNET_KEY is missing" in line for line in errors(done))


class Running:
    """A crawl of the sandbox that takes some seconds, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = project(
            folder,
            [
                *QUICK[:2],
                "SATCHEL_SANDBOX = True",
                'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 0.2, "concurrency": 1, "jitter": 0}}',
            ],
        )
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("scrapy"), *HOT[1:], "-a", "include=tags"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for_a_room(self) -> None:
        end = time.monotonic() + 60
        while not self.rooms():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)

    def rooms(self) -> int:
        path = self.folder / "satchel.db"
        if not path.exists():
            return 0
        with closing(connect(path)) as database:
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
            if ("recnet_room",) not in tables:
                return 0
            (count,) = database.execute("SELECT count(*) FROM recnet_room").fetchone()
            return int(count)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    run = Running(tmp_path / "slow")
    with run.process:
        try:
            yield run
        finally:
            run.process.kill()


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_a_crawl_that_is_stopped(running: Running, word: signal.Signals) -> None:
    running.wait_for_a_room()
    running.process.send_signal(word)
    log = running.process.communicate(timeout=60)[1]
    assert running.process.returncode == 130
    assert log.splitlines()[-1] == "interrupted: it was stopped"
    assert "'finish_reason': 'shutdown'" in log
    found = re.search(r"(\d+)  +rows? written to recnet_room", log)
    assert found
    assert int(found[1]) == running.rooms()


def test_a_store_that_fails(running: Running) -> None:
    running.wait_for_a_room()
    (running.folder / "satchel.db").unlink()
    log = running.process.communicate(timeout=60)[1]
    assert running.process.returncode == 1
    assert log.splitlines()[-1] == "failed: the database failed"


def test_a_second_time_forces(running: Running) -> None:
    assert running.process.stderr is not None
    running.wait_for_a_room()
    log = []
    running.process.send_signal(signal.SIGINT)
    for line in running.process.stderr:
        log.append(line)
        if "Send again to force" in line:
            break
    running.process.send_signal(signal.SIGINT)
    log += running.process.stderr.readlines()
    assert running.process.wait(60) == 130
    assert log[-1].startswith("interrupted: it was ")


@pytest.mark.parametrize("word", ["recnet-room", "nonsense"])
def test_a_spider_that_is_not_there(folder: Path, word: str) -> None:
    done = command("scrapy", "crawl", word, cwd=folder)
    assert done.returncode == 1
    (line,) = errors(done)
    guess = "; did you mean recnet-rooms?" if word == "recnet-room" else ""
    assert line.startswith(f"no spider {word}{guess} (kemono-accounts, ")


def test_mistakes_before_the_first_request(folder: Path) -> None:
    done = command("scrapy", "crawl", "recnet-rooms", "-a", "hto=1", cwd=folder)
    assert done.returncode == 1
    (line,) = errors(done)
    assert line.startswith("recnet-rooms: no argument hto; did you mean hot?")
    assert command("scrapy", "crawl", cwd=folder).returncode == 2
    assert command(*HOT, "-a", "limit", cwd=folder).returncode == 2


def test_without_the_addon_they_are_scrapys_own(tmp_path: Path) -> None:
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = plain_settings\n")
    (tmp_path / "plain_settings.py").write_text("BOT_NAME = 'plain'\n")
    done = command("scrapy", "crawl", "own", cwd=tmp_path)
    assert done.returncode == 1
    assert "KeyError: 'Spider not found: own'" in done.stderr
    (tmp_path / "own.py").write_text(OWN.replace("custom_settings", "_"))
    done = command("scrapy", "runspider", "own.py", cwd=tmp_path)
    assert done.returncode == 0
    assert "satchel" not in done.stderr


def test_runspider(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    done = command("scrapy", "runspider", "own.py", cwd=tmp_path)
    assert (done.returncode, last(done)) == (3, "incomplete: 1 error in the spider")
