"""Actions that are proposed and sent within the tests' process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from satchel.actions import Action, Proposal
from satchel.executor import Executor, Step
from satchel.kemono.service import SERVICE
from satchel.outbox import Key, Outbox
from satchel.proposals import Proposals
from satchel.script import Engine
from satchel.tables import Row
from sites import Server

FAST = {
    "SATCHEL_RATES": {"*": "off"},
    "SATCHEL_BACKOFF": 0,
    "SATCHEL_ACTIONS_SETTLE": 0,
    "SATCHEL_ACTIONS_PER_MINUTE": 100_000,
    "SATCHEL_ACTIONS_LIMIT": 100_000,
    "SATCHEL_ACTIONS_ALLOW": ["kemono.change_role", "kemono.change_password"],
}


@dataclass
class Acting:
    """An outbox for a Kemono server.

    :ivar url: its database
    :ivar settings: those of :meth:`run`
    """

    server: Server
    url: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.url)
        self.outbox.make()
        self._proposals = Proposals([SERVICE], {"kemono": self.server.url})

    def propose(self, *actions: Action, **words: Any) -> list[int]:
        """Propose actions, each under a name of its own; their numbers."""
        known = len(self.outbox.listed())
        given = {"by": "person tester", **words}
        return self.outbox.add(
            [
                self.row(action, **{"name": f"{known + n}", **given})
                for n, action in enumerate(actions)
            ]
        )

    def row(self, action: Action, **words: Any) -> Row:
        """The row of a proposal."""
        return self._proposals.row(Proposal(action, **words))

    def run(self, **settings: Any) -> dict[str, int]:
        """Send what is proposed: state → how many are in it."""
        return dict(asyncio.run(self.sending(**settings)))

    async def sending(self, **settings: Any) -> Any:
        """The same, as a coroutine."""
        return await execute(self.outbox, self.all_settings(**settings))

    def all_settings(self, **settings: Any) -> dict[str, Any]:
        """Those that it takes to send without delay, and more."""
        return {**self.server.settings(), **FAST, **self.settings, **settings}

    def plan(self, **settings: Any) -> list[Step]:
        """What would be sent."""

        async def plan() -> list[Step]:
            async with running(self.outbox, self.all_settings(**settings)) as executor:
                return await executor.plan()

        return asyncio.run(plan())

    def states(self) -> list[str]:
        """The states of all actions, in order of proposal."""
        return [row["state"] for row in self.outbox.listed()]

    def notes(self) -> list[str]:
        return [row["note"] for row in self.outbox.listed()]

    def story(self, id_: int) -> list[str]:
        """The states that an action went through."""
        return [event["state"] for event in self.outbox.events(id_)]


@asynccontextmanager
async def running(
    outbox: Outbox, settings: dict[str, Any], only: Collection[Key] | None = None
) -> AsyncIterator[Executor]:
    """An executor in a script's engine."""
    engine = await Engine.start(settings)
    executor = Executor(engine.crawler, outbox, only)
    try:
        yield executor
    finally:
        executor.close()
        await engine.stop()


async def execute(outbox: Outbox, settings: dict[str, Any]) -> Any:
    """Send what is proposed: state → how many are in it."""
    async with running(outbox, settings) as executor:
        async with executor.alone(5) as alone:
            assert alone
            await executor.work()
            await executor.settle()
        return executor.results


def writes(server: Server) -> list[str]:
    """The requests that change something, since one last looked; logins and logouts aside."""
    return [
        path
        for path in server.paths()
        if not path.startswith("GET ") and "authentication" not in path
    ]
