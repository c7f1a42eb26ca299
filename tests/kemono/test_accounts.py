"""Each documented method of the account interface, with the requests that it made.

Each runs in a script and in a crawl, and with both ways to log in where a server has both.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from scrapy import Request
from scrapy.crawler import Crawler

from satchel.client import send
from satchel.errors import (
    ActionError,
    AnswerError,
    ConfigError,
    LoginFailed,
    NoClient,
    NotInACrawl,
    NotOffered,
)
from satchel.faults import Faults
from satchel.kemono import (
    AccountRole,
    Admin,
    AlreadyLoggedIn,
    Consumer,
    InsufficientPrivileges,
    InvalidLogin,
    InvalidRegister,
    InvalidRole,
    KemoSession,
    Moderator,
    PyKemoException,
    RegisterError,
)
from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, password_of
from satchel.outbox import Outbox
from sites import WORLD, Serve, Server, accounts

LOGIN = "POST /v1/authentication/login"
LOGOUT = "POST /v1/authentication/logout"
WHO = "GET /v1/account"

Act = Callable[[Any], Awaitable[Any]]
NAMES = {Consumer: CONSUMER, Moderator: MODERATOR, Admin: ADMIN}


class Run:
    """Runs something with an account, in a script or in a crawl."""

    def __init__(self, serve: Serve, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._serve = serve
        self._where = where
        self._set = monkeypatch.setenv
        self.server: Server | None = None

    def __call__(self, kind: type[Consumer], act: Act, **options: Any) -> Any:
        """What *act* returns for an account of a class that has just logged in."""
        self.server = self.server or self._serve(**options)
        name = NAMES[kind]

        async def in_crawl(crawler: Crawler) -> Any:
            session = KemoSession.of(crawler)
            return await act(await kind.login(name, password_of(name), session))

        async def script() -> Any:
            async with await kind.login(name, password_of(name)) as account:
                return await act(account)

        for variable, value in self.server.environ().items():
            self._set(variable, value)
        if self._where == "crawl":
            return self.server.in_crawl(in_crawl)
        return asyncio.run(script())

    @property
    def requests(self) -> list[str]:
        """What the server was asked between login and logout."""
        assert self.server is not None
        first, *between, last = self.server.paths()
        classic = self.server.site.is_classic
        assert first == ("POST /account/login" if classic else LOGIN)
        assert last == ("GET /account/logout" if classic else LOGOUT)
        return between


@pytest.fixture(params=["script", "crawl"])
def run(request: pytest.FixtureRequest, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(serve, request.param, monkeypatch)


@pytest.fixture(params=["current", "classic"])
def profile(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


SCRIPT = pytest.mark.parametrize("run", ["script"], indirect=True)
"""A change is made in a script; in a crawl it is proposed."""


# Consumer


def test_login(run: Run, profile: str) -> None:
    async def act(account: Consumer) -> Any:
        assert account.ks is account.session
        assert repr(account) == f"<Consumer '{CONSUMER}'>"
        return account.id, account.username, account.created_at

    id, username, created_at = run(Consumer, act, profile=profile)
    assert run.requests == []
    assert username == CONSUMER
    assert run.server is not None
    if profile == "current":
        known = run.server.site.world.accounts[id]
        assert known["username"] == CONSUMER
        assert created_at.replace(tzinfo=None) == known["created_at"]
    else:
        assert (id, created_at) == (None, None)


def test_role() -> None:
    assert [kind.role() for kind in (Consumer, Moderator, Admin)] == list(AccountRole)


def test_favorite_creators(run: Run, profile: str) -> None:
    async def act(account: Consumer) -> Any:
        found = await account.favorite_creators()
        assert found == await account.favorite_artists()
        return found

    found = run(Consumer, act, profile=profile)
    assert run.requests == ["GET /v1/account/favorites?type=artist"] * 2
    assert run.server is not None
    site = run.server.site
    expected = {key for key in site.world.favourite_creators[3] if key in site.index.creators}
    assert {(creator.service, creator.id) for creator in found} == expected
    assert all(creator.faved_seq for creator in found)


def test_favorite_posts(run: Run, profile: str) -> None:
    found = run(Consumer, lambda account: account.favorite_posts(), profile=profile)
    assert run.requests == ["GET /v1/account/favorites?type=post"]
    assert len(found) > 40
    assert all(post.user and post.title is not None for post in found)


def test_get_creator(run: Run, profile: str) -> None:
    service, id = WORLD.cast["single"]

    async def act(account: Consumer) -> Any:
        assert await account.get_creator(service, "none") is None
        return await account.get_creator(service, id)

    found = run(Consumer, act, profile=profile)
    assert run.requests == [f"GET /v1/{service}/user/{word}/profile" for word in ("none", id)]
    assert (found.service, found.id) == (service, id)
    assert found.name == WORLD.creators[service, id]["name"]


def test_get_post(run: Run) -> None:
    async def act(account: Consumer) -> Any:
        assert await account.get_post("patreon", "none") is None
        (first, *_) = await account.favorite_posts()
        return first, await account.get_post(first.service, first.id)

    first, found = run(Consumer, act)
    assert (found.service, found.user, found.id) == (first.service, first.user, first.id)
    assert run.requests[2:] == [
        f"GET /v1/{first.service}/post/{first.id}",
        f"GET /v1/{first.service}/user/{first.user}/post/{first.id}",
    ]


def test_random_creator(run: Run) -> None:
    found = run(Consumer, lambda account: account.random_creator())
    profile = f"GET /v1/{found.service}/user/{found.id}/profile"
    assert run.requests == ["GET /v1/artists/random", profile]


def test_random_post(run: Run) -> None:
    found = run(Consumer, lambda account: account.random_post())
    detail = f"GET /v1/{found.service}/user/{found.user}/post/{found.id}"
    assert run.requests == ["GET /v1/posts/random", detail]


@SCRIPT
def test_change_password(run: Run) -> None:
    async def act(account: Consumer) -> Any:
        await account.change_password(password_of(CONSUMER), "another one")
        assert run.server is not None
        assert run.server.site.state.passwords[3] == "another one"
        run.server.site.drop_sessions()
        return await account.favorite_posts()

    async def wrong(account: Consumer) -> Any:
        # What the server says has that word, which is a secret here.
        with pytest.raises(PyKemoException, match=r"not changed: Current \[secure\] is invalid"):
            await account.change_password("password", "x", close_on_fail=False)
        assert await account.favorite_posts()
        with pytest.raises(PyKemoException, match="the password was not changed: "):
            await account.change_password("wrong", "x")
        with pytest.raises(PyKemoException, match="logged out"):
            await account.favorite_posts()

    run(Consumer, wrong)
    change, favorites = "POST /v1/account/change_password", "GET /v1/account/favorites?type=post"
    assert run.requests == [change, favorites, change]
    run(Consumer, act)
    assert run.requests == [change, favorites, LOGIN, favorites]


def test_logout(run: Run, profile: str) -> None:
    async def act(account: Consumer) -> Any:
        await account.logout()
        await account.logout()
        with pytest.raises(PyKemoException, match=f"^{CONSUMER}: logged out$"):
            await account.favorite_posts()

    run(Consumer, act, profile=profile)
    assert run.requests == []


def test_register(serve: Serve, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    server = serve(profile=profile)

    async def main() -> Any:
        async with await Consumer.register("somebody", "a password") as account:
            assert await account.favorite_creators() == []
        async with await Consumer.login("somebody", "a password") as account:
            return account.username

    assert server.in_script(monkeypatch.setenv, main()) == "somebody"
    paths = server.paths()
    register = "register" if profile == "classic" else "v1/authentication/register"
    assert register in paths[0]
    assert len(paths) == 6


def test_register_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    server = serve(profile=profile)
    with pytest.raises(InvalidRegister, match="the server made no account"):
        server.in_script(monkeypatch.setenv, Consumer.register(CONSUMER, "a password"))
    assert len(server.paths()) == 1


def test_a_server_that_logs_in_at_registration(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(register_logs_in=True)

    async def main() -> Any:
        async with await Consumer.register("somebody", "a password") as account:
            return await account.favorite_posts()

    assert server.in_script(monkeypatch.setenv, main()) == []


@pytest.mark.parametrize("bad_login", [400, 401])
def test_login_refused(run: Run, profile: str, bad_login: int) -> None:
    async def act(account: Consumer) -> Any:
        for _ in range(3):
            with pytest.raises(InvalidLogin, match=r"reader.*refused the username or the password"):
                await Consumer.login("reader", "wr0ng", account.session)

    run(Consumer, act, profile=profile, bad_login=bad_login)
    assert len(run.requests) == 1
    assert run.server is not None
    assert [login.username for login in run.server.site.logins] == [CONSUMER, "reader"]


def test_already_logged_in(run: Run, profile: str) -> None:
    async def act(account: Consumer) -> Any:
        with pytest.raises(AlreadyLoggedIn):
            await Consumer.login(CONSUMER, password_of(CONSUMER), account.session)
        return await account.favorite_creators()

    assert run(Consumer, act, profile=profile)
    assert len(run.requests) == 2


def test_login_as_what_one_is_not(run: Run) -> None:
    async def act(account: Consumer) -> Any:
        with pytest.raises(InvalidRole, match="its role is moderator, not administrator"):
            await Admin.login(MODERATOR, password_of(MODERATOR), account.session)

    run(Consumer, act)
    assert run.requests == [LOGIN, LOGOUT]


# Moderator


@SCRIPT
def test_creator_link_requests(run: Run) -> None:
    async def act(account: Moderator) -> Any:
        first, second, *others = await account.creator_link_requests()
        assert await first.approve() is True
        assert await second.reject() is True
        assert await first.approve() is False
        left = await account.creator_link_requests()
        assert [one.id for one in left] == [one.id for one in others]
        return first.id, second.id

    first, second = run(Moderator, act)
    listed = "GET /v1/account/moderator/tasks/creator_links"
    one = "POST /v1/account/moderator/creator_link_requests"
    assert run.requests == [
        listed, f"{one}/{first}/approve", f"{one}/{second}/reject", f"{one}/{first}/approve",
        WHO, listed,
    ]  # fmt: skip


def test_an_administrator_moderates(run: Run) -> None:
    assert run(Admin, lambda account: account.creator_link_requests())
    assert len(run.requests) == 1


def test_an_administrator_whom_moderators_do_not_let_in(run: Run) -> None:
    async def act(account: Admin) -> Any:
        with pytest.raises(AnswerError, match="answered 404, though sandbox-admin is admin"):
            await account.creator_link_requests()

    run(Admin, act, moderator_exact=True)
    assert run.requests == ["GET /v1/account/moderator/tasks/creator_links", WHO]


@SCRIPT
@pytest.mark.parametrize("what", ["list", "approve"])
def test_who_is_a_moderator_no_more(run: Run, what: str) -> None:
    async def act(account: Moderator) -> Any:
        (first, *_) = await account.creator_link_requests()
        assert run.server is not None
        run.server.site.state.accounts[2]["role"] = "consumer"
        with pytest.raises(InsufficientPrivileges, match=r"moderator, and .* is a consumer"):
            await (first.approve() if what == "approve" else account.creator_link_requests())

    run(Moderator, act)
    assert len(run.requests) == 3


# Administrator


def test_view_accounts(run: Run) -> None:
    async def act(account: Admin) -> Any:
        for page, limit in ((0, 1), (1, 0), (-1, None)):
            with pytest.raises(ValueError, match="expected 1 or more"):
                await account.view_accounts(page=page, limit=limit)
        moderators = await account.view_accounts(role=AccountRole.MODERATOR)
        named = await account.view_accounts(name="reader-1", page=1, limit=2)
        return moderators, named

    moderators, named = run(Admin, act)
    at = "GET /v1/account/administrator/accounts"
    assert run.requests == [f"{at}?role=moderator", f"{at}?name=reader-1&page=1&limit=2"]
    assert {view.role for view in moderators} == {AccountRole.MODERATOR}
    assert len(named) == 2
    assert all("reader-1" in view.username for view in named)


@SCRIPT
def test_change_roles(run: Run) -> None:
    async def act(account: Admin) -> Any:
        assert await account.change_roles([4, 5], [2]) is True
        assert await account.change_roles([], []) is True
        assert await account.change_roles([999_999], []) is False
        views = await account.view_accounts(role=AccountRole.MODERATOR)
        return {view.id for view in views}

    assert {4, 5} <= run(Admin, act)
    assert run.requests[:3] == ["POST /v1/account/administrator/accounts"] * 3


@SCRIPT
def test_remove_creator_link(run: Run) -> None:
    async def act(account: Admin) -> Any:
        assert run.server is not None
        service, id = run.server.site.world.cast["pair_a"]
        creator = await account.get_creator(service, id)
        assert creator is not None
        assert await account.remove_creator(creator) is True
        assert await account.remove_creator_link("patreon", "none") is False
        return service, id

    service, id = run(Admin, act)
    assert run.requests == [
        f"GET /v1/{service}/user/{id}/profile",
        f"DELETE /v1/{service}/user/{id}/links",
        "DELETE /v1/patreon/user/none/links",
        WHO,
    ]


@SCRIPT
@pytest.mark.parametrize(
    "act",
    [
        lambda account: account.view_accounts(),
        lambda account: account.change_roles([4], []),
        lambda account: account.remove_creator_link("patreon", "10000000"),
    ],
)
def test_who_is_an_administrator_no_more(run: Run, act: Act) -> None:
    async def demoted(account: Admin) -> Any:
        assert run.server is not None
        run.server.site.state.accounts[1]["role"] = "moderator"
        with pytest.raises(InsufficientPrivileges, match="it takes an administrator"):
            await act(account)

    run(Admin, demoted)
    assert run.requests[1:] == [WHO]


# Where things differ


@pytest.mark.parametrize(
    "act",
    [
        lambda account: account.random_creator(),
        lambda account: account.random_post(),
        lambda account: account.get_post("patreon", "1"),
    ],
)
def test_what_a_classic_server_lacks(run: Run, act: Act) -> None:
    async def refused(account: Consumer) -> None:
        with pytest.raises(NotOffered, match="servers of this profile do not offer it"):
            await act(account)

    run(Consumer, refused, profile="classic")
    assert run.requests == []


def test_changes_are_proposed_in_a_crawl(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("administrator"))
    store = {"SATCHEL_STORE": f"sqlite:///{tmp_path}/s.db"}

    async def act(crawler: Crawler) -> int | None:
        admin = await Admin.of(crawler)
        request, other, *_ = await admin.creator_link_requests()
        for call in (
            admin.change_roles([4, 5], [2]),
            admin.remove_creator_link("patreon", "10000000"),
            request.approve(),
            other.reject(),
        ):
            assert await call is False
        with pytest.raises(ActionError, match="within a crawl, a change has to be proposed"):
            await admin.change_password("geheim", "secret")
        with pytest.raises(ActionError, match="has to be proposed"):
            await KemoSession.of(crawler).client.change("links.approve", id=request.id)
        return request.id

    id = server.in_crawl(act, **store)
    assert server.paths() == [LOGIN, "GET /v1/account/moderator/tasks/creator_links", LOGOUT]
    outbox = Outbox(store["SATCHEL_STORE"])
    rows = [(row["kind"], row["target"], row["item"]) for row in outbox.listed()]
    outbox.close()
    assert rows[:4] == [
        ("kemono.change_role", "role of account 4", ""),
        ("kemono.change_role", "role of account 5", ""),
        ("kemono.change_role", "role of account 2", ""),
        ("kemono.unlink_creator", "links of patreon/10000000", ""),
    ]
    of_request = f"kemono_creator_link_request {id}"
    assert rows[4] == ("kemono.approve_link_request", f"link request {id}", of_request)
    assert rows[5][0] == "kemono.reject_link_request"

    async def without_a_store(crawler: Crawler) -> None:
        with pytest.raises(ActionError, match="an action is stored before it is sent"):
            await (await Admin.of(crawler)).remove_creator_link("patreon", "10000000")

    server.in_crawl(without_a_store)


def test_an_accounts_own_request_changes_nothing_in_a_crawl(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("moderator"))
    url = f"{server.url}/api/v1/account/moderator/creator_link_requests/55/approve"
    meta = {"satchel_service": "kemono", "satchel_role": "moderator"}

    async def act(crawler: Crawler) -> None:
        with pytest.raises(ActionError, match=r"POST http.*/approve: .* has to be proposed"):
            await send(crawler, Request(url, method="POST", meta=meta))

    server.in_crawl(act)
    assert server.paths() == []


def test_configured_accounts_in_a_crawl(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("administrator", "consumer"))

    async def act(crawler: Crawler) -> Any:
        return [await kind.of(crawler) for kind in (Consumer, Moderator, Admin)]

    consumer, moderator, admin = server.in_crawl(act)
    assert (consumer.username, moderator.username, admin.username) == (CONSUMER, ADMIN, ADMIN)
    assert server.paths() == [LOGIN, LOGIN, LOGOUT, LOGOUT]


def test_a_loop_that_runs_already(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()

    async def one(kind: type[Consumer]) -> int:
        name = NAMES[kind]
        async with await kind.login(name, password_of(name)) as account:
            return len(await account.favorite_creators())

    async def notebook() -> Any:
        return await asyncio.gather(one(Consumer), one(Moderator), one(Admin))

    assert server.in_script(monkeypatch.setenv, notebook())[0] == 12
    assert all(seen.cookies == 1 for seen in server.site.seen if "favorites" in seen.path)


def test_a_script_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="SATCHEL_KEMONO_URL is not set"):
        asyncio.run(Consumer.login("a", "b"))
    monkeypatch.setenv("SATCHEL_KEMONO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SATCHEL_BACKOFF", "0")
    with pytest.raises(LoginFailed, match="no answer"):
        asyncio.run(Consumer.login("a", "b"))


@pytest.mark.parametrize("call", ["login", "register"])
def test_a_crawl_has_no_room_for_a_script(serve: Serve, call: str) -> None:
    server = serve()

    async def act(crawler: Crawler) -> None:
        with pytest.raises(NotInACrawl, match=r"KemoSession.of\(crawler\)"):
            await getattr(Admin, call)(ADMIN, password_of(ADMIN))

    server.in_crawl(act)
    assert server.paths() == []


@pytest.mark.parametrize("given", ["session", "another case"])
def test_an_account_that_the_server_calls_otherwise(
    given: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    cookie = server.site._signer.sign({"_permanent": True, "account_id": 3})
    one = {"role": "consumer", "session": cookie}
    if given != "session":
        one["username"] = CONSUMER.upper()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", json.dumps([one]))

    async def act(crawler: Crawler) -> Any:
        account = await Consumer.of(crawler)
        return account.username, len(await account.favorite_creators())

    assert server.in_crawl(act) == (CONSUMER, 12)


def test_many_logins_of_one_account_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()

    async def main() -> None:
        async with await KemoSession.open() as session:
            right = (CONSUMER, password_of(CONSUMER), session)
            logins = [Consumer.login(*right) for _ in range(5)]
            logins += [Consumer.login("reader", "wr0ng", session) for _ in range(5)]
            done = await asyncio.gather(*logins, return_exceptions=True)
            assert [type(one) for one in done] == [Consumer] * 5 + [InvalidLogin] * 5

    server.in_script(monkeypatch.setenv, main())
    assert server.paths() == [LOGIN, LOGIN, LOGOUT]


def test_a_login_that_fails_for_now(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_BACKOFF", "0")

    async def main() -> Any:
        async with await Consumer.login(CONSUMER, password_of(CONSUMER)) as account:
            await account.favorite_posts()
            server.site.drop_sessions()
            server.sandbox.faults = Faults(rate=1, kinds=("status_503",), only="/login", in_a_row=2)
            with pytest.raises(LoginFailed, match="answered 503"):
                await account.favorite_posts()
            return await account.favorite_posts()

    assert server.in_script(monkeypatch.setenv, main())


def test_a_registration_whose_answer_is_lost(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    server.sandbox.faults = Faults(rate=1, kinds=("reset",), only="/register", in_a_row=None)
    with pytest.raises(RegisterError, match="nobody knows whether the account was made"):
        server.in_script(monkeypatch.setenv, Consumer.register("somebody", "a password"))
    assert len(server.paths()) == 1


def test_a_moderator_whose_session_is_gone_is_told_404(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    answer = server.site._answer

    def hidden(request: web.Request, call: Any, handler: Any) -> web.Response:
        if "moderator" in request.path and call.account_id is None:
            return web.json_response({"error": "Not Found"}, status=404)
        return answer(request, call, handler)

    monkeypatch.setattr(server.site, "_answer", hidden)

    async def main() -> Any:
        async with await Moderator.login(MODERATOR, password_of(MODERATOR)) as moderator:
            first, second, *_ = await moderator.creator_link_requests()
            server.site.drop_sessions()
            assert await moderator.creator_link_requests()
            server.site.drop_sessions()
            return await asyncio.gather(first.approve(), second.approve())

    assert server.in_script(monkeypatch.setenv, main()) == [True, True]


def test_one_who_stops_waiting_for_a_login(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer"))
    server.sandbox.faults = Faults(latency=0.3)

    async def act(crawler: Crawler) -> Any:
        first, second = (asyncio.ensure_future(Consumer.of(crawler)) for _ in range(2))
        await asyncio.sleep(0.1)
        first.cancel()
        return (await second).username

    assert server.in_crawl(act) == CONSUMER
    assert [login.succeeded for login in server.site.logins] == [True]


def test_a_script_that_stops_waiting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    server.sandbox.faults = Faults(latency=0.2)

    async def main() -> int:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(Consumer.login(CONSUMER, "x"), 0.05)
        await asyncio.sleep(1)
        return len(asyncio.all_tasks())

    assert server.in_script(monkeypatch.setenv, main()) == 1


def test_a_logout_that_cannot_be_told(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()

    async def main() -> Any:
        async with await Consumer.login(CONSUMER, password_of(CONSUMER)) as account:
            server.sandbox.faults = Faults(rate=1, kinds=("reset",), in_a_row=None)
        assert account.session.crawler.engine is None or not account.session.crawler.crawling
        return "done"

    assert server.in_script(monkeypatch.setenv, main()) == "done"
    assert "not logged out" in caplog.text


def test_a_session_that_is_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()

    async def main() -> None:
        session = await KemoSession.open()
        account = await Consumer.login(CONSUMER, password_of(CONSUMER), session)
        await session.close()
        with pytest.raises(NoClient, match="the crawl has ended"):
            await account.favorite_posts()
        await session.close()

    server.in_script(monkeypatch.setenv, main())
    assert server.paths() == [LOGIN, LOGOUT]
