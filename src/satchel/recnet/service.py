"""RecNet as a plugin: what it gives to the framework."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

import msgspec

import satchel.recnet as recnet
from satchel.config import Secret
from satchel.errors import ConfigError
from satchel.hookspecs import hookimpl
from satchel.recnet import api, snapshots
from satchel.recnet.client import RecNetClient
from satchel.recnet.readings import reading
from satchel.recnet.settings import Base, RecNetSettings
from satchel.service import Service

if TYPE_CHECKING:
    from aiohttp import web


@hookimpl
def satchel_services() -> list[Service]:
    """RecNet: accounts, rooms, events, images, inventions."""
    return [SERVICE]


def _sandbox(app: web.Application, seed: int, scale: int) -> None:
    # A crawl of a real server needs none of this.
    from satchel.recnet.sandbox import SandboxOptions, routes
    from satchel.recnet.world import World

    world = World(
        seed,
        accounts=60 * scale,
        rooms=40 * scale,
        events=30 * scale,
        images=300 * scale,
        inventions=20 * scale,
    )
    app.add_routes(routes(world, SandboxOptions(seed=seed)))


def _in_sandbox(settings: RecNetSettings, url: str) -> RecNetSettings:
    if settings.url or settings.urls:
        raise ConfigError(
            "SATCHEL_SANDBOX=1 and the address of a RecNet server (SATCHEL_RECNET_URL or …_URLS): "
            "give one of the two"
        )
    return msgspec.structs.replace(settings, url=url, urls={}, key=Secret("any-key-of-the-sandbox"))


SERVICE = Service(
    name="recnet",
    items=(
        *(getattr(recnet, name) for name in recnet.__all__ if name != "BaseDataClass"),
        recnet.Snapshot,
    ),
    settings=RecNetSettings,
    spiders=("satchel.spiders.recnet", "satchel.spiders.recnet_pages"),
    client=RecNetClient,
    key=api.key,
    paces=api.paces,
    sandbox=_sandbox,
    in_sandbox=_in_sandbox,
    hosts=typing.get_args(Base),
    reading=reading,
    pages=snapshots.addresses,
)
