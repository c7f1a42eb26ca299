"""The garbage collector during a crawl."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import scrapy

from satchel.collector import PYTHONS_OWN, RARE
from satchel.testing import crawl


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        yield {"threshold": gc.get_threshold()}


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*PYTHONS_OWN)
    yield
    gc.set_threshold(*before)


def test_rare_during_the_crawl_only() -> None:
    assert crawl(Own).items == [{"threshold": RARE}]
    assert gc.get_threshold() == PYTHONS_OWN


def test_thresholds_of_somebody_else_stay() -> None:
    gc.set_threshold(1000, 20, 20)
    assert crawl(Own).items == [{"threshold": (1000, 20, 20)}]
    assert gc.get_threshold() == (1000, 20, 20)


def test_can_be_turned_off() -> None:
    settings = {"EXTENSIONS": {"satchel.collector.RareCollections": None}}
    assert crawl(Own, settings).items == [{"threshold": PYTHONS_OWN}]
