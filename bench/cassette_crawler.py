"""One crawl of ``cassette.py``, in a process of its own: prints its figures as JSON.

Takes a JSON object: ``spider`` (``images`` of a server, or ``plain``), ``count`` and the Scrapy
``settings`` that differ from the project's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import Settings

import satchel.settings
from timed import crawl


class PlainSpider(Spider):
    """Asks for what ``cassette.py`` made, and remembers nothing."""

    name = "plain"
    count: int

    async def start(self) -> AsyncIterator[Any]:
        for number in range(self.count):
            yield Request(f"http://made.example/{number}", dont_filter=True)

    def parse(self, response: Response) -> Any:
        yield {"size": len(response.body)}


def main() -> None:
    order = json.loads(sys.argv[1])
    settings = Settings()
    settings.setmodule(satchel.settings)
    settings.setdict(order["settings"], priority="cmdline")
    spider: Any = "recnet-images"
    arguments = {"front_page": "1", "include": "comments", "limit": str(order["count"])}
    if order["spider"] == "plain":
        spider, arguments = PlainSpider, {"count": order["count"]}
    stats, cost = crawl(spider, arguments, settings)
    figures = {
        "items": stats.get("item_scraped_count", 0),
        "played": stats.get("satchel/cassette/played", 0),
        **cost,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
