"""Where the files of pages go, without a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import scrapy

from satchel.recnet import Snapshot
from satchel.testing import Crawl, crawl


def kept(content: bytes, **settings: Any) -> Crawl:
    """A crawl that comes upon one snapshot."""

    class Own(scrapy.Spider):
        name = "own"

        async def start(self) -> AsyncIterator[Any]:
            found = Snapshot(kind="room", id=7, version="ab", format="png", url="http://a.example")
            found.carry(content)
            yield found

    given = {"ENABLED": True, **settings}
    return crawl(Own, {f"SATCHEL_SNAPSHOT_{name}": value for name, value in given.items()})


def test_a_file_and_its_row(tmp_path: Path) -> None:
    (item,) = kept(b"a picture", FOLDER=str(tmp_path / "x")).items
    path = tmp_path / "x" / "rooms" / "room-7-ab.png"
    assert (item.path, item.size) == (str(path), 9)
    assert path.read_bytes() == b"a picture"
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert item.take() == b""
    assert "picture" not in repr(item)


@pytest.mark.parametrize(
    ("size", "folder", "says"),
    [
        (1_000_001, "x", "http://a.example: not kept as png: 1.0 MB (SATCHEL_SNAPSHOT_MAX_MEGA"),
        (10, "a file", "a file/rooms/room-7-ab.png: Not a directory"),
    ],
)
def test_what_is_not_kept(
    size: int, folder: str, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").touch()
    done = kept(b"x" * size, FOLDER=str(tmp_path / folder), MAX_MEGABYTES=1)
    assert done.items == []
    assert done.stats["satchel/verdict"] == "incomplete"
    (line,) = [r.getMessage() for r in caplog.records if "not kept as" in r.getMessage()]
    assert says in line
    assert not list(tmp_path.glob("**/*.png"))
