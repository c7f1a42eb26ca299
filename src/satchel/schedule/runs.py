"""What a scheduler remembers: its runs, in a SQLite file that outlives it.

A run has a row before anything is sent, and its id is the job's: whoever starts the scheduler again
can ask the node what became of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from satchel.errors import ConfigError

KEPT: Final = 90 * 86400.0
"""Seconds for which runs that are done are remembered."""


class State(StrEnum):
    """How far a run is."""

    WAITING = "waiting"
    """It is due, and not sent."""
    SENDING = "sending"
    """It may have been sent."""
    SENT = "sent"
    """A node has it."""
    ENDED = "ended"
    """It has ended, and is to be judged."""
    DONE = "done"
    """It is judged, or was skipped."""


ACTIVE: Final = (State.SENDING, State.SENT)


@dataclass
class Run:
    """A run. Times are seconds since 1970 UTC.

    :ivar id: its id, and its job's
    :ivar name: its entry in the timetable
    :ivar due: when it is due
    :ivar attempt: 1, or more where it is repeated
    :ivar ready: when it may be started
    :ivar asked: the spider and its arguments, as JSON
    :ivar patient: it waits until the one before it has ended, whatever the rule
    :ivar sent: when it was sent
    :ivar started: when it was first seen running
    :ivar silent: since when its node does not answer; also after it was given up for that
    :ivar cancels: how often it was told to end
    :ivar cancelled: when it was told to last
    :ivar doom: why it was told to end
    :ivar lost: its node has forgotten it, or does not answer
    :ivar store: the URL of its database, if its settings name one; empty: none
    :ivar counts: later runs are compared with it
    :ivar why: why it waits, was skipped or is not complete
    :ivar told: the plugins were told what it came to
    """

    id: str
    name: str
    spider: str
    asked: str
    due: float
    ready: float
    attempt: int = 1
    state: State = State.WAITING
    patient: bool = False
    node: str = ""
    sent: float | None = None
    started: float | None = None
    ended: float | None = None
    silent: float | None = None
    cancels: int = 0
    cancelled: float | None = None
    doom: str = ""
    lost: bool = False
    store: str | None = None
    verdict: str = ""
    why: str = ""
    reason: str = ""
    items: int | None = None
    errors: int | None = None
    counts: bool = False
    told: bool = False

    def skip(self, why: str) -> None:
        """It is not run."""
        self.state, self.verdict, self.why = State.DONE, "skipped", why


_COLUMNS: Final = [field.name for field in fields(Run)]


class Runs:
    """The file of one scheduler.

    :param path: the file; ``None``: nothing is kept
    :raises ConfigError: it cannot be opened
    """

    def __init__(self, path: Path | None) -> None:
        columns = ", ".join(_COLUMNS)
        try:
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            for statement in (
                f"CREATE TABLE IF NOT EXISTS run ({columns}, PRIMARY KEY (id))",
                "CREATE INDEX IF NOT EXISTS run_name ON run (name, due)",
                "CREATE TABLE IF NOT EXISTS entry (name PRIMARY KEY, signature, seen)",
            ):
                self._database.execute(statement)
        except sqlite3.Error as error:
            raise ConfigError(f"SATCHEL_STATE: {path}: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def copy(self) -> Runs:
        """The same, of which nothing is kept."""
        other = Runs(None)
        self._database.backup(other._database)
        return other

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written within is written at once, or not at all."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def seen(self, name: str, signature: str) -> float | None:
        """Until when an entry's due runs are noted; ``None``: it is new, or its times are."""
        found = self._database.execute(
            "SELECT seen FROM entry WHERE name = ? AND signature = ?", (name, signature)
        ).fetchone()
        return found and float(found[0])

    def see(self, name: str, signature: str, until: float) -> None:
        """Note that an entry's runs are noted until then."""
        self._database.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", (name, signature, until)
        )

    def add(self, run: Run) -> None:
        """Add a run, unless there is one of its id."""
        self._write("INSERT OR IGNORE", run)

    def save(self, run: Run) -> None:
        """Write a run as it is now."""
        self._write("INSERT OR REPLACE", run)

    def _write(self, how: str, run: Run) -> None:
        marks = ", ".join("?" * len(_COLUMNS))
        self._database.execute(
            f"{how} INTO run VALUES ({marks})", [getattr(run, name) for name in _COLUMNS]
        )

    def of(self, name: str, *states: State) -> list[Run]:
        """The runs of an entry in these states, by when they are due."""
        return self._select("name = ? AND state", states, name)

    def all(self, *states: State) -> list[Run]:
        """The runs of all entries in these states."""
        return self._select("state", states)

    def by_id(self, ids: Iterable[str]) -> dict[str, Run]:
        """The runs of these ids, as far as there are any."""
        return {run.id: run for run in self._select("id", tuple(ids))}

    def given_up(self, since: float) -> list[Run]:
        """Those that were given up since then because their nodes were silent, and still are."""
        return self._select(
            "lost AND silent IS NOT NULL AND ended >= ? AND state", (State.DONE,), since
        )

    def untold(self) -> list[Run]:
        """Those that are done and that the plugins were not told of."""
        return self._select("told = 0 AND state", (State.DONE,))

    def forget(self, before: float) -> None:
        """Forget what is done and was due before then."""
        self._database.execute("DELETE FROM run WHERE state = 'done' AND due < ?", (before,))

    def figures(self, run: Run, number: int) -> list[int]:
        """The items of the last runs before one that asked for the same and count, one for each
        time that was due."""
        rows = self._database.execute(
            "SELECT items, max(attempt) FROM run WHERE name = ? AND asked = ? AND due < ? "
            "AND counts GROUP BY due ORDER BY due DESC LIMIT ?",
            (run.name, run.asked, run.due, number),
        )
        return [items for items, _ in rows]

    def _select(self, where: str, among: tuple[str, ...], *given: Any) -> list[Run]:
        marks = ", ".join("?" * len(among))
        rows = self._database.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM run WHERE {where} IN ({marks}) "
            "ORDER BY due, attempt",
            (*given, *among),
        )
        return [_run(row) for row in rows]


def _run(row: tuple[Any, ...]) -> Run:
    run = Run(*row)
    run.state = State(run.state)
    for name in ("patient", "lost", "counts", "told"):
        setattr(run, name, bool(getattr(run, name)))
    return run


def path_in(state: str) -> Path:
    """The file in the folder of ``SATCHEL_STATE``.

    :raises ConfigError: there is no such folder, and none can be made
    """
    if not state:
        raise ConfigError("SATCHEL_STATE is empty: it is where the timetable's runs are remembered")
    folder = Path(state).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"SATCHEL_STATE: {error.filename}: {error.strerror}") from None
    return folder / "schedule.db"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other schedulers from the file.

    :raises ConfigError: there is one
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"another 'satchel schedule' uses {path.parent}: end it, or give this one a "
            "SATCHEL_STATE of its own"
        ) from None
    try:
        yield
    finally:
        lock.release()
