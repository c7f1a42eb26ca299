from __future__ import annotations

from pathlib import Path

import pytest

from satchel.faults import Faults
from satchel.recnet import Account
from satchel.testing import command, crawl, running_sandbox
from satchel_library import Author, Book

SANDBOX = {"SATCHEL_SANDBOX": True}


def test_books_with_their_authors() -> None:
    result = crawl("library-books", SANDBOX, all="1", include="author")
    books = [item for item in result.items if isinstance(item, Book)]
    assert len(books) == 120
    assert result.stats["satchel/verdict"] == "complete"
    assert all(book.author.id == book.author_id for book in books)
    assert all(book.subjects == sorted(book.subjects) for book in books)
    # Pages of 50, the empty one, robots.txt, and the authors, 40 at once.
    assert result.stats["downloader/request_count"] == 4 + 1 + 2


def test_the_living_keep_their_year_of_birth() -> None:
    result = crawl("library-books", SANDBOX, all="1", include="author")
    authors = [item for item in result.items if isinstance(item, Author)]
    assert {item.born is None for item in authors} == {True, False}
    assert all((item.born is None) == (item.died is None) for item in authors)


def test_a_recording_replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = {**SANDBOX, "SATCHEL_CASSETTE": "tape", "SATCHEL_CASSETTE_FOLDER": str(tmp_path)}
    replay = {**tape, "SATCHEL_CASSETTE_MODE": "none"}
    live = crawl("library-books", tape, all="1", include="author")
    # Authors are asked for in other company now.
    monkeypatch.setattr("satchel.loading.MANY", 7)
    again = crawl("library-books", replay, all="1", include="author")
    assert again.stats["satchel/verdict"] == "complete"
    assert again.stats["downloader/request_count"] != live.stats["downloader/request_count"]
    assert sorted(map(repr, again.items)) == sorted(map(repr, live.items))


def test_players_who_write() -> None:
    result = crawl("recnet-accounts", SANDBOX, ids="7001,7002,7003", include="author")
    players = {item.id for item in result.items if isinstance(item, Account) and not item.is_junior}
    assert {item.player_id for item in result.items if isinstance(item, Author)} == players
    assert players


def test_a_server_that_fails_now_and_then() -> None:
    with running_sandbox(faults=Faults(rate=0.3, only="/library", seed=2)) as sandbox:
        url = f"{sandbox.url}/library"
        result = crawl("library-books", {"SATCHEL_LIBRARY_URL": url}, all="1")
    assert len(result.items) == 120
    assert result.stats["retry/count"] > 0
    assert result.stats["satchel/verdict"] == "complete"


def test_it_is_stored_and_listed(tmp_path: Path) -> None:
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = satchel.settings\n")
    words = ["crawl", "library-books", "-a", "all=1", "-a", "include=author", "-s"]
    done = command("scrapy", *words, "SATCHEL_SANDBOX=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "120" in done.stderr
    shown = command("satchel", "items", "library_book", "--json", "--limit=1", cwd=tmp_path)
    assert '"author": ' in shown.stdout
    assert "by_author" in command("satchel", "spiders", "library-books", cwd=tmp_path).stdout
