"""Sessions, accounts and favourites in JSON: reference sections 3, 5 and 6."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from satchel.kemono.sandbox.accounts import TOO_MUCH, WRONG
from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, password_of
from visits import Answer, Visit, Visitor

FAVOURITES = "/api/v1/account/favorites"
ACCOUNT = "/api/v1/account"


def register(visitor: Visitor, username: str, **more: str) -> Answer:
    words = {"username": username, "password": "open sesame", "confirm_password": "open sesame"}
    words |= {"favorites_json": ""} | more
    return visitor.ask("POST", "/api/v1/authentication/register", json_=words)


def change(visitor: Visitor, current: str, new: str, again: str) -> Answer:
    words = {
        "current-password": current,
        "new-password": new,
        "new-password-confirmation": again,
    }
    return visitor.ask("POST", f"{ACCOUNT}/change_password", json_=words)


def payload(session: str) -> Any:
    first = session.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(first + "=="))


# Section 3


@pytest.mark.parametrize(
    ("username", "id_", "role"),
    [(ADMIN, 1, "administrator"), (MODERATOR, 2, "moderator"), (CONSUMER, 3, "consumer")],
)
def test_login_tells_the_account_and_sets_a_signed_cookie(
    visit: Visit, username: str, id_: int, role: str
) -> None:
    visitor = visit()
    answer = visitor.log_in(username)
    assert answer.status == 200
    created = answer.json["created_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", created)
    assert answer.json == {"id": id_, "username": username, "role": role, "created_at": created}
    cookie = answer.cookies["session"]
    assert "; HttpOnly; Path=/" in cookie
    assert not re.search("domain|secure|samesite|max-age", cookie, re.IGNORECASE)
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", visitor.session)
    assert payload(visitor.session) == {"_permanent": True, "account_id": id_}


@pytest.mark.parametrize("username", [CONSUMER, "nobody", CONSUMER.upper()])
def test_a_wrong_name_or_password_is_refused(visit: Visit, username: str) -> None:
    visitor = visit()
    answer = visitor.log_in(username, "wrong")
    assert (answer.status, answer.json) == (400, {"error": WRONG})
    assert visitor.session == ""
    assert visit(bad_login=401).log_in(username, "wrong").status == 401


@pytest.mark.parametrize("body", [[], {"username": "a"}, {"username": 1, "password": 2}, "x"])
def test_a_login_that_is_malformed_is_refused(visit: Visit, body: Any) -> None:
    assert visit().ask("POST", "/api/v1/authentication/login", json_=body).status == 400


def test_one_who_is_logged_in_cannot_log_in(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    assert visitor.log_in(CONSUMER).status == 409
    assert visitor.log_in(CONSUMER, "wrong").status == 409
    assert visitor.log_in(ADMIN).json["error"] == "Already logged in"


def test_the_eleventh_attempt_is_refused_whatever_the_password(visit: Visit) -> None:
    visitor = visit()
    assert {visitor.log_in(CONSUMER, "wrong").status for _ in range(10)} == {400}
    answer = visitor.log_in(CONSUMER)
    assert (answer.status, answer.json) == (429, {"error": TOO_MUCH})
    assert visitor.log_in(MODERATOR).status == 200
    assert visit(login_limit=0).log_in(CONSUMER).status == 429
    unlimited = visit(login_limit=None)
    assert [unlimited.log_in(CONSUMER, "wrong").status for _ in range(12)] == [400] * 12


def test_log_out_rewrites_the_cookie_and_forgets_nothing(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    kept = visitor.session
    answer = visitor.ask("POST", "/api/v1/authentication/logout")
    assert (answer.status, answer.json) == (200, True)
    assert payload(visitor.session) == {"_permanent": True}
    assert visitor.get(ACCOUNT).status == 401
    assert visitor.ask("POST", "/api/v1/authentication/logout").status == 200
    # The server keeps no sessions: a copied cookie keeps working.
    visitor.session = kept
    assert visitor.get(ACCOUNT).status == 200


def test_the_cookie_is_sent_only_when_it_changes(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    assert "session" not in visitor.get(ACCOUNT).cookies


@pytest.mark.parametrize("cookie", ["garbled", "", "a.b", "é.b.c", "{}.{}.{}"])
def test_a_forged_cookie_is_none(visit: Visit, cookie: str) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    first, time, signature = visitor.session.split(".")
    other = base64.urlsafe_b64encode(b'{"account_id":1}').decode().rstrip("=")
    for forged in (cookie, f"{other}.{time}.{signature}", f"{first}.{time}."):
        answer = visitor.get(FAVOURITES, Cookie=f"session={forged}")
        assert (answer.status, answer.json) == (401, {})
    assert visitor.get("/api/v1/creators", Cookie=f"session={cookie}").status == 200


def test_two_session_cookies_are_as_good_as_none(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    twice = f"session={visitor.session}; other=1; session={visitor.session}"
    assert visitor.get(FAVOURITES, Cookie=twice).status == 401
    assert visitor.get(FAVOURITES, Cookie=f"a=b; session={visitor.session}; c=d").status == 200
    assert [seen.cookies for seen in visitor.site.seen] == [0, 2, 1]


def test_dropped_sessions_are_gone_and_new_ones_work(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    visitor.site.drop_sessions()
    assert visitor.get(ACCOUNT).status == 401
    assert visitor.log_in(CONSUMER).status == 200
    assert visitor.get(ACCOUNT).status == 200


def test_a_session_of_one_server_is_none_on_another(visit: Visit) -> None:
    one, other = visit(), visit()
    one.log_in(CONSUMER)
    other.session = one.session
    assert other.get(ACCOUNT).status == 401


def test_the_site_knows_who_asked_and_who_tried_to_log_in(visit: Visit) -> None:
    visitor = visit(prefix="/here")
    visitor.log_in(CONSUMER, "wrong")
    visitor.log_in(CONSUMER)
    visitor.get(f"{ACCOUNT}?a=b")
    assert list(visitor.site.logins) == [(CONSUMER, False), (CONSUMER, True)]
    assert [tuple(seen) for seen in list(visitor.site.seen)[1:]] == [
        ("POST", "/here/api/v1/authentication/login", None, 0),
        ("GET", "/here/api/v1/account?a=b", 3, 1),
    ]


def test_register_makes_a_consumer_who_is_not_logged_in(visit: Visit) -> None:
    visitor = visit()
    favourites = json.dumps([{"service": "patreon", "artist_id": "10000001"}])
    answer = register(visitor, "neu ⛵", favorites_json=favourites)
    assert (answer.status, answer.json) == (200, True)
    assert visitor.session == ""
    found = visitor.log_in("neu ⛵", "open sesame").json
    assert (found["id"], found["role"]) == (max(visitor.world.accounts) + 1, "consumer")
    assert [row["id"] for row in visitor.read(FAVOURITES)] == ["10000001"]
    assert visitor.read(f"{FAVOURITES}?type=post") == []
    assert register(visitor, "more").status == 200


@pytest.mark.parametrize(
    ("username", "more", "text"),
    [
        ("", {}, "Username cannot be empty"),
        ("neu", {"password": "", "confirm_password": ""}, "Password cannot be empty"),
        ("neu", {"password": "other"}, "Passwords do not match"),
        (CONSUMER, {}, "Username already taken"),
        ("neu", {"password": "123456", "confirm_password": "123456"}, "compromised"),
        ("neu", {"favorites_json": "{}"}, "favorites"),
        ("neu", {"favorites_json": '[{"service": "patreon"}]'}, "favorites"),
    ],
)
def test_register_refuses(visit: Visit, username: str, more: dict[str, str], text: str) -> None:
    visitor = visit()
    answer = register(visitor, username, **more)
    assert answer.status == 400
    assert text in answer.json["error"]
    assert visitor.log_in("neu", "open sesame").status == 400


def test_register_can_log_in(visit: Visit) -> None:
    visitor = visit(register_logs_in=True)
    register(visitor, "neu")
    assert visitor.log_in("neu", "open sesame").status == 409


# Section 5


def test_account(visit: Visit) -> None:
    visitor = visit()
    answer = visitor.get(ACCOUNT)
    assert answer.status == 401
    assert isinstance(answer.json["error"], str)
    logged_in = visitor.log_in(MODERATOR).json
    props = visitor.read(ACCOUNT)["props"]
    assert props["account"] == logged_in
    assert props["notifications_count"] == 0


def test_change_password(visit: Visit) -> None:
    visitor = visit()
    old, new = password_of(CONSUMER), "new words"
    assert change(visitor, old, new, new).status == 401
    visitor.log_in(CONSUMER)
    for words in (("wrong", new, new), (old, new, "other"), (old, "", "")):
        answer = change(visitor, *words)
        assert answer.status == 400
        assert isinstance(answer.json["error"], str)
    assert change(visitor, old, new, new).json is True
    assert visitor.get(ACCOUNT).status == 200
    assert visitor.another().log_in(CONSUMER).status == 400
    assert visitor.another().log_in(CONSUMER, new).status == 200


def test_notifications_are_seen_when_read(visit: Visit) -> None:
    visitor = visit()
    assert visitor.get(f"{ACCOUNT}/notifications").status == 401
    visitor.log_in("sample-reader-6")
    assert visitor.read(ACCOUNT)["props"]["notifications_count"] == 2
    rows = visitor.read(f"{ACCOUNT}/notifications")["props"]["notifications"]
    assert [row["is_seen"] for row in rows] == [False, False, True]
    assert rows[0]["created_at"] > rows[1]["created_at"]
    assert [row["extra_info"] is None for row in rows] == [False, True, False]
    assert visitor.read(ACCOUNT)["props"]["notifications_count"] == 0
    assert visit(guesses=False).get(f"{ACCOUNT}/notifications").status == 404


# Section 6


def test_favourite_creators_are_listed_in_no_order(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    rows = visitor.read(FAVOURITES)
    wanted = visitor.world.favourite_creators[3]
    hidden, listed_only = (visitor.world.cast[word] for word in ("hidden", "no_profile"))
    assert {hidden, listed_only} < set(wanted)
    found = {(row["service"], row["id"]): row for row in rows}
    assert set(found) == set(wanted) - {hidden}
    assert len(found) == len(rows) > 10
    numbers = [row["faved_seq"] for row in rows]
    assert numbers != sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    row = found[listed_only]
    names = "faved_seq id indexed last_imported name public_id relation_id service updated"
    assert sorted(row) == names.split()
    assert "T" in row["indexed"]
    assert visitor.read(f"{FAVOURITES}?type=artist") == rows
    assert visitor.read(f"{FAVOURITES}?type=user") == rows


def test_favourite_posts_are_full_rows(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    rows = visitor.read(f"{FAVOURITES}?type=post")
    wanted = visitor.world.favourite_posts[3]
    hidden = visitor.world.cast["hidden"]
    assert any(key[:2] == hidden for key in wanted)
    found = {(row["service"], row["user"], row["id"]) for row in rows}
    assert found == {key for key in wanted if key[:2] != hidden}
    names = (
        "added attachments captions content edited embed faved_seq file id next poll prev "
        "published service shared_file tags title user"
    )
    assert {" ".join(sorted(row)) for row in rows} == {names}
    assert any(row["next"] for row in rows)


def test_favourites_need_a_session(visit: Visit) -> None:
    answer = visit().get(FAVOURITES)
    assert (answer.status, answer.body) == (401, b"{}")


@pytest.mark.parametrize(
    ("path", "kind", "id_"),
    [("creator/patreon/10000001", "artist", "10000001"), ("post/", "post", None)],
)
def test_favourites_are_written_once(visit: Visit, path: str, kind: str, id_: str | None) -> None:
    visitor = visit()
    post = next(iter(visitor.world.posts))
    if id_ is None:
        path, id_ = "post/" + "/".join(post), post[2]
    assert register(visitor, "neu").status == 200
    visitor.log_in("neu", "open sesame")
    listed = f"{FAVOURITES}?type={kind}"
    for method, expected in (("POST", [id_]), ("POST", [id_]), ("DELETE", []), ("DELETE", [])):
        answer = visitor.ask(method, f"/api/v1/favorites/{path}")
        assert (answer.status, answer.json) == (200, True)
        assert [row["id"] for row in visitor.read(listed)] == expected


def test_a_favourite_keeps_its_number(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    before = visitor.read(FAVOURITES)
    path = f"/api/v1/favorites/creator/{before[0]['service']}/{before[0]['id']}"
    visitor.ask("POST", path)
    assert visitor.read(FAVOURITES) == before
    visitor.ask("DELETE", path)
    visitor.ask("POST", path)
    again = visitor.read(FAVOURITES)
    assert again[0]["faved_seq"] > max(row["faved_seq"] for row in before)


def test_unknown_favourites_are_accepted_and_left_out(visit: Visit) -> None:
    visitor = visit()
    visitor.log_in(CONSUMER)
    before = visitor.read(FAVOURITES), visitor.read(f"{FAVOURITES}?type=post")
    for path in ("creator/patreon/404", "post/patreon/10000001/404"):
        assert visitor.ask("POST", f"/api/v1/favorites/{path}").status == 200
    assert (visitor.read(FAVOURITES), visitor.read(f"{FAVOURITES}?type=post")) == before


def test_a_favourite_of_nobody(visit: Visit) -> None:
    path = "/api/v1/favorites/creator/patreon/10000001"
    answer = visit().ask("POST", path)
    assert (answer.status, answer.json) == (401, {})
    redirecting = visit(unauth_write=302, prefix="/here")
    answer = redirecting.ask("DELETE", path)
    assert (answer.status, answer.headers["Location"]) == (302, "/here/account/login")
    assert redirecting.get("/account/login").status == 200


def test_the_empty_answer_to_a_favourite(visit: Visit) -> None:
    visitor = visit(fav_write_body="empty")
    visitor.log_in(CONSUMER)
    answer = visitor.ask("POST", "/api/v1/favorites/creator/patreon/10000001")
    assert (answer.status, answer.body) == (200, b"")
