"""Quotas and pauses, in one process and in several at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from scrapy.http import Response

from satchel.config import Secret
from satchel.errors import ConfigError
from satchel.service import Pace
from satchel.throttle import (
    LONGEST_PAUSE,
    OFF,
    CrawlEnds,
    Lane,
    Quota,
    Throttle,
    TooLong,
    check_names,
    retry_after,
)


async def goes_on(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return True


def lane(quota: Quota, rate: str = OFF, **options: Any) -> Lane:
    given = {"concurrency": 8, "max_wait": 10.0, "pause": 1.0, "wait": goes_on, **options}
    return Lane("a.example", rate, quota, **given)


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        return await main()

    return asyncio.run(whole())


def response(status: int, **headers: str) -> Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response("http://a.example/", status=status, headers=given)


# Retry-After


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("2.5", 2.5), (" 3 ", 3), ("0", 1), ("-4", 1), ("1e30", LONGEST_PAUSE)],
)
def test_retry_after_in_seconds(said: str, seconds: float) -> None:
    for status in (403, 429, 503):
        assert retry_after(response(status, Retry_After=said)) == seconds


def test_retry_after_as_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=600)
    for said in (format_datetime(moment, usegmt=True), moment.strftime("%a, %d %b %Y %H:%M:%S")):
        seconds = retry_after(response(429, Retry_After=said))
        assert seconds == pytest.approx(600, abs=20)


@pytest.mark.parametrize("said", ["", "soon", "nan", "inf", "Mon, 99 Foo 2023"])
def test_retry_after_that_says_nothing(said: str) -> None:
    assert retry_after(response(403, Retry_After=said)) is None


def test_no_refusal() -> None:
    assert retry_after(response(403)) is None
    assert retry_after(response(200, Retry_After="7")) is None
    assert retry_after(response(404, Retry_After="7")) is None


# Quotas


TAKER = """
import time
from pathlib import Path
from satchel.throttle import Quota

def take(folder, calls, rate="50/second"):
    quota = Quota.open(folder, "a.example", rate)
    moments = []
    while len(moments) < calls:
        if delay := quota.take():
            time.sleep(delay)
        else:
            moments.append(time.time())
    quota.close()
    return moments
"""
"""Makes the moments at which so many permits were taken."""

_scope: dict[str, Any] = {}
exec(TAKER, _scope)
take: Callable[..., list[float]] = _scope["take"]


def most_in(moments: list[float], seconds: float) -> int:
    """The most moments in any window of so many seconds."""
    return max(sum(start <= m < start + seconds for m in moments) for start in moments)


@pytest.mark.parametrize("shared", [True, False])
def test_a_quota_is_kept_and_spread(shared: bool, tmp_path: Path) -> None:
    moments = take(tmp_path if shared else None, 70)
    assert most_in(moments, 1) <= 51
    # Evenly: a tenth of a second has no more than its share.
    assert most_in(moments, 0.1) <= 8


def test_a_high_rate_is_kept_too(tmp_path: Path) -> None:
    assert most_in(take(tmp_path, 300, "1000/second"), 0.1) <= 130


def test_a_quota_is_shared_by_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{TAKER}\nprint(take(Path({str(tmp_path)!r}), 25))"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    taken = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    moments = sorted(moment for part in taken for moment in part)
    assert len(moments) == 75
    assert most_in(moments, 1) <= 51
    assert most_in(moments, 0.1) <= 8


def test_what_one_crawl_took_the_next_one_has_not(tmp_path: Path) -> None:
    first = Quota.open(tmp_path, "a.example", "1/minute")
    second = Quota.open(tmp_path, "a.example", "1/minute")
    other = Quota.open(tmp_path, "b.example", "1/minute")
    assert first.take() == 0
    assert 50 < second.take() <= 60
    assert other.take() == 0
    for quota in (first, second, other):
        quota.close()


def test_a_clock_that_was_set_back_holds_nobody_up(tmp_path: Path) -> None:
    quota = Quota.open(tmp_path, "a.example", "50/second")
    assert quota.take() == 0
    with sqlite3.connect(tmp_path / "a.example.sqlite") as database:
        database.execute("UPDATE rate_bucket SET item_timestamp = item_timestamp + 3600000")
    database.close()
    quota.take()
    assert 0 < quota.take() < 1
    assert (quota.take(), quota.take()) == (0, 0)
    quota.close()


def test_the_file_does_not_grow(tmp_path: Path) -> None:
    take(tmp_path, 450, "1000/second")
    with sqlite3.connect(tmp_path / "a.example.sqlite") as database:
        (rows,) = database.execute("SELECT count(*) FROM rate_bucket").fetchone()
    database.close()
    assert rows < 150


def test_only_the_owner_sees_the_folder(tmp_path: Path) -> None:
    throttle({}, tmp_path / "new" / "state").close()
    assert (tmp_path / "new" / "state").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"SATCHEL_STATE: .*give a folder that can be written"):
        throttle({}, tmp_path / "file")
    with pytest.raises(ConfigError, match=r"SATCHEL_STATE: .*give a folder that can be written"):
        Quota.open(tmp_path / "file", "a.example", "1/second")


# Pauses


@pytest.mark.parametrize("shared", [True, False])
def test_a_pause(shared: bool, tmp_path: Path) -> None:
    quota = Quota.open(tmp_path if shared else None, "a.example", OFF)
    assert quota.paused() <= 0
    quota.pause(60)
    quota.pause(10)
    assert 59 < quota.paused() <= 60


def test_a_pause_holds_for_all_crawls(tmp_path: Path) -> None:
    Quota.open(tmp_path, "a.example", OFF).pause(60)
    assert Quota.open(tmp_path, "a.example", OFF).paused() > 59
    assert Quota.open(tmp_path, "b.example", OFF).paused() <= 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "a.example.pause",
        "a.example.pause.lock",
    }


def test_of_two_pauses_at_once_the_longer_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One crawl finds no pause, another writes a long one, and then the first writes its own."""
    long, short = (Quota.open(tmp_path, "a.example", OFF) for _ in range(2))
    write, others = Quota._write, []

    def late(quota: Quota, path: Path) -> None:
        if not others:
            others.append(threading.Thread(target=long.pause, args=(60,)))
            others[0].start()
            others[0].join(0.5)
        write(quota, path)

    monkeypatch.setattr(Quota, "_write", late)
    short.pause(10)
    others[0].join()
    assert Quota.open(tmp_path, "a.example", OFF).paused() > 59


def test_a_pause_that_another_crawl_makes_longer_is_seen(tmp_path: Path) -> None:
    one, other = (Quota.open(tmp_path, "a.example", OFF) for _ in range(2))
    for seconds in range(10, 100, 10):
        one.pause(seconds)
        assert other.paused() > seconds - 1


@pytest.mark.parametrize("text", ["", "soon", "9e99"])
def test_a_spoiled_file_is_no_pause(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.example.pause").write_text(text)
    assert Quota.open(tmp_path, "a.example", OFF).paused() <= 0


# Lanes


def test_all_wait_for_one_pause_once() -> None:
    async def main() -> tuple[float, Lane]:
        begin = time.monotonic()
        found = lane(Quota.open(None, "", OFF))
        found.pause(0.3)
        found.pause(0.2)
        await asyncio.gather(*(found.enter() for _ in range(5)))
        return time.monotonic() - begin, found

    elapsed, found = run(main)
    assert elapsed >= 0.3
    assert 0.3 <= found.waited.paused < 0.6  # five times would be 1.5
    assert found.waited.pauses == 1
    assert found.requests == 5
    found.close()


def test_concurrency() -> None:
    async def main() -> int:
        found = lane(Quota.open(None, "", OFF), concurrency=2)
        under_way = most = 0

        async def request() -> None:
            nonlocal under_way, most
            await found.enter()
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            found.leave()

        await asyncio.gather(*(request() for _ in range(7)))
        assert found.waiting == 0
        found.close()
        return most

    assert run(main) == 2


def test_one_who_stops_waiting_keeps_nothing() -> None:
    async def main() -> None:
        found = lane(Quota.open(None, "", OFF), concurrency=1, max_wait=100.0)
        found.pause(60)
        waiting = asyncio.ensure_future(found.enter())
        await asyncio.sleep(0.05)
        assert found.waiting == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert found.waiting == 0
        found.quota = Quota.open(None, "", OFF)
        await asyncio.wait_for(found.enter(), 5)
        found.close()

    run(main)


def test_too_long_a_pause() -> None:
    async def main() -> None:
        found = lane(Quota.open(None, "", OFF), max_wait=5.0)
        found.pause(6)
        with pytest.raises(TooLong):
            await found.enter()
        found.close()

    run(main)


def test_pauses_in_a_row_add_up_until_there_is_an_answer() -> None:
    async def main() -> None:
        found = lane(Quota.open(None, "", OFF), max_wait=0.5)
        for _ in range(3):
            found.pause(0.3)
            await found.enter()
            found.answered()
        found.pause(0.3)
        await found.enter()
        found.pause(0.3)
        with pytest.raises(TooLong):
            await found.enter()
        found.close()

    run(main)


def test_the_end_of_the_crawl_ends_the_wait() -> None:
    async def ends(seconds: float) -> bool:
        return False

    async def main() -> None:
        found = lane(Quota.open(None, "", OFF), wait=ends)
        found.pause(5)
        with pytest.raises(CrawlEnds):
            await found.enter()
        found.close()

    run(main)


# Which quota


def throttle(
    rates: dict[str, str], folder: Path | None = None, key: Secret | None = None
) -> Throttle:
    paces = {
        "a.example": Pace("30/second", 8, ("apim",)),
        "b.example:81": Pace("10000/hour", 2, ("rooms", "clubs")),
    }
    return Throttle(
        rates, paces, folder=folder, secrets={"a.example": key} if key else {},
        max_wait=1, pause=1, concurrency=2, wait=goes_on,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rates", "url", "rate"),
    [
        ({}, "http://a.example/x", "30/second"),
        ({}, "https://b.example:81/x", "10000/hour"),
        ({}, "https://b.example/x", OFF),
        ({"*": "1/second"}, "https://c.example/x", "1/second"),
        ({"*": "1/second"}, "https://a.example/x", "1/second"),
        ({"*": "1/second", "apim": OFF}, "https://a.example/x", OFF),
        ({"rooms": "5/second", "clubs": "2/second"}, "http://b.example:81/", "2/second"),
        ({"rooms": OFF, "clubs": "2/second"}, "http://b.example:81/", "2/second"),
        ({"apim": "1/second", "A.example": "9/day"}, "http://a.example/", "9/day"),
        ({"b.example": "9/day", "rooms": "1/second"}, "http://b.example:81/", "9/day"),
        ({"b.example:81": "8/day", "b.example": "9/day"}, "http://b.example:81/", "8/day"),
    ],
)
def test_which_rate(rates: dict[str, str], url: str, rate: str) -> None:
    found = throttle(rates)
    assert found.lane(url).rate == rate
    assert found.lane(url) is found.lane(url)
    assert len(found.lanes) == 1
    found.close()


def test_two_keys_have_a_quota_each_and_neither_shows(tmp_path: Path) -> None:
    one = throttle({"*": "1/minute"}, tmp_path, key=Secret("abracadabra"))
    two = throttle({"*": "1/minute"}, tmp_path, key=Secret("open sesame"))
    again = throttle({"*": "1/minute"}, tmp_path, key=Secret("abracadabra"))
    assert one.lane("http://a.example/").quota.take() == 0
    assert two.lane("http://a.example/").quota.take() == 0
    assert again.lane("http://a.example/").quota.take() > 0
    for found in (one, two, again):
        found.close()
    for path in tmp_path.iterdir():
        assert "abracadabra" not in path.name
        assert b"abracadabra" not in path.read_bytes()


def test_names_in_rates() -> None:
    check_names({"*": OFF, "apim": OFF, "localhost": OFF, "x.example": OFF, "h:8": OFF}, ["apim"])
    with pytest.raises(ConfigError, match="SATCHEL_RATES: apin is no host; did you mean apim"):
        check_names({"apin": OFF}, ["apim"])


def test_no_thread_is_left() -> None:
    before = threading.enumerate()
    found = throttle({"*": "50/second"})
    run(found.lane("http://a.example/").enter)
    assert len(threading.enumerate()) > len(before)
    found.close()
    assert threading.enumerate() == before


def test_a_damaged_file_is_found_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "a.example.sqlite").write_text("no database" * 100)
    with pytest.raises(ConfigError, match=r"a.example.sqlite: .*; delete a.example.sqlite"):
        throttle({}, tmp_path)


def test_a_file_that_fails_leaves_the_crawl_its_own_quota(tmp_path: Path) -> None:
    async def main() -> None:
        found = lane(Quota.open(tmp_path, "a.example", "50/second"), "50/second")
        await found.enter()
        with sqlite3.connect(tmp_path / "a.example.sqlite") as database:
            database.execute("DROP TABLE rate_bucket")
        database.close()
        await asyncio.wait_for(found.enter(), 10)
        found.close()

    run(main)


FREEZER = """
import os, signal, sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextlib.contextmanager
def frozen(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped while it has the lock of a quota's file."""
    words = [sys.executable, "-c", FREEZER, str(folder / "a.example.sqlite.lock")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def _short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satchel.throttle._TRY", 0.02)


@pytest.mark.usefixtures("_short_tries")
def test_a_crawl_that_is_frozen_with_the_lock_is_waited_for_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quota = Quota.open(tmp_path, "a.example", "50/second")

    async def main() -> None:
        found = lane(quota, "50/second")
        waiting = asyncio.ensure_future(found.enter())
        while not caplog.records:
            await asyncio.sleep(0.01)
        assert not waiting.done()
        other.kill()
        await asyncio.wait_for(waiting, 30)
        found.close()

    with frozen(tmp_path) as other:
        run(main)
    (record,) = caplog.records
    assert "a.example.sqlite.lock: another crawl, frozen or stopped, has held" in record.message


@pytest.mark.usefixtures("_short_tries")
def test_the_end_of_the_crawl_does_not_wait_for_one_that_is_frozen(tmp_path: Path) -> None:
    quota = Quota.open(tmp_path, "a.example", "50/second")

    async def ends(seconds: float) -> bool:
        return False

    async def main() -> None:
        found = lane(quota, "50/second", wait=ends)
        with pytest.raises(CrawlEnds):
            await asyncio.wait_for(found.enter(), 30)
        found.close()

    with frozen(tmp_path):
        run(main)


@pytest.mark.usefixtures("_short_tries")
def test_a_lock_that_is_held_at_the_start(tmp_path: Path) -> None:
    with (
        frozen(tmp_path),
        pytest.raises(ConfigError, match=r"a.example.sqlite: another crawl, frozen or stopped"),
    ):
        throttle({}, tmp_path)


def test_a_pause_that_cannot_be_written_holds_for_this_crawl(tmp_path: Path) -> None:
    quota = Quota.open(tmp_path, "a.example", OFF)
    (tmp_path / "a.example.pause").mkdir()
    quota.pause(60)
    assert quota.paused() > 59
