"""Crawls with a browser, as processes of their own, and what they leave behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from satchel.testing import project

PROGRAM = "/usr/bin/chromium"


def has_browser() -> bool:
    """Whether what needs one can run, or must."""
    return shutil.which(PROGRAM) is not None or bool(os.environ.get("CI"))


needs_browser = pytest.mark.skipif(
    not has_browser(),
    reason=f"Chromium is not installed: no {PROGRAM}",
)


@dataclass
class Crawled:
    """A crawl that has ended."""

    status: int
    log: str
    folder: Path

    @property
    def reason(self) -> str:
        return self.stat("finish_reason")

    def stat(self, name: str) -> str:
        """A figure of Scrapy's stats as they are printed; empty: there is none."""
        found = re.search(rf"'{re.escape(name)}': (.+?),?\n", self.log)
        return found[1].strip("}'") if found else ""

    def lines(self, level: str) -> list[str]:
        return [line for line in self.log.splitlines() if f" {level}: " in line]


class Crawling:
    """A crawl in a folder of its own, whose processes can be told from others."""

    def __init__(self, folder: Path, *words: str, **variables: str) -> None:
        self.folder = folder
        # Chromium makes a socket there, whose path must be short.
        self.temporary = Path(tempfile.mkdtemp(prefix="crawled-"))
        if not (folder / "scrapy.cfg").exists():
            project(folder, ["ROBOTSTXT_OBEY = False"])
        environ = {
            "CRAWLED_IN": str(folder),  # All that it starts has it, too.
            "TMPDIR": str(self.temporary),
            "SATCHEL_RATES": '{"*": "off"}',
            "SATCHEL_STORE": "sqlite:///x.db",
            **variables,
        }
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("scrapy"), *words],
                cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> Crawled:
        status = self.process.wait(timeout=300)
        return Crawled(status, (self.folder / "log").read_text(), self.folder)

    def until(self, happened: Callable[[], object]) -> None:
        """Wait for something, as long as the crawl goes on."""
        while not happened():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """Its processes that live, and those that these have started: number → command line."""
        mark = f"CRAWLED_IN={self.folder}\0".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes() + b"\0":
                    words = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(process.name)] = words.decode(errors="replace")
            except OSError:
                continue
        return {number: words for number, words in found.items() if words}

    def browser(self) -> int:
        """The number of the browser's first process; 0: there is none."""
        mains = (n for n, words in self.processes().items()
                 if "--remote-debugging" in words and "--type=" not in words)  # fmt: skip
        return next(mains, 0)

    def files(self) -> list[Path]:
        """Its temporary files."""
        found = self.temporary.glob("*")
        # The folder with Chromium's lock, which it leaves when it is killed itself.
        return [path for path in found if not path.name.startswith("org.chromium.Chromium.")]

    def is_gone(self) -> bool:
        """Whether none of its processes and temporary files is left within some time."""
        end = time.monotonic() + 60
        while self.processes() or self.files():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        shutil.rmtree(self.temporary, ignore_errors=True)
        return True


def crawl(folder: Path, *words: str, **variables: str) -> Crawled:
    """Run a crawl to its end, and see that nothing of it is left."""
    return ended(Crawling(folder, *words, **variables))


def ended(crawling: Crawling) -> Crawled:
    """Wait for a crawl's end, and see that nothing of it is left."""
    done = crawling.wait()
    assert crawling.is_gone(), (crawling.processes(), crawling.files())
    assert "Traceback" not in done.log, done.log
    return done


def settings(**values: object) -> Mapping[str, str]:
    """Settings of satchel's as environment variables."""
    return {f"SATCHEL_{name}": str(value) for name, value in values.items()}
