"""The table of crawls, as real crawls leave it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import scrapy

from satchel.errors import StoreError
from satchel.recnet import Account
from satchel.testing import crawl
from stores import Stored

COLUMNS = "spider, arguments, listing, finish_reason, verdict, items, errors"


def run(stored: Stored, spider: Any, **arguments: str) -> Any:
    return crawl(spider, {"SATCHEL_SANDBOX": True, "SATCHEL_STORE": stored.url}, **arguments)


def test_what_a_crawl_did(stored: Stored) -> None:
    result = run(stored, "recnet-rooms", hot="1", include="tags,roles", _job="7")
    (row,) = stored.read("satchel_crawl", COLUMNS)
    assert [json.loads(part) if part[:1] == "{" else part for part in row[:-1]] == [
        "recnet-rooms",
        {"hot": "1", "include": "tags,roles"},
        "recnet-rooms hot=1 include=roles,tags",
        "finished",
        "complete",
        {"recnet_room": len(result.items)},
    ]
    assert row[-1] == 0
    assert stored.read("satchel_crawl", "started < ended, waiting >= 0") == [(True, True)]
    run(stored, "recnet-rooms", ids="8203,1,8202")
    (*_, second) = stored.read("satchel_crawl", "listing, verdict")
    assert second == ("recnet-rooms ids=1,8202,8203", "complete")
    assert stored.read("satchel_crawl", COLUMNS, "id LIMIT 1") == [row]
    last = stored.read("recnet_room", "last_crawl", "id LIMIT 4")
    assert last == [(1,), (1,), (2,), (2,)]


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        yield Account.from_data({"accountId": 1, "isJunior": False})
        raise ValueError


def test_a_spider_of_ones_own_and_an_error(stored: Stored) -> None:
    run(stored, Own, password="hidden")
    (row,) = stored.read("satchel_crawl", COLUMNS)
    assert row == ("own", None, None, "finished", "incomplete", '{"recnet_account":1}', 1)


def test_a_database_of_an_older_version_gets_what_it_lacks(stored: Stored) -> None:
    run(stored, "recnet-rooms", ids="8202")
    stored.change("DROP TABLE satchel_crawl", "ALTER TABLE recnet_room DROP COLUMN last_crawl")
    run(stored, "recnet-rooms", ids="8202")
    assert stored.read("recnet_room", "last_crawl") == [(1,)]


def test_a_table_of_somebody_else_is_left_alone(stored: Stored) -> None:
    stored.change("CREATE TABLE satchel_crawl (id INTEGER PRIMARY KEY, name TEXT)")
    with pytest.raises(StoreError, match="the table satchel_crawl was not made by satchel"):
        run(stored, "recnet-accounts", ids="1")
