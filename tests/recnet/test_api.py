"""Every request, as sections 4.1 to 4.5 of the reference have it, in both dialects."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request

from satchel.config import Secret
from satchel.errors import ConfigError, NotOffered
from satchel.recnet.api import BODY_LIMIT, OPERATIONS, Api, chunks, include_mask, key, paces
from satchel.recnet.settings import RecNetSettings
from satchel.testing import crawl

HOSTS = ("apim", "accounts", "api", "rooms", "clubs", "img")
URLS: Any = {host: f"https://{host}.rec.net" for host in HOSTS}
NO_APIM: Any = {host: url for host, url in URLS.items() if host != "apim"}

ACC = "https://apim.rec.net/public/accounts/account/"
APIM = "https://apim.rec.net/public/apis/api/"
API = "https://api.rec.net/api/"
ROOMS = "https://rooms.rec.net/"
CLUBS = "https://clubs.rec.net/"
PUB = "https://apim.rec.net/public/"
L0_ACC = "https://accounts.rec.net/account/"

PAGE = {"take": 16, "skip": 32}
PAGED = "take=16&skip=32"
ID: dict[str, Any] = {"id": 7}
SORTED = {**PAGE, "sort": 1}

# operation, parameters (of a bulk operation: the form's key), the legacy URL, the public URL
TABLE: list[tuple[str, Any, str | None, str | None]] = [
    # 4.1
    ("accounts.by_id", ID, f"{ACC}7", f"{PUB}accounts/7"),
    (
        "accounts.by_name", {"name": "a b"},
        f"{ACC}?username=a%20b", f"{PUB}accounts/?username=a%20b",
    ),
    ("accounts.search", {"query": "x"}, f"{ACC}search?name=x", f"{PUB}accounts/search?name=x"),
    ("accounts.bulk", "id", f"{ACC}bulk", f"{PUB}accounts/bulk"),
    ("accounts.by_names", "name", f"{ACC}bulk", f"{PUB}accounts/bulk"),
    ("accounts.bio", ID, f"{ACC}7/bio", f"{PUB}accounts/7/bio"),
    ("accounts.level", "id", f"{API}players/v2/progression/bulk", f"{PUB}players/progression/bulk"),
    (
        "accounts.subscriber_count", ID,
        f"{CLUBS}subscription/subscribercount/7", f"{CLUBS}subscription/subscribercount/7",
    ),
    (
        "accounts.is_influencer", ID,
        f"{API}influencerpartnerprogram/isinfluencer?accountId=7",
        f"{PUB}influencerpartnerprogram/isinfluencer?accountId=7",
    ),
    ("accounts.username", ID, f"{ACC}7/username", None),
    ("accounts.influencer", ID, f"{API}influencerpartnerprogram/influencer?accountId=7", None),
    (
        "accounts.club", ID,
        f"{CLUBS}subscription/details/7", f"{CLUBS}subscription/details/7",
    ),
    (
        "accounts.top_creators", PAGE,
        f"{CLUBS}subscription/top/creators?{PAGED}", f"{CLUBS}subscription/top/creators?{PAGED}",
    ),
    (
        "accounts.top_creators_count", {},
        f"{CLUBS}subscription/top/creators/count", f"{CLUBS}subscription/top/creators/count",
    ),
    # 4.2
    (
        "rooms.by_id", {**ID, "include": 366},
        f"{ROOMS}rooms/7?include=366", f"{PUB}rooms/7?include=366",
    ),
    ("rooms.by_name", {"name": "Hub", "include": 0}, f"{ROOMS}rooms?name=Hub&include=0", None),
    ("rooms.bulk", "id", f"{ROOMS}rooms/bulk", f"{PUB}rooms/bulk"),
    ("rooms.by_names", "name", f"{ROOMS}rooms/bulk", f"{PUB}rooms/bulk"),
    (
        "rooms.search", {"query": "#pvp ^x", **PAGE},
        f"{ROOMS}rooms/search?query=%23pvp%20%5Ex&{PAGED}",
        f"{PUB}rooms/search?query=%23pvp%20%5Ex&{PAGED}",
    ),
    ("rooms.hot", PAGE, f"{ROOMS}rooms/hot?{PAGED}", f"{PUB}rooms/hot?{PAGED}"),
    ("rooms.created_by", ID, f"{ROOMS}rooms/createdby/7", f"{PUB}rooms/createdby/7"),
    ("rooms.owned_by", ID, f"{ROOMS}rooms/ownedby/7", f"{PUB}rooms/ownedby/7"),
    ("rooms.showcased_by", ID, f"{ROOMS}showcase/7", f"{PUB}rooms/showcase/7"),
    ("rooms.featured", {}, f"{ROOMS}featuredrooms/current", None),
    # 4.3
    ("events.by_id", ID, f"{APIM}playerevents/v1/7", f"{PUB}playerevents/7"),
    (
        "events.upcoming", SORTED,
        f"{APIM}playerevents/v1?{PAGED}&sort=1", f"{PUB}playerevents/?{PAGED}&sort=1",
    ),
    (
        "events.search", {"query": "boat", **SORTED},
        f"{APIM}playerevents/v1/search?query=boat&{PAGED}&sort=1",
        f"{PUB}playerevents/search?query=boat&{PAGED}&sort=1",
    ),
    (
        "events.created_by", {**ID, **PAGE},
        f"{APIM}playerevents/v1/creator/7?{PAGED}", f"{PUB}playerevents/creator/7?{PAGED}",
    ),
    (
        "events.in_room", {**ID, **PAGE},
        f"{APIM}playerevents/v1/room/7?{PAGED}", f"{PUB}playerevents/room/7?{PAGED}",
    ),
    ("events.bulk", "Ids", f"{APIM}playerevents/v1/bulk", f"{PUB}playerevents/bulk"),
    (
        "events.responses", ID,
        f"{API}playerevents/v1/7/responses", f"{PUB}playerevents/7/responses",
    ),
    # 4.4
    ("images.by_id", ID, f"{APIM}images/v4/7", f"{PUB}images/7"),
    ("images.by_names", "Names", f"{APIM}images/v4/bulk", f"{PUB}images/bulk/name"),
    ("images.bulk", "Ids", f"{APIM}images/v3/bulk", f"{PUB}images/bulk/id"),
    (
        "images.by_player", {**ID, **SORTED},
        f"{APIM}images/v4/player/7?{PAGED}&sort=1", f"{PUB}images/player/7?{PAGED}&sort=1",
    ),
    ("images.of_player", {**ID, **PAGE}, f"{APIM}images/v3/feed/player/7?{PAGED}", None),
    (
        "images.during_event", {**ID, **PAGE},
        f"{APIM}images/v1/playerevent/7?{PAGED}", f"{PUB}images/playerevent/7?{PAGED}",
    ),
    (
        "images.in_room", {**ID, **SORTED},
        f"{APIM}images/v4/room/7?{PAGED}&sort=1", f"{PUB}images/room/7?{PAGED}&sort=1",
    ),
    ("images.front_page", PAGE, f"{APIM}images/v3/feed/global?{PAGED}", None),
    ("images.comments", ID, f"{API}images/v1/7/comments", f"{PUB}images/7/comments"),
    ("images.cheers", ID, f"{API}images/v1/7/cheers", f"{PUB}images/7/cheers"),
    # 4.5
    (
        "inventions.by_id", ID,
        f"{APIM}inventions/v1?inventionId=7", f"{PUB}inventions/v1?inventionId=7",
    ),
    (
        "inventions.search", {"query": "lamp", **PAGE},
        f"{APIM}inventions/v2/search?value=lamp&{PAGED}",
        f"{PUB}inventions/v2/search?value=lamp&{PAGED}",
    ),
    (
        "inventions.featured", PAGE,
        f"{APIM}inventions/v1/featured?{PAGED}", f"{PUB}inventions/v1/featured?{PAGED}",
    ),
    ("inventions.top_today", {}, f"{APIM}inventions/v1/toptoday", f"{PUB}inventions/v1/toptoday"),
    (
        "inventions.tags", ID,
        f"{API}inventions/v1/details?inventionId=7", f"{API}inventions/v1/details?inventionId=7",
    ),
]  # fmt: skip


def api(dialect: Any = "legacy", **settings: Any) -> Api:
    return Api(RecNetSettings(dialect=dialect, **(settings or {"urls": URLS})))


def made(api: Api, name: str, parameters: Any) -> Request:
    if isinstance(parameters, str):
        (request,) = api.bulk(name, ["11", "a b,c", "é"])
        return request
    return api.request(name, **parameters)


def test_the_table_has_every_operation() -> None:
    assert [row[0] for row in TABLE] == list(OPERATIONS)


@pytest.mark.parametrize("dialect", ["legacy", "public"])
@pytest.mark.parametrize(("name", "parameters", "legacy", "public"), TABLE)
def test_requests(
    name: str, parameters: Any, legacy: str | None, public: str | None, dialect: str
) -> None:
    url = legacy if dialect == "legacy" else public
    if url is None:
        with pytest.raises(NotOffered, match=f"{name} is not offered in the {dialect} dialect"):
            made(api(dialect), name, parameters)
        return
    request = made(api(dialect), name, parameters)
    assert request.url == url
    assert request.headers["Accept"] == b"*/*"
    assert request.headers.get("Api-Version") == (b"v1" if dialect == "public" else None)
    assert "Ocp-Apim-Subscription-Key" not in request.headers
    assert request.meta["satchel_keyed"] == url.startswith((PUB, API))
    assert request.meta["satchel_service"] == "recnet"
    assert request.meta["satchel_operation"] == name
    if isinstance(parameters, str):
        assert request.method == "POST"
        assert request.body == f"{parameters}=11&{parameters}=a+b%2Cc&{parameters}=%C3%A9".encode()
        assert request.headers["Content-Type"] == b"application/x-www-form-urlencoded"
    else:
        assert request.method == "GET"
        assert request.body == b""
        assert "Content-Type" not in request.headers


@pytest.mark.parametrize(("name", "parameters", "legacy"), [row[:3] for row in TABLE])
def test_servers_of_before_there_was_an_apim(
    name: str, parameters: Any, legacy: str | None
) -> None:
    """Dialect L0 (section 1): the same paths on other bases."""
    if legacy is not None:
        request = made(api(urls=NO_APIM), name, parameters)
        assert request.url == legacy.replace(ACC, L0_ACC).replace(APIM, API)


def test_names_are_quoted() -> None:
    request = api().request("accounts.by_name", name="a&b=c/d?#é")
    assert request.url == f"{ACC}?username=a%26b%3Dc%2Fd%3F%23%C3%A9"


def test_one_address_for_all_and_exceptions_from_it() -> None:
    one = api(url="http://localhost:8080/recnet/", urls={"clubs": "http://localhost:9"})
    request = one.request("accounts.by_id", id=1)
    assert request.url == "http://localhost:8080/recnet/public/accounts/account/1"
    assert one.request("accounts.club", id=1).url == "http://localhost:9/subscription/details/1"


def test_no_address() -> None:
    with pytest.raises(ConfigError, match="no RecNet server is configured"):
        api(urls={})
    with pytest.raises(ConfigError) as caught:
        crawl("recnet-rooms", {"SATCHEL_RECNET_URLS": {"apim": "http://x"}}, hot="1")
    assert str(caught.value) == (
        "SATCHEL_RECNET_URLS has no address for rooms; add it, or give SATCHEL_RECNET_URL"
    )


@settings(deadline=None)
@given(
    st.sampled_from(["id", "Ids", "name"]),
    st.lists(st.one_of(st.integers(0, 2**63 - 1), st.text(min_size=1, max_size=60)), max_size=400),
    st.integers(600, 3000),
)
def test_bulk_bodies(form: str, values: list[Any], limit: int) -> None:
    groups = list(chunks(form, values, limit))
    assert [value for group in groups for value in group] == list(dict.fromkeys(values))
    assert all(groups)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(10**18, 2**63 - 1),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
        ),
        max_size=300,
        unique=True,
    )
)
def test_bulk_bodies_are_within_the_limit_and_as_few_as_can_be(values: list[Any]) -> None:
    requests = list(api().bulk("events.bulk", [*values, *values]))
    assert all(len(request.body) <= BODY_LIMIT for request in requests)
    sent = [
        value
        for request in requests
        for _, value in parse_qsl(request.body.decode(), keep_blank_values=True)
    ]
    assert sent == list(map(str, values))
    assert [v for request in requests for v in request.cb_kwargs["values"]] == values
    sizes = [len(request.body) for request in requests]
    assert all(a + b > BODY_LIMIT // 2 for a, b in pairwise(sizes))


def test_as_many_ids_as_the_reference_counts() -> None:
    """Section 9: 787 ids of 9 digits in one body, 445 of 19."""
    for digits, count in ((9, 787), (19, 445)):
        ids = range(10 ** (digits - 1), 10 ** (digits - 1) + count + 1)
        sizes = [len(request.cb_kwargs["values"]) for request in api().bulk("rooms.bulk", ids)]
        assert sizes == [count, 1]


def test_the_limit_to_the_byte() -> None:
    """Two pairs of ten bytes, and what joins them."""
    assert list(chunks("id", [1234567, 7654321], 21)) == [[1234567, 7654321]]
    assert list(chunks("id", [1234567, 7654321], 20)) == [[1234567], [7654321]]


def test_nothing_to_ask_for() -> None:
    assert list(api().bulk("rooms.bulk", [])) == []


def test_include() -> None:
    assert include_mask([]) == 0
    every = ["subrooms", "roles", "tags", "promo", "scores", "load_screens"]
    assert include_mask(every) == 366


def test_who_may_see_the_key() -> None:
    assert key(RecNetSettings(urls=URLS)) is None
    found = key(RecNetSettings(urls=URLS, key=Secret("x")))
    assert found is not None
    assert found.header == "Ocp-Apim-Subscription-Key"
    assert found.origins == {"https://apim.rec.net:443", "https://api.rec.net:443"}
    one = key(RecNetSettings(url="http://localhost:8080/x", key=Secret("x")))
    assert one is not None
    assert one.origins == {"http://localhost:8080"}


def test_documented_quotas() -> None:
    """Section 9: 30 a second; 10,000 an hour."""
    legacy = paces(RecNetSettings(urls=URLS))
    assert legacy["apim.rec.net"].rate == "30/second"
    assert legacy["apim.rec.net"].words == ("apim",)
    assert paces(RecNetSettings(urls=URLS, dialect="public"))["apim.rec.net"].rate == "10000/hour"


def test_a_host_of_many_words_and_a_port_of_its_own() -> None:
    found = paces(RecNetSettings(url="http://localhost:8080/x", urls={"img": "http://img.example"}))
    assert found["localhost:8080"].words == ("apim", "accounts", "api", "rooms", "clubs")
    assert found["img.example"].words == ("img",)
