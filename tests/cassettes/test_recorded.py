"""The recordings that other tests replay are what the sandbox answers today."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recorded import CRAWLS, FOLDER, record, replay
from satchel.cassettes.segments import read, segments
from satchel.cassettes.serializers import ReadableSerializer
from satchel.testing import crawl


def answers(folder: Path) -> Counter[Any]:
    """What was answered to what; when, and by which version of a server, does not matter."""
    return Counter(
        (one.asked.method, one.asked.url, one.asked.body, one.status, one.body)
        for file in segments(folder)
        for one in read(file, ReadableSerializer())
    )


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    record(folder)
    return folder


@pytest.mark.parametrize("name", CRAWLS)
def test_has_not_drifted(name: str, anew: Path) -> None:
    assert answers(FOLDER / name) == answers(anew / name), (
        "the sandbox answers otherwise now; python tests/support/recorded.py records all anew"
    )
    spider, arguments = CRAWLS[name]
    done = crawl(spider, replay(name), **arguments)
    assert done.reason == "finished"
    assert done.items


def test_there_are_no_others() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} == set(CRAWLS)
