"""Each rule of a timetable, on nodes and a clock that the tests set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nodes import FakeNode
from satchel.config import Secret
from satchel.errors import StoreError, TimetableError
from satchel.history import Crawl
from satchel.hookspecs import JobInfo
from satchel.schedule import keeper as keepers
from satchel.schedule.clock import Clock
from satchel.schedule.keeper import Keeper
from satchel.schedule.nodes import Nodes
from satchel.schedule.runs import Run, Runs, State
from satchel.schedule.timetable import Node, Timetable
from satchel.schedule.timetable import Run as Rules

BEGIN = datetime(2027, 3, 28, tzinfo=UTC).timestamp()
HOUR = 3600.0


class SetClock(Clock):
    """Shows what a test says."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> float:
        return self.time


class Heard:
    """In the place of the plugins."""

    def __init__(self) -> None:
        self.jobs: list[JobInfo] = []

    async def finished(self, job: JobInfo) -> None:
        self.jobs.append(job)


@dataclass
class Scene:
    """Two nodes, and a scheduler that may be killed and started again.

    :ivar crawls: what is in the store; a text: why it cannot be read
    """

    path: Path
    rules: dict[str, Any]
    one: FakeNode
    two: FakeNode
    nodes: Nodes
    clock: SetClock = field(default_factory=SetClock)
    heard: Heard = field(default_factory=Heard)
    crawls: dict[str, Crawl] | str = field(default_factory=dict)
    timetable: Timetable | None = None

    def __post_init__(self) -> None:
        self.write(**self.rules)
        self.restart()

    def write(self, **rules: Any) -> None:
        """Write the timetable."""
        entry = Rules(**{"spider": "s", "every": "1h", **rules})
        nodes = {"one": Node(url=self.one.url), "two": Node(url=self.two.url)}
        self.timetable = Timetable(nodes=nodes, runs={"r": entry})

    def restart(self) -> None:
        """Start a scheduler on what another one has left."""
        self.runs = Runs(self.path)
        self.keeper = Keeper(
            lambda: self.timetable, self.runs, self.nodes, clock=self.clock,
            crawls=self._crawls, store="sqlite:///x.db", telling=self.heard,  # type: ignore[arg-type]
        )  # fmt: skip

    def _crawls(self, store: str, jobs: list[str]) -> Mapping[str, Crawl]:
        if isinstance(self.crawls, str):
            raise StoreError(self.crawls)
        return self.crawls

    async def at(self, hours: float, seconds: float = 0.0) -> None:
        """The rounds at a time, until nothing changes."""
        self.clock.time = BEGIN + hours * HOUR + seconds
        await self.keeper.round()
        await self.keeper.round()

    def stored(self, job: str, items: int = 10, errors: int = 0, reason: str = "finished") -> None:
        """A crawl that has ended, in the store."""
        now = datetime.fromtimestamp(self.clock.time, UTC)
        assert isinstance(self.crawls, dict)
        self.crawls[job] = Crawl(job, "s", now, now, reason, "complete", {"i": items}, errors, 0.0)

    def all(self) -> list[Run]:
        return self.runs.all(*State)

    def verdicts(self) -> list[tuple[str, str]]:
        return [(run.id[-7:], run.verdict or str(run.state)) for run in self.all()]

    @property
    def started(self) -> list[str]:
        return self.one.started + self.two.started


Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a scene; the rules are those of the one entry, which is due each hour."""

    @asynccontextmanager
    async def scene(rules: dict[str, Any]) -> AsyncIterator[Scene]:
        async with AsyncExitStack() as stack:
            one, two = [await stack.enter_async_context(FakeNode()) for _ in "12"]
            nodes = await stack.enter_async_context(Nodes())
            found = Scene(tmp_path / "schedule.db", rules, one, two, nodes)
            await found.at(0)
            yield found
            found.runs.close()

    def play(act: Callable[[Scene], Coroutine[Any, Any, None]], **rules: Any) -> None:
        async def run() -> None:
            async with scene(rules) as found:
                await act(found)

        asyncio.run(run())

    return play


def job(hour: int, attempt: int = 1) -> str:
    return f"r-20270328T{hour:02}0000Z" + ("" if attempt == 1 else f"-{attempt}")


# Starting.


def test_a_run_is_started_once_when_it_is_due(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(0.99)
        assert scene.started == []
        await scene.at(1)
        await scene.at(1.01)
        assert scene.one.started == [job(1)]
        assert scene.one.arguments[job(1)] == {"project": "satchel", "limit": "5", "setting": "A=1"}
        scene.one.end()
        scene.stored(job(1))
        await scene.at(1.5)
        await scene.at(2)
        assert scene.started == [job(1), job(2)]
        assert [(info.id, info.verdict, info.items) for info in scene.heard.jobs] == [
            (job(1), "complete", 10)
        ]

    play(act, arguments={"limit": 5}, settings={"A": 1})


def test_the_least_busy_node_that_answers(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.one.pending.append({"id": "x", "project": "other", "spider": "y"})
        await scene.at(1)
        assert scene.two.started == [job(1)]
        scene.two.end()
        scene.stored(job(1))
        await scene.at(1.1)
        await scene.two.go()
        await scene.at(2)
        assert scene.one.started == [job(2)]

    play(act)


def test_runs_that_are_due_together_are_spread(play: Play) -> None:
    async def act(scene: Scene) -> None:
        assert scene.timetable is not None
        entry = scene.timetable.runs["r"]
        runs = {f"r{number}": entry for number in range(4)}
        scene.timetable = Timetable(nodes=scene.timetable.nodes, runs=runs)
        await scene.at(0.1)
        await scene.at(1)
        assert (len(scene.one.started), len(scene.two.started)) == (2, 2)

    play(act)


def test_a_node_that_is_gone_and_one_that_refuses(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.one.go()
        scene.two.refuses = "project 'satchel' not found"
        await scene.at(1)
        assert scene.verdicts() == [("010000Z", "waiting")]
        scene.two.refuses = ""
        await scene.at(1, seconds=60)
        assert scene.two.started == [job(1)]
        scene.two.end()
        await scene.one.come()
        scene.stored(job(1))
        await scene.at(2)
        assert scene.one.started == [job(2)]

    play(act)


def test_an_entry_keeps_to_its_nodes(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        assert scene.two.started == [job(1)]

    play(act, nodes=["two"])


def test_a_node_with_a_password(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("abracadabra-ж\n")
    secret.chmod(0o600)

    async def run() -> None:
        async with FakeNode(password=True) as fake, Nodes() as nodes:
            known = Node(url=fake.url, username="satchel", password_file=str(secret))
            strange = Node(url=fake.url)
            found = await nodes.look(Timetable(nodes={"a": known, "b": strange}, runs={}))
            assert list(found) == ["a"]
            assert nodes.troubles == {"b": "it refuses the username or the password"}
            assert known.password() == Secret("abracadabra-ж")

    asyncio.run(run())


# A start of which nobody knows.


@pytest.mark.parametrize("arrived", [True, False])
def test_an_answer_that_does_not_come(arrived: bool, play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.one.forgetful, scene.one.deaf = arrived, not arrived
        await scene.at(1)
        scene.one.forgetful = scene.one.deaf = False
        await scene.at(1, seconds=30)
        await scene.at(1, seconds=40)
        assert scene.started == [job(1)]
        assert [run.state for run in scene.all()] == [State.SENT]

    play(act)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_scheduler_that_is_killed_while_it_sends(
    arrived: bool, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(scene: Scene) -> None:
        async def killed(*words: Any, **given: Any) -> None:
            if arrived:
                await start(*words, **given)
            raise KeyboardInterrupt

        start = scene.nodes.start
        monkeypatch.setattr(scene.nodes, "start", killed)
        with pytest.raises(KeyboardInterrupt):
            await scene.at(1)
        monkeypatch.undo()
        scene.restart()
        for seconds in (1, 5, 15, 25):
            await scene.at(1, seconds=seconds)
        assert scene.started == [job(1)]
        assert [run.state for run in scene.all()] == [State.SENT]

    play(act)


# Overlaps.


def test_overlap_skip(play: Play) -> None:
    async def act(scene: Scene) -> None:
        for hour in (1, 2, 3):
            await scene.at(hour)
        assert scene.verdicts() == [
            ("010000Z", "sent"), ("020000Z", "skipped"), ("030000Z", "skipped"),
        ]  # fmt: skip
        assert [(told.id, told.node, told.verdict, told.why) for told in scene.heard.jobs] == [
            (job(hour), "", "skipped", "the last run still goes on") for hour in (2, 3)
        ]
        scene.one.end()
        await scene.at(3.5)
        await scene.at(4)
        assert scene.started == [job(1), job(4)]

    play(act)


def test_overlap_queue(play: Play) -> None:
    async def act(scene: Scene) -> None:
        for hour in (1, 2, 3):
            await scene.at(hour)
        assert scene.verdicts()[1:] == [("020000Z", "waiting"), ("030000Z", "skipped")]
        scene.one.end()
        await scene.at(3.9)  # It waited for longer than its grace, and is not missed.
        assert scene.started == [job(1), job(2)]

    play(act, overlap="queue", missed="skip")


def test_overlap_cancel(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.begin()
        await scene.at(2)
        await scene.at(2, seconds=10)
        assert scene.one.signals == [(job(1), "INT")]
        assert scene.started == [job(1), job(2)]
        assert scene.verdicts()[0] == ("010000Z", "cancelled")

    play(act, overlap="cancel", retries=3)


def test_what_is_to_make_way_and_was_never_there_is_not_started(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.one.deaf = True
        await scene.at(1)
        scene.one.deaf = False
        await scene.one.go()
        await scene.at(2)
        await scene.one.come()
        await scene.at(2, seconds=20)
        assert scene.started == [job(2)]
        assert [told.verdict for told in scene.heard.jobs] == ["cancelled"]

    play(act, overlap="cancel")


@pytest.mark.parametrize("told", [True, False])
def test_what_was_done_before_it_was_to_make_way(told: bool, play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.begin()
        scene.clock.time = BEGIN + 2 * HOUR
        await scene.keeper.round()
        scene.stored(job(1), reason="finished" if told else "challenge")
        if not told:
            scene.one.end()
        await scene.keeper.round()
        await scene.keeper.round()
        assert bool(scene.one.signals) == told
        assert scene.heard.jobs[0].verdict == ("complete" if told else "failed")

    play(act, overlap="cancel")


# Missed runs.


@pytest.mark.parametrize(
    ("missed", "started"),
    [("once", [job(4)]), ("skip", []), ("all", [job(1), job(2), job(3), job(4)])],
)
def test_missed(missed: str, started: list[str], play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.restart()
        for minute in range(4):
            await scene.at(4.5, seconds=minute * 60)
            scene.one.end()
            scene.two.end()
        assert scene.started == started
        assert len(scene.all()) == 4
        skipped = [told.why for told in scene.heard.jobs if told.verdict == "skipped"]
        assert skipped == ["it was missed"] * (4 - len(started))

    play(act, missed=missed)


def test_a_run_that_no_node_took_in_time_is_missed(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.one.go()
        await scene.two.go()
        await scene.at(1)
        (run,) = scene.all()
        assert (run.state, run.why) == (State.WAITING, "no node takes it")
        await scene.one.come()
        await scene.at(1.2)
        (told,) = scene.heard.jobs
        assert (told.id, told.verdict, told.why) == (job(1), "failed", "no node took it")
        assert scene.started == []

    play(act, missed="skip")


def test_while_no_node_takes_any_each_fails_when_the_next_is_due(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.one.go()
        await scene.two.go()
        for hour in (1, 2, 3):
            await scene.at(hour)
        assert [(told.id, told.verdict) for told in scene.heard.jobs] == [
            (job(1), "failed"), (job(2), "failed"),
        ]  # fmt: skip
        await scene.one.come()
        await scene.at(3.01)
        assert scene.started == [job(3)]
        assert scene.all()[-1].why == ""

    play(act)


def test_what_is_new_in_the_timetable_has_missed_nothing(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.write(every="30m")
        await scene.at(5.1)
        assert scene.all() == []
        await scene.at(5.5)
        assert len(scene.started) == 1

    play(act)


# Nodes that die.


def test_a_node_that_dies_with_a_run_on_it(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.begin()
        await scene.one.go()
        await scene.at(1.05)
        assert scene.two.started == []
        await scene.at(1.3)
        await scene.at(1.5)
        assert scene.two.started == [job(1, 2)]
        (told,) = scene.heard.jobs
        assert (told.verdict, told.why) == ("failed", "node one does not answer")
        assert told.again is not None
        await scene.one.come()  # The job goes on there: it was only not to be reached.
        await scene.at(1.6)
        assert scene.one.signals == [(job(1), "INT")]
        assert scene.two.signals == []

    play(act, retries=1)


def test_what_was_given_up_is_ended_though_nothing_waits(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.begin()
        await scene.one.go()
        await scene.at(1.05)
        await scene.at(1.3)
        scene.write(every="1d")
        await scene.one.come()
        await scene.at(1.4)
        assert scene.one.signals == [(job(1), "INT")]
        assert scene.keeper._given_up() == []  # The nodes are left alone again.

    play(act)


@pytest.mark.parametrize("ended", [True, False])
def test_a_node_that_was_started_again_knows_no_jobs(ended: bool, play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.begin()
        scene.one.forget()
        if ended:
            scene.stored(job(1))
        await scene.at(1.1)
        (told,) = scene.heard.jobs
        assert told.verdict == ("complete" if ended else "failed")

    play(act)


# What runs come to.


async def usual(scene: Scene, hours: int) -> None:
    for hour in range(1, hours + 1):
        await scene.at(hour)
        scene.one.end()
        scene.stored(job(hour), items=100 + hour)
        await scene.at(hour + 0.2)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ({"items": 51}, "51 items, where 103 are usual"),
        ({"items": 52}, ""),
        ({"items": 100, "errors": 11}, "11 errors, more than 10"),
        ({"items": 100, "errors": 10}, ""),
        ({"items": 100, "reason": "challenge"}, "its reason is challenge"),
        ({"items": 100, "reason": "closespider_timeout"}, ""),
        (None, "it is not in the store: could it begin? its log says"),
    ],
)
def test_it_is_judged_and_tried_again(stored: dict[str, Any] | None, why: str, play: Play) -> None:
    async def act(scene: Scene) -> None:
        await usual(scene, 5)
        await scene.at(6)
        scene.one.end()
        if stored:
            scene.stored(job(6), **stored)
        await scene.at(6.1)
        told = scene.heard.jobs[-1]
        assert (told.id, told.why) == (job(6), why)
        assert told.verdict == ("failed" if why else "complete")
        assert (told.again is None) == (not why)
        await scene.at(6.3)
        assert scene.started[6:] == ([job(6, 2)] if why else [])
        if why:  # Once more, and not again.
            scene.one.end()
            await scene.at(6.4)
            await scene.at(6.9)
            assert len(scene.started) == 7
            assert scene.heard.jobs[-1].again is None

    play(act, retries=1)


def test_less_than_usual_becomes_usual(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await usual(scene, 5)
        for hour in range(6, 10):
            await scene.at(hour)
            scene.one.end()
            scene.stored(job(hour), items=10)
            await scene.at(hour + 0.2)
        verdicts = [told.verdict for told in scene.heard.jobs[5:]]
        assert verdicts == ["failed", "failed", "failed", "complete"]

    play(act)


def test_one_that_hangs_is_ended_and_tried_again(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.one.stubborn = True
        await scene.at(1)
        scene.one.begin()
        for minute in range(1, 36):
            await scene.at(1, seconds=minute * 60)
        assert scene.one.signals == [(job(1), "INT"), (job(1), "INT"), (job(1), "KILL")]
        (told,) = scene.heard.jobs
        assert (told.verdict, told.why) == ("failed", "it took longer than 20m")
        assert scene.started == [job(1), job(1, 2)]

    play(act, longest="20m", retries=1, retry_after="5m")


def test_a_retry_gives_way_to_the_next_run(play: Play) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.end()
        await scene.at(1.5)
        await scene.at(2)
        assert scene.started == [job(1), job(2)]
        assert [(told.id, told.attempt, told.verdict, told.why) for told in scene.heard.jobs] == [
            (job(1), 1, "failed", "it is not in the store: could it begin? its log says"),
            (job(1, 2), 2, "skipped", "the next run is due"),
        ]

    play(act, retries=1, retry_after="2h")


def test_a_store_that_cannot_be_read_puts_judging_off(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(scene: Scene) -> None:
        await scene.at(1)
        scene.one.end()
        scene.crawls = "no database"
        await scene.at(1.1)
        await scene.at(1.2)
        assert caplog.messages.count("runs wait to be judged: no database") == 1
        assert scene.heard.jobs == []
        scene.crawls = {}
        scene.stored(job(1))
        await scene.at(1.3)
        assert [told.verdict for told in scene.heard.jobs] == ["complete"]

    play(act)


def test_the_file_is_read_again_unless_it_is_wrong(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def act(scene: Scene) -> None:
        def wrong() -> Timetable:
            raise TimetableError("schedule.toml, line 3: x")

        scene.keeper._load = wrong
        await scene.at(1)
        assert scene.started == [job(1)]
        said = "schedule.toml, line 3: x; the timetable as it was goes on"
        assert caplog.messages.count(said) == 1
        scene.keeper._load = lambda: Timetable(nodes=scene.timetable.nodes, runs={})  # type: ignore[union-attr]
        await scene.at(2)
        assert scene.started == [job(1)]
        assert "the timetable has changed, and is read again" in caplog.messages

    play(act)


def test_daylight_saving(play: Play) -> None:
    async def act(scene: Scene) -> None:
        for minutes in range(0, 6 * 60, 10):
            await scene.at(0, seconds=minutes * 60)
            scene.one.end()
        assert scene.started == [job(1)]  # 02:30 that is none, at 03:00, which is 01:00 UTC

    play(act, every="", cron="30 2 * * *", timezone="Europe/Berlin")


def test_the_next_round_is_when_something_is_due(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.clock.time = BEGIN + HOUR - 2
        assert scene.keeper._pause() == pytest.approx(2)
        scene.clock.time = BEGIN
        assert scene.keeper._pause() == keepers.ROUND

    play(act)
