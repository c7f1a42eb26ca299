"""What satchel's spiders have in common: declared arguments, and the ways that answers go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scrapy import Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.spidermiddlewares.httperror import HttpError

from satchel import arguments
from satchel.addon import SatchelAddon
from satchel.arguments import Argument
from satchel.errors import ConfigError
from satchel.reasons import Reason
from satchel.relations import Tree
from satchel.waiting import is_ending

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from satchel.errors import DecodeError


class SatchelSpider(Spider):
    """A spider whose arguments are declared.

    :cvar arguments: the arguments that it takes
    :ivar given: the values of those that it was given
    :ivar tree: the relations that its items are to have; ``None``: none
    :ivar expected: how many items it was asked for; ``None``: nobody knows
    :ivar done: how many of these have come, or are not there
    """

    arguments: ClassVar[tuple[Argument, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.name, **{k: v for k, v in kwargs.items() if k.startswith("_")})
        self.tree: Tree | None = None
        self.expected: int | None = None
        self.done = 0
        self.given = arguments.read(self.name, self.arguments, kwargs)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        if not SatchelAddon.is_enabled(crawler.settings):
            raise ConfigError(
                f"{cls.name} needs satchel's add-on: add ADDONS = "
                '{"satchel.addon.SatchelAddon": 100} to the settings of the project'
            )
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


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split()) or type(error).__name__
