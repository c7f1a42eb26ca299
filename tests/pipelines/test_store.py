"""What a person sees of the store: real crawls of the sandbox, whole, interrupted and broken."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, OperationalError, connect
from typing import Any

import pytest
from scrapy import Spider

from recorded import replay
from satchel.items import Item
from satchel.recnet import Account, Room, Tag
from satchel.recnet.service import SERVICE
from satchel.recnet.world import World
from satchel.tables import BOOKKEEPING
from satchel.testing import command, crawl, project
from servers import PASSWORD, Server
from stores import Stored

CRAWL = ("recnet-rooms", "-a", "hot=1", "-a", "include=subrooms,roles,tags")
ROOMS = 29
SLOW = 'DOWNLOAD_SLOTS = {"127.0.0.1": {"delay": 0.05, "concurrency": 1, "jitter": 0}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose crawls take about two seconds and export what counts as scraped."""
    return project(
        tmp_path / "project",
        [
            "SATCHEL_SANDBOX = True",
            "ROBOTSTXT_OBEY = False",
            'FEEDS = {"items.jl": {"format": "jsonlines", "overwrite": True}}',
            SLOW,
        ],
    )


@pytest.fixture(name="database")
def _database(stored: Stored) -> Stored:
    return stored


def make(folder: Path) -> None:
    """Make a database with all tables, and no item in it."""
    store = f"sqlite:///{folder}/satchel.db"
    crawl("recnet-rooms", {"SATCHEL_SANDBOX": True, "SATCHEL_STORE": store}, ids="1")


class Run:
    """A crawl in a process of its own."""

    def __init__(self, folder: Path, *words: str, crawl: Sequence[str] = CRAWL) -> None:
        self.folder = folder
        program = Path(sys.executable).with_name("scrapy")
        self.process = subprocess.Popen(
            [program, "crawl", *crawl, *words],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for_rooms(self, count: int) -> None:
        """Wait until so many rooms are stored."""
        end = time.monotonic() + 60
        while len(stored(self.folder)) < count:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end
            time.sleep(0.02)

    def log(self) -> str:
        return self.process.communicate(timeout=60)[1]


@contextmanager
def running(folder: Path, *words: str, crawl: Sequence[str] = CRAWL) -> Iterator[Run]:
    run = Run(folder, *words, crawl=crawl)
    with run.process:
        try:
            yield run
        finally:
            run.process.kill()


def stored(folder: Path, query: str = "SELECT id FROM recnet_room") -> list[Any]:
    """The first column of a query; nothing while there is no such table."""
    if not (folder / "satchel.db").exists():
        return []
    with closing(connect(folder / "satchel.db")) as database:
        try:
            return [row[0] for row in database.execute(query)]
        except OperationalError:
            return []


def exported(folder: Path) -> list[int]:
    """The ids of the rooms that counted as scraped."""
    return [json.loads(line)["id"] for line in (folder / "items.jl").read_text().splitlines()]


def reason(log: str) -> str:
    found = re.search(r"'finish_reason': '(\w+)'", log)
    assert found, log
    return found[1]


def errors(log: str) -> list[str]:
    assert "Traceback" not in log
    return re.findall(r"(?:ERROR|CRITICAL): (.*)", log)


def is_whole(folder: Path) -> bool:
    """Whether the parts of each stored room are stored, too: both are one transaction."""
    parts = stored(folder, "SELECT value FROM recnet_room_subrooms")
    return set(parts) == set(stored(folder, "SELECT subroom_id FROM recnet_sub_room"))


def completes(folder: Path) -> bool:
    """Whether the next run ends well, with all that there is."""
    with running(folder) as run:
        log = run.log()
    assert reason(log) == "finished"
    assert not errors(log)
    return len(stored(folder)) == ROOMS and sorted(exported(folder)) == sorted(stored(folder))


# In this process.


def _store(folder: Path) -> dict[str, Any]:
    return {"SATCHEL_STORE": f"sqlite:///{folder}/satchel.db"}


@dataclass(slots=True, init=False)
class Foreign(Item):
    """A plugin's own item, which no service lists."""

    namespace = "test"
    key = ("id",)

    id: int | None = None


class Mixed(Spider):
    """Yields what is stored, what has no key, and what is no item of a service."""

    name = "mixed"

    async def start(self) -> Any:
        yield Room(id=1, creator_account=Account(id=2, username="u"))
        yield Account(username="nobody")
        yield {"a": 1}
        yield Tag(tag="t")
        yield Foreign(id=1)


def test_other_items_pass_and_one_without_a_key_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = crawl(Mixed, {**_store(tmp_path), "LOG_LEVEL": "INFO"})
    assert result.reason == "finished"
    assert "not stored: not a Account: no usable id" in caplog.text
    assert "nobody" not in "".join(r.getMessage() for r in caplog.records if r.levelno > 10)
    assert {type(item) for item in result.items} == {Room, dict, Tag, Foreign}
    assert stored(tmp_path) == [1]
    assert stored(tmp_path, "SELECT username FROM recnet_account") == ["u"]
    assert result.stats["item_dropped_count"] == 1
    figures = {k: v for k, v in result.stats.items() if k.startswith("satchel/stored/")}
    assert figures == {"satchel/stored/recnet_room": 1, "satchel/stored/recnet_account": 1}


def test_an_item_is_committed_when_it_counts_as_scraped(tmp_path: Path) -> None:
    class Watching(Mixed):
        async def start(self) -> Any:
            from scrapy import signals

            self.crawler.signals.connect(self.look, signals.item_scraped)
            for id in range(50):
                yield Room(id=id)

        def look(self, item: Any) -> None:
            assert item.id in stored(tmp_path)
            self.crawler.stats.inc_value("looked")

    assert crawl(Watching, _store(tmp_path)).stats["looked"] == 50


def test_nothing_is_stored_where_no_store_is_wanted(tmp_path: Path) -> None:
    result = crawl(Mixed, {"SATCHEL_STORE": ""})
    assert len(result.items) == 5
    assert not list(tmp_path.iterdir())


def test_no_byte_of_a_junior_is_left_by_a_crawl_with_care(tmp_path: Path) -> None:
    def run(level: str) -> bytes:
        settings = {**_store(tmp_path), **replay("search"), "SATCHEL_PRIVACY": level}
        assert crawl("recnet-accounts", settings, search="a").reason == "finished"
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    words = "username, display_name, profile_image, banner_image"
    names = f"SELECT json_array({words}) FROM recnet_account WHERE is_junior"
    assert run("off")
    texts = {text for row in stored(tmp_path, names) for text in json.loads(row) if text}
    kept = "SELECT json_group_array(json_array(username, display_name, profile_image, "
    kept += "banner_image)) FROM recnet_account WHERE NOT is_junior"
    others = stored(tmp_path, kept)[0]
    texts = {text for text in texts if text not in others}
    assert len(texts) > 10
    left = run("careful")
    assert [text for text in texts if text.encode() in left] == []
    assert stored(tmp_path, f"SELECT coalesce({words}) FROM recnet_account WHERE is_junior")


# Whole and interrupted.


def test_a_crawl_stores_what_it_exports_and_the_next_finds_it_again(folder: Path) -> None:
    assert completes(folder)
    first = stored(folder, "SELECT first_seen FROM recnet_room ORDER BY id")
    assert completes(folder)
    assert is_whole(folder)
    assert stored(folder, "SELECT first_seen FROM recnet_room ORDER BY id") == first
    assert not any(stored(folder, "SELECT changed_at <> first_seen FROM recnet_room"))


@pytest.mark.parametrize("rooms", [1, 10])
def test_what_waits_is_written_when_a_person_stops_the_crawl(folder: Path, rooms: int) -> None:
    with running(folder) as run:
        run.wait_for_rooms(rooms)
        run.process.send_signal(signal.SIGINT)
        log = run.log()
    assert run.process.returncode == 130
    assert reason(log) == "shutdown"
    assert not errors(log)
    assert rooms <= len(stored(folder)) < ROOMS
    assert sorted(exported(folder)) == sorted(stored(folder))
    assert is_whole(folder)
    assert completes(folder)


CRAWLS = 4


def test_several_crawls_into_one_database_make_one_of_all(
    folder: Path, tmp_path: Path, database: Stored
) -> None:
    """They begin together, and each room, and each account, is found by three of the four."""
    world = World()
    rooms = [id for id in world.rooms if world.is_visible("rooms", id)]
    shares = [
        ",".join(str(id) for n, id in enumerate(rooms) if n % CRAWLS != crawl)
        for crawl in range(CRAWLS)
    ]
    with ExitStack() as stack:
        crawls = [
            stack.enter_context(_crawl_into(database, folder, "recnet-rooms", ids))
            for ids in shares
        ]
        logs = [crawl.log() for crawl in crawls]
    assert [reason(log) for log in logs] == ["finished"] * CRAWLS
    assert [errors(log) for log in logs] == [[]] * CRAWLS
    found = database.everything()
    alone = Stored(f"sqlite:///{tmp_path}/alone.db")
    with _crawl_into(alone, folder, "recnet-rooms", ",".join(map(str, rooms))) as crawl:
        assert reason(crawl.log()) == "finished"
    assert _without_times(found) == _without_times(alone.everything())
    assert {id for (id,) in found["recnet_room"]} == set(rooms)


def _crawl_into(
    database: Stored, folder: Path, spider: str, ids: str
) -> AbstractContextManager[Run]:
    words = ["-s", "FEEDS={}", "-s", "SATCHEL_RECNET_PAGE_SIZE=3"]
    return running(
        folder, *words, "-a", f"ids={ids}", "-a", "include=subrooms,roles,tags",
        "-s", f"SATCHEL_STORE={database.url}", crawl=(spider,),
    )  # fmt: skip


def _without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in BOOKKEEPING}
            for key, row in rows.items()
        }
        for table, rows in found.items()
    }


# Broken.


@pytest.fixture
def locked(folder: Path) -> Iterator[Connection]:
    with closing(connect(folder / "satchel.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


def _at_start(folder: Path, url: str) -> str:
    """The one line that a person gets; the exit status is 1."""
    done = command("scrapy", "crawl", *CRAWL, "-s", f"SATCHEL_STORE={url}", cwd=folder)
    assert done.returncode == 1
    (line,) = errors(done.stderr)
    return line


def test_a_missing_folder_is_found_at_the_start(folder: Path) -> None:
    assert _at_start(folder, "sqlite:///no/satchel.db") == (
        "sqlite:///no/satchel.db: unable to open database file; "
        "check that the folder exists and can be written"
    )


def test_a_file_that_is_no_database_is_found_at_the_start(folder: Path) -> None:
    (folder / "satchel.db").write_text("a letter\n" * 200)
    assert _at_start(folder, "sqlite:///satchel.db") == (
        "sqlite:///satchel.db: file is not a database; "
        "the file is something else; give another in SATCHEL_STORE"
    )


def test_a_lock_is_found_at_the_start(folder: Path, locked: Connection) -> None:
    assert _at_start(folder, "sqlite:///satchel.db?timeout=0.1") == (
        "sqlite:///satchel.db?timeout=0.1: database is locked; "
        "another program writes to it; wait for it to end, then run the crawl again"
    )


def test_a_read_only_database_is_found_at_the_start(folder: Path) -> None:
    make(folder)
    assert "make the file and its folder writable" in _at_start(
        folder, "sqlite:///file:satchel.db?mode=ro&uri=true"
    )
    assert stored(folder) == []


def test_a_password_is_not_printed(folder: Path, postgresql: Server) -> None:
    url = postgresql.url(password=f"{PASSWORD}er")
    done = command("scrapy", "crawl", *CRAWL, "-s", f"SATCHEL_STORE={url}", cwd=folder)
    assert done.returncode == 1
    (line,) = errors(done.stderr)
    assert line.endswith("; give the right user and password in SATCHEL_STORE")
    assert PASSWORD not in done.stderr + done.stdout


def test_a_server_that_goes_away_in_mid_crawl(
    folder: Path, make_server: Callable[[], Server]
) -> None:
    server = make_server()
    database = Stored(server.url(), SERVICE.items)
    database.put()
    with running(folder, "-s", f"SATCHEL_STORE={database.url}") as run:
        while len(database.read("recnet_room", "id")) < 5:
            assert run.process.poll() is None, run.log()
        server.stop()
        log = run.log()
    (line,) = errors(log)
    assert line.endswith("that it runs, then run the crawl again")
    assert PASSWORD not in log
    assert reason(log) == "store_failed"
    server.start()
    rooms = [id for (id,) in database.read("recnet_room", "id")]
    assert sorted(exported(folder)) == rooms
    assert len(rooms) < ROOMS
    with running(folder, "-s", f"SATCHEL_STORE={database.url}") as run:
        assert reason(run.log()) == "finished"
    assert len(database.read("recnet_room", "id")) == ROOMS


def _failed(folder: Path, log: str, said: str) -> None:
    """The crawl ended early and said why once; what it counted as scraped is stored, and whole."""
    (line,) = errors(log)
    assert said in line
    assert reason(log) == "store_failed"
    assert "'satchel/store/failed': " in log
    assert sorted(exported(folder)) == sorted(stored(folder))
    assert len(stored(folder)) < ROOMS
    assert is_whole(folder)


def test_a_lock_in_mid_crawl(folder: Path) -> None:
    with running(folder, "-s", "SATCHEL_STORE=sqlite:///satchel.db?timeout=1") as run:
        run.wait_for_rooms(5)
        with closing(connect(folder / "satchel.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            log = run.log()
    _failed(folder, log, "database is locked; another program writes to it")
    assert completes(folder)


def test_a_full_disk_in_mid_crawl(folder: Path) -> None:
    make(folder)
    room = (folder / "satchel.db").stat().st_size + 60_000

    with running(folder) as run:
        resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (room, room))
        log = run.log()
    with closing(connect(folder / "satchel.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    _failed(folder, log, "see whether the disk is full or broken")
    assert completes(folder)


def test_a_file_that_is_removed_in_mid_crawl(folder: Path) -> None:
    with running(folder) as run:
        run.wait_for_rooms(5)
        saved = len(stored(folder))
        (folder / "satchel.db").unlink()
        log = run.log()
    (line,) = errors(log)
    assert line.startswith("satchel.db: the database file was removed or replaced meanwhile")
    assert reason(log) == "store_failed"
    assert saved <= len(exported(folder)) < ROOMS
    assert completes(folder)
