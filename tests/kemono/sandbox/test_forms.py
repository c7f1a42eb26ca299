"""Login, logout and registration as web pages: reference section 4."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from satchel.kemono.sandbox.accounts import TOO_MUCH, WRONG
from satchel.kemono.world import CONSUMER, password_of
from visits import Answer, Visit, Visitor

LOGIN = "/account/login"
FAVOURITES = "/api/v1/account/favorites"


def submit(visitor: Visitor, username: str, password: str, query: str = "") -> Answer:
    form = {"username": username, "password": password}
    return visitor.ask("POST", LOGIN + query, form=form)


def where(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers["Location"]


def payload(session: str) -> Any:
    first = session.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(first + "=="))


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit(profile="classic", prefix="/here")


def test_the_login_page_has_a_form(visitor: Visitor) -> None:
    answer = visitor.get(LOGIN)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b'<form method="post">' in answer.body
    assert b'name="username"' in answer.body
    assert b'name="password"' in answer.body


def test_success_is_a_redirect(visitor: Visitor) -> None:
    answer = submit(visitor, CONSUMER, password_of(CONSUMER))
    assert where(answer) == (302, "/here/artists?logged_in=yes")
    assert payload(visitor.session) == {"_permanent": True, "account_id": 3}
    assert answer.cookies["session"].endswith("; HttpOnly; Path=/here")
    assert visitor.get(FAVOURITES).status == 200
    assert visitor.get("/artists?logged_in=yes").status == 200
    assert list(visitor.site.logins) == [(CONSUMER, True)]
    again = visitor.another()
    answer = submit(again, CONSUMER, password_of(CONSUMER), "?redir=/there")
    assert where(answer) == (302, "/here/there?logged_in=yes")


@pytest.mark.parametrize(
    ("username", "password"), [(CONSUMER, "wrong"), ("nobody", "x"), ("SANDBOX-ADMIN", "x")]
)
def test_failure_is_a_redirect_with_a_cookie_too(
    visitor: Visitor, username: str, password: str
) -> None:
    answer = submit(visitor, username, password, "?redir=/there")
    assert where(answer) == (302, "/here/account/login?redir=/there")
    assert payload(visitor.session) == {"_flashes": [["message", WRONG]]}
    assert visitor.get(FAVOURITES).status == 401
    assert list(visitor.site.logins) == [(username, False)]


def test_messages_pile_up_until_a_page_shows_them(visitor: Visitor) -> None:
    submit(visitor, "", "")
    submit(visitor, CONSUMER, "wrong")
    assert len(payload(visitor.session)["_flashes"]) == 2
    page = visitor.get(LOGIN)
    assert page.body.count(WRONG.encode()) == 2
    assert visitor.session in ("", '""')
    assert WRONG.encode() not in visitor.get(LOGIN).body


def test_a_form_that_lacks_a_field_or_is_json_is_refused_without_a_cookie(
    visitor: Visitor,
) -> None:
    words = {"username": CONSUMER, "password": password_of(CONSUMER)}
    for answer in (
        visitor.ask("POST", LOGIN, form={"username": CONSUMER}),
        visitor.ask("POST", LOGIN, json_=words),
    ):
        assert where(answer) == (302, "/here/account/login")
        assert "session" not in answer.cookies
    assert list(visitor.site.logins) == []


def test_one_who_is_logged_in_is_sent_on_whatever_the_password(visitor: Visitor) -> None:
    submit(visitor, CONSUMER, password_of(CONSUMER))
    answer = submit(visitor, CONSUMER, "wrong")
    assert where(answer) == (302, "/here/artists?logged_in=yes")
    assert "session" not in answer.cookies


def test_the_eleventh_attempt(visitor: Visitor) -> None:
    for _ in range(10):
        submit(visitor.another(), CONSUMER, "wrong")
    answer = submit(visitor, CONSUMER, password_of(CONSUMER))
    assert where(answer) == (302, "/here/account/login")
    assert payload(visitor.session) == {"_flashes": [["message", TOO_MUCH]]}


def test_log_out(visitor: Visitor) -> None:
    submit(visitor, CONSUMER, password_of(CONSUMER))
    assert where(visitor.get("/account/logout")) == (302, "/here/artists")
    assert payload(visitor.session) == {"_permanent": True}
    assert visitor.get(FAVOURITES).status == 401
    assert visitor.ask("POST", "/account/logout").status == 405


def test_register_logs_in(visitor: Visitor) -> None:
    form = {"username": "neu", "password": "open", "confirm_password": "open"}
    form["favorites"] = json.dumps([{"service": "patreon", "artist_id": "10000001"}])
    assert b'name="confirm_password"' in visitor.get("/account/register").body
    answer = visitor.ask("POST", "/account/register", form=form)
    assert where(answer) == (302, "/here/artists?logged_in=yes")
    assert [row["id"] for row in visitor.read(FAVOURITES)] == ["10000001"]
    answer = visitor.another().ask(
        "POST", "/account/register?redir=/there", form=form | {"username": "two"}
    )
    assert where(answer) == (302, "/here/there")
    # It counted as a login.
    for _ in range(9):
        answer = submit(visitor.another(), "neu", "open")
        assert where(answer) == (302, "/here/artists?logged_in=yes")
    assert where(submit(visitor.another(), "neu", "open")) == (302, "/here/account/login")


def test_register_refuses_with_a_page(visitor: Visitor) -> None:
    form = {"username": CONSUMER, "password": "open", "confirm_password": "open"}
    answer = visitor.ask("POST", "/account/register", form=form)
    assert answer.status == 200
    assert b"Username already taken" in answer.body
    for broken in (
        {"form": {"username": "neu", "password": "open"}},
        {"form": form | {"favorites": "nonsense"}},
        {"json_": form},
    ):
        assert visitor.ask("POST", "/account/register", **broken).status == 500


def test_who_logs_in_by_json_has_a_page_without_a_form(visit: Visit) -> None:
    visitor = visit()
    assert b"<form" not in visitor.get(LOGIN).body
    assert submit(visitor, CONSUMER, password_of(CONSUMER)).status == 405
    assert visitor.get("/account/register").status == 404
