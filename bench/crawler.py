"""One crawl of a bench, in a process of its own: prints its figures as JSON.

Takes a JSON object: ``side`` (``bare`` or ``satchel``), ``url``, ``players``, and the Scrapy
``settings`` that differ from the side's own.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import Settings

import satchel.settings
from timed import crawl


class BareSpider(Spider):
    """What somebody writes who has nothing but Scrapy: follows the listings, yields the dicts."""

    name = "bare"
    url: str
    players: int

    async def start(self) -> AsyncIterator[Any]:
        for player in range(1, self.players + 1):
            yield self.page(player, 0)

    def page(self, player: int, skip: int) -> Request:
        path = f"public/apis/api/images/v4/player/{player}?take=100&skip={skip}&sort=0"
        return Request(f"{self.url}/{path}", cb_kwargs={"player": player, "skip": skip})

    def parse(self, response: Response, player: int, skip: int) -> Iterator[Any]:
        rows = json.loads(response.body)
        yield from rows
        if rows:
            yield self.page(player, skip + len(rows))


def main() -> None:
    order = json.loads(sys.argv[1])
    settings = Settings()
    if order["side"] == "satchel":
        settings.setmodule(satchel.settings)
        spider: Any = "recnet-images"
        arguments = {"by_player": ",".join(str(n + 1) for n in range(order["players"]))}
    else:
        spider = BareSpider
        arguments = {"url": order["url"], "players": order["players"]}
    if threshold := order.get("gc"):
        gc.set_threshold(*threshold)
    settings.setdict(order["settings"], priority="cmdline")
    stats, cost = crawl(spider, arguments, settings)
    print(json.dumps({"items": stats.get("item_scraped_count", 0), **cost}))


if __name__ == "__main__":
    main()
