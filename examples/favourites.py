"""Proposes what many like as a favourite of one's own, but for those who ask to be left alone.

::

    scrapy crawl kemono-creators -s SATCHEL_PLUGINS=favourites -a all=1
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

from msgspec import Meta, Struct

from satchel import Outcome, Proposal, hookimpl
from satchel.kemono import Creator, FavoriteCreator

logger = logging.getLogger(__name__)


class Settings(Struct, frozen=True, kw_only=True):
    least: Annotated[int, Meta(ge=0, description="So many others like it.")] = 50
    never: Annotated[list[str], Meta(description="Creators to leave alone: SERVICE/ID.")] = []


@hookimpl
def satchel_settings() -> type[Struct]:
    return Settings


@hookimpl
def satchel_propose_actions(item: Any, settings: Settings) -> list[Proposal] | None:
    if not isinstance(item, Creator) or (item.favorited or 0) < settings.least:
        return None
    action = FavoriteCreator(service=item.service, creator=item.id)
    return [Proposal(action, reason=f"{item.favorited} others like it")]


@hookimpl
def satchel_veto_action(proposal: Proposal, settings: Settings) -> str | None:
    if any(name in proposal.action.target for name in settings.never):
        return "they ask to be left alone"
    return None


@hookimpl
def satchel_action_finished(proposal: Proposal, outcome: Outcome) -> None:
    logger.info("%s %s: %s", proposal.action.kind, proposal.action.target, outcome.state)
