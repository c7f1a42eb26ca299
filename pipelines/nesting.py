"""Cuts cycles, after the store, so that what exports an item comes to an end."""

from __future__ import annotations

from typing import Any

from satchel.items import Item, without_cycles


class NestingPipeline:
    """Items that relations joined may lead back to themselves; feeds nest what they export."""

    def process_item(self, item: Any) -> Any:
        return without_cycles(item) if isinstance(item, Item) else item
