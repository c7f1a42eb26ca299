"""Sends what the outbox holds: one process at a time, one action after the other.

Before an action is sent, that it is about to be is committed; after it, its outcome. So after a
crash the outbox knows what may have been sent. That is looked up where the kind of action can be;
else, if sending it twice does no harm, it is sent again; else it is left to a person.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    IgnoreRequest,
)

from satchel.actions import OPEN, SENDING, Action, Found, Outcome, Proposal, State, service_of
from satchel.addon import SatchelAddon
from satchel.errors import (
    ActionError,
    AnswerError,
    LoginFailed,
    NoAccount,
    NoClient,
    NotOffered,
    UsageError,
)
from satchel.outbox import Key, Outbox, key_of_row
from satchel.tables import Row
from satchel.waiting import is_ending, wait

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.sessions import Sessions

logger = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS: Final = 5
"""How often an action is sent at most."""

MINUTE: Final = 60.0

NOT_SENT: Final = (
    IgnoreRequest,
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    LoginFailed,
    NoClient,
)
"""Errors that say that the server did nothing."""

NOTHING_THERE: Final = (AnswerError, NotOffered)
"""Errors that say that looking is of no use."""


@dataclass(frozen=True, slots=True)
class Step:
    """What would be done with an action now.

    :ivar row: the action
    :ivar proposal: what it stands for; ``None``: it cannot be read here
    :ivar account: as whom it would be sent; empty: as nobody
    :ivar state: ``SENDING``: it would be sent; ``HELD`` or ``VETOED``: it would not
    :ivar note: why not
    :ivar by: who says so, if it is a plugin
    """

    row: Row
    proposal: Proposal | None
    account: str = ""
    state: State = State.SENDING
    note: str = ""
    by: str = ""


class _Run:
    """What limits look at: what was done so far."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.refused = 0
        self.stopped = ""
        self.failing: dict[str, str] = {}
        self.waiting: dict[tuple[str, str], int] = {}


class Executor:
    """Executes an outbox within a crawl, or in a script's engine.

    :param only: the keys of the actions that may be sent; ``None``: all
    """

    def __init__(
        self, crawler: Crawler, outbox: Outbox, only: Collection[Key] | None = None
    ) -> None:
        self._states: dict[int, State] = {}
        self._crawler = crawler
        self._addon = SatchelAddon.of(crawler)
        self._config = self._addon.config
        self._outbox = outbox
        self._only = only
        self._run = _Run()
        self._times: deque[datetime] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="satchel-actions")

    @property
    def results(self) -> Counter[State]:
        """State → how many of the actions that it came to are in it now."""
        return Counter(self._states.values())

    @asynccontextmanager
    async def alone(self, seconds: float) -> AsyncIterator[bool]:
        """Whether no other process executes the outbox; none will while the context lasts.

        :param seconds: how long to wait for one that does
        """
        lock = self._outbox.alone(seconds)
        mine = await self._in_thread(lock.__enter__)
        try:
            if mine:
                since = _now() - timedelta(seconds=MINUTE)
                self._times = deque(await self._in_thread(self._outbox.sent_since, since))
            yield mine
        finally:
            await self._in_thread(lock.__exit__, None, None, None)

    async def work(self) -> None:
        """Settle what was sent without an outcome, and send what may be; once through all."""
        self._run.waiting.clear()
        for row in await self._in_thread(self._outbox.unfinished):
            if is_ending(self._crawler):
                break
            if row["state"] == State.SENDING or self._may_send(row):
                await self._advance(row)
            else:
                self._left(row)

    async def settle(self) -> None:
        """Wait until what was sent without an outcome can be looked up, and do so."""
        while seconds := await self._unsettled():
            logger.info(
                "actions were sent without an answer; looking them up in %.0f seconds", seconds
            )
            if not await wait(self._crawler, seconds):
                return
            await self.work()

    async def plan(self) -> list[Step]:
        """What :meth:`work` would do. Nothing is sent or written."""
        run, self._run = self._run, _Run()
        try:
            steps = []
            for row in await self._in_thread(self._outbox.unfinished):
                if not self._may_send(row):
                    self._wait_for(row)
                    continue
                step = await self._step(row)
                if step.state is State.SENDING:
                    self._run.sent[row["kind"]] += 1
                elif step.state is State.HELD:
                    self._wait_for(row)
                steps.append(step)
            return steps
        finally:
            self._run = run

    def close(self) -> None:
        """End its thread. The outbox stays open."""
        self._thread.shutdown()

    # One action

    def _concerns(self, row: Row) -> bool:
        return self._only is None or key_of_row(row) in self._only

    def _may_send(self, row: Row) -> bool:
        return row["state"] in OPEN and self._concerns(row)

    def _wait_for(self, row: Row) -> None:
        """Have the later actions of the same target wait for one that is not settled."""
        self._run.waiting.setdefault((row["server"], row["target"]), row["id"])

    def _first(self, row: Row) -> int | None:
        """The earlier action that one waits for."""
        return self._run.waiting.get((row["server"], row["target"]))

    def _left(self, row: Row) -> None:
        """Take note of an action that is not this run's to send, or a person's to resolve."""
        self._wait_for(row)
        if row["state"] == State.UNKNOWN and self._concerns(row):
            self._states[row["id"]] = State.UNKNOWN

    async def _advance(self, row: Row) -> None:
        """Bring an action as far as it can be brought now."""
        if row["state"] == State.SENDING and self._first(row) is None:
            await self._settle(row)
        for _ in range(ATTEMPTS):
            if not self._may_send(row) or not await self._attempt(row):
                break
        self._states[row["id"]] = State(row["state"])
        if row["state"] in (*OPEN, State.SENDING, State.UNKNOWN):
            self._wait_for(row)

    async def _attempt(self, row: Row) -> bool:
        """Send an action, if nothing is against it; whether to try again at once."""
        step = await self._step(row)
        if step.proposal is None or step.state is not State.SENDING:
            await self._finish(row, Outcome(step.state, step.note), step.proposal, by=step.by)
            return False
        if not await self._permit():
            return False
        if not await self._in_thread(self._outbox.claim, row, step.account):
            logger.warning("action %s was changed by somebody else meanwhile", row["id"])
            return False
        self._times.append(_now())
        self._run.sent[row["kind"]] += 1
        outcome = await self._send(step.proposal.action, step.account)
        if outcome is None:
            await self._lost(row)
            return row["state"] in OPEN
        if outcome.state is State.REFUSED and row["attempts"] > 1:
            outcome = await self._second_opinion(step.proposal.action, outcome)
        self._count(outcome, step.account)
        await self._finish(row, outcome, step.proposal, account=step.account)
        return False

    async def _step(self, row: Row) -> Step:
        """What is to be done with an action now."""
        try:
            proposal = self._addon.proposals.proposal(row)
            action = proposal.action
            account = self._account(action)
        except (ActionError, NoAccount) as error:
            return Step(row, None, state=State.HELD, note=str(error))
        if (first := self._first(row)) is not None:
            waits = f"it waits for action {first}, of the same target"
            return Step(row, proposal, account, State.HELD, waits)
        if obstacle := self._obstacle(action, account):
            return Step(row, proposal, account, State.HELD, obstacle)
        veto = await self._addon.calls.veto_action(proposal)
        if veto is None:
            return Step(row, proposal, account)
        state = State.VETOED if veto.reason else State.HELD
        note = veto.reason or f"plugin {veto.plugin} failed, and is asked before this is sent"
        return Step(row, proposal, account, state, note, f"plugin {veto.plugin}")

    def _account(self, action: Action) -> str:
        """The name of the account that it would be sent as; empty: nobody's.

        :raises NoAccount: there is none
        """
        if action.account:
            return self._sessions(action).account(action.account).name
        return "" if action.role is None else self._sessions(action).choose(action.role).name

    def _sessions(self, action: Action) -> Sessions:
        sessions = self._addon.sessions.get(service_of(action.kind))
        if sessions is None:
            raise NoAccount(f"{action.kind}: it takes an account, and its service has none")
        return sessions

    def _obstacle(self, action: Action, account: str) -> str:
        """What of the settings, or of this run, is against an action; empty: nothing."""
        kind, run, config = action.kind, self._run, self._config
        if run.stopped:
            return run.stopped
        if action.sensitive and kind not in config.actions_allow:
            return f"SATCHEL_ACTIONS_ALLOW does not name {kind}"
        if account in run.failing:
            return run.failing[account]
        if sum(run.sent.values()) >= config.actions_limit:
            return f"the run has sent {config.actions_limit} (SATCHEL_ACTIONS_LIMIT)"
        most = config.actions_limits.get(kind)
        if most is not None and run.sent[kind] >= most:
            return f"the run has sent {most} of this kind (SATCHEL_ACTIONS_LIMITS)"
        return ""

    async def _permit(self) -> bool:
        """Wait until the minute's limit allows one more; false: the crawl ends before that."""
        while True:
            now = _now()
            while self._times and (now - self._times[0]).total_seconds() >= MINUTE:
                self._times.popleft()
            if len(self._times) < self._config.actions_per_minute:
                return True
            seconds = MINUTE - (now - self._times[0]).total_seconds()
            if not await wait(self._crawler, seconds):
                return False

    async def _send(self, action: Action, account: str) -> Outcome | None:
        """What the server made of an action; ``None``: nobody knows."""
        token = SENDING.set(True)
        try:
            return await action.send(self._crawler)
        except NOT_SENT as error:
            # With a login that failed the crawl ends, so that nothing else would be sent either.
            return Outcome(State.HELD, f"not sent: {_one_line(error)}")
        except UsageError as error:
            return Outcome(State.FAILED, str(error))
        except Exception as error:
            logger.warning("%s of %s: no answer: %s", action.kind, action.target, _one_line(error))
            return None
        finally:
            SENDING.reset(token)

    def _count(self, outcome: Outcome, account: str) -> None:
        run = self._run
        if outcome.by_account:
            run.failing[account] = f"the account {account} failed: {outcome.note}"
        elif outcome.state is State.HELD:
            run.stopped = f"the run was stopped: {outcome.note}"
            logger.error("actions: %s", run.stopped)
        if outcome.state is State.REFUSED:
            run.refused += 1
            if run.refused >= self._config.actions_refusals:
                run.stopped = (
                    f"the run was stopped after {run.refused} refusals (SATCHEL_ACTIONS_REFUSALS)"
                )
                logger.error("actions: %s", run.stopped)

    # Outcomes that are not known

    async def _lost(self, row: Row) -> None:
        await self._change(row, State.SENDING, "no answer; it will be looked up")
        await self._settle(row)

    async def _settle(self, row: Row) -> None:
        """Look what came of an action that was sent, if it is time."""
        if self._seconds_left(row) > 0:
            return
        try:
            proposal = self._addon.proposals.proposal(row)
        except ActionError as error:
            await self._change(row, State.SENDING, f"it cannot be looked up: {error}")
            return
        try:
            found = await self._look(proposal.action)
        except Exception as error:
            await self._change(row, State.SENDING, f"not looked up yet: {_one_line(error)}")
            return
        await self._finish(row, _settled(proposal.action, found, row["attempts"]), proposal)

    async def _look(self, action: Action) -> Found:
        """What the server shows.

        :raises Exception: it could not be asked
        """
        try:
            return await action.look(self._crawler)
        except NOTHING_THERE as error:
            logger.warning("%s of %s: %s", action.kind, action.target, _one_line(error))
            return Found.UNSURE

    async def _second_opinion(self, action: Action, refusal: Outcome) -> Outcome:
        """A refusal of what was sent before: maybe the server did it then."""
        try:
            found = await self._look(action)
        except Exception as error:
            logger.warning("%s of %s: %s", action.kind, action.target, _one_line(error))
            found = Found.UNSURE
        if found is Found.DONE:
            return Outcome(State.DONE, "the server had done it when it was sent before")
        if found is Found.NOT_DONE:
            return refusal
        return Outcome(State.UNKNOWN, f"sent before without an answer, and now: {refusal.note}")

    async def _unsettled(self) -> float:
        """Seconds until the next action can be looked up; 0: there is none."""
        rows = await self._in_thread(self._outbox.unfinished)
        left = [self._seconds_left(row) for row in rows if row["state"] == State.SENDING]
        return min((seconds for seconds in left if seconds > 0), default=0.0)

    def _seconds_left(self, row: Row) -> float:
        age: float = max((_now() - row["sent_at"]).total_seconds(), 0.0)
        return self._config.actions_settle - age

    # Writing

    async def _finish(
        self,
        row: Row,
        outcome: Outcome,
        proposal: Proposal | None,
        *,
        account: str = "",
        by: str = "",
    ) -> None:
        """Write what came of an action, and tell the plugins if that is the end of it."""
        # What the server is known not to have done counts as never sent.
        took_back = row["state"] == State.SENDING and outcome.state is State.HELD
        attempts = row["attempts"] - took_back
        await self._change(
            row, outcome.state, outcome.note, account=account, by=by, attempts=attempts
        )
        if proposal is not None and outcome.state not in OPEN:
            await self._addon.calls.action_finished(proposal, outcome)

    async def _change(self, row: Row, state: State, note: str, **more: Any) -> None:
        change = self._outbox.change
        if not await self._in_thread(lambda: change(row, state, note, **more)):
            logger.warning("action %s was changed by somebody else meanwhile", row["id"])

    async def _in_thread(self, function: Callable[..., T], *words: Any) -> T:
        # Shielded: what was begun is committed, also when the crawl is stopped.
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, function, *words))


def _settled(action: Action, found: Found, attempts: int) -> Outcome:
    """What becomes of an action that was sent without an answer."""
    if found is Found.DONE:
        return Outcome(State.DONE, "there was no answer; it was looked up")
    may = found is Found.NOT_DONE or action.repeatable
    if may and attempts < ATTEMPTS:
        how = "it is not done" if found is Found.NOT_DONE else "sending it twice does no harm"
        return Outcome(State.PROPOSED, f"there was no answer; {how}: it may be sent again")
    if found is Found.NOT_DONE:
        return Outcome(State.FAILED, f"sent {attempts} times without an answer; it is not done")
    return Outcome(State.UNKNOWN, "there was no answer, and it cannot be looked up")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
