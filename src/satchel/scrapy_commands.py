"""``scrapy crawl`` and ``runspider``, with an exit status that tells; ``list``, with all spiders.

They are entry points, since Scrapy looks for commands before it asks add-ons. Where the add-on is
not enabled they do what Scrapy's do.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from scrapy.commands import BaseRunSpiderCommand, ScrapyCommand, crawl, runspider
from scrapy.commands import list as list_command
from scrapy.exceptions import UsageError as ScrapyUsageError
from scrapy.utils.project import inside_project

from satchel.addon import SatchelAddon
from satchel.errors import UsageError, did_you_mean
from satchel.hooks import Plugins
from satchel.summary import Summary
from satchel.verdict import EXIT_STATUS

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

logger = logging.getLogger("satchel")


class _Judged(BaseRunSpiderCommand):
    """Exits with the crawl's verdict."""

    _crawler: Crawler

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if opts.output or opts.overwrite_output:
            self._offer_formats(args, opts)
        super().process_options(args, opts)

    def _offer_formats(self, args: list[str], opts: argparse.Namespace) -> None:
        """Make plugins' formats known, since Scrapy checks ``-o`` before it asks add-ons."""
        assert self.settings is not None
        # What -s says: it may name plugins.
        ScrapyCommand.process_options(self, args, opts)
        if SatchelAddon.is_enabled(self.settings):
            try:
                plugins = Plugins.of(self.settings)
                SatchelAddon.offer_feed_exporters(self.settings, plugins)
            except UsageError as error:
                raise ScrapyUsageError(str(error), print_help=False) from None

    def _judge(self) -> None:
        # A crawl that could not begin has 1 from Scrapy, and may have no extensions.
        if not self.exitcode and (summary := self._crawler.get_extension(Summary)):
            # A crawl that was forced to stop has not said it yet.
            summary.show()
            self.exitcode = EXIT_STATUS[summary.judgement.verdict]

    def _create_crawler(self, spidercls: type[Spider] | str) -> Crawler:
        assert self.crawler_process is not None
        if isinstance(spidercls, str) and SatchelAddon.is_enabled(self.crawler_process.settings):
            known = self.crawler_process.spider_loader.list()
            if spidercls not in known:
                names = ", ".join(sorted(known))
                logger.error(
                    "no spider %s%s (%s)", spidercls, did_you_mean(spidercls, known), names
                )
                sys.exit(1)
        self._crawler = super()._create_crawler(spidercls)
        return self._crawler


class Crawl(_Judged, crawl.Command):
    """``scrapy crawl``."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        super().run(args, opts)
        self._judge()


class RunSpider(_Judged, runspider.Command):
    """``scrapy runspider``."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        super().run(args, opts)
        self._judge()


class List(list_command.Command):
    """``scrapy list``, by which scrapyd knows what it can run: with all services' spiders."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        if not inside_project():
            raise ScrapyUsageError("there is no Scrapy project here", print_help=False)
        if SatchelAddon.is_enabled(self.settings):
            SatchelAddon.update_pre_crawler_settings(self.settings)
        super().run(args, opts)
