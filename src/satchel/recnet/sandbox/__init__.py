"""A local RecNet server on a synthetic world, in the dialects L0, L and P of reference section 1.

One listener serves all dialects, since their paths do not collide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from satchel.recnet.sandbox import pages
from satchel.recnet.sandbox.call import Call, Invalid, Missing, SandboxOptions, Site
from satchel.recnet.sandbox.paths import Match, find, segments
from satchel.recnet.sandbox.render import encode
from satchel.recnet.world import World

__all__ = ["SandboxOptions", "find", "routes"]

Host = Literal["apim", "api", "net"]
Pairs = Iterable[tuple[str, str]]

_PREFIXES: Final = "public|api|account|rooms|showcase|featuredrooms|subscription|roomserver"
_API_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Server": "Microsoft-IIS/10.0",
    "Set-Cookie": "TiPMix=42.5; path=/; HttpOnly",
}
_PROBLEMS: Final = {
    400: ("6.5.1", "One or more validation errors occurred."),
    404: ("6.5.4", "Not Found"),
    413: ("6.5.11", "Payload Too Large"),
}
_NO_KEY: Final = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
_BAD_KEY: Final = (
    "Access denied due to invalid subscription key. "
    "Make sure to provide a valid key for an active subscription."
)


def routes(world: World, options: SandboxOptions) -> list[web.RouteDef]:
    """The routes that serve *world*; paths of none of RecNet's hosts are left to others."""
    site = Site(world, options)
    site.index.warm()

    async def serve(request: web.Request) -> web.Response:
        response = await _serve(site, request)
        if options.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    return [
        web.get("/health", _health),
        web.get("/robots.txt", _no_robots),
        *pages.routes(site),
        web.route("*", rf"/{{path:/*(?i:{_PREFIXES})(?:/.*)?}}", serve),
    ]


async def _health(request: web.Request) -> web.Response:
    return web.Response(text="Healthy")


async def _no_robots(request: web.Request) -> web.Response:
    return web.Response(status=404)


async def _serve(site: Site, request: web.Request) -> web.Response:
    host = _host(request.path)
    match = find(request.path)
    if match is None or not _offered(match, site.options):
        return _unknown(host)
    if request.method not in match.operation.methods.split():
        return _unknown(host) if host == "apim" else _wrong_method(match)
    if refusal := _check_key(host, request, site.options):
        return refusal
    try:
        values = await _values(request, site.options)
        call = Call(site, match.dialect, match.path_id, values)
        return _json(host, match.operation.handler(call))
    except Missing:
        return _problem(host, 404)
    except Invalid as error:
        return _problem(host, 400, errors={error.name: [error.reason]})
    except _TooLarge:
        return _problem(host, 413)


def _host(path: str) -> Host:
    first = segments(path)[0]
    if first in ("api", "roomserver"):
        return "api"
    return "apim" if first == "public" else "net"


def _offered(match: Match, options: SandboxOptions) -> bool:
    inventions = match.operation.name.startswith("invention")
    return options.inventions_in_public or match.dialect == "legacy" or not inventions


def _check_key(host: Host, request: web.Request, options: SandboxOptions) -> web.Response | None:
    """401 without a key or with a wrong one; rooms and clubs need none (section 3)."""
    if host == "net" or (host == "api" and not options.api_needs_key):
        return None
    key = request.headers.get("Ocp-Apim-Subscription-Key", "")
    if not key:
        return _apim(401, _NO_KEY)
    return _apim(401, _BAD_KEY) if options.key not in (None, key) else None


# What a request says (reference section 1.2)


class _TooLarge(Exception):
    """The body is over the limit."""


async def _values(request: web.Request, options: SandboxOptions) -> dict[str, list[str]]:
    values: dict[str, list[str]] = defaultdict(list)
    body = await _body(request, options) if request.method == "POST" else ()
    for name, text in (*request.query.items(), *body):
        if text:
            values[name.lower().removesuffix("[]")].append(text)
    return values


async def _body(request: web.Request, options: SandboxOptions) -> Pairs:
    if request.content_type == "multipart/form-data":
        parts = await request.post()
        pairs = [(name, value) for name, value in parts.items() if isinstance(value, str)]
        return _limited(pairs, request.content_length or 0, options)
    raw = await request.read()
    if request.content_type == "application/json":
        return _limited(_json_pairs(raw), len(raw), options)
    return _limited(parse_qsl(raw.decode(errors="replace")), len(raw), options)


def _json_pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        found = msgspec.json.decode(raw or b"{}", type=dict[str, list[int | str]])
        return [(name, str(value)) for name, values in found.items() for value in values]
    except msgspec.MsgspecError as error:
        raise Invalid("$", "The JSON value could not be converted.") from error


def _limited(
    pairs: list[tuple[str, str]], size: int, options: SandboxOptions
) -> list[tuple[str, str]]:
    """Reference section 9: what is over the limit is lost without a word, or refused."""
    if size <= options.body_limit:
        return pairs
    if options.over_limit == "reject":
        raise _TooLarge
    return pairs[: len(pairs) * options.body_limit // size]


# What is answered (reference section 3)


def _json(host: Host, body: bytes) -> web.Response:
    headers = _API_HEADERS if host == "api" else None
    return web.Response(
        body=body, content_type="application/json", charset="utf-8", headers=headers
    )


def _problem(host: Host, status: int, **more: Any) -> web.Response:
    if host == "api" and status == 404:
        return web.Response(status=404, headers=_API_HEADERS)
    section, title = _PROBLEMS[status]
    link = f"https://tools.ietf.org/html/rfc7231#section-{section}"
    body = {"type": link, "title": title, "status": status, "traceId": "|abc.1."}
    return web.Response(
        status=status, body=encode(body | more), content_type="application/problem+json"
    )


def _apim(status: int, message: str) -> web.Response:
    body = {"statusCode": status, "message": message}
    return web.Response(status=status, body=encode(body), content_type="application/json")


def _unknown(host: Host) -> web.Response:
    if host == "apim":
        return _apim(404, "Resource not found")
    if host == "api":
        page = "<html><body><h1>404 - not found</h1></body></html>"
        return web.Response(status=404, text=page, content_type="text/html")
    return web.Response(status=404)


def _wrong_method(match: Match) -> web.Response:
    allowed = ", ".join(match.operation.methods.split())
    return web.Response(status=405, headers={"Allow": allowed})
