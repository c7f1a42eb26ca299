"""Relations of what did not come with a response, and what feeds get of nested items."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from satchel.faults import Faults
from satchel.recnet import Image
from satchel.spiders.recnet import ImagesSpider
from satchel.testing import crawl, running_sandbox


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "sandbox")


class FromStart(ImagesSpider):
    """Yields an item without asking for it."""

    name = "from-start"

    async def start(self) -> AsyncIterator[Any]:
        yield Image(id=1, player_id=7001, room_id=8200)


def test_an_item_of_start(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        settings = {
            "SATCHEL_RECNET_URL": sandbox.url,
            "SATCHEL_STORE": f"sqlite:///{tmp_path / 'x.db'}",
        }
        result = crawl(FromStart, settings, ids="1", include="player,room.creator_account")
    (image,) = result.items
    assert image.player.id == 7001
    assert image.room.creator_account is not None
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        for table in ("recnet_account", "recnet_room"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0


def test_an_item_of_an_errback() -> None:
    """A room whose parts cannot be had is taken as the listing has it."""
    with running_sandbox(faults=Faults(rate=1, kinds=("reset",), only="include=4")) as sandbox:
        settings = {"SATCHEL_RECNET_URL": sandbox.url, "RETRY_ENABLED": False}
        result = crawl(
            "recnet-rooms", settings, hot="1", limit="3", include="roles,creator_account"
        )
    assert len(result.items) == 3
    assert all(room.creator_account for room in result.items)


@pytest.mark.parametrize("nested", ["full", "keys"])
def test_what_feeds_get(nested: str, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    with running_sandbox() as sandbox:
        settings = {
            "SATCHEL_RECNET_URL": sandbox.url,
            "SATCHEL_NESTED": nested,
            "FEEDS": {str(path): {"format": "jsonlines"}},
        }
        crawl("recnet-images", settings, by_player="7001", include="player,tagged_players,comments")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    images = [row for row in rows if "tagged_players" in row]
    assert images
    for image in images:
        player, tagged = image["player"], image["tagged_players"]
        if nested == "full":
            assert player["id"] == 7001
            assert all("username" in account for account in tagged)
        else:
            assert player == 7001
            assert all(isinstance(key, int) for key in (*tagged, *(image["comments"] or ())))
