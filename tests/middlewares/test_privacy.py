"""Items of a project's own spider pass the privacy gate, whichever way they come."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import scrapy
from msgspec import Struct
from scrapy.utils.test import get_crawler

from satchel import hookimpl
from satchel.decode import Decoder, integer, text
from satchel.errors import ConfigError
from satchel.items import Item, withheld
from satchel.middlewares.privacy import PrivacyMiddleware
from satchel.pipelines.privacy import PrivacyPipeline
from satchel.recnet import Account, Room
from satchel.service import Service
from satchel.testing import Crawl, crawl

UNREACHABLE = "http://127.0.0.1:1/"


def account(id: int, *, junior: bool = False) -> Account:
    data = {"accountId": id, "username": "paper", "isJunior": junior, "identityFlags": 3}
    return Account.from_data(data)


class Own(scrapy.Spider):
    """Yields items from ``start()``, a callback and an errback."""

    name = "own"
    custom_settings = {"RETRY_ENABLED": False, "ROBOTSTXT_OBEY": False}  # noqa: RUF012

    async def start(self) -> Any:
        yield account(1)
        yield scrapy.Request("data:,")
        yield scrapy.Request(UNREACHABLE, errback=self.failed)

    def parse(self, response: Any) -> Any:
        yield account(2)
        room = Room.from_data({"RoomId": 5, "Name": "Hub"})
        room.creator_account = account(4, junior=True)
        yield room
        yield {"username": "of no interest to satchel"}

    def failed(self, failure: Any) -> Any:
        yield account(3, junior=True)


def by_id(result: Crawl) -> dict[int, Any]:
    accounts: list[Any] = [item for item in result.items if isinstance(item, Account)]
    (room,) = (item for item in result.items if isinstance(item, Room))
    assert {"username": "of no interest to satchel"} in result.items
    return {item.id: item for item in [*accounts, room.creator_account]}


@pytest.mark.parametrize(
    "disabled",
    [
        {},
        {"SPIDER_MIDDLEWARES": {PrivacyMiddleware: None}},
        {"ITEM_PIPELINES": {"satchel.pipelines.privacy.PrivacyPipeline": None}},
    ],
    ids=["both", "pipeline", "middleware"],
)
def test_the_default(disabled: dict[str, Any]) -> None:
    found = by_id(crawl(Own, disabled))
    if "ITEM_PIPELINES" in disabled:
        # What an errback yields passes no spider middleware.
        assert found.pop(3).username == "paper"
    else:
        assert (found[3].id, found[3].username) == (3, None)
    assert [found[id].username for id in (1, 2, 4)] == ["paper", "paper", None]
    assert [found[id].identity_flags for id in (1, 2, 4)] == [None, None, None]


def test_off() -> None:
    found = by_id(crawl(Own, {"SATCHEL_PRIVACY": "off"}))
    assert {item.username for item in found.values()} == {"paper"}
    assert all(item.identity_flags for item in found.values())


def test_counted_once() -> None:
    result = crawl(Own)
    assert result.stats["satchel/privacy/junior"] == 2
    assert result.stats["satchel/privacy/identity"] == 2


def test_spider_middlewares_of_the_project_see_no_more() -> None:
    seen: list[Any] = []

    class Looking:
        async def process_spider_output(self, response: Any, result: Any) -> Any:
            async for item in result:
                if isinstance(item, Account):
                    seen.append(item.identity_flags)
                yield item

    crawl(Own, {"SPIDER_MIDDLEWARES": {Looking: 999}})
    assert seen == [None]


@pytest.mark.parametrize("component", [PrivacyMiddleware, PrivacyPipeline])
def test_without_the_addon(component: Any) -> None:
    with pytest.raises(ConfigError, match="satchel is not enabled in this project"):
        component.from_crawler(get_crawler())


# A service with content


@dataclass(slots=True, init=False)
class Letter(Item):
    namespace = "letters"
    guarded = True
    key = ("id",)

    id: int | None = None
    body: str | None = withheld()


Decoder(Letter, {"id": integer("id"), "body": text("body")})


class LetterSettings(Struct, frozen=True, kw_only=True):
    content: bool = False


@hookimpl
def satchel_services() -> list[Service]:
    def nothing(*given: Any) -> Any:
        return {}

    return [
        Service(
            name="letters",
            items=(Letter,),
            settings=LetterSettings,
            spiders=(),
            client=nothing,
            key=lambda settings: None,
            paces=nothing,
            sandbox=nothing,
            in_sandbox=nothing,
            content=lambda settings: bool(settings.content),
        )
    ]


class Reading(scrapy.Spider):
    name = "reading"

    async def start(self) -> Any:
        yield Letter({"id": 1, "body": "geheim", "more": {"path": "geheim"}})


@pytest.mark.parametrize("allowed", [False, True])
def test_content_is_kept_only_where_the_service_s_setting_allows_it(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = ModuleType("letters_plugin")
    plugin.satchel_services = satchel_services  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "letters_plugin", plugin)
    monkeypatch.setenv("SATCHEL_LETTERS_CONTENT", "1" if allowed else "0")
    with caplog.at_level(logging.DEBUG):
        result = crawl(
            Reading,
            {
                "SATCHEL_PLUGINS": "letters_plugin",
                "SATCHEL_STORE": f"sqlite:///{tmp_path}/s.db",
                "FEEDS": {str(tmp_path / "letters.jsonl"): {"format": "jsonlines"}},
            },
        )
    written = {file.name: b"geheim" in file.read_bytes() for file in tmp_path.glob("[sl]*.*")}
    assert written == {"s.db": allowed, "letters.jsonl": allowed}
    assert "geheim" not in caplog.text
    assert result.stats["satchel/stored/letters_letter"] == 1
    assert result.stats.get("satchel/privacy/content") == (None if allowed else 1)
