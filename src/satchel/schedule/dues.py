"""When runs are due.

As in Debian's cron: a fixed time that the clock skips in spring is made up for as soon as the clock
goes on, one that it shows twice in autumn counts once; where minute or hour begins with ``*``, runs
follow the clock, whatever it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b

from cronsim import CronSim

from satchel.schedule.timetable import Run, seconds


def dues(run: Run, after: float) -> Iterator[float]:
    """The times at which a run is due after a time, each once and in order; all in seconds since
    1970 UTC. An ``every`` is counted from midnight UTC.
    """
    if run.every:
        step = seconds(run.every)
        due = (int(after) // step + 1) * step
        while True:
            yield float(due)
            due += step
    last = after
    for moment in CronSim(run.cron, datetime.fromtimestamp(after, UTC).astimezone(run.zone())):
        # What is made up for together, or is seen again in the second of two same hours.
        if (due_at := moment.timestamp()) > last:
            last = due_at
            yield due_at


def identity(name: str, due: float, attempt: int = 1) -> str:
    """The id of a run, and of its job: the same whoever asks, and however often."""
    word = f"{name}-{datetime.fromtimestamp(due, UTC):%Y%m%dT%H%M%SZ}"
    return word if attempt == 1 else f"{word}-{attempt}"


def jitter(run: Run, identity: str) -> float:
    """The seconds that a run is put off: always the same for the same one."""
    digest = blake2b(identity.encode(), digest_size=8).digest()
    return float(int.from_bytes(digest, "big") % (seconds(run.jitter) + 1))
