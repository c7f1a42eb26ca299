"""Rules for link requests: what they propose, why, and what is said of the rules themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acting import Acting
from satchel.actions import State
from satchel.errors import StoreError
from satchel.kemono import ApproveLinkRequest, RejectLinkRequest, UnlinkCreator
from satchel.kemono.world import World
from satchel.outbox import DROPPED, Outbox
from satchel.plugins import moderation
from satchel.testing import Crawl, crawl
from sites import Serve, Server, accounts

RULES = """
protected = ["patreon/10000001"]

[[rule]]
name = "left alone"
decision = "leave"
requesters = [7]

[[rule]]
name = "asks too much"
decision = "reject"
rejected_at_most = 99
requesters = [8]

[[rule]]
name = "same name"
decision = "approve"
different_services = true
names_at_least = 0.9

[[rule]]
name = "nothing alike"
decision = "reject"
services = ["patreon", "fanbox", "gumroad"]
names_at_most = 0.4

[[rule]]
name = "never"
decision = "reject"
services = ["onlyfans"]

[[rule]]
name = "always"
decision = "leave"
"""

REQUESTS = 500


@pytest.fixture
def rules(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "rules.toml").write_text(text)
        return str(tmp_path / "rules.toml")

    return write


def five_hundred(server: Server) -> None:
    """Requests by turns: of the same name, of another, protected, by 7 and by 8."""
    state, creators = server.site.state, server.site.index.creators
    state.requests.clear()
    keys = [key for key, row in creators.items() if row["has_profile"] and key[0] != "discord"]
    patreon = [key for key in keys if key[0] == "patreon"]
    others = [key for key in keys if key[0] in ("fanbox", "gumroad")]
    for one in others:
        creators[one]["name"] = "Zz"
    for one in patreon:
        creators[one]["name"] = "Paper Kites"
    creators[others[0]]["name"] = "paper  KITES"
    for n in range(REQUESTS):
        asks = {3: 7, 4: 8}.get(n % 5, 20 + n)
        to = others[0] if n % 5 == 0 else others[1]
        one = ("patreon", "10000001") if n % 5 == 2 else patreon[2]
        state.ask_to_link(one, to, "", asks)


def moderated(server: Server, path: str, folder: Path, **settings: Any) -> Crawl:
    store = f"sqlite:///{folder}/s.db"
    given = {"SATCHEL_MODERATION_RULES": path, "SATCHEL_STORE": store, **settings}
    return crawl("kemono-moderation", server.settings(SATCHEL_PRIVACY="careful", **given))


def test_five_hundred_requests(
    serve: Serve,
    rules: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("moderator"))
    server = serve(world=World())
    five_hundred(server)
    path = rules(RULES)
    done = moderated(server, path, tmp_path)
    assert len(done.items) == REQUESTS
    outbox = Outbox(f"sqlite:///{tmp_path}/s.db")
    found = Counter((row["kind"], row["reason"]) for row in outbox.listed())
    assert found == {
        ("kemono.approve_link_request",
         "rule 'same name', patreon and fanbox, names 1.00 alike"): 100,
        ("kemono.reject_link_request",
         "rule 'nothing alike', patreon and fanbox, names 0.00 alike"): 100,
        ("kemono.reject_link_request",
         "rule 'asks too much', account 8 asks, 0 rejected of this account before"): 100,
    }  # fmt: skip
    said = [r.getMessage() for r in caplog.records if r.name == moderation.__name__]
    assert said == [
        "rule 'never' fits none of 500 requests", "rule 'always' fits all of 500 requests",
    ]  # fmt: skip
    assert {row["proposed_by"] for row in outbox.listed()} == {"plugin moderation"}
    assert all(row["item"].startswith("kemono_creator_link_request ") for row in outbox.listed())

    # What was decided is history to the next crawl, and nothing is proposed twice.
    many = {"SATCHEL_ACTIONS_LIMIT": 1_000, "SATCHEL_ACTIONS_PER_MINUTE": 1_000}
    done = moderated(server, path, tmp_path, SATCHEL_ACTIONS="on", **many)
    assert done.stats["satchel/actions/done"] == 300
    statuses = Counter(row["status"] for row in server.site.state.requests.values())
    assert statuses == {"pending": 200, "approved": 100, "rejected": 200}
    assert len(outbox.listed()) == 300
    server.site.state.ask_to_link(("patreon", "10000003"), ("boosty", "60000016"), "", 8)
    stricter = RULES.replace("rejected_at_most = 99", "approved_at_least = 1")
    assert "satchel/actions/proposed" not in moderated(server, rules(stricter), tmp_path).stats
    again = RULES.replace("rejected_at_most = 99", "asked_before = false")
    assert moderated(server, rules(again), tmp_path).stats["satchel/actions/proposed"] == 1
    # What no rule says any more is not waiting to be sent.
    moderated(server, rules(stricter), tmp_path)
    last = outbox.listed()[-1]
    assert (last["state"], last["note"]) == ("withdrawn", DROPPED)
    moderated(server, rules(again), tmp_path)
    assert outbox.listed()[-1]["state"] == "proposed"
    outbox.close()


def test_history_is_of_one_server(
    serve: Serve, rules: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's accounts have the same numbers."""
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("moderator"))
    path = rules('[[rule]]\nname = "known"\ndecision = "approve"\napproved_at_least = 1\n')
    elsewhere = Acting(serve(), f"sqlite:///{tmp_path}/s.db")
    elsewhere.propose(ApproveLinkRequest(id=1, requester=9))
    assert elsewhere.outbox.change(elsewhere.outbox.listed()[0], State.DONE)
    done = moderated(serve(), path, tmp_path)
    assert 9 in {item.requester_id for item in done.items}
    assert "satchel/actions/proposed" not in done.stats
    assert moderated(elsewhere.server, path, tmp_path).stats["satchel/actions/proposed"] > 0
    elsewhere.outbox.close()


def test_history_that_cannot_be_read(
    serve: Serve, rules: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that look at it would say something else."""

    async def fails(*given: Any) -> Any:
        raise StoreError("the database is locked")

    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("moderator"))
    path = rules('[[rule]]\nname = "patient"\ndecision = "approve"\nrejected_at_most = 0\n')
    server = serve()
    proposed = moderated(server, path, tmp_path).stats["satchel/actions/proposed"]
    outbox = Outbox(f"sqlite:///{tmp_path}/s.db")
    monkeypatch.setattr(moderation, "finished_actions", fails)
    done = moderated(server, path, tmp_path)
    assert done.stats["satchel/plugins/moderation/errors"] == 1
    assert "satchel/actions/proposed" not in done.stats
    assert outbox.counts() == {"proposed": proposed}
    outbox.close()


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        ('decision = "reject"\nrejected', 11, "Invalid enum value 'aprove'"),
        ("names_at_least = 0.9", 19, "`float` <= 1.0"),
        ("different_services", 18, "unknown field `different_service`"),
        ('name = "never"\n', 27, "missing required field `name`"),
        ('protected = ["patreon/10000001"]', 2, "matching regex"),
        ("requesters = [7]", 9, "Unclosed array"),
        ('name = "always"', 33, "a rule before has the name 'never', too"),
    ],
)
def test_errors_are_told_with_their_line(
    rules: Callable[[str], str], broken: str, line: int, says: str
) -> None:
    wrong = {
        'decision = "reject"\nrejected': 'decision = "aprove"\nrejected',
        "names_at_least = 0.9": "names_at_least = 9",
        "different_services": "different_service",
        'name = "never"\n': "",
        'protected = ["patreon/10000001"]': 'protected = ["patreon"]',
        "requesters = [7]": "requesters = [7",
        'name = "always"': 'name = "never"',
    }
    assert broken in RULES
    with pytest.raises(ValueError, match=r"rules\.toml") as caught:
        moderation.read_rules(rules(RULES.replace(broken, wrong[broken], 1)))
    assert says in str(caught.value)
    assert f"line {line}" in str(caught.value), str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"RULES=/.*/none: No such file or directory"):
        moderation.Settings(rules=f"{tmp_path}/none")


def test_links_of_protected_creators_are_left_to_persons(
    act: Callable[..., Acting], rules: Callable[[str], str]
) -> None:
    acting = act()
    request = acting.server.site.world.link_requests[55]
    sides = {side: request[side] for side in ("from_service", "from_id", "to_service", "to_id")}
    protected = f"{sides['to_service']}/{sides['to_id']}"
    one, other = ApproveLinkRequest(id=55, **sides), RejectLinkRequest(id=56)
    unlink = UnlinkCreator(service=sides["to_service"], creator=sides["to_id"])
    acting.propose(one, other, unlink, by="plugin another")
    acting.propose(one, other, by="person tester")
    text = f'protected = ["{protected}"]\n[[rule]]\nname = "none"\ndecision = "leave"\n'
    states = acting.run(SATCHEL_MODERATION_RULES=rules(text))
    assert states == {"vetoed": 3, "done": 2}
    left = f"the rules leave the links of {protected} to persons"
    assert acting.notes() == [
        left, "it does not name the creators, and the rules leave the links of some to persons",
        left, "", "",
    ]  # fmt: skip
    # Without creators to protect, nobody has to name them.
    acting.propose(RejectLinkRequest(id=58), by="plugin another")
    text = text.replace(f'"{protected}"', "")
    assert acting.run(SATCHEL_MODERATION_RULES=rules(text)) == {"done": 1}
