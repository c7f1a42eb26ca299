"""One crawl of ``relations.py``, in a process of its own: prints its figures as JSON.

Takes a JSON object: ``side`` (``by hand`` or ``satchel``), ``url``, ``listings``, ``page`` (images
of one), ``include`` (relations), ``ids`` (of images, instead of listings), and the Scrapy
``settings`` that differ from the side's own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import Settings

import satchel.settings
from satchel.recnet.api import chunks
from timed import crawl

RELATIONS: Final = {
    "player": ("PlayerId", "id", "accountId", "public/accounts/account/bulk"),
    "room": ("RoomId", "id", "RoomId", "rooms/bulk"),
    "player_event": (
        "PlayerEventId",
        "Ids",
        "PlayerEventId",
        "public/apis/api/playerevents/v1/bulk",
    ),
}  # fmt: skip
"""Relation → (the image's key, the form's, the other's, path)."""


class ByHandSpider(Spider):
    """What somebody writes who wants as few requests as possible and has nothing but Scrapy.

    It reads all listings, asks for each id once, in the largest bodies that servers take, and
    then yields the images with what they point at.
    """

    name = "by-hand"
    url: str
    listings: int
    page: int

    async def start(self) -> AsyncIterator[Any]:
        self.images: list[dict[str, Any]] = []
        self.found: dict[str, dict[int, Any]] = {name: {} for name in RELATIONS}
        self.coming = self.listings
        for listing in range(1, self.listings + 1):
            yield self.list_page(listing, 0)

    def list_page(self, listing: int, skip: int) -> Request:
        path = f"public/apis/api/images/v4/player/{listing}?take={self.page}&skip={skip}&sort=0"
        return Request(f"{self.url}/{path}", cb_kwargs={"listing": listing, "skip": skip})

    def parse(self, response: Response, listing: int, skip: int) -> Iterator[Any]:
        rows = json.loads(response.body)
        if rows:
            self.images += rows
            yield self.list_page(listing, skip + len(rows))
            return
        self.coming -= 1
        if not self.coming:
            yield from self.bulk()

    def bulk(self) -> Iterator[Any]:
        for name, (link, form, _, path) in RELATIONS.items():
            for chunk in chunks(form, (image[link] for image in self.images)):
                self.coming += 1
                yield Request(
                    f"{self.url}/{path}", self.parse_bulk, method="POST",
                    body="&".join(f"{form}={id}" for id in chunk), cb_kwargs={"name": name},
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                )  # fmt: skip

    def parse_bulk(self, response: Response, name: str) -> Iterator[Any]:
        key = RELATIONS[name][2]
        self.found[name] |= {row[key]: row for row in json.loads(response.body)}
        self.coming -= 1
        if not self.coming:
            for image in self.images:
                joined = {
                    name: self.found[name][image[link]]
                    for name, (link, _, _, _) in RELATIONS.items()
                }
                yield {**image, **joined}


def main() -> None:
    order = json.loads(sys.argv[1])
    settings = Settings()
    if order["side"] == "satchel":
        settings.setmodule(satchel.settings)
        spider: Any = "recnet-images"
        ids = order["ids"] or range(1, order["listings"] + 1)
        source = "ids" if order["ids"] else "by_player"
        arguments = {source: ",".join(map(str, ids)), "include": order["include"]}
    else:
        spider = ByHandSpider
        arguments = {name: order[name] for name in ("url", "listings", "page")}
    settings.setdict(order["settings"], priority="cmdline")
    stats, cost = crawl(spider, arguments, settings)
    figures = {
        "items": stats.get("satchel/items/recnet_image", stats.get("item_scraped_count", 0)),
        "requests": stats["downloader/request_count"],
        "lacking": stats.get("satchel/relations/failed", 0),
        **cost,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
