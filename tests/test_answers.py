"""What the readers of whole answers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from satchel import answers
from satchel.decode import Decoder, integer
from satchel.errors import DecodeError
from satchel.items import Item


@dataclass(slots=True, init=False)
class Stone(Item):
    namespace = "test"
    key = ("id",)

    id: int | None = None


STONE = Decoder(Stone, {"id": integer("Id")})


@pytest.mark.parametrize("body", [b"", b" \n", b"null", b"{}"])
def test_nothing(body: bytes) -> None:
    assert answers.parse("stone", body) is None


@pytest.mark.parametrize("body", [b"<html>", b"{", b"[" * 100_000, b"\xff", b'"\\ud800'])
def test_no_json(body: bytes) -> None:
    with pytest.raises(DecodeError, match="not a stone: not JSON"):
        answers.parse("stone", body)


def test_halves_of_surrogate_pairs() -> None:
    assert answers.parse("stone", rb'{"a\udc00": ["\ud83d", 1], "b": {"c": "\uD83D\uDE00"}}') == {
        "a?": ["?", 1],
        "b": {"c": "\N{GRINNING FACE}"},
    }


def test_a_bad_row_harms_no_other() -> None:
    page = answers.page(STONE, [{"Id": 1}, {}, 3, {"Id": 2}], "client", total=9)
    assert [(stone.id, stone.client) for stone in page.items] == [(1, "client"), (2, "client")]
    assert [error.reason for error in page.errors] == [
        "no usable Id",
        "expected an object, got int",
    ]
    assert (page.rows, page.total) == (4, 9)


def test_members_and_rows() -> None:
    assert answers.member("stone", {"ROWS": [1]}, "Rows") == [1]
    assert answers.rows("stones", None) == []
    assert answers.rows("stones", [1]) == [1]
    assert answers.each("stones", ["1", "2"], int) == [1, 2]
    assert [answers.count(value) for value in (3, True, "3", None)] == [3, None, None, None]


@pytest.mark.parametrize("value", [[], "x", 3, True])
def test_no_member(value: Any) -> None:
    with pytest.raises(DecodeError, match="not a stone: got"):
        answers.member("stone", value, "Rows")


def test_what_is_none_of_it() -> None:
    with pytest.raises(DecodeError, match="not a stone: no Rows"):
        answers.member("stone", {}, "Rows")
    with pytest.raises(DecodeError, match="not a stones: got dict"):
        answers.rows("stones", {"a": 1})
    with pytest.raises(DecodeError, match="not a stones: unusable str"):
        answers.each("stones", ["Jane"], int)
