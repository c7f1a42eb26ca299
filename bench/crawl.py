"""Items per second of a full default crawl, against a bare Scrapy spider that stores nothing.

satchel decodes, passes the privacy gate, calls the hooks and stores each item, with its default
settings; the bare spider yields the parsed dicts. Both walk the same listings, in pages of 100, of
the same local server, in turns. Time counts from ``spider_opened`` to the end of the last commit; a
figure is the median of the runs. What satchel tunes is shown on both sides, with and without.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from satchel.collector import RARE
from shared import Figures, Server, crawl, say, serving, show


@dataclass(frozen=True)
class Side:
    """One way to crawl. ``gc``: see :func:`shared.crawl`."""

    side: str
    settings: dict[str, Any] = field(default_factory=dict)
    gc: tuple[int, int, int] | None = None


TUNED: Final = {"LOG_LEVEL": "INFO", "LOG_FORMATTER": "satchel.logs.LogFormatter"}
UNTUNED: Final = {
    "LOG_FORMATTER": "scrapy.logformatter.LogFormatter",
    "EXTENSIONS": {"satchel.collector.RareCollections": None},
}
SIDES: Final = {
    "bare, Scrapy's defaults (DEBUG log)": Side("bare"),
    "bare, log level INFO": Side("bare", {"LOG_LEVEL": "INFO"}),
    "bare, tuned as satchel is": Side("bare", TUNED, RARE),
    "satchel, not tuned": Side("satchel", UNTUNED),
    "satchel": Side("satchel"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000, help="of each crawl")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument(
        "--store", metavar="URL", help="store here (default: a new SQLite file for each crawl)"
    )
    options = parser.parse_args()
    found: dict[str, list[Figures]] = {name: [] for name in SIDES}
    with serving(options.images) as server:
        for number in range(options.runs):
            for name, side in SIDES.items():
                figures = run(server, side, options.store)
                found[name].append(figures)
                say(f"{number + 1}/{options.runs}  {name}: {figures.rate:,.0f} items/s")
    report(found, options.images)


def run(server: Server, side: Side, store: str | None) -> Figures:
    if side.side == "bare":
        return crawl(server, side.side, side.settings, gc=side.gc)
    with tempfile.TemporaryDirectory() as folder:
        url = store or f"sqlite:///{Path(folder, 'bench.db')}"
        return crawl(server, side.side, {**side.settings, "SATCHEL_STORE": url}, gc=side.gc)


def report(found: dict[str, list[Figures]], images: int) -> None:
    rates = {name: median(figures.rate for figures in runs) for name, runs in found.items()}
    rows = [
        [
            name,
            f"{rate:,.0f}",
            f"{median(figures.cpu for figures in found[name]) / images * 1e6:.0f}",
            f"{rates['satchel'] / rate:.2f}",
        ]
        for name, rate in rates.items()
    ]
    show(f"{images:,} images", ["", "items/s", "CPU µs/item", "satchel / this"], rows)


if __name__ == "__main__":
    main()
