"""A request and its answer, and what betamax and Scrapy make of them."""

from __future__ import annotations

import base64
import codecs
import contextlib
import gzip
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from importlib import import_module
from typing import Any, Final

from scrapy import Request
from scrapy.http import Headers as ScrapyHeaders
from scrapy.http import Response
from scrapy.http.response.text import TextResponse
from scrapy.responsetypes import responsetypes

from satchel.errors import CassetteError

Headers = dict[str, list[str]]

UNTRUE: Final = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)
"""Headers of an answer that say how it came, not what it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is recorded, or looked for.

    :ivar who: the account whose session it carries, as a word that does not name it; empty: none's
    """

    method: str
    url: str
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    :ivar headers: those of the answer; what says how the body was packed is not among them
    :ivar body: of the answer, unpacked
    :ivar at: when, in UTC, such as ``2025-03-31T12:00:00``
    """

    asked: Asked
    status: int
    reason: str
    headers: Headers
    body: bytes
    at: str


def now() -> str:
    """The time as recordings write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def header(headers: Mapping[str, list[str]], name: str) -> str:
    """The first value of a header, in any case of its name; ``""``: there is none."""
    for key, values in headers.items():
        if key.lower() == name and values:
            return values[0]
    return ""


# betamax


def to_interaction(exchange: Exchange) -> dict[str, Any]:
    """An exchange as betamax's cassettes have it."""
    asked = exchange.asked
    length = {"Content-Length": [str(len(exchange.body))]}
    return {
        "request": {
            "body": _packed(asked.body, header(asked.headers, "content-type")),
            "headers": asked.headers,
            "method": asked.method,
            "uri": asked.url,
        },
        "response": {
            "body": _packed(exchange.body, header(exchange.headers, "content-type")),
            "headers": {**exchange.headers, **length},
            "status": {"code": exchange.status, "message": exchange.reason},
            "url": asked.url,
        },
        "recorded_at": exchange.at,
    }


def from_interaction(interaction: Any) -> Exchange:
    """What betamax's cassettes have as an exchange, of any version of it.

    :raises CassetteError: it is none
    """
    try:
        request, response = interaction["request"], interaction["response"]
        status = response.get("status") or {"code": response["status_code"], "message": ""}
        headers = _listed(response["headers"])
        asked = Asked(
            method=request["method"],
            url=request["uri"],
            headers=_listed(request["headers"]),
            body=_unpacked(request["body"]),
            who=_who(_listed(request["headers"])),
        )
        return Exchange(
            asked=asked,
            status=int(status["code"]),
            reason=status.get("message") or "",
            headers={k: v for k, v in headers.items() if k.lower() not in UNTRUE},
            body=_decompressed(_unpacked(response["body"]), _encodings(headers)),
            at=interaction.get("recorded_at") or "",
        )
    except (KeyError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise CassetteError(f"not an exchange: {type(error).__name__}: {error}") from None


def _encodings(headers: Headers) -> str:
    return ",".join(
        value
        for name, values in headers.items()
        if name.lower() == "content-encoding"
        for value in values
    )


def _packed(body: bytes, content_type: str) -> dict[str, str]:
    """A body as text in its own encoding, or else in base64."""
    for encoding in (charset(content_type), "utf-8"):
        try:
            text = body.decode(encoding)
            if text.encode(encoding) == body:
                return {"encoding": encoding, "string": text}
        except (UnicodeError, LookupError):
            continue
    return {"encoding": "utf-8", "base64_string": base64.b64encode(body).decode()}


def _unpacked(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if "base64_string" in body:
        return base64.b64decode(body["base64_string"])
    text: str = body.get("string") or ""
    return text.encode(body.get("encoding") or "utf-8")


def charset(content_type: str) -> str:
    """The encoding that a ``Content-Type`` names; UTF-8 where it names none that is known."""
    message = Message()
    message["Content-Type"] = content_type
    name = message.get_content_charset("utf-8")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def _listed(headers: Mapping[str, Any]) -> Headers:
    return {
        name: [str(v) for v in value] if isinstance(value, list) else [str(value)]
        for name, value in headers.items()
    }


def _decompressed(body: bytes, encodings: str) -> bytes:
    """What ``requests`` recorded as it came; other tools unpack it and leave the header.

    :raises CassetteError: it is damaged, or a part of it is missing
    """
    for encoding in reversed(encodings.lower().split(",")):
        unpack = _UNPACKERS.get(encoding.strip())
        if unpack is not None and body:
            try:
                body = unpack(body)
            except Exception as error:  # those of brotli and zstd have nothing in common
                if not _is_unpacked(body, unpack):
                    raise CassetteError(f"its {encoding.strip()} is damaged: {error}") from None
    return body


def _inflate(body: bytes) -> bytes:
    """Deflate with its head, as it is meant, or without, as some servers send it."""
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpack = zlib.decompressobj(wbits)
        with contextlib.suppress(zlib.error):
            unpacked = unpack.decompress(body)
            if unpack.eof:
                return unpacked
    raise ValueError("not whole")


def _unbrotli(body: bytes) -> bytes:
    import brotli  # type: ignore[import-untyped]  # Scrapy has it, and zstd

    return bytes(brotli.decompress(body))


def _unzstd(body: bytes) -> bytes:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return bytes(import_module(name).decompress(body))


_UNPACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
_GZIP: Final = b"\x1f\x8b"


def _is_unpacked(body: bytes, unpack: Callable[[bytes], bytes]) -> bool:
    """Whether what does not unpack is as it should be: what is packed is no text."""
    if unpack is gzip.decompress:
        return not body.startswith(_GZIP)
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def gunzipped(body: bytes) -> bytes | None:
    """What a gzip file holds, as far as it can be read; ``None``: it is none."""
    found = None
    while body.startswith(_GZIP):
        unpack = zlib.decompressobj(wbits=31)
        try:
            found = (found or b"") + unpack.decompress(body)
        except zlib.error:
            break
        body = unpack.unused_data.lstrip(b"\0")
    return found


# Whose session

SESSION: Final = "<SESSION_{}>"


def _who(headers: Headers) -> str:
    cookies = "; ".join(value for name, values in headers.items() for value in values
                        if name.lower() == "cookie")  # fmt: skip
    _, found, rest = cookies.partition("<SESSION_")
    return rest.partition(">")[0] if found else ""


# Scrapy


def asked_of(request: Request) -> Asked:
    """What a Scrapy request asks."""
    return Asked(
        method=request.method,
        url=request.url.partition("#")[0],
        headers=_texts(request.headers),
        body=request.body,
    )


def exchange_of(asked: Asked, response: Response) -> Exchange:
    """An exchange of a Scrapy response whose body is unpacked."""
    headers = _texts(response.headers)
    return Exchange(
        asked=asked,
        status=response.status,
        reason=_REASONS.get(response.status, ""),
        headers={k: v for k, v in headers.items() if k.lower() not in UNTRUE},
        body=response.body,
        at=now(),
    )


def response_to(request: Request, exchange: Exchange) -> Response:
    """The Scrapy response that an exchange answers a request with."""
    headers = ScrapyHeaders(_bytes(exchange.headers))
    kind = responsetypes.from_args(headers=headers, url=request.url, body=exchange.body)
    more: dict[str, Any] = {"encoding": None} if issubclass(kind, TextResponse) else {}
    made: Response = kind(
        url=request.url,
        status=exchange.status,
        headers=headers,
        body=exchange.body,
        request=request,
        flags=["replayed"],
        **more,
    )
    return made


_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


def _texts(headers: Any) -> Headers:
    return {
        name.decode("latin-1"): [value.decode("latin-1") for value in headers.getlist(name)]
        for name in headers
    }


def _bytes(headers: Headers) -> dict[bytes, list[bytes]]:
    return {
        name.encode("latin-1", "replace"): [value.encode("latin-1", "replace") for value in values]
        for name, values in headers.items()
    }
