"""RecNet's settings: ``SATCHEL_RECNET_…``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from satchel.config import Secret, Url

Base = Literal["apim", "accounts", "api", "rooms", "clubs", "img"]


class RecNetSettings(Struct, frozen=True, kw_only=True):
    """How the RecNet server that is crawled is reached, and what it speaks."""

    dialect: Annotated[
        Literal["legacy", "public"],
        Meta(description="What the server speaks: the full shapes of 2022, or the reduced ones."),
    ] = "legacy"
    key: Annotated[
        Secret | None,
        Meta(description="Secret. The subscription key; sent only to the hosts that need it."),
    ] = None
    page_size: Annotated[
        int, Meta(ge=1, le=1000, description="Items to ask for at once in a listing.")
    ] = 100
    site: Annotated[
        Url | None,
        Meta(
            description="The address of the website, where rooms and events have their pages; "
            "empty: `SATCHEL_RECNET_URL`.",
            extra={"expected": "an http(s):// address"},
        ),
    ] = None
    url: Annotated[
        Url | None,
        Meta(
            description="The address of a server that has everything under one address.",
            extra={"expected": "an http(s):// address"},
        ),
    ] = None
    urls: Annotated[
        dict[Base, Url],
        Meta(
            description="Addresses by host: `apim`, `accounts`, `api`, `rooms`, `clubs`, `img`, "
            "each in place of `https://<name>.rec.net`.",
            extra={
                "expected": "a JSON object of http(s):// addresses by the names "
                "apim, accounts, api, rooms, clubs, img"
            },
        ),
    ] = {}
