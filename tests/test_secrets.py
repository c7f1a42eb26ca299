"""No secret gets where others see it: what is one, and what a spider does that is given one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from satchel.errors import ArgumentError
from satchel.secrets import has_password, looks_secret, refuse
from satchel.testing import command, crawl, project

KEY = "abracadabra-5"
SANDBOX = {"SATCHEL_SANDBOX": True}


@pytest.mark.parametrize(
    "name", ["password", "api_key", "apiKey", "SATCHEL_RECNET_KEY", "AWS_SECRET_ACCESS_KEY",
             "session", "Cookie", "auth-token", "FTP_PASSWORD", "MAIL_PASS"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name", ["SATCHEL_RECNET_KEY_FILE", "keyword", "passage", "monkey", "author", "LOG_LEVEL", "_"]
)
def test_names_of_others(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("postgresql://me:pw@host/x", True),
        ("postgresql:///x?host=h&password=pw", True),
        ("postgresql://me@host/x", False),
        ("https://site.example:80/@me", False),
        ("http://[::1]:80/", False),
    ],
)
def test_addresses_with_a_password(text: str, is_one: bool) -> None:
    assert has_password(text) == is_one


def test_a_secret_is_found_in_other_texts_unless_it_is_short() -> None:
    refuse("s", {"search": "hot", "_job": "x"}, ["hot", KEY])
    with pytest.raises(ArgumentError, match=r"^s: search=…: there is a secret in it"):
        refuse("s", {"search": f"x{KEY}x"}, [KEY])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key", "x"),
        ("limit", KEY),
        ("hot", "vx-crystal"),
        ("names", "http://me:pw@site.example/"),
    ],
)
def test_a_spider_refuses_it_and_does_not_show_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", KEY)
    accounts = '[{"name": "m", "password": "vx-crystal"}]'
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts)
    arguments: dict[str, Any] = {"hot": "1", name: value}
    with pytest.raises(ArgumentError) as caught:
        crawl("recnet-rooms", SANDBOX, **arguments)
    assert str(caught.value).startswith(f"recnet-rooms: {name}=…: ")
    assert value not in str(caught.value).replace(name, "")


def test_a_job_of_scrapyd_refuses_it_in_its_settings_too(tmp_path: Path) -> None:
    project(tmp_path)

    def line(*words: str) -> str:
        given = ("crawl", "recnet-rooms", "-a", "hot=1", "-s", "SATCHEL_SANDBOX=1", "-L", "ERROR")
        store = "SATCHEL_STORE=postgresql://me:abracadabra@127.0.0.1:1/x"
        done = command("scrapy", *given, "-s", store, *words, cwd=tmp_path)
        assert done.returncode == 1
        assert "abracadabra" not in done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        return line

    assert "SATCHEL_STORE=…: there is a secret in it" in line("-a", "_job=1")
    assert "connection failed" in line()  # By hand, it is that person's own business.
