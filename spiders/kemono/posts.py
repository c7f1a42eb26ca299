"""Kemono's posts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from satchel.arguments import Argument, phrase, switch, words
from satchel.errors import ArgumentError
from satchel.kemono import Creator, Post
from satchel.kemono.operations import OPERATIONS
from satchel.paging import Listing
from satchel.spider import LIMIT, UNREADABLE, identity_of, include
from satchel.spiders.kemono.arguments import (
    CREATOR,
    PERIODS,
    POST,
    POST_PAGE,
    Place,
    Source,
    day,
    each,
    pages,
    popular,
)
from satchel.spiders.kemono.shared import KemonoSpider, Output, named

if TYPE_CHECKING:
    from scrapy.http import Response

    from satchel.addon import SatchelAddon


class PostsSpider(KemonoSpider):
    """Posts: of creators, of all, popular ones, or some."""

    name = "kemono-posts"
    sources = (
        Source(
            "creators", "SERVICE/ID,…|@FILE", "Those of creators.",
            each(CREATOR, "SERVICE/ID, such as patreon/1234"), ("posts.of_creator",),
        ),
        Source("recent", "1", "All, the latest import first.", switch, ("posts.list",)),
        Source("popular", "PERIOD[/DATE],…", f"Popular ones: {', '.join(PERIODS)}.", popular,
               ("posts.popular",)),
        Source("search", "WORDS", "What a search finds, in those of creators if given.", phrase),
        Source("tags", "TAG,…", "Those with all of these tags; the same.", words),
        Source(
            "ids", "SERVICE[/CREATOR]/ID,…|@FILE", "By service, creator and id.",
            each(POST, "SERVICE/ID or SERVICE/CREATOR/ID, such as patreon/1234/5678"),
            ("posts.detail",),
        ),
        Source(
            "urls", "URL,…|@FILE", "By the address of their page; of a creator's page, all.",
            pages(POST_PAGE, "addresses of the form https://…/SERVICE/user/ID[/post/ID]"),
        ),
        Source("random", "1", "Some post.", switch, ("posts.random", "posts.detail")),
    )  # fmt: skip
    arguments = (
        *sources,
        Argument("since", "DATE", "Only those published on that day or later.", day),
        Argument("until", "DATE", "Only those published on that day or before.", day),
        include(Post),
        LIMIT,
    )

    def prepare(self, addon: SatchelAddon) -> None:
        super().prepare(addon)
        least, search = self.api.profile.min_query, self.given.get("search")
        if search and len(search) < least:
            raise ArgumentError(
                f"{self.name}: search={search}: expected at least {least} characters; the server "
                "takes fewer for none"
            )
        midnight = datetime.min.time()
        since, until = self.given.get("since"), self.given.get("until")
        if since and until and until < since:
            raise ArgumentError(f"{self.name}: until={until} is before since={since}")
        self.since = since and datetime.combine(since, midnight)
        self.until = until and datetime.combine(until + timedelta(1), midnight)

    def needs(self, source: Source) -> Iterable[str]:
        yield from source.operations
        values = self.given[source.name]
        if source.name in ("search", "tags") and "creators" not in self.given:
            yield "posts.list"
        if source.name == "ids" and any(place.user is None for place in values):
            yield "posts.lookup"

    @property
    def narrowed(self) -> dict[str, Any]:
        """The query that narrows a listing."""
        words = {"q": self.given.get("search"), "tag": self.given.get("tags")}
        return {name: value for name, value in words.items() if value}

    def by_creators(self, places: Iterable[Place]) -> Output:
        """The listing of each."""
        for place in dict.fromkeys(places):
            yield self.listing(
                "posts.of_creator", service=place.service, id=place.user, query=self.narrowed
            )

    def by_recent(self, value: bool) -> Output:
        """The listing of all."""
        yield self.listing("posts.list", query={})

    def by_search(self, value: Any) -> Output:
        """The listing of all, narrowed."""
        if "creators" not in self.given:
            yield self.listing("posts.list", query=self.narrowed)

    by_tags = by_search

    def by_popular(self, queries: Iterable[dict[str, str]]) -> Output:
        """The listing of each period."""
        for query in queries:
            yield self.listing("posts.popular", query=query)

    def by_ids(self, places: Iterable[Place]) -> Output:
        """One request for each, or two where the creator has to be found out."""
        for place in dict.fromkeys(places):
            asked = {"service": place.service, "user": place.user, "id": place.post}
            if place.user is not None:
                yield self.ask("posts.detail", self.parse_one, **asked)
            else:
                del asked["user"]
                yield self.ask("posts.lookup", self.parse_found, **asked)

    def by_urls(self, places: Iterable[Place]) -> Output:
        """Pages of posts, and of creators."""
        for place in places:
            yield from self.by_ids([place]) if place.post else self.by_creators([place])

    def by_random(self, value: bool) -> Output:
        """What the server draws."""
        yield self.ask("posts.random", self.parse_found)

    def parse_found(self, response: Response, asked: dict[str, Any]) -> Output:
        """Where a post is."""
        found = self.read(response)
        if found is None:
            self.report_absent([named(asked) or "a random post"])
        elif found is not UNREADABLE:
            post = found.post or asked.get("id")
            yield from self.by_ids([Place(found.service, found.user, post)])

    def fresh(self, items: Iterable[Post]) -> Iterator[Post]:
        """Those that were not seen before, or not with their content: some lists leave it out."""
        for item in items:
            identity = identity_of(item)
            full = (identity, "content")
            is_full = item.was_sent("content")
            if full not in self.seen and (is_full or identity not in self.seen):
                self.seen.add(full if is_full else identity)
                yield item

    def wants(self, item: Post) -> bool:
        published = item.published
        if published is None:
            return True
        after = self.since is None or published >= self.since
        return after and (self.until is None or published < self.until)

    def is_behind(self, operation: str, items: list[Post]) -> bool:
        if self.since is None or not OPERATIONS[operation].newest_first:
            return False
        return any(item.published and item.published < self.since for item in items)

    def may_split(self, operation: str) -> bool:
        return super().may_split(operation) and self.since is None

    async def total_of(
        self, operation: str, asked: dict[str, Any], force: bool = False
    ) -> int | None:
        known = operation == "posts.of_creator" and not asked["query"]
        if not known or not self.api.offers("creators.profile"):
            return None
        creator = {name: asked[name] for name in ("service", "id")}
        try:
            profile: Creator | None = await self.client.call(
                "creators.profile", force=force, **creator
            )
        except Exception as error:  # Whatever it is: the pages can be had in order, too.
            self.logger.info("%s: no profile: %s", named(asked), error)
            return None
        return profile.post_count if profile else None

    async def has_shrunk(self, operation: str, asked: dict[str, Any], listing: Listing) -> bool:
        if listing.total is not None and listing.found < listing.total:
            listing.note(await self.total_of(operation, asked, force=True))
        return listing.has_shrunk
