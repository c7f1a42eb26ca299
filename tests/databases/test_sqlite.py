"""What only SQLite does: erased bytes, files that may not be written, locks."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, connect
from typing import Any

import pytest
from sqlalchemy import event

from satchel.decode import Decoder, flag, integer, text
from satchel.errors import StoreError
from satchel.items import Item, Personal, personal
from satchel.privacy import Gate, Level
from satchel.recnet import Account
from satchel.store import Store
from stores import RECNET, Stored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


def _stored(path: Path, *items: type[Item]) -> Stored:
    return Stored(f"sqlite:///{path}", items or RECNET)


def account(**data: Any) -> Account:
    return Account.from_data({"accountId": 1, **data})


# Privacy.


@dataclass(slots=True, init=False)
class Kid(Item):
    namespace = "test"
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

    _stored(path, Kid).use(use)


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
    assert _stored(path).one("test_kid", "count(*), count(name), count(payload)") == (1200, 0, 0)


def test_what_is_erased_is_zeroed_at_once(path: Path) -> None:
    """So that a crawl that is killed before its end leaves little."""
    _kids(path, Level.OFF, [_kid(4)])

    async def use(store: Store) -> None:
        await store.put(Gate(Level.CAREFUL).admit(Kid.from_data(_kid(4))))
        with closing(connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"geheim" not in _bytes(path)

    _stored(path, Kid).use(use)


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


def test_faults_when_opening_name_the_file_and_what_to_do(path: Path) -> None:
    assert "check that the folder exists" in str(_open(f"sqlite:///{path.parent}/no/s.db"))
    assert "check that the folder exists" in str(_open(f"sqlite:///{path.parent}"))
    path.write_text("a letter, not a database\n" * 100)
    error = str(_open(f"sqlite:///{path}"))
    assert error.startswith(f"sqlite:///{path}: file is not a database; ")
    assert path.read_text().startswith("a letter")


def test_a_read_only_database(path: Path) -> None:
    _stored(path).put(account())
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
    _stored(path).put(account())
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
    _stored(path).put(account(username="u"))
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
    _stored(path).use(use)
    assert _stored(path).one("recnet_account", "username") == ("v",)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_or_replaced_is_noticed(path: Path, replaced: bool) -> None:
    async def use(store: Store) -> None:
        await store.put(account())
        path.unlink()
        if replaced:
            path.write_bytes(b"")
        with pytest.raises(StoreError, match="removed or replaced"):
            await store.put(account(accountId=2))

    _stored(path).use(use)


def test_a_file_that_is_removed_while_it_is_written_is_noticed(path: Path) -> None:
    async def use(store: Store) -> None:
        event.listen(store._database.engine, "commit", lambda connection: path.unlink())
        with pytest.raises(StoreError, match="removed or replaced"):
            await store.put(account())

    store = _stored(path).use(use)
    assert not store.written
