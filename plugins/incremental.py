"""``incremental``: leaves out what has not changed since the last complete crawl of the listing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct
from scrapy.exceptions import DropItem

from satchel import Item, SatchelError, baseline, hookimpl

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class Settings(Struct, frozen=True, kw_only=True):
    """What is left out."""

    enabled: Annotated[
        bool,
        Meta(
            description="Leave out what has not changed since the last complete crawl of the same "
            "spider and arguments, and end listings where nothing new follows: docs/watching.md."
        ),
    ] = False
    ignore: Annotated[
        list[str],
        Meta(
            description="Fields whose changes do not count, such as `visit_count` or "
            "`recnet_room.visit_count`."
        ),
    ] = []


@hookimpl
def satchel_settings() -> type[Struct]:
    return Settings


@hookimpl
async def satchel_crawl_started(crawler: Crawler) -> None:
    base = await baseline(crawler)
    if base.since is None:
        logger.info("no complete crawl of the same listing is known: this one takes all of it")


@hookimpl(trylast=True)  # It compares what the other plugins have made of an item.
async def satchel_process_item(item: Any, crawler: Crawler, settings: Settings) -> None:
    try:
        base = await baseline(crawler)
    except SatchelError:  # Which was told when the crawl began.
        return
    (look,) = await base.look([item])
    if look is None or look.is_new or look.is_more or not look.is_stored:
        return
    if look.changes_but(settings.ignore):
        return
    crawler.stats.inc_value("satchel/incremental/unchanged")
    raise DropItem("unchanged", log_level="DEBUG")


@hookimpl
async def satchel_stop_paging(items: list[Item], crawler: Crawler) -> bool:
    try:
        base = await baseline(crawler)
    except SatchelError:
        return False
    return all(await base.knows(items))
