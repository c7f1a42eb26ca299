"""Keeps the pages of ``recnet-pages`` as files: once for each version of a room or an event."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, field
from scrapy.exceptions import DropItem

from satchel import hookimpl
from satchel.recnet import Snapshot

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

Format = Literal["png", "pdf", "html"]


class Settings(Struct, frozen=True, kw_only=True):
    """How a page is kept, and where."""

    enabled: Annotated[
        bool, Meta(description="Keep pages. The spider `recnet-pages` sets it itself.")
    ] = False
    folder: Annotated[
        str,
        Meta(min_length=1, description="Where the files go, below the folder of the crawl."),
    ] = "snapshots"
    formats: Annotated[
        list[Format],
        Meta(
            min_length=1,
            description="`png`, `pdf`, `html`: what is kept of each page.",
            extra={"expected": "one or more of png, pdf, html"},
        ),
    ] = field(default_factory=lambda: ["png"])
    max_height: Annotated[
        int, Meta(ge=100, le=30_000, description="Pixels after which a picture ends.")
    ] = 20_000
    max_megabytes: Annotated[
        int, Meta(ge=1, le=500, description="Size of a file that is not kept any more.")
    ] = 20
    pictures: Annotated[bool, Meta(description="Load the pictures on the page, too.")] = False
    seconds: Annotated[float, Meta(ge=1, le=600, description="Seconds for one page.")] = 30.0
    width: Annotated[int, Meta(ge=200, le=4000, description="Pixels of the window.")] = 1280


def path_of(snapshot: Snapshot, format: str | None, settings: Settings) -> Path:
    """Where the file of a snapshot in a format is, or would be."""
    name = f"{snapshot.kind}-{snapshot.id}-{snapshot.version}.{format}"
    return Path(settings.folder, f"{snapshot.kind}s", name)


@hookimpl
def satchel_settings() -> type[Settings]:
    return Settings


@hookimpl
async def satchel_process_item(item: Any, crawler: Crawler, settings: Settings) -> None:
    """Write the file. What is too large, or cannot be written, is said and left out."""
    if not isinstance(item, Snapshot) or not (content := item.take()):
        return
    path = path_of(item, item.format, settings)
    if len(content) > settings.max_megabytes * 10**6:
        _left_out(item, crawler, f"{len(content) / 10**6:.1f} MB (SATCHEL_SNAPSHOT_MAX_MEGABYTES)")
    try:
        await asyncio.to_thread(_write, path, content)
    except OSError as error:
        _left_out(item, crawler, f"{path}: {error.strerror}")
    item.path = str(path)
    item.size = len(content)


def _write(path: Path, content: bytes) -> None:
    # A file is there as a whole, or not: it is what says that this version was kept.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _left_out(item: Snapshot, crawler: Crawler, reason: str) -> None:
    crawler.stats.inc_value("satchel/plugins/snapshot/errors")
    logger.error("%s: not kept as %s: %s", item.url, item.format, reason)
    raise DropItem("not kept", log_level="DEBUG")
