"""What a crawl is doing while it does it: a live view on a terminal, elsewhere lines in the log."""

from __future__ import annotations

import atexit
import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from satchel.addon import SatchelAddon
from satchel.spider import SatchelSpider
from satchel.throttle import OFF, Lane, Throttle
from satchel.verdict import missing, plural
from satchel.waiting import is_ending

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text
    from scrapy.crawler import Crawler
    from scrapy.utils.asyncio import AsyncioLoopingCall
    from twisted.internet.task import LoopingCall

logger = logging.getLogger(__name__)

REFRESH: Final = 0.5
"""Seconds between two refreshes of the live view."""

WINDOW: Final = 10.0
"""Seconds over which the live view measures the rate of answers."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A crawl at one moment.

    :ivar seconds: since its start
    :ivar items: type → how many were scraped
    :ivar rate: answers a second, of late
    :ivar quotas: what the hosts allow, such as ``30/second``
    :ivar waits: what is waited for, and why
    :ivar lacks: what is missing so far
    :ivar done: how many of those that were asked for have come, or are not there
    :ivar expected: how many were asked for; ``None``: nobody knows
    """

    seconds: float
    items: Mapping[str, int]
    requests: int
    rate: float
    quotas: tuple[str, ...]
    waits: tuple[str, ...]
    lacks: tuple[str, ...]
    done: int
    expected: int | None

    @property
    def share(self) -> str | None:
        """How much of what was asked for is done, and the time left, in words."""
        if not self.expected:
            return None
        words = f"{self.done / self.expected:.0%} of {self.expected:,}"
        if 0 < self.done < self.expected:
            left = self.seconds / self.done * (self.expected - self.done)
            words += f", {clock(left)} left"
        return words

    @property
    def scraped(self) -> str:
        """The items, in words."""
        counts = [f"{number:,} {name}" for name, number in sorted(self.items.items())]
        return ", ".join(counts) or "0"

    @property
    def asked(self) -> str:
        """The requests and their rate, in words."""
        quota = f" (quota: {', '.join(self.quotas)})" if self.quotas else ""
        return f"{self.requests:,}, {self.rate:.1f} answers a second{quota}"


def clock(seconds: float) -> str:
    """``0:01:30``."""
    return str(timedelta(seconds=round(seconds)))


class Progress:
    """Shows the progress of a crawl, from its first request until its spider is closed."""

    def __init__(self, crawler: Crawler) -> None:
        config = SatchelAddon.of(crawler).config
        if config.progress == "off":
            raise NotConfigured
        self._crawler = crawler
        self._meter = _Meter(crawler)
        self._live = _live_console(config.progress)
        self._view: _View | None = None
        self._call: AsyncioLoopingCall | LoopingCall | None = None
        self._seconds = config.progress_seconds
        crawler.signals.connect(self._start, signals.engine_started)
        crawler.signals.connect(self.stop, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _start(self) -> None:
        self._meter.start()
        if self._live is None:
            self._call = create_looping_call(self._log)
            self._call.start(self._seconds, now=False)
            return
        self._view = _View(self._live, _title(self._crawler))
        self._call = create_looping_call(self._show)
        self._call.start(REFRESH)
        # A crawl that is forced to stop closes no spider.
        atexit.register(self.stop)

    def stop(self) -> None:
        """End it; the terminal is as it was before."""
        if self._call is not None:
            self._call.stop()
            self._call = None
        if self._view is not None:
            self._view.stop()
            self._view = None
            atexit.unregister(self.stop)

    def _show(self) -> None:
        if self._view is not None:
            self._view.show(self._meter.read(WINDOW), ending=is_ending(self._crawler))

    def _log(self) -> None:
        now = self._meter.read(self._seconds)
        parts = [f"items: {now.scraped}", f"requests: {now.asked}"]
        if now.share:
            parts.append(now.share)
        if now.waits:
            parts.append(f"waiting: {', '.join(now.waits)}")
        if now.lacks:
            parts.append(f"missing: {', '.join(now.lacks)}")
        message = f"after {clock(now.seconds)}: {'; '.join(parts)}"
        logger.info("%s", message, extra={"spider": self._crawler.spider})


class _Meter:
    """Reads a crawl's stats and throttle."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._samples: deque[tuple[float, int]] = deque()

    def start(self) -> None:
        self._began = time.monotonic()
        self._samples.append((self._began, 0))

    def read(self, window: float) -> Snapshot:
        """The crawl as it is now; its rate over the last *window* seconds."""
        stats = self._crawler.stats.get_stats()
        spider = self._crawler.spider
        throttle = SatchelAddon.of(self._crawler).throttle
        expected = spider.expected if isinstance(spider, SatchelSpider) else None
        done = spider.done if isinstance(spider, SatchelSpider) else 0
        prefix = "satchel/items/"
        return Snapshot(
            seconds=time.monotonic() - self._began,
            items={k.removeprefix(prefix): n for k, n in stats.items() if k.startswith(prefix)},
            requests=stats.get("downloader/request_count", 0),
            rate=self._rate(stats.get("downloader/response_count", 0), window),
            quotas=tuple(_quotas(throttle.lanes)),
            waits=tuple(_waits(throttle)),
            lacks=tuple(f"{number:,} {what}" for number, what in missing(stats)),
            done=done if expected is None else min(done, expected),
            expected=expected,
        )

    def _rate(self, answers: int, window: float) -> float:
        now = time.monotonic()
        # One sample that is older stays, so that there is always a whole window.
        while len(self._samples) > 1 and self._samples[1][0] <= now - window:
            self._samples.popleft()
        then, before = self._samples[0]
        self._samples.append((now, answers))
        return (answers - before) / (now - then) if now > then else 0.0


def _quotas(lanes: Iterable[Lane]) -> Iterable[str]:
    limited = [lane for lane in lanes if lane.rate != OFF]
    return [lane.rate if len(limited) == 1 else f"{lane.name} {lane.rate}" for lane in limited]


def _waits(throttle: Throttle) -> Iterable[str]:
    for lane in throttle.lanes:
        if seconds := lane.paused_for:
            yield f"{clock(seconds)} until {lane.name} may be asked again (Retry-After)"
        elif lane.waiting and lane.rate != OFF:
            requests = plural(lane.waiting, "request", "requests")
            yield f"{lane.waiting} {requests} for the quota of {lane.name}"
    if number := throttle.backing_off:
        yield f"{number} {plural(number, 'request', 'requests')} to be repeated"


def _title(crawler: Crawler) -> tuple[str, str]:
    """The spider, and what it crawls where."""
    spider = crawler.spider
    assert spider is not None
    given = spider.given if isinstance(spider, SatchelSpider) else {}
    words = [f"{name}={_value(value)}" for name, value in given.items()]
    if SatchelAddon.of(crawler).sandbox:
        words.append("(in the sandbox)")
    return spider.name, " ".join(words)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) if len(value) < 4 else f"({len(value):,})"
    return str(int(value)) if isinstance(value, bool) else str(value)


# On a terminal


def _live_console(progress: str) -> Console | None:
    """The terminal for the live view, if there is to be one."""
    from rich.console import Console

    if progress == "live":
        return Console(stderr=True, force_terminal=True, force_interactive=True, highlight=False)
    # FORCE_COLOR makes rich take a pipe for a terminal; it asks for colours, not for this.
    if progress == "auto" and sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        return console if console.is_interactive else None
    return None


class _View:
    """The last lines of a terminal; what is logged meanwhile goes above them."""

    def __init__(self, console: Console, title: tuple[str, str]) -> None:
        from rich.live import Live

        self._title = title
        self._handlers = [(handler, handler.stream) for handler in _handlers_of_the_terminal()]
        self._live: Live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            # What is piped elsewhere stays there.
            redirect_stdout=_is_terminal(sys.stdout),
        )
        self._above = _Above(console)
        self._live.start()
        for handler, _ in self._handlers:
            handler.setStream(self._above)

    def show(self, now: Snapshot, *, ending: bool) -> None:
        """Refresh it."""
        self._above.release()
        self._live.update(_render(self._title, now, ending=ending), refresh=True)

    def stop(self) -> None:
        """Take it down."""
        for handler, stream in self._handlers:
            handler.setStream(stream)
        self._above.release()
        self._live.stop()


class _Above:
    """Where log handlers write while there is a live view: lines go above it, as they are.

    Each time the view is drawn again, which takes milliseconds. So what is logged shortly after
    something else waits for the next refresh: a crawl at ``DEBUG`` would be slowed by it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._waiting: deque[str] = deque()
        self._released = 0.0

    def write(self, text: str) -> int:
        self._waiting.append(text)
        if time.monotonic() - self._released >= REFRESH:
            self.release()
        return len(text)

    def flush(self) -> None:
        """What waits is released in its time, not after each line as handlers would have it."""

    def release(self) -> None:
        """Print what waits."""
        from rich.text import Text

        lines = []
        with contextlib.suppress(IndexError):  # Other threads log, too, and may be doing this.
            while True:
                lines.append(self._waiting.popleft())
        if lines:
            text = "".join(lines).removesuffix("\n")
            self._console.print(Text.from_ansi(text), soft_wrap=True)
            self._released = time.monotonic()


def _handlers_of_the_terminal() -> list[logging.StreamHandler[Any]]:
    return [
        handler
        for handler in logging.root.handlers
        if isinstance(handler, logging.StreamHandler)
        and (
            handler.stream is sys.stderr
            or (handler.stream is sys.stdout and _is_terminal(sys.stdout))
        )
    ]


def _is_terminal(stream: TextIO) -> bool:
    # LOG_STDOUT puts an object of Scrapy's there.
    return stream is sys.__stdout__ and stream.isatty()


def _render(title: tuple[str, str], now: Snapshot, *, ending: bool) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    spider, words = title
    if ending:
        words += "  stopping; Ctrl-C again does not wait"
    head = Text.assemble((spider, "bold"), f" {words}  {clock(now.seconds)}")
    rows: list[tuple[str, RenderableType]] = []
    if now.share:
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(now.expected, now.done, width=30), now.share)
        rows.append(("", bar))
    rows.append(("items", _line(now.scraped)))
    rows.append(("requests", _line(now.asked)))
    rows += [("waiting", _line(wait, "yellow")) for wait in now.waits]
    rows += [("missing", _line(lack, "red")) for lack in now.lacks]
    table = Table.grid(padding=(0, 2))
    for label, value in rows:
        table.add_row(label, value)
    head.no_wrap = True
    head.overflow = "ellipsis"
    return Group(head, table)


def _line(words: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(words, style, no_wrap=True, overflow="ellipsis")
