"""Sessions in crawls of a real server: who logs in, how often, and who sees a cookie."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import scrapy
from aiohttp import web
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from satchel import hookimpl
from satchel.errors import ConfigError, LoginFailed
from satchel.kemono import Admin, Consumer, Moderator
from satchel.kemono.client import KemonoClient
from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, password_of
from satchel.middlewares.session import SessionCookieMiddleware
from satchel.testing import command, crawl, project
from sites import ACCOUNTS, Serve, Server, accounts

FAVORITES = {"creators": "v1/account/favorites?type=artist"}


@pytest.fixture(params=["current", "classic"])
def server(request: pytest.FixtureRequest, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server of each profile, and accounts of each role for it."""
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts(*ACCOUNTS))
    return serve(profile=request.param)


def spider(urls: list[str], role: str = "consumer") -> type[scrapy.Spider]:
    """A spider that asks for addresses as a role, and yields what each answered."""

    class Asking(scrapy.Spider):
        name = "asking"

        async def start(self) -> AsyncIterator[Any]:
            for position, url in enumerate(urls):
                yield scrapy.Request(
                    url,
                    headers={"Accept": "text/css"},
                    dont_filter=True,
                    cb_kwargs={"position": position},
                    meta={"satchel_service": "kemono", "satchel_role": role},
                )

        def parse(self, response: Any, position: int) -> Any:
            yield {"position": position, "rows": len(response.json()), "meta": response.meta}

    return Asking


def logins(server: Server) -> Counter[str]:
    return Counter(login.username for login in server.site.logins if login.succeeded)


@pytest.mark.parametrize("concurrency", [1, 16])
def test_many_requests_share_one_login(server: Server, concurrency: int) -> None:
    urls = [f"{server.url}/api/v1/account/favorites?type=artist"] * 50
    done = crawl(
        spider(urls),
        server.settings(
            CONCURRENT_REQUESTS=concurrency,
            CONCURRENT_REQUESTS_PER_DOMAIN=concurrency,
            SATCHEL_KEMONO_CONCURRENCY=concurrency,
        ),
    )
    assert sorted(item["position"] for item in done.items) == list(range(50))
    assert logins(server) == {CONSUMER: 1}
    assert done.reason == "finished"


@pytest.mark.parametrize("concurrency", [1, 16])
def test_sessions_that_the_server_drops(server: Server, concurrency: int) -> None:
    urls = [f"{server.url}/api/v1/account/favorites?type=artist"] * 40
    asking = spider(urls)

    class Dropping(asking):  # type: ignore[misc, valid-type]
        dropped = False

        def parse(self, response: Any, position: int) -> Any:
            if position >= 10 and not self.dropped:
                self.dropped = True
                server.site.drop_sessions()
            yield from super().parse(response, position)

    done = crawl(Dropping, server.settings(SATCHEL_KEMONO_CONCURRENCY=concurrency))
    assert sorted(item["position"] for item in done.items) == list(range(40))
    assert logins(server) == {CONSUMER: 2}


def test_all_sessions_dropped_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts(*ACCOUNTS))

    async def ask(crawler: Crawler) -> Any:
        people = [await kind.of(crawler) for kind in (Consumer, Moderator, Admin)]
        await asyncio.gather(*(one.favorite_posts() for one in people))
        server.site.drop_sessions()
        asked = [one.favorite_posts() for one in people * 10]
        return await asyncio.gather(*asked, people[1].creator_link_requests())

    *posts, requests = server.in_crawl(ask, SATCHEL_KEMONO_CONCURRENCY=16)
    assert len(posts) == 30
    assert [len(found) for found in posts[:3]] == [len(found) for found in posts[-3:]]
    assert requests
    assert logins(server) == dict.fromkeys(ACCOUNTS.values(), 2)


def test_a_change_is_made_once_when_its_session_has_expired(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()

    async def main() -> Any:
        async with await Moderator.login(MODERATOR, password_of(MODERATOR)) as moderator:
            first, *_ = await moderator.creator_link_requests()
            server.site.drop_sessions()
            return await first.approve()

    assert server.in_script(monkeypatch.setenv, main()) is True
    assert logins(server) == {MODERATOR: 2}
    assert sum("approve" in seen.path and seen.account == 2 for seen in server.site.seen) == 1


def test_a_session_that_is_never_taken(serve: Serve, caplog: pytest.LogCaptureFixture,
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    monkeypatch.setattr(server.site._signer, "read", lambda cookie: {})
    done = crawl(
        spider([f"{server.url}/api/v1/account/favorites?type=artist"] * 20), server.settings()
    )
    assert done.items == []
    assert done.reason == "login_failed"
    assert logins(server) == {CONSUMER: 1}
    said = [r.getMessage() for r in caplog.records if "does not take the session" in r.getMessage()]
    assert said


def test_a_refused_password_is_tried_once(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="wr0ng"))
    done = crawl(
        spider([f"{server.url}/api/v1/account/favorites?type=artist"] * 20), server.settings()
    )
    assert [login.username for login in server.site.logins] == [CONSUMER]
    assert done.reason == "login_failed"
    error = next(r.getMessage() for r in caplog.records if r.name == "satchel.addon")
    assert error.startswith(f"{CONSUMER} (consumer): http://")
    assert error.endswith("check both")


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("administrator", "SATCHEL_KEMONO_ACCOUNTS: no account for the role administrator"),
        ("moderatr", "kemono: no role moderatr; did you mean moderator?"),
    ],
)
def test_a_spiders_request_for_a_role_that_nobody_has(
    role: str, reason: str, serve: Serve, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    done = crawl(spider([f"{server.url}/api/v1/account"] * 3, role), server.settings())
    assert done.reason == "login_failed"
    assert done.stats["satchel/verdict"] == "failed"
    errors = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert errors[0].getMessage().startswith(reason)
    assert not any(record.exc_info for record in errors)
    assert server.paths() == []


def test_a_page_that_takes_no_session(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    answer = server.site._answer

    def refusing(request: web.Request, call: Any, handler: Any) -> web.Response:
        if "refused" in request.query_string:
            return web.json_response({}, status=401)
        return answer(request, call, handler)

    monkeypatch.setattr(server.site, "_answer", refusing)
    page = f"{server.url}/api/v1/account/favorites?type=artist"
    done = crawl(spider([*[page] * 7, f"{page}&refused=1"] * 5), server.settings())
    assert sorted(item["position"] for item in done.items) == [n for n in range(40) if n % 8 != 7]
    assert done.reason == "finished"
    assert done.stats["satchel/unserved"] == 5
    assert done.stats["satchel/verdict"] == "incomplete"
    assert 2 <= logins(server)[CONSUMER] <= 5


def test_sessions_may_expire_again_and_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    page = f"{server.url}/api/v1/account/favorites?type=artist"

    class Following(spider([page])):  # type: ignore[misc]
        def parse(self, response: Any, position: int) -> Any:
            yield from super().parse(response, position)
            server.site.drop_sessions()
            if position < 6:
                yield response.request.replace(
                    cb_kwargs={"position": position + 1}, dont_filter=True
                )

    done = crawl(Following, server.settings())
    assert [item["position"] for item in done.items] == list(range(7))
    assert logins(server) == {CONSUMER: 7}


def test_a_login_in_the_last_moment(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    found: list[int] = []

    class Late:
        @classmethod
        def from_crawler(cls, crawler: Crawler) -> Late:
            self = cls()
            self.crawler = crawler
            return self

        async def process_item(self, item: Any) -> Any:
            return item

        async def close_spider(self) -> None:
            account = await Consumer.of(self.crawler)
            found.append(len(await account.favorite_creators()))

    done = crawl(spider([]), server.settings(ITEM_PIPELINES={Late: 1}))
    assert found == [12]
    assert done.reason == "finished"
    assert [path.rpartition("/")[2] for path in server.paths()][-1] == "logout"


def test_a_crawl_that_is_stopped_logs_out_at_its_turn(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    page = f"{server.url}/api/v1/account/favorites?type=artist"

    class Stopped(spider([page, page])):  # type: ignore[misc]
        def parse(self, response: Any, position: int) -> Any:
            self.stopping = asyncio.ensure_future(self.crawler.stop_async())
            yield {}

    done = crawl(Stopped, server.settings(SATCHEL_RATES={"*": "5/second"}))
    assert done.reason == "shutdown"
    assert server.paths()[-1] == "POST /v1/authentication/logout"


def test_what_an_account_sees_is_in_no_cache(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = server.settings(HTTPCACHE_ENABLED=True, HTTPCACHE_DIR=str(tmp_path))
    for _ in range(2):
        crawl(spider([f"{server.url}/api/v1/account/favorites?type=artist"]), kept)
    assert sum("favorites" in path for path in server.paths()) == 2
    assert logins(server) == {CONSUMER: 2}
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_accounts_are_there_for_plugins(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))

    class Marking:
        @hookimpl
        async def satchel_process_item(self, item: Any, crawler: Crawler) -> dict[str, Any]:
            account = await Consumer.of(crawler)
            return {**item, "favorites": len(await account.favorite_creators())}

    monkeypatch.setattr(sys.modules[__name__], "MARKING", Marking(), raising=False)
    done = crawl(
        spider([f"{server.url}/api/v1/account/favorites?type=artist"] * 3),
        server.settings(SATCHEL_PLUGINS=[f"{__name__}:MARKING"]),
    )
    assert [item["favorites"] for item in done.items] == [12] * 3
    assert logins(server) == {CONSUMER: 1}


def test_of_with_a_refused_password_ends_the_crawl(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="wr0ng"))

    class Asking(scrapy.Spider):
        name = "asking"

        async def start(self) -> AsyncIterator[Any]:
            await Consumer.of(self.crawler)
            yield {}

    done = crawl(Asking, server.settings())
    assert done.reason == "login_failed"
    assert not any(record.exc_info for record in caplog.records)


def test_a_role_that_nobody_has(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))

    async def ask(crawler: Crawler) -> None:
        with pytest.raises(ConfigError, match="no account for the role moderator; add one"):
            await KemonoClient.of(crawler).ask("links.requests")

    server.in_crawl(ask)
    assert server.paths() == []


def test_each_role_has_its_own_session(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts(*ACCOUNTS))

    async def ask(crawler: Crawler) -> Any:
        people = [await kind.of(crawler) for kind in (Consumer, Moderator, Admin)]
        client = KemonoClient.of(crawler)
        anonymous = client.ask("creators.profile", service="fanbox", id="20000004")
        await asyncio.gather(anonymous, *(one.favorite_creators() for one in people * 5))
        await asyncio.gather(people[1].creator_link_requests(), people[2].view_accounts())

    server.in_crawl(ask, SATCHEL_KEMONO_CONCURRENCY=8)
    seen = server.site.seen
    assert all(one.cookies == (one.account is not None) for one in seen)
    by_path: dict[str, Counter[int | None]] = {}
    for one in seen:
        by_path.setdefault(one.path.removeprefix("/api/v1/"), Counter())[one.account] += 1
    assert by_path == {
        "authentication/login": {None: 3},
        "authentication/logout": {1: 1, 2: 1, 3: 1},
        "account/favorites?type=artist": {1: 5, 2: 5, 3: 5},
        "account/moderator/tasks/creator_links": {2: 1},
        "account/administrator/accounts": {1: 1},
        "fanbox/user/20000004/profile": {None: 1},
    }


def test_other_cookies_are_kept_apart(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", "moderator"))
    headers: list[tuple[str, str]] = []
    write = server.site._answer

    def answer(request: web.Request, call: Any, handler: Any) -> web.Response:
        headers.append((request.path, request.headers.get("Cookie", "")))
        response = write(request, call, handler)
        if request.path.endswith("/login"):
            response.set_cookie("whose", json.loads(call.body)["username"])
        return response

    monkeypatch.setattr(server.site, "_answer", answer)

    async def ask(crawler: Crawler) -> None:
        for kind in (Consumer, Moderator):
            await (await kind.of(crawler)).favorite_posts()
        await KemonoClient.of(crawler).call("creators.list")

    server.in_crawl(ask, COOKIES_ENABLED=True)
    first, second = [cookies for path, cookies in headers if "favorites" in path]
    assert [cookies for path, cookies in headers if path.endswith("creators")] == [""]
    assert f"whose={CONSUMER};" in first
    assert f"whose={MODERATOR};" in second
    assert first.count("session=") == second.count("session=") == 1


# Nobody else sees a session


class Elsewhere:
    """A server that is somebody else's: the cookies that it was sent."""

    def __init__(self) -> None:
        self.cookies: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.cookies.append(request.headers.get("Cookie", ""))
        return web.json_response([1, 2, 3])


def elsewhere(address: str, servers: ExitStack) -> tuple[Elsewhere, str]:
    site = Elsewhere()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None)

    async def start() -> int:
        await runner.setup()
        listening = web.TCPSite(runner, address, 0)
        await listening.start()
        assert listening._server is not None
        port: int = listening._server.sockets[0].getsockname()[1]
        return port

    def stop() -> None:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    port = asyncio.run_coroutine_threadsafe(start(), loop).result()
    servers.callback(stop)
    return site, f"http://{address}:{port}"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_a_redirect_to_another_server_goes_without_a_session(
    address: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    with ExitStack() as servers:
        other, url = elsewhere(address, servers)
        answer = server.site._answer

        def redirected(request: web.Request, call: Any, handler: Any) -> web.Response:
            if "favorites" in request.path:
                assert call.account_id == 3
                return web.Response(status=302, headers={"Location": f"{url}/x"})
            return answer(request, call, handler)

        monkeypatch.setattr(server.site, "_answer", redirected)
        done = crawl(
            spider([f"{server.url}/api/v1/account/favorites?type=artist"]),
            server.settings(COOKIES_ENABLED=True),
        )
    assert [item["rows"] for item in done.items] == [3]
    assert other.cookies == [""]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://kemono.example.test", "http://kemono.example.test/api/v1/account"),
        ("https://kemono.example.test", "https://kemono.example.test:8443/api/v1/account"),
        ("https://kemono.example.test", "https://img.kemono.example.test/api/v1/account"),
        ("https://kemono.example.test", "https://example.test/api/v1/account"),
        ("https://kemono.example.test", "https://kemono.example.test.evil.test/api/v1/account"),
        ("https://kemono.example.test", "https://kemono.example.test@evil.test/api/v1/account"),
    ],
)
def test_an_address_that_is_not_the_servers(
    base: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [{"role": "consumer", "session": "s3cret"}]
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", json.dumps(given))
    sent: list[dict[bytes, list[bytes]]] = []

    class Looking(scrapy.Spider):
        name = "looking"

        async def start(self) -> AsyncIterator[Any]:
            meta = {"satchel_service": "kemono", "satchel_role": "consumer", "dont_retry": True}
            for address in (f"{base}/api/v1/account", url):
                yield scrapy.Request(address, meta=meta, errback=self.failed)

        def failed(self, failure: Any) -> None:
            pass

    process = SessionCookieMiddleware.process_request

    def watched(self: SessionCookieMiddleware, request: scrapy.Request) -> None:
        process(self, request)
        sent.append({request.url.encode(): request.headers.getlist("Cookie")})
        raise IgnoreRequest("seen")

    monkeypatch.setattr(SessionCookieMiddleware, "process_request", watched)
    crawl(Looking, {"ROBOTSTXT_OBEY": False, "SATCHEL_KEMONO_URL": base})
    assert {k: v for one in sent for k, v in one.items()} == {
        f"{base}/api/v1/account".encode(): [b"session=s3cret"],
        url.encode(): [],
    }


# Sessions between crawls


def test_sessions_are_kept_in_a_file(server: Server, tmp_path: Path) -> None:
    urls = [f"{server.url}/api/v1/account/favorites?type=artist"] * 3
    file = tmp_path / "sessions.json"
    settings = server.settings(SATCHEL_SESSIONS=str(file))
    for _ in range(2):
        assert len(crawl(spider(urls), settings).items) == 3
    assert logins(server) == {CONSUMER: 1}
    assert not any("logout" in path for path in server.paths())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (kept,) = json.loads(file.read_text()).values()
    assert list(kept) == [CONSUMER]
    server.site.drop_sessions()
    assert len(crawl(spider(urls), settings).items) == 3
    assert logins(server) == {CONSUMER: 2}
    assert json.loads(file.read_text()) != {server.url: kept}


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("{}", 0o644, "others can read it; run: chmod 600 "),
        ("[]", 0o600, "not a file of sessions; give another name"),
        ("{}", 0o640, "others can read it"),
        ("{}", 0o604, "others can read it"),
        (None, 0, "its folder does not exist or cannot be written"),
    ],
)
def test_a_file_that_cannot_keep_sessions(
    content: str | None, mode: int, reason: str, serve: Serve, tmp_path: Path
) -> None:
    file = tmp_path / ("s.json" if content else "none/s.json")
    if content:
        file.write_text(content)
        file.chmod(mode)
    with pytest.raises(ConfigError, match=reason):
        crawl(spider([]), serve().settings(SATCHEL_SESSIONS=str(file)))


def test_a_session_is_given_instead_of_a_password(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    cookie = server.site._signer.sign({"_permanent": True, "account_id": 3})
    given = [{"role": "consumer", "session": cookie}]
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", json.dumps(given))
    urls = [f"{server.url}/api/v1/account/favorites?type=artist"] * 3
    assert [item["rows"] for item in crawl(spider(urls), server.settings()).items] == [12] * 3
    assert logins(server) == {}
    assert not any("logout" in path for path in server.paths())
    server.site.drop_sessions()
    assert crawl(spider(urls), server.settings()).reason == "login_failed"
    assert len(server.paths()) <= 3


# Nothing secret is shown


SPIDER = """
import scrapy
from satchel.kemono import Consumer

class FavoritesSpider(scrapy.Spider):
    name = "favorites"

    async def start(self):
        consumer = await Consumer.of(self.crawler)
        self.logger.debug("%r %r", consumer, consumer.session)
        for creator in await consumer.favorite_creators():
            yield creator
        yield scrapy.Request(
            self.settings["SATCHEL_KEMONO_URL"] + "/api/v1/account/favorites?type=post",
            headers={"Accept": "text/css"},
            meta={"satchel_service": "kemono", "satchel_role": "consumer"},
        )

    def parse(self, response):
        self.logger.debug("%r %s %s", response.meta, response.headers, response.request.headers)
"""


@pytest.mark.parametrize("password", ["", "wr0ng-s3cret"])
def test_no_secret_is_anywhere(password: str, server: Server, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    signed: list[str] = []
    sign = server.site._signer.sign
    monkeypatch.setattr(
        server.site._signer, "sign", lambda session: signed.append(sign(session)) or signed[-1]
    )
    folder = project(tmp_path / "project", ["COOKIES_ENABLED = True", "COOKIES_DEBUG = True"])
    (folder / "favorites.py").write_text(SPIDER)
    toml = folder / "accounts.toml"
    secret = password or password_of(CONSUMER)
    toml.write_text(f'[[accounts]]\nrole = "consumer"\nusername = "{CONSUMER}"\n'
                    f'password = "{secret}"\n')  # fmt: skip
    toml.chmod(0o600)
    words = {
        **server.settings(LOG_LEVEL="DEBUG", ROBOTSTXT_OBEY=True), **server.environ(),
        "SATCHEL_KEMONO_ACCOUNTS": str(toml), "SATCHEL_STATE": str(tmp_path / "state"),
    }  # fmt: skip
    options = [word for name, value in words.items() for word in ("-s", f"{name}={value}")]
    done = command("scrapy", "runspider", "favorites.py", "-o", "out.jsonl", *options, cwd=folder)
    said = done.stdout + done.stderr
    assert done.returncode == (1 if password else 0), said
    assert ("check both" in said) is bool(password)
    assert "DEBUG" in said
    kept = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != toml
    )
    assert signed or password
    if not password:
        assert b"faved_seq" in kept
    for hidden in (secret, *signed, *(cookie.partition(".")[0] for cookie in signed)):
        assert hidden not in said
        assert hidden.encode() not in kept


def test_login_failures_are_errors_of_calls(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="wr0ng"))
    caplog.set_level(logging.DEBUG)

    async def ask(crawler: Crawler) -> None:
        with pytest.raises(LoginFailed, match="check both") as raised:
            await KemonoClient.of(crawler).ask("favorites.posts")
        assert "wr0ng" not in repr(raised.value)

    server.in_crawl(ask)
    assert server.crawl.reason == "login_failed"
    assert len(server.site.logins) == 1
    assert "wr0ng" not in caplog.text
    assert ADMIN not in caplog.text
