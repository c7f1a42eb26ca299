"""Keeping a page as people saw it: as a picture, on paper, as the HTML that scripts made of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from satchel.browser import Visit

if TYPE_CHECKING:
    from playwright.async_api import Page

    from satchel.browser.guard import Guard

FORMATS: Final = ("png", "pdf", "html")

_QUIET: Final = 3.0
"""Seconds that are given to a page, once it is loaded, to stop loading more."""


@dataclass(frozen=True)
class Captured:
    """What was kept of a page.

    :ivar files: format → the file
    :ivar height: pixels of the page
    """

    files: dict[str, bytes] = field(repr=False)
    height: int


@dataclass(frozen=True, kw_only=True)
class Capture(Visit):
    """Take pictures of a page.

    :ivar formats: which of :data:`FORMATS`
    :ivar max_height: pixels after which a picture ends
    """

    keeps: ClassVar[bool] = True

    formats: tuple[str, ...] = ("png",)
    max_height: int = 20_000

    async def act(self, page: Page, guard: Guard, seconds: float) -> Captured:
        """Wait until the page is quiet, and take them."""
        await self._settle(page, seconds)
        height: int = await page.evaluate("document.documentElement.scrollHeight")
        # html comes last, since it changes the page.
        names = sorted(self.formats, key="html".__eq__)
        files = {name: await self._file(page, name, height) for name in names}
        return Captured(files, height)

    async def _settle(self, page: Page, seconds: float) -> None:
        from playwright.async_api import TimeoutError as PlaywrightTimeoutError

        await page.wait_for_load_state("load", timeout=seconds * 1000)
        # Some never are, as one with a clock.
        with contextlib.suppress(PlaywrightTimeoutError):
            await page.wait_for_load_state("networkidle", timeout=min(_QUIET, seconds) * 1000)

    async def _file(self, page: Page, name: str, height: int) -> bytes:
        if name == "html":
            # What people see is there; what scripts carry along may be more than that.
            await page.evaluate("document.querySelectorAll('script').forEach(e => e.remove())")
            return (await page.content()).encode()
        if name == "pdf":
            return await page.pdf(width=f"{self.width}px", print_background=True)
        clip = {"x": 0, "y": 0, "width": self.width, "height": self.max_height}
        return await page.screenshot(
            full_page=True,
            animations="disabled",
            clip=clip if height > self.max_height else None,  # type: ignore[arg-type]
        )
