"""The public pages of RecNet's rooms and events, as people see them in a browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs
from scrapy import Request
from scrapy.utils.asyncgen import as_async_generator

from satchel.arguments import numbers
from satchel.browser import FOUND, VISIT
from satchel.browser.capture import Capture, Captured
from satchel.errors import ConfigError, SatchelError
from satchel.items import with_values
from satchel.plugins import snapshot as files
from satchel.privacy import Level
from satchel.recnet import Account, Event, Room, Snapshot, snapshots
from satchel.recnet.settings import RecNetSettings
from satchel.service import is_below, origin
from satchel.spider import LIMIT
from satchel.spiders.recnet import RecNetSpider, Source, once, room_names

if TYPE_CHECKING:
    from scrapy.http import Response

    from satchel.addon import SatchelAddon
    from satchel.paging import Paging


class PagesSpider(RecNetSpider):
    """Rooms and events with their public pages, opened in a browser and kept as files."""

    name = "recnet-pages"
    browser = True
    custom_settings = {"SATCHEL_SNAPSHOT_ENABLED": True}  # noqa: RUF012
    item = Room
    fetch = "rooms.bulk"
    sources = (
        Source("rooms", "ID,…|@FILE", "Rooms by id.", numbers, "rooms.bulk", "bulk"),
        Source("names", "NAME,…|@FILE", "Rooms by name.", room_names, "rooms.by_names", "bulk"),
        once("hot", "rooms.hot", "The popular rooms."),
        Source("events", "ID,…|@FILE", "Events by id.", numbers, "events.bulk", "bulk"),
        once("upcoming", "events.upcoming", "Public events that have not ended."),
    )
    arguments = (*sources, LIMIT)

    def prepare(self, addon: SatchelAddon) -> None:
        super().prepare(addon)
        self.gate = addon.gate
        self.withheld = addon.calls.withheld
        self.site = self._site(addon)
        kept = addon.plugin_settings("snapshot", files.Settings)
        if kept is None or not kept.enabled:
            raise ConfigError(
                f"{self.name}: the plugin snapshot writes its files; take it out of "
                f"SATCHEL_BLOCKED_PLUGINS"
            )
        self.kept = kept
        if addon.config.level is Level.STRICT:
            raise ConfigError(
                f"{self.name}: SATCHEL_PRIVACY=strict withholds names and texts, and pages show "
                f"them; give another level, or crawl without pages"
            )

    def _site(self, addon: SatchelAddon) -> str:
        settings = addon.settings_of(self.service, RecNetSettings)
        site = settings.site or settings.url
        if site is None:
            raise ConfigError(f"{self.name}: SATCHEL_RECNET_SITE is not set: give the website")
        for service in addon.services:
            theirs = getattr(addon.settings_of(service.name, Struct), "url", None)
            if service.name != self.service and theirs and is_below(site, theirs):
                raise ConfigError(
                    f"SATCHEL_RECNET_SITE={site}: this is the address of {service.name}, whose "
                    f"pages are not kept"
                )
        return site

    async def parse_bulk(self, response: Response, values: list[Any]) -> AsyncIterator[Any]:  # type: ignore[override]
        found = as_async_generator(super().parse_bulk(response, values))
        async for output in self.with_pages(found):
            yield output

    async def parse_page(
        self, response: Response, operation: str, parameters: dict[str, Any], paging: Paging
    ) -> AsyncIterator[Any]:
        listed = super().parse_page(response, operation, parameters, paging)
        async for output in self.with_pages(listed):
            yield output

    async def with_pages(self, outputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """What was found, and after it the requests for the pages of that."""
        items = []
        async for output in outputs:
            if isinstance(output, Room | Event):
                items.append(output)
            yield output
        creators = await asyncio.gather(*map(self.creator, items))
        for item, creator in zip(items, creators, strict=True):
            if self.may_be_shown(item, creator):
                for output in self.snapshots(item):
                    yield output
            else:
                self.logger.info("%s %s: its page is left out", type(item).__name__, item.id)
                self.count("snapshots/left_out")

    async def creator(self, item: Room | Event) -> Account | None:
        """Who made it, whose name the page shows; ``None``: it cannot be known."""
        if self.gate.level is Level.OFF:
            return None
        try:
            return await item.get_creator_player()
        except SatchelError as error:
            self.logger.error("%s %s: its creator: %s", type(item).__name__, item.id, error)
            return None

    def may_be_shown(self, item: Room | Event, creator: Account | None) -> bool:
        """Whether a page shows nothing that the gate would withhold.

        It shows the item's texts and its creator's name.
        """
        if not item.name or item.accessibility == "Private":
            return False
        if self.gate.level is Level.OFF:
            return True
        if creator is None or creator.is_junior:
            return False
        return not any(self.is_tightened(shown) for shown in (item, creator))

    def is_tightened(self, item: Any) -> bool:
        """Whether a plugin withholds anything of an item."""
        names = self.withheld(item)
        return names is None or bool(names)

    def snapshots(self, item: Room | Event) -> Iterator[Any]:
        """The snapshots that there are, and the request for those that are not."""
        taken = snapshots.of(item, self.site)
        missing = []
        for name in self.kept.formats:
            path = files.path_of(taken, name, self.kept)
            if path.exists():
                yield with_values(
                    taken, {"format": name, "path": str(path), "size": path.stat().st_size}
                )
            else:
                missing.append(name)
        if missing:
            yield self.visit(taken, tuple(missing))

    def visit(self, taken: Snapshot, formats: tuple[str, ...]) -> Request:
        """The request for a page."""
        how = structs.asdict(self.kept)
        words = ("pictures", "width", "seconds", "max_height")
        capture = Capture(formats=formats, **{word: how[word] for word in words})
        return Request(
            str(taken.url),
            callback=self.parse_visit,
            errback=self.failed,
            cb_kwargs={"taken": taken},
            meta={
                "satchel_service": self.service,
                "dont_merge_cookies": True,
                "dont_cache": True,
                # A page that took its time once will take it again.
                "max_retry_times": 1,
                VISIT: capture,
            },
        )

    def parse_visit(self, response: Response, taken: Snapshot) -> Iterator[Snapshot]:
        captured: Captured | None = response.meta.get(FOUND)
        if captured is None:
            # No more of the address: it may have a person's name.
            where = origin(response.url)
            self.logger.error("%s: left out: it led to another page (of %s)", taken.url, where)
            self.count("snapshots/left_out")
            return
        for name, content in captured.files.items():
            found = Snapshot(
                kind=taken.kind, id=taken.id, version=taken.version, format=name, url=taken.url,
                width=self.kept.width, height=captured.height, taken_at=int(time.time()),
            )  # fmt: skip
            found.carry(content)
            yield found
