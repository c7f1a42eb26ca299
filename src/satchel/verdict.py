"""Whether a crawl did its work: one word, and why, from its ``finish_reason`` and its stats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from satchel.reasons import Reason

STAT: Final = "satchel/verdict"
"""The stat that holds the verdict."""


class Verdict(StrEnum):
    """What each means for a script is in docs/errors.md."""

    COMPLETE = "complete"
    """All that was asked for was fetched, read and stored, up to the limits that were set."""
    INCOMPLETE = "incomplete"
    """The crawl ended by itself, and something is missing."""
    FAILED = "failed"
    """The crawl ended early, or nobody answered."""
    INTERRUPTED = "interrupted"
    """A person, or the system, stopped the crawl."""


EXIT_STATUS: Final = {
    Verdict.COMPLETE: 0,
    Verdict.FAILED: 1,
    Verdict.INCOMPLETE: 3,
    Verdict.INTERRUPTED: 130,
}
"""The exit status of ``scrapy crawl``; 2 is Scrapy's own, for wrong usage."""

AS_ASKED: Final = frozenset(
    {"finished", "closespider_itemcount", "closespider_pagecount", "closespider_timeout"}
)
"""The reasons of a crawl that went as far as it was asked to."""

_FAILURES: Final = {
    Reason.CHALLENGE: "the server wants to see a person",
    Reason.LOGIN_FAILED: "an account could not be logged in",
    Reason.NOT_RECORDED: "the cassette lacks what was asked for",
    Reason.RATE_LIMITED: "the server refuses for longer than SATCHEL_MAX_WAIT allows",
    Reason.STORE_FAILED: "the database failed",
    Reason.UNAUTHORIZED: "the server misses or refuses a credential",
    Reason.UNREACHABLE: "nobody answered",
    "start_error": "the spider's start failed",
}

_LACKS: Final = {
    "satchel/unserved": (
        "request that no account could be used for",
        "requests that no account could be used for",
    ),
    "satchel/unreachable": ("request that nobody answered", "requests that nobody answered"),
    "satchel/undecodable": (
        "answer or row that could not be read",
        "answers or rows that could not be read",
    ),
    "satchel/not_offered": (
        "answer that the server does not offer this",
        "answers that the server does not offer this",
    ),
    "satchel/repeating_listings": (
        "listing left because the server repeated itself",
        "listings left because the server repeated itself",
    ),
    "satchel/unsteady_listings": (
        "listing that became shorter whenever it was read",
        "listings that became shorter whenever they were read",
    ),
    "satchel/out_of_reach": (
        "listing of which the server does not give all",
        "listings of which the server does not give all",
    ),
    "satchel/relations/failed": (
        "relation of an item that could not be had",
        "relations of items that could not be had",
    ),
    "satchel/left_out": ("request that was not made", "requests that were not made"),
    "satchel/store/failed": ("item not stored", "items not stored"),
    "satchel/actions/refused": ("action refused", "actions refused"),
    "satchel/actions/failed": ("action failed", "actions failed"),
    "satchel/actions/unknown": (
        "action of which nobody knows what became of it",
        "actions of which nobody knows what became of them",
    ),
    "satchel/actions/sending": (
        "action that was sent without an answer, and is to be looked up",
        "actions that were sent without an answer, and are to be looked up",
    ),
    "satchel/actions/failed_runs": ("failure of the outbox", "failures of the outbox"),
    "satchel/item_errors": ("item lost to an error", "items lost to errors"),
    "satchel/extension_errors": (
        "error of an extension, such as a feed",
        "errors of extensions, such as feeds",
    ),
    "spider_exceptions/count": ("error in the spider", "errors in the spider"),
}
"""Stat → what one is called that is missing, and several."""


class Judgement(NamedTuple):
    """A verdict, and the reasons for it in a few words; none where all is well."""

    verdict: Verdict
    why: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.verdict}: {', '.join(self.why)}" if self.why else str(self.verdict)


def judge(reason: str, stats: Mapping[str, Any], *, began: bool = True) -> Judgement:
    """What a crawl came to.

    :param reason: its ``finish_reason``; empty: it was forced to stop, and has none
    :param stats: its stats
    :param began: whether it came as far as its first request
    """
    if not began and reason in ("", "shutdown"):
        return Judgement(Verdict.FAILED, ("it could not begin",))
    if reason in ("", "shutdown"):
        how = "it was stopped" if reason else "it was forced to stop"
        return Judgement(Verdict.INTERRUPTED, (how,))
    if reason not in AS_ASKED:
        return Judgement(Verdict.FAILED, (_FAILURES.get(reason, reason),))
    if stats.get("downloader/request_count") and not stats.get("response_received_count"):
        return Judgement(Verdict.FAILED, (_FAILURES[Reason.UNREACHABLE],))
    lacks = tuple(f"{number:,} {what}" for number, what in missing(stats))
    return Judgement(Verdict.INCOMPLETE, lacks) if lacks else Judgement(Verdict.COMPLETE)


def missing(stats: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """(how many, what): what a crawl lacks of what it was asked for.

    What is not there (``satchel/absent``), and what a plugin or pipeline dropped, is not missing.
    """
    if number := _error_answers(stats):
        yield number, plural(number, "answer with an error status", "answers with an error status")
    for stat, words in _LACKS.items():
        if number := stats.get(stat, 0):
            yield number, plural(number, *words)
    for stat, number in sorted(stats.items()):
        if stat.startswith("satchel/plugins/") and stat.endswith("/errors"):
            name = stat.removeprefix("satchel/plugins/").removesuffix("/errors")
            yield number, f"{plural(number, 'error', 'errors')} of plugin {name}"
        elif stat.startswith("feedexport/failed_count/"):
            yield number, plural(number, "feed that was not written", "feeds that were not written")


def plural(number: int, one: str, many: str) -> str:
    """The words for so many."""
    return one if number == 1 else many


def _error_answers(stats: Mapping[str, Any]) -> int:
    """Those that satchel's spiders reported, or those that Scrapy kept from a project's own.

    To a spider of one's own, too, what is not there or gone is no failure.
    """
    ignored = "httperror/response_ignored"
    gone: int = sum(stats.get(f"{ignored}_status_count/{status}", 0) for status in (404, 410))
    reported: int = stats.get("satchel/error_answers", 0)
    kept: int = stats.get(f"{ignored}_count", 0)
    return max(reported, kept - gone)
