"""Tables, columns and views are made once, and brought up to date; foreign ones are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from satchel.errors import StoreError
from satchel.recnet import Account, Room, Tag
from stores import Stored


def account(**data: Any) -> Account:
    return Account.from_data({"accountId": 1, **data})


def test_a_new_field_adds_its_column(stored: Stored) -> None:
    stored.put(account(username="u", displayName="d"))
    columns = ("display_name", "platforms", "payload")
    stored.change(
        "DROP VIEW recnet_account_platforms",
        *(f"ALTER TABLE recnet_account DROP COLUMN {column}" for column in columns),
    )
    stored.put(account(displayName="e", platforms=1, later=1))
    assert stored.one("recnet_account", "username, display_name, payload") == (
        "u", "e", '{"later":1}'
    )  # fmt: skip
    assert stored.one("recnet_account_platforms", "owner_id, value") == (1, "Steam")


def _views(stored: Stored) -> list[tuple[Any, ...]]:
    """Something of the views that changes when they are made anew."""
    if stored.kind == "sqlite":
        return stored.query("PRAGMA schema_version")
    return stored.query("SELECT oid, relname FROM pg_class WHERE relkind = 'v' ORDER BY 1")


def test_views_are_made_anew_when_they_differ_and_only_then(stored: Stored) -> None:
    stored.put(Room(id=5, tags=[Tag(tag="pvp", type="General")]))
    made = _views(stored)
    stored.put(Room(id=5))
    assert _views(stored) == made
    stored.change("DROP VIEW recnet_room_tags", "CREATE VIEW recnet_room_tags AS SELECT 1 AS old")
    stored.put(Room(id=5))
    assert stored.one("recnet_room_tags", "owner_id, tag") == (5, "pvp")


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TABLE recnet_account (name TEXT)",
        "CREATE TABLE recnet_account (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE VIEW recnet_account AS SELECT 1 AS id",
    ],
)
def test_a_table_of_somebody_else_is_found_at_the_start(stored: Stored, foreign: str) -> None:
    stored.change(foreign)
    with pytest.raises(StoreError, match="the table recnet_account was not made by satchel; give"):
        stored.put()
    assert len(stored.read("recnet_account", "*", "1")) == ("VIEW" in foreign)
    with pytest.raises(Exception, match="first_seen"):
        stored.read("recnet_account", "first_seen")


def test_a_column_of_another_type_is_found_at_the_start(stored: Stored) -> None:
    stored.put()
    if stored.kind == "sqlite":
        pytest.skip("a column of SQLite takes any value")
    stored.change("ALTER TABLE recnet_account ALTER COLUMN username TYPE bigint USING 1")
    with pytest.raises(StoreError, match='column "username" is of type bigint'):
        stored.put()
