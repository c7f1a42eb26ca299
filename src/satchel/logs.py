"""What Scrapy logs about items: nothing of what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter as ScrapyLogFormatter

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.http import Response
    from scrapy.logformatter import LogFormatterResult
    from twisted.python.failure import Failure


class LogFormatter(ScrapyLogFormatter):
    """Leaves out the line "Scraped from", which has the item as a whole.

    Items may be personal. And Scrapy makes the line whatever the log level, which costs a crawl of
    plain items a sixth of its speed.
    """

    def scraped(  # type: ignore[override]
        self, item: Any, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult | None:
        return None
