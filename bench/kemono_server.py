"""Serves Kemono's sandbox with one creator who has many posts; pages are rendered once.

Every answer waits as long as ``--latency`` says; ``/most`` tells how many were under way at once
since it was asked last. Prints its address, then answers till it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from typing import Any

from aiohttp import web

from satchel.kemono.sandbox import KemonoSite, SandboxOptions
from satchel.kemono.world import World
from server import print_address


async def make_app(posts: int, latency: float) -> web.Application:
    """The sandbox's application."""

    under_way = most = 0

    @web.middleware
    async def wait(request: web.Request, handler: Any) -> web.StreamResponse:
        nonlocal under_way, most
        if request.path == "/most":
            said, most = most, 0
            return web.Response(text=str(said))
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(latency)
            response: web.StreamResponse = await handler(request)
            return response
        finally:
            under_way -= 1

    app = web.Application(middlewares=[wait])
    # What it answers once is kept, so that the crawler is measured and not the sandbox.
    site = KemonoSite(World(posts=posts), SandboxOptions(edge_cache=math.inf))
    app.add_routes(site.routes())
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True)
    options = parser.parse_args()
    web.run_app(
        make_app(options.posts, options.latency),
        host="127.0.0.1", port=0, access_log=None, print=print_address,
    )  # fmt: skip


if __name__ == "__main__":
    main()
