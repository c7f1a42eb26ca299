"""The plugins of ``plugins.py``."""

from __future__ import annotations

from typing import Any

from satchel import hookimpl


class Looks:
    """Looks at every item."""

    @hookimpl
    def satchel_process_item(self, item: Any) -> None:
        if item.id == 0:
            raise ValueError("there is no such image")


for number in range(10):
    globals()[f"Looks{number}"] = type(f"Looks{number}", (Looks,), {})


class Idle:
    """Has a hook that a crawl of images does not call."""

    @hookimpl
    def satchel_feed_exporters(self) -> None:
        """None."""
