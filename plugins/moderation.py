"""Proposes what to do with Kemono's link requests, by rules in a TOML file (docs/actions.md)."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

from msgspec import Meta, Struct
from scrapy.crawler import Crawler

from satchel import Outcome, Proposal, State, finished_actions, hookimpl, toml_lines
from satchel.kemono import (
    ApproveLinkRequest,
    CreatorLinkRequest,
    RejectLinkRequest,
    UnlinkCreator,
    decision,
)

logger = logging.getLogger(__name__)

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Creator = Annotated[str, Meta(pattern="^[^/]+/[^/]+$")]

DECISIONS: dict[str, type[ApproveLinkRequest | RejectLinkRequest]] = {
    "approve": ApproveLinkRequest,
    "reject": RejectLinkRequest,
}


class Settings(Struct, frozen=True, kw_only=True):
    """Where the rules are."""

    rules: Annotated[
        str,
        Meta(
            description="A TOML file with rules for Kemono's link requests: docs/actions.md. "
            "Empty: nothing is proposed.",
            extra={"expected": "the path of a TOML file"},
        ),
    ] = ""

    def __post_init__(self) -> None:
        if self.rules:
            read_rules(self.rules)

    @property
    def enabled(self) -> bool:
        """Whether there are rules."""
        return bool(self.rules)


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. It fits a request that meets all of its conditions.

    :ivar name: what its proposals are explained by
    :ivar decision: what is proposed; ``leave``: nothing
    :ivar services: both creators publish on one of these
    :ivar different_services: whether they publish on different ones
    :ivar names_at_least: how alike their names are, from 0 to 1, or more
    :ivar names_at_most: the same, or less
    :ivar requesters: accounts one of which asks
    :ivar approved_at_least: requests of the same account that were approved by this database
    :ivar rejected_at_most: and rejected
    :ivar asked_before: whether a decision was made on the same two creators before
    """

    name: str
    decision: Literal["approve", "reject", "leave"]
    services: list[str] | None = None
    different_services: bool | None = None
    names_at_least: Share | None = None
    names_at_most: Share | None = None
    requesters: list[int] | None = None
    approved_at_least: Count | None = None
    rejected_at_most: Count | None = None
    asked_before: bool | None = None

    @property
    def looks_at_names(self) -> bool:
        """Whether it takes the creators' names."""
        return self.names_at_least is not None or self.names_at_most is not None


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rules. The first that fits a request decides.

    :ivar protected: creators about whose links only persons decide: ``SERVICE/ID``
    """

    rule: Annotated[list[Rule], Meta(min_length=1)]
    protected: list[Creator] = []


def read_rules(path: str) -> Rules:
    """The rules of a file.

    :raises ValueError: it cannot be read, or is wrong; the text says the line
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"SATCHEL_MODERATION_RULES={path}: {_reason(error)}") from None
    try:
        rules = toml_lines.read(text, Rules)
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from None
    names = [rule.name for rule in rules.rule]
    for number, name in enumerate(names):
        if name in names[:number]:
            line = toml_lines.line_of(text, ("rule", number, "name"))
            raise ValueError(f"{path}, line {line}: a rule before has the name {name!r}, too")
    return rules


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "?") if isinstance(error, OSError) else "not a text file"


class Moderation:
    """What the plugin keeps of one crawl.

    :ivar knows_history: whether it has read which decisions were made before
    """

    def __init__(self, rules: Rules) -> None:
        self.knows_history = False
        self._rules = rules
        self._requests = 0
        self._fits: Counter[str] = Counter()
        self._decided: Counter[tuple[int, str]] = Counter()
        self._pairs: set[frozenset[str]] = set()

    async def proposals(self, item: CreatorLinkRequest) -> list[Proposal]:
        """What the rules say of a link request."""
        self._requests += 1
        likeness = await self._likeness(item)
        facts = ((rule, self._fit(rule, item, likeness)) for rule in self._rules.rule)
        fitting = [(rule, words) for rule, words in facts if words is not None]
        self._fits.update(rule.name for rule, _ in fitting)
        if not fitting or self.protected(_creators(item)):
            return []
        rule, words = fitting[0]
        if rule.decision == "leave":
            return []
        why = ", ".join([f"rule {rule.name!r}", *words])
        return [Proposal(decision(item, DECISIONS[rule.decision]), reason=why)]

    def point_out(self) -> None:
        """Name the rules that are probably not meant so."""
        for rule in self._rules.rule if self._requests else ():
            number = self._fits[rule.name]
            if number == 0 or number == self._requests > 1:
                how = "all" if number else "none"
                logger.warning("rule %r fits %s of %s requests", rule.name, how, self._requests)

    @property
    def protects(self) -> bool:
        """Whether there are creators whose links are left to persons."""
        return bool(self._rules.protected)

    def protected(self, creators: frozenset[str]) -> str:
        """One of these creators whose links are left to persons; empty: there is none."""
        return next(iter(sorted(creators & set(self._rules.protected))), "")

    def learn(self, action: Any, state: State) -> None:
        """Take note of a decision that was made."""
        if state == State.DONE:
            self._pairs.add(_sides(action))
            if action.requester is not None:
                self._decided[action.requester, action.kind] += 1

    async def _likeness(self, item: CreatorLinkRequest) -> float | None:
        """How alike the creators' names are; ``None``: nobody asks, or one is not known."""
        if not any(rule.looks_at_names for rule in self._rules.rule):
            return None
        one = item.from_creator or await item.get_from_creator()
        other = item.to_creator or await item.get_to_creator()
        if not (one and other and one.name and other.name):
            return None
        return SequenceMatcher(None, _plain(one.name), _plain(other.name), autojunk=False).ratio()

    def _fit(
        self, rule: Rule, item: CreatorLinkRequest, likeness: float | None
    ) -> list[str] | None:
        """The facts for which a rule fits a request; ``None``: it does not."""
        facts = (
            _services(rule, item),
            _names(rule, likeness),
            self._requester(rule, item),
            self._history(rule, item),
        )
        if None in facts:
            return None
        return [word for words in facts for word in words or ()]

    def _requester(self, rule: Rule, item: CreatorLinkRequest) -> list[str] | None:
        if rule.requesters is not None and item.requester_id not in rule.requesters:
            return None
        return [] if rule.requesters is None else [f"account {item.requester_id} asks"]

    def _history(self, rule: Rule, item: CreatorLinkRequest) -> list[str] | None:
        approved, rejected = (
            self._decided[item.requester_id or -1, kind.kind] for kind in DECISIONS.values()
        )
        before = _creators(item) in self._pairs
        told = []
        if rule.approved_at_least is not None:
            if approved < rule.approved_at_least:
                return None
            told.append(f"{approved} approved of this account before")
        if rule.rejected_at_most is not None:
            if rejected > rule.rejected_at_most:
                return None
            told.append(f"{rejected} rejected of this account before")
        if rule.asked_before is not None:
            if before is not rule.asked_before:
                return None
            told.append("decided on before" if before else "not decided on before")
        return told


def _services(rule: Rule, item: CreatorLinkRequest) -> list[str] | None:
    found = (item.from_service, item.to_service)
    if rule.services is not None and not set(found) <= set(rule.services):
        return None
    if rule.different_services not in (None, found[0] != found[1]):
        return None
    asked = rule.services is not None or rule.different_services is not None
    return [f"{found[0]} and {found[1]}"] if asked else []


def _names(rule: Rule, likeness: float | None) -> list[str] | None:
    if not rule.looks_at_names:
        return []
    least = 0.0 if rule.names_at_least is None else rule.names_at_least
    most = 1.0 if rule.names_at_most is None else rule.names_at_most
    if likeness is None or not least <= likeness <= most:
        return None
    return [f"names {likeness:.2f} alike"]


def _plain(name: str) -> str:
    """A name without what only its spelling differs in."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _creators(item: CreatorLinkRequest) -> frozenset[str]:
    return frozenset({f"{item.from_service}/{item.from_id}", f"{item.to_service}/{item.to_id}"})


def _sides(action: Any) -> frozenset[str]:
    return frozenset(
        {f"{action.from_service}/{action.from_id}", f"{action.to_service}/{action.to_id}"}
    )


# The hooks


_KEPT: WeakKeyDictionary[Crawler, Moderation] = WeakKeyDictionary()
"""Each crawl's own: two may run in one process."""


def _of(crawler: Crawler, settings: Settings) -> Moderation:
    if crawler not in _KEPT:
        _KEPT[crawler] = Moderation(read_rules(settings.rules))
    return _KEPT[crawler]


@hookimpl
def satchel_settings() -> type[Struct]:
    return Settings


@hookimpl
async def satchel_crawl_started(crawler: Crawler, settings: Settings) -> None:
    moderation = _of(crawler, settings)
    for action, state in await finished_actions(crawler, *DECISIONS.values()):
        moderation.learn(action, state)
    moderation.knows_history = True


@hookimpl
async def satchel_propose_actions(
    item: Any, crawler: Crawler, settings: Settings
) -> list[Proposal] | None:
    if not isinstance(item, CreatorLinkRequest):
        return None
    if item.status not in (None, "pending"):
        return []  # It is decided on.
    moderation = _of(crawler, settings)
    # That the history could not be read was reported; without it, rules would say something else.
    return await moderation.proposals(item) if moderation.knows_history else None


@hookimpl
def satchel_veto_action(proposal: Proposal, crawler: Crawler, settings: Settings) -> str | None:
    moderation, action = _of(crawler, settings), proposal.action
    if proposal.by.startswith("person ") or not moderation.protects:
        return None
    if isinstance(action, ApproveLinkRequest | RejectLinkRequest):
        if not all((action.from_service, action.from_id, action.to_service, action.to_id)):
            return "it does not name the creators, and the rules leave the links of some to persons"
        creators = _sides(action)
    elif isinstance(action, UnlinkCreator):
        creators = frozenset({f"{action.service}/{action.creator}"})
    else:
        return None
    found = moderation.protected(creators)
    return f"the rules leave the links of {found} to persons" if found else None


@hookimpl
def satchel_action_finished(
    proposal: Proposal, outcome: Outcome, crawler: Crawler, settings: Settings
) -> None:
    if isinstance(proposal.action, ApproveLinkRequest | RejectLinkRequest):
        _of(crawler, settings).learn(proposal.action, outcome.state)


@hookimpl
def satchel_crawl_finished(crawler: Crawler, settings: Settings) -> None:
    _of(crawler, settings).point_out()
