"""Who is told of scheduled jobs that failed, and that the address is told nobody."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from satchel import JobInfo, Secret
from satchel.hooks import Plugins
from satchel.plugins.alert import Settings
from satchel.schedule.telling import Telling

DUE = datetime(2027, 3, 28, tzinfo=UTC)
FAILED = JobInfo(
    id="rooms-1", name="rooms", spider="recnet-rooms", due=DUE, attempt=2, node="one",
    verdict="failed", why="9 items, where 40 are usual", items=9, errors=0, again=None,
)  # fmt: skip


@asynccontextmanager
async def webhook(status: int = 200) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and what it was sent."""
    got: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/abracadabra", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/abracadabra", got
    finally:
        await runner.cleanup()


async def tell(url: str, *jobs: JobInfo) -> None:
    telling = Telling(Plugins(), {"alert": Settings(url=Secret(url) if url else None)}, 10)
    for job in jobs:
        await telling.finished(job)


def test_only_what_failed_for_good() -> None:
    async def run() -> None:
        async with webhook() as (url, got):
            again = dataclasses.replace(FAILED, again=DUE)
            await tell(url, FAILED, again, dataclasses.replace(FAILED, verdict="complete"))
            await tell(url, dataclasses.replace(FAILED, verdict="skipped", attempt=1))
            await tell("", FAILED)
        assert got == [
            {
                "text": "rooms-1 failed on one: 9 items, where 40 are usual",
                "job": "rooms-1", "run": "rooms", "spider": "recnet-rooms", "node": "one",
                "due": "2027-03-28T00:00:00+00:00", "attempt": 2,
                "why": "9 items, where 40 are usual", "items": 9, "errors": 0,
            }
        ]  # fmt: skip

    asyncio.run(run())


def test_what_no_node_took_and_what_was_not_tried_again() -> None:
    async def run() -> None:
        async with webhook() as (url, got):
            nowhere = dataclasses.replace(FAILED, node="", items=None, errors=None)
            await tell(url, dataclasses.replace(nowhere, why="no node took it"))
            await tell(url, dataclasses.replace(nowhere, verdict="skipped", why="the next is due"))
        assert [message["text"] for message in got] == [
            "rooms-1 failed: no node took it",
            "rooms-1: what had failed was not tried again: the next is due",
        ]

    asyncio.run(run())


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/abracadabra", "abracadabra"])
def test_a_failure_of_its_own_shows_no_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with webhook(500) as (failing, _):
            await tell(url or failing, FAILED)

    asyncio.run(run())
    (message,) = caplog.messages
    assert message.startswith(
        "plugin alert: satchel_job_finished failed at rooms-1: SATCHEL_ALERT_URL: "
    )
    assert "abracadabra" not in caplog.text
