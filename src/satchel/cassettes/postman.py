"""Postman collections (2.0 and 2.1) with saved responses → exchanges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from satchel.cassettes.exchange import UNTRUE, Asked, Exchange, Headers
from satchel.errors import CassetteError

_VARIABLE: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_FORM: Final = "application/x-www-form-urlencoded"
_NESTED: Final = 10
"""So often a variable's value may be another's name."""

Variables = Mapping[str, str]


def read(collection: Any) -> Iterator[Exchange | CassetteError]:
    """The saved responses of a collection, in its order; of what is none, why."""
    yield from _items(collection.get("item") or [], _variables(collection, {}), "")


def _items(items: Any, outer: Variables, place: str) -> Iterator[Exchange | CassetteError]:
    for item in items:
        if not isinstance(item, dict):
            yield CassetteError(f"{place or 'the collection'}: an item is no object")
            continue
        name = "/".join(filter(None, (place, str(item.get("name") or "?"))))
        variables = _variables(item, outer)
        if isinstance(item.get("item"), list):
            yield from _items(item["item"], variables, name)
        for number, saved in enumerate(item.get("response") or [], 1):
            try:
                if saved and saved.get("code"):
                    asked = saved.get("originalRequest") or item["request"]
                    yield _exchange(asked, saved, variables)
            except CassetteError as error:
                yield CassetteError(f"{name}, response {number}: {error}")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                reason = f"{type(error).__name__}: {error}"
                yield CassetteError(f"{name}, response {number}: {reason}")


def _variables(owner: Any, outer: Variables) -> Variables:
    """The variables of a collection or folder, and those around it."""
    return {**outer, **_named(owner.get("variable"))}


def _named(rows: Any) -> dict[str, str]:
    return {
        str(row.get("key", row.get("id"))): str(row.get("value") or "")
        for row in _enabled(rows)
        if row.get("value") is not None
    }


def _enabled(rows: Any) -> list[Any]:
    return [row for row in rows or [] if isinstance(row, dict) and not row.get("disabled")]


def _exchange(request: Any, saved: Any, variables: Variables) -> Exchange:
    if isinstance(request, str):
        request = {"method": "GET", "url": request}
    headers = _headers(request.get("header"), variables)
    kind, body = _body(request.get("body") or {}, variables)
    if kind == _FORM or not any(name.lower() == "content-type" for name in headers):
        headers = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        headers |= {"Content-Type": [kind]} if kind else {}
    answered = _headers(saved.get("header"), variables)
    return Exchange(
        asked=Asked(
            str(request.get("method") or "GET").upper(),
            _url(request["url"], variables),
            headers,
            body,
        ),
        status=int(saved["code"]),
        reason=saved.get("status") or "",
        headers={name: v for name, v in answered.items() if name.lower() not in UNTRUE},
        body=(saved.get("body") or "").encode(),
        at="",
    )


def _url(url: Any, variables: Variables) -> str:
    """The address, with its path's variables and without what is disabled in its query.

    :raises CassetteError: a variable has no value
    """
    if isinstance(url, str):
        url = {"raw": url}
    own = {name: _filled(value, variables) for name, value in _named(url.get("variable")).items()}
    if "host" not in url:
        before, mark, query = str(url.get("raw") or "").partition("?")
        return _whole(_filled(_with_path(before, own) + mark + query, variables))
    host = url["host"] if isinstance(url["host"], str) else ".".join(url["host"])
    path = url.get("path") or []
    words = path.split("/") if isinstance(path, str) else [_word(word) for word in path]
    # What stands before the host may be a part of the host's variable.
    scheme = f"{url['protocol']}://" if url.get("protocol") else ""
    port = f":{url['port']}" if url.get("port") else ""
    address = _filled(f"{scheme}{host}{port}/{_with_path('/'.join(words), own)}", variables)
    pairs = [
        "=".join(_quoted(_filled(str(row[part]), variables)) for part in ("key", "value")
                 if row.get(part) is not None)
        for row in _enabled(url.get("query"))
    ]  # fmt: skip
    return _whole(f"{address}?{'&'.join(pairs)}" if pairs else address)


def _word(word: Any) -> str:
    return str(word.get("value") if isinstance(word, dict) else word)


def _with_path(path: str, own: Variables) -> str:
    """A path with ``:name`` filled in."""

    def value(found: re.Match[str]) -> str:
        if not own.get(found[2]):
            raise CassetteError(f"the path's variable :{found[2]} has no value in the collection")
        return found[1] + quote(own[found[2]])

    return re.sub(r"(^|/):([\w-]+)", value, path)


def _quoted(value: str) -> str:
    return quote(value, safe="%+,:;/?@!$'()*~")


def _filled(text: str, variables: Variables, *, strict: bool = True) -> str:
    """A text with the values of its variables.

    :raises CassetteError: one has none, unless not *strict*
    """
    for _ in range(_NESTED):
        filled = _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)
        if filled == text:
            break
        text = filled
    if strict and (found := _VARIABLE.search(text)):
        raise CassetteError(f"the variable {{{{{found[1]}}}}} has no value in the collection")
    return text


def _whole(address: str) -> str:
    """An address with its scheme, as it is sent."""
    if not address.startswith(("http://", "https://")):
        address = f"http://{address}"
    return address.partition("#")[0]


def _headers(rows: Any, variables: Variables) -> Headers:
    """Headers, as a list of objects or as the text that they were."""
    found: Headers = {}
    if isinstance(rows, str):
        pairs = (line.partition(":") for line in rows.splitlines() if ":" in line)
        rows = [{"key": name, "value": value.strip()} for name, _, value in pairs]
    for row in _enabled(rows):
        # Which keys and tokens there were does not matter: they are in no recording.
        value = _filled(str(row.get("value") or ""), variables, strict=False)
        found.setdefault(str(row["key"]), []).append(value)
    return found


def _body(body: Any, variables: Variables) -> tuple[str, bytes]:
    """The type and the bytes of a request's body.

    A form of several parts is written as one that has a line: its fields are the same.

    :raises CassetteError: it is a file, which no collection holds, or a variable has no value
    """
    mode = None if body.get("disabled") else body.get("mode")
    if mode in ("urlencoded", "formdata"):
        rows = _enabled(body.get(mode))
        if any(row.get("type") == "file" for row in rows):
            raise CassetteError("its body has a file, which is not in the collection")
        pairs = [
            (_filled(str(row["key"]), variables), _filled(str(row.get("value") or ""), variables))
            for row in rows
        ]
        return _FORM, urlencode(pairs).encode()
    if mode == "raw":
        language = ((body.get("options") or {}).get("raw") or {}).get("language")
        kind = "application/json" if language == "json" else ""
        return kind, _filled(str(body.get("raw") or ""), variables).encode()
    if mode and body.get(mode):
        raise CassetteError(f"a body of the kind {mode} is not understood")
    return "", b""
