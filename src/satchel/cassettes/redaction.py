"""The privacy level of recordings: what of an answer may be written down.

An answer of a service is read, its items pass a gate, and what they came through with is written as
the answer would be. So a recording holds what the items of a crawl hold, and nothing that was
never looked at; a replay at the same level makes the same items of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from satchel.answers import Page
from satchel.cassettes.exchange import Asked, Exchange
from satchel.errors import DecodeError
from satchel.items import Item, field_names, key_of, nested_fields
from satchel.paging import Recent
from satchel.privacy import Gate, Level
from satchel.service import Reading, Service, Subject, host_of

REMEMBERED: Final = 100_000
"""People of whom it is remembered that they are no minors: at least so many."""

UNREAD: Final = b"satchel: left out, since it could not be read"
"""Stands for an answer that is none, or that nobody can read: what cannot be read cannot be judged,
and what replays it shall not take it for an empty one."""


class _Unread(Exception):
    """Why a body is not known to hold nothing that is withheld."""


class Redactor:
    """What of the services' answers is recorded.

    :param gate: a gate of its own, with the rules of the crawl's
    :param services: the services, and their settings
    """

    def __init__(
        self,
        gate: Gate,
        services: Iterable[tuple[Service, Struct]],
    ) -> None:
        self._gate = gate
        self._services = list(services)
        self._hosts = {h: s for s, settings in self._services for h in s.paces(settings)}
        self._no_minors = Recent(REMEMBERED)
        gate.is_no_minor = self.note

    def note(self, item: Item) -> None:
        """Take note of an item that is no minor's, as :attr:`Gate.is_no_minor` says."""
        self._no_minors.add((type(item), *(key_of(item) or ())))

    def redact(
        self,
        exchange: Exchange,
        service: str = "",
        *,
        of_others: bool = True,
        left_out: Callable[[str], None] = lambda why: None,
    ) -> Exchange:
        """An exchange with what may be recorded of the answer's body.

        :param service: whose request it is, where that is known
        :param of_others: whether a body that is of no service stays, as those of your own spiders
        :param left_out: is told why the body is left out
        """
        if not exchange.body or exchange.status >= 400 or _is_robots_txt(exchange.asked):
            return exchange
        found = self._found(exchange.asked, service)
        if found is None:
            if of_others or self._gate.level is Level.OFF:
                return exchange
            left_out("no service reads it")
            return dataclasses.replace(exchange, body=b"")
        try:
            return dataclasses.replace(exchange, body=self._body(exchange, *found))
        except _Unread as error:
            left_out(str(error))
            return dataclasses.replace(exchange, body=UNREAD)

    def _found(self, asked: Asked, name: str) -> tuple[Service, Reading | None] | None:
        """Whose request it is, and how the answer is read; ``None``: it is none of a service's."""
        for service, _ in self._services:
            if reading := service.reading(asked.method, asked.url, asked.body):
                return service, reading
        known: Mapping[str, Service] = {s.name: s for s, _ in self._services}
        mine = known.get(name) or self._hosts.get(host_of(asked.url))
        return None if mine is None else (mine, None)

    def _body(self, exchange: Exchange, service: Service, reading: Reading | None) -> bytes:
        if not any(map(self._gate.withholds_from, service.items)):
            return exchange.body
        if reading is None:
            raise _Unread(f"{service.name} does not say how such an answer is read")
        try:
            answer = reading.read(exchange.body)
        except DecodeError:
            raise _Unread("it could not be read") from None
        if answer is None:
            return b"null"
        if reading.subject is not None:
            answer = self._value(reading.subject, answer)
        errors = len(answer.errors) if isinstance(answer, Page) else 0
        rows = [self._payload(item) for item in items_of(answer)]
        return msgspec.json.encode(reading.write(answer, [*rows, *[None] * errors]))

    def _value(self, subject: Subject, value: Any) -> Any:
        """What the gate leaves of a plain value that belongs to an item's field."""
        decoder = subject.cls.decoder
        keys = (decoder.table[name].keys[0] for name in subject.cls.key)
        item = decoder(dict(zip(keys, subject.key, strict=True)))
        if self._gate.level >= Level.JUNIORS and (subject.cls, *subject.key) not in self._no_minors:
            return None
        return self._gate.admit_value(item, subject.field, value)

    def _payload(self, item: Item) -> Any:
        return payload(self._gate.admit(item))


def _is_robots_txt(asked: Asked) -> bool:
    return urlsplit(asked.url).path == "/robots.txt"


def items_of(answer: Any) -> Iterator[Item]:
    """The items of an answer, of whatever form."""
    found = answer.items if isinstance(answer, Page) else answer
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, Item):
            yield one


def payload(item: Item) -> Any:
    """The JSON object that an item, as it has come through the gate, is read from again.

    What the gate keeps although it withholds the value from which it was read (the hash in a file's
    path, the pseudonym of a name) is written under the field's own key.
    """
    data = dict(item.data or {})
    decoder = type(item).decoder
    nested = nested_fields(type(item))
    for name in nested:
        value = getattr(item, name)
        if value is not None:
            inner = [payload(i) for i in value] if isinstance(value, list) else payload(value)
            data |= dict.fromkeys(decoder.wire_keys(data, frozenset({name})), inner)
    try:
        lost = _lost(item, decoder(data))
        for name in sorted(lost):
            key = _key(decoder.table[name].keys[0], data)
            written = {**data, key: getattr(item, name)}
            # Two fields may be read from one value: what would be another's is left out.
            if _lost(item, decoder(written)) < lost:
                data, lost = written, lost - {name}
    except DecodeError:
        pass
    return data


def _lost(item: Item, read: Item) -> frozenset[str]:
    """The plain fields in which an item is not what was read again."""
    plain = field_names(type(item)) - set(nested_fields(type(item)))
    known = plain & type(item).decoder.table.keys()
    return frozenset(name for name in known if getattr(item, name) != getattr(read, name))


def _key(name: str, data: Mapping[str, Any]) -> str:
    """A key as an object has it, in its own case."""
    return next((key for key in data if key.lower() == name.lower()), name)
