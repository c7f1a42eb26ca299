"""Serves listings of images, and in bulk the players, rooms and events that they point at.

All is prepared in memory, in the legacy shape, and every answer waits as long as ``--latency``
says. Prints its address, then answers until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from satchel.recnet.sandbox.render import Renderer
from satchel.recnet.world import World
from server import print_address

PLAYERS: Final = 2_000
ROOMS: Final = 200
EVENTS: Final = 200

Objects = Mapping[int, bytes]


def objects(kind: Any, key: str, count: int, links: Mapping[str, int]) -> Objects:
    """So many objects with the ids 1, 2, …

    :param links: key → how many there are of what it points at
    """
    renderer = Renderer(World(images=1000))
    shapes = [renderer.value(kind, id_, "legacy") for id_ in renderer.world.table(kind)]
    made = {}
    for number in range(1, count + 1):
        # The primes make pages of images that point at different ones.
        ids = {link: number * 7919 % many + 1 for link, many in links.items()}
        shape = {**shapes[number % len(shapes)], **ids, key: number}
        made[number] = msgspec.json.encode(shape)
    return made


def joined(parts: list[bytes]) -> web.Response:
    return web.Response(body=b"[" + b",".join(parts) + b"]", content_type="application/json")


def bulk(known: Objects) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        ids = (int(value) for _, value in parse_qsl(await request.text()))
        return joined([known[id] for id in ids])

    return answer


async def make_app(images: int, listings: int, latency: float) -> web.Application:
    """An application that answers four operations of the legacy dialect."""

    @web.middleware
    async def wait(request: web.Request, handler: Any) -> web.StreamResponse:
        await asyncio.sleep(latency)
        response: web.StreamResponse = await handler(request)
        return response

    links = {"PlayerId": PLAYERS, "RoomId": ROOMS, "PlayerEventId": EVENTS}
    rows = list(objects("images", "Id", images, links).values())

    async def by_player(request: web.Request) -> web.Response:
        own = rows[int(request.match_info["id"]) - 1 :: listings]
        start, take = int(request.query["skip"]), int(request.query["take"])
        return joined(own[start : start + take])

    app = web.Application(middlewares=[wait], client_max_size=2**24)
    app.router.add_get("/public/apis/api/images/v4/player/{id}", by_player)
    for path, known in (
        ("/public/accounts/account/bulk", objects("accounts", "accountId", PLAYERS, {})),
        ("/rooms/bulk", objects("rooms", "RoomId", ROOMS, {})),
        ("/public/apis/api/playerevents/v1/bulk", objects("events", "PlayerEventId", EVENTS, {})),
    ):
        app.router.add_post(path, bulk(known))
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--listings", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True)
    options = parser.parse_args()
    web.run_app(
        make_app(options.images, options.listings, options.latency),
        host="127.0.0.1", port=0, access_log=None, print=print_address,
    )  # fmt: skip


if __name__ == "__main__":
    main()
