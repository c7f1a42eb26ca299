"""Item classes become tables, and items become rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from satchel import tables
from satchel.decode import Decoder, integer
from satchel.errors import DecodeError
from satchel.items import Item, field_names
from satchel.privacy import Gate, Level
from satchel.recnet import Account, Image, Room
from stores import RECNET


@dataclass(slots=True, init=False)
class Visit(Item):
    namespace = "test"
    key = ("id",)

    id: int | None = None
    when: datetime | None = None


Decoder(Visit, {"id": integer("id")})


def test_a_reference_is_the_key_of_what_is_nested() -> None:
    metadata = tables.build(RECNET)
    assert str(metadata.tables["recnet_image"].c.player.type) == "BIGINT"
    assert str(metadata.tables["recnet_invention"].c.current_version.type) == "JSON"


def test_a_row_has_what_was_sent() -> None:
    account = Account.from_data({"accountId": 1, "username": None, "later": 2})
    assert tables.rows(account) == [
        ("recnet_account", {"id": 1, "username": None, "payload": {"later": 2}})
    ]


def test_what_comes_back_is_cut_and_each_item_is_one_row() -> None:
    account, room = Account(id=1), Room(id=2)
    account.created_rooms, account.owned_rooms = [room, room], [room]
    room.creator_account = account
    found = tables.rows(account)
    assert [table for table, _ in found] == ["recnet_room", "recnet_account"]
    assert found[0][1]["creator_account"] == 1
    assert found[1][1]["created_rooms"] == [2, 2]


def test_items_that_refer_to_each_other_in_all_ways_are_walked_once() -> None:
    rooms = [Room(id=i) for i in range(40)]
    images = [Image(id=i) for i in range(40)]
    for image, room in zip(images, rooms, strict=True):
        room.images, image.room = images, room
    assert len(tables.rows(rooms[0])) == 80


@pytest.mark.parametrize("key", [None, "7", 2**63, True, 1.0])
def test_an_item_without_a_usable_key_is_refused(key: Any) -> None:
    with pytest.raises(DecodeError, match="no usable id"):
        tables.rows(Account(id=key, username="u") if key is not None else Account(username="u"))


def test_what_is_nested_without_a_key_is_left_out() -> None:
    image = Image(id=1, player=Account(), tagged_players=[Account(), Account(id=2)])
    found = dict(tables.rows(image))
    assert found["recnet_image"]["player"] is None
    assert found["recnet_image"]["tagged_players"] == [2]


@pytest.mark.parametrize(("level", "payload"), [(Level.OFF, {"later": "x"}), (Level.CAREFUL, None)])
def test_the_payload_of_a_withheld_minor_is_erased_as_a_whole(
    level: Level, payload: dict[str, Any] | None
) -> None:
    account = Account.from_data({"accountId": 1, "isJunior": True, "later": "x"})
    ((_, row),) = tables.rows(Gate(level).admit(account))
    assert row["payload"] == payload


def test_the_payload_of_a_grown_up_is_not_erased() -> None:
    every = dict.fromkeys(field_names(Account)) | {"id": 1, "is_junior": False}
    ((_, row),) = tables.rows(Gate(Level.CAREFUL).admit(Account(**every)))
    assert "payload" not in row


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=2))])
def test_a_date_is_written_as_utc_without_a_zone(zone: Any) -> None:
    when = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
    when = when.astimezone(zone) if zone else when.replace(tzinfo=None)
    ((_, row),) = tables.rows(Visit(id=1, when=when))
    assert row["when"] == "2021-03-04 05:06:07.000000"
