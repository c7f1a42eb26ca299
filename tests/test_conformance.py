"""The items against what the seed documents say, by the checker beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("service", ["recnet", "kemono"])
def test_everything_documented_is_there(service: str) -> None:
    done = subprocess.run(
        [
            sys.executable, HERE / "conformance.py", "--only", service,
            "--reference", HERE / "reference",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 missing or different" in done.stdout
