"""RecNet's spiders: accounts, rooms, events, images, inventions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import unquote, urlsplit

from scrapy import Request

from satchel.arguments import Argument, at_least, numbers, phrase, switch, words
from satchel.items import Item, relations_of
from satchel.paging import Paging
from satchel.recnet import Account, Event, Image, Invention, Room
from satchel.recnet.api import OPERATIONS, ROOM_PARTS, Api, include_mask, is_missing_route
from satchel.relations import Tree
from satchel.spider import LIMIT, UNREADABLE, ApiSpider, include

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from satchel.addon import SatchelAddon

Output = Iterator[Any]


@dataclass(frozen=True, slots=True)
class Source(Argument):
    """An argument that says what to crawl.

    :ivar operation: the operation that answers it
    :ivar ask: ``bulk``: all values at once; ``each``: one request for a value, as *parameter*;
        ``once``: one request, the argument is a switch
    :ivar parameter: the operation's parameter that takes a value
    """

    operation: str
    ask: Literal["bulk", "each", "once"]
    parameter: str = "id"


def _ids(operation: str) -> Source:
    return Source("ids", "ID,…|@FILE", "By id.", numbers, operation, "bulk")


def _names(operation: str, what: str, parse: Callable[[str], Any] = words) -> Source:
    return Source("names", "NAME,…|@FILE", f"By {what}.", parse, operation, "bulk")


def room_names(text: str) -> list[str]:
    """People write a room's name with a ``^``, as the site shows it."""
    return [name.removeprefix("^") for name in words(text)]


def _urls(page: str, parse: Callable[[str], Any], operation: str) -> Source:
    def read(text: str) -> list[Any]:
        found = ",".join(_from_url(url, page) for url in words(text))
        return list(parse(found))

    return Source(
        "urls", "URL,…|@FILE", f"By the address of their page, …/{page}/….", read, operation,
        "bulk",
    )  # fmt: skip


def _search(operation: str) -> Source:
    return Source("search", "WORDS", "What a search finds.", phrase, operation, "each", "query")


def _listing(name: str, value: str, operation: str, help: str) -> Source:
    return Source(name, f"{value},…|@FILE", help, numbers, operation, "each")


def once(name: str, operation: str, help: str) -> Source:
    """A source that is a switch."""
    return Source(name, "1", help, switch, operation, "once")


def _from_url(url: str, page: str) -> str:
    parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    if page not in parts[:-1]:
        raise ValueError(f"expected addresses of the form https://…/{page}/…; {url} is none")
    return parts[parts.index(page) + 1].removeprefix("^")


SORT = Argument("sort", "N", "The server's order: 0 newest first, 1 most cheered.", at_least(0))


class RecNetSpider(ApiSpider):
    """What the spiders of RecNet share.

    :cvar item: the class of the items
    :cvar fetch: the operation that gets items by their ids
    """

    service = "recnet"
    item: ClassVar[type[Item]]
    fetch: ClassVar[str]

    api: Api

    def prepare(self, addon: SatchelAddon) -> None:
        super().prepare(addon)
        self.api = self.client.api

    def needs(self, source: Source) -> Iterable[str]:
        return (source.operation,)

    async def start(self) -> AsyncIterator[Any]:
        sizes = [self.size(source) for source in self.chosen]
        self.expected = None if None in sizes else sum(filter(None, sizes))
        for source in self.chosen:
            for request in self.requests(source, self.given[source.name]):
                yield request

    def size(self, source: Source) -> int | None:
        """How many items a source has, or has at most; ``None``: nobody knows before."""
        values, limit = self.given[source.name], self.given.get("limit")
        if source.ask == "bulk":
            return len(values)
        listings = len(values) if isinstance(values, list) else 1
        return None if limit is None else limit * listings

    def requests(self, source: Source, values: Any) -> Output:
        """The first requests of one source."""
        if source.ask == "bulk":
            yield from self.by_values(source.operation, values)
        elif source.ask == "once":
            yield self.first_page(source.operation, {})
        else:
            for value in values if isinstance(values, list) else [values]:
                yield self.first_page(source.operation, {source.parameter: value})

    def by_values(self, operation: str, values: Iterable[Any]) -> Output:
        """Ask for items by ids or names, in bulk where the operation is one."""
        if OPERATIONS[operation].form:
            for request in self.api.bulk(operation, values):
                yield request.replace(callback=self.parse_bulk, errback=self.failed)
        else:
            for value in values:
                yield self.api.request(operation, id=value).replace(
                    callback=self.parse_one, errback=self.failed, cb_kwargs={"asked": value}
                )

    def first_page(self, operation: str, parameters: dict[str, Any]) -> Request:
        """The first, or only, request of a listing."""
        paging = Paging(self.api.settings.page_size, self.given.get("limit"))
        return self.page(operation, {"sort": 0, **parameters}, paging)

    def page(self, operation: str, parameters: dict[str, Any], paging: Paging) -> Request:
        """The request for the page where *paging* stands."""
        request = self.api.request(
            operation, **{**parameters, "take": paging.take, "skip": paging.skip}
        )
        return request.replace(
            callback=self.parse_page,
            errback=self.failed,
            dont_filter=paging.again,
            cb_kwargs={"operation": operation, "parameters": parameters, "paging": paging},
        )

    def parse_bulk(self, response: Response, values: list[Any]) -> Output:
        answer = self.read(response)
        if answer is UNREADABLE:
            return
        items = [] if answer is None else answer.items
        if answer is None or not answer.errors:
            found = self.api.matched(response.meta["satchel_operation"], values, items)
            self.report_absent([value for value in values if value not in found])
        yield from self.keep(items)

    def parse_one(self, response: Response, asked: Any) -> Output:
        item = self.read(response)
        if item is None:
            self.report_absent([asked])
        elif item is not UNREADABLE:
            yield from self.keep([item])

    async def parse_page(
        self, response: Response, operation: str, parameters: dict[str, Any], paging: Paging
    ) -> AsyncIterator[Any]:
        """A page of a listing, of items or (showcases, featured rooms, creators) of ids."""
        answer = self.read(response)
        if answer is None or answer is UNREADABLE:
            return
        if isinstance(answer, list):
            ids = paging.turn(len(answer), ((id, id) for id in answer))
            for output in self.by_values(self.fetch, filter(self.is_new, ids)):
                yield output
        else:
            for output in self.keep(
                paging.turn(answer.rows, ((item.id, item) for item in answer.items))
            ):
                yield output
            if self.grows_on_top(operation, parameters):
                paging.done |= await self.is_enough(response, answer.items)
        if paging.repeats:
            self.logger.warning("%s: the server repeats itself; left the listing", response.url)
            self.count("repeating_listings")
        if OPERATIONS[operation].paged and not paging.done:
            yield self.page(operation, parameters, paging)

    def grows_on_top(self, operation: str, parameters: Mapping[str, Any]) -> bool:
        """Whether what is new comes on the first pages of a listing."""
        return False

    def is_new(self, id: Any) -> bool:
        """Whether the item of an id was not found before."""
        return (self.item, id) not in self.seen

    def read(self, response: Response) -> Any:
        if is_missing_route(response):
            self.report_missing_route(response, response.meta["satchel_operation"])
            return UNREADABLE
        return super().read(response)

    def decode(self, response: Response) -> Any:
        return OPERATIONS[response.meta["satchel_operation"]].read(response.body, self.client)

    def report_missing_route(self, response: Response, operation: str) -> None:
        """Tell of a route that the server lacks (reference section 3)."""
        self.logger.error(
            "%s: the server does not offer %s; is SATCHEL_RECNET_DIALECT=%s right?",
            response.url,
            operation,
            self.api.settings.dialect,
        )
        self.count("not_offered")


class AccountsSpider(RecNetSpider):
    """Accounts: players' public profiles."""

    name = "recnet-accounts"
    item = Account
    fetch = "accounts.bulk"
    sources = (
        _ids("accounts.bulk"),
        _names("accounts.by_names", "username"),
        _urls("user", words, "accounts.by_names"),
        _search("accounts.search"),
        once("top_creators", "accounts.top_creators", "The creators with most subscribers."),
    )
    arguments = (*sources, include(Account), LIMIT)


@dataclass(frozen=True, slots=True)
class RoomInclude:
    """What ``include=`` of the rooms' spider names: parts, and relations.

    :ivar mask: the parts, as the API's bits
    """

    mask: int
    tree: Tree | None

    def __str__(self) -> str:
        parts = [name for name, bit in ROOM_PARTS.items() if self.mask & bit]
        return ",".join([*parts, *([str(self.tree)] if self.tree else [])])

    @classmethod
    def parse(cls, text: str) -> RoomInclude:
        parts, tree = set[str | None](), Tree(Room)
        for path in words(text):
            if path in ROOM_PARTS:
                parts.add(path)
            else:
                tree.add(path, besides=ROOM_PARTS)
        after = (relations_of(Room)[word].after for word in tree.branches)
        parts |= {field for field in after if field in ROOM_PARTS}
        return cls(include_mask(ROOM_PARTS.keys() & parts), tree or None)


class RoomsSpider(RecNetSpider):
    """Rooms; the parts that ``include=`` names cost one request for each room."""

    name = "recnet-rooms"
    item = Room
    fetch = "rooms.bulk"
    sources = (
        _ids("rooms.bulk"),
        _names("rooms.by_names", "name", room_names),
        _urls("room", words, "rooms.by_names"),
        _search("rooms.search"),
        once("hot", "rooms.hot", "The popular rooms."),
        once("featured", "rooms.featured", "The rooms that are featured now."),
        _listing("created_by", "ACCOUNT_ID", "rooms.created_by", "Rooms that a player made."),
        _listing("owned_by", "ACCOUNT_ID", "rooms.owned_by", "Rooms that a player owns a part of."),
        _listing("showcased_by", "ACCOUNT_ID", "rooms.showcased_by", "Rooms that a player shows."),
    )
    arguments = (
        *sources,
        Argument(
            "include",
            "NAME[.NAME…],…",
            f"Parts: {', '.join(ROOM_PARTS)}; relations to join, and theirs: "
            f"{', '.join(sorted(relations_of(Room)))}.",
            RoomInclude.parse,
        ),
        LIMIT,
    )

    def relations(self) -> Tree | None:
        parts = self.given.get("include")
        return parts.tree if parts else None

    @property
    def mask(self) -> int:
        """The parts to fetch."""
        parts = self.given.get("include")
        return parts.mask if parts else 0

    def by_values(self, operation: str, values: Iterable[Any]) -> Output:
        if operation == self.fetch and self.mask:
            yield from map(self.with_parts, values)
        else:
            yield from super().by_values(operation, values)

    def keep(self, items: Iterable[Any]) -> Output:
        for item in self.fresh(items):
            # Bulk and listing answers never have parts (reference section 4.2).
            yield self.with_parts(item.id, item) if self.mask else self.found(item)

    def with_parts(self, id: Any, listed: Room | None = None) -> Request:
        """The request for one room with the parts of ``include=``.

        :param listed: the room as a listing has it: what remains when this request fails
        """
        return self.api.request("rooms.by_id", id=id, include=self.mask).replace(
            callback=self.parse_with_parts,
            errback=self.without_parts,
            cb_kwargs={"asked": id, "listed": listed},
        )

    def parse_with_parts(self, response: Response, asked: Any, listed: Room | None) -> Output:
        room = self.read(response)
        if room is None:
            self.report_absent([asked])
        if room is None or room is UNREADABLE:
            room = listed
        if room is not None:
            yield self.found(room)

    def without_parts(self, failure: Failure) -> Output:
        yield from self.failed(failure)
        listed = failure.request.cb_kwargs["listed"]  # type: ignore[attr-defined]
        if listed is not None:
            yield self.found(listed)


class EventsSpider(RecNetSpider):
    """Events of players."""

    name = "recnet-events"
    item = Event
    fetch = "events.bulk"
    sources = (
        _ids("events.bulk"),
        _urls("event", numbers, "events.bulk"),
        _search("events.search"),
        once("upcoming", "events.upcoming", "Public events that have not ended."),
        _listing("created_by", "ACCOUNT_ID", "events.created_by", "Events that a player made."),
        _listing("in_room", "ROOM_ID", "events.in_room", "Events in a room."),
    )
    arguments = (*sources, include(Event), LIMIT)


NEWEST_FIRST: Final = frozenset(
    {"images.by_player", "images.of_player", "images.during_event", "images.in_room"}
)
"""Listings with the newest first (reference section 2), unless they are sorted otherwise."""


class ImagesSpider(RecNetSpider):
    """Images that players shared (their data; satchel loads no pictures)."""

    name = "recnet-images"
    item = Image
    fetch = "images.bulk"
    sources = (
        _ids("images.bulk"),
        _names("images.by_names", "file name"),
        _urls("image", numbers, "images.bulk"),
        _listing("by_player", "ACCOUNT_ID", "images.by_player", "Images that a player took."),
        _listing("of_player", "ACCOUNT_ID", "images.of_player", "Images that a player is seen in."),
        _listing("during_event", "EVENT_ID", "images.during_event", "Images of an event."),
        _listing("in_room", "ROOM_ID", "images.in_room", "Images of a room."),
        once("front_page", "images.front_page", "The images that are popular everywhere."),
    )
    arguments = (*sources, include(Image), LIMIT, SORT)

    def first_page(self, operation: str, parameters: dict[str, Any]) -> Request:
        return super().first_page(operation, {"sort": self.given.get("sort", 0), **parameters})

    def grows_on_top(self, operation: str, parameters: Mapping[str, Any]) -> bool:
        return operation in NEWEST_FIRST and parameters["sort"] == 0


class InventionsSpider(RecNetSpider):
    """Inventions: things that players built."""

    name = "recnet-inventions"
    item = Invention
    fetch = "inventions.by_id"
    sources = (
        _ids("inventions.by_id"),
        _urls("invention", numbers, "inventions.by_id"),
        _search("inventions.search"),
        once("featured", "inventions.featured", "The inventions that are featured."),
        once("top_today", "inventions.top_today", "The most used inventions of the day."),
    )
    arguments = (*sources, include(Invention), LIMIT)
