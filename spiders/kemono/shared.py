"""What Kemono's spiders share: requests by operation, and listings page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request
from scrapy.spidermiddlewares.httperror import HttpError

from satchel.kemono.api import Api, wants_other_accept
from satchel.kemono.operations import OPERATIONS
from satchel.kemono.settings import KemonoSettings
from satchel.kemono.wire import read_error
from satchel.paging import LONG, Listing, Walk
from satchel.spider import UNREADABLE, ApiSpider, identity_of
from satchel.spiders.kemono.arguments import Source

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from satchel.addon import SatchelAddon

Output = Iterator[Any]
"""What a callback yields: items and requests."""


class KemonoSpider(ApiSpider):
    """What the spiders of Kemono share: requests by operation, and listings page by page.

    :cvar operations: what it asks for whatever it is given
    """

    service = "kemono"
    operations: ClassVar[tuple[str, ...]] = ()
    together = 100  # There are no calls for many.

    api: Api

    def prepare(self, addon: SatchelAddon) -> None:
        super().prepare(addon)
        self.api = self.client.api
        for operation in self.operations:
            self.check(operation)
            if (role := OPERATIONS[operation].role) is not None:
                addon.sessions[self.service].choose(role)
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
        :param again: it was read before
        """
        listing = self.unread(operation, again)
        listing.note(total)
        walk = listing.walk()
        walk.again = again
        return self.page(operation, asked, walk)

    def unread(self, operation: str, again: bool = False) -> Listing:
        """A listing to read; *again*: once more."""
        return Listing(OPERATIONS[operation].step, self.given.get("limit"), again=again)

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
            if await self.is_end(response, operation, asked, walk):
                self.report(response, operation, walk)
        elif (answer := self.read_page(response, asked)) is UNREADABLE:
            return
        else:
            walk.listing.note(answer.total, getattr(answer, "true_total", None))
            items = ((identity_of(item), item) for item in answer.items)
            for item in self.keep(walk.turn(answer.rows, items, self.wants)):
                yield item
            grows_on_top = OPERATIONS[operation].grows_on_top
            if self.is_behind(operation, answer.items) or (
                grows_on_top and await self.is_enough(response, answer.items)
            ):
                walk.listing.leave()
                walk.end()
            self.report(response, operation, walk)
        for request in await self.go_on(operation, asked, walk):
            yield request

    async def is_end(
        self, response: Response, operation: str, asked: dict[str, Any], walk: Walk
    ) -> bool:
        """Tell the end of a listing, which servers tell by an error status, from an error.

        Where the total is not known, it is the end if the API says in its own words that there is
        nothing (reference sections 1.4 and 1.5): those of a proxy or a cache are no JSON.
        """
        listing = walk.listing
        if listing.last_total is None or listing.last_total > walk.offset:
            was_known = listing.last_total is not None
            listing.note(await self.total_of(operation, asked, force=was_known))
        total = listing.last_total
        if total is None:
            is_end = read_error(response.body) is not None
            why = "and does not say that the listing ends there; there may be more"
        else:
            is_end = total <= walk.offset
            why = f"and there should be {total:,} rows; the others are missing"
        if is_end:
            self.logger.info("%s: %s: the listing ends here", response.url, response.status)
        else:
            self.logger.error("%s: the server answered %s, %s", response.url, response.status, why)
            self.count("error_answers")
        return is_end

    def read_page(self, response: Response, asked: dict[str, Any]) -> Any:
        """What a page holds, or :data:`UNREADABLE`; an empty answer is one, too."""
        if response.status == 400:
            self.logger.error("%s: the server answered 400", response.url)
            self.count("error_answers")
            return UNREADABLE
        answer = self.read(response)
        if answer is None:
            self.report_absent([named(asked)])
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
            if not (listing.has_ended and await self.has_shrunk(operation, asked, listing)):
                return []
            if not listing.again:
                return [self.listing(operation, again=True, **asked)]
            what = " of ".join(filter(None, (operation, named(asked))))
            self.logger.warning(
                "%s: the listing became shorter while it was read, twice; some may be missing", what
            )
            self.count("unsteady_listings")
            return []
        if walk.again or not self.may_split(operation):
            return [self.page(operation, asked, walk)]
        if listing.total is None and walk.offset == LONG * listing.step:
            listing.note(await self.total_of(operation, asked))
        return [self.page(operation, asked, one) for one in walk.split(self.walks)]

    def may_split(self, operation: str) -> bool:
        """Whether pages of a listing may be fetched together: all of them are wanted."""
        in_order = OPERATIONS[operation].grows_on_top and self.may_be_enough
        return "limit" not in self.given and not in_order

    async def total_of(
        self, operation: str, asked: dict[str, Any], force: bool = False
    ) -> int | None:
        """How many rows a listing has that does not say so itself; ``None``: nobody knows."""
        return None

    async def has_shrunk(self, operation: str, asked: dict[str, Any], listing: Listing) -> bool:
        """Whether rows have vanished, so that others were shifted to where nobody looked again."""
        return listing.has_shrunk

    def parse_one(self, response: Response, asked: dict[str, Any]) -> Output:
        """An item."""
        item = self.read(response)
        if item is None:
            self.report_absent([named(asked)])
        elif item is not UNREADABLE:
            yield from self.keep([item])

    def parse_list(self, response: Response, asked: dict[str, Any]) -> Output:
        """A list without pages."""
        answer = self.read(response)
        if answer is not UNREADABLE and answer is not None:  # Nothing: an empty list.
            wanted = filter(self.wants, taken_from(answer.items))
            yield from self.keep(islice(wanted, self.given.get("limit")))

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


def taken_from(items: list[Any]) -> Iterator[Any]:
    """The members of a list, which keeps none: long ones are not to be in memory with all that is
    joined to them."""
    items.reverse()
    while items:
        yield items.pop()


def named(asked: dict[str, Any]) -> str:
    """What was asked for, as a person writes it."""
    return "/".join(str(value) for name, value in asked.items() if name != "query")
