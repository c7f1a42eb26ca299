"""What a crawl came to: the rules, and real crawls that end each way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import scrapy
from scrapy.exceptions import CloseSpider, DropItem, IgnoreRequest

from satchel.faults import Faults
from satchel.reasons import Reason
from satchel.recnet import Account
from satchel.testing import Crawl, command, crawl, project, running_sandbox
from satchel.verdict import EXIT_STATUS, Verdict, judge

SANDBOX = {"SATCHEL_SANDBOX": True}


@pytest.mark.parametrize(
    ("reason", "stats", "words"),
    [
        ("finished", {}, "complete"),
        ("finished", {"satchel/absent": 3, "item_dropped_count": 2}, "complete"),
        ("finished", {"satchel/store/unknown_type": 2, "log_count/ERROR": 1}, "complete"),
        ("finished", {"httperror/response_ignored_count": 3,
                      "httperror/response_ignored_status_count/404": 2,
                      "httperror/response_ignored_status_count/410": 1}, "complete"),
        ("closespider_itemcount", {}, "complete"),
        ("closespider_timeout", {}, "complete"),
        ("closespider_pagecount", {}, "complete"),
        ("closespider_itemcount", {"satchel/undecodable": 1},
         "incomplete: 1 answer or row that could not be read"),
        ("finished", {"satchel/unreachable": 1200},
         "incomplete: 1,200 requests that nobody answered"),
        ("finished", {"satchel/error_answers": 2, "httperror/response_ignored_count": 2},
         "incomplete: 2 answers with an error status"),
        ("finished", {"httperror/response_ignored_count": 1},
         "incomplete: 1 answer with an error status"),
        ("finished", {"satchel/not_offered": 1, "satchel/left_out": 2},
         "incomplete: 1 answer that the server does not offer this, 2 requests that were not made"),
        ("finished", {"satchel/repeating_listings": 1},
         "incomplete: 1 listing left because the server repeated itself"),
        ("finished", {"satchel/store/failed": 1}, "incomplete: 1 item not stored"),
        ("finished", {"satchel/actions/sending": 1, "satchel/actions/done": 2},
         "incomplete: 1 action that was sent without an answer, and is to be looked up"),
        ("finished", {"satchel/item_errors": 1}, "incomplete: 1 item lost to an error"),
        ("finished", {"spider_exceptions/count": 2}, "incomplete: 2 errors in the spider"),
        ("finished", {"satchel/plugins/mine/errors": 2}, "incomplete: 2 errors of plugin mine"),
        ("finished", {"feedexport/failed_count/FileFeedStorage": 1},
         "incomplete: 1 feed that was not written"),
        ("finished", {"downloader/request_count": 4}, "failed: nobody answered"),
        ("start_error", {}, "failed: the spider's start failed"),
        ("closespider_errorcount", {}, "failed: closespider_errorcount"),
        ("closespider_timeout_no_item", {}, "failed: closespider_timeout_no_item"),
        ("cancelled", {}, "failed: cancelled"),
        ("memusage_exceeded", {}, "failed: memusage_exceeded"),
        ("shutdown", {"satchel/undecodable": 1}, "interrupted: it was stopped"),
        ("", {}, "interrupted: it was forced to stop"),
    ],
)  # fmt: skip
def test_rules(reason: str, stats: Mapping[str, Any], words: str) -> None:
    assert str(judge(reason, stats)) == words


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_of_satchels_own_is_a_failure_with_words(reason: Reason) -> None:
    verdict, (why,) = judge(reason.value, {})
    assert verdict is Verdict.FAILED
    assert " " in why


@pytest.mark.parametrize("reason", ["", "shutdown"])
def test_a_crawl_that_could_not_begin_was_not_interrupted(reason: str) -> None:
    assert str(judge(reason, {}, began=False)) == "failed: it could not begin"


def test_each_verdict_has_an_exit_status_of_its_own() -> None:
    assert set(EXIT_STATUS) == set(Verdict)
    assert len(set(EXIT_STATUS.values()) | {2}) == len(Verdict) + 1


def verdict(result: Crawl) -> str:
    return str(result.stats["satchel/verdict"])


# Real crawls


def by_url(url: str) -> dict[str, Any]:
    slots = {"127.0.0.1": {"delay": 0, "concurrency": 8}}
    return {"SATCHEL_RECNET_URL": url, "DOWNLOAD_SLOTS": slots, "RETRY_TIMES": 0}


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, {"hot": "1"}),
        ({}, {"hot": "1", "limit": "3"}),
        ({}, {"ids": "8200,1"}),
        ({"CLOSESPIDER_ITEMCOUNT": 1}, {"hot": "1"}),
    ],
)
def test_complete(settings: dict[str, Any], arguments: dict[str, str]) -> None:
    assert verdict(crawl("recnet-rooms", {**SANDBOX, **settings}, **arguments)) == "complete"


@pytest.mark.parametrize(
    ("faults", "stat"),
    [
        (Faults(rate=1, kinds=("status_500",), only="skip=[1-9]", in_a_row=None), "error_answers"),
        (Faults(rate=1, kinds=("reset",), only="skip=[1-9]", in_a_row=None), "unreachable"),
        (Faults(rate=1, kinds=("invalid_json",), only="skip=[1-9]", in_a_row=None), "undecodable"),
        (Faults(rate=1, kinds=("repeat",), only="/rooms/hot", in_a_row=None), "repeating_listings"),
    ],
)
def test_incomplete(faults: Faults, stat: str) -> None:
    with running_sandbox(faults=faults) as sandbox:
        settings = {**by_url(sandbox.url), "SATCHEL_RECNET_PAGE_SIZE": 20}
        result = crawl("recnet-rooms", settings, hot="1")
    assert result.stats[f"satchel/{stat}"] == 1
    assert verdict(result) == "incomplete"


def test_what_the_server_does_not_offer_is_missing() -> None:
    dialect = {**SANDBOX, "SATCHEL_RECNET_DIALECT": "public"}
    assert verdict(crawl("recnet-inventions", dialect, featured="1")) == "incomplete"


class Forbidden:
    def process_request(self, request: Any) -> None:
        if "rooms/hot" in request.url:
            raise IgnoreRequest("by robots.txt")


def test_what_is_left_out_is_missing() -> None:
    settings = {**SANDBOX, "DOWNLOADER_MIDDLEWARES": {Forbidden: 1}}
    result = crawl("recnet-rooms", settings, ids="8200", hot="1")
    assert result.stats["satchel/left_out"] == 1
    assert verdict(result) == "incomplete"


def test_a_server_that_is_not_there_is_a_failure() -> None:
    result = crawl("recnet-rooms", by_url("http://127.0.0.1:1"), hot="1")
    assert (result.reason, verdict(result)) == ("unreachable", "failed")


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        yield Account.from_data({"accountId": 1, "username": "a"})


class Broken(Own):
    def parse(self, response: Any) -> Any:
        raise RuntimeError


class Ends(Own):
    def parse(self, response: Any) -> Any:
        raise CloseSpider("enough")


class NeverStarts(Own):
    async def start(self) -> Any:
        raise RuntimeError
        yield


class NobodyAnswers(Own):
    start_urls = ["http://127.0.0.1:1/"]  # noqa: RUF012
    custom_settings = {"RETRY_ENABLED": False, "ROBOTSTXT_OBEY": False}  # noqa: RUF012


@pytest.mark.parametrize(
    ("spider", "reason", "expected"),
    [
        (Own, "finished", "complete"),
        (Broken, "finished", "incomplete"),
        (Ends, "enough", "failed"),
        (NeverStarts, "start_error", "failed"),
        (NobodyAnswers, "finished", "failed"),
    ],
)
def test_a_projects_own_spider(spider: type[Own], reason: str, expected: str) -> None:
    result = crawl(spider)
    assert (result.reason, verdict(result)) == (reason, expected)


class Drops:
    def process_item(self, item: Any) -> Any:
        raise DropItem("not wanted")


class Loses:
    def process_item(self, item: Any) -> Any:
        raise RuntimeError


def test_an_item_that_is_dropped_is_not_missing_and_one_that_is_lost_is() -> None:
    assert verdict(crawl(Own, {"ITEM_PIPELINES": {Drops: 500}})) == "complete"
    assert verdict(crawl(Own, {"ITEM_PIPELINES": {Loses: 500}})) == "incomplete"


class FullDisk:
    """A feed's file that takes nothing."""

    def __init__(self, file: Any, fields_to_export: Any = None, **kwargs: Any) -> None:
        pass

    def start_exporting(self) -> None:
        pass

    def export_item(self, item: Any) -> None:
        raise OSError(28, "No space left on device")

    def finish_exporting(self) -> None:
        pass


class NoStorage:
    """A feed's place that fails when the feed is to be kept."""

    def __init__(self, uri: str, *, feed_options: Any = None) -> None:
        pass

    def open(self, spider: Any) -> Any:
        return io.BytesIO()

    def store(self, file: Any) -> None:
        raise OSError(28, "No space left on device")


def test_a_feed_that_cannot_be_written_is_missing(tmp_path: Path) -> None:
    feeds = {str(tmp_path / "items.own"): {"format": "own"}}
    result = crawl(Own, {"FEEDS": feeds, "FEED_EXPORTERS": {"own": FullDisk}})
    assert result.stats["satchel/extension_errors"] == 1
    assert verdict(result) == "incomplete"


def test_a_feed_that_cannot_be_kept_is_missing() -> None:
    feeds = {"own://items.jsonl": {"format": "jsonlines"}}
    result = crawl(Own, {"FEEDS": feeds, "FEED_STORAGES": {"own": NoStorage}})
    assert result.stats["feedexport/failed_count/NoStorage"] == 1
    assert verdict(result) == "incomplete"


@pytest.mark.parametrize(
    ("uri", "feed", "why"),
    [
        ("items.jsonl", {"format": "jsonlnes"}, "Unknown feed format: jsonlnes"),
        ("nowhere://items", {"format": "jsonlines"}, "Unknown feed storage scheme: nowhere"),
    ],
)
def test_feeds_that_cannot_be_set_up_stop_the_crawl(
    uri: str, feed: dict[str, Any], why: str, tmp_path: Path
) -> None:
    feeds = {uri: feed}
    home = project(tmp_path / "p", [f"FEEDS = {feeds!r}", "SATCHEL_SANDBOX = True"])
    done = command("scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-L", "ERROR", cwd=home)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert why in first
    assert "FEEDS: nothing would be written, for the reason above" in second


def test_feeds_that_are_turned_off_stop_nothing() -> None:
    off = {"scrapy.extensions.feedexport.FeedExporter": None}
    result = crawl(Own, {"FEEDS": {"x.no": {"format": "no"}}, "EXTENSIONS": off})
    assert result.stats["satchel/verdict"] == "complete"


def test_a_feed_whose_file_cannot_be_opened_is_told_without_a_traceback(tmp_path: Path) -> None:
    home = project(tmp_path / "p", ["SATCHEL_SANDBOX = True"])
    feed = ("-O", "scrapy.cfg/rooms.jsonl")  # below a file
    done = command("scrapy", "crawl", "recnet-rooms", "-a", "hot=1", *feed, cwd=home)
    assert done.returncode == 3
    assert "a feed is not written: [Errno 20] Not a directory: 'scrapy.cfg" in done.stderr
    assert "Traceback" not in done.stderr
