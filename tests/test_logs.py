"""What Scrapy logs about items."""

from __future__ import annotations

import logging

import pytest

from recorded import replay
from satchel.testing import crawl


def test_no_item_is_printed_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = {**replay("top-creators"), "LOG_LEVEL": "DEBUG"}
    result = crawl("recnet-accounts", settings, top_creators="1")
    assert result.items
    assert "Crawled (200)" in caplog.text
    assert "Scraped from" not in caplog.text
    names = [item.username for item in result.items if item.username]
    assert names
    assert not any(name in caplog.text for name in names)


def test_a_project_may_have_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    formatter = {"LOG_FORMATTER": "scrapy.logformatter.LogFormatter"}
    crawl("recnet-accounts", {**replay("top-creators"), **formatter}, top_creators="1")
    assert "Scraped from" in caplog.text
