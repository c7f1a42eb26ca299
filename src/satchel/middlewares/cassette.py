"""Records what servers answer, and answers from recordings."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request, signals
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Response

from satchel.addon import SatchelAddon
from satchel.browser import VISIT
from satchel.cassettes import bulk
from satchel.cassettes.exchange import SESSION, Asked, Exchange, asked_of, exchange_of, response_to
from satchel.cassettes.index import Index
from satchel.cassettes.segments import Writer, is_segment, segments
from satchel.cassettes.serializers import serializer
from satchel.errors import CassetteError, ConfigError
from satchel.reasons import Reason
from satchel.sessions import JAR, LOGIN, RECEIVED
from satchel.throttle import PARTING
from satchel.verdict import AS_ASKED

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_ASKED: Final = "satchel_asked"
"""``meta``: the request as it is recorded."""

_SHOWN: Final = 5
"""Of what a request asks for at once and the cassette lacks, so much is named."""

_PLAYED: Final = "satchel_played"
"""``meta``: the response is from the cassette."""


class CassetteMiddleware:
    """Stands above the throttle and the plugins' hooks, since what is replayed is not sent, and
    below redirects and sessions, since each of their requests is recorded by itself.

    Sessions' cookies and services' keys are put on, and taken off again, below it: it sees neither.
    What it records is without secrets and has passed the privacy gate.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._addon = addon = SatchelAddon.of(crawler)
        self._stats = crawler.stats
        self._count = crawler.stats.inc_value
        config = addon.config
        self._name, self._mode = config.cassette, config.cassette_mode
        self._matchers = config.cassette_match
        self._seconds = config.cassette_seconds
        self._folder = Path(config.cassette_folder).expanduser() / config.cassette
        self._serializer = serializer(config.cassette_format)
        self._masks, self._redactor = addon.masks(), addon.redactor()
        self._unpack = HttpCompressionMiddleware(crawler=crawler).process_response
        self._before = segments(self._folder)
        self._index = self._open()
        self._writer = self._make_writer()
        self._version = 0
        self._failed = self._has_left_out = False
        self._timer: asyncio.TimerHandle | None = None
        crawler.signals.connect(self._engine_stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not SatchelAddon.of(crawler).config.cassette:
            raise NotConfigured
        return cls(crawler)

    # Replaying

    def process_request(self, request: Request) -> Response | None:
        if not request.url.startswith("http"):
            return None
        if VISIT in request.meta and self._writer is not None:
            return None  # An exchange is not all that a page is made of.
        asked = self._masks.asked(self._asked(request))
        request.meta[_ASKED] = asked
        if self._index is None or (self._writer is not None and _is_for_the_server(request)):
            return None
        try:
            found = self._play(self._index, asked)
        except CassetteError as error:
            return self._end(request, f"{error}: the recording has changed meanwhile")
        if found is not None:
            request.meta[_PLAYED] = True
            self._count("satchel/cassette/played")
            return self._answer(request, found)
        return None if self._writer is not None else self._missing(request, asked)

    def _play(self, index: Index, asked: Asked) -> Exchange | None:
        again = self._writer is None
        found = index.play(asked, again=again)
        return found or bulk.play(index, self._addon.services, asked, again=again)

    def _answer(self, request: Request, exchange: Exchange) -> Response:
        exchange = self._masks.restored(exchange)
        if self._writer is not None:
            # Placeholders of cookies are not for a server.
            headers = {k: v for k, v in exchange.headers.items() if k.lower() != "set-cookie"}
            exchange = dataclasses.replace(exchange, headers=headers)
        return response_to(request, exchange)

    def _missing(self, request: Request, asked: Asked) -> Response:
        assert self._index is not None
        if asked.url.endswith("/robots.txt") or request.meta.get(PARTING):
            # Nobody is asked anything, so nobody forbids it, nor has to be taken leave of.
            request.meta[_PLAYED] = True
            return Response(request.url, status=404, request=request)
        self._count("satchel/cassette/missing")
        return self._end(
            request,
            f"{asked.method} {asked.url}: not in the cassette {self._name}: "
            f"{self._nearest(self._index, asked)}; "
            f"SATCHEL_CASSETTE_MODE=new_episodes records what is missing",
        )

    def _nearest(self, index: Index, asked: Asked) -> str:
        """What there is instead of a request."""
        found = index.nearest(asked)
        if found is None:
            return "it has none at all"
        recorded, differences = found
        what = "; ".join(differences) or "equal ones"
        if lacking := bulk.lacking(index, self._addon.services, asked):
            more = f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
            what = f"none asks for {', '.join(lacking[:_SHOWN])}{more}"
        return f"the nearest is {recorded.method} {recorded.url} ({what})"

    def _end(self, request: Request, message: str) -> Response:
        if self._addon.close_spider(Reason.NOT_RECORDED):
            logger.error("%s", message)
        raise IgnoreRequest(f"not in the cassette {self._name}")

    # Recording

    def process_response(self, request: Request, response: Response) -> Response:
        asked: Asked | None = request.meta.pop(_ASKED, None)
        if request.meta.pop(_PLAYED, False) or self._writer is None or asked is None:
            return response
        unpacked = self._unpack(request, response)
        assert isinstance(unpacked, Response)
        exchange = self._with_session(request, exchange_of(asked, unpacked))
        exchange = self._redactor.redact(
            exchange,
            request.meta.get("satchel_service", ""),
            left_out=partial(self._left_out, request),
        )
        self._record(self._masks.exchange(exchange))
        return unpacked

    def process_exception(self, request: Request, exception: Exception) -> None:
        request.meta.pop(_ASKED, None)
        request.meta.pop(_PLAYED, None)

    def _asked(self, request: Request) -> Asked:
        asked = asked_of(request)
        name = request.meta.get(JAR)
        if name is None:
            return asked
        who = blake2b(str(name).encode(), digest_size=4).hexdigest()
        cookie = {"Cookie": [f"session={SESSION.format(who)}"]}
        return dataclasses.replace(asked, headers={**asked.headers, **cookie}, who=who)

    def _with_session(self, request: Request, exchange: Exchange) -> Exchange:
        """With the cookie of a login, which is taken from the response before it comes here."""
        received = request.meta.get(RECEIVED)
        if received is None:
            return exchange
        self._masks.hold(received, exchange.asked.who)
        service = request.meta.get("satchel_service", "")
        cookie = self._addon.sessions[service].scheme.cookie
        headers = {**exchange.headers}
        headers["Set-Cookie"] = [
            *headers.get("Set-Cookie", []),
            f"{cookie}={SESSION.format(exchange.asked.who)}; Path=/",
        ]
        return dataclasses.replace(exchange, headers=headers)

    def _left_out(self, request: Request, why: str) -> None:
        """Tell, once, that an answer that is read is recorded without its body."""
        if _is_for_the_server(request):
            return
        self._count("satchel/cassette/left_out")
        if not self._has_left_out:
            self._has_left_out = True
            asked = self._masks.asked(asked_of(request))
            logger.warning(
                "%s %s: recorded without what was answered, since %s; a replay cannot read it "
                "(told once; the stat satchel/cassette/left_out counts them)",
                asked.method,
                asked.url,
                why,
            )

    def _record(self, exchange: Exchange) -> None:
        assert self._writer is not None
        if self._failed:
            return
        self._writer.add(exchange)
        self._count("satchel/cassette/recorded")
        if self._writer.is_full or not self._seconds:
            self._write()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._write)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writer is None or self._writer.is_written or self._failed:
            return
        kept = self._writer.exchanges
        kept[:] = self._masked(kept)
        self._writing(self._writer.write)

    def _writing(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, ValueError, CassetteError) as error:
            self._failed = True
            reason = getattr(error, "strerror", None) or error
            logger.error("%s: %s; the recording ends here", self._folder, reason)
            self._count("satchel/cassette/failed")

    def _mask_finished(self, writer: Writer) -> None:
        """What was learned after a segment was finished may be in it."""
        for file in writer.finished:
            if self._masks.may_be_in(file.read_text(encoding="utf-8")):
                self._version = -1
                writer.rewrite(file, self._masked)

    def _masked(self, exchanges: list[Exchange]) -> list[Exchange]:
        """The last look before what is written stays: a secret may have been learned meanwhile."""
        if self._version != self._masks.version:
            self._version = self._masks.version
            exchanges = list(map(self._masks.exchange, exchanges))
        return [exchange for exchange in exchanges if not self._is_refused(exchange)]

    def _is_refused(self, exchange: Exchange) -> bool:
        places = self._masks.found_in(exchange)
        if places:
            self._count("satchel/cassette/refused")
            logger.error(
                "%s: not recorded, since a secret could not be taken out (%s)",
                self._masks.asked(exchange.asked).url.partition("?")[0],
                ", ".join(sorted(places)),
            )
        return bool(places)

    # Opening and closing

    def _open(self) -> Index | None:
        """The index of what is replayed; ``None``: nothing is."""
        if self._mode == "all":
            return None
        services = self._addon.services
        index = Index(
            self._folder, self._serializer, self._matchers, partial(bulk.taken_apart, services)
        )
        for error in index.damaged:
            logger.error(
                "%s: this segment is damaged and left out; %s of others are used",
                error,
                _counted(index),
            )
        if index.damaged:
            self._count("satchel/cassette/damaged", len(index.damaged))
        if not index.size and self._mode == "none":
            raise ConfigError(
                f"SATCHEL_CASSETTE={self._name}: there is no recording in {self._folder}; record "
                f"one with SATCHEL_CASSETTE_MODE=once"
            )
        if index.size and self._addon.config.actions == "on" and self._addon.config.store:
            raise ConfigError(
                f"SATCHEL_CASSETTE={self._name} is replayed, and SATCHEL_ACTIONS=on: what is "
                f"replayed is done nowhere, and would count as done; turn one of the two off"
            )
        return index if index.size or self._before else None

    def _make_writer(self) -> Writer | None:
        """What records; ``None``: nothing does."""
        if self._mode == "none" or (self._mode == "once" and self._index is not None):
            return None
        return Writer(self._folder, self._serializer)

    def _engine_stopped(self) -> None:
        self._write()
        if self._writer is not None and not self._failed:
            self._writing(partial(self._mask_finished, self._writer))
        if self._index is not None:
            self._index.close()
        if self._mode == "all" and self._before:
            self._replace_before()

    def _replace_before(self) -> None:
        """Remove what the cassette held before, if there is something better now."""
        assert self._writer is not None
        if not self._ended_well() or self._failed or not self._writer.has_written:
            logger.warning(
                "%s: what it held before is kept, since the crawl did not end well or recorded "
                "nothing; a replay takes that first",
                self._folder,
            )
            return
        for file in filter(is_segment, self._before):
            file.unlink(missing_ok=True)

    def _ended_well(self) -> bool:
        value = self._stats.get_value
        return value("finish_reason") in AS_ASKED and not value("satchel/unreachable")


def _is_for_the_server(request: Request) -> bool:
    """Whether no recorded answer will do where others are sent: it would be no use to have logged
    in or out there, nor to have changed something."""
    return (
        request.meta.keys() & {LOGIN, PARTING} != set() or request.meta.get("satchel_json") is False
    )


def _counted(index: Index) -> str:
    files = len(index.files)
    return f"{index.size:,} exchanges in {files} segment{'s' * (files != 1)}"
