"""What a run came to: judged by what its crawl left in the store, not by an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from satchel.history import Crawl
from satchel.schedule.timetable import Run as Rules
from satchel.verdict import AS_ASKED, plural


class Outcome(StrEnum):
    """What a run came to."""

    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNJUDGED = "unjudged"
    """Nothing is stored, so there is nothing to judge it by."""


class Judgement(NamedTuple):
    """An outcome, and why; complete ones need no reason."""

    outcome: Outcome
    why: str = ""


def judge(crawl: Crawl | None, before: Sequence[int], rules: Rules) -> Judgement:
    """Judge a run that has ended.

    :param crawl: its row; ``None``: it has none
    :param before: the items of the runs before it, the last one first
    """
    if crawl is None:
        return Judgement(Outcome.FAILED, "it is not in the store: could it begin? its log says")
    if crawl.ended is None or crawl.finish_reason is None:
        return Judgement(Outcome.FAILED, "it was killed")
    if crawl.finish_reason not in AS_ASKED:
        return Judgement(Outcome.FAILED, f"its reason is {crawl.finish_reason}")
    errors = crawl.errors or 0
    if errors > rules.max_errors:
        words = f"{errors:,} {plural(errors, 'error', 'errors')}"
        return Judgement(Outcome.FAILED, f"{words}, more than {rules.max_errors:,}")
    items, usual = items_of(crawl), median(before) if before else 0
    if items < rules.least_share * usual:
        return Judgement(Outcome.FAILED, f"{items:,} items, where {usual:,.0f} are usual")
    return Judgement(Outcome.COMPLETE)


def is_comparable(crawl: Crawl, rules: Rules) -> bool:
    """Whether later runs may be compared with this one, however many items it found."""
    return crawl.finish_reason in AS_ASKED and (crawl.errors or 0) <= rules.max_errors


def items_of(crawl: Crawl) -> int:
    """How many items a crawl found."""
    return sum((crawl.items or {}).values())
