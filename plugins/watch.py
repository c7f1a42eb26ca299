"""``watch``: what is new, changed or gone since the last complete crawl of the same listing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Meta, Struct

from satchel import Item, SatchelError, baseline, hookimpl, put_item

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.bases import Name
    from satchel.listings import Baseline

logger = logging.getLogger(__name__)


class Settings(Struct, frozen=True, kw_only=True):
    """What is reported."""

    enabled: Annotated[
        bool,
        Meta(
            description="Report what is new, changed or gone since the last complete crawl of the "
            "same spider and arguments: docs/watching.md."
        ),
    ] = False
    ignore: Annotated[
        list[str],
        Meta(
            description="Fields whose changes are not reported, such as `visit_count` or "
            "`recnet_room.visit_count`."
        ),
    ] = []


@dataclass(slots=True, init=False)
class FieldChange(Item):
    """What became of a field. Texts are as they are, other values as JSON."""

    namespace: ClassVar[str] = "watch"

    name: str | None = None
    before: str | None = None
    after: str | None = None


@dataclass(slots=True, init=False)
class Change(Item):
    """What became of an item since the last complete crawl of its listing."""

    namespace: ClassVar[str] = "watch"
    key: ClassVar[tuple[str, ...]] = ("crawl", "type", "item")

    crawl: int | None = None
    """The crawl that found it."""
    type: str | None = None
    """The item's type: ``recnet_room``."""
    item: str | None = None
    """The item's key; the parts of one of several by ``/``."""
    kind: str | None = None
    """``new``, ``changed`` or ``gone``."""
    since: int | None = None
    """The crawl that it is compared with."""
    fields: list[FieldChange] | None = None
    """Of one that has changed."""


@hookimpl
def satchel_settings() -> type[Struct]:
    return Settings


@hookimpl
def satchel_item_classes() -> list[type[Item]]:
    return [Change, FieldChange]


@hookimpl
async def satchel_crawl_started(crawler: Crawler) -> None:
    base = await baseline(crawler)
    if base.since is None:
        logger.info("no complete crawl of the same listing is known: this one makes the base")


@hookimpl
async def satchel_export_items(items: list[Any], crawler: Crawler, settings: Settings) -> None:
    try:
        base = await baseline(crawler)
    except SatchelError:  # Which was told when the crawl began.
        return
    for look in await base.look(items):
        if look is None or base.since is None:
            continue
        if look.is_new:
            _tell(crawler, base, look.name, "new")
        elif changes := look.changes_but(settings.ignore):
            _tell(crawler, base, look.name, "changed", _fields(changes))


@hookimpl
async def satchel_crawl_idle(crawler: Crawler) -> None:
    try:
        base = await baseline(crawler)
    except SatchelError:
        return
    if base.since is None:
        return
    if not base.sees_all:
        logger.info("this crawl has not seen all of its listing: nobody knows what is gone")
        return
    async for names in base.gone():
        await asyncio.gather(*(put_item(crawler, _change(base, name, "gone")) for name in names))


def _tell(
    crawler: Crawler,
    base: Baseline,
    name: Name,
    kind: str,
    fields: list[FieldChange] | None = None,
) -> None:
    """Put a change in, unless the crawl has told it: an item may come more than once."""
    mark = hash((name, kind, str(fields)))
    told = _TOLD.setdefault(base, set())
    if mark not in told:
        told.add(mark)
        put_item(crawler, _change(base, name, kind, fields=fields))


_TOLD: Final[WeakKeyDictionary[Baseline, set[int]]] = WeakKeyDictionary()
"""Of each running crawl, what it has told. Numbers take less memory than what they stand for."""


def _change(base: Baseline, name: Name, kind: str, **more: Any) -> Change:
    return Change(
        crawl=base.crawl, type=name.type, item=name.key, kind=kind, since=base.since, **more
    )


def _fields(changes: Mapping[str, tuple[Any, Any]]) -> list[FieldChange]:
    return [
        FieldChange(name=name, before=_text(before), after=_text(after))
        for name, (before, after) in changes.items()
    ]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
