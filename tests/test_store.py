"""Items in real SQLite files: what an upsert keeps, changes and erases, batches, faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, connect
from typing import Any

import pytest
from sqlalchemy import event

from satchel import recnet
from satchel.decode import Decoder, flag, integer, number, text, texts
from satchel.errors import ConfigError, DecodeError, StoreError
from satchel.items import Item, Personal, personal
from satchel.privacy import Gate, Level
from satchel.recnet import Account, Comment, Image, Room, Tag
from satchel.store import BATCH_ROWS, Store

RECNET: list[type[Item]] = [
    getattr(recnet, name) for name in recnet.__all__ if name != "BaseDataClass"
]
TIMES = ("first_seen", "last_seen", "changed_at")


@dataclass(slots=True, init=False)
class Thing(Item):
    """One of each kind of value, and a key that is a text."""

    service = "test"
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
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


def _use(
    path: Path, use: Callable[[Store], Awaitable[Any]], items: Iterable[type[Item]] = RECNET
) -> Store:
    async def run() -> Store:
        store = Store.open(f"sqlite:///{path}", [*items, Thing])
        try:
            await use(store)
        finally:
            await store.close()
        return store

    return asyncio.run(run())


def put(path: Path, *items: Item) -> Store:
    """A crawl that finds these items one after the other."""

    async def one_by_one(store: Store) -> None:
        for item in items:
            await store.put(item)

    return _use(path, one_by_one)


def put_at_once(path: Path, *items: Item) -> Store:
    """A crawl that finds these items together, so that they are one batch."""

    async def together(store: Store) -> None:
        await asyncio.gather(*(store.put(item) for item in items))

    return _use(path, together)


def read(path: Path, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
    with closing(connect(path)) as database:
        return list(database.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"))


def one(path: Path, table: str, columns: str) -> tuple[Any, ...]:
    (row,) = read(path, table, columns)
    return row


def account(**data: Any) -> Account:
    return Account.from_data({"accountId": 1, **data})


# Values.


@pytest.mark.parametrize(
    ("name", "value", "stored"),
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
def test_a_value_is_stored_or_replaced(path: Path, name: str, value: Any, stored: Any) -> None:
    put_at_once(path, Thing(**{"code": "c", name: value}), Thing(code="other", title="whole"))
    found = read(path, "test_thing", name, "code = 'other'")[0]
    assert (found, type(found[0])) == ((stored,), type(stored))
    assert ("whole",) in read(path, "test_thing", "title", "code")


def test_a_long_id_survives_in_lists_and_payload(path: Path) -> None:
    big = 9007199254740993
    put(path, Image.from_data({"Id": big, "TaggedPlayerIds": [big], "Later": {"id": big}}))
    assert one(path, "recnet_image", "id, tagged_player_ids, payload") == (
        big, f"[{big}]", f'{{"Later":{{"id":{big}}}}}'
    )  # fmt: skip


@pytest.mark.parametrize("depth", [150, 5000])
def test_a_payload_that_nests_too_deep_harms_nothing(path: Path, depth: int) -> None:
    deep: Any = "bottom"
    for _ in range(depth):
        deep = [deep]
    put_at_once(path, account(later=deep, next=1), account(accountId=2))
    payload = json.loads(read(path, "recnet_account", "payload", "id")[0][0])
    assert payload["next"] == 1
    assert ("bottom" in str(payload)) is (depth < 200)


# Upserts.


def test_the_times_tell_found_seen_and_changed(path: Path) -> None:
    put(path, account(username="a", later=1))
    first, last, changed = one(path, "recnet_account", ", ".join(TIMES))
    assert first == last == changed
    put(path, account(username="a", later=2))
    first2, last2, changed2 = one(path, "recnet_account", ", ".join(TIMES))
    assert (first2, changed2) == (first, first), "the payload is not documented"
    assert last2 > last
    put(path, account(username="b"))
    first3, last3, changed3 = one(path, "recnet_account", ", ".join(TIMES))
    assert first3 == first
    assert changed3 == last3 > last2
    put(path, account(username=None))
    assert one(path, "recnet_account", "changed_at")[0] > changed3


def test_what_was_not_sent_stays_and_a_null_erases(path: Path) -> None:
    put(path, account(username="u", displayName="d", platforms=1, isJunior=False))
    put(path, account(username="v"))
    columns = "username, display_name, platforms, is_junior"
    assert one(path, "recnet_account", columns) == ("v", "d", '["Steam"]', 0)
    put(path, account(displayName=None))
    assert one(path, "recnet_account", columns) == ("v", None, '["Steam"]', 0)


def test_a_room_without_parts_keeps_those_that_are_stored(path: Path) -> None:
    tags = [{"Tag": "pvp", "Type": 0}]
    put(path, Room.from_data({"RoomId": 5, "Tags": tags}), Room.from_data({"RoomId": 5}))
    assert one(path, "recnet_room_tags", "tag") == ("pvp",)
    put(path, Room.from_data({"RoomId": 5, "Tags": []}))
    assert read(path, "recnet_room_tags") == []


def test_one_key_twice_in_a_batch(path: Path) -> None:
    items = [account(username="u", displayName="d"), account(username="v"), account(bannerImage="")]
    put_at_once(path, *items, account(displayName=None), account(accountId=2, username="w"))
    assert read(path, "recnet_account", "id, username, display_name, banner_image") == [
        (1, "v", None, ""), (2, "w", None, None)
    ]  # fmt: skip


@pytest.mark.parametrize("putting", [put, put_at_once])
def test_payloads_are_merged_and_a_null_forgets(path: Path, putting: Callable[..., Store]) -> None:
    putting(
        path, account(a=1, b={"c": 2, "d": None}), account(e=[None]), account(a=None, b={"f": 3})
    )
    assert json.loads(one(path, "recnet_account", "payload")[0]) == {
        "b": {"c": 2, "f": 3}, "e": [None]
    }  # fmt: skip
    putting(path, account(b=None, e=None))
    assert one(path, "recnet_account", "payload") == (None,)


def test_a_payload_is_the_same_however_often_it_was_stored(path: Path) -> None:
    sent = {"a": None, "b": {"c": None, "d": 1}}
    put(path, account(**sent))
    once = one(path, "recnet_account", "payload")
    put(path, account(**sent))
    assert one(path, "recnet_account", "payload") == once == ('{"b":{"d":1}}',)


def test_documented_names_are_not_in_the_payload(path: Path) -> None:
    put(path, account(Username="u", DISPLAYNAME="d"))
    assert one(path, "recnet_account", "username, display_name, payload") == ("u", "d", None)


def test_what_is_nested_has_rows_of_its_own(path: Path) -> None:
    player = account(username="u")
    image = Image.from_data({"Id": 2})
    image.player = player
    image.comments = [Comment(saved_image_comment_id=3, comment="c", player=player)]
    player.images = [image]
    store = put(path, image)
    assert store.written == {"recnet_account": 1, "recnet_image": 1, "recnet_comment": 1}
    assert one(path, "recnet_account", "username, images") == ("u", "[2]")
    assert one(path, "recnet_comment", "comment, player") == ("c", 1)
    assert one(path, "recnet_image", "player, comments") == (1, "[3]")


def test_an_item_without_a_key_is_refused_alone(path: Path) -> None:
    async def use(store: Store) -> None:
        good = asyncio.create_task(store.put(account()))
        with pytest.raises(DecodeError, match="no usable id"):
            await store.put(Account(username="u"))
        await good

    _use(path, use)
    assert one(path, "recnet_account", "id, username") == (1, None)


def test_items_that_no_service_lists_have_no_table(path: Path) -> None:
    async def use(store: Store) -> None:
        assert store.takes(Room(id=1))
        assert not store.takes(Tag(tag="t"))
        assert not store.takes(account())
        await store.put(Room(id=1, creator_account=account()))

    _use(path, use, [Room])
    assert one(path, "recnet_room", "id, creator_account") == (1, 1)


# Other versions.


def test_a_new_field_adds_its_column(path: Path) -> None:
    put(path, account(username="u", displayName="d"))
    with closing(connect(path)) as database:
        database.execute("DROP VIEW recnet_account_platforms")
        for column in ("display_name", "platforms", "payload"):
            database.execute(f"ALTER TABLE recnet_account DROP COLUMN {column}")
        database.commit()
    put(path, account(displayName="e", platforms=1, later=1))
    assert one(path, "recnet_account", "username, display_name, payload") == (
        "u", "e", '{"later":1}'
    )  # fmt: skip
    assert one(path, "recnet_account_platforms", "owner_id, value") == (1, "Steam")


def test_views_are_made_anew_when_they_differ_and_only_then(path: Path) -> None:
    def version() -> int:
        with closing(connect(path)) as database:
            return int(database.execute("PRAGMA schema_version").fetchone()[0])

    put(path, Room(id=5, tags=[Tag(tag="pvp", type="General")]))
    made = version()
    put(path, Room(id=5))
    assert version() == made
    with closing(connect(path)) as database:
        database.execute("DROP VIEW recnet_room_tags")
        database.execute("CREATE VIEW recnet_room_tags AS SELECT 1 AS old")
    put(path, Room(id=5))
    assert one(path, "recnet_room_tags", "owner_id, tag") == (5, "pvp")


def test_what_an_older_class_lacks_stays(path: Path) -> None:
    @dataclass(slots=True, init=False)
    class Older(Item):
        service = "test"
        key = ("code",)

        code: str | None = None

    Older.__name__ = "Thing"
    Decoder(Older, {"code": text("code")})
    put(path, Thing(code="c", title="t"))

    async def older() -> None:
        store = Store.open(f"sqlite:///{path}", [Older])
        await store.put(Older(code="c"))
        await store.close()

    asyncio.run(older())
    assert one(path, "test_thing", "code, title") == ("c", "t")


# Batches.


def test_many_puts_become_few_transactions(path: Path) -> None:
    commits = 0

    async def use(store: Store) -> None:
        def committed(connection: Any) -> None:
            nonlocal commits
            commits += 1

        event.listen(store._engine, "commit", committed)
        await asyncio.gather(*(store.put(Account(id=i)) for i in range(3 * BATCH_ROWS)))

    store = _use(path, use)
    assert store.written == {"recnet_account": 3 * BATCH_ROWS}
    assert commits == 3


def test_a_put_returns_when_others_can_read_it(path: Path) -> None:
    async def use(store: Store) -> None:
        async def one_item(id: int) -> bool:
            await store.put(Account(id=id))
            found = read(path, f"recnet_account WHERE id = {id}", "count(*)")
            return found == [(1,)]

        assert all(await asyncio.gather(*map(one_item, range(300))))

    _use(path, use)


def test_a_put_that_nobody_waits_for_harms_no_other(path: Path) -> None:
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

    _use(path, use)
    ids = {id for (id,) in read(path, "recnet_account", "id")}
    assert ids >= {*range(1, 200, 2), 1000}


def test_closing_writes_what_waits(path: Path) -> None:
    async def run() -> None:
        store = Store.open(f"sqlite:///{path}", RECNET)
        tasks = [asyncio.create_task(store.put(Account(id=i))) for i in range(BATCH_ROWS + 9)]
        await asyncio.sleep(0)
        await store.close()
        assert all(task.done() for task in tasks)

    asyncio.run(run())
    assert one(path, "recnet_account", "count(*)") == (BATCH_ROWS + 9,)


# Privacy.


@dataclass(slots=True, init=False)
class Kid(Item):
    service = "test"
    key = ("id",)
    minor = "young"

    id: int | None = None
    young: bool | None = None
    name: str | None = personal(Personal.NAME)
    motto: str | None = personal(Personal.TEXT)


Decoder(
    Kid,
    {"id": integer("id"), "young": flag("young"), "name": text("name"), "motto": text("motto")},
)


def _kids(path: Path, level: Level, data: Iterable[dict[str, Any]]) -> None:
    gate = Gate(level)

    async def use(store: Store) -> None:
        await asyncio.gather(*(store.put(gate.admit(Kid.from_data(one))) for one in data))

    _use(path, use, [Kid])


def _kid(id: int, **data: Any) -> dict[str, Any]:
    """Rows of very different lengths, so that SQLite moves them about."""
    length = id * 7919 % 3000 if id % 4 == 0 else id * 7919 % 90
    word = "geheim" * length
    return {"id": id, "young": True, "name": f"geheim{id}", "motto": word, "other": word, **data}


def _bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def test_no_byte_of_what_is_withheld_now_is_left(path: Path) -> None:
    ids = random.Random(1).sample(range(1200), 1200)
    for start in range(0, 1200, 200):
        _kids(path, Level.OFF, [_kid(id) for id in ids[start : start + 200]])
    assert b"geheim" in _bytes(path)
    # Another dialect: the undocumented key that has been stored is not sent any more.
    again = [{"id": id, "young": True, "Another": "geheim"} for id in sorted(ids)]
    for start in range(0, 1200, 400):
        _kids(path, Level.CAREFUL, again[start : start + 400])
    assert b"geheim" not in _bytes(path)
    assert one(path, "test_kid", "count(*), count(name), count(payload)") == (1200, 0, 0)


def test_what_is_erased_is_zeroed_at_once(path: Path) -> None:
    """So that a crawl that is killed before its end leaves little."""
    _kids(path, Level.OFF, [_kid(4)])

    async def use(store: Store) -> None:
        await store.put(Gate(Level.CAREFUL).admit(Kid.from_data(_kid(4))))
        with closing(connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"geheim" not in _bytes(path)

    _use(path, use, [Kid])


def test_nor_in_the_log_that_a_reader_keeps_alive(path: Path) -> None:
    _kids(path, Level.OFF, [_kid(0)])
    with closing(connect(path)) as reader:
        reader.execute("SELECT count(*) FROM test_kid").fetchall()
        _kids(path, Level.OFF, [_kid(1)])
        assert b"geheim" in Path(f"{path}-wal").read_bytes()
        _kids(path, Level.CAREFUL, [_kid(0), _kid(1)])
        assert b"geheim" not in _bytes(path)


def test_what_a_disturbed_crawl_leaves_the_next_removes(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _kids(path, Level.OFF, [_kid(id) for id in range(50)])
    with closing(connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM test_kid").fetchall()
        _kids(path, Level.CAREFUL, [_kid(id) for id in range(50)])
        assert "bytes of it may be left" in caplog.text
    _kids(path, Level.CAREFUL, [])
    assert b"geheim" not in _bytes(path)
    with closing(connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (0,)


def test_nothing_is_rewritten_where_nothing_was_erased(path: Path) -> None:
    _kids(path, Level.CAREFUL, [_kid(id) for id in range(3)])
    before = path.stat().st_size
    with closing(connect(path)) as database:
        database.execute("CREATE TABLE filler AS SELECT randomblob(100000) AS x")
        database.execute("DROP TABLE filler")
    padded = path.stat().st_size
    assert padded > before
    _kids(path, Level.CAREFUL, [_kid(id) for id in range(3)])
    assert path.stat().st_size == padded


# Faults.


def _open(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        Store.open(url, RECNET)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "no url",
        "postgresql://me:geheim@host/db",
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


def test_faults_when_opening_name_the_file_and_what_to_do(path: Path) -> None:
    assert "check that the folder exists" in str(_open(f"sqlite:///{path.parent}/no/s.db"))
    assert "check that the folder exists" in str(_open(f"sqlite:///{path.parent}"))
    path.write_text("a letter, not a database\n" * 100)
    error = str(_open(f"sqlite:///{path}"))
    assert error.startswith(f"sqlite:///{path}: file is not a database; ")
    assert path.read_text().startswith("a letter")


def test_a_read_only_database(path: Path) -> None:
    put(path, account())
    error = _open(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert "make the file and its folder writable" in str(error)


OPEN = """
import sys
from satchel.errors import StoreError
from satchel.recnet.service import SERVICE
from satchel.store import Store
try:
    Store.open(sys.argv[1], SERVICE.items)
except StoreError as error:
    print(error)
"""


def _open_unprivileged(url: str) -> str:
    """What opening says to a user who may write only what the modes of files allow."""
    drop = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("this user may write everything, and there is no setpriv")
        drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    words = [*drop, sys.executable, "-c", OPEN, url]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_a_file_or_folder_that_may_not_be_written(path: Path) -> None:
    put(path, account())
    path.chmod(0o444)
    assert "make the file and its folder writable" in _open_unprivileged(f"sqlite:///{path}")
    path.parent.chmod(0o555)
    try:
        assert "writable" in _open_unprivileged(f"sqlite:///{path}")
        assert "folder" in _open_unprivileged(f"sqlite:///{path.parent}/new.db")
    finally:
        path.parent.chmod(0o755)


@pytest.fixture
def locked(path: Path) -> Iterator[Connection]:
    """Another program that writes to the database and does not end."""
    put(path, account(username="u"))
    with closing(connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


def test_a_database_that_is_locked(path: Path, locked: Connection) -> None:
    error = _open(f"sqlite:///{path}?timeout=0.1")
    assert "database is locked; another program writes to it" in str(error)


def test_a_lock_that_ends_in_time_is_waited_for(path: Path, locked: Connection) -> None:
    async def use(store: Store) -> None:
        locked.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.put(account(username="v")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        locked.execute("COMMIT")
        await waiting

    locked.execute("COMMIT")
    _use(path, use)
    assert one(path, "recnet_account", "username") == ("v",)


def test_after_a_failure_nothing_more_is_written(path: Path) -> None:
    async def run() -> None:
        store = Store.open(f"sqlite:///{path}?timeout=0.1", RECNET)
        await store.put(Account(id=1))
        with closing(connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            puts = (store.put(Account(id=id)) for id in range(2, 2 * BATCH_ROWS))
            errors = await asyncio.gather(*puts, return_exceptions=True)
        assert {type(error) for error in errors} == {StoreError}
        with pytest.raises(StoreError, match="locked"):
            await store.put(Account(id=3))
        await store.close()
        assert store.written == {"recnet_account": 1}

    asyncio.run(run())
    assert read(path, "recnet_account", "id") == [(1,)]


def test_an_error_of_any_kind_reaches_who_waits(path: Path) -> None:
    async def use(store: Store) -> None:
        def broken(connection: Any) -> None:
            raise RuntimeError("out of order")

        event.listen(store._engine, "commit", broken)
        with pytest.raises(StoreError, match="out of order"):
            await asyncio.wait_for(store.put(account()), 5)

    _use(path, use)
    assert read(path, "recnet_account") == []


def test_a_batch_that_breaks_in_the_middle_leaves_nothing(path: Path) -> None:
    async def use(store: Store) -> None:
        def broken(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            if "INSERT INTO recnet_room" in statement:
                raise RuntimeError("out of order")

        event.listen(store._engine, "before_cursor_execute", broken)
        with pytest.raises(StoreError, match="out of order"):
            await store.put(Room(id=1, creator_account=account()))

    _use(path, use)
    assert read(path, "recnet_account") == []


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_or_replaced_is_noticed(path: Path, replaced: bool) -> None:
    async def use(store: Store) -> None:
        await store.put(account())
        path.unlink()
        if replaced:
            path.write_bytes(b"")
        with pytest.raises(StoreError, match="removed or replaced"):
            await store.put(account(accountId=2))

    _use(path, use)


def test_a_file_that_is_removed_while_it_is_written_is_noticed(path: Path) -> None:
    async def use(store: Store) -> None:
        event.listen(store._engine, "commit", lambda connection: path.unlink())
        with pytest.raises(StoreError, match="removed or replaced"):
            await store.put(account())

    store = _use(path, use)
    assert not store.written


# Two at once.

CRAWL = """
import asyncio, sys
from satchel.recnet import Account
from satchel.store import Store

async def run(url, start):
    print("ready", flush=True)
    sys.stdin.readline()
    for first in range(start, start + 500, 50):
        store = Store.open(url, [Account])
        ids = range(first, first + 50)
        await asyncio.gather(*(store.put(Account(id=id, username="u")) for id in ids))
        await store.close()

asyncio.run(run(sys.argv[1], int(sys.argv[2])))
"""


def test_two_processes_make_and_fill_one_database(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CRAWL, f"sqlite:///{path}", start],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for start in ("0", "250")
        ]  # fmt: skip
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        assert [process.communicate("go\n")[1] for process in both] == ["", ""]
    assert one(path, "recnet_account", "count(*), count(username)") == (750, 750)
