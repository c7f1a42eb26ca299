"""What pages in a browser leave behind: memory as they come, processes when crawls have ended.

One crawl keeps many pages of the sandbox's rooms; the memory of the crawl, of Playwright's driver
and of Chromium is looked at four times (PSS: what processes share is counted once). Then small
crawls follow one another; after each, processes and temporary files that are left are counted. The
status is 1 if there are any.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from satchel.testing import project, running_sandbox
from shared import environment, say, show

PARTS: Final = ("crawl", "driver", "Chromium")
PATIENCE: Final = 10.0
"""Seconds that a crawl's processes get to end after it."""
VISIBLE: Final = 20
"""Rooms that people may see in a sandbox of scale 1, at least."""


class Crawl:
    """A crawl of *pages* rooms, whose processes and temporary files can be told from others."""

    def __init__(self, url: str, pages: int, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        project(folder)
        program = Path(sys.executable).with_name("scrapy")
        settings = {"RECNET_URL": url, "RATES": '{"*": "off"}', "PRIVACY": "off", "STATE": ""}
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [program, "crawl", "recnet-pages", "-a", "hot=1", "-a", f"limit={pages}"],
                cwd=folder, stderr=log,
                env={
                    **environment(), "BENCH_FOLDER": str(folder), "TMPDIR": str(self.temporary),
                    **{f"SATCHEL_{name}": value for name, value in settings.items()},
                },
            )  # fmt: skip

    def pages(self) -> int:
        """How many it has kept."""
        return len(list(self.folder.glob("snapshots/rooms/*.png")))

    def processes(self) -> list[Path]:
        """Its processes, and those that these have started, in ``/proc``."""
        mark = f"BENCH_FOLDER={self.folder}\0".encode()
        return [found for found in Path("/proc").glob("[0-9]*") if mark in _read(found, "environ")]

    def memory(self) -> Counter[str]:
        """MB of each part."""
        found = Counter(dict.fromkeys(PARTS, 0))
        for process in self.processes():
            words = _read(process, "cmdline")
            part = (
                "crawl" if int(process.name) == self.process.pid
                else "Chromium" if b"chrom" in words.split(b"\0")[0] else "driver"
            )  # fmt: skip
            for line in _read(process, "smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    found[part] += int(line.split()[1]) // 1024
        return found

    def end(self, pages: int) -> None:
        """Wait for it, and see that it did what it should."""
        if self.process.wait() or self.pages() != pages:
            log = (self.folder / "log").read_text()
            sys.exit(f"the crawl kept {self.pages()} pages of {pages}:\n{log[-5000:]}")

    def left(self) -> tuple[int, int]:
        """Processes and temporary files that are left of it."""
        end = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < end:
            time.sleep(0.1)
        return len(self.processes()), len(list(self.temporary.iterdir()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200, help="of the crawl that is looked at")
    parser.add_argument("--crawls", type=int, default=20, help="one after another")
    options = parser.parse_args()
    scale = max(options.pages // VISIBLE, 1)
    with running_sandbox(scale=scale) as sandbox, tempfile.TemporaryDirectory() as folder:
        left = look(sandbox.url, options.pages, Path(folder, "many"))
        for number in range(options.crawls):
            crawl = Crawl(sandbox.url, 3, Path(folder, str(number)))
            crawl.end(3)
            left = (left[0] + crawl.left()[0], left[1] + crawl.left()[1])
            say(f"crawl {number + 1}/{options.crawls}: left so far: {left}")
    print(f"Left of {options.crawls + 1} crawls: {left[0]} processes, {left[1]} temporary files")
    sys.exit(any(left))


def look(url: str, pages: int, folder: Path) -> tuple[int, int]:
    """A crawl of many pages, and the table of its memory."""
    crawl, rows = Crawl(url, pages, folder), []
    for quarter in range(1, 5):
        wanted = pages * quarter // 4
        # The last page is there some time before the crawl has ended.
        while (kept := crawl.pages()) < wanted and crawl.process.poll() is None:
            time.sleep(0.02)
        found = crawl.memory()
        rows.append([f"{kept}", *(f"{found[part]}" for part in PARTS)])
        say(f"{kept} pages: {dict(found)} MB")
    crawl.end(pages)
    show("Memory in MB", ["pages", *PARTS], rows)
    return crawl.left()


def _read(process: Path, name: str) -> bytes:
    try:
        return (process / name).read_bytes() + b"\0"
    except OSError:  # It has ended, or is another's.
        return b""


if __name__ == "__main__":
    main()
