"""An executor that is killed again and again: each effect comes once, and the audit is whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

import lives
from acting import Acting
from satchel.actions import Action
from satchel.faults import Faults
from satchel.kemono import (
    ApproveLinkRequest,
    ChangeRole,
    FavoriteCreator,
    FlagPost,
    RejectLinkRequest,
)
from satchel.kemono.sandbox import KemonoSite
from satchel.kemono.world import World
from sites import accounts

KILLS = 50
ALL = accounts("consumer", "moderator", "administrator")


def requests(site: KemonoSite, count: int) -> list[Action]:
    """Decisions on new link requests; every third does not say between whom."""
    known = [key for key in site.index.creators if key[0] != "discord"]
    pairs = zip(known * 9, known[1:] * 9, strict=False)
    made: list[Action] = []
    for number, (one, other) in zip(range(count), pairs, strict=False):
        id_ = site.state.ask_to_link(one, other, "", 4)
        kind = RejectLinkRequest if number % 2 else ApproveLinkRequest
        sides = dict(zip(("from_service", "from_id"), one, strict=True))
        sides |= dict(zip(("to_service", "to_id"), other, strict=True))
        made.append(kind(id=id_, **(sides if number % 3 else {})))
    return made


def two_hundred(site: KemonoSite) -> list[Action]:
    unflagged = [key for key, post in site.world.posts.items() if not post["flag"]]
    return [
        *(FavoriteCreator(service="patreon", creator=str(n)) for n in range(60)),
        *requests(site, 60),
        *(ChangeRole(id=4 + n, to="moderator") for n in range(50)),
        *(FlagPost(service=s, creator=c, post=p) for s, c, p in unflagged[:30]),
    ]


class Lives:
    """Starts executors, and kills them at random moments."""

    def __init__(self, acting: Acting) -> None:
        self._site = acting.server.site
        self._chance = random.Random(7)
        given = json.dumps([acting.url, acting.all_settings()])
        environment = {**os.environ, "SATCHEL_KEMONO_ACCOUNTS": ALL}
        self._process = subprocess.Popen(
            [sys.executable, lives.__file__, given], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._said() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def begin(self) -> int:
        """Start one; its process id."""
        return int(self._ask("go"))

    def end(self) -> int:
        """Wait until one has ended; its exit status."""
        return int(self._ask("end"))

    def kill_one(self) -> bool:
        """Start one and kill it; false: it ended by itself.

        The moment is counted in what the server was asked to change, so that slow machines, too,
        kill at all kinds of actions. The delay after it has the server's answer, what is written of
        that, and the next action that is written, sent and done.
        """
        changes, before = self._chance.randrange(6), self._changes()
        pid = self.begin()
        for _ in range(20_000 if changes else 0):
            if self._changes() >= before + changes:
                break
            time.sleep(0.001)
        time.sleep(self._chance.uniform(0, 0.015 if changes else 0.3))
        os.kill(pid, signal.SIGKILL)
        return self.end() == -signal.SIGKILL

    def _changes(self) -> int:
        asked = list(self._site.seen)
        return sum(one.method != "GET" and "/authentication/" not in one.path for one in asked)

    def _ask(self, word: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._said()

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def effects(acting: Acting) -> Counter[Any]:
    """What the server did: each target, and how often."""
    site = acting.server.site
    done: Counter[Any] = Counter()
    for asked in acting.server.sandbox.log:
        if (
            asked.method == "POST"
            and asked.status in (200, 201)
            and "/v1/account/mod" in asked.path
        ):
            done[asked.path.split("/")[-2]] += 1
    for id_ in range(4, 54):
        told = [row for row in site.state.notifications[id_] if row["id"] > 1_000]
        done[f"role {id_}"] += len(told)
    return done


def asked(acting: Acting) -> Counter[str]:
    """How often the server was asked for each change, as previews show it."""
    return Counter(
        f"{one.method} {one.path}" + (f" {json.dumps(json.loads(one.body))}" if one.body else "")
        for one in acting.server.sandbox.log
        if one.method != "GET" and "/authentication/" not in one.path
    )


def test_killed_fifty_times(act: Callable[..., Acting]) -> None:
    acting = act(world=World(accounts=60), login_limit=None)
    actions = two_hundred(acting.server.site)
    mixed = random.Random(7).sample(actions, len(actions))
    acting.server.sandbox.faults = Faults(latency=0.01)
    with Lives(acting) as killing:
        ids = acting.propose(*mixed)
        for kill in range(KILLS):
            assert killing.kill_one(), f"it was done after {kill}"
    acting.run()
    site = acting.server.site
    states = Counter(acting.states())
    assert sum(states.values()) == len(actions) == 200
    assert set(states) <= {"done", "unknown"}
    assert states["unknown"] < 20
    # What is unknown was not known to be done, and nothing was done twice.
    for what, times in effects(acting).items():
        assert times == 1, what
    assert {("patreon", str(n)) for n in range(60)} <= site.state.creators[3].keys()
    assert all(site.state.accounts[4 + n]["role"] == "moderator" for n in range(50))
    decisions = [site.state.requests[a.id]["status"] for a in actions[60:120]]  # type: ignore[attr-defined]
    assert decisions == ["approved", "rejected"] * 30
    # The audit has each request that the server saw, before it was sent.
    requests, lost = asked(acting), Counter[str]()
    for id_, action, row in zip(ids, mixed, acting.outbox.listed(), strict=True):
        events = acting.outbox.events(id_)
        assert events[0]["state"] == "proposed"
        assert events[-1]["state"] == row["state"]
        claims = [event for event in events if event["state"] == "sending" and not event["note"]]
        assert 1 <= requests[action.preview()] <= len(claims) == row["attempts"]  # type: ignore[attr-defined]
        lost[action.kind] += "there was no answer" in " ".join(event["note"] for event in events)
    # Most were killed while one was under way, of whatever kind.
    assert lost.total() > KILLS / 5
    assert len(lost) == 5
    assert len(+lost) > 2


def test_two_processes_at_once(act: Callable[..., Acting]) -> None:
    acting = act(login_limit=None)
    acting.server.sandbox.faults = Faults(latency=0.01)
    with Lives(acting) as processes:
        acting.propose(*two_hundred(acting.server.site)[50:80])
        for _ in range(2):
            processes.begin()
        assert [processes.end(), processes.end()] == [0, 0]
    assert acting.states() == ["done"] * 30
    assert set(asked(acting).values()) == {1}
    assert asked(acting).total() == 30
