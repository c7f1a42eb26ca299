"""Pages of rooms and events, kept by headless Chromium, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pypdf import PdfReader

from browsers import Crawled, Crawling, crawl, needs_browser, settings
from satchel.faults import Faults
from satchel.recnet.sandbox.pages import PICTURE
from satchel.sandbox import Sandbox
from satchel.testing import running_sandbox
from serving import serving
from stores import Stored

pytestmark = needs_browser

ROOMS = "8200,8201,8202,8203,8205,8206,8207,8208"
PAGES = ("crawl", "recnet-pages")


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


def rows(done: Crawled) -> dict[str, dict[str, Any]]:
    """The snapshots that are stored: path → row."""
    stored = everything(done.folder)["recnet_snapshot"].values()
    return {row["path"]: row for row in stored}


def everything(folder: Path) -> dict[str, dict[Any, dict[str, Any]]]:
    return Stored(f"sqlite:///{folder}/x.db").everything()


def rooms(folder: Path) -> set[int]:
    """Ids of the rooms that are stored."""
    return {row["id"] for row in everything(folder)["recnet_room"].values()}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("snapshots/**/*.*")}


def asked(server: Sandbox) -> list[str]:
    return [asked.path for asked in server.log]


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_pages_are_kept_once_for_each_version(server: Sandbox, tmp_path: Path) -> None:
    words = (*PAGES, "-a", "rooms=8200,8205", "-a", "events=5116")
    given = settings(
        RECNET_URL=server.url, RECNET_KEY="x", SNAPSHOT_FORMATS="html,png,pdf", SNAPSHOT_WIDTH=900
    )
    done = crawl(tmp_path, *words, **given)
    # 8205 is private: it is not there.
    assert (done.status, done.reason) == (0, "finished"), done.log
    kept = rows(done)
    assert set(kept) == files(tmp_path)
    assert sorted((row["kind"], row["id"], row["format"]) for row in kept.values()) == [
        (kind, id_, name)
        for kind, id_ in (("event", 5116), ("room", 8200))
        for name in ("html", "pdf", "png")
    ]
    for path, row in kept.items():
        content = (tmp_path / path).read_bytes()
        assert len(content) == row["size"]
        name = "^PaperHarbor" if row["kind"] == "room" else "Fête des Lampions 16"
        if row["format"] == "png":
            assert size_of(content) == (900, row["height"])
            assert len(content) > 5_000  # A blank one of that size has less.
        elif row["format"] == "pdf":
            assert name in PdfReader(tmp_path / path).pages[0].extract_text()
        else:
            assert f"<h1>{name}</h1>" in content.decode()
            assert b"<script" not in content
    visited = [path for path in asked(server) if path.startswith(("/room/", "/event/"))]
    assert sorted(visited) == ["/event/5116", "/room/PaperHarbor"]
    assert PICTURE not in asked(server)

    # The same versions again: no page is opened, and the store says the same.
    server.log.clear()
    again = crawl(tmp_path, *words, **given)
    assert again.status == 0
    assert not any(path.startswith(("/room/", "/event/")) for path in asked(server))
    for path, row in rows(again).items():
        assert (
            row.items()
            >= {k: v for k, v in kept[path].items() if k not in ("last_seen", "last_crawl")}.items()
        )


def test_limits_and_pictures(server: Sandbox, tmp_path: Path) -> None:
    given = settings(
        RECNET_URL=server.url, RECNET_KEY="x", SNAPSHOT_PICTURES=1, SNAPSHOT_MAX_HEIGHT=300
    )
    done = crawl(tmp_path, *PAGES, "-a", "rooms=8200", **given)
    ((path, row),) = rows(done).items()
    width, height = size_of((tmp_path / path).read_bytes())
    assert (width, height) == (1280, 300)
    assert row["height"] > height
    assert PICTURE in asked(server)


def test_no_page_shows_what_the_gate_withholds(server: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "tighter.py").write_text(
        "from satchel import hookimpl\n\n\n"
        "@hookimpl\ndef satchel_withhold(item):\n"
        "    return ['description'] if getattr(item, 'id', 0) == 8201 else None\n"
    )
    given = settings(RECNET_URL=server.url, RECNET_KEY="x", PLUGINS="tighter")
    done = crawl(tmp_path, *PAGES, "-a", f"rooms={ROOMS}", **given)
    assert done.status == 0, done.log
    shown = {row["id"] for row in rows(done).values()}
    left_out = rooms(tmp_path) - shown
    assert shown
    assert 8201 in left_out
    assert int(done.stat("satchel/snapshots/left_out")) == len(left_out)
    with_juniors = crawl(
        tmp_path / "off", *PAGES, "-a", f"rooms={ROOMS}",
        **settings(RECNET_URL=server.url, RECNET_KEY="x", PRIVACY="off"),
    )  # fmt: skip
    by_juniors = {row["id"] for row in rows(with_juniors).values()} - shown - {8201}
    assert by_juniors


def test_a_page_that_leads_elsewhere_is_left_out(server: Sandbox, tmp_path: Path) -> None:
    async def person(request: web.Request) -> web.Response:
        return web.Response(text="<h1>somebody</h1>", content_type="text/html")

    with serving(person) as elsewhere:
        leads = {
            "/room/PaperHarbor": "/room/paperharbor/",
            "/room/LanternMaze": f"{elsewhere}/room/LanternMaze",
            "/room/PebbleStation": "/user/somebody",
        }

        async def website(request: web.Request) -> web.Response:
            if (to := leads.get(request.path)) is not None:
                raise web.HTTPFound(to)
            script = "<script>history.replaceState(0, '', '/user/somebody')</script>"
            is_room = request.path == "/room/paperharbor/"
            return web.Response(text="a page" if is_room else script, content_type="text/html")

        with serving(website) as site:
            names = "PaperHarbor,LanternMaze,PebbleStation,WillowLookout"
            given = settings(
                RECNET_URL=server.url, RECNET_KEY="x", RECNET_SITE=site, PRIVACY="off",
                SNAPSHOT_FORMATS="html",
            )  # fmt: skip
            done = crawl(tmp_path, *PAGES, "-a", f"names={names}", **given)
    ((path, row),) = rows(done).items()
    assert row["url"] == f"{site}/room/PaperHarbor"
    assert files(tmp_path) == {path}
    assert done.stat("satchel/snapshots/left_out") == "3"
    said = [line for line in done.lines("ERROR") if "it led to another page" in line]
    assert sum(f"(of {elsewhere})" in line for line in said) == 1
    assert len(said) == 3
    assert "somebody" not in "".join(said)


def test_a_challenge_ends_the_crawl(server: Sandbox, tmp_path: Path) -> None:
    server.faults = Faults(rate=1, kinds=("challenge",), only="/room/", in_a_row=None)
    given = settings(RECNET_URL=server.url, RECNET_KEY="x")
    done = crawl(tmp_path, *PAGES, "-a", "rooms=8200", **given)
    assert (done.status, done.reason) == (1, "challenge"), done.log
    assert files(tmp_path) == set()


KEEPING = """
import scrapy

from satchel.browser import VISIT
from satchel.browser.capture import Capture


class Keeping(scrapy.Spider):
    name = "keeping"
    browser = True

    async def start(self):
        for service, path in (
            ("kemono", "kemono/patreon/user/10000001"), ("kemono", "room/PaperHarbor"),
            ("recnet", "user/somebody"), ("recnet", "roomy"), ("", "room/PaperHarbor"),
            ("recnet", "room/PaperHarbor"),
        ):
            meta = {"satchel_service": service, VISIT: Capture()}
            yield scrapy.Request(f"{self.url}/{path}", meta=meta, dont_filter=True)

    def parse(self, response):
        yield {"title": response.css("h1::text").get()}
"""


def test_no_page_of_a_person_or_of_kemono_whoever_asks(server: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "keeping.py").write_text(KEEPING)
    given = settings(RECNET_URL=server.url, RECNET_KEY="x", KEMONO_URL=f"{server.url}/kemono")
    done = crawl(
        tmp_path, "runspider", "keeping.py", "-a", f"url={server.url}", "-O", "x.jsonl", **given
    )
    assert asked(server) == ["/room/PaperHarbor"]
    assert json.loads((tmp_path / "x.jsonl").read_text()) == {"title": "^PaperHarbor"}
    refused = [line for line in done.lines("ERROR") if "are not kept" in line]
    assert len(refused) == 5, done.log


def test_a_page_that_never_finishes(server: Sandbox, tmp_path: Path) -> None:
    over = threading.Event()

    async def website(request: web.Request) -> web.Response:
        while request.path == "/never" and not over.is_set():
            await asyncio.sleep(0.1)
        script = "<script src='/never'></script>" if "Harbor" in request.path else ""
        return web.Response(text=f"a page{script}", content_type="text/html")

    with serving(website) as site:
        given = settings(
            RECNET_URL=server.url, RECNET_KEY="x", RECNET_SITE=site, PRIVACY="off",
            SNAPSHOT_FORMATS="html", SNAPSHOT_SECONDS=3,
        )  # fmt: skip
        done = crawl(tmp_path, *PAGES, "-a", "names=PaperHarbor,LanternMaze", **given)
        over.set()
    assert [row["url"] for row in rows(done).values()] == [f"{site}/room/LanternMaze"]
    said = [line for line in done.lines("ERROR") if f"{site}/room/PaperHarbor" in line]
    assert "the page did not finish in 3 seconds" in said[-1]


def test_the_browser_is_killed(server: Sandbox, tmp_path: Path) -> None:
    server.faults = Faults(latency=0.5, only="/room/")
    given = settings(RECNET_URL=server.url, RECNET_KEY="x", PRIVACY="off")
    crawling = Crawling(tmp_path, *PAGES, "-a", f"rooms={ROOMS}", **given)
    crawling.until(lambda: len(files(tmp_path)) >= 2)
    os.kill(crawling.browser(), signal.SIGKILL)
    done = crawling.wait()
    assert (done.status, done.reason) == (0, "finished"), done.log
    assert done.stat("playwright/browser_count") == "2"
    assert set(rows(done)) == files(tmp_path)
    assert {row["id"] for row in rows(done).values()} == rooms(tmp_path)
    assert crawling.is_gone(), (crawling.processes(), crawling.files())
    assert "Traceback" not in done.log


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_crawl_that_is_stopped(
    how: signal.Signals, server: Sandbox, tmp_path: Path
) -> None:
    server.faults = Faults(latency=0.3, only="/room/")
    given = settings(RECNET_URL=server.url, RECNET_KEY="x", PRIVACY="off")
    crawling = Crawling(tmp_path, *PAGES, "-a", "hot=1", **given)
    crawling.until(crawling.browser)
    crawling.until(lambda: files(tmp_path))
    if how is signal.SIGINT:  # A terminal sends it to all.
        os.killpg(crawling.process.pid, how)
    else:
        crawling.process.kill()
    done = crawling.wait()
    assert crawling.is_gone(), (crawling.processes(), crawling.files())
    if how is signal.SIGINT:
        assert done.status == 130, done.log
        assert set(rows(done)) == files(tmp_path)
        assert "Traceback" not in done.log


def test_a_crawl_without_pages_loads_no_browser(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import sys\n\nfrom satchel.spiders.recnet import RoomsSpider\n\n\n"
        "class Own(RoomsSpider):\n"
        "    name = 'own'\n\n"
        "    def closed(self, reason):\n"
        "        names = {name.partition('.')[0] for name in sys.modules}\n"
        "        print('loaded:', names & {'playwright', 'scrapy_playwright', 'greenlet'})\n"
    )
    done = crawl(
        tmp_path, "runspider", "own.py", "-a", "hot=1", "-a", "limit=3",
        **settings(SANDBOX=1, SUMMARY=0),
    )  # fmt: skip
    assert "loaded: set()" in done.log
