"""Whether two requests are the same: betamax's matchers, as normal forms that an index can hold.

Two requests match where all parts that count have equal normal forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from email.parser import BytesParser
from hashlib import blake2b
from itertools import takewhile
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from satchel.cassettes.exchange import Asked, header

Form = Any

_SHOWN: Final = 60
"""Characters of a value that are shown where two differ."""


def _uri(asked: Asked) -> Form:
    parts = urlsplit(asked.url)
    return parts.scheme.lower(), parts.netloc.lower(), unquote(parts.path or "/"), _query(asked)


def _query(asked: Asked) -> Form:
    fields = parse_qs(urlsplit(asked.url).query, keep_blank_values=True)
    return sorted(fields.items())


def _body(asked: Asked) -> Form:
    """Fields of forms in any order, parts of multipart forms without what separates them, JSON as
    values; anything else byte by byte."""
    kind, body = header(asked.headers, "content-type").lower(), asked.body
    if "x-www-form-urlencoded" in kind:
        return sorted(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    if kind.startswith("multipart/"):
        return _parts(header(asked.headers, "content-type"), body)
    if "json" in kind:
        try:
            return json.loads(body)
        except ValueError:
            pass
    return body.decode("latin-1")


def _parts(content_type: str, body: bytes) -> Form:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser().parsebytes(head + body)
    if not message.is_multipart():
        return body.decode("latin-1")
    parts = message.get_payload()
    assert isinstance(parts, list)
    return sorted(
        [
            str(part.get("Content-Disposition", "")),  # type: ignore[union-attr]
            (part.get_payload(decode=True) or b"").decode("latin-1"),  # type: ignore[union-attr]
        ]
        for part in parts
    )


def _headers(asked: Asked) -> Form:
    return sorted((name.lower(), values) for name, values in asked.headers.items())


MATCHERS: Final[dict[str, Callable[[Asked], Form]]] = {
    "method": lambda asked: asked.method.upper(),
    "uri": _uri,
    "query": _query,
    "body": _body,
    "headers": _headers,
    "host": lambda asked: urlsplit(asked.url).netloc.lower(),
    "path": lambda asked: unquote(urlsplit(asked.url).path or "/"),
}
"""The parts of a request that may count, by betamax's names."""


def key(asked: Asked, matchers: Sequence[str]) -> bytes:
    """What requests that match have in common, in 16 bytes."""
    forms = [MATCHERS[name](asked) for name in matchers]
    return blake2b(json.dumps(forms, sort_keys=True).encode(), digest_size=16).digest()


def differences(asked: Asked, recorded: Asked, matchers: Sequence[str]) -> list[str]:
    """What keeps two requests from matching, in words."""
    return [
        words
        for name in matchers
        if MATCHERS[name](asked) != MATCHERS[name](recorded)
        for words in _DETAILS.get(name, _whole(name))(asked, recorded)
    ]


def _whole(name: str) -> Callable[[Asked, Asked], list[str]]:
    return lambda asked, recorded: [
        _compared(name, MATCHERS[name](asked), MATCHERS[name](recorded))
    ]


def _uri_details(asked: Asked, recorded: Asked) -> list[str]:
    found = [w for name in ("host", "path") for w in differences(asked, recorded, [name])]
    one, other = (dict(_query(which)) for which in (asked, recorded))
    return found + _by_field("query", one, other)


def _body_details(asked: Asked, recorded: Asked) -> list[str]:
    one, other = _body(asked), _body(recorded)
    if isinstance(one, dict) and isinstance(other, dict):
        return _by_field("body", one, other)
    if all(re.search("urlencoded", header(a.headers, "content-type")) for a in (asked, recorded)):
        return _by_field("body", _grouped(one), _grouped(other))
    return [f"body: {len(recorded.body)} bytes are recorded, {len(asked.body)} asked with"]


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _by_field(what: str, asked: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    nothing = "nothing"
    return [
        _compared(f"{what} {name}", asked.get(name, nothing), recorded.get(name, nothing))
        for name in sorted(asked.keys() | recorded.keys())
        if asked.get(name) != recorded.get(name)
    ]


_DETAILS: Final[dict[str, Callable[[Asked, Asked], list[str]]]] = {
    "uri": _uri_details,
    "query": lambda asked, recorded: _by_field(
        "query", dict(_query(asked)), dict(_query(recorded))
    ),
    "body": _body_details,
}


def _compared(what: str, asked: Any, recorded: Any) -> str:
    one, other = _short(recorded, asked), _short(asked, recorded)
    return f"{what}: {one} is recorded, {other} asked for"


def _short(value: Any, other: Any) -> str:
    """A value in few characters: of long ones that begin alike, what is different."""
    text, others = _text(value), _text(other)
    if len(text) > _SHOWN or len(others) > _SHOWN:
        if isinstance(value, list) and isinstance(other, list):
            shared = set(map(str, other))
            more = [str(one) for one in value if str(one) not in shared]
            return f"{_cut(','.join(more))} and what both have" if more else "only what both have"
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(text, others, strict=False))
        begins = sum(1 for _ in alike)
        text = f"…{text[begins:]}" if begins else text
    return _cut(text)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}…"
