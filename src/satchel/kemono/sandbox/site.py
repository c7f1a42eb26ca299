"""One server on a world: from request to response."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from email.utils import formatdate
from random import Random
from typing import Final, NamedTuple

from aiohttp import web

from satchel.kemono.sandbox import cookies
from satchel.kemono.sandbox.call import Call, Refused, Reply, refuse
from satchel.kemono.sandbox.index import Index
from satchel.kemono.sandbox.options import SandboxOptions
from satchel.kemono.sandbox.paths import Handler, offered
from satchel.kemono.sandbox.render import encode
from satchel.kemono.sandbox.state import State
from satchel.kemono.world import Record, World

WebHandler = Callable[[web.Request], Awaitable[web.Response]]

_CLASSIC_SERVICES: Final = frozenset({"patreon", "fanbox"})
_KEPT: Final = 100_000
_DAY: Final = 86_400
_AGES: Final = {"current": 3650 * _DAY, "classic": 30 * _DAY}
_GUARD: Final = ("__ddg8_", "__ddg9_", "__ddg10_", "__ddg1_")
_WRONG_ACCEPT: Final = (
    b"Scrapers: send the request header Accept: text/css. The network in front of this site does "
    b"not like JSON of one-page applications, and callers of the API are no exception to caching.\n"
)
_CACHED: Final = "max-age=60, public, stale-while-revalidate=2592000"
_CACHED_CLASSIC: Final = "max-age=60"
_NOT_FOUND: Final = b"<!doctype html><title>404</title><h1>Not Found</h1>"


class Login(NamedTuple):
    """An attempt to log in."""

    username: str
    succeeded: bool


class Seen(NamedTuple):
    """A request, and whose it was.

    :ivar account: the account of its session; None: none, or the cookie was no good
    :ivar cookies: how many session cookies it carried
    """

    method: str
    path: str
    account: int | None
    cookies: int


class KemonoSite:
    """A server of Kemono's API, with accounts and favourites of its own.

    :ivar state: what requests changed
    :ivar logins: the last attempts to log in
    :ivar seen: the last requests
    """

    def __init__(self, world: World, options: SandboxOptions | None = None) -> None:
        self.world: Final = world
        self.options: Final = options or SandboxOptions()
        self.is_classic: Final = self.options.profile == "classic"
        self.index: Final = Index(world, _CLASSIC_SERVICES if self.is_classic else None)
        self.state: Final = State(world)
        self.random: Final = Random(world.seed)
        self.logins: Final[deque[Login]] = deque(maxlen=_KEPT)
        self.seen: Final[deque[Seen]] = deque(maxlen=_KEPT)
        self._signer = cookies.Signer()
        self._edge: dict[tuple[str, int | None], tuple[float, Reply]] = {}
        self._prefix = ""

    def routes(self, prefix: str = "") -> list[web.RouteDef]:
        """Its routes, all under *prefix*. A site is mounted once."""
        self._prefix = prefix
        found = [
            web.route(row.method, prefix + row.path, self._serve(row.handler))
            for row in offered(self.options)
        ]
        return [*found, web.route("*", prefix + "/api/{rest:.*}", self._serve(_not_there))]

    def drop_sessions(self) -> None:
        """From now on every session cookie that was sent is no good."""
        self._signer.forget()

    # What handlers ask

    def role(self, account: int) -> str:
        """The role that counts."""
        role: str = self.state.accounts[account]["role"]
        return self.state.roles[account] if self.options.role_cached else role

    def quirks(self, post: Record) -> Record:
        """What a post has otherwise on the wire."""
        return self.world.quirks.get((post["service"], post["user"], post["id"]), {})

    def note_login(self, username: str, *, succeeded: bool) -> None:
        """Keep an attempt to log in."""
        self.logins.append(Login(username, succeeded))

    # A request

    def _serve(self, handler: Handler) -> WebHandler:
        async def serve(request: web.Request) -> web.Response:
            sent = cookies.sent(request.headers.getall("Cookie", ()))
            # Two session cookies are as good as none (quirk Q15).
            session = self._signer.read(sent[0]) if len(sent) == 1 else {}
            call = Call(
                site=self,
                parts=request.match_info,
                query=request.query,
                query_string=request.query_string,
                session=deepcopy(session),
                body=await request.read(),
                is_form=request.content_type == "application/x-www-form-urlencoded",
            )
            self.seen.append(Seen(request.method, request.path_qs, call.account_id, len(sent)))
            response = self._answer(request, call, handler)
            if call.session != session:
                self._set_session(response, call.session)
            return response

        return serve

    def _answer(self, request: web.Request, call: Call, handler: Handler) -> web.Response:
        if not request.path.startswith(f"{self._prefix}/api/"):
            return self._written(self._asked(call, handler))
        is_read = request.method == "GET"
        if is_read and self.options.require_accept and "text/css" not in _accepted(request):
            return _guarded(web.Response(status=403, body=_WRONG_ACCEPT))
        reply = self._at_edge(request.path_qs, call, handler) if is_read else None
        response = self._written(reply or self._asked(call, handler))
        if is_read and response.status == 200:
            response.headers["Cache-Control"] = _CACHED_CLASSIC if self.is_classic else _CACHED
        if not self.is_classic and _GUARD[-1] not in request.cookies:
            _guarded(response, _GUARD[-1:])
        return response

    def _at_edge(self, path: str, call: Call, handler: Handler) -> Reply:
        """A good answer is kept for a while, for each account its own."""
        key, now = (path, call.account_id), time.monotonic()
        since, reply = self._edge.get(key, (-math.inf, None))
        if reply is None or now - since >= self.options.edge_cache:
            reply = self._asked(call, handler)
            if reply.status == 200 and self.options.edge_cache:
                self._edge[key] = now, reply
        return reply

    def _asked(self, call: Call, handler: Handler) -> Reply:
        try:
            answer = handler(call)
        except Refused as refusal:
            return self._json(refusal.body, refusal.status)
        return answer if isinstance(answer, Reply) else self._json(answer)

    def _json(self, value: object, status: int = 200) -> Reply:
        kind = "text/css" if self.options.require_accept else "application/json"
        return Reply(status, encode(value), kind)

    def _written(self, reply: Reply) -> web.Response:
        response = web.Response(status=reply.status, body=reply.body, content_type=reply.type)
        if reply.location is not None:
            response.headers["Location"] = self._prefix + reply.location
        return response

    def _set_session(self, response: web.Response, session: cookies.Session) -> None:
        path = self._prefix or "/"
        if not session:
            response.del_cookie(cookies.NAME, path=path)
            return
        expires = formatdate(time.time() + _AGES[self.options.profile], usegmt=True)
        response.set_cookie(
            cookies.NAME, self._signer.sign(session), path=path, expires=expires, httponly=True
        )


def _accepted(request: web.Request) -> str:
    return ",".join(request.headers.getall("Accept", ()))


def _guarded(response: web.Response, names: Sequence[str] = _GUARD) -> web.Response:
    response.headers["Server"] = "ddos-guard"
    for name in names:
        response.set_cookie(name, "guard", httponly=name == _GUARD[-1])
    return response


def _not_there(call: Call) -> object:
    if call.site.is_classic:
        return Reply(404, _NOT_FOUND)
    raise refuse(404, "Not Found")
