"""What moderators and administrators may do: reference sections 7 and 8."""

from __future__ import annotations

from typing import Any

import pytest

from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, Key
from visits import WORLD, Answer, Visit, Visitor

TASKS = "/api/v1/account/moderator/tasks/creator_links"
ACCOUNTS = "/api/v1/account/administrator/accounts"
V2 = "/api/v2/account/administrator"
PENDING = [id_ for id_, row in WORLD.link_requests.items() if row["status"] == "pending"]
PAIR = WORLD.cast["pair_a"]
SIDES = ("from", "to")


def links(key: Key) -> str:
    return f"/api/v1/{key[0]}/user/{key[1]}/links"


def staff(visit: Visit, username: str, **options: Any) -> Visitor:
    visitor = visit(**options)
    assert visitor.log_in(username).status == 200
    return visitor


def answer_request(visitor: Visitor, id_: int | str, verb: str) -> Answer:
    return visitor.ask("POST", f"/api/v1/account/moderator/creator_link_requests/{id_}/{verb}")


def change(visitor: Visitor, **lists: Any) -> Answer:
    return visitor.ask("POST", ACCOUNTS, json_=lists)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["username"] for row in rows]


@pytest.mark.parametrize(
    ("method", "path", "rank"),
    [
        ("GET", TASKS, 1),
        ("POST", f"/api/v1/account/moderator/creator_link_requests/{PENDING[0]}/approve", 1),
        ("POST", f"/api/v1/account/moderator/creator_link_requests/{PENDING[0]}/reject", 1),
        ("GET", ACCOUNTS, 2),
        ("POST", ACCOUNTS, 2),
        ("GET", f"{V2}/accounts", 2),
        ("GET", f"{V2}/accounts/1", 2),
        ("GET", f"{V2}/account/1", 2),
        ("PATCH", f"{V2}/account/3", 2),
        ("DELETE", links(PAIR), 2),
    ],
)
def test_a_missing_privilege_is_a_404_with_an_object(
    visit: Visit, method: str, path: str, rank: int
) -> None:
    assert visit().ask(method, path).status == 401
    for has, username in enumerate((CONSUMER, MODERATOR, ADMIN)):
        answer = staff(visit, username).ask(method, path, json_={"role": "moderator"})
        assert (answer.status == 404) == (has < rank), username
        if answer.status == 404:
            assert isinstance(answer.json["error"], str)


# Section 7


def test_link_requests_that_wait(visit: Visit) -> None:
    rows = staff(visit, MODERATOR).read(TASKS)
    assert [row["id"] for row in rows] == PENDING
    assert {row["status"] for row in rows} == {"pending"}
    assert {type(row.get("reason")) for row in rows} == {str, type(None)}
    assert any("reason" not in row for row in rows)
    assert any(row["requester_id"] is None for row in rows)


def test_approval_links_two_creators(visit: Visit) -> None:
    visitor = staff(visit, MODERATOR)
    for id_ in PENDING:
        request = WORLD.link_requests[id_]
        first, second = ((request[f"{side}_service"], request[f"{side}_id"]) for side in SIDES)
        assert answer_request(visitor, id_, "approve").status == 200
        for key, other in ((first, second), (second, first)):
            if WORLD.creators[key]["has_profile"]:
                rows = visitor.read(links(key))
                assert other in [(row["service"], row["id"]) for row in rows]
    assert visitor.read(TASKS) == []
    assert answer_request(visitor, PENDING[0], "approve").status == 404


def test_rejection_links_nothing(visit: Visit) -> None:
    visitor = staff(visit, MODERATOR)
    relations = dict(visitor.site.state.relations)
    assert answer_request(visitor, PENDING[1], "reject").status == 200
    assert PENDING[1] not in [row["id"] for row in visitor.read(TASKS)]
    assert visitor.site.state.relations == relations
    assert answer_request(visitor, PENDING[1], "approve").status == 404
    assert answer_request(visitor, 9999, "reject").status == 404
    assert answer_request(visitor, "abc", "reject").status == 400


def test_administrators_pass_the_check_of_moderators_or_not(visit: Visit) -> None:
    assert staff(visit, ADMIN).get(TASKS).status == 200
    assert staff(visit, ADMIN, moderator_exact=True).get(TASKS).status == 404
    assert staff(visit, MODERATOR, moderator_exact=True).get(TASKS).status == 200


# Section 8


def test_accounts_come_in_pages_the_newest_first(visit: Visit) -> None:
    visitor = staff(visit, ADMIN)
    first, second = visitor.read(ACCOUNTS), visitor.read(f"{ACCOUNTS}?page=2&limit=1000")
    rows = first["accounts"] + second["accounts"]
    assert len(first["accounts"]) == 25
    assert len(rows) == len(WORLD.accounts) - 1
    assert ADMIN not in names(rows)
    assert rows == sorted(
        sorted(rows, key=lambda row: row["username"]),
        key=lambda row: row["created_at"],
        reverse=True,
    )
    assert first["pagination"]["total_pages"] == 2
    assert first["pagination"]["count"] == len(rows)
    assert visitor.read(f"{ACCOUNTS}?page=9")["accounts"] == []
    assert visitor.get(f"{ACCOUNTS}?page=0").status == 400
    assert visitor.get(f"{ACCOUNTS}?limit=x").status == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("role=administrator", [ADMIN]),
        ("role=moderator", ["sample-reader-7", MODERATOR]),
        ("role=all&name=sandbox", [CONSUMER, MODERATOR]),
        ("name=SANDBOX", []),
        ("name=l%C3%A4serin", ["läserin_ōtter"]),
        ("role=nobody", []),
        ("name=reader&page=2&limit=3&role=moderator", []),
    ],
)
def test_accounts_are_found_by_name_and_role(visit: Visit, query: str, expected: list[str]) -> None:
    assert names(staff(visit, ADMIN).read(f"{ACCOUNTS}?{query}")["accounts"]) == expected


def test_roles_change_at_once_and_their_owners_are_told(visit: Visit) -> None:
    visitor = staff(visit, ADMIN)
    consumer, moderator = visitor.another(), visitor.another()
    consumer.log_in(CONSUMER)
    moderator.log_in(MODERATOR)
    assert change(visitor, moderator=[3], consumer=[2]).json is True
    assert consumer.get(TASKS).status == 200
    assert moderator.get(TASKS).status == 404
    props = consumer.read("/api/v1/account/notifications")["props"]
    changed = {"old_role": "consumer", "new_role": "moderator"}
    assert props["notifications"][0]["extra_info"] == changed
    assert change(visitor).status == 200


def test_a_cached_role_changes_with_the_next_login(visit: Visit) -> None:
    visitor = staff(visit, ADMIN, role_cached=True)
    consumer = visitor.another()
    consumer.log_in(CONSUMER)
    change(visitor, moderator=[3])
    assert consumer.read("/api/v1/account")["props"]["account"]["role"] == "moderator"
    assert consumer.get(TASKS).status == 404
    consumer.another().log_in(CONSUMER)
    assert consumer.get(TASKS).status == 200


@pytest.mark.parametrize("lists", [{"moderator": [3, 999]}, {"moderator": "3"}, {"consumer": [""]}])
def test_roles_of_unknown_accounts_change_nothing(visit: Visit, lists: Any) -> None:
    visitor = staff(visit, ADMIN)
    assert change(visitor, **lists).status == 400
    assert visitor.site.state.accounts[3]["role"] == "consumer"


def test_an_administrator_can_demote_itself(visit: Visit) -> None:
    visitor = staff(visit, ADMIN)
    assert change(visitor, consumer=[1]).status == 200
    assert visitor.get(ACCOUNTS).status == 404


def test_a_creator_is_taken_out_of_its_group(visit: Visit) -> None:
    visitor = staff(visit, ADMIN)
    path = links(PAIR)
    assert len(visitor.read(path)) == 1
    answer = visitor.ask("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    assert visitor.read(path) == []
    assert visitor.read(path.replace("links", "profile"))["relation_id"] is None
    assert visitor.read(links(WORLD.cast["pair_b"])) == []
    # What a client asks that has the two the wrong way round.
    assert visitor.ask("DELETE", links(PAIR[::-1])).status == 404


# Section 8.3: only the statuses are known


def test_administration_v2(visit: Visit) -> None:
    visitor = staff(visit, ADMIN)
    count = visitor.read(f"{V2}/accounts")["data"]
    assert count == len(WORLD.accounts) - 1
    pages = [visitor.read(f"{V2}/accounts/{page}")["data"] for page in (1, 2)]
    assert sum(map(len, pages)) == count
    assert visitor.read(f"{V2}/account/3")["data"]["username"] == CONSUMER
    path = f"{V2}/account/3"
    assert (
        visitor.ask("PATCH", path, json_={"role": "moderator"}).json["data"]["role"] == "moderator"
    )
    statuses = {f"{V2}/accounts/0": 400, f"{V2}/accounts/3": 404, f"{V2}/accounts/x": 400}
    statuses |= {f"{V2}/account/999": 404, f"{V2}/account/-1": 400}
    assert {path: visitor.get(path).status for path in statuses} == statuses
    assert visitor.ask("PATCH", path, json_={"role": "king"}).status == 400
    assert staff(visit, ADMIN, guesses=False).get(f"{V2}/accounts").status == 404
