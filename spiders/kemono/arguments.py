"""What Kemono's spiders take: creators and posts by words or addresses, dates, periods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from satchel.arguments import Argument, at_least, words
from satchel.kemono.operations import ACCOUNTS


@dataclass(frozen=True, slots=True)
class Source(Argument):
    """An argument that says what to crawl: the spider's method ``by_<name>`` begins with it.

    :ivar operations: what the server has to offer for it
    """

    operations: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where something is: a creator, or a post; of a post the creator may be unknown."""

    service: str
    user: str | None
    post: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, self))


_SERVICE: Final = r"[a-z0-9_-]+"
CREATOR: Final = re.compile(rf"({_SERVICE})/([^/]+)")
POST: Final = re.compile(rf"({_SERVICE})/(?:([^/]+)/)?([^/]+)")
CREATOR_PAGE: Final = re.compile(rf"/({_SERVICE})/user/([^/]+)")
POST_PAGE: Final = re.compile(rf"/({_SERVICE})/user/([^/]+)(?:/post/([^/]+))?")
_SERVER_PAGE: Final = re.compile(r"/discord/server/([^/]+)")


def each(pattern: re.Pattern[str], form: str) -> Callable[[str], list[Any]]:
    """Words of a form, as places."""

    def parse(text: str) -> list[Any]:
        return [_place(pattern.fullmatch(word), form, word) for word in words(text)]

    return parse


def pages(pattern: re.Pattern[str], form: str) -> Callable[[str], list[Any]]:
    """Addresses of pages of a form, as places. Of the address, only the path counts."""

    def parse(text: str) -> list[Any]:
        return [_place(pattern.search(urlsplit(url).path), form, url) for url in words(text)]

    return parse


def server_pages(text: str) -> list[str]:
    """Addresses of pages of Discord servers, as ids."""
    found = [_SERVER_PAGE.search(urlsplit(url).path) for url in words(text)]
    ids = [match[1] for match in found if match]
    if len(ids) < len(found):
        raise ValueError("expected addresses of the form https://…/discord/server/ID")
    return ids


def _place(found: re.Match[str] | None, form: str, word: str) -> Place:
    if found is None:
        raise ValueError(f"expected {form}; {word} is none")
    return Place(*(part and unquote(part) for part in found.groups()))


def parsed(parse: Callable[[str], Any], form: str) -> Callable[[str], Any]:
    """What *parse* makes of a text; the message names the form that is expected."""

    def checked(text: str) -> Any:
        try:
            return parse(text)
        except ValueError:
            raise ValueError(f"expected {form}") from None

    return checked


day: Final = parsed(date.fromisoformat, "a date such as 2025-03-31")
"""A date."""

PERIODS: Final = ("recent", "day", "week", "month")


def popular(text: str) -> list[dict[str, str]]:
    """Periods of popular posts, as queries."""
    found = []
    for word in words(text):
        period, slash, when = word.partition("/")
        if period not in PERIODS:
            raise ValueError(f"expected {', '.join(PERIODS)}, or such as week/2025-03-31")
        found.append({"period": period, **({"date": str(day(when))} if slash else {})})
    return found


def one_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Some of the words that are known."""

    def parse(text: str) -> list[str]:
        chosen = words(text)
        if not set(chosen) <= set(known):
            raise ValueError(f"expected one or more of {', '.join(known)}")
        return chosen

    return parse


def accounts_of_a_page(text: str) -> int:
    """How many accounts a page is to have."""
    number = at_least(1)(text)
    if number > ACCOUNTS:
        raise ValueError(f"expected at most {ACCOUNTS}")
    return number
