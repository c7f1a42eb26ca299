"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("SATCHEL_", "SCRAPY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "state"))
