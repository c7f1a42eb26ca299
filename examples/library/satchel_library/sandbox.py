"""The library's local server, on a synthetic collection."""

from __future__ import annotations

from random import Random
from typing import Any

from aiohttp import web

PREFIX = "/library"
"""All services share one local server."""


def serve(app: web.Application, seed: int, scale: int) -> None:
    authors, books = collection(Random(seed), scale)

    async def list_authors(request: web.Request) -> web.Response:
        field = "playerId" if "players" in request.query else "id"
        wanted = {int(id) for ids in request.query.values() for id in ids.split(",")}
        return web.json_response([row for row in authors if row[field] in wanted])

    async def list_books(request: web.Request) -> web.Response:
        skip, take = int(request.query["skip"]), int(request.query["take"])
        author = int(request.query.get("author", 0))
        rows = [row for row in books if author in (0, row["authorId"])]
        return web.json_response(rows[skip : skip + take])

    app.router.add_get(f"{PREFIX}/authors", list_authors)
    app.router.add_get(f"{PREFIX}/books", list_books)


def collection(random: Random, scale: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    authors = [
        {
            "id": number,
            "name": f"Author {number}",
            "born": (born := random.randrange(1850, 2000)),
            "died": born + 70 if born < 1950 else None,
            "playerId": 7000 + number,
        }
        for number in range(1, 61)
    ]
    books = [
        {
            "isbn": f"978{number:010}",
            "title": f"Paper {number}",
            "published": f"{random.randrange(1950, 2025)}-05-01T00:00:00Z",
            "subjects": random.sample(["Harbors", "boats", "Tides", "lanterns"], 2),
            "authorId": random.randrange(1, 61),
        }
        for number in range(1, 120 * scale + 1)
    ]
    return authors, books
