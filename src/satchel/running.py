"""What a plugin may do in a running crawl besides returning something from a hook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from satchel.errors import SatchelError
from satchel.waiting import wake

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.listings import Baseline

T = TypeVar("T", bound=Struct)


def put_item(crawler: Crawler, item: Any) -> asyncio.Task[None]:
    """Put an item of one's own into a running crawl.

    It goes the way of an item that came without a response: the privacy gate, the plugins, the
    store, the feeds, and counts as scraped (or dropped) like others. The crawl does not end before
    it has arrived. For it to be stored, its class has to be known: ``satchel_item_classes``.

    :returns: what can be awaited until it has arrived. Do not wait in ``satchel_process_item`` or
        ``satchel_export_items``: the item has to pass these itself.
    :raises SatchelError: the crawl has ended (``satchel_crawl_finished`` is too late), or has not
        begun
    """
    from satchel.addon import SatchelAddon

    scraper, underway = crawler.engine.scraper, SatchelAddon.of(crawler).underway
    slot = scraper.slot
    if slot is None:
        raise SatchelError("put_item: the crawl has not begun")
    if slot.closing is not None and slot.closing.called:
        raise SatchelError("put_item: the crawl has ended")

    async def send() -> None:
        try:
            await scraper.start_itemproc_async(item, response=None)
        finally:
            slot.itemproc_size -= 1
            # Scrapy looks whether all has come only after what a response brought.
            if slot.closing and not slot.closing.called:
                scraper._check_if_closing()
            wake(crawler)

    # Counted at once, so that the crawl does not end before the task begins.
    slot.itemproc_size += 1
    task = asyncio.ensure_future(send())
    underway.add(task)
    task.add_done_callback(underway.discard)
    return task


def plugin_settings(crawler: Crawler, plugin: str, kind: type[T]) -> T | None:
    """The settings of a plugin in a crawl, for what is no hook of it, such as a feed exporter.

    :param plugin: its name, as ``satchel plugins`` lists it
    :param kind: the struct that declares them: what ``satchel_settings`` returns
    :returns: ``None``: there is no such plugin, or it is blocked, or declares none
    """
    from satchel.addon import SatchelAddon

    return SatchelAddon.of(crawler).plugin_settings(plugin, kind)


async def baseline(crawler: Crawler) -> Baseline:
    """What the crawl's listing (its spider and arguments) had when it was last crawled completely.

    What is looked up in it is remembered as seen, and becomes the next base if the crawl is
    complete when it ends. All plugins of a crawl share one.

    :raises SatchelError: there is nothing that could be compared: no store, a spider that does not
        declare its arguments, ``JOBDIR``; or the database failed
    """
    from satchel.addon import SatchelAddon

    return await SatchelAddon.of(crawler).baseline()
