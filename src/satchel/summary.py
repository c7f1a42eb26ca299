"""What a crawl did, said in a few lines to standard error when it ends."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import signals

from satchel import plans
from satchel.addon import SatchelAddon
from satchel.config import Config
from satchel.databases import shown
from satchel.progress import Progress
from satchel.throttle import CrawlEnds
from satchel.verdict import STAT, Judgement, Verdict, judge, missing, plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from scrapy.crawler import Crawler


class Summary:
    """Judges the crawl, and prints its figures at its end.

    :ivar judgement: what the crawl came to; final when the stats are dumped
    """

    judgement: Judgement

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._reason = ""
        self._began = False
        self._extensions = _ExtensionErrors(crawler)
        self._shown = not SatchelAddon.of(crawler).config.summary
        for receiver, signal in (
            (self._item_error, signals.item_error),
            (self._spider_opened, signals.spider_opened),
            (self._engine_started, signals.engine_started),
            (self._spider_closed, signals.spider_closed),
            # Feeds are written while the spider is being closed.
            (self.judge, signals.feed_exporter_closed),
            (self._engine_stopped, signals.engine_stopped),
        ):
            crawler.signals.connect(receiver, signal)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def show(self) -> None:
        """Print the summary, if that has not been done and is wanted."""
        if not self._reason:
            self.judge()
        if progress := self._crawler.get_extension(Progress):
            progress.stop()
        if not self._shown:
            self._shown = True
            self._print()

    def _item_error(self) -> None:
        self._crawler.stats.inc_value("satchel/item_errors")

    def _spider_opened(self) -> None:
        _SIGNALS.addHandler(self._extensions)

    def _engine_started(self) -> None:
        self._began = True

    def _spider_closed(self, reason: str) -> None:
        self._reason = reason
        self.judge()

    def _engine_stopped(self) -> None:
        _SIGNALS.removeHandler(self._extensions)
        self.show()

    def judge(self) -> None:
        """Judge the crawl by its figures as they are now."""
        stats = self._crawler.stats
        self.judgement = judge(self._reason, stats.get_stats(), began=self._began)
        stats.set_value(STAT, str(self.judgement.verdict))

    def _print(self) -> None:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        with console.capture() as captured:
            self._write(console)
        # Who reads it may be gone, as a scrapyd that was told to end, too: the crawl still ends.
        with contextlib.suppress(OSError):
            sys.stderr.write(captured.get())
            sys.stderr.flush()

    def _write(self, console: Console) -> None:
        from rich.text import Text

        spider = self._crawler.spider
        assert spider is not None
        stats = self._crawler.stats.get_stats()
        addon = SatchelAddon.of(self._crawler)
        where = f" (in the sandbox, {addon.sandbox.url})" if addon.sandbox else ""
        reason = self._reason or "no end"
        console.print(Text.assemble("\n", (spider.name, "bold"), f": {reason}{where}"))
        console.print(_figures(stats))
        if _nothing_but_404(stats):
            text = "The server has nothing of this (404): is its address right?"
            console.print(Text(text), soft_wrap=True)
        if addon.plan:
            console.print(Text("\nActions, of which none was sent (SATCHEL_ACTIONS is off):"))
            console.print(plans.table(addon.plan))
        if (store := addon.config.store) and _below(stats, "satchel/stored/"):
            console.print(Text(f"Stored in {shown(store)}"), soft_wrap=True)
            console.print(Text(f"  see some of it:  {_next_step(stats, store)}"), soft_wrap=True)
        console.print(Text(str(self.judgement), _STYLES[self.judgement.verdict]), soft_wrap=True)


class _ExtensionErrors(logging.Handler):
    """Counts what goes wrong where Scrapy only logs it, as when a feed's disk is full."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(logging.ERROR)
        self._crawler = crawler

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "spider", None) is self._crawler.spider:
            self._crawler.stats.inc_value("satchel/extension_errors")


_SIGNALS: Final = logging.getLogger("scrapy.utils.signal")


def _figures(stats: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    for number, what in _lines(stats):
        table.add_row(number, what)
    return table


def _lines(stats: dict[str, Any]) -> list[tuple[str, str]]:
    """(figure, what it counts), the interesting ones only."""
    items = sorted(_below(stats, "satchel/items/").items())
    counts = [(n, f"{name} {plural(n, 'item', 'items')}") for name, n in items] or [(0, "items")]
    rows = sorted(_below(stats, "satchel/stored/").items())
    counts += [(n, f"{plural(n, 'row', 'rows')} written to {name}") for name, n in rows]
    requests, unanswered = _sent_and_unanswered(stats)
    counts.append((requests, plural(requests, "request", "requests")))
    lines = [(f"{number:,}", what) for number, what in counts]
    if seconds := stats.get("elapsed_time_seconds"):
        lines.append((f"{seconds:.1f}", "seconds"))
    notes = [
        (stats[stat], plural(stats[stat], *words)) for stat, words in _NOTES if stats.get(stat)
    ]
    if unanswered:
        words = ("attempt that was not answered", "attempts that were not answered")
        notes.append((unanswered, plural(unanswered, *words)))
    return lines + [(f"{number:,}", what) for number, what in [*missing(stats), *notes]]


def _sent_and_unanswered(stats: dict[str, Any]) -> tuple[int, int]:
    """Requests that were sent, and those of them that had no answer.

    Scrapy counts those that the throttle did not let pass among its requests and exceptions.
    """
    exceptions = "downloader/exception"
    held = f"{exceptions}_type_count/{CrawlEnds.__module__}.{CrawlEnds.__qualname__}"
    unanswered = stats.get(f"{exceptions}_count", 0) - stats.get(held, 0)
    return stats.get("downloader/response_count", 0) + unanswered, unanswered


def _nothing_but_404(stats: dict[str, Any]) -> bool:
    """Whether the server knows none of the addresses, as when its own is wrong."""
    answers, absent = (
        int(stats.get(f"downloader/{name}", 0)) - int(stats.get(f"robotstxt/{name}", 0))
        for name in ("response_count", "response_status_count/404")
    )
    return answers == absent > 0


_NOTES: Final = (
    ("item_dropped_count", ("item dropped", "items dropped")),
    ("satchel/absent", ("asked for and not there",) * 2),
    ("satchel/actions/proposed", ("action proposed", "actions proposed")),
    ("satchel/actions/done", ("action done", "actions done")),
    ("satchel/actions/vetoed", ("action vetoed", "actions vetoed")),
    ("satchel/actions/held", ("action held", "actions held")),
    ("satchel/store/unknown_type", ("item of a type that is not stored",
                                    "items of types that are not stored")),
    ("satchel/privacy/junior", ("junior withheld", "juniors withheld")),
    ("satchel/privacy/identity", ("account without its identity flags and pronouns",
                                  "accounts without their identity flags and pronouns")),
    # A part of an item and each answer about one count by themselves.
    ("satchel/privacy/bystander", ("time that bystanders' names were left out",
                                   "times that bystanders' names were left out")),
    ("satchel/privacy/content", ("time that content was left out",
                                 "times that content was left out")),
    ("satchel/privacy/tightened", ("item of which plugins withheld fields",
                                   "items of which plugins withheld fields")),
    ("satchel/privacy/refused", ("item withheld since a plugin failed",
                                 "items withheld since a plugin failed")),
    ("log_count/ERROR", ("error in the log", "errors in the log")),
)  # fmt: skip

_STYLES: Final = {
    Verdict.COMPLETE: "green",
    Verdict.INCOMPLETE: "yellow",
    Verdict.FAILED: "red",
    Verdict.INTERRUPTED: "yellow",
}


def _below(stats: dict[str, Any], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): n for key, n in stats.items() if key.startswith(prefix)}


def _next_step(stats: dict[str, Any], store: str) -> str:
    table = min(_below(stats, "satchel/stored/"))
    given = "" if store == Config().store else f"SATCHEL_STORE={shlex.quote(shown(store))} "
    if "***" in given:  # A password, which whoever set it knows.
        given = "SATCHEL_STORE=… "
    return f"{given}satchel items {table}"
