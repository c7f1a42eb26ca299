"""The verbs of ``satchel``, one file each, and what they share."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from rich.console import Console
from scrapy import Spider
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings

from satchel.addon import SatchelAddon
from satchel.config import Config, Reader
from satchel.errors import ConfigError, UsageError, did_you_mean
from satchel.hooks import Plugins
from satchel.items import Item, type_name
from satchel.service import Service

if TYPE_CHECKING:
    from satchel.schedule.timetable import Checks


WIDE: Final = 1000
"""Columns of what is no terminal: no line is longer."""


def console() -> Console:
    """Where tables are shown: as wide as the terminal, and in a pipe as they need it."""
    terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if terminal else WIDE)


def project_settings() -> BaseSettings:
    """The settings of the Scrapy project that the working directory is in, if it is in one."""
    return get_project_settings()


def services(settings: BaseSettings) -> tuple[Service, ...]:
    """The services of the plugins."""
    return Plugins.of(settings).services()


def reader() -> Reader:
    """What reads satchel's settings in the working directory."""
    settings = project_settings()
    plugins = Plugins.of(settings)
    return Reader(settings, plugins.services(), plugins=plugins.settings())


def config() -> Config:
    """satchel's settings in the working directory."""
    return reader().config()


def spider_classes(settings: BaseSettings) -> dict[str, type[Spider]]:
    """Name → spider, of the project and of all services."""
    services(settings)  # reports a broken plugin, which the next line would pass over
    SatchelAddon.update_pre_crawler_settings(settings)
    loader = get_spider_loader(settings)
    return {name: loader.load(name) for name in loader.list()}


def item_type(word: str) -> type[Item]:
    """An item class by its name (``Account``) or its table's (``recnet_account``).

    :raises UsageError: there is none, or several of that name
    """
    known: dict[str, list[type[Item]]] = {}
    plugins = Plugins.of(project_settings())
    offered = [cls for service in plugins.services() for cls in service.items]
    for cls in (*offered, *plugins.item_classes()):
        for name in (cls.__name__, type_name(cls)):
            known.setdefault(name.lower(), []).append(cls)
    found = known.get(word.lower(), [])
    if len(found) > 1:
        names = ", ".join(type_name(cls) for cls in found)
        raise UsageError(f"{word} may be one of {names}")
    if not found:
        classes = {cls.__name__ for group in known.values() for cls in group}
        near = did_you_mean(word, classes) or did_you_mean(word.lower(), known)
        raise UsageError(f"no item type {word}{near} ({', '.join(sorted(classes))})")
    return found[0]


def plugin_settings() -> tuple[Plugins, dict[str, Struct]]:
    """The plugins in the working directory, and the settings of those that have some."""
    plugins = Plugins.of(project_settings())
    found = reader()
    return plugins, {name: found.plugin(name) for name in plugins.settings()}


def timetable_checks() -> Checks:
    """What a timetable is held against in the working directory.

    :raises ConfigError: the extra is not installed
    """
    try:
        from satchel.schedule.timetable import Checks
    except ModuleNotFoundError as error:
        if error.name != "cronsim":
            raise
        raise ConfigError("timetables need cronsim; run: pip install 'satchel[schedule]'") from None
    settings = project_settings()
    plugins = Plugins.of(settings)
    known = plugins.services(), plugins.settings()

    def refuse(given: Mapping[str, Any]) -> None:
        Reader(BaseSettings(given), known[0], {}, plugins=known[1]).refuse_secrets()

    return Checks(spider_classes(settings), refuse, frozenset(reader().secrets()))
