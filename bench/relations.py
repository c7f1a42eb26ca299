"""What ``include=`` costs: against a spider that does the same by hand, and as a crawl grows.

Both sides read the same listings of the same local server, in turns, with the same relations
(player, room, event) in as few requests as possible. The spider by hand yields dicts and stores
nothing; satchel does all that it does by default, and stores what it finds, too. Time counts from
``spider_opened`` to the end of the last commit; a figure is the median of the runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from satchel.faults import Faults
from satchel.recnet.world import World
from satchel.testing import running_sandbox
from shared import HERE, environment, say, show

LISTINGS: Final = 8
INCLUDE: Final = "player,room,player_event"
TUNED: Final = {"LOG_LEVEL": "INFO", "LOG_FORMATTER": "satchel.logs.LogFormatter"}
SIDES: Final = {
    "by hand, Scrapy's defaults": ("by hand", {}),
    "by hand, log as satchel's": ("by hand", TUNED),
    "satchel": ("satchel", {}),
}

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000, help="of each crawl")
    parser.add_argument("--many", type=int, default=100_000, help="of the crawl that is larger")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of each answer")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument(
        "--recnetpy", metavar="PYTHON",
        help="the Python of an environment with recnetpy==0.2.75, to compare with it",
    )  # fmt: skip
    options = parser.parse_args()
    with serving(options.images, options.latency) as url:
        for page in (64, 1000):
            compare(url, page, options)
    if options.recnetpy:
        compare_with_recnetpy(options)
    grow(options)


@contextlib.contextmanager
def serving(images: int, latency: float) -> Iterator[str]:
    """Run ``relations_server.py``."""
    words = {"images": images, "listings": LISTINGS, "latency": latency}
    command = [sys.executable, str(HERE / "relations_server.py")]
    command += [f"--{name}={value}" for name, value in words.items()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def crawl(
    url: str,
    side: str,
    settings: dict[str, Any],
    *,
    page: int,
    images: int,
    ids: Sequence[int] = (),
) -> Figures:
    """Crawl images in a process of its own; its log goes to a file.

    :param ids: of satchel's: these; default: all listings
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        if side == "satchel":
            settings = {
                "SATCHEL_RECNET_URL": url,
                "SATCHEL_RECNET_PAGE_SIZE": page,
                "SATCHEL_RATES": {"*": "off"},
                "SATCHEL_STATE": "",
                "SATCHEL_STORE": f"sqlite:///{Path(folder, 'bench.db')}",
                "SATCHEL_SUMMARY": False,
                **settings,
            }
        order = {
            "side": side, "url": url, "listings": LISTINGS, "page": page, "include": INCLUDE,
            "settings": settings, "ids": list(ids),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(HERE / "relations_crawler.py"), json.dumps(order)],
            stdout=subprocess.PIPE, stderr=log, text=True, check=False, env=environment(),
        )  # fmt: skip
        log.seek(0)
        figures: Figures = json.loads(done.stdout) if done.returncode == 0 else {}
        if figures.get("items") != images or figures["lacking"]:
            sys.exit(f"{side}: the crawl failed: {figures}\n{log.read()[-5000:]}")
    return figures


def compare(url: str, page: int, options: argparse.Namespace) -> None:
    found: dict[str, list[Figures]] = {name: [] for name in SIDES}
    for number in range(options.runs):
        for name, (side, settings) in SIDES.items():
            figures = crawl(url, side, settings, page=page, images=options.images)
            found[name].append(figures)
            say(f"{number + 1}/{options.runs}  pages of {page}, {name}: {figures['seconds']:.2f} s")
    seconds = {name: middle(runs, "seconds") for name, runs in found.items()}
    rows = [
        [
            name,
            f"{options.images / seconds[name]:,.0f}",
            f"{middle(runs, 'cpu') / options.images * 1e6:.0f}",
            f"{middle(runs, 'requests'):.0f}",
            f"{seconds[name] / seconds['satchel']:.2f}",
        ]
        for name, runs in found.items()
    ]
    columns = ["", "images/s", "CPU µs/image", "requests", "satchel / this"]
    show(f"{options.images:,} images with {INCLUDE}, pages of {page}", columns, rows)


def compare_with_recnetpy(options: argparse.Namespace) -> None:
    """A thousand images and the same relations, of the sandbox in the public dialect."""
    scale = 5
    world = World(accounts=60 * scale, rooms=40 * scale, events=30 * scale, images=300 * scale)
    readable = (
        id_ for id_ in world.images
        if world.is_listed("images", id_) and ("images", id_) not in world.quirks
    )  # fmt: skip
    ids = list(islice(readable, 1000))
    found: dict[str, list[Figures]] = {"recnetpy 0.2.75, gather()": [], "satchel": []}
    for _ in range(options.runs):
        for name, runs in found.items():
            with running_sandbox(scale=scale, faults=Faults(latency=options.latency)) as sandbox:
                if name == "satchel":
                    figures = ask_satchel(sandbox.url, ids)
                else:
                    figures = ask_recnetpy(options.recnetpy, sandbox.url, ids)
                figures["requests"] = len(sandbox.log)
            runs.append(figures)
            say(f"{name}: {figures['seconds']:.2f} s, {figures['requests']} requests")
    rows = [
        [
            name,
            f"{middle(runs, 'items'):,.0f}",
            f"{middle(runs, 'seconds'):.2f}",
            f"{middle(runs, 'requests'):,.0f}",
            f"{middle(runs, 'requests') / middle(found['satchel'], 'requests'):.0f}",
        ]
        for name, runs in found.items()
    ]
    columns = ["", "images", "seconds", "requests", "this / satchel"]
    show(f"1,000 images with {INCLUDE}, public dialect", columns, rows)


def ask_satchel(url: str, ids: list[int]) -> Figures:
    settings = {"SATCHEL_RECNET_DIALECT": "public"}
    return crawl(url, "satchel", settings, page=1000, images=len(ids), ids=ids)


def ask_recnetpy(python: str, url: str, ids: list[int]) -> Figures:
    command = [python, str(HERE / "recnetpy_crawler.py"), json.dumps({"url": url, "ids": ids})]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"recnetpy failed:\n{done.stderr[-5000:]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def grow(options: argparse.Namespace) -> None:
    rows = []
    for images in (options.images, options.many):
        with serving(images, options.latency) as url:
            runs = [
                crawl(url, "satchel", {}, page=1000, images=images) for _ in range(options.runs)
            ]
        say(f"{images:,} images: {middle(runs, 'seconds'):.2f} s")
        rows.append(
            [
                f"{images:,}",
                f"{middle(runs, 'seconds') / images * 1e6:.0f}",
                f"{middle(runs, 'cpu') / images * 1e6:.0f}",
                f"{middle(runs, 'peak'):.0f}",
            ]
        )
    show("satchel, by images", ["", "µs/image", "CPU µs/image", "peak MB"], rows)


def middle(runs: list[Figures], name: str) -> float:
    return float(median(figures[name] for figures in runs))


if __name__ == "__main__":
    main()
