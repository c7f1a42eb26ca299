"""Answers requests for many at once from recordings in which other requests asked for the same.

Which ids share a request depends on how fast answers come, so a replay puts others together than
the crawl that was recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import msgspec

from satchel.answers import Page
from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.index import Index, Source
from satchel.cassettes.redaction import items_of, payload
from satchel.errors import DecodeError
from satchel.service import Bulk, Reading, Service, reading_of


def taken_apart(services: Iterable[Service], asked: Asked) -> list[Asked]:
    """Requests for each that one asks for; nothing: it is no request for many at once."""
    _, bulk = _bulk(services, asked)
    alone = bulk.alone.values() if bulk else ()
    return [dataclasses.replace(asked, url=url, body=body) for url, body in alone]


def play(
    index: Index, services: Iterable[Service], asked: Asked, *, again: bool
) -> Exchange | None:
    """The exchange that answers a request for many, from those that asked for the same in other
    company; ``None``: it is none, or something of it is in no answer.

    :param again: as for :meth:`Index.play`
    """
    reading, bulk = _bulk(services, asked)
    if reading is None or bulk is None:
        return None
    sources = index.play_parts(asked, again=again)
    return _joined(asked, reading, bulk, sources) if sources else None


def lacking(index: Index, services: Iterable[Service], asked: Asked) -> list[str]:
    """What a request for many asks for that is in no recorded one."""
    _, bulk = _bulk(services, asked)
    wanted = list(bulk.alone) if bulk else []
    return [wanted[number] for number in index.lacks(asked)] if wanted else []


def _bulk(services: Iterable[Service], asked: Asked) -> tuple[Reading | None, Bulk | None]:
    reading = reading_of(services, asked.method, asked.url, asked.body)
    return reading, reading.bulk if reading else None


def _joined(asked: Asked, reading: Reading, bulk: Bulk, sources: list[Source]) -> Exchange | None:
    """One answer of several; ``None``: not all of them are good ones."""
    good = [source for source in sources if source.exchange.status == 200]
    first = dataclasses.replace((good or sources)[0].exchange, asked=asked)
    if not good:
        return first
    if any(source.exchange.status not in (200, 404) for source in sources):
        return None
    wanted, rows = list(bulk.alone), list[Any]()
    for source in good:
        try:
            answer = reading.read(source.exchange.body)
        except DecodeError:
            return first if len(sources) == 1 else None
        here = {wanted[number] for number in source.parts}
        rows += [payload(item) for item in items_of(answer) if bulk.of(item) in here]
        if source.is_fresh and isinstance(answer, Page):
            rows += [None] * len(answer.errors)
    return dataclasses.replace(first, body=msgspec.json.encode(reading.write(Page([], []), rows)))
