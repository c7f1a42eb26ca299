"""The crawl's figures as JSON, for those who schedule: set ``SATCHEL_STATS_FILE``."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct
from scrapy.crawler import Crawler

import satchel
from satchel import RequestInfo, ResponseInfo, hookimpl


class Settings(Struct, frozen=True, kw_only=True):
    file: Annotated[
        str,
        Meta(
            description="A file that gets the crawl's figures as JSON; `-`: standard output; "
            "empty: none does."
        ),
    ] = ""

    @property
    def enabled(self) -> bool:
        return bool(self.file)


@hookimpl
def satchel_settings() -> type[Struct]:
    """Where the figures go."""
    return Settings


class Stats:
    """Writes what is known when the crawl begins, and all of it when it has ended.

    So a crawl that was killed leaves the verdict ``running``, and no figures of the one before it.
    """
