"""The file that keeps sessions: whose it is, and what two crawls and a failing disk do to it."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from satchel.config import Secret
from satchel.session_file import SessionFile

HERE, THERE = "https://a.example:443", "https://b.example:443"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.json"


def test_what_is_put_is_there(path: Path) -> None:
    file = SessionFile(str(path))
    assert file.get(HERE, "me") is None
    file.put(HERE, "me", Secret("one"))
    file.put(THERE, "me", Secret("two"))
    other = SessionFile(str(path))
    assert (other.get(HERE, "me"), other.get(THERE, "me")) == (Secret("one"), Secret("two"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in path.parent.iterdir() if "lock" not in p.name) == [path.name]


def test_only_the_session_that_one_knows_is_removed(path: Path) -> None:
    file = SessionFile(str(path))
    file.put(HERE, "me", Secret("one"))
    SessionFile(str(path)).put(HERE, "me", Secret("newer"))
    file.remove(HERE, "me", Secret("one"))
    assert file.get(HERE, "me") == Secret("newer")
    file.remove(HERE, "me", Secret("newer"))
    assert file.get(HERE, "me") is None


def test_many_at_once_lose_nothing(path: Path) -> None:
    def put(number: int) -> None:
        SessionFile(str(path)).put(HERE, f"account {number}", Secret(str(number)))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(path.read_text())[HERE]) == 20


def test_a_file_that_others_come_to_read_is_left_alone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = SessionFile(str(path))
    file.put(HERE, "me", Secret("one"))
    path.chmod(0o644)
    before = path.read_bytes()
    assert file.get(HERE, "me") is None
    file.put(HERE, "me", Secret("two"))
    assert path.read_bytes() == before
    (record,) = caplog.records
    assert record.getMessage().endswith("this crawl goes on without it")
    assert "one" not in record.getMessage().split("satchel")[0]


def test_a_lock_that_somebody_holds(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satchel.session_file.LOCK_SECONDS", 0.05)
    file = SessionFile(str(path))
    with FileLock(f"{path}.lock"):
        file.put(HERE, "me", Secret("one"))
    assert "in use for long" in caplog.text
    assert not path.exists()
    file.put(HERE, "me", Secret("one"))
    assert file.get(HERE, "me") == Secret("one")
