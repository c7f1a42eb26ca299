"""What the library has, and how its JSON is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from satchel import Item, Personal, link, personal, relation
from satchel.answers import Page, page, parse
from satchel.decode import Decoder, identifier, integer, text, texts, utc
from satchel.items import moment, nested


@dataclass(slots=True, init=False)
class Author(Item):
    """Somebody who writes books."""

    namespace = "library"
    key = ("id",)

    id: int | None = None
    name: str | None = personal(Personal.NAME)
    born: int | None = None
    died: int | None = None
    player_id: int | None = link()


@dataclass(slots=True, init=False)
class Book(Item):
    """A book."""

    namespace = "library"
    key = ("isbn",)

    isbn: str | None = None
    title: str | None = None
    published: datetime | None = moment()
    subjects: list[str] | None = None
    author_id: int | None = link()
    author: Author | None = nested("Author")

    @relation("authors.by_ids", "author", id="author_id")
    async def get_author(self, force: bool = False) -> Author | None:
        """Who wrote it."""


AUTHORS = Decoder(
    Author,
    {
        "id": integer("id"),
        "name": text("name"),
        "born": integer("born"),
        "died": integer("died"),
        "player_id": integer("playerId"),
    },
)
BOOKS = Decoder(
    Book,
    {
        "isbn": identifier("isbn"),
        "title": text("title"),
        "published": utc("published"),
        "subjects": texts("subjects"),
        "author_id": integer("authorId"),
    },
)


def read_authors(body: bytes) -> Page[Author]:
    return page(AUTHORS, parse("list of authors", body) or [])


def read_books(body: bytes) -> Page[Book]:
    return page(BOOKS, parse("list of books", body) or [])
