"""Makes a local server misbehave, so that crawlers can be tested against the world.

Which request gets which fault follows from the seed, the request, and how often it was made: the
same run has the same faults, and one who asks again gets a good answer in the end.
"""

from __future__ import annotations

import asyncio
import math
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, Literal, get_args

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

Kind = Literal[
    "status_500",
    "status_502",
    "status_503",
    "status_429",
    "status_403",
    "reset",
    "lost",
    "truncated",
    "invalid_json",
    "drip",
    "gzip",
    "wrong_type",
    "repeat",
    "forbidden",
    "status_404",
    "challenge",
    "silence",
]
"""What can go wrong:

- ``status_500``, ``status_502``, ``status_503``, ``status_404``: that status, with an HTML page
- ``status_429``, ``status_403``: that status, with ``Retry-After``; ``forbidden``: a bare 403
- ``challenge``: an HTML 403 that asks for a browser, marked ``cf-mitigated: challenge``
- ``reset``: the connection is reset before a byte is answered; ``silence``: never an answer
- ``lost``: the server does what it is asked, and then the connection is reset
- ``truncated``: the connection ends in the middle of the body
- ``invalid_json``: the body is cut, its length agrees; ``wrong_type``: JSON that says ``text/html``
- ``drip``: the body comes in small pieces; ``gzip``: compressed, for those who accept it
- ``repeat``: a page of a listing is its first page, whatever was asked for
"""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TRANSIENT: Final[tuple[Kind, ...]] = (
    "status_500",
    "status_502",
    "status_503",
    "status_429",
    "status_403",
    "reset",
    "truncated",
)
"""The faults that one who asks again gets over."""

PAGE_WORDS: Final = ("skip", "offset", "o", "page")
"""The query's names for where a page begins."""

_SIGNALLED: Final = ("status_429", "status_403")
_DRIPS: Final = 10

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Quota(msgspec.Struct, frozen=True):
    """So many calls in so many seconds; who asks for more is told when to come back."""

    calls: int
    seconds: float
    status: Literal[403, 429] = 403

    def __post_init__(self) -> None:
        if self.calls < 0 or self.seconds <= 0:
            raise ValueError(f"quota {self.calls}/{self.seconds:g}: expected calls/seconds")


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How a server misbehaves. The default is not at all."""

    rate: float = 0.0
    """How many of the requests get a fault: 0 to 1."""
    kinds: tuple[Kind, ...] = TRANSIENT
    """Which faults, each as likely as the others."""
    latency: float = 0.0
    """Seconds that every answer waits."""
    only: str = ""
    """A regular expression: what misbehaves, searched in path and query. Empty: everything."""
    in_a_row: int | None = 2
    """One request gets at most so many faults, then a good answer. None: no limit."""
    quota: Quota | None = None
    """Counted over all that ``only`` selects."""
    retry_after: str = "1"
    """What ``Retry-After`` says, but not the quota's: seconds or a date. Empty: there is none."""
    drip: float = 0.5
    """Seconds that a dripping body takes."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate {self.rate:g}: expected a number from 0 to 1")
        if self.latency < 0:
            raise ValueError(f"latency {self.latency:g}: expected seconds, 0 or more")
        if not self.kinds:
            raise ValueError("no kinds of faults")
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"{kind}: no such kind of fault ({', '.join(KINDS)})")
        try:
            re.compile(self.only)
        except re.error as error:
            raise ValueError(f"{self.only}: not a regular expression: {error}") from None


class Injector:
    """Brings faults into the answers of an aiohttp application."""

    def __init__(self, faults: Faults) -> None:
        self._plan = _Plan(faults)

    @property
    def faults(self) -> Faults:
        """How the server misbehaves. Setting it begins anew: nothing was seen yet."""
        return self._plan.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._plan = _Plan(faults)

    async def answer(
        self, request: web.Request, handler: Handler
    ) -> tuple[web.StreamResponse, str]:
        """The answer to a request, and the fault in it: a kind, ``quota``, or nothing.

        This is the body of a middleware.
        """
        # Faults that are set meanwhile are for the next request.
        plan = self._plan
        if not plan.concerns(request):
            return await handler(request), ""
        await asyncio.sleep(plan.faults.latency)
        if wait := plan.over_quota():
            return plan.refusal(wait), "quota"
        kind = plan.next(request, await request.read())
        if kind is None:
            return await handler(request), ""
        return await _inject(kind, plan.faults, request, handler), kind


class _Plan:
    """Some faults, and what was seen since they are in force."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._only = re.compile(faults.only)
        self._seen: dict[bytes, tuple[int, int]] = {}
        self._window = (-math.inf, 0)

    def concerns(self, request: web.Request) -> bool:
        return self._only.search(request.path_qs) is not None

    def over_quota(self) -> float:
        """Seconds until the quota is replenished; 0 while there is some left."""
        if (quota := self.faults.quota) is None:
            return 0
        now = time.monotonic()
        start, calls = self._window
        if now - start >= quota.seconds:
            start, calls = now, 0
        if calls >= quota.calls:
            return start + quota.seconds - now
        self._window = start, calls + 1
        return 0

    def refusal(self, wait: float) -> web.Response:
        status = self.faults.quota.status if self.faults.quota else 403
        return _come_back(status, str(math.ceil(wait)))

    def next(self, request: web.Request, body: bytes) -> Kind | None:
        """The fault that this request gets, if any."""
        kinds = [kind for kind in self.faults.kinds if _fits(kind, request)]
        if not self.faults.rate or not kinds:
            return None
        print_ = _fingerprint(request, body)
        seen, row = self._seen.get(print_, (0, 0))
        chance, choice = _draw(self.faults.seed, print_, seen)
        limit = self.faults.in_a_row
        faulty = chance < self.faults.rate and (limit is None or row < limit)
        self._seen[print_] = seen + 1, row + 1 if faulty else 0
        return kinds[choice % len(kinds)] if faulty else None


def _fits(kind: Kind, request: web.Request) -> bool:
    if kind == "repeat":
        return request.method == "GET" and bool(_places(request))
    if kind == "gzip":
        return "gzip" in request.headers.get("Accept-Encoding", "")
    return True


def _places(request: web.Request) -> list[str]:
    """The parts of the query that ask for another page than the first."""
    return [word for word in PAGE_WORDS if request.query.get(word, "0") != "0"]


def _fingerprint(request: web.Request, body: bytes) -> bytes:
    # Without the host: its port is another one each time.
    text = f"{request.method} {request.path_qs}\n".encode()
    return blake2b(text + body, digest_size=8).digest()


def _draw(seed: int, fingerprint: bytes, seen: int) -> tuple[float, int]:
    """A number from 0 to 1, and one to choose with."""
    digest = blake2b(f"{seed} {seen} ".encode() + fingerprint, digest_size=8).digest()
    return int.from_bytes(digest[:4]) / 2**32, int.from_bytes(digest[4:])


async def _inject(
    kind: Kind, faults: Faults, request: web.Request, handler: Handler
) -> web.StreamResponse:
    if kind in _SIGNALLED:
        return _come_back(int(kind.removeprefix("status_")), faults.retry_after)
    if kind.startswith("status_"):
        return _page(int(kind.removeprefix("status_")))
    match kind:
        case "forbidden":
            return _page(403)
        case "challenge":
            return _page(403, {"cf-mitigated": "challenge"}, "Just a moment...")
        case "reset":
            return _Reset()
        case "lost":
            await handler(request)
            return _Reset()
        case "silence":
            return _Silence()
        case "repeat":
            return await handler(_first_page(request))
        case _:
            return _spoil(kind, faults, await handler(request))


def _page(status: int, headers: Mapping[str, str] | None = None, title: str = "") -> web.Response:
    title = title or f"{status} {HTTPStatus(status).phrase}"
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return web.Response(status=status, headers=headers, text=text, content_type="text/html")


def _come_back(status: int, wait: str) -> web.Response:
    message = "Out of call volume quota." if status == 403 else "Rate limit is exceeded."
    headers = {"Retry-After": wait} if wait else None
    body = {"statusCode": status, "message": message}
    return web.json_response(body, status=status, headers=headers)


def _first_page(request: web.Request) -> web.Request:
    return request.clone(rel_url=request.rel_url.without_query_params(*_places(request)))


def _spoil(kind: Kind, faults: Faults, answer: web.StreamResponse) -> web.StreamResponse:
    """The true answer, made worse."""
    body = answer.body if isinstance(answer, web.Response) else None
    if not isinstance(body, bytes):
        raise TypeError(f"{kind} needs an answer whose body is bytes")
    match kind:
        case "gzip":
            answer.enable_compression(web.ContentCoding.gzip)
            return answer
        case "wrong_type":
            headers = {**_headers(answer), "Content-Type": "text/html; charset=utf-8"}
            return web.Response(status=answer.status, headers=headers, body=body)
        case "invalid_json":
            # A half may be JSON by chance; with a brace that nobody closes it is not.
            broken = body[: len(body) // 2] + b"{"
            return web.Response(status=answer.status, headers=_headers(answer), body=broken)
        case "drip":
            return _Drip(answer, body, faults.drip)
        case _:
            return _Truncated(answer, body)


def _headers(answer: web.StreamResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Content-Length"}


# These do their harm while they are sent, so that whoever logs answers has logged them by then.


class _Reset(web.StreamResponse):
    """The connection is reset."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        if request.transport is not None:
            # Without this a peer sees an orderly end.
            sock = request.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        raise ConnectionResetError


class _Silence(web.StreamResponse):
    """No answer, until the client leaves or the server stops."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody sets the future")


class _Partly(web.StreamResponse):
    """An answer with all its headers, the length too."""

    def __init__(self, answer: web.StreamResponse, body: bytes) -> None:
        super().__init__(status=answer.status, headers=_headers(answer))
        self.content_length = max(len(body), 1)
        self._whole = body


class _Truncated(_Partly):
    """Half of a body."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        await super().prepare(request)
        await self.write(self._whole[: len(self._whole) // 2])
        if request.transport is not None:
            request.transport.close()
        raise ConnectionResetError


class _Drip(_Partly):
    """A body in pieces."""

    def __init__(self, answer: web.StreamResponse, body: bytes, seconds: float) -> None:
        super().__init__(answer, body)
        self.content_length = len(body)
        self._pause = seconds / _DRIPS

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        writer = await super().prepare(request)
        size = max(len(self._whole) // _DRIPS, 1)
        for start in range(0, len(self._whole), size):
            await asyncio.sleep(self._pause)
            await self.write(self._whole[start : start + size])
        return writer
