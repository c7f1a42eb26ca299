"""Replays in which other ids share a request than in the crawl that was recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from satchel.cassettes import bulk
from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.index import Index
from satchel.cassettes.segments import read, segments, serialized
from satchel.cassettes.serializers import JsonSerializer
from satchel.faults import Faults
from satchel.items import key_of
from satchel.recnet.service import SERVICE
from satchel.testing import crawl, running_sandbox

JSON = JsonSerializer()
FORM = {"Content-Type": ["application/x-www-form-urlencoded"]}
IMAGES = {"front_page": "1", "include": "player,player.created_rooms,room,room.creator_account"}

Together = Callable[[int], None]


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    """Have bulk requests go out as soon as so many items wait."""
    return lambda items: monkeypatch.setattr("satchel.loading.MANY", items)


def found(items: list[Any]) -> dict[Any, Any]:
    """Items by their keys, and what they were joined to. How often one that is found in two ways
    comes, and what of it is known by then, depends on time, and the store does not mind."""
    made: dict[Any, Any] = {}
    for item in items:
        joined = [getattr(item, name, None) for name in ("player", "room", "creator_account")]
        known = {i: key_of(one) for i, one in enumerate(joined) if one is not None}
        made.setdefault((type(item).__name__, key_of(item)), {}).update(known)
    return made


@pytest.mark.parametrize("level", ["off", "careful", "strict"])
@pytest.mark.parametrize(("recorded", "replayed"), [(3, 4000), (4000, 3)])
def test_a_crawl_replays_however_its_ids_come_together(
    level: str,
    recorded: int,
    replayed: int,
    together: Together,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SATCHEL_PRIVACY_KEY", "a key for pseudonyms")
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "a-key-of-somebody")
    settings = {
        "SATCHEL_CASSETTE": "tape",
        "SATCHEL_CASSETTE_FOLDER": str(tmp_path),
        "SATCHEL_PRIVACY": level,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    }
    with running_sandbox(faults=Faults(latency=0.005)) as sandbox:
        settings["SATCHEL_RECNET_URL"] = sandbox.url
        together(recorded)
        live = crawl("recnet-images", settings, **IMAGES)
    together(replayed)
    again = crawl("recnet-images", {**settings, "SATCHEL_CASSETTE_MODE": "none"}, **IMAGES)
    assert again.reason == live.reason == "finished"
    assert again.stats["downloader/request_count"] != live.stats["downloader/request_count"]
    assert len(live.items) > 300
    assert found(again.items) == found(live.items)


def form(*ids: int) -> Asked:
    body = "&".join(f"id={one}" for one in ids).encode()
    return Asked("POST", "http://example.org/public/accounts/account/bulk", FORM, body)


def answered(asked: Asked, *ids: int | None, status: int = 200, told: int = 0) -> Exchange:
    rows = [None if id is None else {"accountId": id, "xp": told} for id in ids]
    return Exchange(asked, status, "", {}, json.dumps(rows).encode(), "")


class Tape:
    """A cassette of what was answered to whom."""

    def __init__(self, path: Path, *exchanges: Exchange) -> None:
        path.write_text(serialized(exchanges, JSON))
        taken_apart = partial(bulk.taken_apart, [SERVICE])
        self.index = Index(path, JSON, ("method", "uri", "body"), taken_apart)

    def play(self, *ids: int, again: bool = True) -> tuple[int, Any] | None:
        found = bulk.play(self.index, [SERVICE], form(*ids), again=again)
        if found is None:
            return None
        try:
            rows = json.loads(found.body)
        except ValueError:
            return found.status, found.body
        return found.status, [row and (row["accountId"], row["xp"]) for row in rows]


def test_answers_are_put_together(tmp_path: Path) -> None:
    tape = Tape(
        tmp_path / "a.json",
        answered(form(1, 2, 3), 2, 1),
        answered(form(4, 5, 4), 5, None, 4),
        answered(form(6, 7), status=404),
    )
    # Three is in no answer, although it was asked for; a row that is nobody's comes once.
    assert tape.play(4, 3, 1) == (200, [(4, 0), None, (1, 0)])
    assert tape.play(5, 2) == (200, [(5, 0), (2, 0)])
    assert tape.play(7, 1) == (200, [(1, 0)])
    assert tape.play(7) == (404, [])
    assert tape.play(1, 8, 9) is None
    assert bulk.lacking(tape.index, [SERVICE], form(1, 8, 9)) == ["8", "9"]


def test_what_was_asked_again_is_answered_in_turn(tmp_path: Path) -> None:
    tape = Tape(
        tmp_path / "a.json",
        answered(form(1, 2), 1, 2, told=1),
        answered(form(1, 3), 1, 3, told=2),
    )
    assert tape.play(1, 2, 3) == (200, [(1, 1), (2, 1), (3, 2)])
    assert tape.play(1, again=False) == (200, [(1, 2)])
    assert tape.play(1, again=False) is None
    assert tape.play(1) == (200, [(1, 2)])


def test_what_was_answered_as_a_whole_counts(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.json", answered(form(1, 2), 1, 2), answered(form(1), 1, told=2))
    assert tape.index.play(form(1, 2), again=False)
    assert tape.play(1, again=False) == (200, [(1, 2)])
    assert tape.play(2, again=False) is None


def test_failures_have_no_place_in_an_answer(tmp_path: Path) -> None:
    tape = Tape(
        tmp_path / "a.json",
        answered(form(1, 2), status=503),
        answered(form(1, 2), 1, 2),
        answered(form(3, 4), status=500),
        dataclasses.replace(answered(form(5, 6)), body=b"unreadable"),
    )
    assert tape.play(1) == (200, [(1, 0)])  # It was asked for again.
    assert tape.play(3) == (500, [])
    assert tape.play(5) == (200, b"unreadable")
    assert tape.play(1, 3) is None
    assert tape.play(1, 5) is None


def test_an_id_that_was_not_recorded_is_named(
    together: Together, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_CASSETTE": "tape",
        "SATCHEL_CASSETTE_FOLDER": str(tmp_path),
    }
    arguments = {"front_page": "1", "limit": "20", "include": "player"}
    crawl("recnet-images", settings, **arguments)
    (segment,) = segments(tmp_path / "tape")
    exchanges = read(segment, JSON)
    (players,) = [one for one in exchanges if b"id=" in one.asked.body]
    fewer = players.asked.body.split(b"&")
    players = dataclasses.replace(
        players, asked=dataclasses.replace(players.asked, body=b"&".join(fewer[2:]))
    )
    kept = [one for one in exchanges if b"id=" not in one.asked.body]
    segment.write_text(serialized([*kept, players], JSON))
    caplog.clear()
    done = crawl("recnet-images", {**settings, "SATCHEL_CASSETTE_MODE": "none"}, **arguments)
    assert done.reason == "not_recorded"
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("POST")]
    ids = [pair.decode().partition("=")[2] for pair in fewer[:2]]
    assert f"(none asks for {', '.join(ids)})" in line
