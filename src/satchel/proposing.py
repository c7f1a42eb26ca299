"""What code within a crawl may do with actions: propose one, and read what became of others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import msgspec

from satchel.actions import OPEN, Action, Proposal, State
from satchel.addon import SatchelAddon
from satchel.errors import ActionError
from satchel.outbox import Outbox
from satchel.proposals import named

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.items import Item

ActionOfKind = TypeVar("ActionOfKind", bound=Action)


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


async def finished_actions(
    crawler: Crawler, *kinds: type[ActionOfKind]
) -> list[tuple[ActionOfKind, State]]:
    """The actions of some kinds that the crawl's database knows the end of, in order of proposal.

    For those who judge by what was decided before on this server: another's accounts and requests
    have the same numbers. Without a store there are none.

    :raises StoreError: they cannot be read
    """
    addon = SatchelAddon.of(crawler)
    if addon.store is None:
        return []
    by_name = {kind.kind: kind for kind in kinds}
    servers = addon.proposals.servers()
    outbox = Outbox(addon.config.store)
    try:
        ended = [state for state in State if state not in (*OPEN, State.SENDING)]
        rows = await asyncio.to_thread(outbox.listed, states=ended, kinds=by_name)
    finally:
        outbox.close()
    return [
        (msgspec.json.decode(row["parameters"], type=by_name[row["kind"]]), State(row["state"]))
        for row in rows
        if row["server"] in servers
    ]
