"""RecNet players who wrote books: ``scrapy crawl recnet-accounts -a include=author``."""

from __future__ import annotations

from typing import Any

from scrapy.crawler import Crawler

from satchel import AddedRelation, hookimpl
from satchel.recnet import Account
from satchel_library import Author
from satchel_library.client import LibraryClient


@hookimpl
def satchel_relations() -> list[AddedRelation]:
    return [AddedRelation(Account, "author", Author, help="The player as the library knows them.")]


@hookimpl
async def satchel_resolve_relation(items: list[Account], crawler: Crawler) -> list[Any]:
    ids = [account.id for account in items]
    found = await LibraryClient.of(crawler).load("authors.by_players", ids)
    return [found[id] for id in ids]
