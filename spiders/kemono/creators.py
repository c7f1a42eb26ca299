"""Kemono's creators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from satchel.arguments import phrase, switch, words
from satchel.kemono import Creator
from satchel.spider import LIMIT, UNREADABLE, include
from satchel.spiders.kemono.arguments import (
    CREATOR,
    CREATOR_PAGE,
    Place,
    Source,
    each,
    pages,
)
from satchel.spiders.kemono.shared import KemonoSpider, Output

if TYPE_CHECKING:
    from scrapy.http import Response


class CreatorsSpider(KemonoSpider):
    """Creators: all whom the server lists, or some."""

    name = "kemono-creators"
    sources = (
        Source("all", "1", "All creators; one large answer.", switch, ("creators.list",)),
        Source("services", "SERVICE,…", "All of some services.", words, ("creators.list",)),
        Source("search", "WORDS", "All whose name has these in it.", phrase, ("creators.list",)),
        Source(
            "ids", "SERVICE/ID,…|@FILE", "By service and id.",
            each(CREATOR, "SERVICE/ID, such as patreon/1234"), ("creators.profile",),
        ),
        Source(
            "urls", "URL,…|@FILE", "By the address of their page, or of one of their posts.",
            pages(CREATOR_PAGE, "addresses of the form https://…/SERVICE/user/ID"),
            ("creators.profile",),
        ),
        Source("random", "1", "Some creator.", switch, ("creators.random", "creators.profile")),
    )  # fmt: skip
    arguments = (*sources, include(Creator), LIMIT)

    def by_all(self, value: Any) -> Output:
        """The list of all; what it is narrowed to is for :meth:`wants`."""
        yield self.ask("creators.list", self.parse_list)

    by_services = by_search = by_all

    def wants(self, item: Creator) -> bool:
        services, search = self.given.get("services"), self.given.get("search", "")
        if services and item.service not in services:
            return False
        return search.casefold() in (item.name or "").casefold()

    def by_ids(self, places: Iterable[Place]) -> Output:
        """One request for each."""
        for place in dict.fromkeys(places):
            asked = {"service": place.service, "id": place.user}
            yield self.ask("creators.profile", self.parse_one, **asked)

    by_urls = by_ids

    def by_random(self, value: bool) -> Output:
        """Whom the server draws."""
        yield self.ask("creators.random", self.parse_random)

    def parse_random(self, response: Response, asked: dict[str, Any]) -> Output:
        found = self.read(response)
        if found is None:
            self.report_absent(["a random creator"])
        elif found is not UNREADABLE:
            yield from self.by_ids([Place(found.service, found.user)])
