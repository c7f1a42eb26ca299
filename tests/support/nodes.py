"""A scrapyd of which a test says how its jobs go on: the part of its API that satchel uses."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from aiohttp import web
from w3lib.http import basic_auth_header

AUTH = basic_auth_header("satchel", "abracadabra-ж", encoding="utf-8").decode()


class FakeNode:
    """Jobs wait until they are told to run, and run until they are told to end.

    :ivar started: the ids that were started, in order, as often as they were
    :ivar signals: (id, signal) of each that was to be cancelled
    :ivar stubborn: jobs do not end when they are told to, but when they are killed
    :ivar forgetful: it takes a job and gives no answer
    :ivar port: where it listens; ``None``: it does not
    """

    def __init__(self, *, password: bool = False) -> None:
        self.pending: list[dict[str, str]] = []
        self.running: list[dict[str, str]] = []
        self.finished: list[dict[str, str]] = []
        self.started: list[str] = []
        self.arguments: dict[str, dict[str, str]] = {}
        self.signals: list[tuple[str, str]] = []
        self.stubborn = self.forgetful = self.deaf = False
        self.refuses = ""
        self.port: int | None = None
        self._password = password
        self._wanted = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.come()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._wanted}"

    async def come(self) -> None:
        """Listen, where it listened before."""
        app = web.Application()
        app.router.add_get("/listjobs.json", self._list)
        app.router.add_post("/schedule.json", self._start)
        app.router.add_post("/cancel.json", self._cancel)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._wanted)
        await site.start()
        self._wanted = self._runner.addresses[0][1]

    async def go(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def begin(self) -> None:
        """What waits runs."""
        self.running += self.pending
        self.pending = []

    def end(self, job: str = "") -> None:
        """What waits or runs has ended."""
        self.begin()
        done = [entry for entry in self.running if not job or entry["id"] == job]
        self.running = [entry for entry in self.running if entry not in done]
        self.finished += done

    def forget(self) -> None:
        """As scrapyd when it is started again: what ran is known no more."""
        self.running = []

    def _answer(self, request: web.Request, content: dict[str, Any]) -> web.Response:
        if self._password and request.headers.get("Authorization") != AUTH:
            return web.Response(status=401)
        return web.json_response({"status": "ok", **content})

    async def _list(self, request: web.Request) -> web.Response:
        content = {name: getattr(self, name) for name in ("pending", "running", "finished")}
        return self._answer(request, content)

    async def _start(self, request: web.Request) -> web.Response:
        if self.refuses:
            return self._answer(request, {"status": "error", "message": self.refuses})
        fields = {name: str(value) for name, value in (await request.post()).items()}
        if self.deaf:
            _cut(request)
        job, spider = fields.pop("jobid"), fields.pop("spider")
        self.started.append(job)
        self.arguments[job] = fields
        self.pending.append({"id": job, "spider": spider, "project": fields["project"]})
        if self.forgetful:
            _cut(request)
        return self._answer(request, {"jobid": job})

    async def _cancel(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.signals.append((fields["job"], fields["signal"]))
        self.pending = [entry for entry in self.pending if entry["id"] != fields["job"]]
        if not self.stubborn or fields["signal"] == "KILL":
            self.end(fields["job"])
        return self._answer(request, {})


def _cut(request: web.Request) -> None:
    assert isinstance(request.transport, asyncio.Transport)
    request.transport.abort()
