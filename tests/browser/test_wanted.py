"""How the browser is started, without starting one."""

from __future__ import annotations

import logging
import os

import pytest
from scrapy.settings import Settings

from satchel.browser import wanted
from satchel.config import Config


@pytest.mark.parametrize(("user", "has_sandbox"), [(0, False), (1000, True)])
def test_only_root_goes_without_the_sandbox_of_the_browser_and_is_told(
    user: int,
    has_sandbox: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    settings = Settings()
    with caplog.at_level(logging.WARNING):
        wanted.prepare(Config(), settings)
    assert settings["PLAYWRIGHT_LAUNCH_OPTIONS"]["chromium_sandbox"] is has_sandbox
    assert caplog.text.count("this runs as root, and Chromium has no sandbox") == (user == 0)
