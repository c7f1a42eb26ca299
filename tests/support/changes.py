"""Worlds that change between crawls, and a spider that finds what it is told."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import satchel.recnet  # noqa: F401  # it gives the classes their decoders
from satchel.items import Item
from satchel.kemono.world import Record, World
from satchel.spider import LIMIT, SatchelSpider
from satchel.testing import Crawl, crawl
from stores import Stored

Told = set[tuple[str, str, frozenset[tuple[str, str | None, str | None]]]]
"""(kind, item, fields with their values before and after)."""


class Telling(SatchelSpider):
    """Finds these items.

    :cvar said: (class, JSON object) of each
    """

    name = "telling"
    arguments = (LIMIT,)
    start_urls = ["data:,"]  # noqa: RUF012
    said: ClassVar[list[tuple[type[Item], dict[str, Any]]]] = []

    def parse(self, response: Any) -> Any:
        for cls, data in self.said:
            yield cls.from_data(copy.deepcopy(data))
        if "fail" in self.settings["TELLING"]:
            raise ValueError


def tell(
    stored: Stored, *said: tuple[type[Item], dict[str, Any]], how: str = "", **settings: Any
) -> Crawl:
    """A crawl that finds these items.

    :param how: ``fail``: it is incomplete; ``limit``: it is another listing
    """
    Telling.said = list(said)
    arguments = {"limit": "9"} if "limit" in how else {}
    own = {"SATCHEL_STORE": stored.url, "TELLING": how, **settings}
    return crawl(Telling, own, **arguments)


def told(result: Crawl) -> Told:
    """What ``watch`` reports; no item twice."""
    found = [item for item in result.items if type(item).__name__ == "Change"]
    keys = {(item.type, item.item) for item in found}
    assert len(keys) == len(found)
    return {
        (item.kind, item.item, frozenset((f.name, f.before, f.after) for f in item.fields or ()))
        for item in found
    }


def changed(world: World, creator: tuple[str, str], step: int) -> tuple[World, Told]:
    """The world some time later: of a creator's posts, some are new, renamed or gone.

    :returns: that world, and what is to be told of it
    """
    later, expected = copy.deepcopy(world), set[Any]()
    rows = sorted(
        (row for key, row in later.posts.items() if key[:2] == creator),
        key=lambda row: row["published"],
        reverse=True,
    )
    for row in rows[step : step + 3]:
        before, row["title"] = row["title"], f"{row['title']}, again"
        row["content"] = "never kept"
        expected.add(("changed", _key(row), frozenset({("title", before, row["title"])})))
    for row in rows[40 + step : 43 + step]:
        del later.posts[row["service"], row["user"], row["id"]]
        expected.add(("gone", _key(row), frozenset()))
    for n in range(2):
        new = {**copy.deepcopy(rows[0]), "id": f"{step}new{n}"}
        new["published"] = rows[0]["published"] + timedelta(hours=n + 1)
        later.posts[new["service"], new["user"], new["id"]] = new
        expected.add(("new", _key(new), frozenset()))
    return later, expected


def _key(row: Record) -> str:
    return f"{row['service']}/{row['user']}/{row['id']}"


def kill(
    folder: Path, words: list[str], environ: Mapping[str, str], moment: Callable[[], bool]
) -> None:
    """Begin a crawl, and kill it at a moment."""
    program = Path(sys.executable).with_name("scrapy")
    with subprocess.Popen(
        [str(program), "crawl", *words],
        cwd=folder, env={**os.environ, **environ},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            while not moment():
                assert process.poll() is None, "it has ended by itself"
                time.sleep(0.05)
        finally:
            process.kill()
