"""HAR (1.1 and 1.2), what browsers save of their network traffic → exchanges."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from satchel.cassettes.exchange import UNTRUE, Asked, Exchange, Headers, charset, header
from satchel.errors import CassetteError

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def read(archive: Any) -> Iterator[Exchange | CassetteError]:
    """The exchanges of an archive, in its order; of what is none, why."""
    for number, entry in enumerate(archive["log"]["entries"], 1):
        try:
            exchange = _exchange(entry)
        except CassetteError as error:
            yield CassetteError(f"entry {number}: {error}")
            continue
        except (KeyError, TypeError, ValueError, AttributeError, LookupError) as error:
            yield CassetteError(f"entry {number}: {type(error).__name__}: {error}")
            continue
        if exchange is not None:
            yield exchange


def _exchange(entry: Any) -> Exchange | None:
    """An exchange; ``None``: there was no answer, or it was not from HTTP.

    :raises CassetteError: the archive lacks what was answered
    """
    request, response = entry["request"], entry["response"]
    if not response["status"] or not request["url"].startswith("http"):
        return None
    headers = {k: v for k, v in _headers(response["headers"]).items() if k.lower() not in UNTRUE}
    found = _TIME.match(entry.get("startedDateTime") or "")
    sent = _headers(request["headers"])
    return Exchange(
        asked=Asked(request["method"], request["url"].partition("#")[0], sent, _sent(request)),
        status=int(response["status"]),
        reason=response.get("statusText") or "",
        headers=headers,
        body=_body(response.get("content") or {}, header(headers, "content-type")),
        at=found[0] if found else "",
    )


def _headers(pairs: Iterable[Any]) -> Headers:
    found: Headers = {}
    for pair in pairs:
        # Those of HTTP/2 that begin with a colon are the address once more.
        if not pair["name"].startswith(":"):
            # Chromium joins equal ones by line ends.
            found.setdefault(pair["name"], []).extend(pair["value"].split("\n"))
    return found


def _sent(request: Any) -> bytes:
    posted = request.get("postData") or {}
    if posted.get("text"):
        return _encoded(posted["text"])
    fields = [(one["name"], one.get("value") or "") for one in posted.get("params") or []]
    return urlencode(fields).encode()


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _body(content: Any, content_type: str) -> bytes:
    text = content.get("text") or ""
    if not text and (content.get("size") or 0) > 0:
        raise CassetteError("the browser kept no body")
    if content.get("encoding") == "base64":
        return base64.b64decode(text)
    body: bytes = text.encode(charset(content_type), "replace")
    return body
