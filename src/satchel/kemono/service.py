"""Kemono as a plugin: what it gives to the framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

CURRENT: Final = "/kemono"
CLASSIC: Final = "/kemono-classic"
"""Where the shared sandbox has the two profiles; the paths of its root are RecNet's."""


def sandbox(app: web.Application, seed: int, scale: int) -> None:
    """Serve one world in both profiles, each with accounts of its own."""
    # A crawl of a real server needs none of this.
    from satchel.kemono.sandbox import KemonoSite, SandboxOptions
    from satchel.kemono.world import World

    world = World(seed, creators=26 * scale, posts=120 * scale, accounts=40 * scale)
    # One who tries things out logs in more often than a limit allows.
    for prefix, options in (
        (CURRENT, SandboxOptions(login_limit=None)),
        (CLASSIC, SandboxOptions(profile="classic", login_limit=None)),
    ):
        app.add_routes(KemonoSite(world, options).routes(prefix))
