"""Kemono's spiders: creators, posts, Discord, favourites, link requests, accounts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from scrapy import Request
from scrapy.spidermiddlewares.httperror import HttpError

from satchel.arguments import Argument, at_least, phrase, switch, words
from satchel.errors import ArgumentError
from satchel.kemono import AccountRole, Creator, CreatorLinkRequest, DiscordServer, Post
from satchel.kemono.api import Api, wants_other_accept
from satchel.kemono.operations import ACCOUNTS, OPERATIONS
from satchel.kemono.settings import KemonoSettings
from satchel.paging import LONG, Listing, Walk
from satchel.spider import LIMIT, UNREADABLE, ApiSpider, identity_of, include

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from satchel.addon import SatchelAddon

Output = Iterator[Any]


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
_CREATOR: Final = re.compile(rf"({_SERVICE})/([^/]+)")
_POST: Final = re.compile(rf"({_SERVICE})/(?:([^/]+)/)?([^/]+)")
_CREATOR_PAGE: Final = re.compile(rf"/({_SERVICE})/user/([^/]+)")
_POST_PAGE: Final = re.compile(rf"/({_SERVICE})/user/([^/]+)(?:/post/([^/]+))?")
_SERVER_PAGE: Final = re.compile(r"/discord/server/([^/]+)")


def _each(pattern: re.Pattern[str], form: str) -> Callable[[str], list[Any]]:
    """Words of a form, as places."""

    def parse(text: str) -> list[Any]:
        return [_place(pattern.fullmatch(word), form, word) for word in words(text)]

    return parse


def _pages(pattern: re.Pattern[str], form: str) -> Callable[[str], list[Any]]:
    """Addresses of pages of a form, as places. Of the address, only the path counts."""

    def parse(text: str) -> list[Any]:
        return [_place(pattern.search(urlsplit(url).path), form, url) for url in words(text)]

    return parse


def _server_pages(text: str) -> list[str]:
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


def _parsed(parse: Callable[[str], Any], form: str) -> Callable[[str], Any]:
    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError:
            raise ValueError(f"expected {form}") from None

    return parsed


_day: Final = _parsed(date.fromisoformat, "a date such as 2025-03-31")

PERIODS: Final = ("recent", "day", "week", "month")


def _popular(text: str) -> list[dict[str, str]]:
    """Periods of popular posts, as queries."""
    found = []
    for word in words(text):
        period, slash, day = word.partition("/")
        if period not in PERIODS:
            raise ValueError(f"expected {', '.join(PERIODS)}, or such as week/2025-03-31")
        found.append({"period": period, **({"date": str(_day(day))} if slash else {})})
    return found


def _one_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = words(text)
        if not set(chosen) <= set(known):
            raise ValueError(f"expected one or more of {', '.join(known)}")
        return chosen

    return parse


def _accounts(text: str) -> int:
    number = at_least(1)(text)
    if number > ACCOUNTS:
        raise ValueError(f"expected at most {ACCOUNTS}")
    return number


class KemonoSpider(ApiSpider):
    """What the spiders of Kemono share: requests by operation, and listings page by page.

    :cvar operations: what it asks for whatever it is given
    """

    service = "kemono"
    operations: ClassVar[tuple[str, ...]] = ()

    api: Api

    def prepare(self, addon: SatchelAddon) -> None:
        super().prepare(addon)
        self.api = self.client.api
        for operation in self.operations:
            self.check(operation)
        walks = addon.settings_of("kemono", KemonoSettings).concurrency
        # One that may be stopped and go on later goes in order: what shifts meanwhile is not lost.
        self.walks = 1 if self.settings.get("JOBDIR") else walks

    def needs(self, source: Source) -> Iterable[str]:
        return source.operations

    async def start(self) -> AsyncIterator[Any]:
        for source in self.chosen:
            for request in getattr(self, f"by_{source.name}")(self.given[source.name]):
                yield request

    def ask(self, operation: str, callback: Callable[..., Any], **asked: Any) -> Request:
        """The request of an operation that has no pages; *callback* is told what was asked."""
        request = self.api.request(operation, **asked)
        return request.replace(callback=callback, errback=self.failed, cb_kwargs={"asked": asked})

    def listing(
        self, operation: str, total: int | None = None, *, again: bool = False, **asked: Any
    ) -> Request:
        """The first request of a listing.

        :param total: how many rows it has, if that is known
        :param again: it was asked for before
        """
        listing = Listing(OPERATIONS[operation].step, self.given.get("limit"))
        listing.note(total)
        walk = listing.walk()
        walk.again = again
        return self.page(operation, asked, walk)

    def page(self, operation: str, asked: dict[str, Any], walk: Walk) -> Request:
        """The request for the page where *walk* stands."""
        query = {**asked.get("query", {}), **self.place_of(walk)}
        request = self.api.request(operation, **{**asked, "query": query})
        return request.replace(
            callback=self.parse_page,
            errback=self.failed,
            dont_filter=walk.again or walk.offset > 0,
            cb_kwargs={"operation": operation, "asked": asked, "walk": walk},
        )

    def place_of(self, walk: Walk) -> dict[str, Any]:
        """The query's words for where a page begins."""
        return {"o": walk.offset or None}

    def decode(self, response: Response) -> Any:
        meta = response.meta
        operation = OPERATIONS[meta["satchel_operation"]]
        return operation.read(response.body, self.client, meta["satchel_parameters"])

    def read(self, response: Response) -> Any:
        operation = OPERATIONS[response.meta["satchel_operation"]]
        if response.status == 404 and not operation.one:
            role = operation.role
            why = f", as it does to an account that is no {role}" if role else ""
            self.logger.error("%s: the server answered 404%s", response.url, why)
            self.count("error_answers")
            return UNREADABLE
        return super().read(response)

    async def parse_page(
        self, response: Response, operation: str, asked: dict[str, Any], walk: Walk
    ) -> AsyncIterator[Any]:
        """A page of a listing."""
        if response.status != 200 and walk.offset:
            walk.end()  # Behind the last row (reference section 1.5), or behind what can be had.
        elif (answer := self.read_page(response, asked)) is UNREADABLE:
            return
        else:
            walk.listing.note(answer.total, getattr(answer, "true_total", None))
            items = ((identity_of(item), item) for item in answer.items)
            for item in self.keep(walk.turn(answer.rows, items, self.wants)):
                yield item
            if self.is_behind(operation, answer.items):
                walk.listing.leave()
                walk.end()
        self.report(response, operation, walk)
        for request in await self.go_on(operation, asked, walk):
            yield request

    def read_page(self, response: Response, asked: dict[str, Any]) -> Any:
        """What a page holds, or :data:`UNREADABLE`; an empty answer is one, too."""
        if response.status == 400:
            self.logger.error("%s: the server answered 400", response.url)
            self.count("error_answers")
            return UNREADABLE
        answer = self.read(response)
        if answer is None:
            self.report_absent([_named(asked)])
            return UNREADABLE
        return answer

    def wants(self, item: Any) -> bool:
        """Whether an item of a listing is asked for."""
        return True

    def is_behind(self, operation: str, items: list[Any]) -> bool:
        """Whether nothing that follows these items is asked for."""
        return False

    def report(self, response: Response, operation: str, walk: Walk) -> None:
        """Tell why a walk ended, if it was not at the listing's end."""
        listing, reachable = walk.listing, OPERATIONS[operation].reachable
        if walk.repeats:
            self.logger.warning("%s: the server repeats itself; left the listing", response.url)
            self.count("repeating_listings")
        out_of_reach = not walk.done and reachable is not None and walk.offset > reachable
        refused = response.status != 200 and listing.rows is not None
        if out_of_reach or (refused and listing.rows > walk.offset):  # type: ignore[operator]
            walk.end()
            more = f", of {listing.rows:,}" if listing.rows else ""
            self.logger.warning(
                "%s: the server gives no more than the first %s rows%s; the others are missing",
                response.url,
                f"{walk.offset:,}",
                more,
            )
            self.count("out_of_reach")

    async def go_on(self, operation: str, asked: dict[str, Any], walk: Walk) -> Iterable[Request]:
        """The requests that follow a page."""
        listing = walk.listing
        if walk.done:
            lost = listing.has_ended and await self.has_shrunk(listing, asked)
            return [self.listing(operation, again=True, **asked)] if lost else []
        if walk.again or not self.may_split(operation):
            return [self.page(operation, asked, walk)]
        if listing.total is None and walk.offset == LONG * listing.step:
            listing.note(await self.total_of(operation, asked))
        return [self.page(operation, asked, one) for one in walk.split(self.walks)]

    def may_split(self, operation: str) -> bool:
        """Whether pages of a listing may be fetched together: all of them are wanted."""
        return "limit" not in self.given

    async def total_of(
        self, operation: str, asked: dict[str, Any], force: bool = False
    ) -> int | None:
        """How many rows a listing has that does not say so itself; ``None``: nobody knows."""
        return None

    async def has_shrunk(self, listing: Listing, asked: dict[str, Any]) -> bool:
        """Whether rows have vanished, so that others were shifted to where nobody looked again."""
        return listing.has_shrunk

    def parse_one(self, response: Response, asked: dict[str, Any]) -> Output:
        """An item."""
        item = self.read(response)
        if item is None:
            self.report_absent([_named(asked)])
        elif item is not UNREADABLE:
            yield from self.keep([item])

    def parse_list(self, response: Response, asked: dict[str, Any]) -> Output:
        """A list without pages."""
        answer = self.read(response)
        if answer is not UNREADABLE and answer is not None:  # Nothing: an empty list.
            items = [item for item in answer.items if self.wants(item)]
            yield from self.keep(items[: self.given.get("limit")])

    def failed(self, failure: Failure) -> Iterator[Any]:
        error = failure.value
        if isinstance(error, HttpError) and wants_other_accept(error.response):
            self.logger.error(
                "%s: the server wants another Accept header than %s: is SATCHEL_KEMONO_PROFILE "
                "right?",
                error.response.url,
                self.api.profile.accept,
            )
        return super().failed(failure)


def _named(asked: dict[str, Any]) -> str:
    """What was asked for, as a person writes it."""
    return "/".join(str(value) for name, value in asked.items() if name != "query")


class CreatorsSpider(KemonoSpider):
    """Creators: all whom the server lists, or some."""

    name = "kemono-creators"
    sources = (
        Source("all", "1", "All creators; one large answer.", switch, ("creators.list",)),
        Source("services", "SERVICE,…", "All of some services.", words, ("creators.list",)),
        Source("search", "WORDS", "All whose name has these in it.", phrase, ("creators.list",)),
        Source(
            "ids", "SERVICE/ID,…|@FILE", "By service and id.",
            _each(_CREATOR, "SERVICE/ID, such as patreon/1234"), ("creators.profile",),
        ),
        Source(
            "urls", "URL,…|@FILE", "By the address of their page, or of one of their posts.",
            _pages(_CREATOR_PAGE, "addresses of the form https://…/SERVICE/user/ID"),
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


class PostsSpider(KemonoSpider):
    """Posts: of creators, of all, popular ones, or some."""

    name = "kemono-posts"
    sources = (
        Source(
            "creators", "SERVICE/ID,…|@FILE", "Those of creators.",
            _each(_CREATOR, "SERVICE/ID, such as patreon/1234"), ("posts.of_creator",),
        ),
        Source("recent", "1", "All, the latest import first.", switch, ("posts.list",)),
        Source("popular", "PERIOD[/DATE],…", f"Popular ones: {', '.join(PERIODS)}.", _popular,
               ("posts.popular",)),
        Source("search", "WORDS", "What a search finds, in those of creators if given.", phrase),
        Source("tags", "TAG,…", "Those with all of these tags; the same.", words),
        Source(
            "ids", "SERVICE[/CREATOR]/ID,…|@FILE", "By service, creator and id.",
            _each(_POST, "SERVICE/ID or SERVICE/CREATOR/ID, such as patreon/1234/5678"),
            ("posts.detail",),
        ),
        Source(
            "urls", "URL,…|@FILE", "By the address of their page; of a creator's page, all.",
            _pages(_POST_PAGE, "addresses of the form https://…/SERVICE/user/ID[/post/ID]"),
        ),
        Source("random", "1", "Some post.", switch, ("posts.random", "posts.detail")),
    )  # fmt: skip
    arguments = (
        *sources,
        Argument("since", "DATE", "Only those published on that day or later.", _day),
        Argument("until", "DATE", "Only those published on that day or before.", _day),
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
            self.report_absent([_named(asked) or "a random post"])
        elif found is not UNREADABLE:
            post = found.post or asked.get("id")
            yield from self.by_ids([Place(found.service, found.user, post)])

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
            self.logger.info("%s: no profile: %s", _named(asked), error)
            return None
        return profile.post_count if profile else None

    async def has_shrunk(self, listing: Listing, asked: dict[str, Any]) -> bool:
        if listing.total is not None and listing.found < listing.total:
            listing.note(await self.total_of("posts.of_creator", asked, force=True))
        return listing.has_shrunk


class DiscordSpider(KemonoSpider):
    """Discord servers, their channels, and the messages in these."""

    name = "kemono-discord"
    sources = (
        Source("servers", "ID,…|@FILE", "Servers with all channels.", words),
        Source("channels", "ID,…|@FILE", "Channels.", words, ("discord.messages",)),
        Source("urls", "URL,…|@FILE", "By the address of a server's page.", _server_pages),
    )  # fmt: skip
    arguments = (*sources, LIMIT)

    def needs(self, source: Source) -> Iterable[str]:
        yield from source.operations or (self.way, "discord.messages")

    @property
    def way(self) -> str:
        """The operation that leads to a server's channels; older servers lack the one for both."""
        has_both = self.client.api.offers("discord.server")
        return "discord.server" if has_both else "discord.channels"

    def by_servers(self, ids: Iterable[str]) -> Output:
        """One request for each, then the channels."""
        for id in dict.fromkeys(ids):
            yield self.ask(self.way, self.parse_server, server=id)

    by_urls = by_servers

    def by_channels(self, ids: Iterable[str]) -> Output:
        """The messages of each."""
        for id in ids:
            yield self.listing("discord.messages", channel=id)

    def parse_server(self, response: Response, asked: dict[str, Any]) -> Output:
        """A server with its channels, or only these."""
        answer = self.read(response)
        if answer is UNREADABLE:
            return
        if answer is None:
            self.report_absent([_named(asked)])
            return
        alone = isinstance(answer, DiscordServer)
        channels = (answer.channels or []) if alone else answer.items
        yield from self.keep([answer] if alone else channels)
        for channel in channels:
            if channel.id is not None:
                yield self.listing("discord.messages", channel.post_count, channel=channel.id)


class FavoritesSpider(KemonoSpider):
    """What an account has as favourites: creators and posts."""

    name = "kemono-favorites"
    operations = ("favorites.creators", "favorites.posts")
    kinds: ClassVar = ("creators", "posts")
    arguments = (
        Argument("kinds", "KIND,…", f"Only these: {', '.join(kinds)}.", _one_of(kinds)),
        LIMIT,
    )

    async def start(self) -> AsyncIterator[Any]:
        for kind in self.given.get("kinds", self.kinds):
            yield self.ask(f"favorites.{kind}", self.parse_list)


class ModerationSpider(KemonoSpider):
    """Link requests that a moderator is to decide on."""

    name = "kemono-moderation"
    operations = ("links.requests",)
    arguments = (include(CreatorLinkRequest), LIMIT)

    async def start(self) -> AsyncIterator[Any]:
        yield self.ask("links.requests", self.parse_list)


class AccountsSpider(KemonoSpider):
    """Accounts, as an administrator sees them. They go into the database only if asked for."""

    name = "kemono-accounts"
    operations = ("accounts.list",)
    arguments = (
        Argument("name", "TEXT", "Only those whose name has this in it, in this case.", phrase),
        Argument(
            "role", "ROLE", "Only those with this role.",
            _parsed(lambda text: AccountRole(text).value, f"one of {', '.join(AccountRole)}"),
        ),
        Argument("page", "N", "Only that page, from 1.", at_least(1)),
        Argument("limit", "N", f"Accounts of a page, at most {ACCOUNTS}.", _accounts),
        Argument("store", "1", "Store them, too; else they go into feeds only.", switch),
    )  # fmt: skip

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        if not spider.given.get("store"):
            crawler.settings.set("SATCHEL_STORE", "", "cmdline")
        return spider

    async def start(self) -> AsyncIterator[Any]:
        query = {name: self.given[name] for name in ("name", "role") if name in self.given}
        listing = Listing(self.given.get("limit", ACCOUNTS))
        walk = listing.walk((self.given.get("page", 1) - 1) * listing.step)
        if "page" in self.given:
            listing.leave()
        yield self.page("accounts.list", {"query": query}, walk)

    def place_of(self, walk: Walk) -> dict[str, Any]:
        step = walk.listing.step
        return {"page": walk.offset // step + 1, "limit": step}

    def may_split(self, operation: str) -> bool:
        return True
