"""Crawls that are recorded, and replayed from a server that is gone."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import itertools
import json
import logging
import random
import re
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import scrapy
from aiohttp import web

from recording import REQUESTS, recording, started
from satchel import hookimpl
from satchel.cassettes.segments import SEGMENT_BYTES, read, segments
from satchel.cassettes.serializers import JsonSerializer
from satchel.items import Item, field_names
from satchel.kemono.world import CONSUMER, password_of
from satchel.recnet.service import SERVICE as RECNET_SERVICE
from satchel.service import Service
from satchel.testing import Crawl, crawl, plugins
from serving import serving
from sites import WORLD, Serve, accounts

JSON = JsonSerializer()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings with a cassette."""
    monkeypatch.setenv("SATCHEL_PRIVACY_KEY", "a key for pseudonyms")
    return {"SATCHEL_CASSETTE": "tape", "SATCHEL_CASSETTE_FOLDER": str(tmp_path / "cassettes")}


def recorded(settings: dict[str, Any]) -> Path:
    return Path(settings["SATCHEL_CASSETTE_FOLDER"], settings["SATCHEL_CASSETTE"])


def replayed(spider: Any, settings: dict[str, Any], **arguments: str) -> Crawl:
    return crawl(spider, {**settings, "SATCHEL_CASSETTE_MODE": "none"}, **arguments)


def shown(items: list[Any]) -> list[Any]:
    """What items are, and which of their fields were sent."""
    return sorted(map(_shown, items), key=repr)


def _shown(value: Any) -> Any:
    if isinstance(value, Item):
        names = sorted(field_names(type(value)))
        fields = [(name, _shown(getattr(value, name)), value.was_sent(name)) for name in names]
        return [type(value).__name__, fields]
    return [_shown(one) for one in value] if isinstance(value, list) else value


def text_of(folder: Path) -> str:
    return "".join(file.read_text() for file in segments(folder))


RECNET = {
    "recnet-accounts": {
        "search": "a",
        "limit": "40",
        "include": "bio,level,is_influencer,subscriber_count",
    },
    "recnet-rooms": {
        "hot": "1",
        "limit": "20",
        "include": "subrooms,roles,tags,promo,scores,load_screens,creator_account",
    },
    "recnet-images": {
        "front_page": "1",
        "limit": "20",
        "include": "comments,cheer_players,room,player_event",
    },
    "recnet-events": {"upcoming": "1", "limit": "10", "include": "responses"},
    "recnet-inventions": {"search": "a", "limit": "10", "include": "tags,creator_player"},
}
KEMONO = {
    "kemono-posts": {"recent": "1", "limit": "60", "include": "detail,comments,revisions,creator"},
    "kemono-creators": {"all": "1", "include": "profile,links,tags,announcements,fancards"},
    "kemono-discord": {"servers": "80000000"},
    "kemono-favorites": {},
    "kemono-moderation": {},
    "kemono-accounts": {},
}


@pytest.mark.parametrize(
    ("level", "content", "spiders"),
    [
        ("careful", False, {**RECNET, **KEMONO}),
        ("juniors", True, {"recnet-accounts", "kemono-discord", "recnet-images"}),
        ("strict", False, {"recnet-accounts", "recnet-rooms", "kemono-posts", "kemono-discord"}),
        ("off", True, {"kemono-posts", "recnet-events"}),
    ],
)
def test_replay_gives_the_same_items(
    level: str, content: bool, spiders: set[str], settings: dict[str, Any]
) -> None:
    settings |= {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_PRIVACY": level,
        "SATCHEL_KEMONO_CONTENT": content,
    }
    for name in spiders:
        arguments = {**RECNET, **KEMONO}[name]
        settings["SATCHEL_CASSETTE"] = f"{level}/{name}"
        live, again = crawl(name, settings, **arguments), replayed(name, settings, **arguments)
        assert len(live.items) > 2, name
        assert shown(again.items) == shown(live.items), name
        sent = again.stats["satchel/cassette/played"]
        assert sent == live.stats["satchel/cassette/recorded"]
        assert again.stats["downloader/request_count"] == live.stats["downloader/request_count"]
        assert again.reason == live.reason == "finished"
        assert "satchel/cassette/left_out" not in live.stats


def test_recordings_hold_what_the_level_lets_through(settings: dict[str, Any]) -> None:
    """All that is recorded went through the gate; of what nobody knows, nothing is recorded."""
    settings |= {"SATCHEL_SANDBOX": True}
    crawl("kemono-posts", settings, recent="1", include="detail,comments")
    crawl("recnet-accounts", {**settings, "SATCHEL_CASSETTE": "recnet"}, search="a", include="bio")
    kemono, recnet = text_of(recorded(settings)), text_of(recorded(settings).parent / "recnet")
    contents = [post["content"] for post in WORLD.posts.values() if post.get("content")]
    assert len(contents) > 10
    assert not [content for content in contents if json.dumps(content)[1:-1] in kemono]
    assert "/data/" not in kemono
    people = [
        row
        for file in segments(recorded(settings).parent / "recnet")
        for exchange in read(file, JSON)
        if exchange.body.startswith(b"[{")
        for row in json.loads(exchange.body)
    ]
    juniors = [person for person in people if person.get("isJunior")]
    assert juniors
    for person in juniors:
        assert {key for key, value in person.items() if value is not None} == {
            "accountId",
            "isJunior",
        }
    assert not any(person.get("identityFlags") for person in people)
    bios = re.findall(r'\{\\"accountId\\":(\d+),\\"bio\\":(null)?', recnet)
    silent = {int(id) for id, null in bios if null}
    assert not {person["accountId"] for person in juniors} & ({int(id) for id, _ in bios} - silent)


class Silent:
    """RecNet, but it does not say how its answers are read."""

    @hookimpl
    def satchel_services(self) -> list[Service]:
        return [dataclasses.replace(RECNET_SERVICE, reading=lambda method, url, body: None)]


def test_a_service_that_does_not_say_how_answers_are_read(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is recorded: that is told, and its replay takes nothing for empty."""
    settings |= {"SATCHEL_SANDBOX": True, "SATCHEL_BLOCKED_PLUGINS": ["recnet"]}
    with plugins(Silent) as paths:
        settings["SATCHEL_PLUGINS"] = paths
        live = crawl("recnet-accounts", settings, top_creators="1", limit="3")
        assert live.stats["satchel/cassette/left_out"] > 1
        told = [r.getMessage() for r in caplog.records if "recorded without" in r.getMessage()]
        assert len(told) == 1
        assert "recnet does not say how such an answer is read" in told[0]
        again = replayed("recnet-accounts", settings, top_creators="1", limit="3")
    assert "username" not in text_of(recorded(settings))
    assert again.items == []
    assert again.stats["satchel/undecodable"] > 0
    assert not again.stats["satchel/verdict"].startswith("complete")


class Favorites(scrapy.Spider):
    """Asks an account's pages in turn; its session is dropped on the way."""

    name = "asking"
    server: Any
    live = True

    async def start(self) -> AsyncIterator[Any]:
        yield self.page(0)

    def page(self, number: int) -> scrapy.Request:
        return scrapy.Request(
            f"{self.server.url}/api/v1/account/favorites?type={('artist', 'post')[number % 2]}",
            headers={"Accept": self.accept},
            dont_filter=True,
            cb_kwargs={"number": number},
            meta={"satchel_service": "kemono", "satchel_role": "consumer"},
        )

    @property
    def accept(self) -> str:
        return "application/json" if self.server.site.is_classic else "text/css"

    def parse(self, response: Any, number: int) -> Any:
        yield {"number": number, "rows": [row["id"] for row in response.json()]}
        if self.live and number == 1:
            self.server.site.drop_sessions()
        if number < 3:
            yield self.page(number + 1)


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_login_and_expiry_replay_offline_without_a_secret(
    profile: str, serve: Serve, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    server = serve(profile=profile)
    cookies = seen_cookies(server, monkeypatch)
    own = server.settings(**settings)
    own["SATCHEL_PRIVACY"] = "careful"
    live = crawl(type("Live", (Favorites,), {"server": server}), own)
    assert len(server.site.logins) == 2
    assert len(cookies) >= 2
    text = text_of(recorded(own))
    for secret in (password_of(CONSUMER), *cookies):
        assert secret not in text
    assert "<PASSWORD>" in text
    server.asked()
    # Whoever replays it has another password.
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="anything else"))
    again = replayed(type("Again", (Favorites,), {"server": server, "live": False}), own)
    assert server.asked() == []
    assert [item["number"] for item in live.items] == [0, 1, 2, 3]
    assert again.items == live.items
    assert again.reason == "finished"
    assert again.stats["satchel/cassette/played"] == live.stats["satchel/cassette/recorded"]


def seen_cookies(server: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sessions that a server gives from now on."""
    seen: list[str] = []
    sign = server.site._signer.sign

    def noted(session: Any) -> str:
        seen.append(sign(session))
        return seen[-1]

    monkeypatch.setattr(server.site._signer, "sign", noted)
    return seen


def test_a_wrong_password(
    serve: Serve, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="wrong & wronger"))
    own = serve().settings(**settings)
    done = crawl("kemono-favorites", own)
    again = replayed("kemono-favorites", own)
    assert done.reason == again.reason == "login_failed"
    assert "wronger" not in text_of(recorded(own))


KEY = 'a "key" with/slashes & <marks>'
QUOTED = "a+%22key%22+with%2Fslashes+%26+%3Cmarks%3E"
TOKEN = "tok-0123456789abcdef"
SID = "sid-fedcba9876543210"


async def leaking(request: web.Request) -> web.Response:
    """Tells secrets in every way that one can think of."""
    said = {"key": KEY, "token": TOKEN, "other": f"x{TOKEN}y", "sid": SID}
    if request.path == "/redirect":
        return web.Response(status=302, headers={"Location": f"/landing?access_token={TOKEN}&a=1"})
    if request.path == "/cookie":
        return web.json_response(said, headers={"Set-Cookie": f"sid={SID}; Path=/; HttpOnly"})
    if request.path == "/packed":
        body = gzip.compress(json.dumps(said).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})
    if request.path == "/archive":
        body = gzip.compress(json.dumps(said).encode())
        return web.Response(body=body, content_type="application/gzip")
    if request.path == "/form":
        body = f"passed {request.query_string} and {await request.text()}".encode()
        return web.Response(body=body, content_type="text/plain")
    return web.Response(text=f"<a href='?t={TOKEN}'>{KEY.replace('&', '&amp;')}</a>{SID}")


def asking(*requests: scrapy.Request) -> type[scrapy.Spider]:
    """A spider that makes requests in turn, and yields what they were answered."""

    class Asking(scrapy.Spider):
        name = "asking"
        custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012

        async def start(self) -> AsyncIterator[Any]:
            yield self.next(0)

        def next(self, number: int) -> scrapy.Request:
            return requests[number].replace(
                dont_filter=True, cb_kwargs={"number": number}, errback=self.failed
            )

        def parse(self, response: Any, number: int) -> Any:
            yield {"status": response.status, "body": bytes(response.body)}
            if number + 1 < len(requests):
                yield self.next(number + 1)

        def failed(self, failure: Any) -> None:
            pass

    return Asking


def test_no_secret_in_what_leaks(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", KEY)
    with serving(leaking) as url:
        spider = asking(
            scrapy.Request(f"{url}/cookie"),
            scrapy.Request(f"{url}/redirect"),
            scrapy.Request(f"{url}/page"),
            scrapy.Request(f"{url}/packed"),
            scrapy.Request(f"{url}/archive"),
            scrapy.Request(
                f"{url}/form?api_key={TOKEN}x", method="POST", body=f"password={QUOTED}"
            ),
            scrapy.Request(f"{url}/p", headers={"Authorization": f"Bearer {TOKEN}z"}),
        )
        live = crawl(spider, {**settings, "COOKIES_ENABLED": True})
    assert len(live.items) == 7
    text = text_of(recorded(settings))
    for secret in (KEY, QUOTED, TOKEN, SID, "slashes"):
        assert secret not in text, secret
    for file in segments(recorded(settings)):
        for exchange in read(file, JSON):
            assert b"slashes" not in (
                gzip.decompress(exchange.body)
                if exchange.body[:2] == b"\x1f\x8b"
                else exchange.body
            )
    again = replayed(spider, settings)
    assert [item["status"] for item in again.items] == [item["status"] for item in live.items]


def test_what_turns_out_to_be_a_secret_is_taken_out_of_finished_segments(
    settings: dict[str, Any],
) -> None:
    async def telling(request: web.Request) -> web.Response:
        return web.Response(text=f"take {TOKEN} {' ' * SEGMENT_BYTES}")

    with serving(telling) as url:
        asked = [f"{url}/1", f"{url}/2", f"{url}/3?access_token={TOKEN}"]
        crawl(asking(*map(scrapy.Request, asked)), {**settings, "ROBOTSTXT_OBEY": False})
    files = segments(recorded(settings))
    assert len(files) == 3
    assert [read(file, JSON)[-1].body.strip() for file in files] == [b"take <ACCESS_TOKEN>"] * 3
    assert TOKEN not in text_of(recorded(settings))


def test_what_cannot_be_masked_is_refused(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The last look is at what would be written, whatever was masked before."""
    monkeypatch.setenv("SATCHEL_RECNET_KEY", KEY)
    monkeypatch.setattr("satchel.cassettes.masks.Masks._text", lambda self, text: text)
    with serving(leaking) as url:
        done = crawl(asking(scrapy.Request(f"{url}/page"), scrapy.Request(f"{url}/no")), settings)
    assert done.stats["satchel/cassette/refused"] == 3
    assert "could not be taken out (<SATCHEL_RECNET_KEY>)" in caplog.text
    assert "slashes" not in text_of(recorded(settings)) + caplog.text


def counting() -> Callable[[web.Request], Any]:
    """A handler that answers differently each time, and in every kind of body."""
    numbers, seen = itertools.count(1), set[str]()

    async def answer(request: web.Request) -> web.Response:
        number = next(numbers)
        if request.path == "/sometimes" and request.path not in seen:
            seen.add(request.path)
            return web.Response(status=503)
        if request.path == "/binary":
            return web.Response(body=bytes(range(256)) + bytes([number]), content_type="image/png")
        if request.path == "/latin":
            latin = {"Content-Type": "text/plain; charset=latin-1"}
            return web.Response(body="né".encode("latin-1"), headers=latin)
        if request.path == "/moved":
            return web.Response(status=301, headers={"Location": "/there"})
        body = (await request.read()).decode("latin-1")
        return web.json_response([number, request.path_qs, body])

    return answer


def bodies(url: str) -> list[scrapy.Request]:
    multipart = '--{0}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--{0}--\r\n'
    return [
        scrapy.Request(f"{url}/same"),
        scrapy.Request(f"{url}/same"),
        scrapy.Request(f"{url}/sometimes"),
        scrapy.Request(f"{url}/binary"),
        scrapy.Request(f"{url}/latin"),
        scrapy.Request(f"{url}/moved"),
        scrapy.FormRequest(f"{url}/form", formdata=[("a", "1"), ("b", "ü")]),
        scrapy.FormRequest(f"{url}/form", formdata=[("a", "2")]),
        scrapy.Request(f"{url}/json", method="POST", body='{"a": 1}'),
        scrapy.Request(
            f"{url}/parts", method="POST", body=multipart.format("one"),
            headers={"Content-Type": "multipart/form-data; boundary=one"},
        ),
        scrapy.Request(f"{url}/query?b=2&a=1"),
    ]  # fmt: skip


@pytest.mark.parametrize("serializer", ["json", "readable"])
def test_every_kind_of_body_in_turn(serializer: str, settings: dict[str, Any]) -> None:
    settings["SATCHEL_CASSETTE_FORMAT"] = serializer
    with serving(counting()) as url:
        live = crawl(asking(*bodies(url)), settings)
    assert live.stats["retry/count"] > 0
    again = replayed(asking(*bodies(url)), settings)
    assert again.items == live.items
    assert len(live.items) == 11
    assert again.stats["retry/count"] == live.stats["retry/count"]
    # The order of fields, and what separates parts, do not matter; once more is the last again.
    multipart = '--two\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--two--\r\n'
    other = replayed(
        asking(
            scrapy.FormRequest(f"{url}/form", formdata=[("b", "ü"), ("a", "1")]),
            scrapy.Request(
                f"{url}/parts", method="POST", body=multipart,
                headers={"Content-Type": "multipart/form-data; boundary=two"},
            ),
            scrapy.Request(f"{url}/query?a=1&b=2"),
            *[scrapy.Request(f"{url}/same")] * 3,
        ),
        settings,
    )  # fmt: skip
    first, second = live.items[:2]
    assert other.items == [live.items[6], *live.items[9:], first, second, second]


def test_record_modes(settings: dict[str, Any]) -> None:
    def crawled(url: str, mode: str, *paths: str) -> tuple[int, int]:
        """How many were played, and recorded."""
        spider = asking(*(scrapy.Request(url + path) for path in paths))
        done = crawl(spider, {**settings, "SATCHEL_CASSETTE_MODE": mode, "ROBOTSTXT_OBEY": False})
        numbers[:] = [json.loads(item["body"])[0] for item in done.items]
        played, made = (done.stats.get(f"satchel/cassette/{w}", 0) for w in ("played", "recorded"))
        return played, made

    numbers: list[int] = []
    with serving(counting()) as url:
        assert crawled(url, "once", "/a", "/a") == (0, 2)
        assert crawled(url, "once", "/a", "/a") == (2, 0)
        assert numbers == [1, 2]
        assert crawled(url, "new_episodes", "/a", "/b", "/a", "/a") == (2, 2)
        assert numbers == [1, 3, 2, 4]
        assert crawled(url, "none", "/a", "/a", "/a", "/b") == (4, 0)
        assert numbers == [1, 2, 4, 3]
        assert crawled(url, "all", "/a") == (0, 1)
        assert crawled(url, "none", "/a", "/a") == (2, 0)
        assert numbers == [5, 5]
    assert len(segments(recorded(settings))) == 1


def test_a_recording_goes_only_for_a_better_one(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    own = {**settings, "SATCHEL_CASSETTE_MODE": "all", "RETRY_ENABLED": False}
    with serving(counting()) as url:
        spider = asking(scrapy.Request(f"{url}/a"))
        crawl(spider, settings)
        (first,) = segments(recorded(settings))
        readme = recorded(settings) / "README.md"
        readme.touch()
        stopped = {**own, "CLOSESPIDER_ERRORCOUNT": 1}
        crawl(type("Failing", (spider,), {"parse": lambda self, response, number: 1 / 0}), stopped)
        assert len(segments(recorded(settings))) == 3
        assert "what it held before is kept" in caplog.text
        crawl(spider, own)
        (last,) = (file for file in segments(recorded(settings)) if file != readme)
        assert last != first
    caplog.clear()
    crawl(spider, own)
    assert segments(recorded(settings)) == [readme, last]
    assert "what it held before is kept" in caplog.text


def test_what_is_missing_is_told_once(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    url = "http://recorded.example"
    with serving(counting()) as here:
        crawl(asking(scrapy.Request(f"{here}/page?skip=100&take=50")), settings)
    for file in segments(recorded(settings)):
        file.write_text(file.read_text().replace(here, url))
    caplog.clear()
    asked = [scrapy.Request(f"{url}/page?skip=200&take=50")] * 2
    done = replayed(asking(*asked), settings)
    assert (done.reason, done.stats["satchel/verdict"]) == ("not_recorded", "failed")
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert line.startswith(f"GET {url}/page?skip=200&take=50: not in the cassette tape")
    assert f"nearest is GET {url}/page?skip=100&take=50" in line
    assert "(query skip: 100 is recorded, 200 asked for)" in line
    assert done.stats["satchel/cassette/missing"] == 1


def test_a_damaged_segment_is_named_and_the_others_are_used(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(counting()) as url:
        for path in ("/a", "/b", "/c"):
            own = {**settings, "SATCHEL_CASSETTE_MODE": "new_episodes"}
            crawl(asking(scrapy.Request(url + path)), own)
    names = [file.name[:4] for file in segments(recorded(settings))]
    assert names == ["0001", "0002", "0003"]
    broken = segments(recorded(settings))[1]
    broken.write_text(broken.read_text()[:200])
    caplog.clear()
    done = replayed(asking(scrapy.Request(f"{url}/a"), scrapy.Request(f"{url}/c")), settings)
    assert len(done.items) == 2
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert broken.name in line
    assert "damaged and left out; 3 exchanges in 2 segments of others are used" in line
    assert done.stats["satchel/cassette/damaged"] == 1


def test_a_recording_that_cannot_be_written_ends(
    settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    settings["SATCHEL_CASSETTE_FOLDER"] = str(tmp_path / "file")
    with serving(counting()) as url:
        done = crawl(asking(scrapy.Request(f"{url}/a")), settings)
    assert len(done.items) == 1
    assert done.stats["satchel/cassette/failed"] == 1
    assert "Not a directory; the recording ends here" in caplog.text


def test_two_crawls_record_into_one_cassette(settings: dict[str, Any]) -> None:
    own = {
        **settings, "SATCHEL_CASSETTE_SECONDS": 0, "SATCHEL_CASSETTE_MODE": "new_episodes",
    }  # fmt: skip
    with serving(counting()) as url:
        inner: list[Crawl] = []

        class Outer(scrapy.Spider):
            name = "outer"

            async def start(self) -> AsyncIterator[Any]:
                for path in "ab":
                    yield scrapy.Request(f"{url}/{path}")

            def parse(self, response: Any) -> None:
                spider = asking(scrapy.Request(f"{response.url}/inner"))
                thread = threading.Thread(target=lambda: inner.append(crawl(spider, own)))
                thread.start()
                thread.join()

        crawl(Outer, own)
    asked = [e.asked.url for file in segments(recorded(settings)) for e in read(file, JSON)]
    assert {f"{url}/{path}" for path in ("a", "b", "a/inner", "b/inner")} <= set(asked)


def test_large_recordings_are_cut_into_segments(settings: dict[str, Any]) -> None:
    async def large(request: web.Request) -> web.Response:
        return web.Response(text=request.path * 100_000)

    with serving(large) as url:
        spider = asking(*(scrapy.Request(f"{url}/{n}") for n in range(6)))
        live = crawl(spider, settings)
    assert len(segments(recorded(settings))) >= 2
    assert replayed(spider, settings).items == live.items


def test_killed_fifty_times_while_it_records(tmp_path: Path) -> None:
    answered = itertools.count()
    seen = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal seen
        await asyncio.sleep(0.01)
        seen = next(answered)
        return web.Response(text=request.path * 1000)

    chance, folder, known = random.Random(1), tmp_path / "tape", set[str]()
    kills = written = 0
    with serving(slow) as url:
        while kills < 50:
            until = seen + chance.randint(1, 8)
            process = started(url, str(tmp_path))
            while seen < until and process.is_alive():
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
            kills += process.is_alive()
            process.kill()
            process.join()
            found = [one for file in segments(folder) for one in read(file, JSON)]
            urls = {one.asked.url for one in found}
            assert known <= urls
            written += len(urls - known)
            known = urls
            if len(known) == REQUESTS:
                shutil.rmtree(folder)
                known = set()
        assert written > 50
        recording(url, str(tmp_path), "new_episodes")
    again = recording(url, str(tmp_path), "none")
    assert again.stats["satchel/cassette/played"] == REQUESTS
    assert {item["body"] for item in again.items} == {
        f"/{number}".encode() * 1000 for number in range(REQUESTS)
    }
