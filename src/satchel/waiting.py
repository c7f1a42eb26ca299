"""Waiting that does not outlive the crawl: an hour's pause must not keep Ctrl-C waiting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

GLANCE: Final = 0.25
"""Seconds after which a sleeper looks whether the crawl still goes on."""


def is_ending(crawler: Crawler) -> bool:
    """Whether the crawl is being closed: by Ctrl-C, with a reason of its own, or because of an end.

    Scrapy has no signal for the beginning of the end.
    """
    slot = crawler.engine._slot if crawler.engine is not None else None
    return slot is not None and slot.closing is not None


def wake(crawler: Crawler) -> None:
    """Have the engine look at once whether there is something to do, or the crawl is over.

    Else it would, some seconds later. Scrapy has no public call for that.
    """
    slot = crawler.engine._slot if crawler.engine is not None else None
    if slot is not None:
        slot.nextcall.schedule()


def is_stopped(crawler: Crawler) -> bool:
    """Whether Ctrl-C or SIGTERM is closing the crawl: who did that wants it to end soon."""
    return is_ending(crawler) and not crawler.engine.running


async def wait(crawler: Crawler, seconds: float) -> bool:
    """Sleep for so many seconds, or until the crawl is being closed.

    :returns: whether the crawl goes on
    """
    end = time.monotonic() + seconds
    while not is_ending(crawler):
        left = end - time.monotonic()
        if left <= 0:
            return True
        await asyncio.sleep(min(left, GLANCE))
    return False
