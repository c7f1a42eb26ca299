"""``scrapy crawl library-books -a all=1 -a include=author``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from scrapy import Request
from scrapy.http import Response

from satchel.answers import Page
from satchel.arguments import Argument, numbers, switch
from satchel.paging import Paging
from satchel.spider import LIMIT, UNREADABLE, ApiSpider, include
from satchel_library.client import LibraryClient
from satchel_library.items import Book, read_books

PAGE = 50


class BooksSpider(ApiSpider):
    """Books of the library."""

    name = "library-books"
    service = "library"
    client: LibraryClient
    sources = (
        Argument("all", "1", "Every book.", switch),
        Argument("by_author", "ID,…|@FILE", "The books of some authors.", numbers),
    )
    arguments = (*sources, include(Book), LIMIT)

    async def start(self) -> AsyncIterator[Any]:
        for author in [None] if "all" in self.given else self.given["by_author"]:
            yield self.page(author, Paging(PAGE, self.given.get("limit")))

    def page(self, author: int | None, paging: Paging) -> Request:
        query = {"author": author, "skip": paging.skip, "take": paging.take}
        return self.client.request("books", **query).replace(
            callback=self.parse_page,
            errback=self.failed,
            dont_filter=paging.again,
            cb_kwargs={"author": author, "paging": paging},
        )

    def decode(self, response: Response) -> Page[Book]:
        return read_books(response.body)

    def parse_page(self, response: Response, author: int | None, paging: Paging) -> Iterator[Any]:
        answer = self.read(response)
        if answer is None or answer is UNREADABLE:
            return
        yield from self.keep(paging.turn(answer.rows, ((b.isbn, b) for b in answer.items)))
        if not paging.done:
            yield self.page(author, paging)
