"""Who gets the subscription key, and where it never shows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from scrapy import Request
from scrapy.exceptions import IgnoreRequest

from satchel.config import Secret
from satchel.middlewares.key import KeyMiddleware
from satchel.recnet.api import Api
from satchel.recnet.settings import RecNetSettings
from satchel.sandbox import Sandbox
from satchel.service import Key
from satchel.spider import SatchelSpider
from satchel.testing import command, crawl, project, running_sandbox

KEY = "k3y-that-nobody-may-see"
HEADER = "Ocp-Apim-Subscription-Key"
HOSTS = ("apim", "api", "accounts", "rooms", "clubs")

SPIDERS: dict[str, dict[str, str]] = {
    "recnet-accounts": {"ids": "7001,7002", "names": "x", "search": "a", "top_creators": "1"},
    "recnet-rooms": {
        "ids": "8200", "hot": "1", "search": "a", "created_by": "7001", "owned_by": "7001",
        "showcased_by": "7001", "include": "tags", "limit": "3",
    },
    "recnet-events": {"upcoming": "1", "search": "a", "created_by": "7001", "in_room": "8200"},
    "recnet-images": {"by_player": "7001", "in_room": "8200", "during_event": "5100"},
    "recnet-inventions": {"featured": "1", "top_today": "1", "search": "a"},
}  # fmt: skip
ONLY_LEGACY = {
    "recnet-rooms": {"featured": "1"},
    "recnet-images": {"of_player": "7001", "front_page": "1"},
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", KEY)


def urls(sandbox: Sandbox) -> dict[str, str]:
    return dict(zip(HOSTS, sandbox.urls, strict=True))


def fast(**settings: Any) -> dict[str, Any]:
    return {"DOWNLOAD_SLOTS": {"127.0.0.1": {"delay": 0, "concurrency": 8}}, **settings}


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_only_apim_and_api_get_it(dialect: str) -> None:
    asked: set[str] = set()
    with running_sandbox(names=len(HOSTS)) as sandbox:
        addresses = urls(sandbox)
        hosts = {url.removeprefix("http://"): host for host, url in addresses.items()}
        settings = fast(SATCHEL_RECNET_URLS=addresses, SATCHEL_RECNET_DIALECT=dialect)
        for spider, arguments in SPIDERS.items():
            more = ONLY_LEGACY.get(spider, {}) if dialect == "legacy" else {}
            sandbox.log.clear()
            assert crawl(spider, settings, **arguments, **more).reason == "finished"
            assert any(request.path != "/robots.txt" for request in sandbox.log)
            for request in sandbox.log:
                host = hosts[request.host]
                keyed = host in ("apim", "api") and request.path != "/robots.txt"
                assert (HEADER in request.headers) == keyed, (host, request.path)
                assert request.status != 401
                if request.path != "/robots.txt":
                    asked.add(host)
    assert {"apim", "clubs"} <= asked
    assert "rooms" in asked or dialect == "public"


# Redirects, retries, errors


Answer = Callable[[web.Request], web.StreamResponse]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server: its address, and (path, key) of what it was asked."""
    asked: list[tuple[str, str | None]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, request.headers.get(HEADER)))
        return web.Response(status=404) if request.path == "/robots.txt" else answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)

    async def start() -> str:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(), asked
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def empty(request: web.Request) -> web.StreamResponse:
    return web.json_response([])


def test_not_after_a_redirect_to_another_server() -> None:
    with serving(empty) as (other, asked_other):

        def away(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": other + request.path_qs})

        with serving(away) as (apim, asked):
            crawl("recnet-accounts", fast(SATCHEL_RECNET_URLS={"apim": apim}), ids="1")
    assert ("/public/accounts/account/bulk", KEY) in asked
    assert ("/public/accounts/account/bulk", None) in asked_other
    assert {key for _, key in asked_other} == {None}
    assert ("/robots.txt", None) in asked


def test_again_after_a_redirect_within_the_server() -> None:
    def within(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/moved"):
            return web.json_response([])
        return web.Response(status=307, headers={"Location": "/moved" + request.path_qs})

    with serving(within) as (apim, asked):
        crawl("recnet-accounts", fast(SATCHEL_RECNET_URLS={"apim": apim}), ids="1")
    assert asked[-1] == ("/moved/public/accounts/account/bulk", KEY)


def test_not_by_a_redirect_from_a_host_without_key() -> None:
    with serving(empty) as (apim, asked):

        def to_apim(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": apim + request.path_qs})

        with serving(to_apim) as (rooms, _):
            addresses = {"apim": apim, "rooms": rooms}
            crawl("recnet-rooms", fast(SATCHEL_RECNET_URLS=addresses), ids="1")
    assert ("/rooms/bulk", None) in asked
    assert {key for _, key in asked} == {None}


SEEN: list[tuple[str, bool]] = []


def note(what: str, request: Any) -> None:
    parts = repr([dict(request.headers), request.meta, request.cb_kwargs, request.body])
    SEEN.append((what, HEADER in request.headers or KEY in parts))


class Looking(SatchelSpider):
    """Asks a server that fails, one that answers and none at all."""

    name = "looking"

    def prepare(self, addon: Any) -> None:
        self.api = Api(addon.settings_of("recnet", RecNetSettings))

    async def start(self) -> Any:
        for name in ("accounts.by_id", "rooms.by_id", "accounts.level"):
            request = (
                next(self.api.bulk(name, [1])) if name == "accounts.level"
                else self.api.request(name, id=1, include=0)
            )  # fmt: skip
            yield request.replace(callback=self.parse, errback=self.failed, cb_kwargs={})

    def parse(self, response: Any) -> None:
        note("callback", response.request)

    def failed(self, failure: Any) -> None:
        note(f"errback {failure.type.__name__}", failure.request)


class Between:
    """A downloader middleware of a project: it sees answers and errors after satchel's."""

    def process_response(self, request: Request, response: Any) -> Any:
        note("middleware", request)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        note("middleware", request)


def test_the_request_has_it_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503) if "/1" in request.path else web.json_response([])

    SEEN.clear()
    caplog.set_level("DEBUG")
    with serving(empty) as (gone, _):
        pass
    with serving(answer) as (server, asked):
        addresses = {"apim": server, "rooms": server, "api": gone}
        settings = fast(
            SATCHEL_RECNET_URLS=addresses, RETRY_TIMES=1, RETRY_PRIORITY_ADJUST=0,
            DOWNLOADER_MIDDLEWARES={Between: 999}, ROBOTSTXT_OBEY=False,
        )  # fmt: skip
        result = crawl(Looking, settings)
    assert [key for path, key in asked if "accounts" in path] == [KEY, KEY]
    whats = [what for what, _ in SEEN]
    assert {"middleware", "errback HttpError"} <= set(whats)
    assert any(what.startswith("errback") and "HttpError" not in what for what in whats)
    assert not any(shown for _, shown in SEEN)
    assert result.stats["retry/count"] == 3
    assert KEY not in caplog.text
    assert KEY not in repr(result.stats)


def test_the_callback_sees_none() -> None:
    SEEN.clear()
    with serving(empty) as (server, asked):
        crawl(Looking, fast(SATCHEL_RECNET_URL=server))
    assert sum(key == KEY for _, key in asked) == 2
    assert SEEN == [("callback", False)] * 3


def test_a_request_of_an_unknown_service_gets_none() -> None:
    key = Key(HEADER, Secret(KEY), frozenset({"http://x:80"}))
    middleware = KeyMiddleware({"recnet": key})
    for meta in ({}, {"satchel_keyed": True}, {"satchel_keyed": True, "satchel_service": "other"}):
        request = Request("http://x/", meta=meta)
        middleware.process_request(request)
        assert HEADER not in request.headers


def test_the_key_goes_when_the_download_fails() -> None:
    key = Key(HEADER, Secret(KEY), frozenset({"http://x:80"}))
    middleware = KeyMiddleware({"recnet": key})
    request = Request("http://x/", meta={"satchel_keyed": True, "satchel_service": "recnet"})
    middleware.process_request(request)
    assert request.headers[HEADER] == KEY.encode()
    middleware.process_exception(request, IgnoreRequest())
    assert HEADER not in request.headers


def test_it_is_kept_nowhere(tmp_path: Path) -> None:
    project(tmp_path)
    with running_sandbox() as sandbox:
        done = command(
            "scrapy", "crawl", "recnet-accounts", "-L", "DEBUG", "-a", "ids=7001,7002",
            "-a", "top_creators=1", "-O", "out.jsonl", "-s", f"SATCHEL_RECNET_URL={sandbox.url}",
            "-s", "JOBDIR=job", "-s", "HTTPCACHE_ENABLED=1", "-s", "HTTPCACHE_DIR=cache",
            cwd=tmp_path, env={**os.environ},
        )  # fmt: skip
        assert any(HEADER in request.headers for request in sandbox.log)
    assert done.returncode == 0, done.stderr
    shown = command("satchel", "settings", cwd=tmp_path, env={**os.environ})
    assert "SATCHEL_RECNET_KEY=[secure]" in shown.stdout
    assert KEY not in done.stdout + done.stderr + shown.stdout + shown.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"satchel.db", "out.jsonl"} <= {path.name for path in written}
    assert len(written) > 10
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path
