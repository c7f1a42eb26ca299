"""Kemono's settings: ``SATCHEL_KEMONO_…``."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from satchel.config import DOCUMENT, Secret, Url


class KemonoSettings(Struct, frozen=True, kw_only=True):
    """Which Kemono server is crawled, what it can do, and as whom."""

    accounts: Annotated[
        Secret | None,
        Meta(
            description="Secret. The accounts: JSON, or the path of a TOML file that only its "
            "owner can read: docs/accounts.md.",
            extra={**DOCUMENT, "expected": "JSON, or the path of a TOML file"},
        ),
    ] = None
    concurrency: Annotated[
        int,
        Meta(ge=1, le=64, description="How many requests may be under way at once."),
    ] = 2
    content: Annotated[
        bool,
        Meta(
            description="Keep bodies, message texts and file locations too: docs/privacy.md. Files "
            "are never downloaded."
        ),
    ] = False
    profile: Annotated[
        str | dict[str, Any],
        Meta(
            description="What the server can do and wants: `current`, `classic`, or a JSON object "
            "with what differs from one: docs/accounts.md.",
            extra={"expected": "current, classic, or a JSON object"},
        ),
    ] = "current"
    url: Annotated[
        Url | None,
        Meta(
            description="The address of the server, without `/api`.",
            extra={"expected": "an http(s):// address"},
        ),
    ] = None
