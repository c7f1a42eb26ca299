"""What the benches share: the server and the crawls as processes of their own, and the table."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PLAYERS = 8
"""Listings that are walked at once: as many as Scrapy asks one host for at once by default."""


@dataclass(frozen=True)
class Server:
    """A running ``server.py``.

    :ivar images: how many it has
    """

    url: str
    images: int


@dataclass(frozen=True)
class Figures:
    """What one crawl came to.

    :ivar seconds: from ``spider_opened`` until everything is committed
    :ivar cpu: seconds that the process used; on a busy machine this says more
    :ivar peak: the process's peak memory in MB
    """

    items: int
    seconds: float
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.items / self.seconds


@contextlib.contextmanager
def serving(images: int, *, first: int = 1, step: int = 1) -> Iterator[Server]:
    """Run ``server.py`` with so many images, of the ids *first*, *first* + *step*, …"""
    words = {"images": images, "players": PLAYERS, "first": first, "step": step}
    command = [sys.executable, str(HERE / "server.py")]
    command += [f"--{name}={value}" for name, value in words.items()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip(), images)
        finally:
            process.terminate()


def crawl(
    server: Server,
    side: str,
    settings: Mapping[str, Any] | None = None,
    *,
    gc: Sequence[int] | None = None,
) -> Figures:
    """Crawl all images of the server in a process of its own; its log goes to a file.

    :param side: ``bare`` or ``satchel``
    :param gc: thresholds of the garbage collector that the process begins with
    """
    own = {"SATCHEL_RECNET_URL": server.url, "SATCHEL_SUMMARY": False, **_UNPACED}
    order = {
        "side": side,
        "url": server.url,
        "players": PLAYERS,
        "settings": {**(own if side == "satchel" else {}), **(settings or {})},
        "gc": gc,
    }
    with tempfile.TemporaryFile("w+") as log:
        done = subprocess.run(
            [sys.executable, str(HERE / "crawler.py"), json.dumps(order)],
            stdout=subprocess.PIPE, stderr=log, text=True, check=False, env=environment(),
        )  # fmt: skip
        log.seek(0)
        figures = json.loads(done.stdout) if done.returncode == 0 else {}
        if figures.get("reason") != "finished" or figures["items"] != server.images:
            sys.exit(f"{side}: the crawl failed: {figures}\n{log.read()[-5000:]}")
    return Figures(figures["items"], figures["seconds"], figures["cpu"], figures["peak"])


_UNPACED = {"SATCHEL_RATES": {"*": "off"}, "SATCHEL_STATE": ""}


def environment() -> dict[str, str]:
    """Without settings of satchel that whoever runs the bench has; the key is the sandbox's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SATCHEL_")}
    return {**own, "SATCHEL_RECNET_KEY": "sandbox"}


def say(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output: the first column says what, the others are figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=200).print(table)
