"""What is sent, in which order, within which limits, and what the outbox says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from acting import Acting, running, writes
from satchel import executor as executing
from satchel.actions import Action, State
from satchel.errors import ActionError
from satchel.faults import Faults
from satchel.hookspecs import hookimpl
from satchel.kemono import (
    ApproveLinkRequest,
    ChangePassword,
    ChangeRole,
    CreatorLinkRequest,
    FavoriteCreator,
    FlagPost,
    RejectLinkRequest,
    UnfavoriteCreator,
)
from satchel.kemono.world import CONSUMER, password_of
from satchel.outbox import Outbox, key_of_row
from satchel.store import Store
from sites import accounts

Make = Callable[..., Acting]


def favorites(count: int, first: int = 0) -> list[Action]:
    return [FavoriteCreator(service="patreon", creator=str(first + n)) for n in range(count)]


def favored(acting: Acting) -> list[str]:
    return [id for _, id in acting.server.site.state.creators[3]]


# What is sent


def test_a_dry_run_sends_nothing(act: Make) -> None:
    acting = act()
    acting.propose(*favorites(2), ChangeRole(id=4, to="consumer"), reason="so")
    steps = acting.plan(SATCHEL_ACTIONS_ALLOW=[], SATCHEL_ACTIONS_LIMIT=1)
    assert [step.state for step in steps] == [State.SENDING, State.HELD, State.HELD]
    assert [step.account for step in steps] == [CONSUMER, CONSUMER, "sandbox-admin"]
    assert steps[1].note == "the run has sent 1 (SATCHEL_ACTIONS_LIMIT)"
    assert steps[2].note == "SATCHEL_ACTIONS_ALLOW does not name kemono.change_role"
    assert acting.server.paths() == []
    assert acting.states() == ["proposed"] * 3


def test_add_remove_add_is_three_and_a_rerun_is_none(act: Make) -> None:
    acting = act()
    one = {"service": "patreon", "creator": "1"}
    added, removed = FavoriteCreator(**one), UnfavoriteCreator(**one)
    acting.propose(added, removed, added)
    assert acting.run() == {"done": 3}
    sent = writes(acting.server)
    assert [path.split()[0] for path in sent] == ["POST", "DELETE", "POST"]
    assert acting.propose(added, name="0") == []
    assert acting.run() == {}
    assert writes(acting.server) == []


def test_promote_and_demote_are_two(act: Make) -> None:
    acting = act()
    promote, demote = ChangeRole(id=4, to="moderator"), ChangeRole(id=4, to="consumer")
    assert len(acting.propose(promote, demote, promote, name="n")) == 2
    assert acting.run() == {"done": 2}
    assert acting.server.site.state.accounts[4]["role"] == "consumer"


def test_a_plugin_that_thinks_better_of_it(act: Make) -> None:
    """What it says of an item now counts; what others say, and of other items, stays."""
    acting = act()
    approve, reject = ApproveLinkRequest(id=56), RejectLinkRequest(id=56)
    one = {"by": "plugin one", "item": "request 56", "name": ""}

    def says(*actions: Action, server: str = acting.server.url, **more: str) -> None:
        """What a crawl stores."""
        rows = [acting.row(action, **one, **more) for action in actions]

        async def put() -> None:
            store = Store.open(acting.url, [CreatorLinkRequest], actions=True)
            await store.put(None, rows, [(server, "plugin one", "request 56")])
            await store.close()

        asyncio.run(put())

    says(approve)
    acting.propose(approve, by="person p")
    acting.propose(approve, **{**one, "item": "request 57"})
    acting.propose(approve, **{**one, "by": "plugin two"})
    says(reject, reason="mended")
    others = ["proposed"] * 3
    assert acting.states() == ["withdrawn", *others, "proposed"]
    first, *_, second = (row["id"] for row in acting.outbox.listed())
    event = acting.outbox.events(first)[-1]
    assert (event["state"], event["by"]) == ("withdrawn", "plugin one")
    assert event["note"] == "it does not propose that for the item any more"
    says(approve, reason="after all")
    assert acting.states() == ["proposed", *others, "withdrawn"]
    row = acting.outbox.one(first)
    assert row is not None
    assert row["reason"] == "after all"
    assert acting.story(second) == ["proposed", "withdrawn"]
    says(approve, reject)
    assert acting.states() == ["proposed"] * 5
    # On another server it says nothing of this one's.
    says(server="http://127.0.0.2")
    assert acting.states() == ["proposed"] * 5
    says()
    assert acting.states() == ["withdrawn", *others, "withdrawn"]
    says(approve)
    # What a person took back stays so.
    row = acting.outbox.one(first)
    assert row is not None
    assert acting.outbox.change(row, State.WITHDRAWN, by="person p")
    says(approve)
    assert acting.states() == ["withdrawn", *others, "withdrawn"]
    # What was sent is over.
    says(reject)
    assert acting.outbox.change(acting.outbox.listed()[-1], State.DONE)
    says()
    assert acting.states()[-1] == "done"


def test_what_is_for_another_server(act: Make) -> None:
    acting = act()
    acting.propose(*favorites(1))
    other = act()
    assert other.run() == {"held": 1}
    assert f"it is for {acting.server.url}, and {other.server.url} is configured" in other.notes()
    assert acting.run() == {"done": 1}


# In order


def test_what_waits_for_an_earlier_action(act: Make) -> None:
    acting = act()
    one = {"service": "patreon", "creator": "1"}
    first, *_ = acting.propose(FavoriteCreator(**one), UnfavoriteCreator(**one), *favorites(1, 7))
    limits = {"kemono.favorite_creator": 0}
    assert acting.run(SATCHEL_ACTIONS_LIMITS=limits) == {"held": 3}
    assert acting.notes()[1] == f"it waits for action {first}, of the same target"
    steps = acting.plan(SATCHEL_ACTIONS_LIMITS=limits)
    assert [step.note for step in steps] == acting.notes()
    assert writes(acting.server) == []
    assert acting.run() == {"done": 3}


def test_what_waits_for_an_earlier_action_of_another_run(act: Make) -> None:
    acting = act()
    one = {"service": "patreon", "creator": "1"}
    first, _ = acting.propose(FavoriteCreator(**one), UnfavoriteCreator(**one))
    own = {key_of_row(acting.outbox.listed()[1])}

    async def main() -> Any:
        async with running(acting.outbox, acting.all_settings(), own) as executor:
            plan = await executor.plan()
            await executor.work()
            return plan, dict(executor.results)

    (step,), results = asyncio.run(main())
    assert results == {"held": 1}
    assert step.note == acting.notes()[1] == f"it waits for action {first}, of the same target"
    assert writes(acting.server) == []


# Limits


def test_limits_of_a_run_and_a_kind(act: Make) -> None:
    acting = act()
    acting.propose(*favorites(4), ApproveLinkRequest(id=56), RejectLinkRequest(id=58))
    limits = {"SATCHEL_ACTIONS_LIMITS": {"kemono.favorite_creator": 1}, "SATCHEL_ACTIONS_LIMIT": 2}
    assert acting.run(**limits) == {"done": 2, "held": 4}
    assert acting.states() == ["done", "held", "held", "held", "done", "held"]
    assert acting.notes()[1] == "the run has sent 1 of this kind (SATCHEL_ACTIONS_LIMITS)"
    assert acting.notes()[5] == "the run has sent 2 (SATCHEL_ACTIONS_LIMIT)"
    assert acting.run(**limits) == {"done": 2, "held": 2}
    assert acting.states() == ["done", "done", "held", "held", "done", "done"]
    assert acting.story(2) == ["proposed", "held", "sending", "done"]
    # What is held for the same reason again is no news.
    assert acting.story(3) == ["proposed", "held"]


def test_the_limit_of_a_minute_counts_other_runs(
    act: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting = act()
    acting.propose(*favorites(2))
    acting.run(SATCHEL_ACTIONS_PER_MINUTE=3)
    acting.propose(*favorites(3, 10))
    now, waited = executing._now, list[float]()

    async def wait(crawler: Any, seconds: float) -> bool:
        waited.append(seconds)
        late = timedelta(seconds=sum(waited))
        monkeypatch.setattr(executing, "_now", lambda: now() + late)
        return True

    monkeypatch.setattr(executing, "wait", wait)
    assert acting.run(SATCHEL_ACTIONS_PER_MINUTE=3) == {"done": 3}
    assert len(waited) in (1, 2)
    assert 50 < sum(waited) <= 60


def test_the_limit_of_a_minute_counts_each_once(act: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    acting = act()
    monkeypatch.setattr(executing, "wait", None)  # Nobody has to wait.

    async def main() -> None:
        settings = acting.all_settings(SATCHEL_ACTIONS_PER_MINUTE=3)
        async with running(acting.outbox, settings) as executor:
            for burst in (2, 1):
                acting.propose(*favorites(burst, burst * 10))
                async with executor.alone(5):
                    await executor.work()

    asyncio.run(main())
    assert acting.states() == ["done"] * 3


def test_the_limit_of_a_minute_counts_what_was_sent(act: Make) -> None:
    """Not what was noted of it while nobody knew the outcome."""
    acting = act()
    acting.propose(*favorites(1))
    (row,) = acting.outbox.unfinished()
    assert acting.outbox.claim(row, CONSUMER)
    assert acting.outbox.change(row, State.SENDING, "no answer; it will be looked up")
    assert len(acting.outbox.sent_since(executing._now() - timedelta(minutes=1))) == 1


def test_a_kind_that_has_to_be_named(act: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD", password_of(CONSUMER))
    monkeypatch.setenv("NEW", "tulipani")
    acting = act()
    acting.propose(
        ChangeRole(id=4, to="moderator"), ChangePassword(account=CONSUMER, current="OLD", new="NEW")
    )
    assert acting.run(SATCHEL_ACTIONS_ALLOW=[]) == {"held": 2}
    assert writes(acting.server) == []
    assert acting.run(SATCHEL_ACTIONS_ALLOW=["kemono.change_password"]) == {"held": 1, "done": 1}
    everything = json.dumps(
        [*acting.outbox.listed(), *acting.outbox.events(1), *acting.outbox.events(2)], default=str
    )
    assert "tulipani" not in everything
    assert password_of(CONSUMER) not in everything


def test_a_secret_that_is_not_there(act: Make) -> None:
    acting = act()
    acting.propose(ChangePassword(account=CONSUMER, current="NOWHERE", new="NOWHERE"))
    assert acting.run() == {"failed": 1}
    assert acting.notes()[0].startswith("NOWHERE is not set: put the secret in the environment")
    assert writes(acting.server) == []


def test_a_secret_in_the_place_of_its_name(act: Make) -> None:
    """Code that makes an action is checked as a person's words are."""
    acting = act()
    with pytest.raises(ActionError, match=r"new: Expected `str` matching regex") as caught:
        acting.propose(ChangePassword(account=CONSUMER, current="OLD", new="tulipani"))
    assert "tulipani" not in str(caught.value)
    assert acting.outbox.listed() == []


def test_as_whom_what_takes_no_account_is_sent(act: Make) -> None:
    """The audit says what the server was shown."""
    acting = act()
    acting.propose(*(FlagPost(service="patreon", creator="1", post="1", account=name)
                     for name in ("", CONSUMER)))  # fmt: skip
    assert [step.account for step in acting.plan()] == ["", CONSUMER]
    assert acting.run() == {"refused": 2}
    assert [row["account"] for row in acting.outbox.listed()] == ["", CONSUMER]
    flags = [asked for asked in acting.server.asked() if asked.path.endswith("/flag")]
    assert ["Cookie" in asked.headers for asked in flags if asked.method == "POST"] == [False, True]


def test_many_refusals_stop_the_run(act: Make) -> None:
    acting = act()
    acting.propose(*(ApproveLinkRequest(id=1_000 + n) for n in range(5)), *favorites(1))
    assert acting.run(SATCHEL_ACTIONS_REFUSALS=3) == {"refused": 3, "held": 3}
    assert acting.notes()[5] == ("the run was stopped after 3 refusals (SATCHEL_ACTIONS_REFUSALS)")
    assert len(writes(acting.server)) == 3


def test_an_account_that_fails_stops_the_run(act: Make) -> None:
    acting = act(roles=accounts("consumer", "moderator", moderator="wr0ng"))
    acting.propose(ApproveLinkRequest(id=56), RejectLinkRequest(id=58), *favorites(1))
    assert acting.run()["held"] >= 1
    assert acting.states()[0] == "held"
    assert "refused the username or the password" in acting.notes()[0]
    assert writes(acting.server) == []
    logins = [login.username for login in acting.server.site.logins]
    assert logins.count("sandbox-moderator") == 1
    acting = act(roles=accounts("consumer"))
    acting.propose(ApproveLinkRequest(id=56))
    acting.run()
    assert "no account for the role moderator" in acting.notes()[-1]


def test_a_server_that_is_not_there_or_wants_to_be_left_alone(act: Make) -> None:
    acting = act()
    acting.propose(*favorites(2))
    busy = Faults(rate=1, kinds=("status_429",), only="/favorites", in_a_row=None)
    acting.server.sandbox.faults = busy
    assert acting.run() == {"held": 2}
    assert acting.notes()[1] == "the run was stopped: the server answered 429"
    assert len(writes(acting.server)) == 1
    (row, _) = acting.outbox.listed()
    assert row["attempts"] == 0


# What is not known


def test_what_may_still_be_shown_as_it_was(act: Make) -> None:
    """A lost approval, and a server that repeats for a while what it showed before."""
    acting = act(edge_cache=1.0)
    request = acting.server.site.world.link_requests[56]
    sides = {side: request[side] for side in ("from_service", "from_id", "to_service", "to_id")}
    acting.propose(ApproveLinkRequest(id=56, **sides))
    lost = Faults(rate=1, kinds=("lost",), only="/approve", in_a_row=1)
    acting.server.sandbox.faults = lost

    async def main() -> Any:
        await acting.sending(SATCHEL_ACTIONS_LIMIT=0)
        return await acting.sending(SATCHEL_ACTIONS_SETTLE=1.5)

    assert asyncio.run(main()) == {"done": 1}
    assert acting.notes() == ["there was no answer; it was looked up"]
    assert len([path for path in writes(acting.server) if "approve" in path]) == 1


def test_what_nobody_can_know_is_left_to_a_person(act: Make) -> None:
    acting = act()
    (id_, other) = acting.propose(RejectLinkRequest(id=56), ApproveLinkRequest(id=56))
    acting.server.sandbox.faults = Faults(rate=1, kinds=("lost",), only="/reject", in_a_row=1)
    assert acting.run() == {"unknown": 1, "held": 1}
    assert acting.run() == {"unknown": 1, "held": 1}
    assert acting.states() == ["unknown", "held"]
    (step,) = acting.plan()
    assert step.note == f"it waits for action {id_}, of the same target"
    assert acting.outbox.change(acting.outbox.listed()[1], State.WITHDRAWN)
    assert acting.run() == {"unknown": 1}
    assert acting.outbox.change(acting.outbox.listed()[1], State.PROPOSED)
    row = acting.outbox.one(id_)
    assert row is not None
    assert acting.outbox.change(row, State.DONE, "I looked", by="person tester")
    assert acting.run() == {"refused": 1}
    assert acting.story(id_)[-2:] == ["unknown", "done"]
    assert acting.outbox.events(id_)[-1]["by"] == "person tester"
    assert acting.outbox.one(other) is not None


def test_what_is_never_answered(act: Make) -> None:
    acting = act()
    acting.propose(ChangeRole(id=4, to="moderator"), *favorites(1))
    reset = Faults(rate=1, kinds=("reset",), only="administrator/accounts$|/favor", in_a_row=None)
    acting.server.sandbox.faults = reset
    assert acting.run() == {"failed": 1, "sending": 1}
    assert acting.notes()[0] == "sent 5 times without an answer; it is not done"
    assert acting.notes()[1].startswith("not looked up yet: ")
    acting.server.sandbox.faults = Faults()
    assert acting.run() == {"done": 1}


# Plugins


class Careful:
    """Against all favourites but one."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    @hookimpl
    async def satchel_veto_action(self, proposal: Any) -> str | None:
        if proposal.action.creator == "1":
            raise RuntimeError("never heard of it")
        return "not that one" if proposal.action.creator == "2" else None

    @hookimpl
    def satchel_action_finished(self, proposal: Any, outcome: Any) -> None:
        self.heard.append((proposal.action.creator, outcome.state))


def test_vetoes(act: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = Careful()
    monkeypatch.setattr("acting.careful", careful, raising=False)
    acting = act()
    acting.propose(*favorites(3))
    plugged = {"SATCHEL_PLUGINS": ["acting:careful"]}
    assert acting.run(**plugged) == {"done": 1, "held": 1, "vetoed": 1}
    assert acting.notes() == [
        "", "plugin acting:careful failed, and is asked before this is sent", "not that one",
    ]  # fmt: skip
    assert careful.heard == [("0", "done"), ("2", "vetoed")]
    assert acting.outbox.events(3)[-1]["by"] == "plugin acting:careful"
    assert favored(acting).count("0") == 1
    assert not {"1", "2"} & {*favored(acting)}
    assert acting.run() == {"done": 1}


# Two at once


def test_two_at_once(act: Make) -> None:
    """One waits until the other has sent all; if it does not want to wait, it leaves all."""
    acting = act()
    acting.propose(*favorites(5))
    second = Acting(acting.server, acting.url)

    async def main() -> None:
        with acting.outbox.alone(0) as mine:
            assert mine
            with second.outbox.alone(0.1) as also:
                assert not also
        acting.server.sandbox.faults = Faults(latency=0.05)
        results = await asyncio.gather(acting.sending(), second.sending())
        assert sum(result["done"] for result in results) == 5

    asyncio.run(main())
    second.outbox.close()
    assert len(writes(acting.server)) == 5
    assert acting.states() == ["done"] * 5


def test_what_somebody_else_claimed_is_not_sent(act: Make) -> None:
    acting = act()
    acting.propose(*favorites(1))
    (row,) = acting.outbox.unfinished()
    other = dict(row)
    assert acting.outbox.claim(row, CONSUMER)
    assert not acting.outbox.claim(other, CONSUMER)
    assert acting.story(row["id"]) == ["proposed", "sending"]


def test_an_outbox_that_is_not_there(tmp_path: Any) -> None:
    outbox = Outbox(f"sqlite:///{tmp_path}/s.db")
    outbox.make()
    assert outbox.exists()
    assert outbox.counts() == {}
    outbox.close()
