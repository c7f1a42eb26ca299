"""A replayed crawl against the same one of the sandbox, and its memory by the cassette's size."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.segments import Writer
from satchel.cassettes.serializers import serializer
from satchel.faults import Faults
from satchel.testing import running_sandbox
from shared import HERE, environment, say, show

BODY = json.dumps([{"id": number, "text": "x" * 20} for number in range(30)]).encode()

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=10_000, help="of the crawl")
    parser.add_argument("--many", type=int, default=100_000, help="of the larger cassette")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of each answer")
    parser.add_argument("--runs", type=int, default=3, help="of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(folder, options)
        grow(folder, options)


def compare(folder: str, options: argparse.Namespace) -> None:
    """Images with their comments, a request for each, of the sandbox, recorded, and replayed."""
    # Of the 300 images of the smallest world not all are listed.
    scale = -(-options.exchanges // 250)
    found: dict[str, list[Figures]] = {"sandbox": [], "sandbox, recorded": [], "replayed": []}
    with running_sandbox(scale=scale, faults=Faults(latency=options.latency)) as sandbox:
        base = {
            "SATCHEL_RECNET_URL": sandbox.url,
            "SATCHEL_CASSETTE_FOLDER": folder,
            "SATCHEL_RATES": {"*": "off"},
            "SATCHEL_STATE": "",
        }
        for number in range(options.runs):
            tape = {**base, "SATCHEL_CASSETTE": f"tape{number}"}
            for name, settings in (
                ("sandbox", base),
                ("sandbox, recorded", tape),
                ("replayed", {**tape, "SATCHEL_CASSETTE_MODE": "none"}),
            ):
                figures = crawl({"spider": "images", "count": options.exchanges}, settings)
                found[name].append(figures)
                say(f"{number + 1}/{options.runs}  {name}: {figures['seconds']:.1f} s")
    seconds = {name: middle(runs, "seconds") for name, runs in found.items()}
    rows = [
        [
            name,
            f"{seconds[name]:.1f}",
            f"{seconds[name] / seconds['sandbox']:.2f}",
            f"{middle(runs, 'cpu') / options.exchanges * 1e3:.2f}",
            f"{middle(runs, 'peak'):.0f}",
        ]
        for name, runs in found.items()
    ]
    columns = ["", "seconds", "this / sandbox", "CPU ms/exchange", "peak MB"]
    show(f"{options.exchanges:,} exchanges, {options.latency * 1e3:.0f} ms", columns, rows)


def grow(folder: str, options: argparse.Namespace) -> None:
    """Replays of cassettes of two sizes, by a spider that remembers nothing itself."""
    peaks = []
    for count in (options.exchanges, options.many):
        record(Path(folder, f"made{count}"), count)
        settings = {
            "SATCHEL_CASSETTE_FOLDER": folder,
            "SATCHEL_CASSETTE": f"made{count}",
            "SATCHEL_CASSETTE_MODE": "none",
        }
        runs = [crawl({"spider": "plain", "count": count}, settings) for _ in range(options.runs)]
        peaks.append(middle(runs, "peak"))
        say(f"{count:,} exchanges: {peaks[-1]:.0f} MB")
    rows = [
        [f"{count:,}", f"{peak:.0f}", f"{peak / peaks[0]:.2f}"]
        for count, peak in zip((options.exchanges, options.many), peaks, strict=True)
    ]
    show("Replays, by the exchanges of the cassette", ["", "peak MB", "this / first"], rows)


def record(folder: Path, count: int) -> None:
    """Make a cassette without a server."""
    writer = Writer(folder, serializer("json"))
    kind = {"Content-Type": ["application/json"]}
    for number in range(count):
        asked = Asked("GET", f"http://made.example/{number}")
        writer.add(Exchange(asked, 200, "OK", kind, BODY, "2025-01-01T00:00:00"))
        if writer.is_full:
            writer.write()
    writer.write()


def crawl(order: dict[str, Any], settings: dict[str, Any]) -> Figures:
    """A crawl in a process of its own; its log goes to a file."""
    usual = {"SATCHEL_SUMMARY": False, "ROBOTSTXT_OBEY": False, "SATCHEL_STORE": ""}
    order = {**order, "settings": {**usual, **settings}}
    with tempfile.TemporaryFile("w+") as log:
        done = subprocess.run(
            [sys.executable, str(HERE / "cassette_crawler.py"), json.dumps(order)],
            stdout=subprocess.PIPE, stderr=log, text=True, check=False, env=environment(),
        )  # fmt: skip
        log.seek(0)
        figures: Figures = json.loads(done.stdout) if done.returncode == 0 else {}
        if figures.get("reason") != "finished" or not figures["items"]:
            sys.exit(f"the crawl failed: {figures}\n{log.read()[-5000:]}")
    return figures


def middle(runs: list[Figures], name: str) -> float:
    return float(median(figures[name] for figures in runs))


if __name__ == "__main__":
    main()
