"""Kemono as a plugin: what it gives to the framework."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

import satchel.kemono as kemono
from satchel.config import Secret
from satchel.errors import ConfigError
from satchel.hookspecs import hookimpl
from satchel.items import Item
from satchel.kemono.actions import ACTIONS
from satchel.kemono.api import paces
from satchel.kemono.client import KemonoClient
from satchel.kemono.readings import reading
from satchel.kemono.sessions import login_scheme, wants_browser
from satchel.kemono.settings import KemonoSettings
from satchel.kemono.values import AccountRole
from satchel.service import Service

if TYPE_CHECKING:
    from aiohttp import web

_PREFIXES: Final = {"current": "/kemono", "classic": "/kemono-classic"}
"""Where the local server has each profile: RecNet's paths begin like Kemono's."""


@hookimpl
def satchel_services() -> list[Service]:
    """Kemono: creators, posts, and the accounts that moderate them."""
    return [SERVICE]


def _sandbox(app: web.Application, seed: int, scale: int) -> None:
    # A crawl of a real server needs none of this.
    from satchel.kemono.sandbox import KemonoSite, SandboxOptions
    from satchel.kemono.world import World

    world = World(seed, creators=26 * scale, posts=120 * scale, accounts=40 * scale)
    for profile in ("current", "classic"):
        app.add_routes(
            KemonoSite(world, SandboxOptions(profile=profile, login_limit=None)).routes(
                _PREFIXES[profile]
            )
        )


def _in_sandbox(settings: KemonoSettings, url: str) -> KemonoSettings:
    from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, password_of

    if settings.url:
        raise ConfigError(
            "SATCHEL_SANDBOX=1 and the address of a Kemono server (SATCHEL_KEMONO_URL): give one "
            "of the two"
        )
    accounts = [
        {"role": role.value, "username": name, "password": password_of(name)}
        for role, name in zip(AccountRole, (CONSUMER, MODERATOR, ADMIN), strict=True)
    ]
    profile = "classic" if settings.profile == "classic" else "current"
    return msgspec.structs.replace(
        settings, url=url + _PREFIXES[profile], accounts=Secret(json.dumps(accounts))
    )


SERVICE = Service(
    name="kemono",
    items=tuple(
        cls for cls in vars(kemono).values() if isinstance(cls, type) and issubclass(cls, Item)
    ),
    settings=KemonoSettings,
    spiders=("satchel.spiders.kemono",),
    client=KemonoClient,
    key=lambda settings: None,
    paces=paces,
    sandbox=_sandbox,
    in_sandbox=_in_sandbox,
    hosts=("kemono",),
    sessions=login_scheme,
    browser=wants_browser,
    content=lambda settings: settings.content,
    reading=reading,
    actions=ACTIONS,
    address=lambda settings: settings.url and settings.url.rstrip("/"),
)
