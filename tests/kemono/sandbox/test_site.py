"""Transport: reference section 1, and what both profiles differ in, section 15."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from satchel.kemono.sandbox import KemonoSite, SandboxOptions
from satchel.kemono.world import CONSUMER
from satchel.recnet.service import SERVICE as RECNET
from satchel.testing import running_sandbox
from visits import WORLD, Visit, Visitor, service

CREATORS = "/api/v1/creators"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html", ""])
@pytest.mark.parametrize("path", [CREATORS, "/api/v1/nothing", "/api/v1/account/favorites"])
def test_reads_that_do_not_accept_css_are_refused(visit: Visit, accept: str, path: str) -> None:
    answer = visit().get(path, Accept=accept)
    assert answer.status == 403
    assert b"Accept: text/css" in answer.body
    assert answer.body[:1] not in b"{["
    assert answer.headers["Server"] == "ddos-guard"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert {"__ddg1_", "__ddg8_", "__ddg9_", "__ddg10_"} == set(answer.cookies)


def test_json_says_that_it_is_css(visit: Visit) -> None:
    answer = visit().get(CREATORS, Accept="text/css,*/*;q=0.1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/css"
    assert "紙ひこうき工房" in answer.body.decode()


def test_writes_need_not_accept_css(visit: Visit) -> None:
    words = {"username": CONSUMER, "password": "wrong"}
    visitor = visit()
    answer = visitor.ask("POST", "/api/v1/authentication/login", json_=words, Accept="*/*")
    assert answer.status == 400
    assert "__ddg1_" in answer.cookies


def test_the_accept_rule_can_be_off(visit: Visit) -> None:
    answer = visit(require_accept=False).get(CREATORS, Accept="*/*")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")


def test_classic_is_plain(visit: Visit) -> None:
    visitor = visit(profile="classic")
    answer = visitor.get(CREATORS, Accept="application/json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.cookies == {}
    for path in ("account", "posts/popular", "posts/random", "authentication/login"):
        answer = visitor.get(f"/api/v1/{path}")
        assert answer.status == 404
        assert answer.body.startswith(b"<!doctype html>")


def test_what_is_not_there(visit: Visit) -> None:
    visitor = visit(prefix="/here")
    answer = visitor.get("/api/v1/nothing")
    assert (answer.status, answer.json) == (404, {"error": "Not Found"})
    assert visitor.ask("DELETE", CREATORS).json == {"error": "Not Found"}
    assert visitor.ask("POST", "/api/v1/account/login").json == {"error": "Not Found"}


def test_the_edge_repeats_what_it_answered(visit: Visit) -> None:
    visitor = visit(edge_cache=3600)
    visitor.log_in(CONSUMER)
    path = "/api/v1/account/favorites"
    before = visitor.read(path)
    gone = before[0]
    visitor.ask("DELETE", f"/api/v1/favorites/creator/{gone['service']}/{gone['id']}")
    assert visitor.read(path) == before
    assert gone not in visitor.read(f"{path}?type=artist")
    other = visitor.another()
    assert other.get(path).status == 401
    other.log_in("sample-reader-4")
    assert other.read(path) != before


def test_sites_stand_beside_each_other_and_share_no_session() -> None:
    sites = {prefix: KemonoSite(WORLD) for prefix in ("/one", "/one-more")}
    services = [service(site, prefix) for prefix, site in sites.items()]
    with running_sandbox(services=[RECNET, *services]) as sandbox:
        host = sandbox.url.removeprefix("http://")
        one, more = (Visitor(site, host, prefix) for prefix, site in sites.items())
        assert one.log_in(CONSUMER).cookies["session"].endswith("Path=/one")
        more.session = one.session
        assert one.get("/api/v1/account").status == 200
        assert more.get("/api/v1/account").status == 401
        assert Visitor(one.site, host).get("/account/7001").status == 200
        assert [seen.account for seen in one.site.seen] == [None, 3]
        assert [seen.account for seen in more.site.seen] == [None]


def test_how_long_a_session_lasts(visit: Visit) -> None:
    cookie = visit().log_in(CONSUMER).cookies["session"]
    expires = cookie.partition("expires=")[2].partition(";")[0]
    assert parsedate_to_datetime(expires).year >= 2035


def test_switches_follow_the_profile_unless_given() -> None:
    assert SandboxOptions().past_end == "400"
    assert SandboxOptions(profile="classic").past_end == "empty"
    assert SandboxOptions(profile="classic", past_end="404").past_end == "404"
    assert SandboxOptions(require_accept=False).require_accept is False
