"""Each bench runs and prints its table. What it measures is for a quiet machine to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from browsers import needs_browser

BENCH = Path(__file__).parent.parent / "bench"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["crawl.py", "--images=250", "--runs=1"],
            ["250 images", "CPU µs/item", "bare, log level INFO", "bare, tuned", "satchel"],
        ),
        pytest.param(
            ["browser.py", "--pages=4", "--crawls=1"],
            [
                "Memory in MB",
                "driver  Chromium",
                "Left of 2 crawls: 0 processes, 0 temporary files",
            ],
            marks=needs_browser,
        ),
        (
            ["cassette.py", "--exchanges=40", "--many=80", "--runs=1", "--latency=0"],
            ["40 exchanges", "sandbox, recorded", "replayed", "this / sandbox", "this / first"],
        ),
        (["decode.py", "--passes=1"], ["ratio", "accounts, legacy", "rooms", "images, public"]),
        (
            ["kemono.py", "--posts=130", "--runs=1", "--latency=0"],
            ["130 posts", "one after another", "gallery-dl", "bare Scrapy", "satchel / this"],
        ),
        (["memory.py", "--small=100", "--large=250"], ["growth", "bare", "satchel"]),
        (
            ["relations.py", "--images=250", "--many=500", "--runs=1", "--latency=0"],
            ["pages of 64", "pages of 1000", "by hand", "satchel, by images", "peak MB"],
        ),
        (
            ["store.py", "--rows=2000", "--runs-before=7", "--images=250", "--runs=1"],
            ["2,000 rows", "new ids behind", "new ids between", "stored ids again"],
        ),
        (
            ["plugins.py", "--images=250", "--runs=1"],
            ["stored in SQLite", "without a store", "this / none", "ten that look at every item"],
        ),
        (["quota.py", "--players=3", "--rate=200"], ["A quota of 200", "most in a second", "used"]),
    ],
)
def test_bench_prints_its_table(words: list[str], shown: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCH / words[0], *words[1:]],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    # Whether the figures are as wanted is for a quiet machine to say.
    assert done.returncode == 0 or (words[0] == "quota.py" and done.returncode == 1), done.stderr
    for text in shown:
        assert text in done.stdout
    assert not list(tmp_path.iterdir())
