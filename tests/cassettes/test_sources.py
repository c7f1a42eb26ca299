"""HAR files and Postman collections: read, imported, and replayed into a store."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from satchel.cassettes.exchange import Exchange
from satchel.cassettes.redaction import Redactor
from satchel.cassettes.segments import segments
from satchel.cassettes.serializers import JsonSerializer
from satchel.cassettes.sources import exchanges
from satchel.errors import CassetteError, UsageError
from satchel.privacy import Gate, Level
from satchel.testing import command, crawl, project, running_sandbox

JSON = JsonSerializer()
FILES = Path(__file__).parent / "files"
BROWSER = FILES / "browser.har"
"""What Chromium saved of a visit to the sandbox: ``tests/support/browse.py`` makes it anew."""
COLLECTION = FILES / "recnet.postman_collection.json"


def read(path: Path) -> tuple[list[Exchange], list[str]]:
    """The exchanges of a file, and what of it is none."""
    found = list(exchanges(path, JSON))
    errors = [str(one) for one in found if isinstance(one, CassetteError)]
    return [one for one in found if isinstance(one, Exchange)], errors


def test_a_postman_collection() -> None:
    found, errors = read(COLLECTION)
    assert [(one.asked.method, one.asked.url, one.status) for one in found] == [
        ("GET", "https://apim.recnet.example/public/accounts/account/7001", 200),
        ("GET", "https://apim.recnet.example/public/accounts/account/1", 404),
        ("GET", "https://rooms.recnet.example/rooms/hot?take=2&skip=0", 200),
        ("POST", "https://apim.recnet.example/public/accounts/account/bulk", 200),
        ("GET", "https://rooms.recnet.example/rooms?name=PaperHarbor&include=0", 200),
    ]
    assert found[3].asked.body == b"id=7001&id=7002"
    assert found[0].headers["Content-Type"] == ["application/json"]
    assert errors == [
        "Rooms/Of nobody, response 1: the variable {{nobody}} has no value in the collection"
    ]


def asked(path: Path, request: dict[str, Any]) -> tuple[list[Exchange], list[str]]:
    """What a collection of one request, with an answer, is read as."""
    names = {"host": "a.example", "who": "Paper & Harbor", "number": "70/01"}
    path.write_text(json.dumps({
        "item": [{"name": "One", "request": request, "response": [{"code": 200, "body": "x"}]}],
        "variable": [{"key": key, "value": value} for key, value in names.items()],
    }))  # fmt: skip
    return read(path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ({"path": [":id"], "variable": [{"key": "id", "value": "{{number}}"}]}, "/70/01"),
        ({"path": ["x"], "query": [{"key": "q", "value": "{{who}}"}]}, "/x?q=Paper%20%26%20Harbor"),
        ({"path": ["x"], "query": [{"key": "a", "value": None}]}, "/x?a"),
        ({"path": [":id"]}, "the path's variable :id has no value"),
        ({"path": [":id"], "variable": [{"key": "id", "value": ""}]}, "variable :id has no value"),
        ({"path": [":id"], "variable": [{"key": "id", "value": "{{no}}"}]}, "{{no}} has no value"),
        ({"path": ["x"], "query": [{"key": "q", "value": "{{no}}"}]}, "{{no}} has no value"),
    ],
)
def test_the_variables_of_an_address(url: Any, expected: str, tmp_path: Path) -> None:
    request = {"method": "GET", "url": {"host": "{{host}}", **url}}
    found, errors = asked(tmp_path / "a.json", request)
    if found:
        assert found[0].asked.url == f"http://a.example{expected}"
    else:
        assert expected in errors[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"mode": "formdata", "formdata": [{"key": "id", "value": "{{who}}"}]},
         "id=Paper+%26+Harbor"),
        ({"mode": "formdata", "formdata": [{"key": "id", "type": "file", "src": "x"}]}, "a file"),
        ({"mode": "urlencoded", "urlencoded": [{"key": "id", "value": "{{no}}"}]}, "{{no}} has no"),
        ({"mode": "raw", "raw": '{"a": "{{no}}"}'}, "{{no}} has no value"),
        ({"mode": "graphql", "graphql": {"query": "{a}"}}, "of the kind graphql"),
        ({"mode": "file", "file": {}}, ""),
    ],
)  # fmt: skip
def test_the_bodies_of_requests(body: Any, expected: str, tmp_path: Path) -> None:
    headers = [{"key": "content-type", "value": "multipart/form-data"}]
    request = {"method": "POST", "url": "{{host}}", "header": headers, "body": body}
    found, errors = asked(tmp_path / "a.json", request)
    if not found:
        assert expected in errors[0]
        return
    (one,) = found
    assert one.asked.body == expected.encode()
    if expected:
        assert one.asked.headers == {"Content-Type": ["application/x-www-form-urlencoded"]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return project(tmp_path / "p", ["SATCHEL_STORE = 'sqlite:///x.db'"])


def stored(home: Path, table: str, *columns: str) -> list[Any]:
    with closing(sqlite3.connect(home / "x.db")) as database:
        return database.execute(f"SELECT {','.join(columns)} FROM {table} ORDER BY 1").fetchall()


def test_a_collection_becomes_items_and_a_cassette(home: Path) -> None:
    done = command("satchel", "replay", str(COLLECTION), "-O", "items.jsonl", cwd=home)
    assert done.returncode == 3, done.stderr  # one response is of an unknown address
    assert "the variable {{nobody}} has no value" in done.stderr
    assert stored(home, "recnet_account", "id", "username", "is_junior") == [
        (7001, "Otter", 0),
        (7002, None, 1),
    ]
    assert stored(home, "recnet_room", "id", "name") == [(8200, "PaperHarbor"), (8201, "TinRiver")]
    assert len((home / "items.jsonl").read_text().splitlines()) == 6
    secret = {**os.environ, "SATCHEL_RECNET_KEY": "0123456789abcdef"}
    made = command(
        "satchel", "cassette", "import", str(COLLECTION), "--as", "old/recnet", cwd=home, env=secret
    )
    assert (made.returncode, made.stdout) == (0, "5 exchanges in cassettes/old/recnet\n")
    (segment,) = segments(home / "cassettes" / "old" / "recnet")
    text = segment.read_text()
    for word in ("0123456789abcdef", "s3cret-of-somebody", "Weasel", 'identityFlags\\": 4'):
        assert word in COLLECTION.read_text()
        assert word not in text
    check = command("satchel", "cassette", "check", "old/recnet", cwd=home, env=secret)
    assert (check.returncode, check.stdout) == (0, "nothing found\n")
    raw = command("satchel", "cassette", "check", str(COLLECTION), cwd=home, env=secret)
    assert raw.returncode == 1
    assert "the value of SATCHEL_RECNET_KEY" in raw.stdout
    assert "s3cret" not in raw.stdout
    assert "0123456789abcdef" not in raw.stdout + raw.stderr
    crawled = command(
        "scrapy", "crawl", "recnet-accounts", "-a", "ids=7001,7002", "-s", "ROBOTSTXT_OBEY=1",
        cwd=home,
        env={
            **secret,
            "SATCHEL_RECNET_URLS": '{"apim": "https://apim.recnet.example"}',
            "SATCHEL_CASSETTE": "old/recnet",
        },
    )  # fmt: skip
    assert crawled.returncode == 0, crawled.stderr
    listed = command("satchel", "cassette", "list", cwd=home)
    assert listed.stdout == "old/recnet  5 exchanges, 1 segment\n"


def test_what_a_browser_saved_becomes_the_right_items(home: Path) -> None:
    """The page that was visited asks for rooms, accounts, posts, a form and a redirect."""
    found, errors = read(BROWSER)
    assert not errors
    assert {one.asked.method for one in found} == {"GET", "POST"}
    with running_sandbox() as sandbox:
        rooms = crawl("recnet-rooms", {"SATCHEL_RECNET_URL": sandbox.url}, hot="1").items
    done = command("satchel", "replay", str(BROWSER), cwd=home)
    assert done.returncode == 0, done.stderr
    assert stored(home, "recnet_room", "id", "name") == sorted((r.id, r.name) for r in rooms)
    assert stored(home, "recnet_account", "id") == [(7001,), (7002,)]
    assert len(stored(home, "kemono_post", "id")) == 50
    assert len(stored(home, "kemono_creator", "id")) > 20
    assert stored(home, "kemono_post", "max(content)") == [(None,)]


def test_a_har_file_of_other_tools(tmp_path: Path) -> None:
    packed = gzip.compress(b"kept")
    entry = {
        "startedDateTime": "2022-03-31T12:00:00.123Z",
        "request": {
            "method": "POST",
            "url": "https://a.example/x#part",
            "headers": [{"name": ":authority", "value": "a.example"}],
            "postData": {"mimeType": "x", "params": [{"name": "a", "value": "1 2"}]},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "headers": [
                {"name": "set-cookie", "value": "a=1\nb=2"},
                {"name": "content-encoding", "value": "br"},
            ],
            "content": {"text": packed.hex(), "encoding": ""},
        },
    }
    failed = {**entry, "response": {**entry["response"], "status": 0}}
    broken = {"request": {}}
    path = tmp_path / "a.har"
    path.write_text(json.dumps({"log": {"entries": [entry, failed, broken]}}), "utf-8-sig")
    (one,), errors = read(path)
    assert (one.asked.url, one.asked.body) == ("https://a.example/x", b"a=1+2")
    assert one.headers == {"set-cookie": ["a=1", "b=2"]}
    assert (one.at, one.body) == ("2022-03-31T12:00:00", packed.hex().encode())
    assert errors == ["entry 3: KeyError: 'response'"]


def har(*entries: tuple[str, dict[str, Any]]) -> str:
    """A HAR file of addresses and what was answered."""
    return json.dumps({"log": {"entries": [
        {
            "request": {"method": "GET", "url": url, "headers": []},
            "response": {"status": 200, "headers": [], "content": content},
        }
        for url, content in entries
    ]}})  # fmt: skip


def test_a_body_that_the_browser_did_not_keep(tmp_path: Path) -> None:
    contents: list[dict[str, Any]] = [{"size": 9}, {"size": 0}, {"size": -1}, {}, {"text": "x"}]
    (tmp_path / "a.har").write_text(har(*[("https://a.example/", one) for one in contents]))
    found, errors = read(tmp_path / "a.har")
    assert errors == ["entry 1: the browser kept no body"]
    assert [one.body for one in found] == [b"", b"", b"", b"x"]


def test_an_import_leaves_out_the_bodies_that_no_service_reads(home: Path) -> None:
    (home / "a.har").write_text(har(
        ("https://somewhere.example/classmates/7002", {"text": '{"name": "Weasel"}'}),
        ("https://somewhere.example/robots.txt", {"text": "User-agent: *"}),
    ))  # fmt: skip
    made = command("satchel", "cassette", "import", "a.har", "--as", "a", cwd=home)
    assert made.stdout == "2 exchanges in cassettes/a\n", made.stderr
    assert made.stderr == "1 body was left out, since no service reads such answers\n"
    found, _ = read(home / "cassettes" / "a")
    assert [one.body for one in found] == [b"", b"User-agent: *"]
    raw, _ = read(home / "a.har")
    redactor = Redactor(Gate(Level.OFF), [])
    assert [redactor.redact(one, of_others=False) for one in raw] == raw


def test_a_cassette_that_cannot_be_made_is_one_line(home: Path) -> None:
    nothing = command("satchel", "cassette", "list", cwd=home)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "no cassettes in cassettes (SATCHEL_CASSETTE_FOLDER)\n"
    (home / "a.har").write_text(har(("https://a.example/", {})))
    (home / "cassettes").write_text("a file")
    for name, expected in (
        ("a", "cassettes/a cannot be written: Not a directory"),
        ("../../escaped", "--as: SATCHEL_CASSETTE=../../escaped: expected a name"),
    ):
        made = command("satchel", "cassette", "import", "a.har", "--as", name, cwd=home)
        assert made.returncode == 1
        (line,) = made.stderr.splitlines()
        assert line.startswith(f"satchel: {expected}")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"log": 1}', "\xff"])
def test_files_of_other_kinds_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="expected a cassette, a HAR file, or a Postman"):
        list(exchanges(path, JSON))
