"""The crawl's figures as JSON, for those who schedule: set ``SATCHEL_STATS_FILE``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from scrapy.crawler import Crawler

import satchel
from satchel import RequestInfo, ResponseInfo, SatchelError, hookimpl

MANY: Final = 20
"""So many ids of an argument are written out; of more only the number."""

WITHHELD: Final = "[withheld]"
"""What stands for a text that a spider was given: it may be somebody's name."""


class Settings(Struct, frozen=True, kw_only=True):
    file: Annotated[
        str,
        Meta(
            description="A file that gets the crawl's figures as JSON, for those who schedule; "
            "`-`: standard output; empty: none does."
        ),
    ] = ""

    @property
    def enabled(self) -> bool:
        return bool(self.file)


@hookimpl
def satchel_settings() -> type[Struct]:
    """Where the figures go."""
    return Settings


@hookimpl
def satchel_request(request: RequestInfo, crawler: Crawler) -> None:
    """Count it by service."""
    crawler.stats.inc_value(f"stats/requests/{request.service or 'other'}")


@hookimpl
def satchel_response(response: ResponseInfo, crawler: Crawler) -> None:
    """Count it by service and status."""
    crawler.stats.inc_value(
        f"stats/responses/{response.request.service or 'other'}/{response.status}"
    )


@hookimpl(tryfirst=True)
def satchel_crawl_started(crawler: Crawler, settings: Settings) -> None:
    """Replace the figures of the crawl before; one that is killed leaves ``running``."""
    if settings.file != "-":
        _write(settings.file, {**_crawl(crawler), "verdict": "running"})


@hookimpl(trylast=True)
def satchel_crawl_finished(
    reason: str, stats: Mapping[str, Any], crawler: Crawler, settings: Settings
) -> None:
    """Write all figures; last, since other plugins may fail."""
    figures = {
        **_crawl(crawler),
        "verdict": stats["satchel/verdict"],
        "reason": reason,
        "ended": _moment(stats.get("finish_time")),
        "seconds": stats.get("elapsed_time_seconds"),
        "items": _below(stats, "satchel/items/"),
        "dropped": stats.get("item_dropped_count", 0),
        "stored": _below(stats, "satchel/stored/"),
        "requests": _below(stats, "stats/requests/"),
        "responses": _below(stats, "stats/responses/"),
        "bytes": stats.get("downloader/response_bytes", 0),
        "errors": stats.get("log_count/ERROR", 0),
        "plugin_errors": {
            name.removesuffix("/errors"): number
            for name, number in _below(stats, "satchel/plugins/").items()
            if name.endswith("/errors")
        },
    }
    if settings.file == "-":
        print(json.dumps(figures), flush=True)
    else:
        _write(settings.file, figures)


def _crawl(crawler: Crawler) -> dict[str, Any]:
    """What is known when it begins."""
    spider = crawler.spider
    return {
        "satchel": satchel.__version__,
        "spider": spider.name if spider else None,
        "job": getattr(spider, "_job", None),  # scrapyd's
        "arguments": {
            name: _shown(name, value) for name, value in getattr(spider, "given", {}).items()
        },
        "process": os.getpid(),
        "started": _moment(crawler.stats.get_value("start_time")),
    }


def _shown(argument: str, value: Any) -> Any:
    """The value of an argument, as far as it can be nobody's name or secret."""
    if argument == "include":
        return str(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, list):
        numbers = all(isinstance(member, int) for member in value)
        return value if numbers and len(value) <= MANY else f"[{len(value)}]"
    return WITHHELD


def _moment(time: Any) -> str | None:
    return time.isoformat() if time else None


def _below(stats: Mapping[str, Any], prefix: str) -> dict[str, int]:
    found = {name.removeprefix(prefix): n for name, n in stats.items() if name.startswith(prefix)}
    return dict(sorted(found.items()))


def _write(path: str, figures: Mapping[str, Any]) -> None:
    """Replace the file at once: whoever reads it meanwhile has the old one or the new one.

    :raises SatchelError: it cannot be written
    """
    target = Path(path).expanduser()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        raise SatchelError(f"SATCHEL_STATS_FILE={path}: {error.strerror}") from None
