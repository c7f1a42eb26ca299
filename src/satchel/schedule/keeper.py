"""Keeps to a timetable: one round after the other, each from what is written down.

A round notes which runs are due, looks what the nodes have, follows the runs that were sent, judges
those that ended, and starts those that wait. It may be killed anywhere: what is not written down
has not been done, but for one thing, a start whose outcome is unknown. The node is asked for that.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from satchel.errors import SatchelError, TimetableError
from satchel.history import Crawl
from satchel.hookspecs import JobInfo
from satchel.schedule import timetable as rules
from satchel.schedule.clock import Clock
from satchel.schedule.dues import dues, identity, jitter
from satchel.schedule.judging import Judgement, Outcome, is_comparable, items_of, judge
from satchel.schedule.nodes import Job, Look, Nodes, NotReached, Refused, Unanswered
from satchel.schedule.runs import ACTIVE, KEPT, Run, Runs, State
from satchel.schedule.telling import Telling
from satchel.schedule.timetable import Timetable, seconds
from satchel.verdict import AS_ASKED

logger = logging.getLogger(__name__)

ROUND: Final = 5.0
"""Seconds between two rounds, at most."""

SURE: Final = 10.0
"""Seconds after which a node that does not know a run has never got it."""

PATIENCE: Final = 60.0
"""Seconds that a run may take to end when it is told to, before it is told again."""

LOOK_BACK: Final = 7 * 86400.0
"""Seconds for which runs that were missed while no scheduler ran are noted afterwards, and nodes
asked for what they had when they fell silent."""

MOST_MISSED: Final = 100
"""Of the runs that were missed, so many are noted."""

Crawls = Callable[[str, list[str]], Mapping[str, Crawl]]
"""Store, jobs → job → crawl."""


class Keeper:
    """Keeps to a timetable.

    :param load: reads the timetable; ``None``: it has not changed
    :param store: the URL of the database that runs store in which name none of their own
    :param dry: say what would be started, and start nothing
    """

    def __init__(
        self,
        load: Callable[[], Timetable | None],
        runs: Runs,
        nodes: Nodes,
        *,
        clock: Clock,
        crawls: Crawls,
        store: str,
        telling: Telling,
        dry: bool = False,
    ) -> None:
        timetable = load()
        assert timetable is not None
        self.timetable = timetable
        self._load = load
        self._runs = runs
        self._nodes = nodes
        self._clock = clock
        self._crawls = crawls
        self._store = store
        self._telling = telling
        self._dry = dry
        self._said: dict[str, str] = {}

    async def keep(self) -> None:
        """Keep to it until cancelled."""
        while True:
            await self.round()
            await self._clock.sleep(self._pause())

    def say_next(self) -> None:
        """Log which run is due next."""
        now = self._clock.now()
        runs = self.timetable.runs.items()
        found = [(due, name) for name, entry in runs for due in islice(dues(entry, now), 1)]
        for due, name in sorted(found)[:1]:
            logger.info("next: %s, due %s", name, _local(due))

    async def round(self) -> None:
        """One round."""
        self._reload()
        now = self._clock.now()
        for name, entry in self.timetable.runs.items():
            self._note(name, entry, now)
        looks: Mapping[str, Look] = {}
        if self._runs.all(State.WAITING, *ACTIVE) or self._given_up():
            looks = await self._look()
        await self._follow(looks)
        await self._judge()
        for name in sorted({run.name for run in self._runs.all(State.WAITING)}):
            await self._start_of(name, looks)
        await self._tell()
        self._runs.forget(now - KEPT)

    # Which are due.

    def _reload(self) -> None:
        try:
            if timetable := self._load():
                self.timetable = timetable
                logger.info("the timetable has changed, and is read again")
            self._said.pop("timetable", None)
        except TimetableError as error:
            self._say("timetable", f"{error}; the timetable as it was goes on")

    def _note(self, name: str, entry: rules.Run, now: float) -> None:
        """Write down what has become due since the last time."""
        seen = self._runs.seen(name, entry.signature())
        if seen is not None and seen >= now:
            return
        with self._runs.together():
            if seen is not None:
                for due in self._dues_between(entry, seen, now):
                    self._runs.add(self._new(name, entry, due))
            self._runs.see(name, entry.signature(), now)

    def _dues_between(self, entry: rules.Run, seen: float, now: float) -> list[float]:
        found: list[float] = []
        for due in dues(entry, max(seen, now - LOOK_BACK)):
            if due > now:
                break
            found.append(due)
        return found[-MOST_MISSED:]

    def _new(self, name: str, entry: rules.Run, due: float, attempt: int = 1) -> Run:
        job = identity(name, due, attempt)
        asked = json.dumps([entry.spider, entry.written_arguments()], ensure_ascii=False)
        return Run(
            id=job,
            name=name,
            spider=entry.spider,
            asked=asked,
            due=due,
            ready=due + jitter(entry, job),
            attempt=attempt,
            # The scheduler's own is not written down: there may be a password in it.
            store=entry.written_settings().get("SATCHEL_STORE"),
        )

    def _pause(self) -> float:
        """Until the next round."""
        now = self._clock.now()
        moments = [now + ROUND]
        for entry in self.timetable.runs.values():
            moments += [due for due, _ in zip(dues(entry, now), "1", strict=False)]
        moments += [run.ready for run in self._runs.all(State.WAITING) if run.ready > now]
        return max(min(moments) - now, 0.05)

    # What became of those that were sent.

    async def _look(self) -> Mapping[str, Look]:
        before = set(self._nodes.troubles)
        looks = await self._nodes.look(self.timetable)
        for name, words in self._nodes.troubles.items():
            if name not in before:
                logger.warning("node %s: %s", name, words)
        for name in before & looks.keys():
            logger.info("node %s answers again", name)
        return looks

    async def _follow(self, looks: Mapping[str, Look]) -> None:
        for run in self._runs.all(*ACTIVE):
            before = vars(run).copy()
            await self._follow_one(run, looks.get(run.node))
            if vars(run) != before:
                self._runs.save(run)
        await self._end_the_lost(looks)

    async def _follow_one(self, run: Run, look: Look | None) -> None:
        now = self._clock.now()
        if look is None:
            run.silent = run.silent or now
            if now - run.silent >= seconds(self.timetable.lost_after):
                self._ended(run, lost=True, doom=f"node {run.node} does not answer")
            return
        run.silent = None
        job = look.jobs.get(run.id)
        if job is None:
            if run.state is State.SENT:
                # It was taken out of the queue, or the node was started again.
                self._ended(run, lost=not run.doom)
            elif now - (run.sent or 0) < SURE:
                pass
            elif run.doom:
                self._ended(run)
            else:
                run.state, run.node = State.WAITING, ""
            return
        run.state = State.SENT
        if job.state == "finished":
            run.started = run.started or run.sent
            if run.doom == SUPERSEDED and not run.cancels:
                run.doom = ""  # It was done before it could be told to end.
            self._ended(run)
        elif job.state == "running":
            run.started = run.started or now
            entry = self.timetable.runs.get(run.name)
            if entry and now - run.started >= seconds(entry.longest) and not run.doom:
                run.doom = f"it took longer than {entry.longest}"
        if run.doom and run.state is State.SENT:
            await self._cancel(run)

    def _ended(self, run: Run, *, lost: bool = False, doom: str = "") -> None:
        run.state, run.ended, run.lost = State.ENDED, self._clock.now(), lost
        run.doom = run.doom or doom

    async def _end_the_lost(self, looks: Mapping[str, Look]) -> None:
        """What was given up as lost, and turns up again, is not wanted any more."""
        for name, look in looks.items():
            jobs = [job.id for job in look.jobs.values() if job.state != "finished"]
            for run in self._runs.by_id(jobs).values():
                if run.lost and run.node == name and run.state is State.DONE:
                    await self._cancel(run)
                    self._runs.save(run)
            for run in self._given_up():
                if run.node == name and run.id not in jobs:
                    run.silent = None
                    self._runs.save(run)

    def _given_up(self) -> list[Run]:
        """What may still go on at a node that has not answered since."""
        since = self._clock.now() - LOOK_BACK
        return [r for r in self._runs.given_up(since) if r.node in self.timetable.nodes]

    async def _cancel(self, run: Run) -> None:
        now = self._clock.now()
        if run.cancelled is not None and now - run.cancelled < PATIENCE:
            return
        signal = "INT" if run.cancels < 2 else "KILL"
        node = self.timetable.nodes.get(run.node)
        if node is None or self._dry:
            return
        try:
            project = self.timetable.project
            await self._nodes.cancel(node, project=project, job=run.id, signal=signal)
        except SatchelError as error:
            logger.warning("%s: node %s did not cancel it: %s", run.id, run.node, error)
            return
        run.cancels, run.cancelled = run.cancels + 1, now
        logger.warning("%s: told to end (%s): %s", run.id, signal, run.doom or "it was lost")

    # What they came to.

    async def _judge(self) -> None:
        ended: dict[str, list[Run]] = {}
        for run in self._runs.all(State.ENDED):
            ended.setdefault(self._store_of(run), []).append(run)
        for store, runs in ended.items():
            crawls: Mapping[str, Crawl] = {}
            if store:
                try:
                    crawls = await asyncio.to_thread(self._crawls, store, [r.id for r in runs])
                    self._said.pop("store", None)
                except SatchelError as error:
                    self._say("store", f"runs wait to be judged: {error}")
                    continue
            for run in runs:
                self._judge_one(run, crawls.get(run.id))

    def _store_of(self, run: Run) -> str:
        return self._store if run.store is None else run.store

    def _judge_one(self, run: Run, crawl: Crawl | None) -> None:
        entry = self.timetable.runs.get(run.name)
        judgement = self._judgement(run, crawl, entry)
        run.verdict, run.why = str(judgement.outcome), judgement.why
        if crawl is not None:
            run.reason, run.errors = crawl.finish_reason or "", crawl.errors
        if crawl is not None and crawl.ended is not None:
            run.items, run.counts = (
                items_of(crawl),
                is_comparable(crawl, entry or rules.Run(spider="")),
            )
        run.state = State.DONE
        with self._runs.together():
            self._runs.save(run)
            if (
                judgement.outcome is Outcome.FAILED
                and entry is not None
                and run.attempt <= entry.retries
            ):
                again = self._new(run.name, entry, run.due, run.attempt + 1)
                again.ready = self._clock.now() + seconds(entry.retry_after)
                self._runs.add(again)

    def _judgement(self, run: Run, crawl: Crawl | None, entry: rules.Run | None) -> Judgement:
        has_end = crawl is not None and crawl.ended is not None
        if run.doom == SUPERSEDED:
            # It may have been done just before the signal.
            if crawl is None or not has_end or crawl.finish_reason not in AS_ASKED:
                return Judgement(Outcome.CANCELLED, run.doom)
        elif run.doom and not (run.lost and has_end):
            return Judgement(Outcome.FAILED, run.doom)
        if not self._store_of(run):
            return Judgement(Outcome.UNJUDGED, "nothing is stored")
        entry = entry or rules.Run(spider=run.spider)
        if run.lost and crawl is None:
            return Judgement(Outcome.FAILED, f"node {run.node} does not know it any more")
        before = self._runs.figures(run, entry.compared) if entry.compared else []
        return judge(crawl, before, entry)

    async def _tell(self) -> None:
        for run in self._runs.untold():
            level = LEVELS.get(run.verdict, logging.INFO)
            words = f"{run.verdict}: {run.why}" if run.why else run.verdict
            again = self._retry_of(run)
            then = f"; again at {_local(again)}" if again else ""
            logger.log(level, "%s: %s%s", run.id, words, then)
            if not self._dry:
                await self._telling.finished(_info(run, again))
            run.told = True
            self._runs.save(run)

    def _retry_of(self, run: Run) -> float | None:
        following = identity(run.name, run.due, run.attempt + 1)
        found = self._runs.by_id([following]).get(following)
        return found.ready if found else None

    # Starting those that wait.

    async def _start_of(self, name: str, looks: Mapping[str, Look]) -> None:
        """Start what waits of an entry, as its rules say."""
        waiting = self._runs.of(name, State.WAITING)
        entry = self.timetable.runs.get(name)
        if entry is None:
            self._skip(waiting, "it is not in the timetable any more")
            return
        now = self._clock.now()
        ready = [run for run in waiting if run.ready <= now]
        active = self._runs.of(name, *ACTIVE)
        newest = max((run.due for run in [*ready, *active]), default=0.0)
        late = [run for run in waiting if run.attempt > 1 and run.due < newest]
        self._skip(late, "the next run is due")
        ready = [run for run in ready if run not in late]
        if active:
            self._overlap(entry, active, ready)
            return
        ready = self._without_missed(entry, ready, now)
        if ready and not await self._start(ready[0], entry, looks):
            ready[0].why = "no node takes it"
            self._runs.save(ready[0])
            self._say(f"run {name}", f"{ready[0].id} waits: {ready[0].why}")

    def _overlap(self, entry: rules.Run, active: list[Run], ready: list[Run]) -> None:
        """What is done with runs that are due while another goes on."""
        if not ready:
            return
        if entry.overlap == "skip":
            keep, why = [run for run in ready if run.patient], "the last run still goes on"
        elif entry.overlap == "queue":
            keep, why = [run for run in ready if run.patient] or ready[:1], "one waits already"
        else:
            keep, why = ready[-1:], SUPERSEDED
            for run in active:
                run.doom = run.doom or SUPERSEDED
                self._runs.save(run)
        for run in keep:
            run.patient = True
            self._runs.save(run)
        self._skip([run for run in ready if run not in keep], why)

    def _without_missed(self, entry: rules.Run, ready: list[Run], now: float) -> list[Run]:
        """Those that are to be started, when some should have been long ago."""
        grace = seconds(entry.grace)
        missed = [r for r in ready if not r.patient and now - r.ready > grace and r.attempt == 1]
        if entry.missed == "all":
            for run in missed:
                run.patient = True
                self._runs.save(run)
            return ready
        dropped = missed if entry.missed == "skip" else [r for r in missed if r is not ready[-1]]
        tried = [run for run in dropped if run.why]
        self._skip([run for run in dropped if run not in tried], "it was missed")
        for run in tried:
            run.state, run.verdict = State.DONE, str(Outcome.FAILED)
            run.why = "no node took it"
            self._runs.save(run)
        return [run for run in ready if run not in dropped]

    def _skip(self, runs: list[Run], why: str) -> None:
        for run in runs:
            run.skip(why)
            self._runs.save(run)

    async def _start(self, run: Run, entry: rules.Run, looks: Mapping[str, Look]) -> bool:
        """Start a run on the least busy node that takes it; whether there is one."""
        names = [n for n in (entry.nodes or self.timetable.nodes) if n in looks]
        for name in sorted(names, key=lambda name: looks[name].load):
            if self._dry:
                run.skip("this was a dry run")
                run.told = True
                self._runs.save(run)
                logger.info("%s: would be started on %s", run.id, name)
                return True
            if await self._start_on(name, run, entry):
                # The next one of this round finds the node busier.
                looks[name].jobs[run.id] = Job(
                    run.id, self.timetable.project, run.spider, "pending"
                )
                self._said.pop(f"run {run.name}", None)
                return True
        return False

    async def _start_on(self, name: str, run: Run, entry: rules.Run) -> bool:
        run.state, run.node, run.sent, run.why = State.SENDING, name, self._clock.now(), ""
        self._runs.save(run)
        try:
            await self._nodes.start(
                self.timetable.nodes[name],
                project=self.timetable.project,
                spider=entry.spider,
                job=run.id,
                arguments=entry.written_arguments(),
                settings=entry.written_settings(),
                version=entry.version,
            )
        except (Refused, NotReached) as error:
            run.state, run.node, run.sent = State.WAITING, "", None
            self._runs.save(run)
            self._say(f"start {run.name} {name}", f"{run.id}: node {name}: {error}")
            return False
        except Unanswered as error:
            logger.warning("%s: node %s: %s; is it there?", run.id, name, error)
            return True
        run.state = State.SENT
        self._runs.save(run)
        self._said.pop(f"start {run.name} {name}", None)
        logger.info("%s: started on %s", run.id, name)
        return True

    def _say(self, about: str, words: str) -> None:
        """Log something that is so for a while, once."""
        if self._said.get(about) != words:
            self._said[about] = words
            logger.error("%s", words)


SUPERSEDED: Final = "the next run is due"

LEVELS: Final = {
    "failed": logging.ERROR,
    "cancelled": logging.WARNING,
    "skipped": logging.WARNING,
}
"""Verdict → how it is logged; others are no more than news."""


def _info(run: Run, again: float | None) -> JobInfo:
    return JobInfo(
        id=run.id,
        name=run.name,
        spider=run.spider,
        due=datetime.fromtimestamp(run.due, UTC),
        attempt=run.attempt,
        node=run.node,
        verdict=run.verdict,
        why=run.why,
        items=run.items,
        errors=run.errors,
        again=None if again is None else datetime.fromtimestamp(again, UTC),
    )


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M:%S}"
