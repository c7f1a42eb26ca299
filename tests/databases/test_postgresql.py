"""What only PostgreSQL does: turns, merging, roles, a server that refuses or goes away."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satchel.databases import database
from satchel.decode import Decoder, text
from satchel.errors import ConfigError, StoreError
from satchel.items import Item
from satchel.recnet import Account
from satchel.store import ATTEMPTS, Store
from servers import PASSWORD, Server
from stores import Stored


@pytest.fixture
def stored(postgresql_url: str) -> Stored:
    return Stored(postgresql_url)


def account(**data: Any) -> Account:
    return Account.from_data({"accountId": 1, **data})


def refused(url: str) -> str:
    """The line that a person gets at the start."""
    with pytest.raises(StoreError) as caught:
        Stored(url).put()
    assert "\n" not in str(caught.value)
    assert PASSWORD not in f"{caught.value!r}{caught.value.__cause__}"
    return str(caught.value)


# The connection.


def test_a_url_with_the_driver(stored: Stored) -> None:
    Stored(stored.url.replace("postgresql:", "postgresql+psycopg:")).put(account(username="u"))
    assert stored.one("recnet_account", "username") == ("u",)


def test_a_wrong_password(postgresql: Server) -> None:
    line = refused(postgresql.url(password=f"{PASSWORD}er"))
    assert line.startswith("postgresql://satchel:***@/postgres?host=")
    assert "password authentication failed" in line
    assert line.endswith("; give the right user and password in SATCHEL_STORE")


@pytest.mark.parametrize("name", ["password", "PASSWORD", "sslpassword"])
def test_a_password_in_the_query_is_not_shown(postgresql: Server, name: str) -> None:
    refused(f"postgresql:///?host={postgresql.folder}&user=satchel&{name}={PASSWORD}er")


def test_a_database_that_is_not_there(postgresql: Server) -> None:
    assert refused(postgresql.url("nowhere")).endswith(
        'database "nowhere" does not exist; '
        "make the database (createdb), or give another in SATCHEL_STORE"
    )


@pytest.mark.parametrize("where", ["127.0.0.1:1/x", "/x?host=/no/such/folder"])
def test_a_server_that_is_not_there(where: str) -> None:
    assert refused(f"postgresql://me:{PASSWORD}@{where}").endswith(
        "; see that the server runs and that SATCHEL_STORE has its host and port"
    )


def test_a_parameter_that_libpq_does_not_know(postgresql: Server) -> None:
    assert "take it out of SATCHEL_STORE" in refused(f"{postgresql.url()}&no_such=1")


def test_parameters_of_the_url_win(stored: Stored) -> None:
    reader = database(f"{stored.url}&options=-c%20lock_timeout%3D7s").reader()
    with reader.connect() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "7s"


def test_without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"run: pip install 'satchel\[postgresql\]'$"):
        Stored("postgresql://me@host/x").put()


def test_psycopg_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, satchel.cli, satchel.pipelines.store; print('psycopg' in sys.modules)"
    words = [sys.executable, "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "False\n"


# Roles.


@pytest.fixture
def as_role(postgresql: Server, stored: Stored) -> Callable[..., Stored]:
    """Makes a role with these rights; the database as it sees it."""
    postgresql.execute("DROP ROLE IF EXISTS other")
    postgresql.execute(f"CREATE ROLE other LOGIN PASSWORD '{PASSWORD}'")

    def make(*grants: str) -> Stored:
        stored.change(*(f"GRANT {grant} TO other" for grant in grants))
        return Stored(stored.url.replace("satchel:", "other:"))

    return make


def test_a_role_that_only_reads_and_writes_rows(
    stored: Stored, as_role: Callable[..., Stored]
) -> None:
    stored.put(account(later={"a": 1}))
    other = as_role("SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public")
    other.put(account(username="u", later={"b": 2}))
    assert stored.one("recnet_account", "username, payload") == ("u", '{"later":{"a":1,"b":2}}')


def test_a_role_that_may_not_write_is_found_at_the_start(
    stored: Stored, as_role: Callable[..., Stored]
) -> None:
    assert "permission denied for schema public; the role may not do that" in refused(as_role().url)
    stored.put()
    other = as_role("SELECT, INSERT ON ALL TABLES IN SCHEMA public")
    assert "permission denied for table recnet_" in refused(other.url)


def test_a_server_that_only_reads_is_found_at_the_start(stored: Stored) -> None:
    stored.put()
    line = refused(f"{stored.url}&options=-c%20default_transaction_read_only%3Don")
    assert "read-only transaction; the server or the role may only read" in line


def test_a_reader_cannot_write(stored: Stored) -> None:
    stored.put(account())
    with (
        database(stored.url).reader().connect() as connection,
        pytest.raises(Exception, match="read-only transaction"),
    ):
        connection.exec_driver_sql("DELETE FROM recnet_account")


# Statements.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def merged(stored: Any, sent: Any) -> Any:
    """RFC 7396, as it is written there."""
    if not isinstance(sent, dict):
        return sent
    stored = dict(stored) if isinstance(stored, dict) else {}
    for name, value in sent.items():
        if value is None:
            stored.pop(name, None)
        else:
            stored[name] = merged(stored.get(name), value)
    return stored


def _storable(value: Any) -> bool:
    return "\\u0000" not in json.dumps(value)


def test_payloads_are_merged_as_the_standard_says(stored: Stored) -> None:
    stored.put()
    with psycopg.connect(stored.url) as connection:

        @settings(
            max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(st.none() | OBJECTS.filter(_storable), (st.none() | OBJECTS).filter(_storable))
        def holds(old: Any, new: Any) -> None:
            old = None if old is None else merged({}, old)
            query = "SELECT satchel_merge(%s::jsonb, %s::jsonb)"
            texts = [None if value is None else json.dumps(value) for value in (old, new)]
            found = connection.execute(query, texts).fetchone()
            assert found == (merged(old, new),)

        holds()


def test_a_row_is_found_by_its_key_however_many_are_stored(stored: Stored) -> None:
    stored.put()
    stored.change(
        "INSERT INTO recnet_account (id, first_seen, last_seen, changed_at) "
        "SELECT n, now(), now(), now() FROM generate_series(1, 200000) n"
    )
    plans: list[str] = []

    async def use(store: Store) -> None:
        from sqlalchemy import event

        def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "INSERT INTO" in statement and not statement.startswith("EXPLAIN"):
                cursor.execute(f"EXPLAIN {statement}", parameters)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))

        event.listen(store._database.engine, "before_cursor_execute", explain)
        await store.put(account(later=1))

    stored.use(use)
    (plan,) = plans
    assert "Index Scan using recnet_account_pkey" in plan
    assert "Seq Scan" not in plan


@dataclass(slots=True, init=False)
class Page(Item):
    namespace = "test"
    key = ("code",)

    code: str | None = None


Decoder(Page, {"code": text("code")})


def test_keys_that_become_equal_when_they_are_stored(stored: Stored) -> None:
    pages = Stored(stored.url, [Page])
    pages.put_at_once(Page(code="a\0"), Page(code="a\ufffd"), Page(code="b"))
    assert pages.read("test_page", "code") == [("a\ufffd",), ("b",)]


# Other programs.


def _locked_by_another(stored: Stored, then: str) -> tuple[psycopg.Connection, threading.Thread]:
    """A transaction that holds the second row and, in a while, executes this."""
    other = psycopg.connect(stored.url)
    other.execute("SET deadlock_timeout = '60s'")
    other.execute("UPDATE recnet_account SET username = 'other' WHERE id = 2")

    def wait_for_us() -> None:
        with psycopg.connect(stored.url, autocommit=True) as watch:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            while not watch.execute(waiting).fetchone():
                pass
        other.execute(then.encode())
        other.commit()

    return other, threading.Thread(target=wait_for_us)


def test_a_deadlock_with_another_program_is_tried_again(stored: Stored) -> None:
    stored.put(account(), account(accountId=2))
    other, thread = _locked_by_another(
        stored, "UPDATE recnet_account SET display_name = 'other' WHERE id = 1"
    )
    with other:
        thread.start()
        stored.put_at_once(account(username="u"), account(accountId=2, username="u"))
        thread.join()
    assert stored.read("recnet_account", "id, username, display_name") == [
        (1, "u", "other"), (2, "u", None)
    ]  # fmt: skip


def test_what_fails_again_and_again_is_given_up(stored: Stored) -> None:
    stored.put()
    stored.change(
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM nextval('tries'); RAISE 'busy' USING ERRCODE = '40001'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON recnet_account "
        "FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(StoreError, match="busy"):
        stored.put(account())
    assert stored.query("SELECT last_value FROM tries") == [(ATTEMPTS,)]


def test_a_lock_that_does_not_end(stored: Stored) -> None:
    stored.put(account())

    async def use() -> None:
        store = Store.open(f"{stored.url}&options=-c%20lock_timeout%3D100ms", [Account])
        with psycopg.connect(stored.url) as other:
            other.execute("UPDATE recnet_account SET username = 'other'")
            with pytest.raises(StoreError, match="lock timeout; another program writes to it"):
                await store.put(account())
        await store.close()

    asyncio.run(use())


def test_a_server_that_goes_away(make_server: Callable[[], Server]) -> None:
    server = make_server()

    async def use(store: Store) -> None:
        await store.put(account())
        server.stop()
        with pytest.raises(StoreError) as caught:
            await store.put(account())
        assert PASSWORD not in str(caught.value)
        assert "went away" in str(caught.value) or "was stopped" in str(caught.value)

    Stored(server.url()).use(use)
    server.start()
    assert Stored(server.url()).one("recnet_account", "id") == (1,)
