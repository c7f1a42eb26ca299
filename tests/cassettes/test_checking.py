"""What is found in recordings before they are given away."""

from __future__ import annotations

from pathlib import Path

from satchel.cassettes.exchange import Asked, Exchange
from satchel.cassettes.segments import serialized
from satchel.cassettes.serializers import JsonSerializer
from satchel.testing import command


def test_what_a_later_exchange_shows_is_found_in_those_before(tmp_path: Path) -> None:
    session = "0123456789abcdef"
    asked = Asked("GET", "http://example.org/")
    before = Exchange(asked, 200, "OK", {}, session.encode(), "")
    after = Exchange(asked, 200, "OK", {"Set-Cookie": [f"sid={session}"]}, b"", "")
    (tmp_path / "tape.json").write_text(serialized([before, after], JsonSerializer()))
    done = command("satchel", "cassette", "check", "tape.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "exchange 1, GET http://example.org/: the value of COOKIE_sid" in done.stdout
    assert "exchange 2, GET http://example.org/: the header Set-Cookie" in done.stdout
    assert session not in done.stdout + done.stderr
