"""A creator with many posts: satchel, the same pages one after another, gallery-dl, bare Scrapy.

All read the same listing of the same local server, in turns, each in a process of its own. satchel
stores the posts in SQLite, with its default settings but for the pace, and fetches pages together,
or one after another. Whoever else takes them one after another makes no more than JSON of them, on
one connection; gallery-dl lists the posts, without their files. Bare Scrapy is told how many there
are, yields dicts and stores nothing. Time counts from the first request (of spiders: from
``spider_opened``) to the end, of the last commit too; a figure is the median of the runs. The
server counts the requests that are under way at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import urlopen

from satchel.kemono.world import World
from shared import HERE, environment, say, show

SIDES: Final = {
    "JSON, one after another": "in turn",
    "gallery-dl": "gallery-dl",
    "bare Scrapy, tuned as satchel is": "bare",
    "satchel, one after another": "satchel",
    "satchel": "satchel",
}
ALONE: Final = "satchel, one after another"

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=5_000, help="of the creator")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of each answer")
    parser.add_argument("--concurrency", type=int, default=8, help="requests of satchel at once")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    options = parser.parse_args()
    found: dict[str, list[Figures]] = {name: [] for name in SIDES}
    with serving(options.posts, options.latency) as url:
        read(url, "in turn", options, 1)  # so that all pages are rendered
        for number in range(options.runs):
            for name, side in SIDES.items():
                figures = read(url, side, options, 1 if name == ALONE else options.concurrency)
                found[name].append(figures)
                say(f"{number + 1}/{options.runs}  {name}: {figures['seconds']:.2f} s")
    report(found, options.posts)


@contextlib.contextmanager
def serving(posts: int, latency: float) -> Iterator[str]:
    """Run ``kemono_server.py``."""
    command = [sys.executable, str(HERE / "kemono_server.py")]
    command += [f"--posts={posts}", f"--latency={latency}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def read(url: str, side: str, options: argparse.Namespace, concurrency: int) -> Figures:
    """Read all posts in a process of its own; its log goes to a file."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        settings: dict[str, Any] = {
            "SATCHEL_KEMONO_URL": url,
            "SATCHEL_KEMONO_CONCURRENCY": concurrency,
            "SATCHEL_RATES": {"*": "off"},
            "SATCHEL_STATE": "",
            "SATCHEL_STORE": f"sqlite:///{Path(folder, 'bench.db')}",
            "SATCHEL_SUMMARY": False,
        }
        creator = "/".join(World(creators=1, posts=1).cast["long"])
        order: dict[str, Any] = {"side": side, "url": url, "creator": creator, "settings": settings}
        order |= {"posts": options.posts, "concurrency": concurrency}
        done = subprocess.run(
            [sys.executable, str(HERE / "kemono_crawler.py"), json.dumps(order)],
            stdout=subprocess.PIPE, stderr=log, text=True, check=False, env=environment(),
        )  # fmt: skip
        log.seek(0)
        figures: Figures = json.loads(done.stdout) if done.returncode == 0 else {}
        if figures.get("posts") != options.posts:
            sys.exit(f"{side}: it failed: {figures}\n{log.read()[-5000:]}")
    with urlopen(f"{url}/most") as answer:
        figures["most"] = int(answer.read())
    if side == "satchel" and figures["most"] > concurrency:
        sys.exit(f"{figures['most']} requests at once, of {concurrency} at most")
    return figures


def report(found: dict[str, list[Figures]], posts: int) -> None:
    seconds = {name: median(run["seconds"] for run in runs) for name, runs in found.items()}
    # Each run has its own ratio: what slows a machine down slows all sides of a run.
    ratios = {
        name: median(
            own["seconds"] / run["seconds"]
            for own, run in zip(found["satchel"], runs, strict=True)
        )
        for name, runs in found.items()
    }  # fmt: skip
    rows = [
        [
            name,
            f"{seconds[name]:.2f}",
            f"{median(run['cpu'] for run in runs) / posts * 1e6:.0f}",
            f"{max(run['most'] for run in runs)}",
            f"{ratios[name]:.2f}",
        ]
        for name, runs in found.items()
    ]
    show(
        f"{posts:,} posts of a creator",
        ["", "seconds", "CPU µs/post", "most at once", "satchel / this"],
        rows,
    )


if __name__ == "__main__":
    main()
