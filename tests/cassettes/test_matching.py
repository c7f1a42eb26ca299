"""Why two requests are not the same, in words."""

from __future__ import annotations

import pytest

from satchel.cassettes.exchange import Asked
from satchel.cassettes.matching import differences

FORM = {"Content-Type": ["application/x-www-form-urlencoded"]}
IDS = [*range(100_000, 100_050)]


def form(*ids: int) -> Asked:
    body = "&".join(f"id={one}" for one in ids).encode()
    return Asked("POST", "http://example.org/bulk", FORM, body)


@pytest.mark.parametrize(
    ("asked", "recorded", "words"),
    [
        (form(1), form(2), "body id: 2 is recorded, 1 asked for"),
        (
            form(*IDS, 7, 8), form(*IDS, 9),
            "body id: 9 and what both have is recorded, 7,8 and what both have asked for",
        ),
        (
            form(*IDS), form(*IDS, 9),
            "body id: 9 and what both have is recorded, only what both have asked for",
        ),
    ],
)  # fmt: skip
def test_what_differs_is_shown_of_what_is_long(asked: Asked, recorded: Asked, words: str) -> None:
    assert differences(asked, recorded, ["body"]) == [words]


def test_long_texts_are_shown_from_where_they_differ() -> None:
    asked, recorded = Asked("GET", f"http://a/{'b' * 90}c"), Asked("GET", f"http://a/{'b' * 90}d")
    assert differences(asked, recorded, ["path"]) == ["path: …d is recorded, …c asked for"]
