"""Whether a crawl into a store with many rows is as fast as one into an empty store.

The full store was filled in many runs of equal size, whose ids interleave; then the same images are
crawled into it and into an empty one, in turns: new ids behind all stored ones, new ids scattered
between them, and ids that are stored already. A figure is the median of the runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

from shared import Figures, Server, crawl, say, serving, show

GAP = 2
"""Stored ids are so far from each other: between them is room for new ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the full store")
    parser.add_argument("--runs-before", type=int, default=99, help="that filled it")
    parser.add_argument("--images", type=int, default=20_000, help="of each crawl")
    parser.add_argument("--runs", type=int, default=3, help="of each kind")
    options = parser.parse_args()
    step = max(1, options.rows // options.images) * GAP
    kinds = {
        "new ids behind those stored": (options.rows * GAP + 1, 1),
        "new ids between those stored": (1, step),
        "stored ids again": (GAP, step),
    }
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder, "full.db")
        fill(full, options.rows, options.runs_before)
        rows = []
        for kind, (first, between) in kinds.items():
            with serving(options.images, first=first, step=between) as server:
                rows.append([kind, *compare(server, full, kind, options.runs)])
    columns = ["items/s", "empty store", f"{options.rows:,} rows", "ratio"]
    show(f"{options.images:,} images", columns, rows)


def fill(path: Path, rows: int, runs: int) -> None:
    """Make a store of so many images: a crawled one, copied under other ids run by run."""
    with serving(1000, first=-1000) as server:
        into(server, path)
    say(f"filling a store with {rows:,} rows")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(recnet_image)")]
        others = ", ".join(name for name in columns if name != "id")
        for run in range(runs):
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT :run UNION ALL SELECT i + :runs FROM n "
                "WHERE i + :runs < :rows) "
                f"INSERT INTO recnet_image (id, {others}) SELECT (n.i + 1) * :gap, {others} "
                "FROM n JOIN recnet_image sample ON sample.id = -1 - n.i % 1000",
                {"run": run, "runs": runs, "rows": rows, "gap": GAP},
            )


def compare(server: Server, full: Path, kind: str, runs: int) -> list[str]:
    """Items per second into an empty store and into a copy of the full one, and the ratio."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(runs):
        for is_full in rates:
            path = full.with_name("crawled.db")
            if is_full:
                shutil.copy(full, path)
                os.sync()  # else the crawl shares the disk with what is left of the copy
            rates[is_full].append(into(server, path).rate)
            path.unlink()
            say(f"{number + 1}/{runs}  {kind}, {'full' if is_full else 'empty'}: "
                f"{rates[is_full][-1]:,.0f} items/s")  # fmt: skip
    empty, filled = median(rates[False]), median(rates[True])
    return [f"{empty:,.0f}", f"{filled:,.0f}", f"{filled / empty:.2f}"]


def into(server: Server, path: Path) -> Figures:
    return crawl(server, "satchel", {"SATCHEL_STORE": f"sqlite:///{path}"})


if __name__ == "__main__":
    main()
