"""Runs the services' local servers: one aiohttp application on a loopback address.

It keeps a log of what it was asked, for tests and for people who want to see what a crawl sends.
"""

from __future__ import annotations

import re
import socket
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
from aiohttp import web

from satchel.faults import Faults, Injector
from satchel.service import Service

LOOPBACK: Final = "127.0.0.1"
LOG_PATH: Final = "/sandbox/log"
LOG_LENGTH: Final = 100_000
"""Requests that the log keeps; older ones are dropped."""

_REDACTED: Final = frozenset(
    {"ocp-apim-subscription-key", "authorization", "proxy-authorization", "cookie"}
)
_PASSWORDS: Final = re.compile(
    r"""(?ix)
    ("[^"]*password[^"]*" \s* : \s* ") (?: [^"\\] | \\. )*   # JSON
    | ((?: ^ | & ) [^=&]*password[^=&]* = ) [^&]*            # a form
    """
)
_UNANSWERED: Final = ("reset", "lost", "silence")
_PATIENCE: Final = 0.1
"""Seconds that requests under way get when the server stops."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(msgspec.Struct, frozen=True):
    """One request that the sandbox got. Credentials are shown as ``[secure]``.

    :ivar time: of the answer
    :ivar status: of the answer; 0 if there was none
    :ivar fault: the fault that it got (:data:`satchel.faults.KINDS` or ``quota``); empty: none
    :ivar seconds: that it took to answer
    """

    time: float
    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    fault: str = ""
    seconds: float = 0.0


class Sandbox:
    """The local server of some services, on a free port of the loopback interface.

    :param services: whose APIs it serves
    :param seed: which synthetic world
    :param scale: how many times as large as the default world
    :param port: the port, 0 for a free one
    :param names: how many addresses it listens on; a service that has several hosts can be given
        one for each, so that a test sees which host was asked
    :param faults: how it misbehaves
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        seed: int = 1,
        scale: int = 1,
        port: int = 0,
        names: int = 1,
        faults: Faults | None = None,
    ) -> None:
        self.log: deque[Asked] = deque(maxlen=LOG_LENGTH)
        self._sockets = [socket.create_server((LOOPBACK, port)) for _ in range(names)]
        # A crawl that fails to begin never gets to stop().
        weakref.finalize(self, _close, self._sockets)
        self.urls = [f"http://{LOOPBACK}:{s.getsockname()[1]}" for s in self._sockets]
        self._injector = Injector(faults or Faults())
        self._app = web.Application(middlewares=[self._answer], client_max_size=2**24)
        for service in services:
            service.sandbox(self._app, seed, scale)
        self._runner = web.AppRunner(
            self._app, access_log=None, handler_cancellation=True, shutdown_timeout=_PATIENCE
        )

    @property
    def host(self) -> str:
        """The host name of its addresses."""
        return LOOPBACK

    @property
    def url(self) -> str:
        """Its (first) address, without a slash at the end."""
        return self.urls[0]

    @property
    def faults(self) -> Faults:
        """How it misbehaves. Can be set while it runs; what was seen before is forgotten."""
        return self._injector.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._injector.faults = faults

    async def start(self) -> None:
        """Begin to answer. Connections made since the object exists are answered now."""
        await self._runner.setup()
        for listening in self._sockets:
            await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()
        _close(self._sockets)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == LOG_PATH:
            return self._show_log()
        began = time.monotonic()
        body = await request.text()
        status, fault = 0, ""
        try:
            response, fault = await self._injector.answer(request, handler)
            status = 0 if fault in _UNANSWERED else response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        except Exception:
            status = 500
            raise
        finally:
            seconds = time.monotonic() - began
            self.log.append(_asked(request, body, status, fault, seconds))

    def _show_log(self) -> web.Response:
        body = msgspec.json.encode(list(self.log))
        return web.Response(body=body, content_type="application/json")


def _close(sockets: Iterable[socket.socket]) -> None:
    for listening in sockets:
        listening.close()


def _asked(request: web.Request, body: str, status: int, fault: str, seconds: float) -> Asked:
    headers = {
        name: "[secure]" if name.lower() in _REDACTED else value
        for name, value in request.headers.items()
    }
    return Asked(
        time=time.time(),
        method=request.method,
        host=request.host,
        path=request.path_qs,
        headers=headers,
        body=_PASSWORDS.sub(_secure, body),
        status=status,
        fault=fault,
        seconds=seconds,
    )


def _secure(found: re.Match[str]) -> str:
    return f"{found[1] or found[2]}[secure]"
