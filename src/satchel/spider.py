"""What satchel's spiders have in common: declared arguments, and the ways that answers go wrong."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from scrapy import Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.settings import get_settings_priority
from scrapy.spidermiddlewares.httperror import HttpError

from satchel import arguments, secrets
from satchel.addon import SatchelAddon
from satchel.arguments import Argument, at_least, words
from satchel.config import Reader
from satchel.errors import (
    ArgumentError,
    BrowserError,
    ConfigError,
    DecodeError,
    NotOffered,
    SatchelError,
)
from satchel.hooks import Plugins
from satchel.items import Item, key_of, relations_of
from satchel.loading import MANY
from satchel.paging import Recent
from satchel.reasons import Reason
from satchel.relations import Tree
from satchel.waiting import is_ending

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

REMEMBERED: Final = 1_000_000
"""Items that were found: so many, at least, are not yielded twice."""

UNREADABLE: Final = object()
"""An answer that says nothing about what is there, and has been reported."""

LIMIT: Final = Argument("limit", "N", "At most so many items of each listing.", at_least(1))


def include(cls: type[Item]) -> Argument:
    """The argument that names relations of the items of a class."""

    def parse(text: str) -> Tree:
        tree = Tree(cls)
        for path in words(text):
            tree.add(path)
        return tree

    known = ", ".join(sorted(relations_of(cls)))
    return Argument("include", "NAME[.NAME…],…", f"Relations to join, and theirs: {known}.", parse)


class SatchelSpider(Spider):
    """A spider whose arguments are declared.

    :cvar arguments: the arguments that it takes
    :cvar browser: whether it opens pages in a browser
    :cvar together: items of an answer whose relations are asked for together, at most: the fewer,
        the sooner they go on; the more, the fewer are the calls that take many ids
    :ivar written: those that it was given, as they were written
    :ivar given: their values
    :ivar tree: the relations that its items are to have; ``None``: none
    :ivar expected: how many items it was asked for; ``None``: nobody knows
    :ivar done: how many of these have come, or are not there
    """

    arguments: ClassVar[tuple[Argument, ...]] = ()
    browser: ClassVar[bool] = False
    together: ClassVar[int] = MANY

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.name, **{k: v for k, v in kwargs.items() if k.startswith("_")})
        self.tree: Tree | None = None
        self.expected: int | None = None
        self.done = 0
        self.given = arguments.read(self.name, self.arguments, kwargs)
        self.written = {name: str(kwargs[name]) for name in self.given}

    @property
    def asked_for(self) -> str:
        """The spider and its arguments: the same text, the same was asked for, however written."""
        return arguments.canonical(self.name, self.given)

    @property
    def is_partial(self) -> bool:
        """Whether what it has not met may be there all the same: a limit, or a plugin, ended it."""
        limited = LIMIT in self.arguments and LIMIT.name in self.given
        return limited or bool(self.crawler.stats.get_value("satchel/stopped_listings"))

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        if not SatchelAddon.is_enabled(crawler.settings):
            raise ConfigError(
                f"{cls.name} needs satchel's add-on: add ADDONS = "
                '{"satchel.addon.SatchelAddon": 100} to the settings of the project'
            )
        # Before a line about a wrong argument shows it.
        refuse_secrets(cls.name, crawler.settings, kwargs)
        spider: Self = super().from_crawler(crawler, *args, **kwargs)
        return spider

    def prepare(self, addon: SatchelAddon) -> None:
        """Check, before the first request, what depends on the settings.

        :raises SatchelError: the crawl cannot begin
        """

    def count(self, what: str, n: int = 1) -> None:
        """Add to the stat ``satchel/<what>``."""
        self.crawler.stats.inc_value(f"satchel/{what}", n)

    def failed(self, failure: Failure) -> Iterator[Any]:
        """The errback of satchel's requests: one line for what Scrapy gave up on; no items."""
        url = failure.request.url  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, IgnoreRequest) and not isinstance(error, HttpError):
            if is_ending(self.crawler):
                return iter(())
            self.logger.warning("%s: left out: %s", url, error)
            self.count("left_out")
        elif isinstance(error, SatchelError) and not isinstance(error, BrowserError):
            # It was never sent, which has been counted.
            if not is_ending(self.crawler):
                self.logger.error("%s: not asked: %s", url, error)
        elif not isinstance(error, HttpError):
            self.logger.error("%s: no answer: %s", url, _one_line(error))
            self.count("unreachable")
            if not self.crawler.stats.get_value("response_received_count"):
                SatchelAddon.of(self.crawler).close_spider(Reason.UNREACHABLE)
        else:
            self.count("error_answers")
            if error.response.status != 401:  # which has ended the crawl, and was reported
                self.logger.error("%s: the server answered %s", url, error.response.status)
        return iter(())

    def undecodable(self, response: Response, error: DecodeError) -> None:
        """Report an answer, or a row of one, that is no such item; the crawl goes on."""
        self.logger.error("%s: %s", response.url, error)
        self.count("undecodable")


class ApiSpider(SatchelSpider):
    """A spider of a service's API: sources → requests → items, each item once.

    :cvar service: the service's word
    :cvar sources: the arguments that say what to crawl; if there are any, one has to be given
    :ivar chosen: those that were given
    :ivar client: the service's client
    :ivar seen: the items that were found
    """

    service: ClassVar[str]
    sources: ClassVar[tuple[Argument, ...]] = ()

    client: Any

    def prepare(self, addon: SatchelAddon) -> None:
        self.client = addon.client(self.service)
        self.seen = Recent(REMEMBERED)
        self.chosen: list[Any] = [source for source in self.sources if self.given.get(source.name)]
        if self.sources and not self.chosen:
            known = ", ".join(f"{source.name}=" for source in self.sources)
            raise ArgumentError(f"{self.name}: nothing to crawl; give one or more of {known}")
        for source in self.chosen:
            for operation in self.needs(source):
                self.check(operation, source.name)
        self.tree = self.relations()
        if self.tree is not None:
            try:
                self.tree.settle(addon.calls.relations)
                self.tree.check(addon.client)
            except ValueError as error:
                raise ArgumentError(f"{self.name}: include={self.tree}: {error}") from None
            except NotOffered as error:
                raise ArgumentError(f"{self.name}: include: {error}") from None

    def check(self, operation: str, argument: str = "") -> None:
        """Refuse what the server lacks.

        :param argument: what asks for it
        :raises ArgumentError: it does
        """
        try:
            self.client.api.check(operation)
        except NotOffered as error:
            words = filter(None, (self.name, argument, str(error)))
            raise ArgumentError(": ".join(words)) from None

    def needs(self, source: Any) -> Iterable[str]:
        """The operations that a source takes, of a client that has them in its ``api``."""
        return ()

    def relations(self) -> Tree | None:
        """What of ``include=`` are relations of the items."""
        return self.given.get("include")

    @abstractmethod
    def decode(self, response: Response) -> Any:
        """What an answer holds.

        :raises DecodeError: it cannot be read
        """

    def read(self, response: Response) -> Any:
        """What an answer holds: ``None`` if it says that there is nothing, or :data:`UNREADABLE`.

        What cannot be read, of the whole or of its rows, is reported.
        """
        if response.status == 404:
            return None
        try:
            answer = self.decode(response)
        except DecodeError as error:
            self.undecodable(response, error)
            return UNREADABLE
        for unusable in getattr(answer, "errors", ()):
            self.undecodable(response, unusable)
        return answer

    def keep(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items that were not found before."""
        yield from map(self.found, self.fresh(items))

    def fresh(self, items: Iterable[Any]) -> Iterator[Any]:
        """Those that were not seen before."""
        for item in items:
            identity = identity_of(item)
            if identity not in self.seen:
                self.seen.add(identity)
                yield item

    def found(self, item: Any) -> Any:
        """Count an item as done."""
        self.done += 1
        return item

    @property
    def may_be_enough(self) -> bool:
        """Whether listings are to be walked in order, since a plugin may end them: see
        :meth:`is_enough`."""
        return SatchelAddon.of(self.crawler).calls.has("satchel_stop_paging")

    async def is_enough(self, response: Response, items: Iterable[Item]) -> bool:
        """Whether a plugin wants nothing that follows a page of a listing, and count it.

        Of use where the order of the listing puts what is new on its first pages.
        """
        addon, page = SatchelAddon.of(self.crawler), list(items)
        if not page or not self.may_be_enough:
            return False
        admitted = [addon.gate.admit(item) for item in page]
        is_enough = await addon.calls.stop_paging(admitted, response.url)
        if is_enough:
            self.count("stopped_listings")
        return is_enough

    def report_absent(self, values: list[Any]) -> None:
        """Count what was asked for and is not there (deleted, private or never was)."""
        if values:
            self.count("absent", len(values))
            self.done += len(values)
            self.logger.info("not there: %s", ", ".join(map(str, values)))


def refuse_secrets(spider: str, settings: BaseSettings, given: Mapping[str, Any]) -> None:
    """Refuse arguments that are secrets; and, of a job of scrapyd, settings that have one in them.

    :raises UsageError: there is one, or satchel's settings cannot be read
    """
    plugins = Plugins.of(settings)
    reader = Reader(settings, plugins.services(), plugins=plugins.settings())
    secrets.refuse(spider, given, reader.secrets())
    if "_job" in given:
        for name in settings:
            is_given = settings.getpriority(name) == get_settings_priority("cmdline")
            if is_given and secrets.has_password(str(settings[name])):
                raise ConfigError(f"{name}=…: there is a secret in it: {secrets.ADVICE}")


def identity_of(item: Item) -> Any:
    """What tells an item from others; one without a key is like no other."""
    key = key_of(item)
    return object() if key is None else (type(item), *key)


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split()) or type(error).__name__
