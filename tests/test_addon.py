"""The one line in ADDONS: what it turns on, leaves to the project, and cleans up."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import scrapy
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings

import satchel
from satchel.addon import SatchelAddon
from satchel.errors import ConfigError, NotOffered
from satchel.recnet import Account
from satchel.testing import ADDONS, command, crawl, project

URL = "http://recnet.example"


class Plain(scrapy.Spider):
    name = "plain"


class Own(scrapy.Spider):
    """A project's own spider. Its prepare() is none of satchel's business."""

    name = "own"
    custom_settings = {"RETRY_ENABLED": False, "ROBOTSTXT_OBEY": False}  # noqa: RUF012
    start_urls = ["data:,"]  # noqa: RUF012

    def prepare(self) -> None:
        raise AssertionError("called")

    def parse(self, response: Any) -> Any:
        data = {"accountId": 7, "username": "paper", "isJunior": False, "identityFlags": 1}
        yield Account.from_data(data)
        yield scrapy.Request("http://127.0.0.1:1/", errback=self.failed)

    def failed(self, failure: Any) -> Any:
        yield Account.from_data({"accountId": 8, "username": "boat", "isJunior": True})


def settings_in_effect(spider: type[scrapy.Spider] = Plain, **settings: Any) -> Settings:
    """The settings of a crawl as they are when it would begin."""
    # scrapy.utils.test.get_crawler() would turn the consoles off by itself.
    given = {"ADDONS": ADDONS, "SATCHEL_RECNET_URL": URL, "TWISTED_REACTOR_ENABLED": False}
    crawler = Crawler(spider, Settings({**given, **settings}))
    crawler._apply_settings()
    return crawler.settings


# Defaults, and the project's own


def test_polite_and_safe_by_default() -> None:
    settings = settings_in_effect(SATCHEL_CONTACT="me@example.com")
    assert settings.getbool("ROBOTSTXT_OBEY")
    assert settings.getfloat("DOWNLOAD_DELAY") == 1
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
    assert settings["USER_AGENT"] == (
        f"satchel/{satchel.__version__} (Scrapy/{scrapy.__version__}; +me@example.com)"
    )
    assert settings["DOWNLOAD_SLOTS"] == {
        "recnet.example": {"delay": 0, "concurrency": 8, "jitter": 0}
    }


def test_without_a_contact() -> None:
    assert settings_in_effect()["USER_AGENT"].endswith(f"(Scrapy/{scrapy.__version__})")


def test_the_projects_settings_win() -> None:
    given: dict[str, Any] = {
        "ROBOTSTXT_OBEY": False,
        "USER_AGENT": "mine",
        "RETRY_TIMES": 0,
        "TELNETCONSOLE_ENABLED": True,
        "DOWNLOAD_DELAY": 0.01,
    }
    settings = settings_in_effect(**given)
    assert {name: settings[name] for name in given} == given


def test_a_hosts_own_slot_wins() -> None:
    mine = {"recnet.example": {"delay": 9}, "other.example": {"delay": 0}}
    assert settings_in_effect(DOWNLOAD_SLOTS=mine)["DOWNLOAD_SLOTS"] == mine
    other = {"other.example": {"delay": 0}}
    slots = settings_in_effect(DOWNLOAD_SLOTS=json.dumps(other))["DOWNLOAD_SLOTS"]
    assert set(slots) == {"other.example", "recnet.example"}


def test_a_slower_project_is_slower_and_a_faster_one_no_faster() -> None:
    slower = settings_in_effect(DOWNLOAD_DELAY=5, CONCURRENT_REQUESTS_PER_DOMAIN=1)
    slot = slower["DOWNLOAD_SLOTS"]["recnet.example"]
    assert (slot["delay"], slot["concurrency"]) == (5, 1)
    faster = settings_in_effect(DOWNLOAD_DELAY=0, CONCURRENT_REQUESTS_PER_DOMAIN=99)
    slot = faster["DOWNLOAD_SLOTS"]["recnet.example"]
    assert (slot["delay"], slot["concurrency"]) == (0, 8)


def test_the_spiders_own_settings_count() -> None:
    class Slow(Plain):
        custom_settings = {"DOWNLOAD_DELAY": 5}  # noqa: RUF012

    assert settings_in_effect(Slow)["DOWNLOAD_SLOTS"]["recnet.example"]["delay"] == 5


def test_the_sandbox_is_not_slow() -> None:
    settings = settings_in_effect(SATCHEL_SANDBOX=True, SATCHEL_RECNET_URL=None, DOWNLOAD_DELAY=5)
    assert settings["DOWNLOAD_SLOTS"]["127.0.0.1"]["delay"] == 0
    gc.collect()


@pytest.mark.parametrize("name", ["satchel.pipelines.store.StorePipeline", None])
def test_a_disabled_component_stays_so(name: str | None, tmp_path: Path) -> None:
    from satchel.pipelines.store import StorePipeline

    store = f"sqlite:///{tmp_path / 'x.db'}"
    result = crawl(Own, {"SATCHEL_STORE": store, "ITEM_PIPELINES": {name or StorePipeline: None}})
    assert len(result.items) == 2
    assert not (tmp_path / "x.db").exists()


def test_a_component_that_the_project_lists_too_is_there_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'x.db'}"
    listed = {"satchel.pipelines.store.StorePipeline": 300}
    result = crawl(Own, {"SATCHEL_STORE": store, "ITEM_PIPELINES": listed})
    assert result.stats["satchel/stored/recnet_account"] == 2


# A project's own spider


def test_items_of_an_own_spider_are_gated_and_stored(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    result = crawl(Own, {"SATCHEL_STORE": f"sqlite:///{path}"})
    assert result.reason == "finished"
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT id, username, identity_flags FROM recnet_account ORDER BY id"
        ).fetchall()
    database.close()
    assert rows == [(7, "paper", None), (8, None, None)]


def test_a_fresh_project(tmp_path: Path) -> None:
    command("scrapy", "startproject", "fresh", ".", cwd=tmp_path)
    with (tmp_path / "fresh" / "settings.py").open("a") as file:
        file.write("\nADDONS = {'satchel.addon.SatchelAddon': 100}\n")
    for name in ("plugins", "spiders", "pipelines"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
    listed = command("satchel", "spiders", cwd=tmp_path)
    assert "recnet-rooms" in listed.stdout
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-s", "SATCHEL_SANDBOX=1",
        "-O", "rooms.jsonl", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert "recnet-rooms: finished" in done.stderr
    assert "ERROR" not in done.stderr
    assert "Traceback" not in done.stderr
    exported = (tmp_path / "rooms.jsonl").read_text().splitlines()
    stored = command("satchel", "items", "--json", cwd=tmp_path)
    assert json.loads(stored.stdout)["recnet_room"] == len(exported) > 0


# The sandbox inside the crawl


SANDBOX = {
    "ADDONS": ADDONS, "TWISTED_REACTOR_ENABLED": False, "COOKIES_ENABLED": False,
    "SATCHEL_SANDBOX": True, "SATCHEL_STORE": "", "SATCHEL_SUMMARY": False,
}  # fmt: skip


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    ports: list[str] = []

    async def run() -> set[asyncio.Task[Any]]:
        settings = Settings({**SANDBOX, "SATCHEL_STORE": f"sqlite:///{tmp_path / 'x.db'}"})
        crawler = AsyncCrawlerRunner(settings).create_crawler("recnet-rooms")

        def opened() -> None:
            sandbox = SatchelAddon.of(crawler).sandbox
            assert sandbox is not None
            ports.append(sandbox.url.rpartition(":")[2])

        crawler.signals.connect(opened, signals.spider_opened)
        before = asyncio.all_tasks()
        await AsyncCrawlerRunner(settings).crawl(crawler, hot="1")
        assert crawler.stats.get_value("item_scraped_count") > 0
        return asyncio.all_tasks() - before

    threads = set(threading.enumerate())
    assert asyncio.run(run()) == set()
    assert set(threading.enumerate()) <= threads
    gc.collect()
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", int(ports[0]))),
    ):
        pass


def test_two_crawls_with_sandboxes_at_once() -> None:
    async def run() -> list[int]:
        settings = [Settings({**SANDBOX, "SATCHEL_SANDBOX_SEED": seed}) for seed in (1, 2)]
        runners = [AsyncCrawlerRunner(s) for s in settings]
        crawlers = [runner.create_crawler("recnet-rooms") for runner in runners]
        await asyncio.gather(*(r.crawl(c, hot="1") for r, c in zip(runners, crawlers, strict=True)))
        addons = [SatchelAddon.of(crawler) for crawler in crawlers]
        assert addons[0].sandbox is not addons[1].sandbox
        assert addons[0].plugins is not addons[1].plugins
        return [crawler.stats.get_value("item_scraped_count") for crawler in crawlers]

    assert all(asyncio.run(run()))


def test_a_crawl_that_does_not_begin_leaves_no_socket() -> None:
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_RECNET_DIALECT": "public"}
    with pytest.raises((ConfigError, NotOffered, satchel.SatchelError), match="featured"):
        crawl("recnet-rooms", settings, featured="1")
    gc.collect()


# What cannot work


def test_a_spider_without_the_addon() -> None:
    with pytest.raises(ConfigError, match=r"recnet-rooms needs satchel's add-on: add ADDONS = "):
        crawl("recnet-rooms", {"ADDONS": {}, "SPIDER_MODULES": ["satchel.spiders"]}, hot="1")


def test_another_reactor_is_refused(tmp_path: Path) -> None:
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-L", "ERROR",
        "-s", "SATCHEL_SANDBOX=1",
        "-s", "TWISTED_REACTOR=twisted.internet.selectreactor.SelectReactor",
        cwd=project(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "satchel needs Scrapy's default, the asyncio reactor" in done.stderr
