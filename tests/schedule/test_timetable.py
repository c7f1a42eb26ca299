"""schedule.toml: what is in it, and each mistake with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from satchel.commands import timetable_checks
from satchel.errors import TimetableError
from satchel.schedule.timetable import Timetable, read, seconds
from satchel.toml_lines import line_of

KEY = "abracadabra-5"

FILE = """\
timezone = "Europe/Berlin"
[defaults]
retries = 2
[nodes]
one = "http://127.0.0.1:6800"
[nodes.two]
url = "https://two.example/scrapyd"
[runs.rooms]
spider = "recnet-rooms"
arguments = { hot = true, limit = 5 }
settings = { CLOSESPIDER_TIMEOUT = 60, SATCHEL_RATES = { "*" = "off" } }
cron = "30 3 * * *"
"""


def load(folder: Path, text: str = FILE) -> Timetable:
    path = folder / "schedule.toml"
    path.write_text(text)
    return read(path, timetable_checks())


def test_what_it_says(tmp_path: Path) -> None:
    timetable = load(tmp_path)
    run = timetable.runs["rooms"]
    assert timetable.project == "satchel"
    assert [node.url for node in timetable.nodes.values()] == [
        "http://127.0.0.1:6800", "https://two.example/scrapyd",
    ]  # fmt: skip
    assert (run.timezone, run.retries, run.overlap, run.missed) == (
        "Europe/Berlin", 2, "skip", "once",
    )  # fmt: skip
    assert run.written_arguments() == {"hot": "1", "limit": "5"}
    assert run.written_settings() == {
        "CLOSESPIDER_TIMEOUT": "60", "SATCHEL_RATES": '{"*":"off"}',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[nodes]\n", "[nodes\n", 4, "Expected ']'"),
        ('"30 3 * * *"', '"30 3 * * *', 12, "Illegal character"),
        ("timezone", "timezon", 1, "timezon: no such key; did you mean timezone?"),
        ("retries = 2", "retries = -1", 3, "runs.rooms.retries: expected int >= 0"),
        ("Europe/Berlin", "Europe/Berlim", 1, "no time zone Europe/Berlim"),
        ("http://127", "ftp://127", 5, "nodes.one.url: expected text that is an http"),
        ("[nodes.two]", "[nodes.'t w']", 6, "expected a name of letters, digits, - and _"),
        ("url =", "username = 'me'\nurl =", 6, "username and password_file belong together"),
        ("url =", "password_file = 'none'\nurl =", 7, "password_file=none: No such file"),
        ('spider = "recnet-rooms"', "", 8, "runs.rooms: spider is missing"),
        ("recnet-rooms", "recnet-room", 9, "no spider recnet-room; did you mean recnet-rooms?"),
        ("limit = 5", "limt = 5", 10, "recnet-rooms: no argument limt; did you mean limit?"),
        ("limit = 5", "limit = 0", 10, "limit=0: expected a whole number, at least 1"),
        ("limit = 5", 'token = "x"', 10, "token=…: a secret is no argument"),
        ("limit = 5", f'names = "{KEY}"', 10, "names=…: there is a secret in it"),
        ("CLOSESPIDER_TIMEOUT = 60", "SATCHEL_STROE = 'x'", 11, "SATCHEL_STROE: no such setting"),
        ("CLOSESPIDER_TIMEOUT = 60", "SATCHEL_RECNET_KEY = 'x'", 11, "a secret is no setting of"),
        *(
            ("CLOSESPIDER_TIMEOUT = 60", setting, 11, "…: a secret is no setting of a job")
            for setting in (
                """SATCHEL_KEMONO_ACCOUNTS = '[{"role":"consumer","session":"abcdefghijk"}]'""",
                "SATCHEL_KEMONO_ACCOUNTS = [{ role = 'consumer' }]",
                "SATCHEL_ALERT_URL = 'https://hooks.example/x'",
                """HEADERS = '{"Authorization": "Basic xyz"}'""",
                "HEADERS = { Cookie = ['xyz'] }",
            )
        ),
        (
            "CLOSESPIDER_TIMEOUT = 60",
            "SATCHEL_STORE = 'postgresql://m:x@h/d'",
            11,
            "a secret is no",
        ),
        ("CLOSESPIDER_TIMEOUT = 60", "SATCHEL_STORE = 'sqlite:///x.db'", 11, "the whole path"),
        ('"30 3 * * *"', '"30 3 * *"', 12, "expected five fields: minute hour"),
        ('"30 3 * * *"', '"30 25 * * *"', 12, "Bad hour; expected five fields"),
        ('"30 3 * * *"', '"30 3 30 2 *"', 12, "Bad day-of-month"),
        ('cron = "30', 'every = "1h"\ncron = "30', 8, "expected one of cron and every"),
        ('cron = "30 3 * * *"', 'every = "1 hour"', 12, "expected a time such as 90s"),
        ('cron = "30 3 * * *"', 'every = "0s"', 12, "expected a time above 0"),
        (
            "cron",
            'nodes = [\n  "one",\n  "tow",\n]\ncron',
            12,
            "there is no node tow; did you mean",
        ),
        ("cron", 'overlap = "wait"\ncron', 12, "runs.rooms.overlap: invalid enum value 'wait'"),
        ("cron", 'overlaps = "wait"\ncron', 12, "no such key; did you mean overlap?"),
        ('cron = "30 3 * * *"', 'every = "99999999d"', 12, "every: expected at most 36500d"),
        ("[defaults]\nretries = 2\n", "defaults = 3\n", 2, "defaults: expected a table"),
        ("[runs.rooms]", "[run.rooms]", 8, "run: no such key; did you mean runs?"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    old: str, new: str, line: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", KEY)
    assert old in FILE
    with pytest.raises(TimetableError) as caught:
        load(tmp_path, FILE.replace(old, new, 1))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path}/schedule.toml, line {line}: "), text
    assert words in text
    assert KEY not in text
    assert "\n" not in text


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TimetableError, match=r"schedule\.toml: No such file"):
        read(tmp_path / "schedule.toml", timetable_checks())


@pytest.mark.parametrize(
    ("text", "number"), [("90s", 90), ("1h30m", 5400), ("2d", 172800), ("0s", 0)]
)
def test_times(text: str, number: int) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["", "90", "1.5h", "m", "30m1h", "-5s"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        seconds(text)


def test_lines_of_values_and_tables() -> None:
    text = 'a = 1\n# c\n[b]\nx = """\n[b.y]\n"""\n\n[b.z]\nw = [\n 1,\n]\n'
    where: dict[str, Any] = {"a": 1, "b": 3, "b.x": 4, "b.z": 8, "b.z.w": 9, "b.z.none": None}
    assert {path: line_of(text, path.split(".")) for path in where} == where
