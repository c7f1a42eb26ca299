"""Recorded crawls of the sandbox, for tests to which a running server adds nothing.

``python tests/support/recorded.py`` records all of them anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from satchel.testing import crawl

FOLDER = Path(__file__).parent.parent / "cassettes" / "recorded"
CRAWLS: dict[str, tuple[str, dict[str, str]]] = {
    "top-creators": ("recnet-accounts", {"top_creators": "1"}),
    "search": ("recnet-accounts", {"search": "a"}),
}
"""Cassette → spider and arguments."""


def replay(name: str) -> dict[str, Any]:
    """The settings that replay one of the crawls, at any privacy level."""
    return {
        "SATCHEL_RECNET_URL": "http://sandbox",
        "SATCHEL_CASSETTE": name,
        "SATCHEL_CASSETTE_FOLDER": str(FOLDER),
        "SATCHEL_CASSETTE_FORMAT": "readable",
        "SATCHEL_CASSETTE_MODE": "none",
    }


def record(folder: Path) -> None:
    """Record all crawls."""
    for name, (spider, arguments) in CRAWLS.items():
        settings = {
            "SATCHEL_SANDBOX": True,
            # The world is synthetic, and what each level withholds is what some tests are about.
            "SATCHEL_PRIVACY": "off",
            "SATCHEL_CASSETTE": name,
            "SATCHEL_CASSETTE_FOLDER": str(folder),
            "SATCHEL_CASSETTE_FORMAT": "readable",
        }
        assert crawl(spider, settings, **arguments).reason == "finished"


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    record(FOLDER)
