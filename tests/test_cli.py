"""``satchel <verb>`` as a person meets it: help, output, errors, exit status."""

from __future__ import annotations

import json
import re
import select
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from satchel import __version__, cli
from satchel.testing import command, crawl, project
from servers import PASSWORD, Server

ROOMS = 29


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of a crawl of the sandbox."""
    folder = tmp_path_factory.mktemp("stored")
    store = f"sqlite:///{folder / 'satchel.db'}"
    crawl("recnet-rooms", {"SATCHEL_SANDBOX": True, "SATCHEL_STORE": store}, hot="1")
    return folder


class Run:
    """Runs ``satchel`` in this process, in a folder of its own that is no Scrapy project."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = patch

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._patch.setattr(sys, "argv", ["satchel", *words])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code
        captured = self._capsys.readouterr()
        return int(code or 0), captured.out, captured.err

    def output(self, *words: str) -> str:
        code, out, err = self(*words)
        assert (code, err) == (0, "")
        return out

    def error(self, *words: str) -> str:
        code, out, err = self(*words)
        assert (code, out) == (1, "")
        assert err.startswith("satchel: ")
        assert err.count("\n") == 1
        return err.removeprefix("satchel: ").rstrip("\n")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Run(capsys, monkeypatch)


SERVICES = ("kemono", "recnet")
VERBS = ("act", "cassette", "items", "jobs", "parquet", "plugins", "replay", "sandbox", "schedule",
         "schema", "settings", "spiders")  # fmt: skip


def test_help(run: Run) -> None:
    out = run.output("--help")
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert run.output("-h") == out
    assert run.output("--version") == f"satchel, version {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(run: Run, verb: str) -> None:
    out = run.output(verb, "--help")
    assert out.startswith(f"Usage: satchel {verb} ")
    assert "TYPE_" not in out


@pytest.mark.parametrize(
    "words", [("itmes",), ("items", "--nope"), ("items", "--limit", "0"), ("schema",),
              ("sandbox", "--port", "70000"), ("sandbox", "--scale", "0")],
)  # fmt: skip
def test_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "Error: " in err


@pytest.mark.parametrize("verb", ["settings", "spiders", "items", "plugins"])
def test_a_mistake_in_the_settings(run: Run, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setenv("SATCHEL_PLUGINS", "no_such_module")
    assert run.error(verb) == (
        "plugin no_such_module: cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_module'"
    )
    monkeypatch.setenv("SATCHEL_PLUGINS", "")
    monkeypatch.setenv("SATCHEL_SANDBOX", "maybe")
    if verb not in ("spiders", "plugins"):
        assert run.error(verb) == "SATCHEL_SANDBOX=maybe: expected true or false"


# settings


def test_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "k3y-that-nobody-may-see")
    monkeypatch.setenv("SATCHEL_PRIVACY", "juniors")
    monkeypatch.setenv("SATCHEL_STORE", "sqlite://me:hunter2@host/x")
    out = run.output("settings")
    assert "SATCHEL_PRIVACY=juniors\n" in out
    assert "one of off, juniors, careful, strict (default: careful)." in " ".join(out.split())
    assert "SATCHEL_RECNET_KEY=[secure]\n" in out
    assert "k3y" not in out
    assert "hunter2" not in out


def test_settings_of_the_project(run: Run) -> None:
    Path("scrapy.cfg").write_text("[settings]\ndefault = settings_of_a_test\n")
    Path("settings_of_a_test.py").write_text("SATCHEL_CONTACT = 'me@example.com'\n")
    done = command("satchel", "settings", cwd=Path.cwd())
    assert "SATCHEL_CONTACT=me@example.com\n" in done.stdout


# plugins


def test_plugins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.output("plugins").splitlines()[-4:] == [
        f"kemono {__version__} (package satchel)", "    satchel_services",
        f"recnet {__version__} (package satchel)", "    satchel_services",
    ]  # fmt: skip
    monkeypatch.setenv("SATCHEL_BLOCKED_PLUGINS", "kemono")
    assert "kemono" not in run.output("plugins")


def test_plugins_of_the_project(run: Run) -> None:
    project(Path.cwd(), ["SATCHEL_PLUGINS = ['mine']"])
    lines = ["from satchel import hookimpl", "__version__ = '1.2'", "@hookimpl",
             "def satchel_process_item(item): pass"]  # fmt: skip
    Path("mine.py").write_text("\n".join(lines) + "\n")
    done = command("satchel", "plugins", cwd=Path.cwd())
    assert done.stdout.splitlines()[-2:] == [
        "mine 1.2 (SATCHEL_PLUGINS)", "    satchel_process_item",
    ]  # fmt: skip


# spiders


def test_spiders(run: Run) -> None:
    out = run.output("spiders")
    names = re.findall(r"^(\w+-\w+)  ", out, re.MULTILINE)
    assert names == [
        "kemono-accounts", "kemono-creators", "kemono-discord", "kemono-favorites",
        "kemono-moderation", "kemono-posts",
        "recnet-accounts", "recnet-events", "recnet-images", "recnet-inventions", "recnet-pages",
        "recnet-rooms",
    ]  # fmt: skip
    assert "`" not in out


def test_arguments_of_a_spider(run: Run) -> None:
    out = run.output("spiders", "recnet-rooms")
    assert out.startswith("recnet-rooms: Rooms; the parts that include= names")
    assert "-a hot=1" in out
    assert "`" not in out


def test_a_spider_that_is_not_there(run: Run) -> None:
    assert run.error("spiders", "recnet-room").startswith(
        "no spider recnet-room; did you mean recnet-rooms? (kemono-"
    )


# schema


@pytest.mark.parametrize("word", ["Room", "room", "recnet_room"])
def test_schema(run: Run, word: str) -> None:
    schema = json.loads(run.output("schema", word))
    assert schema["title"] == "Room"
    assert schema["properties"]["name"]["description"]


def test_a_type_that_is_not_there(run: Run) -> None:
    text = run.error("schema", "Acount")
    assert text.startswith("no item type Acount; did you mean Account? (Account, ")


# items


@pytest.fixture
def here(run: Run, stored: Path, tmp_path: Path) -> Run:
    shutil.copy(stored / "satchel.db", tmp_path)
    return run


def test_what_is_stored(here: Run) -> None:
    lines = here.output("items").splitlines()
    assert f"{ROOMS:>10}  recnet_room" in lines
    assert re.fullmatch(r" +\d+  tables and views are empty", lines[-1])
    assert not any(line.split()[0] == "0" for line in lines)
    counts = json.loads(here.output("items", "--json"))
    assert counts["recnet_room"] == ROOMS
    assert counts["recnet_account"] == 0


def test_rows(here: Run) -> None:
    lines = here.output(
        "items", "recnet_room", "--limit", "2", "--columns", "id, name"
    ).splitlines()
    assert lines[0].split() == ["id", "name"]
    assert len(lines) == 3
    assert here.output("items", "recnet_account") == "no rows\n"
    assert "8200" in here.output("items", "recnet_room")


def test_rows_as_json(here: Run) -> None:
    rows = [json.loads(line) for line in here.output("items", "recnet_room", "--json").splitlines()]
    assert len(rows) == 10
    assert {"id", "name", "first_seen"} <= set(rows[0])
    (row,) = here.output(
        "items", "recnet_room", "--limit", "1", "--columns", "id", "--json"
    ).splitlines()
    assert list(json.loads(row)) == ["id"]


def test_what_is_stored_in_postgresql(
    run: Run, monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    monkeypatch.setenv("SATCHEL_STORE", postgresql_url)
    assert run.error("items", "recnet_room").startswith("no table recnet_room ")
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_STORE": postgresql_url}
    crawl("recnet-rooms", settings, hot="1", include="tags")
    assert f"{ROOMS:>10}  recnet_room" in run.output("items").splitlines()
    assert json.loads(run.output("items", "--json"))["recnet_room"] == ROOMS
    assert "8200" in run.output("items", "recnet_room")
    row = json.loads(run.output("items", "recnet_room", "--limit", "1", "--json"))
    assert isinstance(row["tags"], list)
    assert re.match(r"20\d\d-\d\d-\d\d ", row["first_seen"])
    assert run.output("items", "recnet_room_tags", "--columns", "tag").startswith("tag")


def test_a_password_of_postgresql_is_not_printed(
    run: Run, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    monkeypatch.setenv("SATCHEL_STORE", postgresql.url(password=f"{PASSWORD}er"))
    line = run.error("items")
    assert line.endswith("; give the right user and password in SATCHEL_STORE")
    assert PASSWORD not in line + run.output("settings")


def test_a_table_that_is_not_there(here: Run) -> None:
    assert here.error("items", "recnet_rooms") == (
        "no table recnet_rooms; did you mean recnet_room? ('satchel items' lists all)"
    )
    assert here.error("items", "recnet_room", "--columns", "nmae") == (
        "recnet_room has no column nmae; did you mean name?"
    )


def test_nothing_stored_yet(run: Run, tmp_path: Path) -> None:
    assert run.error("items") == (
        "sqlite:///satchel.db: there is no such file; has a crawl stored something there yet?"
    )
    assert not (tmp_path / "satchel.db").exists()


@pytest.mark.parametrize(
    ("store", "text"),
    [
        ("", "SATCHEL_STORE is empty: nothing is stored"),
        (
            "nonsense",
            "SATCHEL_STORE: not a database URL; write one such as sqlite:///satchel.db or "
            "postgresql://user:password@host/database",
        ),
        (
            "sqlite://",
            "SATCHEL_STORE: a database in memory is lost when the crawl ends; write a URL such as "
            "sqlite:///satchel.db",
        ),
        (
            "mysql://me:hunter2@host/x",
            "SATCHEL_STORE: mysql is not supported; write a URL such as sqlite:///satchel.db or "
            "postgresql://user:password@host/database",
        ),
    ],
)
def test_a_store_that_cannot_be_looked_into(
    run: Run, monkeypatch: pytest.MonkeyPatch, store: str, text: str
) -> None:
    monkeypatch.setenv("SATCHEL_STORE", store)
    assert run.error("items") == text


def test_a_file_that_is_no_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "satchel.db").write_text("something else " * 100)
    assert "file is not a database" in run.error("items")


@pytest.mark.parametrize("name", ["a b#c%20.db", "é [x].db"])
def test_a_file_of_any_name(
    run: Run, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copy(stored / "satchel.db", tmp_path / name)
    monkeypatch.setenv("SATCHEL_STORE", f"sqlite:///{quote(name)}")
    assert "recnet_room" in run.output("items")


def test_values_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "satchel.db") as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES ('[bold]x[/bold] [/')")
    database.close()
    assert "[bold]x[/bold] [/" in run.output("items", "t")


# sandbox


def _get(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready
    return process.stdout.readline().strip()


def _sandbox(*words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("satchel")), "sandbox", *words],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_sandbox(tmp_path: Path) -> None:
    with _sandbox("--seed", "3", cwd=tmp_path) as process:
        url = _line(process)
        rooms = _get(f"{url}/rooms/hot?take=3&skip=0")
        assert len(rooms["Results"]) == 3
        (asked,) = _get(f"{url}/sandbox/log")
        assert asked["path"] == "/rooms/hot?take=3&skip=0"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    variables = f"SATCHEL_RECNET_KEY=any-key-of-the-sandbox SATCHEL_RECNET_URL={url}"
    assert f"crawl recnet with  {variables}\n" in said
    assert "Traceback" not in said


def test_a_crawl_as_the_sandbox_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _sandbox(cwd=tmp_path) as process:
        try:
            _line(process)
            assert process.stderr is not None
            for _ in SERVICES:
                variables = process.stderr.readline().split("with  ")[1]
                for pair in shlex.split(variables):
                    name, _, value = pair.partition("=")
                    monkeypatch.setenv(name, value)
            result = crawl("recnet-accounts", ids="7001,7002")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    assert "httperror/response_ignored_count" not in result.stats
    assert result.stats["item_scraped_count"] == 2


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run.error("sandbox", "--port", str(port)) == f"--port {port}: Address already in use"
