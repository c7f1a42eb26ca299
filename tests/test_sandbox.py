"""The shell of all local servers: its addresses, its log, starting and stopping."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from satchel.faults import Faults
from satchel.sandbox import LOG_LENGTH, Asked, Sandbox
from satchel.service import Service
from satchel.testing import command, running_sandbox


def get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def post(url: str, body: bytes, kind: str = "application/json") -> int:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def refuses(url: str) -> bool:
    """Whether nobody listens there."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) != 0


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


# The log


def test_what_was_asked_is_logged_in_order(sandbox: Sandbox) -> None:
    get(f"{sandbox.url}/rooms/8200?include=8", **{"X-Mine": "yes"})
    post(f"{sandbox.url}/rooms/bulk", b"id=8200&id=8201", "application/x-www-form-urlencoded")
    get(f"{sandbox.url}/rooms/5")
    first, second, third = sandbox.log
    assert (first.method, first.path, first.status) == ("GET", "/rooms/8200?include=8", 200)
    assert f"http://{first.host}" == sandbox.url
    assert first.headers["X-Mine"] == "yes"
    assert (second.method, second.body, second.status) == ("POST", "id=8200&id=8201", 200)
    assert third.status == 404
    assert first.time <= second.time <= third.time
    assert {asked.fault for asked in sandbox.log} == {""}


def test_what_the_application_knows_nothing_of_is_logged_too(sandbox: Sandbox) -> None:
    assert get(f"{sandbox.url}/nowhere")[0] == 404
    assert [(asked.path, asked.status) for asked in sandbox.log] == [("/nowhere", 404)]


def test_the_log_can_be_read_over_http_and_does_not_log_itself(sandbox: Sandbox) -> None:
    get(f"{sandbox.url}/health")
    for _ in range(2):
        status, body = get(f"{sandbox.url}/sandbox/log")
        assert status == 200
        (row,) = json.loads(body)
        assert set(row) == set(Asked.__struct_fields__)
        assert (row["path"], row["status"]) == ("/health", 200)


def test_the_log_has_an_end() -> None:
    sandbox = Sandbox([])
    assert sandbox.log.maxlen == LOG_LENGTH


@pytest.mark.parametrize(
    "header",
    ["Ocp-Apim-Subscription-Key", "Authorization", "Proxy-Authorization", "Cookie", "cookie"],
)
def test_credentials_in_headers_are_not_logged(sandbox: Sandbox, header: str) -> None:
    get(f"{sandbox.url}/rooms/8200", **{header: "throwaway-1"})
    (asked,) = sandbox.log
    lowered = {name.lower(): value for name, value in asked.headers.items()}
    assert lowered[header.lower()] == "[secure]"
    assert b"throwaway-1" not in get(f"{sandbox.url}/sandbox/log")[1]


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        (
            r'{"username": "a", "password": "throw\"away", "x": 1}',
            '{"username": "a", "password": "[secure]", "x": 1}',
        ),
        ('{"current-password":"throwaway"}', '{"current-password":"[secure]"}'),
        ("username=a&password=throwaway&x=1", "username=a&password=[secure]&x=1"),
        ("confirm_password=throwaway", "confirm_password=[secure]"),
        ('{"note": "no password here"}', '{"note": "no password here"}'),
    ],
)
def test_passwords_in_bodies_are_not_logged(sandbox: Sandbox, body: str, logged: str) -> None:
    post(f"{sandbox.url}/login", body.encode())
    assert [asked.body for asked in sandbox.log] == [logged]


def test_a_handler_that_fails_is_a_500_in_the_log() -> None:
    async def ask() -> None:
        sandbox = Sandbox([_service()])
        await sandbox.start()
        async with aiohttp.ClientSession() as http, http.get(f"{sandbox.url}/own") as answer:
            assert answer.status == 500
        assert [asked.status for asked in sandbox.log] == [500]
        await sandbox.stop()

    asyncio.run(ask())


async def _break_down(request: web.Request) -> web.Response:
    raise RuntimeError("on purpose")


def _service(seen: list[tuple[int, int]] | None = None) -> Service:
    """A service whose server has one path, which breaks down."""

    def serve(app: web.Application, seed: int, scale: int) -> None:
        app.router.add_get("/own", _break_down)
        if seen is not None:
            seen.append((seed, scale))

    unused: Any = None
    return Service(
        name="own", items=(), settings=unused, spiders=(), client=unused, key=unused,
        paces=unused, sandbox=serve, in_sandbox=unused,
    )  # fmt: skip


# Addresses, starting and stopping


def test_several_addresses_are_one_server() -> None:
    with running_sandbox(names=3) as sandbox:
        assert len(set(sandbox.urls)) == 3
        assert sandbox.url == sandbox.urls[0]
        assert len({get(f"{url}/rooms/8200") for url in sandbox.urls}) == 1
        assert [f"http://{asked.host}" for asked in sandbox.log] == sandbox.urls


def test_it_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    assert sandbox.host == "127.0.0.1"
    (listening,) = sandbox._sockets
    assert listening.getsockname()[0] == "127.0.0.1"


def test_services_get_seed_and_scale() -> None:
    seen: list[tuple[int, int]] = []
    Sandbox([_service(seen)], seed=7, scale=3)
    assert seen == [(7, 3)]


def test_who_connects_before_the_start_is_answered_after_it() -> None:
    async def ask() -> int:
        sandbox = Sandbox([])
        async with aiohttp.ClientSession() as http:
            early = asyncio.create_task(http.get(f"{sandbox.url}/nowhere"))
            await asyncio.sleep(0.1)
            assert not early.done()
            await sandbox.start()
            async with await early as answer:
                status = answer.status
        await sandbox.stop()
        return status

    assert asyncio.run(ask()) == 404


def test_nothing_is_left_open() -> None:
    with running_sandbox(names=2) as sandbox:
        for url in sandbox.urls:
            assert get(f"{url}/health")[0] == 200
    assert all(refuses(url) for url in sandbox.urls)
    assert all(listening.fileno() == -1 for listening in sandbox._sockets)


def test_connections_that_are_kept_open_do_not_delay_the_stop() -> None:
    async def ask() -> None:
        sandbox = Sandbox([])
        await sandbox.start()
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{sandbox.url}/nowhere") as answer:
                await answer.read()
            await asyncio.wait_for(sandbox.stop(), 2)
            with pytest.raises(aiohttp.ClientError):
                await http.get(f"{sandbox.url}/nowhere")

    asyncio.run(ask())


def test_one_that_never_started_leaves_nothing_open() -> None:
    sandbox = Sandbox([])
    url = sandbox.url
    assert not refuses(url)
    del sandbox
    gc.collect()
    assert refuses(url)


def test_one_that_never_started_can_be_stopped() -> None:
    sandbox = Sandbox([])
    asyncio.run(sandbox.stop())
    assert refuses(sandbox.url)


def test_a_port_that_is_taken(sandbox: Sandbox) -> None:
    port = urlsplit(sandbox.url).port
    with pytest.raises(OSError, match="in use"):
        Sandbox([], port=port or 0)


# `satchel sandbox`


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """`satchel sandbox`, its address; interrupted as a person would."""
    program = Path(sys.executable).with_name("satchel")
    process = subprocess.Popen(
        [str(program), "sandbox", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stderr
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()


def test_the_command_serves_until_it_is_interrupted() -> None:
    with serving("--seed", "3") as url, running_sandbox(seed=3) as same:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert get(f"{url}/rooms/hot") == get(f"{same.url}/rooms/hot")
    assert refuses(url)


def test_the_command_misbehaves_as_told() -> None:
    options = ["--faults", "1", "--kinds", "status_503", "--only", "rooms/82", "--latency", "20"]
    with serving(*options) as url:
        found = [get(f"{url}/rooms/8200")[0] for _ in range(3)]
        assert found == [503, 503, 200]
        assert get(f"{url}/rooms/hot")[0] == 200
        log = json.loads(get(f"{url}/sandbox/log")[1])
        assert [row["fault"] for row in log] == ["status_503", "status_503", "", ""]


def test_the_command_has_a_quota() -> None:
    with serving("--quota", "2/60") as url:
        assert [get(f"{url}/rooms/8200")[0] for _ in range(3)] == [200, 200, 403]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--kinds", "status_50"], "--kinds status_50: no such kind; did you mean status_50"),
        (["--kinds", ","], "no kinds of faults"),
        (["--faults", "7"], "rate 7: expected a number from 0 to 1"),
        (["--latency", "-1"], "latency -0.001: expected seconds, 0 or more"),
        (["--only", "("], "(: not a regular expression"),
        (["--quota", "fast"], "--quota fast: expected calls/seconds, like 50/1"),
        (["--quota", "5/0"], "quota 5/0: expected calls/seconds"),
    ],
)
def test_options_that_make_no_sense(options: list[str], reason: str, tmp_path: Path) -> None:
    done = command("satchel", "sandbox", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"satchel: {reason}")
    assert done.stderr.count("\n") == 1


def test_the_default_is_to_behave() -> None:
    assert Sandbox([]).faults == Faults()
