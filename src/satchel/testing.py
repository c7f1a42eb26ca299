"""What satchel's own tests and those of plugin authors share: real crawls of a local server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings

from satchel.errors import SatchelError
from satchel.faults import Faults
from satchel.hooks import Plugins
from satchel.sandbox import Sandbox
from satchel.service import Service

ADDONS = {"satchel.addon.SatchelAddon": 100}


@dataclass
class Crawl:
    """What a crawl came to.

    :ivar crawler: Scrapy's crawler, when the crawl has ended
    :ivar items: the scraped items, in order
    :ivar reason: its ``finish_reason``
    :ivar stats: Scrapy's stats
    """

    crawler: Crawler
    items: list[Any] = field(default_factory=list)
    reason: str = ""
    stats: dict[str, Any] = field(default_factory=dict)


def crawl(
    spider: str | type[Spider], settings: Mapping[str, Any] | None = None, **arguments: Any
) -> Crawl:
    """Run a spider in this process, in an event loop of its own, and wait for its end.

    satchel's add-on is on, without quotas, and nothing is printed; *settings* win over all.

    :raises SatchelError: the crawl could not begin
    """
    return asyncio.run(crawl_async(spider, settings, **arguments))


async def crawl_async(
    spider: str | type[Spider], settings: Mapping[str, Any] | None = None, **arguments: Any
) -> Crawl:
    """The same in the running event loop: several crawls of one process may run at once."""
    merged = Settings()
    merged.setdict(
        {
            "ADDONS": ADDONS,
            "TWISTED_REACTOR_ENABLED": False,
            "COOKIES_ENABLED": False,
            "SATCHEL_BACKOFF": 0.01,
            "SATCHEL_PAUSE": 0.01,
            "SATCHEL_RATES": {"*": "off"},
            "SATCHEL_STATE": "",
            "SATCHEL_SUMMARY": False,
            "SATCHEL_STORE": "",
            **(settings or {}),
        }
    )
    runner = AsyncCrawlerRunner(merged)
    crawler: Crawler = runner.create_crawler(spider)
    result = Crawl(crawler)

    def scraped(item: Any) -> None:
        result.items.append(item)

    def closed(reason: str) -> None:
        result.reason = reason

    crawler.signals.connect(scraped, signals.item_scraped)
    crawler.signals.connect(closed, signals.spider_closed)
    try:
        await runner.crawl(crawler, **arguments)
    except SatchelError:
        # Scrapy leaves open what it opened for an engine that did not begin; this closes it.
        await crawler.signals.send_catch_log_async(signals.engine_stopped)
        raise
    result.stats = crawler.stats.get_stats()
    return result


_numbers = itertools.count(1)


@contextlib.contextmanager
def plugins(*classes: type, module: str | None = None) -> Iterator[list[str]]:
    """Make classes with hooks importable for a while.

    :param module: the module that they are in; default: one of its own
    :returns: their import paths, for ``SATCHEL_PLUGINS``
    """
    name = module or f"plugins_of_a_test_{next(_numbers)}"
    sys.modules[name] = ModuleType(name)
    for cls in classes:
        setattr(sys.modules[name], cls.__name__, cls)
    try:
        yield [f"{name}:{cls.__name__}" for cls in classes]
    finally:
        del sys.modules[name]


@contextlib.contextmanager
def running_sandbox(
    *,
    seed: int = 1,
    scale: int = 1,
    names: int = 1,
    faults: Faults | None = None,
    services: Iterable[Service] | None = None,
) -> Iterator[Sandbox]:
    """A sandbox of some services, answering in a thread; default: of all that are installed."""
    served = Plugins().services() if services is None else services
    sandbox = Sandbox(served, seed=seed, scale=scale, names=names, faults=faults)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
    try:
        yield sandbox
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def command(
    *words: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run ``scrapy …`` or ``satchel …`` as a person would, in a process of its own."""
    program = Path(sys.executable).with_name(words[0])
    return subprocess.run(
        [str(program), *words[1:]],
        cwd=cwd, env=dict(env) if env else None, input=input, timeout=timeout,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def project(folder: Path, settings: Sequence[str] = ()) -> Path:
    """Make a minimal Scrapy project that uses satchel; *settings* are lines of its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = project_settings\n")
    lines = [f"ADDONS = {ADDONS!r}", "COOKIES_ENABLED = False", *settings]
    (folder / "project_settings.py").write_text("\n".join(lines) + "\n")
    return folder
