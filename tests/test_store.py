"""Items in real databases: what an upsert keeps, changes and erases, batches, faults."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from satchel.decode import Decoder, flag, integer, number, text, texts
from satchel.errors import ConfigError, DecodeError, StoreError
from satchel.items import Item
from satchel.recnet import Account, Comment, Image, Room, Tag
from satchel.store import BATCH_ROWS, Store
from stores import RECNET, Stored

TIMES = ("first_seen", "last_seen", "changed_at")


@dataclass(slots=True, init=False)
class Thing(Item):
    """One of each kind of value, and a key that is a text."""

    namespace = "test"
    key = ("code",)

    code: str | None = None
    count: int | None = None
    weight: float | None = None
    broken: bool | None = None
    title: str | None = None
    labels: list[str] | None = None


Decoder(
    Thing,
    {
        "code": text("code"),
        "count": integer("count"),
        "weight": number("weight"),
        "broken": flag("broken"),
        "title": text("title"),
        "labels": texts("labels"),
    },
)


@pytest.fixture
def stored(stored: Stored) -> Stored:
    return replace(stored, items=[*RECNET, Thing])


def account(**data: Any) -> Account:
    return Account.from_data({"accountId": 1, **data})


# Values.


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("code", "", ""),
        ("count", 2**63 - 1, 2**63 - 1),
        ("count", -(2**63), -(2**63)),
        ("count", 0, 0),
        ("weight", 0.1, 0.1),
        ("weight", 3.0, 3.0),
        ("weight", 1e300, 1e300),
        ("broken", False, 0),
        ("broken", True, 1),
        ("title", "", ""),
        ("title", "é ✓ 🎒 \\u0000 \" ' \n", "é ✓ 🎒 \\u0000 \" ' \n"),
        ("labels", [], "[]"),
        ("labels", ["é", ""], '["é",""]'),
        # what only a plugin can make:
        ("title", "a\0b", "a\ufffdb"),
        ("title", "a\ud800b", "a\ufffdb"),
        ("labels", ["\0", "\\u0000"], '["\ufffd","\\\\u0000"]'),
        ("labels", ["\udfff"], '["\ufffd"]'),
        ("weight", float("nan"), None),
        ("weight", float("inf"), None),
        ("count", 2**70, 2.0**70),
        ("count", "many", "many"),
        ("count", [1], "[1]"),
        ("title", 5, "5"),
        ("title", {"a": {1}}, '{"a":[1]}'),
        ("title", Path("a/b"), "a/b"),
    ],
)
def test_a_value_is_stored_or_replaced(
    stored: Stored, name: str, value: Any, expected: Any
) -> None:
    stored.put_at_once(Thing(**{"code": "c", name: value}), Thing(code="other", title="whole"))
    if stored.kind == "postgresql":
        expected = IN_POSTGRESQL.get(repr(value), expected)
    found = stored.read("test_thing", name, "code = 'other'")[0]
    assert found == (expected,)
    assert isinstance(found[0], bool) or type(found[0]) is type(expected)
    assert ("whole",) in stored.read("test_thing", "title", "code")


IN_POSTGRESQL = {
    # its columns have types, and it has a way of its own to write JSON
    repr(2**70): None,
    "'many'": None,
    "[1]": None,
    "{'a': {1}}": '{"a": [1]}',
}


def test_a_long_id_survives_in_lists_and_payload(stored: Stored) -> None:
    big = 9007199254740993
    stored.put(Image.from_data({"Id": big, "TaggedPlayerIds": [big], "Later": {"id": big}}))
    assert stored.one("recnet_image", "id, tagged_player_ids, payload") == (
        big, f"[{big}]", f'{{"Later":{{"id":{big}}}}}'
    )  # fmt: skip


@pytest.mark.parametrize("depth", [150, 5000])
def test_a_payload_that_nests_too_deep_harms_nothing(stored: Stored, depth: int) -> None:
    deep: Any = "bottom"
    for _ in range(depth):
        deep = [deep]
    stored.put_at_once(account(later=deep, next=1), account(accountId=2))
    payload = json.loads(stored.read("recnet_account", "payload", "id")[0][0])
    assert payload["next"] == 1
    assert ("bottom" in str(payload)) is (depth < 200)


# Upserts.


def test_the_times_tell_found_seen_and_changed(stored: Stored) -> None:
    stored.put(account(username="a", later=1))
    first, last, changed = stored.one("recnet_account", ", ".join(TIMES))
    assert first == last == changed
    stored.put(account(username="a", later=2))
    first2, last2, changed2 = stored.one("recnet_account", ", ".join(TIMES))
    assert (first2, changed2) == (first, first), "the payload is not documented"
    assert last2 > last
    stored.put(account(username="b"))
    first3, last3, changed3 = stored.one("recnet_account", ", ".join(TIMES))
    assert first3 == first
    assert changed3 == last3 > last2
    stored.put(account(username=None))
    assert stored.one("recnet_account", "changed_at")[0] > changed3


def test_what_was_not_sent_stays_and_a_null_erases(stored: Stored) -> None:
    stored.put(account(username="u", displayName="d", platforms=1, isJunior=False))
    stored.put(account(username="v"))
    columns = "username, display_name, platforms, is_junior"
    assert stored.one("recnet_account", columns) == ("v", "d", '["Steam"]', 0)
    stored.put(account(displayName=None))
    assert stored.one("recnet_account", columns) == ("v", None, '["Steam"]', 0)


def test_a_room_without_parts_keeps_those_that_are_stored(stored: Stored) -> None:
    tags = [{"Tag": "pvp", "Type": 0}]
    stored.put(Room.from_data({"RoomId": 5, "Tags": tags}), Room.from_data({"RoomId": 5}))
    assert stored.one("recnet_room_tags", "tag") == ("pvp",)
    stored.put(Room.from_data({"RoomId": 5, "Tags": []}))
    assert stored.read("recnet_room_tags") == []


def test_one_key_twice_in_a_batch(stored: Stored) -> None:
    items = [account(username="u", displayName="d"), account(username="v"), account(bannerImage="")]
    stored.put_at_once(*items, account(displayName=None), account(accountId=2, username="w"))
    assert stored.read("recnet_account", "id, username, display_name, banner_image") == [
        (1, "v", None, ""), (2, "w", None, None)
    ]  # fmt: skip


@pytest.mark.parametrize("putting", [Stored.put, Stored.put_at_once])
def test_payloads_are_merged_and_a_null_forgets(
    stored: Stored, putting: Callable[..., Store]
) -> None:
    putting(
        stored, account(a=1, b={"c": 2, "d": None}), account(e=[None]), account(a=None, b={"f": 3})
    )
    assert json.loads(stored.one("recnet_account", "payload")[0]) == {
        "b": {"c": 2, "f": 3}, "e": [None]
    }  # fmt: skip
    putting(stored, account(b=None, e=None))
    assert stored.one("recnet_account", "payload") == (None,)


def test_a_payload_is_the_same_however_often_it_was_stored(stored: Stored) -> None:
    sent = {"a": None, "b": {"c": None, "d": 1}}
    stored.put(account(**sent))
    once = stored.one("recnet_account", "payload")
    stored.put(account(**sent))
    assert stored.one("recnet_account", "payload") == once == ('{"b":{"d":1}}',)


def test_documented_names_are_not_in_the_payload(stored: Stored) -> None:
    stored.put(account(Username="u", DISPLAYNAME="d"))
    assert stored.one("recnet_account", "username, display_name, payload") == ("u", "d", None)


def test_what_is_nested_has_rows_of_its_own(stored: Stored) -> None:
    player = account(username="u")
    image = Image.from_data({"Id": 2})
    image.player = player
    image.comments = [Comment(saved_image_comment_id=3, comment="c", player=player)]
    player.images = [image]
    store = stored.put(image)
    assert store.written == {"recnet_account": 1, "recnet_image": 1, "recnet_comment": 1}
    assert stored.one("recnet_account", "username, images") == ("u", "[2]")
    assert stored.one("recnet_comment", "comment, player") == ("c", 1)
    assert stored.one("recnet_image", "player, comments") == (1, "[3]")


def test_an_item_without_a_key_is_refused_alone(stored: Stored) -> None:
    async def use(store: Store) -> None:
        good = asyncio.create_task(store.put(account()))
        with pytest.raises(DecodeError, match="no usable id"):
            await store.put(Account(username="u"))
        await good

    stored.use(use)
    assert stored.one("recnet_account", "id, username") == (1, None)


def test_items_that_no_service_lists_have_no_table(stored: Stored) -> None:
    async def use(store: Store) -> None:
        assert store.takes(Room(id=1))
        assert not store.takes(Tag(tag="t"))
        assert not store.takes(account())
        await store.put(Room(id=1, creator_account=account()))

    replace(stored, items=[Room]).use(use)
    assert stored.one("recnet_room", "id, creator_account") == (1, 1)


# Other versions.


def test_what_an_older_class_lacks_stays(stored: Stored) -> None:
    @dataclass(slots=True, init=False)
    class Older(Item):
        namespace = "test"
        key = ("code",)

        code: str | None = None

    Older.__name__ = "Thing"
    Decoder(Older, {"code": text("code")})
    stored.put(Thing(code="c", title="t"))

    async def older() -> None:
        store = Store.open(stored.url, [Older])
        await store.put(Older(code="c"))
        await store.close()

    asyncio.run(older())
    assert stored.one("test_thing", "code, title") == ("c", "t")


# Batches.


def test_many_puts_become_few_transactions(stored: Stored) -> None:
    commits = 0

    async def use(store: Store) -> None:
        def committed(connection: Any) -> None:
            nonlocal commits
            commits += 1

        event.listen(store._database.engine, "commit", committed)
        await asyncio.gather(*(store.put(Account(id=i)) for i in range(3 * BATCH_ROWS)))

    store = stored.use(use)
    assert store.written == {"recnet_account": 3 * BATCH_ROWS}
    assert commits == 3


def test_a_put_returns_when_others_can_read_it(stored: Stored) -> None:
    async def use(store: Store) -> None:
        async def one_item(id: int) -> bool:
            await store.put(Account(id=id))
            found = stored.read(f"recnet_account WHERE id = {id}", "count(*)")
            return found == [(1,)]

        assert all(await asyncio.gather(*map(one_item, range(100))))

    stored.use(use)


def test_a_put_that_nobody_waits_for_harms_no_other(stored: Stored) -> None:
    async def use(store: Store) -> None:
        tasks = [asyncio.create_task(store.put(Account(id=i))) for i in range(200)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in done] == [
            True,
            False,
        ] * 100
        await store.put(Account(id=1000))

    stored.use(use)
    ids = {id for (id,) in stored.read("recnet_account", "id")}
    assert ids >= {*range(1, 200, 2), 1000}


def test_closing_writes_what_waits(stored: Stored) -> None:
    async def run() -> None:
        store = Store.open(stored.url, RECNET)
        tasks = [asyncio.create_task(store.put(Account(id=i))) for i in range(BATCH_ROWS + 9)]
        await asyncio.sleep(0)
        await store.close()
        assert all(task.done() for task in tasks)

    asyncio.run(run())
    assert stored.one("recnet_account", "count(*)") == (BATCH_ROWS + 9,)


# Faults.


@pytest.mark.parametrize(
    "url",
    [
        "no url",
        "mysql://me:geheim@host/db",
        "postgresql://me:geheim@host:port/db",
        "postgresql+psycopg2://me:geheim@host/db",
        "sqlite://me:geheim@host/x.db",
        "sqlite+aiosqlite:///x.db",
        "sqlite+nothing:///x.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x.db?timeout=soon",
    ],
)
def test_an_unusable_url_is_one_line_without_a_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^SATCHEL_STORE: ") as caught:
        Store.open(url, RECNET)
    assert "\n" not in str(caught.value)
    assert "geheim" not in f"{caught.value!r}{caught.value.__cause__}"


def test_after_a_failure_nothing_more_is_written(stored: Stored) -> None:
    async def use(store: Store) -> None:
        await store.put(Account(id=1))
        event.listen(store._database.engine, "commit", _break)
        puts = (store.put(Account(id=id)) for id in range(2, 2 * BATCH_ROWS))
        errors = await asyncio.gather(*puts, return_exceptions=True)
        assert {type(error) for error in errors} == {StoreError}
        event.remove(store._database.engine, "commit", _break)
        with pytest.raises(StoreError, match="out of order"):
            await store.put(Account(id=3))

    assert stored.use(use).written == {"recnet_account": 1}
    assert stored.read("recnet_account", "id") == [(1,)]


def _break(connection: Any) -> None:
    raise RuntimeError("out of order")


def test_an_error_of_any_kind_reaches_who_waits(stored: Stored) -> None:
    async def use(store: Store) -> None:
        event.listen(store._database.engine, "commit", _break)
        with pytest.raises(StoreError, match="out of order"):
            await asyncio.wait_for(store.put(account()), 5)

    stored.use(use)
    assert stored.read("recnet_account") == []


def test_a_batch_that_breaks_in_the_middle_leaves_nothing(stored: Stored) -> None:
    async def use(store: Store) -> None:
        def broken(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            if "INSERT INTO recnet_room" in statement:
                raise RuntimeError("out of order")

        event.listen(store._database.engine, "before_cursor_execute", broken)
        with pytest.raises(StoreError, match="out of order"):
            await store.put(Room(id=1, creator_account=account()))

    stored.use(use)
    assert stored.read("recnet_account") == []


# Several at once.

CRAWLS = 4

CRAWL = """
import asyncio, random, sys
from satchel.recnet import Account, Room
from satchel.store import Store

async def run(url, number):
    print("ready", flush=True)
    sys.stdin.readline()
    chance = random.Random(number)
    for turn in range(4):
        store = Store.open(url, [Account, Room])
        for _ in range(4):
            ids = chance.sample(range(300), 150)
            await asyncio.gather(*(store.put(item(id, number, chance)) for id in ids))
        await store.close()

def item(id, number, chance):
    # Some columns and one key of the payload each, so that the rows of a batch are many groups.
    field, value = chance.choice([("username", "u"), ("displayName", "d"), ("bannerImage", "b")])
    sent = {"accountId": id, field: value, f"from{number}": {"id": id, "gone": None}}
    account = Account.from_data(sent)
    return Room(id=id, creator_account=account) if chance.random() < 0.5 else account

asyncio.run(run(sys.argv[1], int(sys.argv[2])))
"""


def test_crawls_that_write_the_same_rows_in_other_orders_lose_nothing(stored: Stored) -> None:
    with ExitStack() as stack:
        crawls = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CRAWL, stored.url, str(number)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(CRAWLS)
        ]  # fmt: skip
        for process in crawls:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in crawls:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.communicate()[1] for process in crawls] == [""] * CRAWLS
    sent = _what_all_sent()
    found = {
        id: {name for name in json.loads(payload) if json.loads(payload)[name] == {"id": id}}
        for id, payload in stored.read("recnet_account", "id, payload")
    }
    assert found == sent


def _what_all_sent() -> dict[int, set[str]]:
    """Account → the payload's keys, as the program above makes them."""
    sent: dict[int, set[str]] = {}
    for crawl in range(CRAWLS):
        chance = random.Random(crawl)
        for _ in range(16):
            for id in chance.sample(range(300), 150):
                sent.setdefault(id, set()).add(f"from{crawl}")
                chance.choice("abc")
                chance.random()
    return sent
