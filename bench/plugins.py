"""What plugins cost: a crawl with ten that look at every item, against the same crawl with none.

The plugins have ``satchel_process_item``, not ``async``, and each reads a field. "A hook of another
kind" is a plugin whose hooks are not called in such a crawl. The crawls are those of ``crawl.py``;
a ratio is the median of the rounds' own, since a machine gets faster and slower in between.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from shared import Figures, Server, crawl, say, serving, show

TEN: Final = [f"looks:Looks{number}" for number in range(10)]
SIDES: Final[dict[str, list[str]]] = {
    "none": [],
    "one with a hook that is not called": ["looks:Idle"],
    "ten that look at every item": TEN,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000, help="of each crawl")
    parser.add_argument("--runs", type=int, default=5, help="rounds of all crawls")
    options = parser.parse_args()
    with serving(options.images) as server:
        for stored in (True, False):
            compare(server, options.runs, stored)


def compare(server: Server, runs: int, stored: bool) -> None:
    """Crawl in turns, and print the table."""
    found: dict[str, list[Figures]] = {name: [] for name in SIDES}
    for number in range(runs):
        for name, plugins in SIDES.items():
            figures = run(server, plugins, stored)
            found[name].append(figures)
            say(f"{number + 1}/{runs}  {name}: {figures.rate:,.0f} items/s")
    base = found["none"]
    rows = [
        [
            name,
            f"{median(figures.seconds for figures in figures_of) / server.images * 1e6:.0f}",
            f"{ratio(figures_of, base, 'seconds'):.2f}",
            f"{median(figures.cpu for figures in figures_of) / server.images * 1e6:.0f}",
            f"{ratio(figures_of, base, 'cpu'):.2f}",
        ]
        for name, figures_of in found.items()
    ]
    where = "stored in SQLite" if stored else "without a store"
    show(
        f"{server.images:,} images, {where}",
        ["plugins", "µs/item", "this / none", "CPU µs/item", "this / none"],
        rows,
    )


def ratio(these: list[Figures], those: list[Figures], what: str) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(these, those, strict=True)
    return float(median(getattr(a, what) / getattr(b, what) for a, b in pairs))


def run(server: Server, plugins: list[str], stored: bool) -> Figures:
    """One crawl."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'bench.db')}" if stored else ""
        settings: dict[str, Any] = {"SATCHEL_STORE": url, "SATCHEL_PLUGINS": plugins}
        return crawl(server, "satchel", settings)


if __name__ == "__main__":
    main()
