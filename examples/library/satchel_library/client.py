"""The library's API: ``/books?author=&skip=&take=``, and ``/authors`` by 40 ids at most."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import Meta, Struct
from scrapy import Request

from satchel.bulk import BulkClient
from satchel.client import Access
from satchel.config import Url
from satchel_library.items import read_authors

BY = {"ids": "id", "players": "player_id"}
"""What authors can be asked for by → the field that has it."""


class LibrarySettings(Struct, frozen=True, kw_only=True):
    url: Annotated[Url | None, Meta(description="The address of the library's server.")] = None


class LibraryClient(BulkClient):
    service = "library"

    def __init__(self, access: Access, settings: LibrarySettings) -> None:
        super().__init__(access, settings.url)
        for name, by in BY.items():
            ask = partial(self.authors, name)
            self.add_bulk(f"authors.by_{name}", ask, read_authors, most=40, by=by)

    def authors(self, name: str, ids: list[int]) -> Request:
        return self.request("authors", **{name: ",".join(map(str, ids))})
