"""Asks recnetpy 0.2.75 for images and their players, rooms and events: all at once, by gather().

Runs with the Python of an environment that has recnetpy and nothing of satchel. Takes a JSON
object, ``url`` and ``ids``; prints its seconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any

from recnetpy.client import Client
from recnetpy.rest import http_client, route_manager

order = json.loads(sys.argv[1])
build = route_manager.RouteBuilder


def here(client: Any, base: str, **more: Any) -> Any:
    path = re.sub(r"https://\w+\.rec\.net", "", base)
    return build(client, order["url"] + path, **more)


route_manager.RouteBuilder = here
http_client.RATE_LIMIT = 1_000_000


async def main() -> None:
    client = Client("throwaway")
    began = time.perf_counter()
    images = await client.images.fetch_many(order["ids"])
    calls = [
        call() for image in images for call in (image.get_player, image.get_room, image.get_event)
    ]
    # It fails where the server says 404, as for a private room.
    await asyncio.gather(*calls, return_exceptions=True)
    seconds = time.perf_counter() - began
    await client.close()
    print(json.dumps({"items": len(images), "seconds": seconds}))


asyncio.run(main())
