"""The Scrapy add-on: one line in ``ADDONS`` wires satchel into the crawls of a project.

It reads the settings, finds the plugins, enables the components below and sets polite defaults.
All of these have the priority ``addon``: a project's own settings win over them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar
from urllib.parse import urlsplit

import scrapy
from msgspec import Struct
from scrapy import signals
from scrapy.downloadermiddlewares.retry import RetryMiddleware as ScrapyRetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.extensions.feedexport import FeedExporter
from scrapy.settings import get_settings_priority
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from satchel.browser import wanted
from satchel.calls import Calls
from satchel.config import Config, Reader, masked
from satchel.errors import ConfigError, SatchelError, UsageError
from satchel.hooks import Plugins
from satchel.items import AddedRelation, Item
from satchel.loading import Gate as LoadingGate
from satchel.outbox import key_of_row
from satchel.privacy import Gate, Level
from satchel.proposals import Proposals
from satchel.reasons import Reason
from satchel.service import Key, Pace, Service, host_of, is_below
from satchel.session_file import SessionFile
from satchel.sessions import Sessions
from satchel.throttle import EVERYWHERE, OFF, Throttle, check_names
from satchel.verdict import Verdict, judge
from satchel.version import VERSION
from satchel.waiting import is_ending, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from satchel.browser import Visit
    from satchel.cassettes.masks import Masks
    from satchel.cassettes.redaction import Redactor
    from satchel.client import Access, Client
    from satchel.executor import Step
    from satchel.listings import Baseline
    from satchel.outbox import Key as ProposalKey
    from satchel.relations import Resolver
    from satchel.sandbox import Sandbox
    from satchel.store import Store, Work
    from satchel.tables import Row

logger = logging.getLogger(__name__)

B = TypeVar("B")
T = TypeVar("T", bound=Struct)

PER_HOST: Final = "CONCURRENT_REQUESTS_PER_DOMAIN"

POLITE: Final = {
    "ROBOTSTXT_OBEY": True,
    PER_HOST: 2,
    "DOWNLOAD_DELAY": 1,
    "DOWNLOAD_TIMEOUT": 60,
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


CRAWL: Final[ContextVar[Crawler | None]] = ContextVar("satchel_crawl", default=None)
"""The crawl that the running code is part of."""


class SatchelAddon:
    """satchel in one crawl.

    :ivar config: satchel's own settings
    :ivar plugins: the plugins
    :ivar calls: the calls of their hooks during the crawl
    :ivar services: the services that the plugins offer
    :ivar gate: the privacy gate
    :ivar keys: service → the key of its requests
    :ivar sessions: service → its accounts' sessions
    :ivar throttle: the hosts' quotas and pauses
    :ivar loading: says when batches of ids go out
    :ivar sandbox: the local server inside the crawl, if it is asked for
    :ivar proposals: the kinds of actions that can be proposed
    :ivar own_proposals: the keys of those that this crawl has proposed, or found proposed already
    :ivar act: has what is proposed sent, if that is switched on
    :ivar plan: what a dry run would have sent, when the crawl has ended
    :ivar store: the database of items; ``None``: nothing is stored
    :ivar underway: what sends the items on their way that plugins have put in
    :ivar other_handlers: scheme → the download handler that a browser stands in front of
    """

    config: Config
    plugins: Plugins
    calls: Calls
    services: tuple[Service, ...]
    gate: Gate
    keys: dict[str, Key]
    sessions: dict[str, Sessions]
    throttle: Throttle
    sandbox: Sandbox | None = None
    proposals: Proposals
    store: Store | None = None

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self.other_handlers: dict[str, Any] = {}
        self._browser: Any = None
        self._settings: dict[str, Struct] = {}
        self._plugin_settings: dict[str, Struct] = {}
        self._clients: dict[str, Client] = {}
        self.loading = LoadingGate(crawler)
        self.own_proposals: set[ProposalKey] = set()
        self.plan: Sequence[Step] = ()
        self.act: Callable[[], None] = lambda: None
        self._ending: asyncio.Task[None] | None = None
        self._baseline: asyncio.Task[Baseline] | None = None
        self.underway: set[asyncio.Task[None]] = set()

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
    def is_enabled(cls, settings: BaseSettings) -> bool:
        """Whether a project has enabled it."""
        addons = build_component_list(settings["ADDONS"])
        return any(issubclass(load_object(addon), cls) for addon in addons)

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Make the spiders of all services known to ``scrapy crawl``."""
        _OneLine.install()
        modules = list(settings.getlist("SPIDER_MODULES"))
        for service in cls._services_for_spiders(settings):
            for module in service.spiders:
                if not any(f"{module}.".startswith(f"{listed}.") for listed in modules):
                    modules.append(module)
        settings.set("SPIDER_MODULES", modules, settings.getpriority("SPIDER_MODULES") or "addon")

    @staticmethod
    def offer_feed_exporters(settings: BaseSettings, plugins: Plugins) -> None:
        """Make the plugins' formats known to feeds; the project's own exporters win."""
        offered = {**plugins.feed_exporters(), **settings.getdict("FEED_EXPORTERS")}
        priority = settings.getpriority("FEED_EXPORTERS") or "addon"
        settings.set("FEED_EXPORTERS", offered, priority)

    @staticmethod
    def _services_for_spiders(settings: BaseSettings) -> tuple[Service, ...]:
        """The services; without those of ``SATCHEL_PLUGINS`` if one of these is broken.

        This early, Scrapy would show a traceback. The crawl's start reports it in one line.
        """
        try:
            return Plugins.of(settings).services()
        except UsageError:
            with contextlib.suppress(UsageError):
                return Plugins().services()
        return ()

    def update_settings(self, settings: BaseSettings) -> None:
        """Read satchel's settings and enable its components."""
        CRAWL.set(self._crawler)
        _refuse_other_reactors(settings)
        self.plugins = Plugins.of(settings)
        self.services = self.plugins.services()
        self.offer_feed_exporters(settings, self.plugins)
        declared = self.plugins.settings()
        reader = Reader(settings, self.services, plugins=declared)
        self.config = reader.config()
        self._settings = {service.name: reader.service(service) for service in self.services}
        self._plugin_settings = {name: reader.plugin(name) for name in declared}
        self.calls = Calls(self._crawler, self.plugins, self._plugin_settings, self.config)
        if self.config.sandbox:
            self._use_sandbox()
        self.keys = {s.name: k for s in self.services if (k := s.key(self._settings[s.name]))}
        self.sessions = self._make_sessions()
        self.proposals = Proposals(
            self.services, {s.name: s.address(self._settings[s.name]) for s in self.services}
        )
        self.proposals.check("SATCHEL_ACTIONS_ALLOW", self.config.actions_allow)
        self.proposals.check("SATCHEL_ACTIONS_LIMITS", self.config.actions_limits)
        self.gate = self._make_gate(
            lambda rule: self._crawler.stats.inc_value(f"satchel/privacy/{rule}")
        )
        self._enable_components(settings)
        self._set_defaults(settings)
        if why := self._wants_browser():
            wanted.check(self.config, settings, why)
            self.other_handlers = wanted.prepare(self.config, settings)
        self.throttle = self._make_throttle(settings)
        self._crawler.signals.connect(self._spider_closed, signals.spider_closed)
        self._crawler.signals.connect(self._engine_stopped, signals.engine_stopped)
        self._prepare_spider()

    def settings_of(self, service: str, kind: type[T]) -> T:
        """The settings of a service."""
        settings = self._settings[service]
        assert isinstance(settings, kind)
        return settings

    def plugin_settings(self, plugin: str, kind: type[T]) -> T | None:
        """The settings of a plugin, for what is no hook of it; ``None`` if it is blocked."""
        settings = self._plugin_settings.get(plugin)
        assert settings is None or isinstance(settings, kind)
        return settings

    def browser(self, make: Callable[[Crawler, float], B]) -> B:
        """The crawl's one browser, which *make* makes of the crawl and the seconds of a visit."""
        if self._browser is None:
            self._browser = make(self._crawler, self.config.browser_seconds)
        browser: B = self._browser
        return browser

    def check_visit(self, request: Request, visit: Visit) -> None:
        """Refuse a page that no browser can open, or that is to be kept and may not be.

        :raises ConfigError: the crawl has no browser, or the address is none of the service's
            pages that may be kept
        """
        if not self.other_handlers:
            raise ConfigError(
                f"{request.url}: this is a page for a browser, and there is none in scripts and "
                f"notebooks, nor where nothing of the settings or the spider asks for one "
                f"(docs/browser.md)"
            )
        name = request.meta.get("satchel_service", "")
        allowed = [
            base for s in self.services if s.name == name for base in s.pages(self._settings[name])
        ]
        if visit.keeps and not any(is_below(request.url, base) for base in allowed):
            raise ConfigError(
                f"{request.url}: such pages of {name or 'this server'} are not kept "
                f"(docs/browser.md)"
            )

    def client(self, service: str) -> Client:
        """The crawl's access to a service: what answers the relations of its items.

        :raises ConfigError: it is not configured where the service is
        """
        if service not in self._clients:
            (found,) = (s for s in self.services if s.name == service)
            settings = self._settings[service]
            self._clients[service] = found.client(self._access(), settings)
        return self._clients[service]

    def _access(self) -> Access:
        from satchel.client import Access

        return Access(self._crawler, self.gate, self.throttle, self.loading, self.config.remembered)

    def adopt(self, item: Any) -> Any:
        """Give an item that a spider made itself the crawl's client, so that its methods work."""
        if isinstance(item, Item) and item.client is None and item.namespace in self._settings:
            with contextlib.suppress(ConfigError):  # A service that is not configured has none.
                item.client = self.client(item.namespace)
        return item

    def proposed(self, row: Row) -> None:
        """Take note of a proposal that is committed."""
        self.own_proposals.add(key_of_row(row))
        self._crawler.stats.inc_value("satchel/actions/proposed")
        self.act()

    def resolver(self) -> Resolver | None:
        """What fills in the relations that the spider was asked to include; ``None``: none were."""
        from satchel.relations import Resolver
        from satchel.spider import SatchelSpider

        spider = self._crawler.spider
        tree = spider.tree if isinstance(spider, SatchelSpider) else None
        if tree is None:
            return None
        return Resolver(
            self._crawler, tree, self.client, self._resolve_added, self.gate, self.loading
        )

    async def _resolve_added(self, relation: AddedRelation, items: Sequence[Item]) -> list[Any]:
        """What a plugin says that a relation of items leads to."""
        answers = await self.calls.resolve_relation(relation, items)
        for answer in answers:
            for found in answer if isinstance(answer, list) else [answer]:
                self.adopt(found)
        return answers

    def item_classes(self) -> list[type[Item]]:
        """The classes of items that may come: the services', and those that plugins make."""
        own = self.plugins.item_classes(self.calls.off)
        return [*(cls for service in self.services for cls in service.items), *own]

    async def baseline(self) -> Baseline:
        """What the crawl's listing had when it was last crawled completely.

        :raises ConfigError: there is nothing that could be compared
        :raises StoreError: the database failed
        """
        from satchel.listings import Baseline
        from satchel.spider import SatchelSpider

        spider = self._crawler.spider
        if self.store is None:
            raise ConfigError("SATCHEL_STORE is empty: what is to be compared is kept in the store")
        if not isinstance(spider, SatchelSpider):
            raise ConfigError(
                f"the spider {spider.name if spider else ''} does not declare its arguments, so "
                "nobody knows which of its crawls can be compared: make it a SatchelSpider"
            )
        if self._crawler.settings.get("JOBDIR"):
            raise ConfigError(
                "JOBDIR is set: a part of a crawl cannot be told from all of it; run it without"
            )
        if self._baseline is None:
            opening = Baseline.open(
                self.store,
                masked(spider.asked_for),
                self._privacy(),
                namespaces=[service.name for service in self.services],
                sees_all=lambda: self._is_complete() and not spider.is_partial,
            )
            self._baseline = asyncio.ensure_future(opening)
        return await asyncio.shield(self._baseline)

    def settlement(self) -> list[Work[None]]:
        """What is to be written with the crawl's end: its listing's new base, if it makes one."""
        opened = self._baseline
        if opened is None or not opened.done() or opened.cancelled() or opened.exception():
            return []
        stats = self._crawler.stats
        ended = stats.get_value("finish_reason") == "finished"
        return [opened.result().settle] if ended and self._is_complete() else []

    def _is_complete(self) -> bool:
        """Whether the crawl lacks nothing so far."""
        return judge("finished", self._crawler.stats.get_stats()).verdict is Verdict.COMPLETE

    def _privacy(self) -> str:
        """What is withheld, in a word that tells it from other settings of it."""
        secret = self.config.privacy_key
        content = [s.name for s in self.services if s.content(self._settings[s.name])]
        key = [secret.fingerprint()] if secret and self.config.level is Level.STRICT else []
        tighter = self.calls.those_with("satchel_withhold")
        return " ".join([self.config.privacy, *key, *content, *(f"-{name}" for name in tighter)])

    def close_spider(self, reason: Reason) -> bool:
        """End the crawl with a reason of its own.

        Callable from a pipeline or middleware: it does not wait, since the engine waits for them.

        :returns: whether this is what ends it; false if it was ending before
        """
        engine = self._crawler.engine
        if self._ending is not None or engine.spider is None or is_ending(self._crawler):
            return False
        self._ending = asyncio.ensure_future(engine.close_spider_async(reason=reason.value))
        return True

    def _prepare_spider(self) -> None:
        from satchel.spider import SatchelSpider

        if isinstance(self._crawler.spider, SatchelSpider):
            self._crawler.spider.prepare(self)

    def _wants_browser(self) -> str | None:
        """What of the settings, or of the spider, wants a browser."""
        for service in self.services:
            if why := service.browser(self._settings[service.name]):
                return why
        wanting = getattr(self._crawler.spidercls, "browser", False)
        return self._crawler.spidercls.name if wanting else None

    def masks(self) -> Masks:
        """What of the settings no recording may hold."""
        from satchel.cassettes.masks import RECORDED_SANDBOX, masks_of

        masks = masks_of({**self._settings, **self._plugin_settings}, self.config)
        if self.sandbox is not None:
            masks.alias(self.sandbox.url, RECORDED_SANDBOX)
        return masks

    def redactor(self) -> Redactor:
        """What recordings let through: what the gate does; it is told whom that knows."""
        from satchel.cassettes.redaction import Redactor

        settings = [(service, self._settings[service.name]) for service in self.services]
        redactor = Redactor(self._make_gate(lambda rule: None), settings)
        self.gate.is_no_minor = redactor.note
        return redactor

    def _make_gate(self, count: Callable[[str], None]) -> Gate:
        secret = self.config.privacy_key
        return Gate(
            self.config.level,
            key=secret.reveal().encode() if secret else b"",
            count=count,
            tighten=self.calls.withheld if self.calls.has("satchel_withhold") else None,
            content=[s.name for s in self.services if s.content(self._settings[s.name])],
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
        from satchel.lifecycle import Lifecycle
        from satchel.middlewares.cassette import CassetteMiddleware
        from satchel.middlewares.key import KeyMiddleware
        from satchel.middlewares.plugins import PluginsMiddleware
        from satchel.middlewares.privacy import PrivacyMiddleware
        from satchel.middlewares.refused import RefusedMiddleware
        from satchel.middlewares.relations import RelationsMiddleware
        from satchel.middlewares.retry import RetryMiddleware
        from satchel.middlewares.session import SessionCookieMiddleware, SessionMiddleware
        from satchel.middlewares.throttle import ThrottleMiddleware
        from satchel.pipelines.act import ActPipeline
        from satchel.pipelines.export import ExportPipeline
        from satchel.pipelines.nesting import NestingPipeline
        from satchel.pipelines.plugins import PluginsPipeline
        from satchel.pipelines.privacy import PrivacyPipeline
        from satchel.pipelines.resolve import ResolvePipeline
        from satchel.pipelines.store import StorePipeline
        from satchel.progress import Progress
        from satchel.summary import Summary

        for setting, component, order in (
            ("SPIDER_MIDDLEWARES", RelationsMiddleware, 990),
            ("SPIDER_MIDDLEWARES", PrivacyMiddleware, 1000),
            ("DOWNLOADER_MIDDLEWARES", RefusedMiddleware, 560),
            ("DOWNLOADER_MIDDLEWARES", SessionMiddleware, 650),
            ("DOWNLOADER_MIDDLEWARES", CassetteMiddleware, 930),
            ("DOWNLOADER_MIDDLEWARES", PluginsMiddleware, 940),
            ("DOWNLOADER_MIDDLEWARES", ThrottleMiddleware, 950),
            ("DOWNLOADER_MIDDLEWARES", SessionCookieMiddleware, 990),
            ("DOWNLOADER_MIDDLEWARES", KeyMiddleware, 1000),
            ("ITEM_PIPELINES", PrivacyPipeline, 0),
            ("ITEM_PIPELINES", ResolvePipeline, 50),
            ("ITEM_PIPELINES", PluginsPipeline, 100),
            ("ITEM_PIPELINES", StorePipeline, 900),
            ("ITEM_PIPELINES", ExportPipeline, 920),
            ("ITEM_PIPELINES", NestingPipeline, 950),
            ("ITEM_PIPELINES", ActPipeline, 960),
            ("EXTENSIONS", Progress, 900),
            # Behind Scrapy's own, so that it judges by what they have counted.
            ("EXTENSIONS", Summary, 1000),
            # Its plugins get the figures of all others, and the verdict.
            ("EXTENSIONS", Lifecycle, 1100),
            ("EXTENSIONS", RareCollections, 0),
        ):
            settings.setdefault_in_component_priority_dict(setting, component, order)
        _replace(settings, "DOWNLOADER_MIDDLEWARES", ScrapyRetryMiddleware, RetryMiddleware)

    def _set_defaults(self, settings: BaseSettings) -> None:
        contact = f"; +{self.config.contact}" if self.config.contact else ""
        agent = f"satchel/{VERSION} (Scrapy/{scrapy.__version__}{contact})"
        for name, value in {"USER_AGENT": agent, **POLITE, **SAFE}.items():
            settings.set(name, value, "addon")
        if EVERYWHERE in self.config.rates:
            settings.set("DOWNLOAD_DELAY", 0, "addon")
        if self.config.progress != "off":
            settings.set("LOGSTATS_INTERVAL", 0, "addon")
        self._set_slots(settings)

    def _set_slots(self, settings: BaseSettings) -> None:
        """The services' hosts: the throttle paces them, the project may do so more slowly."""
        slots, paces = settings.getdict("DOWNLOAD_SLOTS"), self._paces()
        for host, pace in paces.items():
            delay, concurrency = 0.0, pace.concurrency
            if self.sandbox is None and _is_set(settings, "DOWNLOAD_DELAY"):
                delay = settings.getfloat("DOWNLOAD_DELAY")
            if self.sandbox is None and _is_set(settings, PER_HOST):
                concurrency = min(concurrency, settings.getint(PER_HOST))
            slot = {"delay": delay, "concurrency": concurrency, "jitter": 0}
            slots.setdefault(urlsplit(f"//{host}").hostname, slot)
        settings.set("DOWNLOAD_SLOTS", slots, settings.getpriority("DOWNLOAD_SLOTS") or "addon")
        if not _is_set(settings, PER_HOST):
            # Scrapy keeps so many connections to a host, whatever its slot says.
            most = max((pace.concurrency for pace in paces.values()), default=0)
            settings.set(PER_HOST, max(most, POLITE[PER_HOST]), "addon")

    def _paces(self) -> dict[str, Pace]:
        if self.sandbox is not None:
            return {host_of(self.sandbox.url): Pace(OFF, 8)}
        return {
            host: pace
            for service in self.services
            for host, pace in service.paces(self._settings[service.name]).items()
        }

    def _make_throttle(self, settings: BaseSettings) -> Throttle:
        check_names(self.config.rates, (word for s in self.services for word in s.hosts))
        shared = self.config.state and self.sandbox is None
        given = _is_set(settings, PER_HOST)
        return Throttle(
            self.config.rates if self.sandbox is None else {},
            self._paces(),
            folder=Path(self.config.state).expanduser() if shared else None,
            secrets={host_of(o): key.secret for key in self.keys.values() for o in key.origins},
            max_wait=self.config.max_wait,
            pause=self.config.pause,
            concurrency=settings.getint(PER_HOST) if given else POLITE[PER_HOST],
            wait=functools.partial(wait, self._crawler),
        )

    def _make_sessions(self) -> dict[str, Sessions]:
        from satchel.client import send

        file = SessionFile(self.config.sessions) if self.config.sessions else None
        schemes = {s.name: s.sessions(self._settings[s.name]) for s in self.services}
        ask = functools.partial(send, self._crawler)
        return {
            name: Sessions(scheme, ask, file, self.login_failed)
            for name, scheme in schemes.items()
            if scheme
        }

    def login_failed(self, error: SatchelError) -> None:
        """End the crawl because of an account."""
        if self.close_spider(Reason.LOGIN_FAILED):
            logger.error("%s", error)

    async def _spider_closed(self) -> None:
        for sessions in self.sessions.values():
            await sessions.close()

    async def _engine_stopped(self) -> None:
        self.throttle.close()
        if self.sandbox is not None:
            await self.sandbox.stop()


def _refuse_other_reactors(settings: BaseSettings) -> None:
    reactor = settings["TWISTED_REACTOR"]
    if settings.getbool("TWISTED_REACTOR_ENABLED") and reactor and "asyncio" not in str(reactor):
        raise ConfigError(
            f"TWISTED_REACTOR={reactor}: satchel needs Scrapy's default, the asyncio reactor; "
            "take the setting out"
        )


def _replace(settings: BaseSettings, name: str, theirs: type, ours: type) -> None:
    """Put a component in the place of one of Scrapy's, unless the project has turned that off."""
    listed = settings.get_component_priority_dict_with_base(name)
    if not any(load_object(key) is theirs for key in listed if listed[key] is not None):
        return
    for setting in (f"{name}_BASE", name):
        with contextlib.suppress(KeyError):  # It is in one of them, or in both.
            settings.replace_in_component_priority_dict(setting, theirs, ours)


def _is_set(settings: BaseSettings, name: str) -> bool:
    """Whether the project, the spider or the command line gives the setting."""
    return (settings.getpriority(name) or 0) > get_settings_priority("addon")


_SPOKESMEN: Final = (
    "asyncio",
    "scrapy.core.engine",
    "scrapy.core.scraper",
    "scrapy.utils.signal",
    RobotsTxtMiddleware.__module__,
)
"""The loggers that report what a crawl's start, a request, a callback or an extension raised."""


class _OneLine(logging.Filter):
    """Shows a person's mistake, or a server that is not there, as one line without a traceback.

    A crawl that fails to start is a task that nobody awaits: asyncio logs it when it is collected,
    and Scrapy makes the exit status 1. Each server is asked for its robots.txt first. A feed whose
    file cannot be opened fails anew at each item.
    """

    installed: ClassVar[bool] = False

    @classmethod
    def install(cls) -> None:
        if not cls.installed:
            for name in _SPOKESMEN:
                logging.getLogger(name).addFilter(cls())
            cls.installed = True

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SatchelError):
            record.name, record.msg, record.args = "satchel", "%s", (str(error),)
            record.exc_info = record.exc_text = None
        elif error is not None and record.name == RobotsTxtMiddleware.__module__:
            record.exc_info = record.exc_text = None
        elif isinstance(error, OSError) and _is_of_feeds(record):
            record.msg, record.args = "a feed is not written: %s", (str(error),)
            record.exc_info = record.exc_text = None
        return True


def _is_of_feeds(record: logging.LogRecord) -> bool:
    """At an item, or when the crawl ends, in a task that nobody awaits."""
    receiver = record.args.get("receiver") if isinstance(record.args, dict) else None
    at_item = isinstance(getattr(receiver, "__self__", None), FeedExporter)
    return at_item or f"{FeedExporter.__name__}._close_slot" in record.getMessage()
