"""What failed for now is asked again, later and later, within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import scrapy
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware as ScrapyRetryMiddleware
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.utils.conf import build_component_list

from satchel.faults import KINDS, Faults, Kind
from satchel.middlewares.retry import LONGEST, RetryMiddleware, backoff, is_json
from satchel.testing import ADDONS, crawl, running_sandbox

SURMOUNTABLE = tuple(k for k in KINDS if k not in ("forbidden", "status_404", "challenge"))
"""What one who asks again, or who reads well, gets over."""


def by_url(url: str, **settings: Any) -> dict[str, Any]:
    given = {"SATCHEL_RECNET_URL": url, "SATCHEL_RECNET_PAGE_SIZE": 5, "DOWNLOAD_TIMEOUT": 2}
    return {**given, **settings}


def test_backoff_doubles_and_leaves_half_to_chance() -> None:
    for times, most in ((1, 2.0), (2, 4.0), (3, 8.0), (99, LONGEST)):
        waits = {backoff(2.0, times) for _ in range(200)}
        assert most / 2 <= min(waits) < max(waits) <= most
        assert len(waits) > 100
    assert backoff(0, 5) == 0


@pytest.mark.parametrize("body", [b"[]", b" {} ", b"5", b"true", b'"x"', b'[{"a": [1.5e3, null]}]'])
def test_json(body: bytes) -> None:
    assert is_json(Response("http://a.example", body=body))


@pytest.mark.parametrize("body", [b"", b"[", b'[{"a": 1}', b"<html>", b"[] x", b"{'a': 1}"])
def test_no_json(body: bytes) -> None:
    assert not is_json(Response("http://a.example", body=body))


@pytest.mark.parametrize("kind", SURMOUNTABLE)
def test_each_fault_is_got_over(kind: Kind) -> None:
    """Each request may fail twice; the third answer is a good one."""
    with running_sandbox() as sandbox:
        truth = crawl("recnet-rooms", by_url(sandbox.url), hot="1")
        assert len(truth.items) == 29
        sandbox.faults = Faults(
            rate=0.6, kinds=(kind,), only="hot", drip=0.1, seed=3, retry_after="1"
        )
        result = crawl("recnet-rooms", by_url(sandbox.url), hot="1")
        injected = sum(bool(asked.fault) for asked in sandbox.log)
    assert injected
    assert result.reason == "finished"
    assert [room.id for room in result.items] == [room.id for room in truth.items]
    assert "satchel/undecodable" not in result.stats


@pytest.mark.parametrize("kind", ["status_500", "reset", "truncated", "invalid_json", "silence"])
def test_within_limits(kind: Kind) -> None:
    faults = Faults(rate=1, kinds=(kind,), only="/rooms/8200", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, RETRY_TIMES=2, DOWNLOAD_TIMEOUT=0.5)
        result = crawl("recnet-rooms", settings, ids="8200,8201", include="tags")
    assert result.reason == "finished"
    assert [room.id for room in result.items] == [8201]
    assert result.stats["retry/count"] == 2
    counted = {"status_500": "error_answers", "invalid_json": "undecodable"}
    assert result.stats[f"satchel/{counted.get(kind, 'unreachable')}"] == 1


def test_no_error_of_a_lost_answer_hides_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults(rate=1, kinds=("invalid_json",), only="/rooms/8200", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        crawl("recnet-rooms", by_url(sandbox.url), ids="8200", include="tags")
    errors = [r.getMessage() for r in caplog.records if r.name == "recnet-rooms"]
    assert errors == [f"{sandbox.url}/rooms/8200?include=8: not a Room: not JSON"]


class Repeating(scrapy.Spider):
    """Asks for the same address three times, one after the other."""

    name = "repeating"
    url: str

    async def start(self) -> AsyncIterator[Any]:
        yield scrapy.Request(self.url, cb_kwargs={"left": 2})

    def parse(self, response: Response, left: int) -> Any:
        yield {"status": response.status}
        if left:
            assert response.request is not None
            yield response.request.replace(dont_filter=True, cb_kwargs={"left": left - 1})


def test_a_request_that_was_answered_has_been_refused_no_more() -> None:
    """Three times a second, with an answer after each, is not a wait of three seconds."""
    faults = Faults(rate=1, kinds=("status_429",), only="hot", in_a_row=1)
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, SATCHEL_MAX_WAIT=1.3)
        result = crawl(Repeating, settings, url=f"{sandbox.url}/rooms/hot?take=5&skip=0")
    assert result.items == [{"status": 200}] * 3
    assert result.stats["satchel/refusals"] == 3


def components(**settings: Any) -> list[type]:
    given = {"ADDONS": ADDONS, "TWISTED_REACTOR_ENABLED": False, "SATCHEL_SANDBOX": True}
    crawler = Crawler(scrapy.Spider, Settings({**given, **settings}))
    crawler._apply_settings()
    found = crawler.settings.get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES")
    return build_component_list(found)


def test_it_stands_in_the_place_of_scrapys() -> None:
    found = components()
    assert RetryMiddleware in found
    assert ScrapyRetryMiddleware not in found


@pytest.mark.parametrize(
    "name", [ScrapyRetryMiddleware, "scrapy.downloadermiddlewares.retry.RetryMiddleware"]
)
def test_a_project_that_turned_scrapys_off_has_none(name: Any) -> None:
    found = components(DOWNLOADER_MIDDLEWARES={name: None})
    assert RetryMiddleware not in found
    assert ScrapyRetryMiddleware not in found


def test_retry_enabled_is_obeyed() -> None:
    faults = Faults(rate=1, kinds=("status_500",), only="/rooms/8200")
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, RETRY_ENABLED=False)
        result = crawl("recnet-rooms", settings, ids="8200", include="tags")
    assert result.items == []
    assert "retry/count" not in result.stats
