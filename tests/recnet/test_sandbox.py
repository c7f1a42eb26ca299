"""The sandbox answers as the reference says, section by section."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from satchel.recnet.sandbox import SandboxOptions, routes
from satchel.recnet.sandbox.render import Renderer, iso
from satchel.recnet.world import World

KEY = {"Ocp-Apim-Subscription-Key": "sandbox"}
WORLD = World()
FIRST_IMAGE = next(iter(WORLD.images))
PRIVATE_ROOM = min(WORLD.private_rooms)
A, B, C, *_ = WORLD.accounts


@dataclass
class Answer:
    """One reply, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def _ask(options: SandboxOptions, method: str, path: str, more: Any) -> Answer:
    app = web.Application()
    app.add_routes(routes(WORLD, options))
    async with TestClient(TestServer(app)) as client:
        url = f"{client.make_url('')}".rstrip("/") + path
        async with client.session.request(method, url, allow_redirects=False, **more) as response:
            return Answer(response.status, dict(response.headers), await response.read())


def ask(
    path: str, method: str = "GET", options: SandboxOptions | None = None, **more: Any
) -> Answer:
    more.setdefault("headers", KEY)
    return asyncio.run(_ask(options or SandboxOptions(), method, path, more))


def get(path: str) -> Any:
    answer = ask(path)
    assert answer.status == 200, answer
    return answer.json


def post(path: str, **values: Any) -> Any:
    answer = ask(path, "POST", data=values)
    assert answer.status == 200, answer
    return answer.json


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def ids(rows: list[dict[str, Any]], key: str) -> list[int]:
    return [row[key] for row in rows]


# Section 1: dialects, encodings, paths


@pytest.mark.parametrize(
    ("classic", "legacy", "public"),
    [
        (f"/account/{A}", f"/public/accounts/account/{A}", f"/public/accounts/{A}"),
        (
            f"/api/images/v4/{FIRST_IMAGE}",
            f"/public/apis/api/images/v4/{FIRST_IMAGE}",
            f"/public/images/{FIRST_IMAGE}",
        ),
        (
            "/api/playerevents/v1/5100",
            "/public/apis/api/playerevents/v1/5100",
            "/public/playerevents/5100",
        ),
        ("/rooms/8200", "/rooms/8200", "/public/rooms/8200"),
    ],
)
def test_l0_and_l_are_full_and_p_is_reduced(classic: str, legacy: str, public: str) -> None:
    full, reduced = get(legacy), get(public)
    assert get(classic) == full
    assert set(full) != set(reduced)
    for key in set(full) & set(reduced):
        assert full[key] == reduced[key]


@pytest.mark.parametrize(
    "path",
    [
        "/public/accounts/{}",
        "/public/accounts/{}/",
        "/PUBLIC/Accounts/{}",
        "//public//accounts/{}",
        "/public/accounts/account/{}/",
    ],
)
def test_slashes_and_case_of_paths_mean_nothing(path: str) -> None:
    assert get(path.format(A))["accountId"] == A


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/public/accounts", "/public/accounts/account", "/account"])
def test_by_username_with_and_without_slash(path: str, slash: str) -> None:
    assert get(f"{path}{slash}?username=SAMPLE_otter")["accountId"] == A


@pytest.mark.parametrize("key", ["id", "Id", "ids", "Ids", "id[]", "Ids[]"])
def test_bulk_keys_in_all_spellings(key: str) -> None:
    found = post("/public/accounts/bulk", **{key: [A, B]})
    assert sorted(ids(found, "accountId")) == [A, B]


def test_bulk_as_get_as_json_and_as_multipart() -> None:
    assert sorted(ids(get(f"/public/accounts/bulk?id={A}&id={B}"), "accountId")) == [A, B]
    for key in ("Ids", "ids"):
        answer = ask("/public/images/bulk/id", "POST", json={key: [FIRST_IMAGE]})
        assert ids(answer.json, "Id") == [FIRST_IMAGE]
    name = WORLD.images[FIRST_IMAGE]["image_name"]
    answer = ask("/public/images/bulk/name", "POST", json={"Names": [name]})
    assert ids(answer.json, "Id") == [FIRST_IMAGE]
    with aiohttp.MultipartWriter("form-data") as form:
        for id_ in (FIRST_IMAGE, FIRST_IMAGE + 1):
            part = form.append(str(id_))
            part.set_content_disposition("form-data", name="Ids")
    answer = ask("/public/images/bulk/id", "POST", data=form)
    assert sorted(ids(answer.json, "Id")) == [FIRST_IMAGE, FIRST_IMAGE + 1]


@pytest.mark.parametrize("body", [b"[1, 2]", b"{", b'{"Ids": 5}', b'{"Ids": "12"}'])
def test_json_that_is_no_bulk_body_is_a_bad_request(body: bytes) -> None:
    headers = KEY | {"Content-Type": "application/json"}
    answer = ask("/public/images/bulk/id", "POST", data=body, headers=headers)
    assert answer.status == 400


def test_response_headers() -> None:
    answer = ask(f"/api/images/v1/{FIRST_IMAGE}/cheers")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    packed = ask("/rooms/8200", options=SandboxOptions(gzip=True))
    assert packed.headers["Content-Encoding"] == "gzip"


# Section 2: pages, sorting, order


def test_take_defaults_to_64_and_is_capped() -> None:
    path = "/public/apis/api/images/v3/feed/global"
    assert len(get(path)) == 64
    assert len(get(f"{path}?take=16&skip=0")) == 16
    assert get(f"{path}?take=5&skip=3") == get(f"{path}?take=8")[3:]
    assert len(ask(f"{path}?take=50", options=SandboxOptions(max_take=20)).json) == 20
    assert len(ask(path, options=SandboxOptions(default_take=7)).json) == 7


def test_past_the_end_is_empty() -> None:
    assert get(f"/public/images/player/{A}?take=16&skip=9000") == []
    page = get("/public/rooms/hot?skip=9000")
    assert page["Results"] == []
    assert page["TotalResults"] > 0


def test_images_of_a_player_newest_first_or_most_cheered() -> None:
    path = f"/public/images/player/{B}?take=1000"
    newest = get(path)
    expected = [
        id_
        for id_, image in reversed(WORLD.images.items())
        if image["player_id"] == B and image["accessibility"] == "Public"
    ]
    assert ids(newest, "Id") == expected
    cheered = get(f"{path}&sort=1")
    counts = ids(cheered, "CheerCount")
    assert counts == sorted(counts, reverse=True)
    assert sorted(ids(cheered, "Id")) == sorted(expected)


def test_a_page_can_be_short_although_more_follow() -> None:
    hidden = next(i for i, image in WORLD.images.items() if image["accessibility"] == "Private")
    room = WORLD.images[hidden]["room_id"]
    inside = [i for i, image in reversed(WORLD.images.items()) if image["room_id"] == room]
    skip = inside.index(hidden)
    assert len(get(f"/public/images/room/{room}?take=1&skip={skip}")) == 0
    assert get(f"/public/images/room/{room}?take=1000")


def test_orders_of_events() -> None:
    coming = get("/public/playerevents?take=100&sort=0")
    starts = [unix(event["StartTime"]) for event in coming]
    assert starts == sorted(starts)
    assert {WORLD.events[id_]["accessibility"] for id_ in ids(coming, "PlayerEventId")} == {
        "Public"
    }
    assert all(unix(event["EndTime"]) > WORLD.now for event in coming)
    event = next(e for e in WORLD.events.values() if e["accessibility"] == "Private")
    mine = get(f"/public/apis/api/playerevents/v1/creator/{event['creator_player_id']}")
    assert event["id"] in ids(mine, "PlayerEventId")
    found = ids(mine, "PlayerEventId")
    assert found == sorted(found, reverse=True)
    there = get("/public/playerevents/room/8200")
    assert {event["RoomId"] for event in there} == {8200}


def test_rooms_created_and_owned_newest_first() -> None:
    for path, kept in (("createdby", {"Owner"}), ("ownedby", {"Owner", "Co-Owner"})):
        found = get(f"/rooms/{path}/{A}")
        times = [unix(room["CreatedAt"]) for room in found]
        assert times == sorted(times, reverse=True)
        for room in found:
            roles = WORLD.rooms[room["RoomId"]]["roles"]
            assert {role["name"] for role in roles if role["account_id"] == A} & kept
    owned, created = get(f"/rooms/ownedby/{A}"), get(f"/rooms/createdby/{A}")
    assert set(ids(created, "RoomId")) <= set(ids(owned, "RoomId"))


def test_bulk_is_shuffled_the_same_way_each_time_and_omits_the_unknown() -> None:
    wanted = [*list(WORLD.accounts)[:20], A, A, 5, *WORLD.deleted_accounts]
    first = ids(post("/account/bulk", id=wanted), "accountId")
    assert first == ids(post("/account/bulk", id=wanted[::-1]), "accountId")
    assert sorted(first) == sorted(list(WORLD.accounts)[:20])
    assert first not in (wanted[:20], wanted[:20][::-1], sorted(first))
    assert post("/public/accounts/bulk", id=[5, 6]) == []
    assert ask("/public/accounts/bulk", "POST", data={}).json == []


def test_event_responses_come_by_time() -> None:
    for id_, truth in WORLD.responses.items():
        if WORLD.is_visible("events", id_) and truth:
            found = get(f"/api/playerevents/v1/{id_}/responses")
            assert ids(found, "PlayerId") == ids(truth, "player_id")
            assert [unix(reply["CreatedAt"]) for reply in found] == ids(truth, "created_at")


# Section 3: status codes


@pytest.mark.parametrize(
    "path",
    [
        "/public/accounts/5",
        "/public/accounts?username=nobody",
        "/public/accounts/5/bio",
        f"/rooms/{PRIVATE_ROOM}",
        f"/public/rooms/{PRIVATE_ROOM}",
        "/rooms?name=NoSuchRoom",
        "/public/playerevents/5",
        "/public/images/5",
        "/public/images/5/comments",
        "/public/apis/api/inventions/v1?inventionId=5",
    ],
)
def test_missing_objects_are_problems(path: str) -> None:
    answer = ask(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == 404
    assert "statusCode" not in answer.json


def test_missing_on_the_old_api_host_is_empty_or_html() -> None:
    answer = ask("/api/images/v1/5/cheers")
    assert (answer.status, answer.body) == (404, b"")
    answer = ask("/roomserver/rooms/hot")
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    ["/public/nothing", "/public/apis/api/images/v9/1", "/public/images/feed/global", "/public"],
)
def test_unlisted_apim_paths(path: str) -> None:
    answer = ask(path)
    assert answer.status == 404
    assert answer.json == {"statusCode": 404, "message": "Resource not found"}


def test_what_public_dropped_is_no_operation() -> None:
    for path in (f"/public/images/v3/feed/player/{A}", "/public/rooms/featured/current"):
        assert ask(path).json == {"statusCode": 404, "message": "Resource not found"}


def test_wrong_methods() -> None:
    assert ask(f"/public/accounts/{A}", "POST").json["message"] == "Resource not found"
    assert ask("/public/images/bulk/id?Ids=1").json["message"] == "Resource not found"
    assert ask("/rooms/8200", "POST").status == 405


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/public/accounts/abc", "id"),
        ("/rooms/8200?include=x", "include"),
        ("/public/images/room/8200?take=x", "take"),
        ("/public/images/room/8200?skip=-1", "skip"),
        ("/public/images/room/99999999999999999999", "id"),
        ("/public/accounts/bulk?id=x", "id"),
    ],
)
def test_bad_parameters(path: str, name: str) -> None:
    answer = ask(path)
    assert answer.status == 400
    assert re.fullmatch(r"The value '.+' is not valid\.", answer.json["errors"][name][0])


def test_a_parameter_that_is_missing_is_bad() -> None:
    assert list(ask("/rooms").json["errors"]) == ["name"]


@pytest.mark.parametrize("path", [f"/public/accounts/{A}", f"/api/images/v1/{FIRST_IMAGE}/cheers"])
def test_keys(path: str) -> None:
    none = ask(path, headers={})
    assert none.status == 401
    assert none.json["statusCode"] == 401
    assert "missing subscription key" in none.json["message"]
    strict = SandboxOptions(key="right")
    wrong = ask(path, options=strict)
    assert wrong.status == 401
    assert "invalid subscription key" in wrong.json["message"]
    right = {"Ocp-Apim-Subscription-Key": "right"}
    assert ask(path, options=strict, headers=right).status == 200
    assert ask(path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/rooms/8200",
        f"/showcase/{A}",
        "/featuredrooms/current",
        f"/account/{A}",
        f"/subscription/subscribercount/{A}",
    ],
)
def test_hosts_without_keys(path: str) -> None:
    assert ask(path, headers={}, options=SandboxOptions(key="right")).status == 200


def test_the_api_host_of_2022_needs_no_key() -> None:
    options = SandboxOptions(api_needs_key=False)
    assert ask(f"/api/images/v4/{FIRST_IMAGE}", headers={}, options=options).status == 200
    assert ask(f"/public/images/{FIRST_IMAGE}", headers={}, options=options).status == 401


# Section 4: operations


def test_account_operations() -> None:
    name = WORLD.accounts[A]["username"]
    assert ids(get("/public/accounts/search?name=OTTER"), "username")[0] == name
    assert get("/public/accounts/search?name=zzz") == []
    found = post("/public/accounts/account/bulk", name=[name.upper(), "nobody"])
    assert ids(found, "accountId") == [A]
    silent = next(id_ for id_, bio in WORLD.bios.items() if bio is None)
    assert get(f"/public/accounts/{silent}/bio") == {"accountId": silent, "bio": None}
    assert get(f"/account/{A}/username") == {"accountId": A, "username": name}


def test_progression() -> None:
    for path in ("/api/players/v2/progression/bulk", "/public/players/progression/bulk"):
        truth = WORLD.progressions[B]
        expected = [{"PlayerId": B, "Level": truth["level"], "XP": truth["xp"]}]
        assert post(path, id=[B, 5]) == expected
        assert post(path, id=[5]) == []


def test_bare_numbers_and_booleans() -> None:
    assert get(f"/subscription/subscribercount/{B}") == WORLD.subscribers[B]
    assert get("/subscription/subscriberCount/5") == 0
    star = min(WORLD.influencers)
    for prefix in ("/api", "/public"):
        path = f"{prefix}/influencerpartnerprogram/isinfluencer"
        assert ask(f"{path}?accountId={star}").body == b"true"
        assert ask(f"{path}?id={star}").body == b"true"
        assert ask(f"{path}?accountId=5").body == b"false"
    assert get(f"/api/influencerpartnerprogram/influencer?accountId={star}") == star


def test_clubs() -> None:
    details = get(f"/subscription/details/{B}")
    assert details["accountId"] == B
    assert details["subscriberCount"] == WORLD.subscribers[B]
    top = get("/subscription/top/creators?take=3")
    counts = ids(top, "subscriberCount")
    assert counts == sorted(WORLD.subscribers.values(), reverse=True)[:3]
    assert get("/subscription/top/creators/count") == sum(
        1 for n in WORLD.subscribers.values() if n
    )


def test_rooms_by_name() -> None:
    assert get("/rooms?name=PAPERHARBOR&include=8")["Tags"] == []
    found = get("/public/rooms/bulk?name=paperharbor")
    assert ids(found, "RoomId") == [8200]
    assert get("/public/rooms/bulk?name=nothing") == []
    cafe = next(room for room in WORLD.rooms.values() if "Café" in room["name"])
    assert ids(post("/rooms/bulk", name=[cafe["name"]]), "RoomId") == [cafe["id"]]


def test_room_search() -> None:
    found = get("/rooms/search?query=paper&take=1")
    assert len(found["Results"]) == 1
    assert found["TotalResults"] > 1
    exact = get("/public/rooms/search?query=^PaperHarbor")
    assert ids(exact["Results"], "RoomId") == [8200]
    tagged = get("/rooms/search?query=%23puzzle&take=1000")
    for room in tagged["Results"]:
        assert "puzzle" in [tag["tag"] for tag in WORLD.rooms[room["RoomId"]]["tags"]]
    assert get("/rooms/search?query=zzz") == {"Results": [], "TotalResults": 0}


def test_hot_rooms_are_public_and_complete() -> None:
    hot = get("/rooms/hot?take=1000")
    assert hot["TotalResults"] == len(hot["Results"])
    expected = {
        id_
        for id_, room in WORLD.rooms.items()
        if room["accessibility"] == "Public" and room["state"] == "Active"
    }
    assert set(ids(hot["Results"], "RoomId")) == expected


def test_showcase_and_featured() -> None:
    assert get(f"/showcase/{A}") == WORLD.showcases[A]
    assert get(f"/public/rooms/showcase/{A}") == WORLD.showcases[A]
    assert get(f"/showcase/{B}") == []
    group = get("/featuredrooms/current")
    assert ids(group["Rooms"], "RoomId") == WORLD.featured
    assert unix(group["StartAt"]) < WORLD.now < unix(group["EndAt"])


def test_event_operations() -> None:
    found = get("/public/playerevents/search?query=lampions&take=100")
    assert found
    assert all("Lampions" in event["Name"] for event in found)
    private = next(e["id"] for e in WORLD.events.values() if e["accessibility"] == "Private")
    assert ask(f"/public/playerevents/{private}").status == 404
    for key in ("Ids", "id"):
        found = post("/public/apis/api/playerevents/v1/bulk", **{key: [5100, private, 5]})
        assert ids(found, "PlayerEventId") == [5100]


def test_image_lists() -> None:
    images = WORLD.images.values()
    tagged = get(f"/public/apis/api/images/v3/feed/player/{A}?take=1000")
    assert all(A in image["TaggedPlayerIds"] for image in tagged)
    event = next(i["player_event_id"] for i in images if i["player_event_id"])
    during = get(f"/public/images/playerevent/{event}?take=1000")
    assert {image["PlayerEventId"] for image in during} == {event}
    assert get("/public/images/player/5") == []


def test_comments_and_cheers() -> None:
    truth = WORLD.comments[FIRST_IMAGE]
    for path in ("/api/images/v1", "/public/images"):
        found = get(f"{path}/{FIRST_IMAGE}/comments")
        assert ids(found, "Comment") == ids(truth, "comment")
        assert ids(found, "PlayerId") == ids(truth, "player_id")
        assert get(f"{path}/{FIRST_IMAGE}/cheers") == WORLD.cheers[FIRST_IMAGE]


def test_comment_count_is_true_only_on_the_feed_and_by_ids() -> None:
    assert get(f"/public/images/{FIRST_IMAGE}")["CommentCount"] == 0
    count = len(WORLD.comments[FIRST_IMAGE])
    assert post("/public/apis/api/images/v3/bulk", Ids=[FIRST_IMAGE])[0]["CommentCount"] == count
    feed = get("/public/apis/api/images/v3/feed/global?take=1000")
    counts = {image["Id"]: image["CommentCount"] for image in feed}
    assert counts[FIRST_IMAGE] == count


def test_inventions() -> None:
    base = "/public/apis/api/inventions"
    first = next(iter(WORLD.inventions))
    assert get(f"{base}/v1?inventionId={first}")["InventionId"] == first
    assert len(get(f"{base}/v1/toptoday?take=50")) == 5
    assert all(row["IsFeatured"] for row in get(f"{base}/v1/featured?take=100"))
    assert get(f"{base}/v2/search?value=lamp&take=3&skip=1")
    tagged = next(i for i in WORLD.inventions.values() if len(i["tags"]) == 2)
    details = get(f"/api/inventions/v1/details?inventionId={tagged['id']}")
    assert [tag["Tag"] for tag in details["Tags"]] == ids(tagged["tags"], "tag")


def test_inventions_are_not_offered_in_public_unless_asked_for() -> None:
    path = "/public/inventions/v1?inventionId=3400"
    assert ask(path).json == {"statusCode": 404, "message": "Resource not found"}
    options = SandboxOptions(inventions_in_public=True)
    assert ask(path, options=options).json["InventionId"] == 3400


def test_health_and_robots() -> None:
    assert ask("/health", headers={}).body == b"Healthy"
    assert ask("/robots.txt", headers={}).status == 404


# Section 5: shapes


LEGACY_ONLY = {
    "account": {"isJunior"},
    "event": {
        "SubRoomId",
        "State",
        "Accessibility",
        "IsMultiInstance",
        "SupportMultiInstanceRoomChat",
        "DefaultBroadcastPermissions",
        "CanRequestBroadcastPermissions",
    },
    "image": {"Type", "Accessibility", "AccessibilityLocked", "TaggedPlayerIds"},
    "room": {
        "MaxPlayerCalculationMode",
        "CloningAllowed",
        "DisableMicAutoMute",
        "DisableRoomComments",
        "EncryptVoiceChat",
        "ToxmodEnabled",
        "LoadScreenLocked",
        "State",
        "Accessibility",
    },
}


@pytest.mark.parametrize(
    ("kind", "legacy", "public"),
    [
        ("account", f"/account/{A}", f"/public/accounts/{A}"),
        ("event", "/api/playerevents/v1/5100", "/public/playerevents/5100"),
        ("image", f"/api/images/v4/{FIRST_IMAGE}", f"/public/images/{FIRST_IMAGE}"),
        ("room", "/rooms/8200", "/public/rooms/8200"),
    ],
)
def test_what_public_leaves_out(kind: str, legacy: str, public: str) -> None:
    assert set(get(legacy)) - set(get(public)) == LEGACY_ONLY[kind]


def account_at(index: int, path: str = "/account") -> Any:
    return get(f"{path}/{list(WORLD.accounts)[index]}")


def test_account_quirks() -> None:
    assert "bannerImage" not in account_at(2)
    assert account_at(3)["bannerImage"] is None
    assert account_at(4)["isJunior"] is None
    assert account_at(5)["platforms"] == -1
    assert not {"platforms", "personalPronouns", "identityFlags"} & set(account_at(9))
    assert account_at(11)["platforms"] == 1 + (1 << 20)
    september = account_at(10, "/public/accounts")
    assert "AccountId" in september
    assert datetime.strptime(september["CreatedAt"], "%m/%d/%Y %I:%M:%S %p")


def test_room_quirks() -> None:
    rooms = list(WORLD.rooms)
    assert get(f"/rooms/{rooms[8]}")["WarningMask"] == 1 + (1 << 9)
    assert not get(f"/rooms/{rooms[9]}")["CreatedAt"].endswith("Z")
    assert "ToxmodEnabled" not in get(f"/rooms/{rooms[10]}")
    assert "Stats" not in get(f"/rooms/{rooms[11]}")
    custom = next(
        r for r in WORLD.rooms.values() if r["warnings"] == ["Bright/flashing lights", "Custom"]
    )
    assert get(f"/public/rooms/{custom['id']}")["WarningMask"] == 36


def test_invention_costs_and_dates() -> None:
    costs = {}
    for id_ in WORLD.inventions:
        answer = ask(f"/public/apis/api/inventions/v1?inventionId={id_}")
        if answer.status == 200 and (version := answer.json["CurrentVersion"]):
            costs[version["InstantiationCost"]] = id_
    vectors = {0: 0.0, None: 0.0, 75: 0.2, 105: 0.3, 135: 0.5, 211: 0.7, 11859: 39.5}
    for raw, documented in vectors.items():
        truth = WORLD.inventions[costs[raw]]["current_version"]
        assert truth["instantiation_cost"] == documented
    base = "/public/apis/api/inventions/v1?inventionId="
    inventions = list(WORLD.inventions)
    assert get(f"{base}{inventions[3]}")["FirstPublishedAt"] == "0001-01-01T00:00:00Z"
    assert get(f"{base}{inventions[8]}")["FirstPublishedAt"] is None


@pytest.mark.parametrize(
    ("kind", "path", "pairs"),
    [
        (
            "images",
            "/api/images/v4/{}",
            "Id:id ImageName:image_name Description:description PlayerId:player_id RoomId:room_id "
            "PlayerEventId:player_event_id CheerCount:cheer_count CommentCount:comment_count "
            "TaggedPlayerIds:tagged_player_ids AccessibilityLocked:accessibility_locked",
        ),
        (
            "events",
            "/api/playerevents/v1/{}",
            "PlayerEventId:id CreatorPlayerId:creator_player_id ImageName:image_name "
            "RoomId:room_id SubRoomId:subroom_id ClubId:club Name:name Description:description "
            "AttendeeCount:attendee_count",
        ),
    ],
)
def test_wire_objects_agree_with_the_truth(kind: Any, path: str, pairs: str) -> None:
    for id_, record in list(WORLD.table(kind).items())[:20]:
        if WORLD.is_visible(kind, id_):
            wire = get(path.format(id_))
            for pair in pairs.split():
                key, name = pair.split(":")
                assert wire[key] == record[name]


def test_dates_agree_with_the_truth() -> None:
    for image in get("/public/apis/api/images/v3/feed/global?take=300"):
        assert unix(image["CreatedAt"]) == WORLD.images[image["Id"]]["created_at"]


# Section 6: includes


@pytest.mark.parametrize(
    ("bits", "keys"),
    [
        (0, set()),
        (1, {"SubRooms"}),
        (2, {"SubRooms"}),
        (4, {"Roles"}),
        (8, {"Tags"}),
        (32, {"PromoImages", "PromoExternalContent"}),
        (64, {"Scores"}),
        (256, {"LoadScreens"}),
        (1024 | 16, set()),
    ],
)
def test_include_bits(bits: int, keys: set[str]) -> None:
    for path in ("/rooms/8202", "/public/rooms/8202"):
        assert set(get(f"{path}?include={bits}")) - set(get(path)) == keys


def test_matchmaking_flags_need_bit_2() -> None:
    flag = "UseAgeBasedMatchmaking"
    assert flag not in get("/rooms/8202?include=1")["SubRooms"][0]
    assert flag in get("/rooms/8202?include=3")["SubRooms"][0]
    public = get("/public/rooms/8202?include=2")["SubRooms"][0]
    assert "LastModeratedSaveModerationState" in public
    assert not {"UnitySceneId", "DataBlob", "CurrentSave"} & set(public)


def test_included_parts_agree_with_the_truth() -> None:
    for id_, truth in WORLD.rooms.items():
        if not WORLD.is_visible("rooms", id_):
            continue
        room = get(f"/rooms/{id_}?include=366")
        assert ids(room["Roles"], "Role") == ids(truth["roles"], "id")
        assert ids(room["Tags"], "Tag") == ids(truth["tags"], "tag")
        assert ids(room["SubRooms"], "RoomId") == ids(truth["subrooms"], "room_id")
        assert ids(room["Scores"], "Score") == ids(truth["scores"], "score")
        assert ids(room["LoadScreens"], "Title") == ids(truth["load_screens"], "title")
        assert room["PromoImages"] == truth["promo_images"]


def test_include_is_ignored_on_bulk_and_lists() -> None:
    assert "Tags" not in get("/rooms/bulk?id=8200&include=8")[0]
    assert "Tags" not in get("/rooms/hot?include=8")["Results"][0]
    assert "Tags" not in get(f"/rooms/createdby/{A}?include=8")[0]


# Section 7: dates and numbers


def fractions(texts: list[str]) -> set[int]:
    return {len(text.rstrip("Z").partition(".")[2]) for text in texts}


def test_digits_of_a_second_vary_from_0_to_7_and_are_trimmed() -> None:
    by_id = Renderer(WORLD)
    texts = [by_id.value("images", id_, "legacy")["CreatedAt"] for id_ in WORLD.images]
    assert fractions(texts) == set(range(8))
    assert not any(text.endswith("0Z") for text in texts if "." in text)
    feed = get("/public/apis/api/images/v3/feed/global?take=300")
    assert fractions([image["CreatedAt"] for image in feed]) == {0, 1, 2, 3}
    events = [by_id.value("events", id_, "legacy")["StartTime"] for id_ in WORLD.events]
    assert sum("." not in text for text in events) > len(events) * 0.7


def test_no_time_is_no_text() -> None:
    assert iso(None, "any") is None


def test_long_ids_survive() -> None:
    long = max(WORLD.rooms)
    assert get(f"/rooms/{long}")["RoomId"] == long
    assert ids(post("/public/rooms/bulk", id=[long]), "RoomId") == [long]


# Section 9: the size of bulk bodies


def many_ids(count: int) -> list[int]:
    return [*range(100_000_000, 100_000_000 + count - 1), A]


def test_ids_over_the_limit_are_lost_silently() -> None:
    assert ids(post("/public/accounts/bulk", id=many_ids(787)), "accountId") == [A]
    assert post("/public/accounts/bulk", id=many_ids(800)) == []


def test_ids_over_the_limit_are_refused_when_told_to() -> None:
    options = SandboxOptions(over_limit="reject")
    data = {"id": many_ids(800)}
    assert ask("/public/accounts/bulk", "POST", options, data=data).status == 413
    wide = SandboxOptions(over_limit="reject", body_limit=20_000)
    assert ask("/public/accounts/bulk", "POST", wide, data=data).status == 200


# Speed: an object is encoded once


def test_a_page_of_100_images_is_a_join_of_kept_bytes() -> None:
    renderer = Renderer(WORLD)
    page = list(WORLD.images)[:100]
    assert json.loads(renderer.many("images", page, "legacy"))[7]["Id"] == page[7]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        renderer.many("images", page, "legacy")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.003


async def _elsewhere(request: web.Request) -> web.Response:
    return web.Response()


def test_several_services_can_share_an_application() -> None:
    app = web.Application()
    app.add_routes(routes(WORLD, SandboxOptions()))
    app.router.add_get("/robots.txt", _elsewhere)
    app.router.add_get("/elsewhere", _elsewhere)
    app.router.add_get("/accounts", _elsewhere)
