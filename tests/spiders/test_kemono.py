"""Crawls of Kemono's sandbox compared with the truth of its world, in both profiles."""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import json
import logging
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from itemadapter import ItemAdapter

from overlap import most_at_once
from satchel.errors import ArgumentError, ConfigError, NoAccount
from satchel.faults import Faults, Quota
from satchel.hookspecs import hookimpl
from satchel.items import Item, field_names, nested_fields, type_name
from satchel.kemono.sandbox import KemonoSite, render, staff
from satchel.kemono.sandbox.call import Call
from satchel.kemono.sandbox.index import Index, tags
from satchel.kemono.world import ADMIN, Key, Record, World
from satchel.spiders.kemono import CreatorsSpider
from satchel.spiders.kemono.shared import taken_from
from satchel.testing import Crawl, crawl, plugins
from sites import WORLD, Serve, accounts, make_site
from stores import Stored

PROFILES = ["current", "classic"]
LONG, FIFTY, FIFTY_ONE = (WORLD.cast[word] for word in ("long", "fifty", "fifty_one"))


def sandbox(profile: str = "current", **settings: Any) -> dict[str, Any]:
    return {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_KEMONO_PROFILE": profile,
        "SATCHEL_KEMONO_CONTENT": True,
        "SATCHEL_PRIVACY": "off",
        **settings,
    }


def crawled(spider: str, settings: dict[str, Any], **arguments: str) -> Crawl:
    result = crawl(spider, settings, **arguments)
    assert (result.reason, result.stats["satchel/verdict"]) == ("finished", "complete")
    return result


def of(result: Crawl, kind: str) -> dict[Any, Any]:
    """The items of a class by their keys; each came once."""
    found = [item for item in result.items if type(item).__name__ == kind]
    keyed = {tuple(getattr(item, name) for name in item.key): item for item in found}
    assert len(keyed) == len(found)
    return keyed


def requests(result: Crawl) -> int:
    got = result.stats["downloader/request_count"]
    return int(got) - int(result.stats.get("robotstxt/request_count", 0))


def assert_same(found: Any, truth: Any) -> None:
    """What was found is what the world has: of an item, as far as the world says it."""
    if isinstance(found, Item):
        for name, value in truth.items():
            if hasattr(found, name) and not (name == "name" and "/" in value):
                assert_same(getattr(found, name), value)
    elif isinstance(found, list):
        for one, other in zip(found, truth, strict=True):
            assert_same(one, other)
    elif isinstance(found, datetime):
        assert found.replace(tzinfo=None) == truth
    elif isinstance(found, str) and isinstance(truth, list):
        assert json.loads(found) == truth
    elif isinstance(found, str):
        assert found == str(truth)
    else:
        assert found == (truth or None if isinstance(truth, dict) else truth)


def kept_in(folder: Path) -> dict[str, Any]:
    """The settings of a crawl that stores its items, and writes them into a feed, there."""
    feed = {"format": "jsonlines", "encoding": "utf-8"}
    return {"SATCHEL_STORE": f"sqlite:///{folder}/s.db", "FEEDS": {f"{folder}/f.jsonl": feed}}


def assert_kept(result: Crawl, folder: Path) -> None:
    """What was scraped is what was stored, and what is in the feed."""
    lines = (folder / "f.jsonl").read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == [exported(item) for item in result.items]
    stored = Stored(f"sqlite:///{folder}/s.db").everything()
    for cls in {type(item) for item in result.items}:
        items, rows = of(result, cls.__name__), stored[type_name(cls)]
        assert rows.keys() == items.keys()
        for key, item in items.items():
            for name in plain_fields(cls):
                value = getattr(item, name)
                utc = isinstance(value, datetime) and value.tzinfo is not None
                assert rows[key][name] == (value.replace(tzinfo=None) if utc else value)


def exported(value: Any) -> Any:
    """A value as feeds have it."""
    if isinstance(value, Item):
        return {name: exported(inner) for name, inner in ItemAdapter(value).items()}
    if isinstance(value, list):
        return [exported(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def plain_fields(cls: type[Item]) -> set[str]:
    """Those that nest nothing and are no lists."""
    lists = {"tags"}
    return set(field_names(cls)) - set(nested_fields(cls)) - lists


def word(key: Iterable[str]) -> str:
    return "/".join(key)


@pytest.fixture(scope="module", params=PROFILES)
def site(request: pytest.FixtureRequest) -> KemonoSite:
    """What a server of each profile shows of the world."""
    return make_site(profile=request.param)


def test_all_creators_with_what_belongs_to_them(site: KemonoSite, tmp_path: Path) -> None:
    names = ["profile", "links", "announcements", "fancards"]
    if not site.is_classic:
        names.append("tags")
    settings = sandbox(site.options.profile, **kept_in(tmp_path))
    result = crawled("kemono-creators", settings, all="1", include=",".join(names))
    assert_kept(result, tmp_path)
    creators = of(result, "Creator")
    assert creators.keys() == site.index.creators.keys()
    for key, found in creators.items():
        truth = dict(site.index.creators[key])
        hidden = set() if truth["has_profile"] else {"announcements", "fancards"}
        if site.is_classic or not truth["has_profile"]:
            hidden |= {n for n in truth if n.endswith("_count")}
        if not truth["has_profile"]:
            hidden |= {"public_id", "relation_id"}
        else:
            linked = {(one.service, one.id) for one in found.links}
            assert linked == site.index.creators.keys() & set(site.state.linked(key))
        for name in (*hidden, "last_imported"):
            truth.pop(name)
        truth |= {name: truth[name].replace(microsecond=0) for name in ("indexed", "updated")}
        assert_same(found, truth)
        if not site.is_classic:
            expected = tags(site.index.of(key)) if truth["has_profile"] else []
            assert_same(sorted_tags(found.tags), sorted_tags(expected))


def test_the_first_creators_go_on_before_all_are_asked_about(serve: Serve) -> None:
    server = serve(world=World(creators=250, posts=3))
    asked: list[int] = []

    class Watch:
        @hookimpl
        def satchel_process_item(self) -> None:
            asked.append(len(server.sandbox.log))

    with plugins(Watch) as names:
        settings = server.settings(SATCHEL_PLUGINS=names)
        result = crawled("kemono-creators", settings, all="1", include="announcements,fancards")
    assert of(result, "Creator").keys() == server.site.index.creators.keys()
    assert all(one.fancards is not None for one in of(result, "Creator").values())
    assert len(server.paths()) == 1 + 2 * len(server.site.index.creators)
    together = CreatorsSpider.together
    assert asked[0] == 1 + 2 * together
    assert asked[together + 50] <= 1 + 4 * together


def test_a_list_is_let_go_of_while_it_is_read() -> None:
    rows = [1, 2, 3]
    taken = taken_from(rows)
    assert (next(taken), len(rows)) == (1, 2)
    assert list(taken) == [2, 3]


def sorted_tags(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row["tag"] if isinstance(row, dict) else row.tag)


def test_all_posts_with_what_belongs_to_them(site: KemonoSite, tmp_path: Path) -> None:
    include = "detail,comments,revisions,creator"
    settings = sandbox(site.options.profile, **kept_in(tmp_path))
    result = crawled("kemono-posts", settings, recent="1", include=include)
    assert_kept(result, tmp_path)
    posts = of(result, "Post")
    truth = {(p["service"], p["user"], p["id"]): p for p in site.index.posts}
    assert posts.keys() == truth.keys()
    comments = 0
    for key, found in posts.items():
        assert_same(found, {**truth[key], **site.index.neighbours(truth[key])})
        known = site.index.creator(key[:2])
        assert (found.creator and found.creator.name) == (known and known["name"])
        if not site.is_classic:
            assert found.flagged == site.state.flags.get(key)
        comments += len(found.comments)
    assert len(of(result, "Comment")) == comments > 100
    assert len(of(result, "Revision")) > 100


def test_posts_of_creators_page_by_page(site: KemonoSite) -> None:
    keys = [key for key in site.index.creators if key[0] != "discord"]
    result = crawled(
        "kemono-posts", sandbox(site.options.profile), creators=",".join(map(word, keys))
    )
    expected = {(*key, row["id"]) for key in keys for row in site.index.of(key)}
    assert of(result, "Post").keys() == expected


def test_a_discord_server(tmp_path: Path) -> None:
    result = crawled("kemono-discord", sandbox(**kept_in(tmp_path)), servers="80000000")
    assert_kept(result, tmp_path)
    (server,) = of(result, "DiscordServer").values()
    assert_same(server, {**WORLD.creators["discord", "80000000"], "public_id": None})
    assert_same(server.channels, list(WORLD.channels.values()))
    messages = of(result, "DiscordMessage")
    rows = {(row["id"],): row for rows in WORLD.messages.values() for row in rows}
    assert messages.keys() == rows.keys()
    for key, found in messages.items():
        assert_same(found, {n: v for n, v in rows[key].items() if n != "mentions"})
    by_url = crawled("kemono-discord", sandbox(), urls="https://x.test/discord/server/80000000#1")
    assert of(by_url, "DiscordMessage").keys() == messages.keys()
    (channel,) = (id for id, rows in WORLD.messages.items() if len(rows) == 3)
    assert len(crawled("kemono-discord", sandbox(), channels=channel).items) == 3


def test_a_discord_server_of_an_older_kind() -> None:
    profile = {"base": "current", "lacks": ["discord.server"]}
    result = crawled("kemono-discord", sandbox(profile), servers="80000000")  # type: ignore[arg-type]
    assert len(of(result, "DiscordChannel")) == len(WORLD.channels)
    assert len(of(result, "DiscordMessage")) == sum(map(len, WORLD.messages.values()))


def test_favourites(site: KemonoSite, tmp_path: Path) -> None:
    settings = sandbox(site.options.profile, **kept_in(tmp_path))
    result = crawled("kemono-favorites", settings)
    assert_kept(result, tmp_path)
    state = site.state
    creators = {key: n for key, n in state.creators[3].items() if key in site.index.creators}
    posts = {
        key: n for key, n in state.posts[3].items() if key[:2] in site.index.creators
    }  # fmt: skip
    assert {k: item.faved_seq for k, item in of(result, "Creator").items()} == creators
    assert {k: item.faved_seq for k, item in of(result, "Post").items()} == posts
    only = crawled("kemono-favorites", sandbox(site.options.profile), kinds="creators")
    assert len(only.items) == len(creators)


def test_link_requests_with_their_creators(tmp_path: Path) -> None:
    settings = sandbox(**kept_in(tmp_path))
    result = crawled("kemono-moderation", settings, include="from_creator,to_creator")
    assert_kept(result, tmp_path)
    pending = {id for id, row in WORLD.link_requests.items() if row["status"] == "pending"}
    assert {id for (id,) in of(result, "CreatorLinkRequest")} == pending
    for (id,), found in of(result, "CreatorLinkRequest").items():
        row = WORLD.link_requests[id]
        creator = WORLD.creators[row["from_service"], row["from_id"]]
        assert (found.from_creator and found.from_creator.name) == (
            creator["name"] if creator["has_profile"] else None
        )


def test_accounts_are_stored_only_if_asked_for(tmp_path: Path) -> None:
    listed = {id for id, row in WORLD.accounts.items() if row["role"] != "administrator"}
    kept = tmp_path / "kept.db"
    for store in ("0", "1"):
        settings = sandbox(SATCHEL_STORE=f"sqlite:///{kept}")
        result = crawled("kemono-accounts", settings, store=store)
        assert {id for (id,) in of(result, "AccountView")} == listed
        assert kept.exists() == (store == "1")
    assert len(Stored(f"sqlite:///{kept}").read("kemono_account_view")) == len(listed)


def test_accounts_by_name_role_and_page() -> None:
    assert len(crawled("kemono-accounts", sandbox(), page="2", limit="10").items) == 10
    assert len(crawled("kemono-accounts", sandbox(), limit="7").items) == len(WORLD.accounts) - 1
    (admin,) = crawled("kemono-accounts", sandbox(), role="administrator", name="adm").items
    assert admin.username == ADMIN


def test_accounts_that_are_deleted_meanwhile_hide_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, original = 0, staff._found

    def shrunk(call: Call) -> list[Record]:
        nonlocal asked
        asked += 1
        return original(call)[0 if asked <= 2 else 3 :]

    monkeypatch.setattr(staff, "_found", shrunk)
    found = {item.id for item in crawled("kemono-accounts", sandbox(), limit="10").items}
    assert len(found) == len(WORLD.accounts) - 1


def posts_that(fits: Callable[[Record], bool]) -> set[str]:
    return {row["id"] for row in make_site().index.posts if fits(row)}


def ids(result: Crawl) -> set[str]:
    return {item.id for item in result.items}


def test_creators_by_word(site: KemonoSite) -> None:
    settings = sandbox(site.options.profile)
    found = crawled("kemono-creators", settings, services="fanbox", search="paper").items
    assert [(one.service, one.name) for one in found] == [("fanbox", "Paper Kites 日本")]
    gone = "patreon/99"
    result = crawled("kemono-creators", settings, ids=f"{word(LONG)},{gone}")
    assert_same(result.items[0].name, WORLD.creators[LONG]["name"])
    assert (len(result.items), result.stats["satchel/absent"]) == (1, 1)
    page = "https://kemono.example/{}/user/{}/post/77?o=50".format(*FIFTY)
    assert ids(crawled("kemono-creators", settings, urls=page)) == {FIFTY[1]}


def test_posts_by_word() -> None:
    some = WORLD.posts[(*LONG, "20000005")]
    key = word((some["service"], some["user"], some["id"]))
    page = "https://kemono.example/{}/user/{}/post/{}/revision/3".format(*key.split("/"))
    short = f"{some['service']}/{some['id']}"
    result = crawled("kemono-posts", sandbox(), ids=f"{key},{short}", urls=page)
    (post,) = result.items
    unasked = {name: value for name, value in some.items() if name not in ("comments", "revisions")}
    assert_same(post, unasked)
    assert crawled("kemono-posts", sandbox(), ids="patreon/1/2").stats["satchel/absent"] == 1
    assert crawled("kemono-posts", sandbox(), random="1").items
    assert crawled("kemono-creators", sandbox(), random="1").items
    by_page = crawled("kemono-posts", sandbox(), urls=f"https://x.test/{FIFTY[0]}/user/{FIFTY[1]}")
    assert len(by_page.items) == 50


def test_posts_of_a_creator_who_is_hidden_are_not_met_but_found() -> None:
    key = next(key for key in WORLD.posts if key[:2] == WORLD.cast["hidden"])
    everything = of(crawled("kemono-posts", sandbox(), recent="1"), "Post")
    assert not [found for found in everything if found[:2] == key[:2]]
    assert of(crawled("kemono-posts", sandbox(), ids=word(key)), "Post").keys() == {key}


def test_a_creator_who_has_another_name_is_the_same(serve: Serve, tmp_path: Path) -> None:
    server = serve(world=World(creators=1, posts=1))
    settings = server.settings(SATCHEL_STORE=f"sqlite:///{tmp_path}/s.db")
    for name in ("Before", "After"):
        server.site.index.creators[LONG] |= {"name": name, "public_id": name.lower()}
        crawled("kemono-creators", settings, ids=word(LONG))
    (row,) = Stored(f"sqlite:///{tmp_path}/s.db").everything()["kemono_creator"].values()
    assert (row["id"], row["name"], row["public_id"]) == (LONG[1], "After", "after")


def test_no_file_is_ever_asked_for(serve: Serve) -> None:
    server = serve()
    settings = server.settings(SATCHEL_KEMONO_CONTENT=True)
    names = "detail,revisions,creator"
    crawled("kemono-posts", settings, creators=word(WORLD.cast["odd"]), include=names)
    crawled("kemono-creators", settings, search="paper", include="profile,fancards,announcements")
    crawled("kemono-discord", settings, servers="80000000")
    assert {
        re.sub(r"\d{5,}.*?(?=/|$)", "N", path.partition("?")[0]) for path in server.paths()
    } == {
        "GET /v1/creators",
        "GET /v1/discord/channel/N",
        "GET /v1/discord/server/N",
        *(
            f"GET /v1/{service}/user/N/{what}"
            for service in ("patreon", "fanbox")
            for what in ("profile", "fancards", "announcements")
        ),
        "GET /v1/patreon/user/N/posts",
        "GET /v1/patreon/user/N/post/N",
        "GET /v1/patreon/user/N/post/N/revisions",
    }


def test_posts_by_search_and_tags() -> None:
    landscape = crawled("kemono-posts", sandbox(), search="LANDSCAPE study")
    assert ids(landscape) == posts_that(lambda row: "landscape study" in row["title"].casefold())
    both = {"landscape", "study"}
    tagged = crawled("kemono-posts", sandbox(), tags="landscape,study")
    assert ids(tagged) == posts_that(lambda row: both <= set(row["tags"] or ()))
    within = crawled("kemono-posts", sandbox(), tags="landscape,study", creators=word(LONG))
    assert ids(within) == posts_that(
        lambda row: both <= set(row["tags"] or ()) and row["user"] == LONG[1]
    )


def test_of_two_rows_of_a_post_the_one_with_its_content_is_kept(serve: Serve) -> None:
    """Classic servers list all posts without it, and a creator's with it."""
    server = serve(profile="classic")
    server.sandbox.faults = Faults(latency=0.5, only="/user/")  # the poorer rows come first
    settings = server.settings(SATCHEL_KEMONO_CONTENT=True)
    result = crawled("kemono-posts", settings, creators=word(FIFTY), recent="1")
    full = {item.id for item in result.items if item.content is not None}
    assert {row["id"] for row in server.site.index.of(FIFTY)} == full
    again = crawled("kemono-posts", settings, creators=",".join([word(FIFTY)] * 2))
    assert len(again.items) == 50


def test_popular_posts() -> None:
    week = crawled("kemono-posts", sandbox(), popular="week/2030-05-01")
    assert len(week.items) > 100
    assert all(item.fav_count for item in week.items)
    both = crawled("kemono-posts", sandbox(), popular="week/2030-05-01,recent")
    assert ids(both) > ids(week)


def test_since_ends_a_listing_as_soon_as_its_order_allows() -> None:
    rows = make_site().index.of(LONG)
    day = rows[20]["published"].date()
    result = crawled("kemono-posts", sandbox(), creators=word(LONG), since=str(day))
    assert ids(result) == {row["id"] for row in rows if row["published"].date() >= day}
    assert requests(result) == 1
    last = rows[5]["published"].date()
    result = crawled(
        "kemono-posts", sandbox(), creators=word(LONG), since=str(day), until=str(last)
    )
    assert ids(result) == {row["id"] for row in rows if day <= row["published"].date() <= last}
    everywhere = crawled("kemono-posts", sandbox(), recent="1", since=str(day))
    assert ids(everywhere) == posts_that(
        lambda row: row["published"] is None or row["published"].date() >= day
    )


def test_a_limit_counts_for_each_listing() -> None:
    result = crawled("kemono-posts", sandbox(), creators=f"{word(LONG)},{word(FIFTY)}", limit="7")
    assert (len(result.items), requests(result)) == (14, 2)
    assert len(crawled("kemono-creators", sandbox(), all="1", limit="3").items) == 3


SWITCHES: list[dict[str, Any]] = [
    {"past_end": "404"},
    {"past_end": "empty"},
    {"off_step": "400"},
    {"tags_shape": "wrapper", "popular_key": "results"},
    {"edge_cache": 60.0},
    {"guesses": False},
    {"require_accept": False},
    {"profile": "classic", "past_end": "400", "off_step": "empty"},
    {"profile": "classic", "past_end": "404"},
    {"profile": "classic", "edge_cache": 60.0, "require_accept": True},
]


@pytest.mark.parametrize("options", SWITCHES, ids=str)
def test_servers_that_differ_give_the_same(serve: Serve, options: dict[str, Any]) -> None:
    server = serve(**options)
    settings, wants_css = server.settings(), server.site.options.require_accept
    if server.site.is_classic and wants_css:
        settings["SATCHEL_KEMONO_PROFILE"] = {"base": "classic", "accept": "text/css"}
    creators = ",".join(map(word, (LONG, FIFTY, FIFTY_ONE, WORLD.cast["empty"])))
    result = crawled("kemono-posts", settings, creators=creators)
    assert len(result.items) == 221
    recent = crawled("kemono-posts", settings, recent="1")
    assert len(recent.items) == len(server.site.index.posts)
    assert all("text/css" in asked.headers["Accept"] for asked in server.asked()) == (
        not server.site.is_classic or wants_css
    )
    if not server.site.is_classic:
        popular = crawled("kemono-posts", settings, popular="week")
        assert len(popular.items) > 100
        tagged = crawled("kemono-creators", settings, ids=word(LONG), include="tags")
        assert len(tagged.items[0].tags) == 7


ACCOUNT_SWITCHES: list[dict[str, Any]] = [
    {"unauth_write": 302, "fav_write_body": "empty", "bad_login": 401},
    {"login_limit": 1, "edge_cache": 60.0},
    {"moderator_exact": True, "role_cached": True, "register_logs_in": True},
    {"profile": "classic", "login_limit": 1, "unauth_write": 302, "fav_write_body": "true"},
    {"profile": "classic", "role_cached": True, "edge_cache": 60.0},
]


@pytest.mark.parametrize("options", ACCOUNT_SWITCHES, ids=str)
def test_servers_that_differ_show_accounts_the_same(
    serve: Serve, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", "moderator", "administrator")
    )
    server = serve(**options)
    state, known = server.site.state, server.site.index.creators
    favourites = crawled("kemono-favorites", server.settings())
    assert of(favourites, "Creator").keys() == state.creators[3].keys() & known.keys()
    assert of(favourites, "Post").keys() == {key for key in state.posts[3] if key[:2] in known}
    if not server.site.is_classic:
        pending = {id for id, row in state.requests.items() if row["status"] == "pending"}
        found = crawled("kemono-moderation", server.settings())
        assert {id for (id,) in of(found, "CreatorLinkRequest")} == pending
        others = {id for id, row in state.accounts.items() if row["role"] != "administrator"}
        found = crawled("kemono-accounts", server.settings())
        assert {id for (id,) in of(found, "AccountView")} == others


MISBEHAVIOUR: list[Faults] = [
    Faults(quota=Quota(4, 1.0, 429)),
    Faults(rate=1, kinds=("status_429",), retry_after="", in_a_row=2),
    Faults(rate=0.5, kinds=("status_500", "status_502", "status_503"), in_a_row=2),
    Faults(rate=1, kinds=("truncated",), in_a_row=2),
    Faults(rate=1, kinds=("drip",), drip=0.1),
    Faults(latency=0.1),
]
"""The switches of the reference that the sandbox has for all services."""


@pytest.mark.parametrize("faults", MISBEHAVIOUR, ids=str)
@pytest.mark.parametrize("profile", PROFILES)
def test_servers_that_misbehave_give_the_same(serve: Serve, profile: str, faults: Faults) -> None:
    server = serve(profile=profile)
    server.sandbox.faults = faults
    creators = ",".join(map(word, (LONG, FIFTY, FIFTY_ONE, WORLD.cast["empty"])))
    result = crawled("kemono-posts", server.settings(), creators=creators)
    expected = {(*key, row["id"]) for key in (LONG, FIFTY, FIFTY_ONE)
                for row in server.site.index.of(key)}  # fmt: skip
    assert of(result, "Post").keys() == expected


SAYS_MORE = "answered 404, and there should be {} rows; the others are missing"
SAYS_NOTHING = "answered 404, and does not say that the listing ends there; there may be more"


@pytest.mark.parametrize(
    ("profile", "arguments", "said"),
    [
        ("current", {"creators": word(LONG)}, SAYS_MORE.format(120)),
        ("current", {"creators": word(LONG), "search": "file"}, SAYS_NOTHING),
        ("current", {"recent": "1"}, SAYS_MORE.format(len(make_site().index.posts))),
        ("classic", {"creators": word(LONG)}, SAYS_NOTHING),
        ("classic", {"recent": "1"}, SAYS_NOTHING),
    ],
)
def test_an_error_in_mid_listing_is_not_its_end(
    serve: Serve, caplog: pytest.LogCaptureFixture, profile: str,
    arguments: dict[str, str], said: str,
) -> None:  # fmt: skip
    server = serve(profile=profile)
    server.sandbox.faults = Faults(rate=1, kinds=("status_404",), only="o=50$", in_a_row=None)
    result = crawl("kemono-posts", server.settings(), **arguments)
    assert (len(of(result, "Post")), result.stats["satchel/verdict"]) == (50, "incomplete")
    assert caplog.text.count("the server answered 404") == 1
    assert said in caplog.text
    assert "satchel/out_of_reach" not in result.stats


def test_the_end_of_a_listing_that_became_shorter_is_no_error(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, original = 0, Call.search

    def shrunk(self: Call, posts: Sequence[Record]) -> Sequence[Record]:
        nonlocal asked
        asked += 1
        return original(self, posts)[0 if asked == 1 else 50 : 150]

    monkeypatch.setattr(Call, "search", shrunk)
    server = serve()
    assert ids(crawled("kemono-posts", server.settings(), recent="1")) == {
        row["id"] for row in server.site.index.posts[:150]
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_challenge_ends_the_crawl(serve: Serve, profile: str) -> None:
    server = serve(profile=profile)
    server.sandbox.faults = Faults(rate=1, kinds=("challenge",), in_a_row=None)
    result = crawl("kemono-posts", server.settings(), recent="1")
    assert (result.reason, result.items, len(server.asked())) == ("challenge", [], 1)


def test_a_search_that_the_server_would_pass_over_is_refused() -> None:
    for profile, text in (("current", "ab"), ("classic", "a")):
        with pytest.raises(ArgumentError, match=r"search=.*expected at least"):
            crawl("kemono-posts", sandbox(profile), search=text)


def test_what_cannot_be_reached_is_said_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(reachable=100)
    result = crawl("kemono-posts", server.settings(), recent="1")
    assert result.stats["satchel/verdict"] == "incomplete"
    assert result.stats["satchel/out_of_reach"] == 1
    total = len(server.site.index.posts)
    assert caplog.text.count(f"no more than the first 150 rows, of {total}") == 1
    assert len(result.items) == 150


@pytest.fixture(scope="module")
def large() -> World:
    return World(posts=1_000)


def test_pages_are_fetched_together_where_the_total_is_known(serve: Serve, large: World) -> None:
    server = serve(world=large)
    server.sandbox.faults = Faults(latency=0.1)
    settings = server.settings(SATCHEL_KEMONO_CONCURRENCY=4)
    result = crawled("kemono-posts", settings, creators=word(LONG))
    assert len(result.items) == 1_000
    assert most_at_once(server.sandbox.log) == 4
    offsets = [path.partition("?o=")[2] for path in server.paths() if "/posts" in path]
    # Four pages in order, then four walks: the first to begin are far from each other.
    assert offsets[:4] == ["", "50", "100", "150"]
    assert max(map(int, offsets[4:8])) >= 800
    assert len(offsets) <= 20 + 1 + 3


@pytest.mark.parametrize("concurrency", [None, 1, 4])
def test_no_more_requests_are_open_than_the_setting_says(
    serve: Serve, concurrency: int | None
) -> None:
    server = serve()
    expected = concurrency or 2
    server.sandbox.faults = Faults(latency=0.03 * expected)
    given = {} if concurrency is None else {"SATCHEL_KEMONO_CONCURRENCY": concurrency}
    keys = ",".join(map(word, (LONG, FIFTY, FIFTY_ONE)))
    crawled("kemono-posts", server.settings(**given), creators=keys, include="comments", limit="20")
    log = server.asked()
    assert len(log) > 60
    assert most_at_once(log) == expected


def test_one_request_a_second_unless_the_settings_say_otherwise(serve: Serve) -> None:
    server = serve()
    keys = ",".join(map(word, (LONG, FIFTY, FIFTY_ONE)))
    crawled("kemono-creators", server.settings(SATCHEL_RATES={}), ids=keys)
    moments = [one.time - one.seconds for one in server.asked()]
    assert len(moments) == 3
    # Permits are a second apart; what is given one may be late.
    assert moments[2] - moments[0] > 1.5


def test_a_listing_that_grows_meanwhile_loses_nothing(
    serve: Serve, large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asked, original = serve(world=large), 0, Index.of

    def grown(self: Index, key: Key) -> list[Record]:
        nonlocal asked
        asked += 1
        rows = original(self, key)
        return [{**rows[0], "id": f"new-{n}"} for n in range(asked * 7)] + list(rows)

    monkeypatch.setattr(Index, "of", grown)
    settings = server.settings(SATCHEL_KEMONO_CONCURRENCY=3)
    found = ids(crawled("kemono-posts", settings, creators=word(LONG)))
    assert {row["id"] for row in original(server.site.index, LONG)} <= found


def test_a_listing_that_shrinks_meanwhile_loses_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asked, original = serve(world=World(posts=1_000)), 0, Index.of

    def shrunk(self: Index, key: Key) -> list[Record]:
        nonlocal asked
        asked += 1
        gone = 0 if asked < 9 else 30
        self.creators[key]["post_count"] = 1_000 - gone
        return list(original(self, key))[gone:]

    monkeypatch.setattr(Index, "of", shrunk)
    found = ids(crawled("kemono-posts", server.settings(), creators=word(LONG)))
    assert {row["id"] for row in original(server.site.index, LONG)[30:]} <= found


def test_a_listing_that_becomes_shorter_again_and_again_is_read_twice(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, original = 0, Call.search

    def unsteady(self: Call, posts: Sequence[Record]) -> Sequence[Record]:
        nonlocal asked
        asked += 1
        assert asked < 50
        return original(self, posts)[: 290 - (asked - 1) % 2]

    monkeypatch.setattr(Call, "search", unsteady)
    result = crawl("kemono-posts", serve().settings(), recent="1", limit="1000")
    assert asked == 12
    assert result.stats["satchel/verdict"] == "incomplete"
    assert caplog.text.count("became shorter while it was read, twice") == 1


def test_a_server_that_repeats_its_pages_is_left(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Call, "page", lambda self, rows, step=50: rows[:step])
    server = serve()
    result = crawl("kemono-posts", server.settings(), recent="1")
    assert result.stats["satchel/repeating_listings"] == 1
    assert result.stats["satchel/verdict"] == "incomplete"
    assert len(server.paths()) < 20


REFUSED = [
    ("kemono-discord", {"servers": "1"}, "servers: discord"),
    ("kemono-posts", {"popular": "day"}, "popular: posts.popular"),
    ("kemono-posts", {"random": "1"}, "random: posts.random"),
    ("kemono-posts", {"ids": "patreon/1"}, "ids: posts.lookup"),
    ("kemono-creators", {"random": "1"}, "random: creators.random"),
    ("kemono-creators", {"all": "1", "include": "tags"}, "include: creators.tags"),
    ("kemono-moderation", {}, "kemono-moderation: links.requests"),
    ("kemono-accounts", {}, "kemono-accounts: accounts.list"),
]


@pytest.mark.parametrize(("spider", "arguments", "reason"), REFUSED)
def test_what_the_profile_lacks_is_refused_before_the_first_request(
    spider: str, arguments: dict[str, str], reason: str
) -> None:
    with pytest.raises(ArgumentError, match=f"{reason}.*do not offer it"):
        crawl(spider, sandbox("classic"), **arguments)


WRONG = [
    ("kemono-creators", {"ids": "1234"}, "expected SERVICE/ID, such as patreon/1234; 1234 is none"),
    ("kemono-creators", {"urls": "https://x.test/posts"}, r"expected addresses of the form"),
    ("kemono-creators", {"limit": "3"}, "nothing to crawl; give one or more of all="),
    ("kemono-posts", {"recent": "1", "since": "May"}, "expected a date such as"),
    (
        "kemono-posts",
        {"recent": "1", "since": "2030-05-02", "until": "2030-05-01"},
        "until=2030-05-01 is before since=2030-05-02",
    ),
    ("kemono-posts", {"popular": "year"}, "expected recent, day, week, month"),
    ("kemono-posts", {"popular": "day/May"}, "expected a date such as"),
    ("kemono-posts", {"ids": "1"}, "expected SERVICE/ID or SERVICE/CREATOR/ID"),
    ("kemono-discord", {"urls": "https://x.test/"}, "discord/server/ID"),
    ("kemono-favorites", {"kinds": "posts,dms"}, "expected one or more of creators, posts"),
    ("kemono-accounts", {"limit": "26"}, "expected at most 25"),
    ("kemono-accounts", {"role": "king"}, "expected one of consumer, moderator, administrator"),
]


@pytest.mark.parametrize(("spider", "arguments", "reason"), WRONG)
def test_wrong_arguments_are_one_line(spider: str, arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        crawl(spider, sandbox(), **arguments)


def test_no_server_says_how_to_give_one() -> None:
    with pytest.raises(ConfigError, match="SATCHEL_KEMONO_URL is not set"):
        crawl("kemono-posts", recent="1")


@pytest.mark.parametrize("spider", ["kemono-favorites", "kemono-moderation", "kemono-accounts"])
def test_an_account_is_missing_before_the_first_request(
    spider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SATCHEL_KEMONO_ACCOUNTS", raising=False)
    with pytest.raises(NoAccount, match="no account for the role"):
        crawl(spider, {"SATCHEL_KEMONO_URL": "http://127.0.0.1:9"})


def contents(world: World) -> set[str]:
    """All that is withheld by default of a world: texts, and where files are."""
    posts = list(world.posts.values())
    versions = [*posts, *(old for row in posts for old in row["revisions"])]
    comments = [said for row in posts for said in row["comments"]]
    messages = [row for rows in world.messages.values() for row in rows]
    creators = list(world.creators.values())
    said = [*versions, *comments, *messages]
    said += [old for row in (*comments, *messages) for old in row.get("revisions", ())]
    said += [row for creator in creators for row in creator["announcements"]]
    polls = [row["poll"] for row in versions if row["poll"]]
    shown = [row["embed"] for row in versions] + [e for row in messages for e in row["embeds"]]
    files = [*(row["file"] for row in versions), *(f for c in creators for f in c["fancards"])]
    files += [file for row in (*versions, *messages) for file in row["attachments"]]
    texts = [row["content"] for row in said]
    texts += [render.substring(row) for row in posts]
    texts += re.findall(r'src="([^"]+)"', "".join(row["content"] for row in posts))
    texts += [poll[name] for poll in polls for name in ("title", "description")]
    texts += [f'"{choice["text"]}"' for poll in polls for choice in poll["choices"]]
    texts += [row[key] for row in shown for key in ("url", "subject", "description") if key in row]
    texts += [file[key] for file in files if file for key in ("path", "server") if key in file]
    texts += [file["name"] for file in files if file and "/" in file.get("name", "")]
    texts += [f"//n{number}.example.test" for number in range(1, 5)]
    return {text for text in texts if text}


def written(text: str) -> set[bytes]:
    """A text in the ways in which it may be written."""
    plain, ascii_ = (json.dumps(text, ensure_ascii=wide)[1:-1] for wide in (False, True))
    packed = {json.dumps(one)[1:-1] for one in (plain, ascii_)}
    escaped = {quote(text), quote(text, safe=""), quote_plus(text), html.escape(text)}
    forms = {text, plain, ascii_, repr(text)[1:-1], *packed, *escaped}
    return {form.encode() for form in forms}


def revealed(kept: bytes) -> bytes:
    """Bytes, and what is packed in them: compressed, or as base64 or hexadecimal digits."""
    found = [kept]
    for run in re.findall(rb"[A-Za-z0-9+/_-]{24,}={0,2}", kept):
        with contextlib.suppress(ValueError):
            found.append(base64.b64decode(run.translate(bytes.maketrans(b"-_", b"+/"))))
        with contextlib.suppress(ValueError):
            found.append(bytes.fromhex(run.decode()))
    for part in list(found):
        for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", part):
            with contextlib.suppress(zlib.error):
                found.append(zlib.decompressobj(47).decompress(part[start.start() :]))
    return b"\n".join(found)


def test_what_is_packed_is_looked_into() -> None:
    text = "<p>é</p>/1a/2b"
    body = json.dumps({"content": text}).encode()
    for packed in (body, gzip.compress(body), zlib.compress(body)):
        for kept in (packed, base64.b64encode(packed), packed.hex().encode()):
            assert any(form in revealed(b"x " + kept + b" y") for form in written(text))


CRAWLS = [
    ("kemono-creators", {"all": "1", "include": "announcements,fancards"}),
    ("kemono-posts", {"recent": "1", "include": "detail,comments,revisions"}),
    ("kemono-posts", {"creators": ",".join(map(word, (LONG, FIFTY, WORLD.cast["odd"])))}),
    ("kemono-favorites", {}),
    ("kemono-discord", {"servers": "80000000"}),
]


@pytest.mark.parametrize(
    ("profile", "content"), [("current", False), ("classic", False), ("current", True)]
)
def test_content_is_nowhere_unless_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, profile: str, content: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    crawls = CRAWLS if profile == "current" else CRAWLS[:-1]
    for n, (spider, arguments) in enumerate(crawls):
        settings = {
            "SATCHEL_SANDBOX": True,
            "SATCHEL_KEMONO_PROFILE": profile,
            "SATCHEL_STORE": f"sqlite:///{tmp_path}/kept.db",
            "FEEDS": {
                str(tmp_path / f"{n}.jsonl"): {"format": "jsonlines", "encoding": "utf-8"},
                str(tmp_path / f"{n}.csv"): {"format": "csv"},
            },
            **({"SATCHEL_KEMONO_CONTENT": True} if content else {}),
        }
        crawled(spider, settings, **arguments)
    files = {path.name: path.read_bytes() for path in tmp_path.glob("*.*") if path.is_file()}
    assert len(files) >= 2 * len(crawls) + 1
    with contextlib.closing(sqlite3.connect(tmp_path / "kept.db")) as database:
        files["dump"] = "\n".join(database.iterdump()).encode()  # no text is cut by a page's end
    assert "DEBUG" in caplog.text
    files["log"] = caplog.text.encode()
    looked_into = {name: revealed(kept) for name, kept in files.items()}
    texts = contents(WORLD)
    found = {
        (name, text) for text in texts for forms in [written(text)]
        for name, kept in looked_into.items() if any(form in kept for form in forms)
    }  # fmt: skip
    if content:
        assert len({text for _, text in found}) > 0.98 * len(texts)
    else:
        assert not found
    assert not any(name == "log" for name, _ in found)


def test_a_crawl_that_may_be_stopped_keeps_its_requests_on_disk(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve()
    settings = server.settings(JOBDIR=str(tmp_path / "job"), SATCHEL_KEMONO_CONCURRENCY=4)
    result = crawled("kemono-posts", settings, recent="1", include="comments")
    assert len(of(result, "Post")) == len(server.site.index.posts)
    assert result.stats["scheduler/dequeued/disk"] == result.stats["scheduler/dequeued"]
    offsets = [path.partition("?o=")[2] or "0" for path in server.paths() if "/v1/posts" in path]
    assert offsets == sorted(offsets, key=int)


def test_a_wrong_accept_header_is_told(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve()
    profile = {"base": "current", "accept": "application/json"}
    settings = server.settings(SATCHEL_KEMONO_PROFILE=profile)
    result = crawl("kemono-posts", settings, recent="1")
    assert (result.items, result.stats["satchel/verdict"]) == ([], "incomplete")
    assert "wants another Accept header than application/json" in caplog.text


def test_an_account_that_the_server_turns_away_is_told(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("administrator"))
    server = serve(moderator_exact=True)
    result = crawl("kemono-moderation", server.settings())
    assert (result.items, result.stats["satchel/verdict"]) == ([], "incomplete")
    assert "404, as it does to an account that is no moderator" in caplog.text


def test_a_password_that_is_refused_is_no_silence(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", consumer="wr0ng"))
    result = crawl("kemono-favorites", serve().settings())
    assert (result.items, result.reason) == ([], "login_failed")
    assert result.stats["satchel/unserved"] == 2
    assert "satchel/unreachable" not in result.stats
    assert "no answer" not in caplog.text
