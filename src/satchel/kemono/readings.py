"""How an answer of Kemono is read, known by its request alone: for recordings.

Hosts and profiles do not matter: paths are told apart in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from satchel.answers import Page
from satchel.kemono import wire
from satchel.kemono.operations import OPERATIONS, Operation
from satchel.kemono.profiles import PROFILES
from satchel.service import Reading


class _Form(NamedTuple):
    """One form of an operation's address."""

    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]
    operation: Operation


def reading(method: str, url: str, body: bytes) -> Reading | None:
    """How the answer to a request is read; ``None``: it is none of Kemono's."""
    parts = urlsplit(url)
    if method == "POST" and _LOGIN.search(parts.path):
        return Reading("login", wire.read_account)
    given = set(parse_qsl(parts.query))
    for form in _FORMS:
        if form.operation.method != method or not form.query <= given:
            continue
        if found := form.path.search(parts.path):
            said = {name: unquote(value) for name, value in found.groupdict().items()}
            return _reading(form.operation, said)
    return None


def _reading(operation: Operation, said: dict[str, str]) -> Reading:
    def read(body: bytes) -> Any:
        return operation.read(body, None, said)

    return Reading(operation.name, read, _WRITE.get(operation.name, _written))


def _written(answer: Any, rows: list[Any]) -> Any:
    if isinstance(answer, wire.Posts) and (answer.total, answer.true_total) != (None, None):
        return {"results": rows, "count": answer.total, "true_count": answer.true_total}
    if isinstance(answer, Page):
        return rows
    return rows[0] if rows else answer


def _place(found: wire.Found, rows: list[Any]) -> Any:
    place = {"service": found.service, "artist_id": found.user}
    return place if found.post is None else {**place, "post_id": found.post}


_WRITE: Final[dict[str, Callable[[Any, list[Any]], Any]]] = {
    "accounts.list": lambda page, rows: {"accounts": rows, "pagination": {"count": page.total}},
    "creators.random": _place,
    "posts.lookup": _place,
    "posts.random": _place,
}

_LOGIN: Final = re.compile(r"/v1/authentication/login$")


def _form(operation: Operation, creator_posts: str) -> _Form:
    path, _, query = operation.path.partition("?")
    pattern = re.escape(path).replace(r"\{creator_posts\}", re.escape(creator_posts))
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", pattern)
    return _Form(re.compile(rf"/api/{pattern}/?$"), frozenset(parse_qsl(query)), operation)


_FORMS: Final = sorted(
    (
        _form(operation, ending)
        for operation in OPERATIONS.values()
        for ending in {profile.creator_posts for profile in PROFILES.values()}
        if ending == "" or "{creator_posts}" in operation.path
    ),
    key=lambda form: form.path.pattern.count("["),
)
"""All forms, those with the fewest parameters first."""
