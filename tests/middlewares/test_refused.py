"""Refusals that only a person can do something about."""

from __future__ import annotations

from typing import Any

import pytest
from scrapy.http import Response

from answers import answering
from satchel.faults import Faults
from satchel.middlewares.refused import is_challenge, is_challenge_page
from satchel.testing import crawl, running_sandbox

HTML = {"Content-Type": "text/html; charset=utf-8"}


def response(status: int, headers: dict[str, str], body: bytes = b"") -> Response:
    return Response("http://a.example", status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {"cf-mitigated": "challenge"}, b""),
        (405, {"x-amzn-waf-action": "captcha"}, b""),
        (503, HTML, b"<!doctype html><title>Just a moment...</title>"),
        (403, HTML, b"<html><head><title>DDoS-Guard</title>"),
        (200, HTML, b"<html><script src='/cdn-cgi/challenge-platform/x.js'>"),
        (403, HTML, b" \n<html><div class='h-captcha'>"),
    ],
)
def test_challenges(status: int, headers: dict[str, str], body: bytes) -> None:
    assert is_challenge(response(status, headers, body))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Type": "application/json"}, b'[{"Name": "cf-turnstile"}]'),
        (200, HTML, b'[{"Name": "<title>just a moment"}]'),  # JSON that says it is a page
        (403, HTML, b"<html><title>403 Forbidden</title>"),
        (503, {"cf-mitigated": "no"}, b""),
        (500, HTML, b"<html><title>Just a moment...</title>"),
        (404, {"cf-mitigated": "challenge"}, b""),
    ],
)
def test_no_challenges(status: int, headers: dict[str, str], body: bytes) -> None:
    assert not is_challenge(response(status, headers, body))


@pytest.mark.parametrize(
    ("status", "headers", "body", "has_form", "expected"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", False, True),
        (200, HTML, b"<title>Just a moment...</title>", False, True),
        (503, HTML, b"<html><div class='h-captcha'>", False, True),
        (200, HTML, b"<html><div class='cf-turnstile'><form>", True, True),
        # What is on ordinary pages, too.
        (200, HTML, b"<html><div class='g-recaptcha'>", False, False),
        (200, HTML, b"<html><script src='/cdn-cgi/challenge-platform/scripts/jsd/x.js'>", True,
         False),
    ],
)  # fmt: skip
def test_challenges_on_pages(
    status: int, headers: dict[str, str], body: bytes, has_form: bool, expected: bool
) -> None:
    assert is_challenge_page(response(status, headers, body), has_form=has_form) is expected


def by_url(url: str, **settings: Any) -> dict[str, Any]:
    return {"SATCHEL_RECNET_URL": url, "SATCHEL_RECNET_PAGE_SIZE": 5, **settings}


def test_a_challenge_ends_the_crawl_and_asks_for_a_person(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = Faults(rate=1, kinds=("challenge",), only="skip=10", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url), hot="1")
        asked = sum("skip=10" in a.path for a in sandbox.log)
    assert result.reason == "challenge"
    assert len(result.items) == 10
    assert asked == 1
    (error,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert "wants to see a person" in error.getMessage()
    assert error.exc_info is None
    assert "left out" not in caplog.text


@pytest.mark.parametrize("word", ["missing", "refused"])
def test_a_key_that_is_missing_or_refused(
    word: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if word == "refused":
        monkeypatch.setenv("SATCHEL_RECNET_KEY", "abracadabra")
    with answering(lambda path: (404 if path == "/robots.txt" else 401, b"")) as url:
        result = crawl("recnet-images", by_url(url), in_room="8200,8201,8202")
    assert result.reason == "unauthorized"
    (error,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert f"the server answered 401; SATCHEL_RECNET_KEY is {word}" in error.getMessage()
    assert "SATCHEL_RECNET_KEY_FILE" in error.getMessage()
    assert "abracadabra" not in caplog.text
