"""Every shape of the reference, in all generations of the API, and what is none of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satchel.decode import Decoder
from satchel.errors import DecodeError
from satchel.items import complete
from satchel.kemono import wire
from satchel.kemono.items import Attachment, Creator, Embed, Post
from satchel.kemono.values import AccountRole
from satchel.kemono.wire import (
    ACCOUNT_VIEW,
    ATTACHMENT,
    CREATOR,
    CREATOR_LINK_REQUEST,
    POST,
    Found,
    read_account,
    read_accounts,
    read_creator,
    read_creators,
    read_done,
    read_error,
    read_found,
    read_link_requests,
    read_post,
    read_posts,
)

H1, H2 = "1a" * 32, "2b" * 32
COVER = {"name": "cover.png", "path": f"/1a/1a/{H1}.png"}
LAYERS = {"name": "layers.zip", "path": f"/2b/2b/{H2}.zip"}

PROFILE = {
    "id": "10000001",
    "name": "Étude 例",
    "service": "patreon",
    "indexed": "2024-01-02T03:04:05.678901",
    "updated": "2025-03-04T05:06:07.891011",
    "public_id": "examplestudio",
    "relation_id": 7,
    "post_count": 240,
    "dm_count": 1,
    "share_count": 0,
    "chat_count": None,
}
LISTED = {
    "favorited": 27,
    "id": "10000001",
    "indexed": 1704164645,
    "name": "Étude 例",
    "service": "patreon",
    "updated": 1741064767,
}
FAVORITE = {
    "faved_seq": 311,
    "id": "10000001",
    "indexed": "2024-01-02T03:04:05.678901",
    "last_imported": "2025-03-04T05:06:07",
    "name": "Étude 例",
    "public_id": None,
    "relation_id": None,
    "service": "patreon",
    "updated": "2025-03-04T05:06:07.891011",
}
SUMMARY = {
    "id": "20000001",
    "user": "10000001",
    "service": "patreon",
    "title": "Landscape study 12",
    "substring": "Three colour tests.",
    "published": "2025-03-01T12:00:00",
    "file": COVER,
    "attachments": [LAYERS],
}
FULL = {
    "id": "20000001",
    "user": "10000001",
    "service": "patreon",
    "title": "Landscape study 12",
    "content": "<p>Three colour tests.</p>",
    "embed": {},
    "shared_file": False,
    "added": "2025-03-04T05:06:07.891011",
    "published": "2025-03-01T12:00:00",
    "edited": None,
    "file": COVER,
    "attachments": [COVER, LAYERS],
    "poll": None,
    "captions": None,
    "tags": ["landscape", "study"],
    "incomplete_rewards": None,
    "next": "19999999",
    "prev": None,
}
DETAILS: dict[str, Any] = {
    "post": FULL,
    "attachments": [
        {
            "server": "https://n2.example.test",
            "name": "layers.zip",
            "extension": ".zip",
            "name_extension": ".zip",
            "stem": H2,
            "path": LAYERS["path"],
        }
    ],
    "previews": [{"type": "thumbnail", "server": "https://n1.example.test", **COVER}],
    "videos": [],
    "props": {"flagged": "reason-other", "revisions": [[0, FULL]]},
}
ACCOUNT = {
    "id": 4021,
    "username": "sample-reader",
    "created_at": "2025-02-03T04:05:06.789012",
    "role": "consumer",
}
REQUEST = {
    "id": 55,
    "from_service": "patreon",
    "from_id": "10000001",
    "to_service": "fanbox",
    "to_id": "30000001",
    "reason": "Same banner on both pages",
    "requester_id": 4021,
    "status": "pending",
}


def body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def post(**changes: Any) -> Post:
    return POST({**FULL, **changes})


def fails(read: Callable[[bytes], Any], value: Any, match: str) -> None:
    with pytest.raises(DecodeError, match=match):
        read(body(value))


# Creators


def test_a_profile() -> None:
    creator = read_creator(body(PROFILE))
    assert creator == Creator(
        service="patreon",
        id="10000001",
        name="Étude 例",
        public_id="examplestudio",
        relation_id="7",
        indexed=datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
        updated=datetime(2025, 3, 4, 5, 6, 7, 891011, UTC),
        post_count=240,
        dm_count=1,
        share_count=0,
    )
    assert creator is not None
    assert creator.was_sent("chat_count")
    assert not creator.was_sent("favorited")
    assert read_creator(b"") is None


def test_rows_of_creators_and_profiles_are_one_item() -> None:
    (listed,) = read_creators(body([LISTED])).items
    (favorite,) = read_creators(body([FAVORITE])).items
    assert (listed.favorited, listed.indexed) == (27, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert favorite.faved_seq == 311
    assert favorite.last_imported == datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
    complete(listed, favorite)
    complete(listed, CREATOR(PROFILE))
    assert (listed.favorited, listed.faved_seq, listed.post_count) == (27, 311, 240)
    assert listed.was_sent("public_id")


@pytest.mark.parametrize("value", [[LISTED], {"creators": [LISTED]}, {"results": [LISTED]}])
def test_lists_of_creators(value: Any) -> None:
    assert [creator.id for creator in read_creators(body(value)).items] == ["10000001"]


def test_a_bad_row_harms_no_other() -> None:
    page = read_creators(body([LISTED, {"id": "1"}, None, {**LISTED, "id": 5}]))
    assert [creator.id for creator in page.items] == ["10000001", "5"]
    assert [error.reason for error in page.errors] == [
        "no usable service",
        "expected an object, got NoneType",
    ]
    assert page.rows == 4


@pytest.mark.parametrize(
    ("sent", "kept"), [(None, None), (12, "12"), ("12", "12"), ([], None), (True, None)]
)
def test_relation_ids_are_text(sent: Any, kept: str | None) -> None:
    creator = CREATOR({**PROFILE, "relation_id": sent})
    assert creator.relation_id == kept
    assert creator.was_sent("relation_id") is (sent is None or kept is not None)


@pytest.mark.parametrize("key", ["id", "artist_id", "user_id", "creator_id"])
def test_a_creators_id_has_many_names(key: str) -> None:
    assert CREATOR({"service": "fanbox", key: "30000001"}).id == "30000001"
    assert POST({"service": "fanbox", "user": "1", "id": "2"}).user == "1"
    if key != "id":
        assert POST({"service": "fanbox", key: "30000001", "id": "2"}).user == "30000001"


# Times


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2025-03-04T05:06:07.891011", datetime(2025, 3, 4, 5, 6, 7, 891011)),
        ("2025-03-04T05:06:07.049", datetime(2025, 3, 4, 5, 6, 7, 49000)),
        ("2025-03-04T05:06:07", datetime(2025, 3, 4, 5, 6, 7)),
        ("Tue, 04 Mar 2025 05:06:07 GMT", datetime(2025, 3, 4, 5, 6, 7)),
        (1741064767, datetime(2025, 3, 4, 5, 6, 7)),
        (1741064767.5, datetime(2025, 3, 4, 5, 6, 7, 500000)),
        (None, None),
        ("0001-01-01T00:00:00", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
    ],
)
def test_times_of_the_server_are_utc_and_those_of_the_source_are_not(
    sent: Any, kept: datetime | None
) -> None:
    found = post(added=sent, published=sent, edited=sent)
    assert found.added == (kept and kept.replace(tzinfo=UTC))
    assert (found.published, found.edited) == (kept, kept)
    assert all(found.was_sent(name) for name in ("added", "published", "edited"))


@pytest.mark.parametrize("sent", ["", "soon", "2025-02-30T00:00:00", 10**30, True, [], {}])
def test_a_time_that_cannot_be_read_was_not_sent(sent: Any) -> None:
    found = post(added=sent, published=sent)
    assert (found.added, found.published, found.title) == (None, None, "Landscape study 12")
    assert not found.was_sent("added")
    assert not found.was_sent("published")


# Posts


def test_details() -> None:
    found = read_post(body(DETAILS))
    assert found is not None
    cover = Attachment(
        hash=H1, name="cover.png", extension=".png",
        path=COVER["path"], server="https://n1.example.test",
    )  # fmt: skip
    layers = Attachment(
        hash=H2, name="layers.zip", extension=".zip",
        path=LAYERS["path"], server="https://n2.example.test",
    )  # fmt: skip
    assert found == Post(
        service="patreon",
        user="10000001",
        id="20000001",
        title="Landscape study 12",
        content="<p>Three colour tests.</p>",
        shared_file=False,
        added=datetime(2025, 3, 4, 5, 6, 7, 891011, UTC),
        published=datetime(2025, 3, 1, 12),
        file=cover,
        attachments=[cover, layers],
        tags=["landscape", "study"],
        next="19999999",
        flagged="reason-other",
    )
    assert all(found.was_sent(name) for name in ("embed", "edited", "poll", "captions", "prev"))
    assert not found.was_sent("substring")


@pytest.mark.parametrize("value", [{"post": FULL}, FULL, [FULL], [FULL, SUMMARY]])
def test_one_post_in_every_generation(value: Any) -> None:
    assert read_post(body(value)) == POST(FULL)


@pytest.mark.parametrize("value", [None, {}, []])
def test_no_post(value: Any) -> None:
    assert read_post(body(value)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"props": None},
        {"attachments": None, "previews": "none", "videos": {}},
        {"attachments": [None, {"path": COVER["path"]}, {"path": 3, "server": "s"}]},
    ],
)
def test_details_that_lack_something(change: dict[str, Any]) -> None:
    found = read_post(body({**DETAILS, **change}))
    assert found is not None
    assert found.title == "Landscape study 12"


def test_a_summary_is_completed_by_details() -> None:
    (row,) = read_posts(body([SUMMARY])).items
    assert (row.substring, row.content) == ("Three colour tests.", None)
    assert not row.was_sent("content")
    complete(row, POST(FULL))
    assert (row.substring, row.content) == ("Three colour tests.", "<p>Three colour tests.</p>")


@pytest.mark.parametrize(
    ("value", "totals"),
    [
        ([SUMMARY], (None, None)),
        ({"count": 50000, "true_count": 3140000, "posts": [SUMMARY]}, (50000, 3140000)),
        ({"count": None, "true_count": None, "posts": [SUMMARY]}, (None, None)),
        ({"posts": [SUMMARY], "info": {}, "props": {"count": 500}}, (500, None)),
        ({"results": [SUMMARY], "base": {}, "props": {"count": 500}}, (500, None)),
    ],
)
def test_lists_of_posts(value: Any, totals: tuple[int | None, int | None]) -> None:
    page = read_posts(body(value))
    assert page.items == [POST(SUMMARY)]
    assert (page.total, page.true_total) == totals


def test_popular_and_favorite_posts() -> None:
    rows = [{**SUMMARY, "fav_count": 42}, {**FULL, "faved_seq": 9}]
    popular, favorite = read_posts(body(rows)).items
    assert (popular.fav_count, popular.faved_seq) == (42, None)
    assert (favorite.fav_count, favorite.faved_seq) == (None, 9)


@pytest.mark.parametrize("value", [{"count": 3}, {"posts": {}}, "posts", 3, {"error": "no"}])
def test_no_list_of_posts(value: Any) -> None:
    fails(read_posts, value, "not a list of Post: ")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["a", "b c"], ["a", "b c"]),
        ([], []),
        (None, None),
        ('{a,"b c"}', ["a", "b c"]),
        ("{}", []),
        ("{NULL,a}", ["a"]),
        ('{"NULL"}', ["NULL"]),
        (r'{"say \"hi\"","back\\slash","a,b","{}"}', ['say "hi"', "back\\slash", "a,b", "{}"]),
        ("{例,é è}", ["例", "é è"]),
        ('{""}', [""]),
    ],
)
def test_tags_in_three_shapes(sent: Any, kept: list[str] | None) -> None:
    found = post(tags=sent)
    assert found.tags == kept
    assert found.was_sent("tags")


@pytest.mark.parametrize("sent", ["a", "{a", "{a,,b}", "{a,}", '{"a}', '{"a"b}', 3, [1], {"a": 1}])
def test_no_tags(sent: Any) -> None:
    assert not post(tags=sent).was_sent("tags")


@pytest.mark.parametrize("sent", [{}, None, "", "{}", "null"])
def test_no_file(sent: Any) -> None:
    found = post(file=sent)
    assert found.file is None
    assert found.was_sent("file")


@pytest.mark.parametrize("sent", [COVER, json.dumps(COVER)])
def test_a_file_also_as_a_string(sent: Any) -> None:
    found = post(file=sent, attachments=[sent, sent])
    assert found.file == ATTACHMENT(COVER)
    assert found.attachments == [found.file, found.file]


def test_attachments_without_a_path_and_those_that_are_none() -> None:
    found = post(attachments=[{"name": "gone.png"}, {}, "{}", None, ""])
    assert found.attachments == [Attachment(name="gone.png", extension=".png")]


@pytest.mark.parametrize("sent", ["x", 3, [3], ["{"], [[COVER]], "[" * 100_000, ["[" * 100_000]])
def test_no_attachments(sent: Any) -> None:
    found = post(attachments=sent, file=sent)
    assert not found.was_sent("attachments")
    assert not found.was_sent("file")
    assert found.title == "Landscape study 12"


def test_the_main_file_may_be_an_attachment_too() -> None:
    found = post()
    assert found.attachments is not None
    assert found.file == found.attachments[0]


@pytest.mark.parametrize(
    ("sent", "hash", "name", "extension"),
    [
        ({"name": "a.PNG", "path": f"/1a/1a/{H1}.jpg"}, H1, "a.PNG", ".jpg"),
        ({"name": "a.png", "path": f"/1a/1a/{H1.upper()}"}, H1, "a.png", None),
        ({"name": "a.png", "path": "/inline/a.png"}, None, "a.png", ".png"),
        ({"name": "a.png", "path": "\\files\\boosty\\a.png"}, None, "a.png", ".png"),
        ({"path": f"https://old.example.test/1a/1a/{H1}.png?f=x.y"}, H1, None, ".png"),
        ({"name": "a.png", "path": None}, None, "a.png", None),
        ({"name": None}, None, None, None),
        ({"name": "x", "path": f"/a/{H1}{H2}.png"}, None, "x", ".png"),
        ({"name": "x", "path": "/a/b", "extension": ".zip"}, None, "x", ".zip"),
    ],
)
def test_what_a_file_is(
    sent: Any, hash: str | None, name: str | None, extension: str | None
) -> None:
    found = ATTACHMENT(sent)
    assert (found.hash, found.name, found.extension) == (hash, name, extension)
    assert found.path == sent.get("path")
    assert found.url is None


@pytest.mark.parametrize(
    "name",
    [
        "https://files.example.test/a.png?token=secret",
        "//files.example.test/a.png",
        f"/1a/1a/{H1}.png",
        r"C:\Users\Jane\a.png",
        "https:%2F%2Ffiles.example.test%2Fa.png",
    ],
)
def test_a_name_that_is_an_address_is_no_name(name: str) -> None:
    found = ATTACHMENT({"name": name, "path": COVER["path"]})
    assert (found.name, found.url) == (None, name)


def test_embeds_polls_and_rewards() -> None:
    found = post(
        embed={"url": "https://v.example.test/1", "subject": "S", "description": "D"},
        poll={
            "title": "Next?",
            "description": None,
            "choices": [{"text": "Sea", "votes": 4}, {"text": "Wood", "votes": 2}],
            "closes_at": "2025-03-09T00:00:00",
            "created_at": "2025-03-01T12:00:00",
            "allows_multiple": True,
        },
        incomplete_rewards={"price": 5, "media_count": 3, "complete": ["a"], "incomplete": None},
        captions=[{"path": "x"}],
    )
    assert found.embed == Embed(url="https://v.example.test/1", subject="S", description="D")
    assert found.poll is not None
    assert found.poll.choices is not None
    assert [(choice.text, choice.votes) for choice in found.poll.choices] == [
        ("Sea", 4),
        ("Wood", 2),
    ]
    assert found.poll.closes_at == datetime(2025, 3, 9)
    assert found.incomplete_rewards is not None
    assert (found.incomplete_rewards.price, found.incomplete_rewards.complete) == (5.0, '["a"]')
    assert found.captions == '[{"path":"x"}]'
    assert post(captions="plain").captions == "plain"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"service": "patreon", "artist_id": "1"}, Found("patreon", "1", None)),
        ({"service": "boosty", "artist_id": "1", "post_id": "a-b"}, Found("boosty", "1", "a-b")),
        ({}, None),
    ],
)
def test_where_something_is(value: Any, found: Found | None) -> None:
    assert read_found(body(value)) == found


def test_nowhere() -> None:
    fails(read_found, {"service": "patreon"}, "not a Creator")
    fails(read_found, {"service": "patreon", "post_id": "1"}, "not a Post: no usable user")
    fails(read_found, [], "not a Creator")


# Accounts


@pytest.mark.parametrize(
    "value", [ACCOUNT, {"props": {"currentPage": "account", "account": ACCOUNT}}]
)
def test_an_account(value: Any) -> None:
    account = read_account(body(value))
    assert account is not None
    assert (account.id, account.username) == (4021, "sample-reader")
    assert account.created_at == datetime(2025, 2, 3, 4, 5, 6, 789012, UTC)
    assert account.role is AccountRole.CONSUMER


def test_an_account_without_a_fraction_of_a_second() -> None:
    account = ACCOUNT_VIEW({**ACCOUNT, "created_at": "2025-02-03T04:05:06"})
    assert account.created_at == datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_roles() -> None:
    assert ACCOUNT_VIEW({**ACCOUNT, "role": "Moderator"}).role is AccountRole.MODERATOR
    odd = ACCOUNT_VIEW({**ACCOUNT, "role": "superuser"})
    assert odd.role == "superuser"
    assert odd.was_sent("role")
    assert not ACCOUNT_VIEW({**ACCOUNT, "role": 3}).was_sent("role")


@pytest.mark.parametrize("value", [True, [], {"props": {}}, {"props": None}, {"username": "x"}])
def test_no_account(value: Any) -> None:
    fails(read_account, value, "not a AccountView")


@pytest.mark.parametrize(
    ("value", "total"),
    [
        ({"accounts": [ACCOUNT], "role_list": ["consumer"], "pagination": {"count": 31}}, 31),
        ({"accounts": [ACCOUNT], "pagination": None}, None),
        ({"type": "accounts", "data": [ACCOUNT]}, None),
        ([ACCOUNT], None),
    ],
)
def test_what_an_administrator_sees(value: Any, total: int | None) -> None:
    page = read_accounts(body(value))
    assert [account.id for account in page.items] == [4021]
    assert page.total == total


def test_link_requests() -> None:
    (request,) = read_link_requests(body([REQUEST])).items
    assert (request.id, request.from_service, request.from_id) == (55, "patreon", "10000001")
    assert (request.to_service, request.to_id, request.status) == ("fanbox", "30000001", "pending")
    assert (request.reason, request.requester_id) == ("Same banner on both pages", 4021)
    little = CREATOR_LINK_REQUEST({"id": 56, "requester_id": None})
    assert (little.id, little.reason, little.requester_id) == (56, None, None)
    assert not little.was_sent("reason")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"error": "Username already taken"}', "Username already taken"),
        (b'{"error": ""}', None),
        (b'{"error": 3}', None),
        (b"{}", None),
        (b"[]", None),
        (b'""', None),
        (b"", None),
        (b"<html>not found</html>", None),
    ],
)
def test_errors(sent: bytes, said: str | None) -> None:
    assert read_error(sent) == said


@pytest.mark.parametrize(
    ("sent", "done"),
    [
        (b"true", True),
        (b"false", False),
        (b"true\n", True),
        (b"", None),
        (b"1", None),
        (b"<", None),
    ],
)
def test_what_was_done(sent: bytes, done: bool | None) -> None:
    assert read_done(sent) is done


# What no server has sent yet

DECODERS = [value for value in vars(wire).values() if isinstance(value, Decoder)]
READERS = [value for name, value in sorted(vars(wire).items()) if name.startswith("read_")]
KEYS = sorted(
    {key for decoder in DECODERS for wires in decoder.table.values() for key in wires.keys}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["1", "patreon", "2025-03-04T05:06:07", "{a,b}", '{"path":"/a"}', "[[", "{"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KEYS, "props", "post", "posts", "results", "count"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.cls.__name__)
def test_anything_is_an_item_or_one_error(decoder: Decoder[Any]) -> None:
    complete_one = {name: wires.keys[0] for name, wires in decoder.table.items()}

    @settings(max_examples=100, deadline=None)
    @given(JSON | st.dictionaries(st.sampled_from(list(complete_one.values())), JSON))
    def check(value: Any) -> None:
        usable = {**dict.fromkeys(map(complete_one.get, decoder.required), "1")}
        candidates = [value, {**value, **usable}] if isinstance(value, dict) else [value]
        for candidate in candidates:
            try:
                decoder(candidate)
            except DecodeError:
                assert candidate is value

    check()


@settings(max_examples=300, deadline=None)
@given(JSON.map(body) | st.binary(max_size=20))
def test_readers_raise_nothing_else(sent: bytes) -> None:
    for read in READERS:
        try:
            read(sent)
        except DecodeError:
            continue
