"""Peak memory of a full default crawl, and of a bare Scrapy spider, by the number of images."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from shared import Figures, Server, crawl, say, serving, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=20_000, help="images of the smaller crawl")
    parser.add_argument("--large", type=int, default=100_000, help="images of the larger crawl")
    parser.add_argument("--runs", type=int, default=1, help="of each")
    options = parser.parse_args()
    peaks = {}
    for images in (options.small, options.large):
        with serving(images) as server:
            for side in ("bare", "satchel"):
                peaks[side, images] = median(run(server, side).peak for _ in range(options.runs))
                say(f"{side}, {images:,} images: {peaks[side, images]:.0f} MB")
    report(peaks, options.small, options.large)


def run(server: Server, side: str) -> Figures:
    """One crawl; both sides log as satchel does by default."""
    with tempfile.TemporaryDirectory() as folder:
        store = {"SATCHEL_STORE": f"sqlite:///{Path(folder, 'bench.db')}"}
        return crawl(server, side, store if side == "satchel" else {"LOG_LEVEL": "INFO"})


def report(peaks: dict[tuple[str, int], float], small: int, large: int) -> None:
    rows = []
    for side in ("bare", "satchel"):
        low, high = peaks[side, small], peaks[side, large]
        above = [f"{peaks[side, n] - peaks['bare', n]:+.0f}" for n in (small, large)]
        rows.append([side, f"{low:.0f}", f"{high:.0f}", f"{high - low:+.0f}", *above])
    columns = ["", f"{small:,}", f"{large:,}", "growth", f"to bare, {small:,}", f"{large:,}"]
    show("Peak memory in MB, by images", columns, rows)


if __name__ == "__main__":
    main()
