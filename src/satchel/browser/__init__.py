"""Pages that a browser opens: what is asked of one, without the browser itself.

A request whose ``meta`` has a :class:`Visit` under :data:`VISIT` is answered by Chromium instead of
by Scrapy's own download handler; everything else on its way (pace, retries, robots, stats) is as
for any request. ``handler.py`` alone imports scrapy-playwright, and only in a crawl that asks for a
browser (:mod:`satchel.browser.wanted`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from playwright.async_api import Page

    from satchel.browser.guard import Guard

VISIT: Final = "satchel_visit"
"""``meta``: the :class:`Visit` for whose sake a browser opens the address."""

FOUND: Final = "satchel_found"
"""``meta`` of the response: what the visit came to. Without it, nothing was done, or kept."""


@dataclass(frozen=True, kw_only=True)
class Visit(ABC):
    """What is done on a page once it is there. It has a browser context to itself.

    :cvar keeps: what is seen on the page is kept, so that it has to be one that may be, and nothing
        is found when it leads elsewhere
    :cvar has_form: the page is there to be filled in, so that what asks for proof of being human
        on it is a challenge
    :ivar pictures: whether the page may load pictures, sound and films
    :ivar width: pixels of the window
    :ivar seconds: the time for everything; ``None``: ``SATCHEL_BROWSER_SECONDS``
    """

    keeps: ClassVar[bool] = False
    has_form: ClassVar[bool] = False

    pictures: bool = False
    width: int = 1280
    seconds: float | None = None

    @abstractmethod
    async def act(self, page: Page, guard: Guard, seconds: float) -> Any:
        """Do it.

        :param guard: what the page has loaded so far
        :param seconds: the time that is left
        :returns: what is found under :data:`FOUND`
        """

    def servers(self) -> tuple[str, ...] | None:
        """The servers besides its own that the page may speak to; ``None``: any.

        Each is ``scheme://host``, with a port where that is not the scheme's own.
        """
        return None

    def cookie(self) -> str | None:
        """The name of the one cookie that the answer is to have; ``None``: it has none."""
        return None

    def body(self, html: str) -> str:
        """What of the page becomes the body of the answer."""
        return html
