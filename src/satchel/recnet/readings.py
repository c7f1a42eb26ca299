"""How an answer of RecNet is read, known by its request alone: for recordings.

Hosts and dialects do not matter: where an address is told apart, its path is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from satchel.answers import Page
from satchel.recnet.api import OPERATIONS, ROOTS, Operation, folded
from satchel.recnet.items import Account
from satchel.service import Bulk, Reading, Subject

_OPTIONAL: Final = frozenset({"include", "skip", "sort", "take"})


class _Form(NamedTuple):
    """One form of an operation's address."""

    path: re.Pattern[str]
    query: frozenset[str]
    operation: Operation


def reading(method: str, url: str, body: bytes) -> Reading | None:
    """How the answer to a request is read; ``None``: it is none of RecNet's."""
    parts = urlsplit(url)
    if method not in ("GET", "POST"):
        return None
    given = {name.lower() for name in parse_qs(parts.query, keep_blank_values=True)}
    for form in _FORMS:
        operation = form.operation
        if bool(operation.form) is not (method == "POST") or not form.query <= given:
            continue
        if operation.form and not body.lower().startswith(f"{operation.form.lower()}=".encode()):
            continue
        if found := form.path.search(parts.path):
            bulk = _bulk(operation, url, body) if operation.form else None
            return _reading(operation, found.groupdict(), bulk)
    return None


def _bulk(operation: Operation, url: str, body: bytes) -> Bulk:
    pairs = parse_qsl(body.decode("latin-1"))
    return Bulk(
        {folded(value): (url, urlencode({key: folded(value)}).encode()) for key, value in pairs},
        lambda item: folded(str(getattr(item, operation.field))),
    )


def _reading(operation: Operation, said: dict[str, str], bulk: Bulk | None) -> Reading:
    def read(body: bytes) -> Any:
        return operation.read(body, None)

    if operation.name == "accounts.bio":
        id = int(said["id"])
        return Reading(
            operation.name,
            read,
            lambda bio, rows: {"accountId": id, "bio": bio},
            Subject(Account, (id,), "bio"),
        )
    return Reading(operation.name, read, _WRITE.get(operation.name, _written), bulk=bulk)


def _written(answer: Any, rows: list[Any]) -> Any:
    if isinstance(answer, Page):
        total = answer.total
        return rows if total is None else {"Results": rows, "TotalResults": total}
    return rows[0] if rows else answer


_WRITE: Final[dict[str, Callable[[Any, list[Any]], Any]]] = {
    "accounts.club": lambda ids, rows: [{"accountId": id} for id in ids],
    "accounts.top_creators": lambda ids, rows: [{"accountId": id} for id in ids],
    "inventions.tags": lambda tags, rows: {"Tags": rows},
    "rooms.featured": lambda ids, rows: {"Rooms": [{"RoomId": id} for id in ids]},
}


def _forms() -> Iterator[_Form]:
    seen = set()
    for operation in OPERATIONS.values():
        for written in (operation.legacy, operation.public):
            root, _, rest = (written or "").partition("/")
            for prefix in {roots[root][1] for roots in ROOTS if root in roots}:
                form = _form(prefix + rest, operation)
                if (identity := (operation.name, form.path.pattern, form.query)) not in seen:
                    seen.add(identity)
                    yield form


def _form(address: str, operation: Operation) -> _Form:
    path, _, query = address.partition("?")
    pattern = re.escape(path.strip("/")).replace(r"\{id\}", r"(?P<id>\d+)")
    names = frozenset(name.lower() for name in parse_qs(query, keep_blank_values=True))
    return _Form(re.compile(rf"(?i)(?:^|/){pattern}/?$"), names - _OPTIONAL, operation)


_FORMS: Final = sorted(
    _forms(), key=lambda form: (len(form.path.pattern), len(form.query)), reverse=True
)
"""All forms, the most telling first: the ends of some are whole others."""
