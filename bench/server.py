"""Serves listings of images, prepared in memory, so that a bench measures the crawler alone.

The images are those of satchel's synthetic world in the legacy shape, under ids of their own.
Prints its address, then answers until it is ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import msgspec
from aiohttp import web

from satchel.recnet.sandbox.render import Renderer
from satchel.recnet.world import World

PAGE = 100
WORLD_IMAGES = 1000
"""Different images; beyond these, only the ids differ."""


def make_pages(images: int, first: int, step: int) -> list[bytes]:
    """The images as pages of JSON, with the ids *first*, *first* + *step*, …"""
    renderer = Renderer(World(images=WORLD_IMAGES))
    shapes = [renderer.value("images", id_, "legacy") for id_ in renderer.world.images]
    pages = []
    for start in range(0, images, PAGE):
        rows = range(start, min(start + PAGE, images))
        page = [{**shapes[n % len(shapes)], "Id": first + n * step} for n in rows]
        pages.append(msgspec.json.encode(page))
    return pages


def listings(pages: list[bytes], count: int) -> Iterator[list[bytes]]:
    """The pages, dealt to so many players."""
    for player in range(count):
        yield pages[player::count]


async def make_app(pages: list[bytes], players: int) -> web.Application:
    """An application that answers the operation ``images.by_player`` of the legacy dialect."""
    dealt = list(listings(pages, players))

    async def by_player(request: web.Request) -> web.Response:
        own = dealt[int(request.match_info["id"]) - 1]
        number = -(-int(request.query["skip"]) // PAGE)  # the last page may be short
        body = own[number] if number < len(own) else b"[]"
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/public/apis/api/images/v4/player/{id}", by_player)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--players", type=int, required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    options = parser.parse_args()
    pages = make_pages(options.images, options.first, options.step)
    web.run_app(
        make_app(pages, options.players),
        host="127.0.0.1", port=0, access_log=None, print=print_address,
    )  # fmt: skip


def print_address(text: str) -> None:
    """Print the address that aiohttp announces, and nothing else."""
    address = next(word for word in text.split() if word.startswith("http://"))
    print(address, flush=True)
    sys.stdout.close()


if __name__ == "__main__":
    main()
