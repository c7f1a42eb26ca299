"""What a crawl did, said in a few lines to standard error when it ends."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals

from satchel.addon import SatchelAddon
from satchel.config import Config

if TYPE_CHECKING:
    from rich.table import Table
    from scrapy.crawler import Crawler


class Summary:
    """Prints the crawl's figures at its end."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        crawler.signals.connect(self._spider_closed, signals.spider_closed)
        if SatchelAddon.of(crawler).config.summary:
            crawler.signals.connect(self._engine_stopped, signals.engine_stopped)
        self._reason = "unknown"

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _spider_closed(self, reason: str) -> None:
        self._reason = reason

    def _engine_stopped(self) -> None:
        from rich.console import Console
        from rich.text import Text

        console = Console(stderr=True, highlight=False)
        spider = self._crawler.spider
        assert spider is not None
        stats = self._crawler.stats.get_stats()
        addon = SatchelAddon.of(self._crawler)
        where = f" (in the sandbox, {addon.sandbox.url})" if addon.sandbox else ""
        console.print(Text.assemble("\n", (spider.name, "bold"), f": {self._reason}{where}"))
        console.print(_figures(stats))
        if store := addon.config.store:
            console.print(Text(f"Stored in {_shown(store)}"), soft_wrap=True)
            for line in _next_steps(stats, store):
                console.print(Text(f"  {line}"), soft_wrap=True)
        sys.stderr.flush()


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
    lines = [(f"{count:,}", f"{name} items") for name, count in items] or [("0", "items")]
    rows = sorted(_below(stats, "satchel/stored/").items())
    lines += [(f"{n:,}", f"rows written to {name}") for name, n in rows]
    requests = stats.get("downloader/request_count", 0)
    lines.append((f"{requests:,}", "requests"))
    lines.append((f"{stats.get('elapsed_time_seconds', 0):.1f}", "seconds"))
    for key, what in (
        ("item_dropped_count", "items dropped"),
        ("satchel/store/failed", "items not stored"),
        ("satchel/absent", "asked for and not there"),
        ("satchel/undecodable", "answers or rows that could not be read"),
        ("satchel/not_offered", "answers that the server does not offer this"),
        ("satchel/unreachable", "requests that nobody answered"),
        ("satchel/store/unknown_type", "items of types that are not stored"),
        ("satchel/repeating_listings", "listings left because the server repeated itself"),
        ("satchel/privacy/junior", "juniors withheld"),
        ("satchel/privacy/identity", "accounts without their identity flags and pronouns"),
        ("satchel/error_answers", "answers with an error status"),
        ("downloader/exception_count", "requests that failed"),
        ("spider_exceptions/count", "errors in the spider"),
        ("log_count/ERROR", "errors in the log"),
    ):
        if stats.get(key):
            lines.append((f"{stats[key]:,}", what))
    failed = sorted(_below(stats, "satchel/plugins/").items())
    return lines + [(f"{n:,}", f"errors of plugin {key[: -len('/errors')]}") for key, n in failed]


def _below(stats: dict[str, Any], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): n for key, n in stats.items() if key.startswith(prefix)}


def _next_steps(stats: dict[str, Any], store: str) -> list[str]:
    tables = sorted(_below(stats, "satchel/stored/"))
    given = "" if store == Config().store else f"SATCHEL_STORE={shlex.quote(_shown(store))} "
    return [f"see some of it:  {given}satchel items {tables[0]}"] if tables else []


def _shown(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
