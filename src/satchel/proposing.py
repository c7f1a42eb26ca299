"""How code within a crawl proposes an action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from satchel.actions import Proposal
from satchel.addon import SatchelAddon
from satchel.errors import ActionError
from satchel.proposals import named

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.items import Item


async def propose(crawler: Crawler, proposal: Proposal, *, item: Item | None = None) -> Proposal:
    """Propose an action, and wait until that is committed.

    It is sent when the items before it have gone their way, if ``SATCHEL_ACTIONS=on``. What has
    been proposed before, by the same, for the same item and under the same name, is not done again.

    :param item: what led to it; it is stored in the same transaction
    :returns: the proposal as it is stored
    :raises ActionError: no service has such actions, or nothing is stored
    :raises StoreError: it could not be stored
    """
    addon = SatchelAddon.of(crawler)
    by = proposal.by or f"spider {getattr(crawler.spider, 'name', '')}"
    made = proposal.made(by, named(item))
    row = addon.proposals.row(made)
    if addon.store is None:
        raise ActionError(
            f"{proposal.action.kind}: an action is stored before it is sent, and nothing is "
            f"(SATCHEL_STORE)"
        )
    if item is not None:
        item = addon.adopt(addon.gate.admit(item))
    await addon.store.put(item, [row])
    addon.proposed(row)
    return made
