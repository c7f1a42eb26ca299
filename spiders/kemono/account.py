"""What takes an account: favourites, link requests, and accounts themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from satchel.arguments import Argument, at_least, phrase, switch
from satchel.kemono import AccountRole, CreatorLinkRequest
from satchel.kemono.operations import ACCOUNTS
from satchel.paging import Listing, Walk
from satchel.spider import LIMIT, include
from satchel.spiders.kemono.arguments import accounts_of_a_page, one_of, parsed
from satchel.spiders.kemono.shared import KemonoSpider

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class FavoritesSpider(KemonoSpider):
    """What an account has as favourites: creators and posts."""

    name = "kemono-favorites"
    operations = ("favorites.creators", "favorites.posts")
    kinds: ClassVar = ("creators", "posts")
    arguments = (
        Argument("kinds", "KIND,…", f"Only these: {', '.join(kinds)}.", one_of(kinds)),
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
            parsed(lambda text: AccountRole(text).value, f"one of {', '.join(AccountRole)}"),
        ),
        Argument("page", "N", "Only that page, from 1.", at_least(1)),
        Argument("limit", "N", f"Accounts of a page, at most {ACCOUNTS}.", accounts_of_a_page),
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
        listing = self.unread("accounts.list")
        walk = listing.walk((self.given.get("page", 1) - 1) * listing.step)
        if "page" in self.given:
            listing.leave()
        yield self.page("accounts.list", {"query": query}, walk)

    def unread(self, operation: str, again: bool = False) -> Listing:
        return Listing(self.given.get("limit", ACCOUNTS), again=again)

    def place_of(self, walk: Walk) -> dict[str, Any]:
        step = walk.listing.step
        return {"page": walk.offset // step + 1, "limit": step}

    def may_split(self, operation: str) -> bool:
        return True
