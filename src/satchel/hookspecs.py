"""Every hook of satchel. This file is the contract: signatures here, one at a time.

A plugin is a module or an object with functions marked ``@satchel.hookimpl``. Names are exact: a
``satchel_…`` function that is no hook stops the crawl before its first request. An implementation
may leave out parameters that it does not use.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.service import Service

hookspec = pluggy.HookspecMarker("satchel")
hookimpl = pluggy.HookimplMarker("satchel")


@hookspec
def satchel_services() -> list[Service] | None:
    """Offer services: APIs with their items, settings, spiders and local server.

    Called when a crawl (or a ``satchel`` command) starts, before the settings are read, and maybe
    more than once: it must be cheap and without effects. All results count. An exception stops the
    start and names the plugin.

    .. versionadded:: 0.1

    ::

        @hookimpl
        def satchel_services():
            return [Service(name="example", …)]
    """


@hookspec
def satchel_process_item(item: Any, crawler: Crawler) -> Any | Awaitable[Any]:
    """Change an item, replace it or drop it before it is stored and exported.

    Called for each item, after the privacy gate and in the order in which plugins were found
    (``tryfirst`` and ``trylast`` move one). May be ``async``.

    Change the item in place and return ``None``, or return the item that takes its place; the
    next plugin gets that one. Raise :exc:`scrapy.exceptions.DropItem` to drop it. Any other
    exception is logged with the plugin's name and counted; the item goes on as it is.

    .. versionadded:: 0.1

    ::

        @hookimpl
        def satchel_process_item(item):
            if isinstance(item, Room) and item.is_dorm:
                raise DropItem("dorm rooms are of no interest")
    """
