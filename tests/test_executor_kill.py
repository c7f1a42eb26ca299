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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def kill_one(self) -> bool:
        """Start one and kill it; false: it ended by itself."""
        before = len(self._site.seen)
        pid = int(self._ask("go"))
        # Some moments lie before its first request; most while it is at work.
        if self._chance.random() < 0.9:
            for _ in range(2_000):
                if len(self._site.seen) > before:
                    break
                time.sleep(0.005)
        time.sleep(self._chance.uniform(0, 0.12))
        os.kill(pid, signal.SIGKILL)
        return self._ask("") == "-9"

    def _ask(self, word: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
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


def test_killed_fifty_times(act: Callable[..., Acting]) -> None:
    acting = act(world=World(accounts=60), login_limit=None)
    actions = two_hundred(acting.server.site)
    ids = acting.propose(*actions)
    acting.server.sandbox.faults = Faults(latency=0.01)
    with Lives(acting) as killing:
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
    rows = acting.outbox.listed()
    for id_, row in zip(ids, rows, strict=True):
        story = acting.story(id_)
        assert story[0] == "proposed"
        assert story[-1] == row["state"]
        assert "sending" in story
