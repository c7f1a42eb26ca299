"""The Scrapy add-on: one line in ``ADDONS`` wires satchel into the crawls of a project.

It reads the settings, finds the plugins, enables the components below and sets polite defaults.
All of these have the priority ``addon``: a project's own settings win over them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

import scrapy
from msgspec import Struct
from scrapy import signals
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.settings import get_settings_priority

import satchel
from satchel.config import Config, Reader, plugin_paths
from satchel.errors import ConfigError, SatchelError, UsageError
from satchel.hooks import Plugins
from satchel.items import Item
from satchel.privacy import Gate
from satchel.reasons import Reason
from satchel.service import Key, Pace, Service

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from satchel.client import Client
    from satchel.sandbox import Sandbox

T = TypeVar("T", bound=Struct)

POLITE: Final = {
    "ROBOTSTXT_OBEY": True,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
    "DOWNLOAD_DELAY": 1,
    "RETRY_TIMES": 3,
}
"""Where no quota is documented: two requests at a time and one a second."""

SAFE: Final = {
    # Crawls hold sessions and keys: nobody gets a console into them.
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    # Scrapy prints a dropped item whole; it may be personal.
    "DEFAULT_DROPITEM_LOG_LEVEL": "DEBUG",
    # At DEBUG it also prints each scraped one.
    "LOG_FORMATTER": "satchel.logs.LogFormatter",
}


class SatchelAddon:
    """satchel in one crawl.

    :ivar config: satchel's own settings
    :ivar plugins: the plugins
    :ivar services: the services that the plugins offer
    :ivar gate: the privacy gate
    :ivar keys: service → the key of its requests
    :ivar sandbox: the local server inside the crawl, if it is asked for
    """

    config: Config
    plugins: Plugins
    services: tuple[Service, ...]
    gate: Gate
    keys: dict[str, Key]
    sandbox: Sandbox | None = None

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings: dict[str, Struct] = {}
        self._clients: dict[str, Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @classmethod
    def of(cls, crawler: Crawler) -> SatchelAddon:
        """The add-on of a running crawl.

        :raises ConfigError: the project has not enabled it
        """
        addon = crawler.get_addon(cls)
        if addon is None:
            raise ConfigError(
                'satchel is not enabled in this project: add ADDONS = {"satchel.addon.SatchelAddon"'
                ": 100} to its settings"
            )
        return addon

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Make the spiders of all services known to ``scrapy crawl``.

        (``scrapy list`` does not ask add-ons; ``satchel spiders`` lists them.)
        """
        _OneLine.install()
        modules = list(settings.getlist("SPIDER_MODULES"))
        for service in cls._services_for_spiders(settings):
            for module in service.spiders:
                if not any(f"{module}.".startswith(f"{listed}.") for listed in modules):
                    modules.append(module)
        settings.set("SPIDER_MODULES", modules, settings.getpriority("SPIDER_MODULES") or "addon")

    @staticmethod
    def _services_for_spiders(settings: BaseSettings) -> tuple[Service, ...]:
        """The services; without those of ``SATCHEL_PLUGINS`` if one of these is broken.

        This early, Scrapy would show a traceback. The crawl's start reports it in one line.
        """
        try:
            return Plugins(plugin_paths(settings)).services()
        except UsageError:
            with contextlib.suppress(UsageError):
                return Plugins().services()
        return ()

    def update_settings(self, settings: BaseSettings) -> None:
        """Read satchel's settings and enable its components."""
        _refuse_other_reactors(settings)
        self.plugins = Plugins(plugin_paths(settings))
        self.services = self.plugins.services()
        reader = Reader(settings, self.services)
        self.config = reader.config()
        self._settings = {service.name: reader.service(service) for service in self.services}
        if self.config.sandbox:
            self._use_sandbox()
        self.keys = {s.name: k for s in self.services if (k := s.key(self._settings[s.name]))}
        self.gate = self._make_gate()
        self._enable_components(settings)
        self._set_defaults(settings)
        self._crawler.signals.connect(self._engine_stopped, signals.engine_stopped)
        self._prepare_spider()

    def settings_of(self, service: str, kind: type[T]) -> T:
        """The settings of a service."""
        settings = self._settings[service]
        assert isinstance(settings, kind)
        return settings

    def client(self, service: str) -> Client:
        """The crawl's access to a service: what answers the relations of its items.

        :raises ConfigError: it is not configured where the service is
        """
        if service not in self._clients:
            (found,) = (s for s in self.services if s.name == service)
            settings = self._settings[service]
            self._clients[service] = found.client(self._crawler, self.gate, settings)
        return self._clients[service]

    def adopt(self, item: Any) -> Any:
        """Give an item that a spider made itself the crawl's client, so that its methods work."""
        if isinstance(item, Item) and item.client is None and item.service in self._settings:
            with contextlib.suppress(ConfigError):  # A service that is not configured has none.
                item.client = self.client(item.service)
        return item

    def close_spider(self, reason: Reason) -> None:
        """End the crawl with a reason of its own.

        Callable from a pipeline or middleware: it does not wait, since the engine waits for them.
        """
        engine = self._crawler.engine
        if engine.spider is not None:
            task = asyncio.ensure_future(engine.close_spider_async(reason=reason.value))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _prepare_spider(self) -> None:
        from satchel.spider import SatchelSpider

        if isinstance(self._crawler.spider, SatchelSpider):
            self._crawler.spider.prepare(self)

    def _make_gate(self) -> Gate:
        secret = self.config.privacy_key
        return Gate(
            self.config.level,
            key=secret.reveal().encode() if secret else b"",
            count=lambda rule: self._crawler.stats.inc_value(f"satchel/privacy/{rule}"),
        )

    def _use_sandbox(self) -> None:
        from satchel.sandbox import Sandbox

        self.sandbox = Sandbox(
            self.services, seed=self.config.sandbox_seed, scale=self.config.sandbox_scale
        )
        for service in self.services:
            self._settings[service.name] = service.in_sandbox(
                self._settings[service.name], self.sandbox.url
            )
        self._crawler.signals.connect(self.sandbox.start, signals.spider_opened)

    def _enable_components(self, settings: BaseSettings) -> None:
        from satchel.collector import RareCollections
        from satchel.middlewares.key import KeyMiddleware
        from satchel.middlewares.privacy import PrivacyMiddleware
        from satchel.pipelines.nesting import NestingPipeline
        from satchel.pipelines.plugins import PluginsPipeline
        from satchel.pipelines.privacy import PrivacyPipeline
        from satchel.pipelines.store import StorePipeline
        from satchel.summary import Summary

        for setting, component, order in (
            ("SPIDER_MIDDLEWARES", PrivacyMiddleware, 1000),
            ("DOWNLOADER_MIDDLEWARES", KeyMiddleware, 1000),
            ("ITEM_PIPELINES", PrivacyPipeline, 0),
            ("ITEM_PIPELINES", PluginsPipeline, 100),
            ("ITEM_PIPELINES", StorePipeline, 900),
            ("ITEM_PIPELINES", NestingPipeline, 950),
            ("EXTENSIONS", Summary, 0),
            ("EXTENSIONS", RareCollections, 0),
        ):
            settings.setdefault_in_component_priority_dict(setting, component, order)

    def _set_defaults(self, settings: BaseSettings) -> None:
        contact = f"; +{self.config.contact}" if self.config.contact else ""
        agent = f"satchel/{satchel.__version__} (Scrapy/{scrapy.__version__}{contact})"
        for name, value in {"USER_AGENT": agent, **POLITE, **SAFE}.items():
            settings.set(name, value, "addon")
        self._set_slots(settings)

    def _set_slots(self, settings: BaseSettings) -> None:
        """Each host's pace, or the project's own for all hosts where that is slower."""
        slots = settings.getdict("DOWNLOAD_SLOTS")
        for host, pace in self._paces().items():
            delay, concurrency = pace.delay, pace.concurrency
            if self.sandbox is None and _is_set(settings, "DOWNLOAD_DELAY"):
                delay = max(delay, settings.getfloat("DOWNLOAD_DELAY"))
            if self.sandbox is None and _is_set(settings, "CONCURRENT_REQUESTS_PER_DOMAIN"):
                concurrency = min(concurrency, settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))
            slots.setdefault(host, {"delay": delay, "concurrency": concurrency, "jitter": 0})
        settings.set("DOWNLOAD_SLOTS", slots, settings.getpriority("DOWNLOAD_SLOTS") or "addon")

    def _paces(self) -> dict[str, Pace]:
        if self.sandbox is not None:
            return {self.sandbox.host: Pace(delay=0, concurrency=8)}
        return {
            host: pace
            for service in self.services
            for host, pace in service.paces(self._settings[service.name]).items()
        }

    async def _engine_stopped(self) -> None:
        if self.sandbox is not None:
            await self.sandbox.stop()


def _refuse_other_reactors(settings: BaseSettings) -> None:
    reactor = settings["TWISTED_REACTOR"]
    if settings.getbool("TWISTED_REACTOR_ENABLED") and reactor and "asyncio" not in str(reactor):
        raise ConfigError(
            f"TWISTED_REACTOR={reactor}: satchel needs Scrapy's default, the asyncio reactor; "
            "take the setting out"
        )


def _is_set(settings: BaseSettings, name: str) -> bool:
    """Whether the project, the spider or the command line gives the setting."""
    return (settings.getpriority(name) or 0) > get_settings_priority("addon")


class _OneLine(logging.Filter):
    """Shows a person's mistake, or a server that is not there, as one line without a traceback.

    A crawl that fails to start is a task that nobody awaits: asyncio logs it when it is collected,
    and Scrapy makes the exit status 1. Each server is asked for its robots.txt first.
    """

    installed: ClassVar[bool] = False

    @classmethod
    def install(cls) -> None:
        if not cls.installed:
            for name in ("asyncio", RobotsTxtMiddleware.__module__):
                logging.getLogger(name).addFilter(cls())
            cls.installed = True

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SatchelError):
            record.name, record.msg, record.args = "satchel", "%s", (str(error),)
            record.exc_info = record.exc_text = None
        elif error is not None and record.name == RobotsTxtMiddleware.__module__:
            record.exc_info = record.exc_text = None
        return True
