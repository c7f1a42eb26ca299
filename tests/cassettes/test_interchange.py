"""What requests + betamax recorded replays in satchel, and the other way round."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import requests
import scrapy
from aiohttp import web
from betamax import Betamax

from satchel.cassettes.exchange import Exchange, from_interaction
from satchel.cassettes.segments import segments
from satchel.cassettes.serializers import JsonSerializer, ReadableSerializer
from satchel.cassettes.sources import exchanges
from satchel.errors import CassetteError
from satchel.testing import Crawl, crawl
from serving import serving

Betamax.register_serializer(ReadableSerializer)

TEXT = "packed: ü".encode()
WHOLE = {
    "gzip, of two": ("gzip", gzip.compress(TEXT[:4]) + gzip.compress(TEXT[4:])),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate, bare": ("Deflate", zlib.compress(TEXT, wbits=-15)),
    "br": ("br", brotli.compress(TEXT)),
    "both": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "unpacked": ("gzip", TEXT),
}


def packed(encoding: str, body: bytes) -> dict[str, Any]:
    """An exchange as betamax has it."""
    return {
        "request": {"method": "GET", "uri": "http://a/", "headers": {}, "body": ""},
        "response": {
            "headers": {"Content-Encoding": [encoding]},
            "body": {"base64_string": base64.b64encode(body).decode()},
            "status": {"code": 200, "message": "OK"},
        },
    }


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_packed_is_unpacked(name: str) -> None:
    assert from_interaction(packed(*WHOLE[name])).body == TEXT


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "unpacked"])
def test_what_is_packed_and_lacks_its_end_is_damaged(name: str) -> None:
    encoding, body = WHOLE[name]
    with pytest.raises(CassetteError, match="is damaged"):
        from_interaction(packed(encoding, body[:-3]))


def test_a_damaged_exchange_is_named_and_those_around_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    cassette = [packed("gzip", body) for body in (b"x", gzip.compress(TEXT)[:-1], b"y")]
    path.write_text(json.dumps({"http_interactions": cassette}))
    found = list(exchanges(path, JsonSerializer()))
    assert [one.body for one in found if isinstance(one, Exchange)] == [b"x", b"y"]
    (error,) = [str(one) for one in found if isinstance(one, CassetteError)]
    assert error.startswith("exchange 2: its gzip is damaged")


MULTIPART = (
    b'--one\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xbc\r\n'
    b'--one\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nbytes\r\n--one--\r\n'
)
ASKED: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/same", {}, b""),
    ("GET", "/same", {}, b""),
    ("GET", "/query?b=2&a=1&a=0&c=", {}, b""),
    ("GET", "/moved", {}, b""),
    ("GET", "/binary", {}, b""),
    ("GET", "/packed", {}, b""),
    ("GET", "/deflated", {}, b""),
    ("GET", "/empty", {}, b""),
    ("GET", "/latin", {}, b""),
    ("GET", "/missing", {}, b""),
    ("POST", "/form", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&b=%C3%BC"),
    ("POST", "/form", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=2"),
    ("POST", "/json", {"Content-Type": "application/json"}, b'{"a": [1, null, "\xc3\xbc"]}'),
    ("POST", "/parts", {"Content-Type": "multipart/form-data; boundary=one"}, MULTIPART),
]


def answering(exact: bool) -> Any:
    numbers = iter(range(1, 1000))

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/moved":
            cookies = {"Set-Cookie": "a=first-of-two; Path=/"}
            return web.Response(status=302, headers={"Location": "/there", **cookies})
        if request.path == "/binary" and exact:
            return web.Response(body=bytes(range(256)) * 9, content_type="image/png")
        if request.path == "/packed":
            body = gzip.compress("packed: ü".encode())
            kind = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
            return web.Response(body=body, headers=kind)
        if request.path == "/deflated" and exact:
            body = zlib.compress("deflated: ü".encode())
            kind = {"Content-Encoding": "deflate", "Content-Type": "text/plain; charset=utf-8"}
            return web.Response(body=body, headers=kind)
        if request.path == "/empty":
            return web.Response(status=204)
        if request.path == "/latin":
            kind = {"Content-Type": "text/plain; charset=latin-1"}
            return web.Response(body="né".encode("latin-1"), headers=kind)
        status = 404 if request.path == "/missing" else 200
        body = (await request.read()).decode("latin-1")
        return web.json_response([next(numbers), request.path_qs, body], status=status)

    return answer


class Asking(scrapy.Spider):
    """Makes all of these requests in turn."""

    name = "asking"
    custom_settings = {"HTTPERROR_ALLOW_ALL": True, "ROBOTSTXT_OBEY": False}  # noqa: RUF012
    url: str

    async def start(self) -> Any:
        yield self.request(0)

    def request(self, number: int) -> scrapy.Request:
        method, path, headers, body = ASKED[number]
        return scrapy.Request(
            self.url + path, method=method, headers=headers, body=body,
            dont_filter=True, cb_kwargs={"number": number},
        )  # fmt: skip

    def parse(self, response: Any, number: int) -> Any:
        yield {"status": response.status, "body": bytes(response.body), "url": response.url}
        if number + 1 < len(ASKED):
            yield self.request(number + 1)


def by_satchel(url: str, folder: Path, name: str, **settings: Any) -> list[Any]:
    done: Crawl = crawl(
        type("Asking", (Asking,), {"url": url}),
        {"SATCHEL_CASSETTE": name, "SATCHEL_CASSETTE_FOLDER": str(folder), **settings},
    )
    assert done.reason == "finished"
    return done.items


def by_requests(url: str, folder: Path, name: str, **options: Any) -> list[Any]:
    session = requests.Session()
    found = []
    with Betamax(session, cassette_library_dir=str(folder)) as betamax:
        matchers = ["method", "uri", "body"]
        betamax.use_cassette(name, match_requests_on=matchers, **options)
        for method, path, headers, body in ASKED:
            answer = session.request(method, url + path, headers=headers, data=body)
            found.append({"status": answer.status_code, "body": answer.content, "url": answer.url})
    session.close()
    return found


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    # betamax keeps bytes that are no text only where it keeps all bodies in base64.
    exact = "betamax_recorded[readable]" not in request.node.name
    with serving(answering(exact)) as address:
        yield address


@pytest.mark.parametrize("form", ["json", "readable"])
def test_satchel_replays_what_betamax_recorded(url: str, tmp_path: Path, form: str) -> None:
    (tmp_path / "tape").mkdir()
    live = by_requests(
        url, tmp_path / "tape", "any-name",
        serialize_with=form, preserve_exact_body_bytes=form == "json",
    )  # fmt: skip
    assert len(live) == len(ASKED)
    assert live[3]["url"] == f"{url}/there"
    again = by_satchel(
        url, tmp_path, "tape", SATCHEL_CASSETTE_MODE="none", SATCHEL_CASSETTE_FORMAT=form
    )
    assert again == live


SECRETS: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/query?api_key=0123456789abcdef&a=1", {}, b""),
    (
        "POST", "/login",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"username=me&password=fedcba9876543210",
    ),
]  # fmt: skip


def test_satchel_replays_what_betamax_recorded_with_secrets(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{__name__}.ASKED", SECRETS)
    (tmp_path / "tape").mkdir()
    live = by_requests(url, tmp_path / "tape", "any-name")
    again = by_satchel(url, tmp_path, "tape", SATCHEL_CASSETTE_MODE="none")
    assert [item["status"] for item in again] == [item["status"] for item in live] == [200, 200]
    assert again == live
    # One that is not there is compared with these, whose secrets are not shown.
    monkeypatch.setattr(f"{__name__}.ASKED", [("GET", "/query?a=2", {}, b"")])
    with pytest.raises(AssertionError):
        by_satchel(url, tmp_path, "tape", SATCHEL_CASSETTE_MODE="none")
    assert "api_key=<API_KEY>" in caplog.text
    assert "0123456789abcdef" not in caplog.text


@pytest.mark.parametrize("form", ["json", "readable"])
def test_betamax_replays_what_satchel_recorded(url: str, tmp_path: Path, form: str) -> None:
    live = by_satchel(url, tmp_path, "tape", SATCHEL_CASSETTE_FORMAT=form)
    assert len(live) == len(ASKED)
    (segment,) = segments(tmp_path / "tape")
    name = segment.name.split(".")[0]
    again = by_requests(url, segment.parent, name, record="none", serialize_with=form)
    assert again == live


def test_a_diff_of_the_readable_form_shows_what_is_meant(url: str, tmp_path: Path) -> None:
    by_satchel(url, tmp_path, "tape", SATCHEL_CASSETTE_FORMAT="readable")
    (segment,) = segments(tmp_path / "tape")
    lines = segment.read_text().splitlines()
    assert '"a": [' in {line.strip() for line in lines}
    assert max(map(len, lines)) < 4000
