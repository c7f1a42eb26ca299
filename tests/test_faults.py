"""A server that misbehaves as it is told, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from satchel.faults import KINDS, Faults, Kind, Quota
from satchel.recnet.world import World
from satchel.sandbox import Sandbox
from satchel.testing import crawl, running_sandbox

ROWS = list(range(40))


async def _rows(request: web.Request) -> web.Response:
    skip = int(request.query.get("skip", 0))
    return web.json_response(ROWS[skip : skip + 20], headers={"X-Own": "yes"})


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=await request.text())


async def _missing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


@contextlib.asynccontextmanager
async def server(faults: Faults) -> AsyncIterator[tuple[Sandbox, aiohttp.ClientSession]]:
    sandbox = Sandbox([], faults=faults)
    router = sandbox._app.router
    router.add_get("/rows", _rows)
    router.add_post("/echo", _echo)
    router.add_get("/missing", _missing)
    await sandbox.start()
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(sandbox.url, timeout=timeout, auto_decompress=False) as http:
        yield sandbox, http
    await sandbox.stop()


class Answer:
    """One reply, read, and how long it took."""

    def __init__(self, status: int, headers: Any, body: bytes, seconds: float) -> None:
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def fetch(http: aiohttp.ClientSession, path: str = "/rows", **more: Any) -> Answer:
    began = time.monotonic()
    async with http.get(path, **more) as response:
        body = await response.read()
        return Answer(response.status, response.headers, body, time.monotonic() - began)


def always(kind: Kind, **more: Any) -> Faults:
    return Faults(rate=1, kinds=(kind,), in_a_row=None, **more)


def under(faults: Faults, path: str = "/rows", **more: Any) -> Answer:
    """The answer of a server with *faults*; the fault is in its log."""

    async def ask() -> Answer:
        async with server(faults) as (sandbox, http):
            answer = await fetch(http, path, **more)
            (asked,) = sandbox.log
            assert asked.fault == (faults.kinds[0] if faults.rate else "")
            assert asked.status == answer.status
            return answer

    return asyncio.run(ask())


def failing(kind: Kind) -> aiohttp.ClientError:
    """The error that a client of a server with a fault gets."""

    async def ask() -> aiohttp.ClientError:
        async with server(always(kind)) as (sandbox, http):
            with pytest.raises(aiohttp.ClientError) as caught:
                await fetch(http)
            assert {asked.fault for asked in sandbox.log} == {kind}
            return caught.value

    return asyncio.run(ask())


def run(faults: Faults, script: Callable[[Sandbox, aiohttp.ClientSession], Awaitable[Any]]) -> Any:
    async def play() -> Any:
        async with server(faults) as (sandbox, http):
            return await script(sandbox, http)

    return asyncio.run(play())


# What each kind does


def test_without_faults_nothing_happens() -> None:
    assert under(Faults()).json == ROWS[:20]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("status_5")])
def test_errors_of_the_server(kind: Kind) -> None:
    answer = under(always(kind))
    assert answer.status == int(kind.removeprefix("status_"))
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Retry-After" not in answer.headers


def test_status_404() -> None:
    assert under(always("status_404")).status == 404


@pytest.mark.parametrize("kind", ["status_429", "status_403"])
@pytest.mark.parametrize("wait", ["2", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_statuses_that_say_when_to_come_back(kind: Kind, wait: str) -> None:
    answer = under(always(kind, retry_after=wait))
    assert answer.status == int(kind.removeprefix("status_"))
    assert answer.headers["Retry-After"] == wait
    assert answer.json["statusCode"] == answer.status


def test_a_429_need_not_say_when_to_come_back() -> None:
    answer = under(always("status_429", retry_after=""))
    assert (answer.status, answer.headers.get("Retry-After")) == (429, None)


def test_forbidden_says_nothing_more() -> None:
    answer = under(always("forbidden"))
    assert answer.status == 403
    assert not {"Retry-After", "cf-mitigated"} & set(answer.headers)


def test_challenge() -> None:
    answer = under(always("challenge"))
    assert answer.status == 403
    assert answer.headers["cf-mitigated"] == "challenge"
    assert answer.body.startswith(b"<html>")


def test_reset() -> None:
    error = failing("reset")
    assert isinstance(error, aiohttp.ClientOSError)
    assert isinstance(error, ConnectionResetError) or "reset" in str(error).lower()


def test_truncated() -> None:
    error = failing("truncated")
    assert isinstance(error, aiohttp.ClientPayloadError)


def test_truncated_sends_the_first_half() -> None:
    async def read(sandbox: Sandbox, http: aiohttp.ClientSession) -> tuple[int, bytes]:
        async with http.get("/rows") as response:
            got = await response.content.readany()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.readany()
            return response.content_length or 0, got

    length, got = run(always("truncated"), read)
    whole = json.dumps(ROWS[:20]).encode()
    assert length == len(whole)
    assert got == whole[: length // 2]


def test_invalid_json() -> None:
    answer = under(always("invalid_json"))
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match="char"):
        _ = answer.json


def test_invalid_json_of_a_number_is_no_number() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> bytes:
        async with http.post("/echo", data="42") as response:
            return await response.read()

    faults = Faults(rate=1, kinds=("invalid_json",))
    body = run(faults, ask)
    with pytest.raises(ValueError, match="char"):
        json.loads(body)


def test_wrong_type_is_json_in_disguise() -> None:
    answer = under(always("wrong_type"))
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.json == ROWS[:20]
    assert answer.headers["X-Own"] == "yes"


def test_drip_is_slow_and_whole() -> None:
    answer = under(always("drip", drip=0.3))
    assert answer.json == ROWS[:20]
    assert answer.seconds >= 0.3


def test_gzip_for_those_who_accept_it() -> None:
    answer = under(always("gzip"), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body)) == ROWS[:20]

    async def plainly(sandbox: Sandbox, http: aiohttp.ClientSession) -> str:
        answer = await fetch(http, headers={"Accept-Encoding": "identity"})
        assert answer.json == ROWS[:20]
        return sandbox.log[0].fault

    assert run(always("gzip"), plainly) == ""


def test_repeat_shows_the_first_page_again() -> None:
    assert under(always("repeat"), "/rows?skip=20&take=5").json == ROWS[:20]

    async def first(sandbox: Sandbox, http: aiohttp.ClientSession) -> list[str]:
        for path in ("/rows", "/rows?skip=0"):
            await fetch(http, path)
        return [asked.fault for asked in sandbox.log]

    assert run(always("repeat"), first) == ["", ""]


def test_silence_is_logged_though_it_is_never_answered() -> None:
    async def wait(sandbox: Sandbox, http: aiohttp.ClientSession) -> Any:
        with pytest.raises(TimeoutError):
            await fetch(http, timeout=aiohttp.ClientTimeout(total=0.2))
        return sandbox.log[0]

    asked = run(always("silence"), wait)
    assert (asked.fault, asked.status) == ("silence", 0)


def test_a_silent_server_waits_for_no_client_that_left() -> None:
    async def leave(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        before = len(asyncio.all_tasks())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await fetch(http, timeout=aiohttp.ClientTimeout(total=0.1))
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == before

    run(always("silence"), leave)


def test_a_silent_server_stops_at_once() -> None:
    async def stop(sandbox: Sandbox, http: aiohttp.ClientSession) -> float:
        waiting = asyncio.create_task(fetch(http))
        while not sandbox.log:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await sandbox.stop()
        with pytest.raises(aiohttp.ClientError):
            await waiting
        return time.monotonic() - began

    assert run(always("silence"), stop) < 2


def test_latency() -> None:
    assert under(Faults(latency=0.2)).seconds >= 0.2


def test_an_answer_that_is_none_of_the_handlers_is_left_alone() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> tuple[int, str]:
        return (await fetch(http, "/missing")).status, sandbox.log[0].fault

    assert run(always("truncated"), ask) == (404, "")


# When


def sequence(faults: Faults, paths: list[str]) -> list[str]:
    """The faults that these paths get, one after the other."""

    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> list[str]:
        for path in paths:
            await fetch(http, path)
        return [asked.fault for asked in sandbox.log]

    return run(faults, ask)  # type: ignore[no-any-return]


SOME: tuple[Kind, ...] = ("status_500", "status_503", "status_429")
PATHS = [f"/rows?take={i}" for i in range(100)]


def test_the_same_seed_gives_the_same_faults_in_any_order() -> None:
    faults = Faults(rate=0.4, kinds=SOME)
    once = dict(zip(PATHS, sequence(faults, PATHS), strict=True))
    again = dict(zip(PATHS[::-1], sequence(faults, PATHS[::-1]), strict=True))
    assert once == again
    other = sequence(Faults(rate=0.4, kinds=SOME, seed=2), PATHS)
    assert list(once.values()) != other


def test_the_rate_and_all_kinds() -> None:
    found = sequence(Faults(rate=0.4, kinds=SOME), PATHS)
    assert 25 < sum(map(bool, found)) < 55
    assert set(found) == {"", *SOME}


@pytest.mark.parametrize("most", [0, 1, 2, 5])
def test_a_request_gets_only_so_many_faults_in_a_row(most: int) -> None:
    faults = Faults(rate=1, kinds=("status_500",), in_a_row=most)
    found = sequence(faults, ["/rows"] * (2 * most + 2))
    assert found == 2 * ([*["status_500"] * most, ""])


def test_without_a_limit_there_is_never_a_good_answer() -> None:
    assert set(sequence(always("status_500"), ["/rows"] * 10)) == {"status_500"}


def test_a_retry_is_decided_anew() -> None:
    faults = Faults(rate=0.5, kinds=("status_500",), in_a_row=None)
    assert set(sequence(faults, ["/rows"] * 20)) == {"", "status_500"}


def test_bodies_tell_requests_apart() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> list[str]:
        for body in ("a", "b", "a"):
            async with http.post("/echo", data=body) as response:
                await response.read()
        return [asked.fault for asked in sandbox.log]

    once = Faults(rate=1, kinds=("status_500",), in_a_row=1)
    assert run(once, ask) == ["status_500", "status_500", ""]


def test_only_what_is_selected() -> None:
    faults = Faults(rate=1, kinds=("status_500",), only=r"^/rows\?take=[12]$", latency=0.05)
    assert sequence(faults, PATHS[:4]) == ["", "status_500", "status_500", ""]


def test_quota() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        answers = [await fetch(http, path) for path in PATHS[:5]]
        assert [answer.status for answer in answers] == [200, 200, 200, 403, 403]
        assert answers[3].headers["Retry-After"] == "1"
        assert answers[3].json["message"].startswith("Out of call volume quota")
        await asyncio.sleep(0.6)
        assert (await fetch(http)).status == 200
        assert [asked.fault for asked in sandbox.log] == ["", "", "", "quota", "quota", ""]

    run(Faults(quota=Quota(calls=3, seconds=0.6)), ask)


def test_quota_of_a_rate_is_a_429_for_longer() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> Answer:
        return await fetch(http)

    answer = run(Faults(quota=Quota(calls=0, seconds=90, status=429)), ask)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "90"


def test_faults_change_while_it_runs_and_begin_anew() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> list[int]:
        found = [(await fetch(http)).status]
        for kind in ("status_500", "status_503"):
            sandbox.faults = Faults(rate=1, kinds=(kind,), in_a_row=1)
            found += [(await fetch(http)).status, (await fetch(http)).status]
        sandbox.faults = Faults()
        return [*found, (await fetch(http)).status]

    assert run(Faults(), ask) == [200, 500, 200, 503, 200, 200]


def test_the_log_is_always_shown() -> None:
    async def ask(sandbox: Sandbox, http: aiohttp.ClientSession) -> Any:
        await fetch(http)
        return (await fetch(http, "/sandbox/log")).json

    (asked,) = run(always("status_500"), ask)
    assert asked["fault"] == "status_500"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"rate": 1.5}, "rate 1.5: expected a number from 0 to 1"),
        ({"latency": -1.0}, "latency -1: expected seconds"),
        ({"kinds": ("status_999",)}, "status_999: no such kind"),
        ({"kinds": ()}, "no kinds"),
        ({"only": "("}, "not a regular expression"),
    ],
)
def test_faults_that_make_no_sense(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Faults(**wrong)


@pytest.mark.parametrize(("calls", "seconds"), [(-1, 1.0), (5, 0.0)])
def test_quotas_that_make_no_sense(calls: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="expected calls/seconds"):
        Quota(calls, seconds)


# Under a crawl


def test_a_crawl_of_a_bad_server_ends_with_what_one_of_a_good_server_ends_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "any")
    kinds: tuple[Kind, ...] = ("status_500", "status_502", "status_503", "reset", "truncated")
    players = ",".join(map(str, list(World().accounts)[:20]))
    with running_sandbox(faults=Faults(rate=0.7, kinds=kinds, only="^/(?!robots)")) as sandbox:
        slots = {"127.0.0.1": {"delay": 0, "concurrency": 8}}
        settings = {"SATCHEL_RECNET_URL": sandbox.url, "DOWNLOAD_SLOTS": slots}
        bad = crawl("recnet-images", settings, by_player=players)
        injected = [asked.fault for asked in sandbox.log if asked.fault]
        sandbox.faults = Faults()
        good = crawl("recnet-images", settings, by_player=players)
    assert set(injected) == set(kinds)
    # aiohttp itself asks again when a connection that it had kept open is reset.
    surely = [fault for fault in injected if fault != "reset"]
    assert len(surely) <= bad.stats["retry/count"] <= len(injected)
    assert bad.reason == "finished"
    assert good.items
    assert {item.id for item in bad.items} == {item.id for item in good.items}
