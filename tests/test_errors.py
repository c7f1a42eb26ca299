"""Each row of docs/errors.md, as a person meets it: a line, a status, a store that is whole."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from answers import answering
from recorded import replay
from satchel.faults import Faults, Kind
from satchel.testing import command, project, running_sandbox

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
HOT = ("recnet-rooms", "-a", "hot=1")
SANDBOX = {"SATCHEL_SANDBOX": "1"}
KEMONO = {"SATCHEL_KEMONO_URL": "http://127.0.0.1:1"}


def rows(title: str) -> list[str]:
    """The first cells of the table under a heading."""
    part = PAGE.read_text().split(f"## {title}")[1].split("\n## ")[0]
    return [
        line.split(" | ")[0].removeprefix("| ") for line in part.splitlines()[4:] if "|" in line
    ]


@dataclass
class Case:
    """A crawl that goes wrong.

    :ivar row: words that only this row's first cell has
    :ivar says: what the one line of the log says, as a regular expression
    :ivar words: the crawl's command line
    :ivar variables: its environment
    :ivar prepare: makes files in its folder
    """

    row: str
    says: str
    words: tuple[str, ...] = HOT
    variables: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: None


def key_file(folder: Path) -> None:
    (folder / "key").write_text("abracadabra\n")
    (folder / "key").chmod(0o644)


def no_database(folder: Path) -> None:
    (folder / "x.db").write_text("these are notes, and no database at all" * 100)


def no_psycopg(folder: Path) -> None:
    (folder / "psycopg.py").write_text("raise ModuleNotFoundError('No module named psycopg')\n")


def no_playwright(folder: Path) -> None:
    (folder / "scrapy_playwright.py").write_text("raise ModuleNotFoundError('No module')\n")


def somebody_elses(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "x.db")) as database:
        database.execute("CREATE TABLE recnet_room (title TEXT)")


PAGES = ("recnet-pages", "-a", "rooms=8200")
NO_BROWSER = {**SANDBOX, "SATCHEL_BROWSER_PATH": "/bin/sh"}
RECENT = ("kemono-posts", "-a", "recent=1")
KEMONO = {"SATCHEL_KEMONO_URL": "http://127.0.0.1:1"}

BEFORE = [
    Case("SATCHEL_KEMONO_URL is not set", "SATCHEL_KEMONO_URL is not set", RECENT),
    Case(
        "SATCHEL_KEMONO_PROFILE …",
        "SATCHEL_KEMONO_PROFILE=classik: no such profile",
        RECENT,
        {**KEMONO, "SATCHEL_KEMONO_PROFILE": "classik"},
    ),
    Case(
        "servers of this profile do not offer it",
        "kemono-moderation: links.requests: servers of this profile do not offer it",
        ("kemono-moderation",),
        {**KEMONO, "SATCHEL_KEMONO_PROFILE": "classic"},
    ),
    Case(
        "SATCHEL_SESSIONS=…",
        "SATCHEL_SESSIONS=key: .*others can read",
        RECENT,
        {**KEMONO, "SATCHEL_SESSIONS": "key"},
        prepare=key_file,
    ),
    Case(
        "SATCHEL_KEMONO_ACCOUNTS: …",
        "SATCHEL_KEMONO_ACCOUNTS: ",
        RECENT,
        {**KEMONO, "SATCHEL_KEMONO_ACCOUNTS": '[{"role": "abracadabra"}]'},
    ),
    Case("no RecNet server", "no RecNet server is configured"),
    Case(
        "has no address for",
        "SATCHEL_RECNET_URLS has no address for rooms",
        variables={"SATCHEL_RECNET_URLS": '{"apim": "http://127.0.0.1:1"}'},
    ),
    Case("no such setting", "SATCHEL_STROE: no such", variables={"SATCHEL_STROE": "x"}),
    Case(
        "=…: expected", "SATCHEL_PRIVACY=all: expected one of", variables={"SATCHEL_PRIVACY": "all"}
    ),
    Case("a secret is no", "a secret is no Scrapy setting", (*HOT, "-s", "SATCHEL_RECNET_KEY=x")),
    Case(
        "others can read it",
        "SATCHEL_RECNET_KEY_FILE=key: others can read it; run: chmod 600 key",
        variables={"SATCHEL_RECNET_KEY_FILE": "key"},
        prepare=key_file,
    ),
    Case(
        "PRIVACY=strict",
        "SATCHEL_PRIVACY=strict needs a key",
        variables={**SANDBOX, "SATCHEL_PRIVACY": "strict"},
    ),
    Case("no spider", "no spider recnet-room; did you mean recnet-rooms", ("recnet-room",)),
    Case(
        "no argument", "recnet-rooms: no argument hott", ("recnet-rooms", "-a", "hott=1"), SANDBOX
    ),
    Case(
        "a secret is no argument",
        "recnet-rooms: key=…: a secret is no argument",
        (*HOT, "-a", "key=x"),
        SANDBOX,
    ),
    Case("nothing to crawl", "recnet-rooms: nothing to crawl", ("recnet-rooms",), SANDBOX),
    Case(
        "is not offered",
        "images.front_page is not offered in the public dialect",
        ("recnet-images", "-a", "front_page=1"),
        {**SANDBOX, "SATCHEL_RECNET_DIALECT": "public"},
    ),
    Case(
        "is no host",
        "SATCHEL_RATES: apimm is no host; did you mean apim",
        variables={**SANDBOX, "SATCHEL_RATES": '{"apimm": "off"}'},
    ),
    Case("SATCHEL_KEMONO_URL is not", "SATCHEL_KEMONO_URL is not set", ("kemono-creators",)),
    Case(
        "servers of this profile",
        "posts.random: servers of this profile do not offer it",
        ("kemono-posts", "-a", "random=1"),
        {**KEMONO, "SATCHEL_KEMONO_PROFILE": "classic"},
    ),
    Case(
        "SATCHEL_KEMONO_PROFILE",
        "SATCHEL_KEMONO_PROFILE=curent: no such profile; did you mean current?",
        variables={**KEMONO, "SATCHEL_KEMONO_PROFILE": "curent"},
    ),
    Case(
        "SATCHEL_KEMONO_ACCOUNTS",
        r"SATCHEL_KEMONO_ACCOUNTS: accounts\[0\]: expected username and password, or session",
        variables={
            **KEMONO,
            "SATCHEL_KEMONO_ACCOUNTS": '[{"role": "consumer", "password": "abracadabra"}]',
        },
    ),
    Case(
        "SATCHEL_SESSIONS",
        "SATCHEL_SESSIONS=key: others can read it; run: chmod 600 key",
        variables={**KEMONO, "SATCHEL_SESSIONS": "key"},
        prepare=key_file,
    ),
    Case(
        "SATCHEL_STATE",
        "SATCHEL_STATE: x.py: .*; give a folder that can be written",
        variables={"SATCHEL_STATE": "x.py", "SATCHEL_RECNET_URL": "http://127.0.0.1:1"},
        prepare=lambda folder: (folder / "x.py").touch(),
    ),
    Case(
        "and the address",
        "SATCHEL_SANDBOX=1 and the address of a RecNet server",
        variables={**SANDBOX, "SATCHEL_RECNET_URL": "http://127.0.0.1:1"},
    ),
    Case(
        "plugin NAME",
        "plugin nowhere: cannot be imported",
        variables={**SANDBOX, "SATCHEL_PLUGINS": "nowhere"},
    ),
    Case(
        "BLOCKED_PLUGINS",
        "SATCHEL_BLOCKED_PLUGINS: there is no plugin recnett; did you mean recnet",
        variables={**SANDBOX, "SATCHEL_BLOCKED_PLUGINS": "recnett"},
    ),
    Case(
        "unable to open",
        "sqlite:///nowhere/x.db: unable to open database file",
        variables={**SANDBOX, "SATCHEL_STORE": "sqlite:///nowhere/x.db"},
    ),
    Case(
        "not a database",
        "sqlite:///x.db: file is not a database",
        variables=SANDBOX,
        prepare=no_database,
    ),
    Case(
        "there is no kind of action",
        "SATCHEL_ACTIONS_ALLOW: there is no kind of action kemono.change_rule; did you mean kemono",
        variables={**SANDBOX, "SATCHEL_ACTIONS_ALLOW": "kemono.change_rule"},
    ),
    Case(
        "needs scrapy-playwright",
        r"recnet-pages: it needs scrapy-playwright; run: pip install 'satchel\[browser\]'",
        PAGES,
        SANDBOX,
        prepare=no_playwright,
    ),
    Case(
        "SATCHEL_BROWSER_PATH",
        "SATCHEL_BROWSER_PATH=/nowhere: there is no such program; install Chromium",
        PAGES,
        {**SANDBOX, "SATCHEL_BROWSER_PATH": "/nowhere"},
    ),
    Case(
        "recnet-pages: SATCHEL_PRIVACY=strict",
        "recnet-pages: SATCHEL_PRIVACY=strict withholds names and texts, and pages show them",
        PAGES,
        {**NO_BROWSER, "SATCHEL_PRIVACY": "strict", "SATCHEL_PRIVACY_KEY": "x"},
    ),
    Case(
        "recnet-pages: the plugin snapshot",
        "recnet-pages: the plugin snapshot writes its files; take it out of SATCHEL_BLOCKED",
        PAGES,
        {**NO_BROWSER, "SATCHEL_BLOCKED_PLUGINS": "snapshot"},
    ),
    Case(
        "SATCHEL_RECNET_SITE=…",
        "SATCHEL_RECNET_SITE=http://127.0.0.1:1/x: this is the address of kemono, whose pages",
        PAGES,
        {
            **KEMONO,
            "SATCHEL_BROWSER_PATH": "/bin/sh",
            "SATCHEL_RECNET_URL": "http://127.0.0.1:2",
            "SATCHEL_RECNET_SITE": "http://127.0.0.1:1/x",
        },
    ),
    Case(
        "SATCHEL_MODERATION_RULES",
        "rules.toml, line 2: Invalid enum value 'maybe'",
        variables={**SANDBOX, "SATCHEL_MODERATION_RULES": "rules.toml"},
        prepare=lambda folder: (folder / "rules.toml").write_text(
            '[[rule]]\ndecision = "maybe"\nname = "x"\n'
        ),
    ),
    Case(
        "needs psycopg",
        "SATCHEL_STORE: PostgreSQL needs psycopg",
        variables={**SANDBOX, "SATCHEL_STORE": "postgresql://localhost/x"},
        prepare=no_psycopg,
    ),
    Case(
        "connection",
        "postgresql://.*127.0.0.1.*/x: connection .*failed",
        variables={**SANDBOX, "SATCHEL_STORE": "postgresql://me:abracadabra@127.0.0.1:1/x"},
    ),
    Case(
        "was not made by satchel",
        "the table recnet_room was not made by satchel",
        variables=SANDBOX,
        prepare=somebody_elses,
    ),
]

BEFORE += [
    Case(
        "there is no recording",
        "SATCHEL_CASSETTE=x: there is no recording in cassettes/x",
        variables={**SANDBOX, "SATCHEL_CASSETTE": "x", "SATCHEL_CASSETTE_MODE": "none"},
    ),
    Case(
        "is replayed, and SATCHEL_ACTIONS",
        "SATCHEL_CASSETTE=search is replayed, and SATCHEL_ACTIONS=on",
        variables={
            **SANDBOX,
            "SATCHEL_ACTIONS": "on",
            **{k: v for k, v in replay("search").items() if k != "SATCHEL_RECNET_URL"},
        },
    ),
    Case(
        "SATCHEL_CASSETTE_FORMAT",
        "SATCHEL_CASSETTE_FORMAT=jsn: no such serializer; did you mean json",
        variables={**SANDBOX, "SATCHEL_CASSETTE": "x", "SATCHEL_CASSETTE_FORMAT": "jsn"},
    ),
]

BY_OTHER_TESTS = {"permission denied", "FEEDS: nothing would be written"}
"""Rows that need a server with roles (tests/databases/test_postgresql.py), or that come after a
line of Scrapy's (tests/test_verdict.py)."""


def crawled(folder: Path, case: Case, *lines: str) -> subprocess.CompletedProcess[str]:
    home = project(folder, ["SATCHEL_STORE = 'sqlite:///x.db'", "RETRY_TIMES = 1", *lines])
    case.prepare(home)
    variables = case.variables
    # What is in the settings wins over the environment.
    if "SATCHEL_STORE" in variables:
        settings = home / "project_settings.py"
        settings.write_text(f"{settings.read_text()}\ndel SATCHEL_STORE\n")
    environment = {**os.environ, "SATCHEL_BACKOFF": "0.01", "PYTHONPATH": str(home), **variables}
    return command("scrapy", "crawl", *case.words, cwd=home, env=environment)


def reported(done: subprocess.CompletedProcess[str], level: str = "ERROR") -> list[str]:
    return re.findall(rf"\] {level}: (.*)", done.stderr)


def test_each_row_has_a_case() -> None:
    told = rows("Before the first request")
    assert len(told) > 15
    for row in told:
        assert any(word in row for word in (*(c.row for c in BEFORE), *BY_OTHER_TESTS)), row
    for row in rows("During a crawl"):
        assert any(word in row for word in DURING), row


@pytest.mark.parametrize("case", BEFORE, ids=lambda case: case.row)
def test_before_the_first_request(case: Case, tmp_path: Path) -> None:
    done = crawled(tmp_path / "project", case)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = reported(done)
    assert re.search(case.says, line), line
    assert "abracadabra" not in done.stderr


# During a crawl: each gives the words of its row, and the test makes it.


def stat(done: subprocess.CompletedProcess[str], name: str) -> str:
    found = re.search(rf"'{name}': (.+?),?\n", done.stderr)
    assert found, done.stderr
    return found[1].strip("}'")


def whole(folder: Path) -> bool:
    """Whether the database is as SQLite wants it, with nothing left in its journal."""
    with closing(sqlite3.connect(folder / "x.db")) as database:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@dataclass
class During:
    """A crawl of a server that goes wrong.

    :ivar words: the row's words
    :ivar status: the exit status
    :ivar figures: stats and their values
    :ivar lines: what the log's errors say, as regular expressions, in any order
    """

    status: int
    figures: dict[str, str]
    lines: tuple[str, ...] = ()
    faults: Faults = field(default_factory=Faults)
    words: tuple[str, ...] = HOT
    level: str = "ERROR"
    settings: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def always(kind: Kind, only: str, **options: str) -> Faults:
    return Faults(rate=1, kinds=(kind,), only=only, in_a_row=None, **options)  # type: ignore[arg-type]


SERVED = {
    "satchel/absent": During(
        0, {"satchel/absent": "1"}, words=("recnet-rooms", "-a", "ids=8200,1")
    ),
    "satchel/undecodable": During(
        3,
        {"satchel/undecodable": "1"},
        ("Gave up retrying", "not a Room: not JSON"),
        always("invalid_json", "/rooms/8200"),
        ("recnet-rooms", "-a", "ids=8200,8201", "-a", "include=tags"),
    ),
    "satchel/repeating_listings": During(
        3,
        {"satchel/repeating_listings": "1"},
        ("the server repeats itself; left the listing",),
        always("repeat", "hot"),
        level="WARNING",
        settings=("SATCHEL_RECNET_PAGE_SIZE = 20",),
    ),
    "`unauthorized`": During(
        1,
        {"finish_reason": "unauthorized"},
        ("the server answered 401; SATCHEL_RECNET_KEY is missing",),
        words=("recnet-images", "-a", "in_room=8200"),
    ),
    "`rate_limited`": During(
        1,
        {"finish_reason": "rate_limited"},
        ("is not to be asked for 90 seconds, and SATCHEL_MAX_WAIT=2.0",),
        always("status_429", "hot", retry_after="90"),
        settings=("SATCHEL_MAX_WAIT = 2",),
    ),
    "`challenge`": During(
        1,
        {"finish_reason": "challenge"},
        ("wants to see a person",),
        always("challenge", "hot"),
    ),
    "satchel/refusals": During(
        0,
        {"satchel/refusals": "1"},
        ("answered 403: not asked again for 1 seconds",),
        Faults(rate=1, kinds=("status_403",), only="skip=0", in_a_row=1),
        level="WARNING",
    ),
    "satchel/unreachable": During(
        3,
        {"satchel/unreachable": "1"},
        ("Gave up retrying", "no answer"),
        always("reset", "/rooms/8200"),
        ("recnet-rooms", "-a", "ids=8200,8201", "-a", "include=tags"),
    ),
    "satchel/error_answers": During(
        3,
        {"satchel/error_answers": "1"},
        ("Gave up retrying", "the server answered 500"),
        always("status_500", "/rooms/8200"),
        ("recnet-rooms", "-a", "ids=8200,8201", "-a", "include=tags"),
    ),
    "satchel/relations/failed": During(
        3,
        {"satchel/relations/failed": "29"},
        ("Gave up retrying", "Room.creator_account of 29 items could not be had: .* answered 500"),
        always("status_500", "account/bulk"),
        (*HOT, "-a", "include=creator_account"),
        variables={"SATCHEL_RECNET_KEY": "any"},
    ),
    "satchel/not_offered": During(
        3,
        {"satchel/not_offered": "1"},
        ("does not offer inventions.featured; is SATCHEL_RECNET_DIALECT=public right",),
        words=("recnet-inventions", "-a", "featured=1"),
        variables={"SATCHEL_RECNET_DIALECT": "public", "SATCHEL_RECNET_KEY": "any"},
    ),
}


@pytest.mark.parametrize("row", SERVED)
def test_during_a_crawl_of_a_bad_server(row: str, tmp_path: Path) -> None:
    case = SERVED[row]
    with running_sandbox(faults=case.faults) as sandbox:
        variables = {"SATCHEL_RECNET_URL": sandbox.url, **case.variables}
        done = crawled(tmp_path / "p", Case(row, "", case.words, variables), *case.settings)
    assert done.returncode == case.status, done.stderr
    assert {name: stat(done, name) for name in case.figures} == case.figures
    assert "Traceback" not in done.stderr
    lines = [line for line in reported(done, case.level) if "data loss" not in line]
    assert len(lines) == len(case.lines), lines
    for said in case.lines:
        assert any(re.search(said, line) for line in lines), (said, lines)
    assert whole(tmp_path / "p")


def test_nobody_answers(tmp_path: Path) -> None:
    variables = {"SATCHEL_RECNET_URL": "http://127.0.0.1:1"}
    done = crawled(tmp_path / "p", Case("", "", HOT, variables), "ROBOTSTXT_OBEY = False")
    assert (done.returncode, stat(done, "finish_reason")) == (1, "unreachable")
    assert "Traceback" not in done.stderr
    assert any("no answer" in line for line in reported(done))


def test_a_database_that_fails(tmp_path: Path) -> None:
    """As a full disk would: every write is refused from the fourth room on."""
    case = Case("", "", HOT, SANDBOX)
    assert crawled(tmp_path / "p", Case("", "", (*HOT, "-a", "limit=3"), SANDBOX)).returncode == 0
    with closing(sqlite3.connect(tmp_path / "p" / "x.db")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON recnet_room WHEN (SELECT count(*) FROM "
            "recnet_room) > 2 BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    done = crawled(tmp_path / "p", case)
    assert (done.returncode, stat(done, "finish_reason")) == (1, "store_failed")
    assert int(stat(done, "satchel/store/failed")) >= 1
    assert "Traceback" not in done.stderr
    (line,) = reported(done)
    assert re.search("database or disk is full; make room on the disk", line)
    assert whole(tmp_path / "p")
    with closing(sqlite3.connect(tmp_path / "p" / "x.db")) as database:
        assert database.execute("SELECT count(*) FROM recnet_room").fetchone() == (3,)


def test_a_browser_that_does_not_start(tmp_path: Path) -> None:
    done = crawled(
        tmp_path / "p", Case("", "", PAGES, {**SANDBOX, "SATCHEL_BROWSER_PATH": "/bin/false"})
    )
    assert (done.returncode, stat(done, "satchel/unreachable")) == (3, "1")
    assert "Traceback" not in done.stderr
    assert any("the browser does not start: " in line for line in reported(done))


def test_robots_forbid_it(tmp_path: Path) -> None:
    robots = b"User-agent: *\nDisallow: /"
    with answering(lambda path: (200, robots if path == "/robots.txt" else b"[]")) as url:
        done = crawled(tmp_path / "p", Case("", "", HOT, {"SATCHEL_RECNET_URL": url}))
    assert (done.returncode, stat(done, "satchel/left_out")) == (3, "1")
    (line,) = reported(done, "WARNING")
    assert "left out: Forbidden by robots.txt" in line


OWN_CODE = """
from scrapy import Spider, signals
from satchel import hookimpl
from satchel.recnet import Tag

@hookimpl
def satchel_process_item(item):
    raise RuntimeError("a mistake")

class Failing:
    def process_item(self, item):
        raise RuntimeError("a mistake")

class Extension:
    @classmethod
    def from_crawler(cls, crawler):
        extension = cls()
        crawler.signals.connect(extension.scraped, signals.item_scraped)
        return extension

    def scraped(self):
        raise RuntimeError("a mistake")

class Tags(Spider):
    name = "tags"
    async def start(self):
        yield Tag(tag="art")
"""


@pytest.mark.parametrize(
    ("row", "status", "settings", "words", "variables"),
    [
        ("satchel/plugins/own/errors", 3, "", HOT, {**SANDBOX, "SATCHEL_PLUGINS": "own"}),
        ("satchel/item_errors", 3, "ITEM_PIPELINES = {'own.Failing': 500}", HOT, SANDBOX),
        (
            "satchel/store/unknown_type", 0, "SPIDER_MODULES = ['own']", ("tags",), SANDBOX,
        ),
        (
            "satchel/extension_errors", 3, "EXTENSIONS = {'own.Extension': 500}", HOT, SANDBOX,
        ),
    ],
)  # fmt: skip
def test_code_of_ones_own(
    row: str, status: int, settings: str, words: tuple[str, ...], variables: dict[str, str],
    tmp_path: Path,
) -> None:  # fmt: skip
    def prepare(folder: Path) -> None:
        (folder / "own.py").write_text(OWN_CODE)

    done = crawled(tmp_path / "p", Case(row, "", words, variables, prepare), settings)
    assert done.returncode == status, done.stderr
    assert int(stat(done, row)) >= 1
    assert whole(tmp_path / "p")


DURING = (
    *SERVED,
    "the browser does not start",
    "the page to log in on has no",  # tests/browser/test_login.py
    "leads to another server",  # tests/browser/test_login.py
    "satchel/snapshots/left_out",  # tests/browser/test_pages.py
    "satchel/actions/",  # tests/test_executor.py, tests/pipelines/test_act.py
    # tests/middlewares/test_cassette.py
    "`not_recorded`",
    "satchel/cassette/damaged",
    "satchel/cassette/refused",
    "satchel/cassette/failed",
    "satchel/unserved",  # tests/middlewares/test_session.py
    "as it does to an account",  # tests/spiders/test_kemono.py
    "satchel/out_of_reach",  # tests/spiders/test_kemono.py
    "satchel/plugins/NAME/blocked",  # tests/test_hooks.py
    "`login_failed`",  # tests/middlewares/test_session.py
    "`store_failed`",
    "satchel/store/failed",
    # tests/kemono/test_sessions.py
    "`login_failed`",
    # tests/spiders/test_kemono.py
    "satchel/unsteady_listings",
    "satchel/out_of_reach",
    "404, as it does to an account that is no",
    "`unreachable`",
    "satchel/left_out",
    "satchel/plugins/NAME/errors",
    "satchel/plugins/NAME/blocked",  # tests/test_calls.py
    "satchel/item_errors",
    "satchel/extension_errors",
    "satchel/store/unknown_type",
)
