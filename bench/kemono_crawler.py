"""Reads all posts of a creator in one way, in a process of its own: prints its figures as JSON.

Takes a JSON object: ``side`` (a key of :data:`SIDES`), ``url``, the ``creator`` as ``SERVICE/ID``,
how many ``posts`` there are, the ``concurrency``, and Scrapy ``settings`` for satchel.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

PAGE: Final = 50
HEADERS: Final = {"Accept": "text/css"}


def satchel(order: Mapping[str, Any]) -> dict[str, Any]:
    """The spider, with its defaults but for the settings given."""
    from scrapy.settings import Settings

    import satchel.settings
    from timed import crawl

    settings = Settings()
    settings.setmodule(satchel.settings)
    settings.setdict(order["settings"], priority="cmdline")
    stats, cost = crawl("kemono-posts", {"creators": order["creator"]}, settings)
    return {"posts": stats.get("item_scraped_count", 0), **cost}


def bare(order: Mapping[str, Any]) -> dict[str, Any]:
    """Scrapy alone, with the log and the garbage collector as satchel's: dicts, nothing stored.

    It is told how many posts there are, and asks for all pages at once.
    """
    import gc

    from scrapy import Request, Spider
    from scrapy.http import Response
    from scrapy.settings import Settings

    from satchel.collector import RARE
    from timed import crawl

    class Bare(Spider):
        name = "bare"

        async def start(self) -> AsyncIterator[Any]:
            for offset in range(0, order["posts"], PAGE):
                yield Request(f"{order['url']}{path(order, offset)}", headers=HEADERS)

        def parse(self, response: Response) -> Iterator[Any]:
            yield from json.loads(response.body)

    gc.set_threshold(*RARE)
    own = {"LOG_LEVEL": "INFO", "LOG_FORMATTER": "satchel.logs.LogFormatter"}
    at_once = {"CONCURRENT_REQUESTS_PER_DOMAIN": order["concurrency"]}
    stats, cost = crawl(Bare, {}, Settings({**own, **at_once}))
    return {"posts": stats.get("item_scraped_count", 0), **cost}


def path(order: Mapping[str, Any], offset: int) -> str:
    """The page of the listing that begins there."""
    return "/api/v1/{}/user/{}/posts?o={}".format(*order["creator"].split("/"), offset)


def in_turn(order: Mapping[str, Any]) -> dict[str, Any]:
    """Page after page on one connection, and nothing but JSON made of them."""
    connection = HTTPConnection(urlsplit(order["url"]).netloc)

    def pages() -> Iterator[list[Any]]:
        offset, page = 0, [None] * PAGE
        while len(page) == PAGE:
            connection.request("GET", path(order, offset), headers=HEADERS)
            response = connection.getresponse()
            # A last page that is full is followed by a refusal (reference section 1.5).
            page = json.loads(response.read()) if response.status == 200 else []
            yield page
            offset += PAGE

    return timed(lambda: sum(map(len, pages())))


def gallery_dl(order: Mapping[str, Any]) -> dict[str, Any]:
    """gallery-dl's extractor for a creator, without its files and its settings."""
    from gallery_dl import config, job
    from gallery_dl.extractor.kemono import KemonoExtractor

    KemonoExtractor.root = order["url"]
    config.set(("cache",), "file", None)
    config.set(("extractor",), "kemono", {"proxy-env": False, "original": True, "retries": 0})
    service, id = order["creator"].split("/")
    listing = job.DataJob(f"https://kemono.cr/{service}/user/{id}", file=None)

    def run() -> int:
        listing.run()
        return len(listing.data_post)

    return timed(run)


def timed(read: Any) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    posts = read()
    cost = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    return {"posts": posts, **cost}


SIDES: Final = {"satchel": satchel, "bare": bare, "in turn": in_turn, "gallery-dl": gallery_dl}

if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    print(json.dumps(SIDES[order["side"]](order)))
