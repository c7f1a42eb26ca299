"""What satchel's spiders have in common: declared arguments, and the ways that answers go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from scrapy import Spider

from satchel import arguments
from satchel.addon import SatchelAddon
from satchel.arguments import Argument
from satchel.errors import ConfigError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from satchel.errors import DecodeError


class SatchelSpider(Spider):
    """A spider whose arguments are declared.

    :cvar arguments: the arguments that it takes
    :ivar given: the values of those that it was given
    """

    arguments: ClassVar[tuple[Argument, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.name, **{k: v for k, v in kwargs.items() if k.startswith("_")})
        self.given = arguments.read(self.name, self.arguments, kwargs)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        if "satchel.addon.SatchelAddon" not in map(_path, crawler.settings.getdict("ADDONS")):
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

    def undecodable(self, response: Response, error: DecodeError) -> None:
        """Report an answer, or a row of one, that is no such item; the crawl goes on."""
        self.logger.error("%s: %s", response.url, error)
        self.count("undecodable")


def _path(component: Any) -> str:
    if isinstance(component, str):
        return component
    return f"{component.__module__}.{component.__qualname__}"
