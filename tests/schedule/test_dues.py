"""When runs are due, whatever the clocks of a time zone do."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from satchel.schedule.dues import dues, identity, jitter
from satchel.schedule.timetable import Run


def local(times: str, after: str, zone: str = "Europe/Berlin", number: int = 4) -> list[str]:
    """The next runs as a clock on the wall shows them, with the zone's letters."""
    run = Run(spider="s", cron=times, timezone=zone)
    begin = datetime.fromisoformat(after).replace(tzinfo=run.zone()).timestamp()
    found = [datetime.fromtimestamp(due, UTC) for due in islice(dues(run, begin), number)]
    return [f"{due.astimezone(run.zone()):%d %H:%M %Z}" for due in found]


# Berlin's clocks show no time from 02:00 to 03:00 on 28 March 2027, and twice on 31 October.


def test_a_fixed_time_that_is_skipped_is_made_up_for() -> None:
    assert local("30 2 * * *", "2027-03-27T00:00", number=3) == [
        "27 02:30 CET", "28 03:00 CEST", "29 02:30 CEST",
    ]  # fmt: skip
    assert local("0,30 2 * * *", "2027-03-27T12:00", number=2) == ["28 03:00 CEST", "29 02:00 CEST"]


def test_a_fixed_time_that_comes_twice_counts_once() -> None:
    assert local("30 2 * * *", "2027-10-30T12:00", number=2) == ["31 02:30 CEST", "01 02:30 CET"]
    run = Run(spider="s", cron="30 2 * * *", timezone="Europe/Berlin")
    between = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    (due,) = islice(dues(run, between.timestamp()), 1)
    assert datetime.fromtimestamp(due, UTC) == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


def test_each_hour_follows_the_clock() -> None:
    assert local("0 * * * *", "2027-03-28T00:30") == [
        "28 01:00 CET", "28 03:00 CEST", "28 04:00 CEST", "28 05:00 CEST",
    ]  # fmt: skip
    assert local("0 * * * *", "2027-10-31T00:30") == [
        "31 01:00 CEST", "31 02:00 CEST", "31 02:00 CET", "31 03:00 CET",
    ]  # fmt: skip


def test_half_an_hour_of_lord_howe() -> None:
    assert local("15 2 * * *", "2027-10-02T12:00", "Australia/Lord_Howe", 2) == [
        "03 02:30 +11", "04 02:15 +11",
    ]  # fmt: skip


@pytest.mark.parametrize("times", ["30 2 * * *", "*/20 * * * *", "0 1-3 * * *", "5 */2 * * *"])
def test_looking_often_finds_the_same_as_looking_once(times: str) -> None:
    run = Run(spider="s", cron=times, timezone="Europe/Berlin")
    for day in (datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 10, 30, tzinfo=UTC)):
        begin, end = day.timestamp(), day.timestamp() + 3 * 86400
        at_once = [due for due in islice(dues(run, begin), 500) if due <= end]
        often = []
        for moment in range(int(begin), int(end), 600):
            often += [due for due in islice(dues(run, moment), 3) if due <= moment + 600]
        assert often == at_once


def test_every_is_counted_from_midnight_utc() -> None:
    run = Run(spider="s", every="6h")
    begin = datetime(2027, 1, 1, 7, tzinfo=UTC).timestamp()
    hours = [datetime.fromtimestamp(due, UTC).hour for due in islice(dues(run, begin), 3)]
    assert hours == [12, 18, 0]


def test_ids_and_jitter_are_the_same_for_everybody() -> None:
    run = Run(spider="s", every="1h", jitter="10m")
    ids = [identity("n", due) for due in islice(dues(run, 0), 50)]
    assert ids[0] == "n-19700101T010000Z"
    assert identity("n", 3600, attempt=2) == "n-19700101T010000Z-2"
    put_off = [jitter(run, name) for name in ids]
    assert put_off == [jitter(run, name) for name in ids]
    assert 0 <= min(put_off) < max(put_off) <= 600
    assert len(set(put_off)) > 30
