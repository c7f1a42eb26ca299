"""Spider arguments: what each parser takes, and how a mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel.arguments import (
    Argument,
    at_least,
    numbers,
    phrase,
    read,
    switch,
    words,
)
from satchel.errors import ArgumentError
from satchel.testing import crawl

ARGUMENTS = (
    Argument("ids", "ID,…", "By id.", numbers),
    Argument("names", "NAME,…", "By name.", words),
    Argument("limit", "N", "At most.", at_least(1)),
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (words, "a", ["a"]),
        (words, " a , b,,a ,", ["a", "b"]),
        (words, "naïve,😀", ["naïve", "😀"]),
        (numbers, "3,1,3,01", [3, 1]),
        (numbers, "0", [0]),
        (numbers, str(2**63 - 1), [2**63 - 1]),
        (phrase, "  paper boat ", "paper boat"),
        (switch, "1", True),
        (switch, "0", False),
        (at_least(1), "1", 1),
        (at_least(0), "0", 0),
    ],
)
def test_values(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "error"),
    [
        (words, "", "expected at least one"),
        (words, " , ", "expected at least one"),
        (numbers, "1,x", "expected whole numbers, by comma or as @file; x is none"),
        (numbers, "-1", "-1 is none"),
        (numbers, "1.5", "1.5 is none"),
        (numbers, "²", "² is none"),
        (numbers, "٣", "٣ is none"),
        (numbers, str(2**63), f"{2**63} is none"),
        (numbers, "9" * 5000, "… is none"),
        (phrase, " ", "expected something to search for"),
        (switch, "yes", "expected 1 or 0"),
        (at_least(1), "0", "expected a whole number, at least 1"),
        (at_least(1), "", "expected a whole number, at least 1"),
        (at_least(1), "9" * 5000, "expected a whole number, at least 1"),
        (at_least(1), str(2**31), "expected a whole number, at least 1"),
    ],
)
def test_mistakes(parse: Callable[[str], Any], text: str, error: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert error in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_numbers_are_each_once_and_in_order(ids: list[int]) -> None:
    assert numbers(",".join(map(str, ids))) == list(dict.fromkeys(ids))


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes("\ufeff3\r\n1,2\n\n3\n".encode())
    assert numbers(f"@{path}") == [3, 1, 2]
    assert words(f"@{path}") == ["3", "1", "2"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read the file: No such file or directory"):
        words(f"@{tmp_path / 'missing'}")
    path = tmp_path / "x"
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="cannot read the file: not a text file"):
        words(f"@{path}")
    path.write_bytes(b"\n")
    with pytest.raises(ValueError, match="expected at least one"):
        words(f"@{path}")


def test_read() -> None:
    given = {"ids": "1,2", "limit": 5, "_job": "26d1b1a6d6f111e0be5c001e648c57f8"}
    assert read("s", ARGUMENTS, given) == {"ids": [1, 2], "limit": 5}


def test_an_unknown_argument_is_not_echoed() -> None:
    with pytest.raises(ArgumentError) as caught:
        read("s", ARGUMENTS, {"nmaes": "secret-value"})
    text = str(caught.value)
    assert text == "s: no argument nmaes; did you mean names? ('satchel spiders s' lists all)"


def test_a_wrong_value_is_echoed_in_short() -> None:
    with pytest.raises(ArgumentError) as caught:
        read("s", ARGUMENTS, {"limit": "few"})
    assert str(caught.value) == "s: limit=few: expected a whole number, at least 1"
    with pytest.raises(ArgumentError) as caught:
        read("s", ARGUMENTS, {"ids": "1," * 5000 + "x"})
    assert len(str(caught.value)) < 250


def test_in_a_crawl() -> None:
    sandbox = {"SATCHEL_SANDBOX": True}
    assert crawl("recnet-rooms", sandbox, hot="1", limit="2", _job="x").reason == "finished"
    with pytest.raises(ArgumentError, match="recnet-rooms: no argument hat; did you"):
        crawl("recnet-rooms", sandbox, hot="1", hat="x")
    with pytest.raises(ArgumentError, match="recnet-rooms: nothing to crawl; give one or more of"):
        crawl("recnet-rooms", sandbox)
