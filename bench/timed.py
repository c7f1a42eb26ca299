"""A crawl in this process, and what it cost: what the crawlers of the benches share.

It imports nothing but Scrapy: the peak of memory is the process's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings


def crawl(
    spider: Any, arguments: Mapping[str, Any], settings: Settings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a spider.

    :returns: Scrapy's stats; ``reason``, ``seconds``, ``cpu`` (seconds, from ``spider_opened``) and
        ``peak`` (of the process's memory, in MB)
    """
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(spider)
    began: list[float] = []
    crawler.signals.connect(
        lambda: began.append(time.process_time()), signals.spider_opened, weak=False
    )
    process.crawl(crawler, **arguments)
    process.start()
    stats = crawler.stats.get_stats()
    return stats, {
        "seconds": stats["elapsed_time_seconds"],
        "cpu": time.process_time() - began[0],
        "reason": stats["finish_reason"],
        "peak": peak(),
    }


def peak() -> float:
    """The most memory that this program has had, in MB.

    Not ``ru_maxrss``, which begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
