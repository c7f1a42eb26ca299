"""The login flows, stepped without I/O; and the accounts of the settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scrapy.http import Request, Response

from satchel.browser import FOUND, VISIT
from satchel.browser.login import Outcome, Told
from satchel.config import Secret
from satchel.errors import ConfigError, LoginFailed, NoAccount
from satchel.kemono.api import Api
from satchel.kemono.errors import AlreadyLoggedIn, InvalidLogin, InvalidRole, LoginError
from satchel.kemono.sessions import log_in, login_scheme, read_accounts
from satchel.kemono.settings import KemonoSettings
from satchel.sessions import CARRIED, Account, Answer, LoginFlow, Sessions, Welcome

URL = "https://kemono.example.test"
READER = Account(role="consumer", username="reader", password=Secret("a password"))
VIEW = {"id": 7, "username": "reader", "created_at": "2025-01-02T03:04:05.6", "role": "consumer"}


def flow(profile: Any = "current", account: Account = READER) -> LoginFlow:
    return log_in(Api(KemonoSettings(url=URL, profile=profile)), account)


def answer(
    request: Request,
    status: int = 200,
    value: Any = None,
    cookie: str | None = "c0okie",
    location: str = "",
) -> Answer:
    headers = {"Location": location} if location else {}
    body = b"" if value is None else json.dumps(value).encode()
    response = Response(request.url, status=status, headers=headers, body=body)
    return Answer(response, Secret(cookie) if cookie else None)


def ends(flow: LoginFlow, with_: Answer) -> Welcome:
    with pytest.raises(StopIteration) as done:
        flow.send(with_)
    welcome: Welcome = done.value.value
    return welcome


def test_by_json() -> None:
    steps = flow()
    request = next(steps)
    assert (request.method, request.url) == ("POST", f"{URL}/api/v1/authentication/login")
    assert json.loads(request.body) == {"username": "reader", "password": "a password"}
    welcome = ends(steps, answer(request, value=VIEW))
    assert welcome.cookie == Secret("c0okie")
    assert welcome.details.id == 7


@pytest.mark.parametrize(
    ("status", "value", "cookie", "error", "refused"),
    [
        (400, {"error": "Username or password is incorrect"}, None, InvalidLogin, True),
        (401, {}, None, InvalidLogin, True),
        (409, {"error": "Already logged in"}, None, AlreadyLoggedIn, False),
        (429, None, None, LoginError, False),
        (500, None, None, LoginError, False),
        (200, VIEW, None, LoginError, False),
        (200, {"error": "no account"}, "c0okie", LoginError, False),
        (200, ["<html>"], "c0okie", LoginError, False),
    ],
)
def test_json_that_fails(
    status: int, value: Any, cookie: str | None, error: type[LoginError], refused: bool
) -> None:
    steps = flow()
    request = next(steps)
    with pytest.raises(error) as raised:
        steps.send(answer(request, status, value, cookie))
    assert type(raised.value) is error
    assert isinstance(raised.value, LoginFailed)
    assert raised.value.refused is refused
    assert "a password" not in str(raised.value)


def test_another_role_is_logged_out_again() -> None:
    steps = flow()
    request = steps.send(answer(next(steps), value={**VIEW, "role": "administrator"}))
    assert request.url == f"{URL}/api/v1/authentication/logout"
    assert request.meta[CARRIED] == Secret("c0okie")
    with pytest.raises(InvalidRole, match=r"reader .*administrator, not consumer"):
        steps.send(answer(request))


@pytest.mark.parametrize(
    "location", ["/artists?logged_in=yes", f"{URL}/artists?logged_in=yes", "/x"]
)
def test_by_form(location: str) -> None:
    steps = flow("classic")
    request = next(steps)
    assert (request.method, request.url) == ("POST", f"{URL}/account/login")
    assert request.body == b"username=reader&password=a+password"
    assert request.meta["dont_redirect"]
    welcome = ends(steps, answer(request, 302, location=location))
    assert welcome == (Secret("c0okie"), None)


def test_by_form_where_the_api_says_who_one_is() -> None:
    steps = flow({"login": "form"})
    request = steps.send(answer(next(steps), 302, location="/artists?logged_in=yes"))
    assert request.url == f"{URL}/api/v1/account"
    assert request.meta[CARRIED] == Secret("c0okie")
    props = {"props": {"account": VIEW}}
    assert ends(steps, answer(request, value=props)).details.username == "reader"


@pytest.mark.parametrize(
    ("status", "location", "cookie", "error"),
    [
        (302, "/account/login", "a message", InvalidLogin),
        (302, "/account/login?redir=/artists", "a message", InvalidLogin),
        (302, f"{URL}/account/login", "a message", InvalidLogin),
        (302, "/artists?logged_in=yes", None, AlreadyLoggedIn),
        (200, "", "c0okie", LoginError),
        (404, "", None, LoginError),
    ],
)
def test_a_form_that_fails(
    status: int, location: str, cookie: str | None, error: type[LoginError]
) -> None:
    steps = flow("classic")
    with pytest.raises(error):
        steps.send(answer(next(steps), status, cookie=cookie, location=location))


def visited(
    request: Request, outcome: Outcome | None, words: str = "", status: int = 200
) -> Answer:
    """What a browser came to on the page to log in on."""
    came = answer(request, status)
    came.response.request = request
    if outcome is not None:
        came.response.meta[FOUND] = Told(outcome, words)
    return came


@pytest.mark.parametrize("base", ["current", "classic"])
def test_in_a_browser(base: str) -> None:
    steps = flow({"base": base, "login": "browser", "login_page": {"submit": "#enter"}})
    request = next(steps)
    visit = request.meta[VISIT]
    assert (request.method, request.url, request.body) == ("GET", f"{URL}/account/login", b"")
    assert (visit.username, visit.password, visit.page.submit, visit.cookie()) == (
        "reader", Secret("a password"), "#enter", "session"
    )  # fmt: skip
    assert "a password" not in repr(request.meta)
    came = visited(request, Outcome.IN)
    if base == "classic":
        assert ends(steps, came) == (Secret("c0okie"), None)
    else:
        shown = answer(steps.send(came), value={"props": {"account": VIEW}})
        assert ends(steps, shown).details.username == "reader"


@pytest.mark.parametrize(
    ("outcome", "words", "error", "says"),
    [
        (Outcome.REFUSED, "", InvalidLogin, "check both"),
        (Outcome.MISSING, "submit (#enter)", LoginError, r"has no submit \(#enter\); say where"),
        (Outcome.FAILED, "429", LoginError, "answered 429; try again later"),
        (Outcome.NEVER, "", LoginError, "nothing came of it in time"),
        (None, "", LoginError, "answered 404 instead of a page"),
    ],
)
def test_a_browser_that_fails(
    outcome: Outcome | None, words: str, error: type[LoginError], says: str
) -> None:
    steps = flow({"login": "browser"})
    with pytest.raises(error, match=says) as raised:
        steps.send(visited(next(steps), outcome, words, 404 if outcome is None else 200))
    assert raised.value.refused == (outcome is Outcome.REFUSED)


def test_the_login_page_below_an_address_with_a_path() -> None:
    steps = log_in(Api(KemonoSettings(url=f"{URL}/mirror", profile="classic")), READER)
    request = next(steps)
    assert request.url == f"{URL}/mirror/account/login"
    with pytest.raises(InvalidLogin):
        steps.send(answer(request, 302, location="/mirror/account/login"))


# The accounts of the settings


def document(*accounts: Any) -> Secret:
    return Secret(json.dumps(list(accounts)))


def test_accounts() -> None:
    found = read_accounts(
        document(
            {"role": "consumer", "username": "a", "password": "s3cret"},
            {"role": "moderator", "session": "c0okie"},
        )
    )
    assert [(a.role, a.name, a.password, a.session) for a in found] == [
        ("consumer", "a", Secret("s3cret"), None),
        ("moderator", "the session of a moderator", None, Secret("c0okie")),
    ]
    assert "s3cret" not in repr(found)
    assert "c0okie" not in repr(found)
    assert read_accounts(Secret('{"accounts": []}')) == ()
    assert read_accounts(None) == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"role": "owner", "username": "a", "password": "s3cret"}, r"accounts\[0\].role: expected"),
        ({"username": "a", "password": "s3cret"}, r"accounts\[0\]: expected accounts with role"),
        ({"role": "consumer", "username": "a", "password": 5}, r"accounts\[0\].password: exp"),
        ({"role": "consumer", "username": "a", "pasword": "s3cret"}, r"accounts\[0\]: expected"),
        ({"role": "consumer", "username": "a"}, r"accounts\[0\]: expected username and password"),
        ({"role": "consumer", "password": "s3cret"}, r"accounts\[0\]: expected username and"),
        ("s3cret", r"accounts\[0\]: expected accounts"),
        ({"role": "consumer", "session": "x", "password": "s3cret"}, "expected username and"),
        ({"role": "consumer", "session": "s3cret; x=1"}, r"\[0\].session: expected the value of"),
        ({"role": "consumer", "session": "s3cret\n"}, r"\[0\].session: expected the value of"),
    ],
)
def test_accounts_that_make_no_sense(value: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as raised:
        read_accounts(document(value))
    assert "s3cret" not in str(raised.value)
    assert str(raised.value).startswith("SATCHEL_KEMONO_ACCOUNTS: ")


def test_a_file_of_accounts_by_another_name() -> None:
    with pytest.raises(
        ConfigError, match=r"account: expected a list of accounts \(\[\[accounts\]\]"
    ):
        read_accounts(Secret('{"account": [{"role": "consumer"}]}'))


def test_two_accounts_of_one_name() -> None:
    one = {"role": "consumer", "username": "a", "password": "one"}
    with pytest.raises(ConfigError, match="two accounts are a; give each a username"):
        read_accounts(document(one, one))


# Which account serves


def chosen(role: str, *roles: str, profile: Any = "current") -> str:
    given = [{"role": r, "username": f"the {r}", "password": "x"} for r in roles]
    settings = KemonoSettings(url=URL, profile=profile, accounts=document(*given))
    scheme = login_scheme(settings)
    assert scheme is not None

    async def send(request: Request) -> Response:
        raise AssertionError

    return Sessions(scheme, send).choose(role).name


ALL = ("administrator", "moderator", "consumer")


def test_the_least_privileged_account_serves() -> None:
    for role in ALL:
        assert chosen(role, *ALL) == f"the {role}"
    assert chosen("consumer", "administrator", "moderator") == "the moderator"
    assert chosen("moderator", "administrator", "consumer") == "the administrator"


def test_no_account_serves() -> None:
    with pytest.raises(NoAccount, match="SATCHEL_KEMONO_ACCOUNTS: no account for the role mod"):
        chosen("moderator", "consumer")
    with pytest.raises(NoAccount):
        chosen("moderator", "administrator", profile={"exact_roles": True})
    assert chosen("consumer", "administrator", profile={"exact_roles": True})


def test_no_server_has_no_sessions() -> None:
    assert login_scheme(KemonoSettings()) is None
