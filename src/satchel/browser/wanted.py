"""Whether a crawl wants a browser, whether there is one, and how it is started."""

from __future__ import annotations

import logging
import os
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from satchel.errors import ConfigError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from satchel.config import Config

logger = logging.getLogger(__name__)

ARGUMENTS: Final = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
    "--no-first-run",
)
"""Chromium asks nobody but the pages' servers, and reports to nobody."""

SCHEMES: Final = ("http", "https")


def check(config: Config, settings: BaseSettings, why: str) -> None:
    """Refuse a crawl that cannot have the browser that it wants.

    :param why: what wants it
    :raises ConfigError: the package or the program is missing, or the crawl is a script's
    """
    if not settings.getbool("TWISTED_REACTOR_ENABLED"):
        raise ConfigError(
            f"{why}: a browser runs in crawls (scrapy crawl, scrapy runspider) only, not in "
            f"scripts and notebooks: scrapy-playwright needs Twisted's reactor"
        )
    try:
        import_module("scrapy_playwright.handler")
    except ImportError:
        raise ConfigError(
            f"{why}: it needs scrapy-playwright; run: pip install 'satchel[browser]'"
        ) from None
    if shutil.which(config.browser_path) is None:
        raise ConfigError(
            f"SATCHEL_BROWSER_PATH={config.browser_path}: there is no such program; install "
            f"Chromium (Debian: apt-get install chromium), or say where it is"
        )


def prepare(config: Config, settings: BaseSettings) -> dict[str, Any]:
    """Put the browser into a crawl's settings.

    :returns: scheme → the download handler that was there, for requests without a page
    """
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    others = {scheme: handlers[scheme] for scheme in SCHEMES}
    ours = dict.fromkeys(SCHEMES, "satchel.browser.handler.BrowserHandler")
    priority = settings.getpriority("DOWNLOAD_HANDLERS") or "addon"
    settings.set("DOWNLOAD_HANDLERS", {**settings.getdict("DOWNLOAD_HANDLERS"), **ours}, priority)
    settings.set("PLAYWRIGHT_LAUNCH_OPTIONS", _launch_options(config), "addon")
    # None: the browser's own headers, with the User-Agent of its context.
    settings.set("PLAYWRIGHT_PROCESS_REQUEST_HEADERS", None, "addon")
    # It prints the addresses of all that a page loads, and every failure with a traceback.
    logging.getLogger("scrapy-playwright").setLevel(logging.CRITICAL)
    return others


def _launch_options(config: Config) -> dict[str, Any]:
    is_root = os.geteuid() == 0
    if is_root:
        logger.warning(
            "this runs as root, and Chromium has no sandbox then: its pages are kept from the "
            "machine by nothing else; better run crawls as an ordinary user"
        )
    return {
        "executable_path": shutil.which(config.browser_path),
        "args": list(ARGUMENTS),
        "chromium_sandbox": not is_root,
        # Whoever presses Ctrl-C wants what is under way to end well.
        "handle_sigint": False,
    }
