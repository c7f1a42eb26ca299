"""A crawl that records, in a process that may be killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator
from multiprocessing.process import BaseProcess
from typing import Any

import scrapy

from satchel.testing import Crawl, crawl

REQUESTS = 40
_LATER = [
    "satchel.middlewares.cassette",
    "satchel.middlewares.privacy",
    "satchel.middlewares.relations",
    "satchel.middlewares.session",
    "satchel.pipelines.store",
    "satchel.progress",
    "satchel.summary",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.engine",
]


def recording(url: str, folder: str, mode: str) -> Crawl:
    """Record :data:`REQUESTS` requests, each as soon as it is answered."""

    class Counting(scrapy.Spider):
        name = "counting"

        async def start(self) -> AsyncIterator[Any]:
            for number in range(REQUESTS):
                yield scrapy.Request(f"{url}/{number}")

        def parse(self, response: Any) -> Any:
            yield {"url": response.url, "body": response.body}

    return crawl(
        Counting,
        {
            "LOG_ENABLED": False,
            "ROBOTSTXT_OBEY": False,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 4,
            "DOWNLOAD_DELAY": 0,
            "SATCHEL_CASSETTE": "tape",
            "SATCHEL_CASSETTE_FOLDER": folder,
            "SATCHEL_CASSETTE_MODE": mode,
            "SATCHEL_CASSETTE_SECONDS": 0,
        },
    )


def started(url: str, folder: str) -> BaseProcess:
    """The same, in a process of its own that has begun."""
    context = multiprocessing.get_context("forkserver")
    # What takes the time of a start; the server of forks does not know the folder of this module.
    context.set_forkserver_preload(
        ["satchel.testing", "satchel.recnet.service", "satchel.kemono.service", *_LATER]
    )
    process = context.Process(target=recording, args=(url, folder, "new_episodes"))
    process.start()
    return process
