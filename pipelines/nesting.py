"""The end of an item's way through satchel: it is counted, and what exports it comes to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.extensions.feedexport import FeedExporter
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from satchel.addon import SatchelAddon
from satchel.errors import ConfigError
from satchel.items import Item, key_of, nested_fields, type_name, with_values, without_cycles

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class NestingPipeline:
    """Counts items by type, and says what of nested items feeds get.

    Items that relations joined may lead back to themselves; feeds nest what they export. So cycles
    are cut, or the keys of nested items are put in their place (``SATCHEL_NESTED=keys``).
    """

    def __init__(self, crawler: Crawler) -> None:
        # Here, since a receiver of the signal item_scraped costs a task for each item.
        self._count = crawler.stats.inc_value
        nested = SatchelAddon.of(crawler).config.nested
        self._prepare = by_keys if nested == "keys" else without_cycles

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """:raises ConfigError: feeds are asked for, and Scrapy has given all of them up"""
        _require_feeds(crawler)
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, Item):
            self._count(f"satchel/items/{type(item).__name__}")
            return item
        self._count(f"satchel/items/{type_name(type(item))}")
        return self._prepare(item)


def _require_feeds(crawler: Crawler) -> None:
    # Of one feed that it cannot set up Scrapy logs why, and then crawls without any.
    settings = crawler.settings
    listed = build_component_list(settings.get_component_priority_dict_with_base("EXTENSIONS"))
    if not settings["FEEDS"] or not any(_is_for_feeds(load_object(one)) for one in listed):
        return
    assert crawler.extensions is not None
    if not any(isinstance(one, FeedExporter) for one in crawler.extensions.middlewares):
        raise ConfigError(
            "FEEDS: nothing would be written, for the reason above; mend that feed or take it out"
        )


def _is_for_feeds(extension: Any) -> bool:
    return isinstance(extension, type) and issubclass(extension, FeedExporter)


def by_keys(item: Item) -> Item:
    """The item, or a copy in which keys stand for nested items that have one: a value, or a list of
    the values of a key of several.

    Parts without a key stay.
    """
    changed: dict[str, Any] = {}
    for name in nested_fields(type(item)):
        value = getattr(item, name)
        if value:
            inner = value if isinstance(value, list) else [value]
            keys = [_reference(nested) for nested in inner]
            changed[name] = keys if isinstance(value, list) else keys[0]
    return with_values(item, changed)


def _reference(item: Item) -> Any:
    key = key_of(item)
    if key is None:
        return by_keys(item)
    return key[0] if len(key) == 1 else list(key)
