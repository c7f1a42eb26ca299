"""Item classes become tables, and views that are queried once each, in each kind of database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from satchel.decode import Decoder, integer, text
from satchel.items import Item, field_names, fields_of, type_name
from satchel.recnet import (
    Account,
    Comment,
    Event,
    EventInteraction,
    Image,
    Invention,
    InventionVersion,
    LoadScreen,
    PromoExternalContent,
    Role,
    Room,
    Score,
    SubRoom,
    Tag,
)
from satchel.tables import BOOKKEEPING, PAYLOAD
from stores import RECNET, Stored

BIG = 2**63 - 1


@dataclass(slots=True, init=False)
class Page(Item):
    """One that a key of several fields identifies, as Kemono's are."""

    namespace = "test"
    key = ("site", "number")

    number: int | None = None
    site: str | None = None
    words: list[str] | None = None
    cover: Picture | None = None
    next: Page | None = None
    pictures: list[Picture] | None = None


@dataclass(slots=True, init=False)
class Picture(Item):
    namespace = "test"

    path: str | None = None
    width: float | None = None


Decoder(Page, {"number": integer("number"), "site": text("site")})


EVERY: list[type[Item]] = [*RECNET, Page, Picture]


@pytest.fixture
def filled(stored: Stored) -> Stored:
    """A database with something in every list, part and reference of RecNet and of Page."""
    filled = replace(stored, items=EVERY)
    filled.put(*_recnet_items(), _page())
    return filled


def _recnet_items() -> list[Item]:
    account = Account(id=7, username="u", platforms=["Steam", "Meta"], personal_pronouns=["a / b"])
    account.identity_flags = []
    image = Image(id=BIG, tagged_player_ids=[BIG, 8], cheer_player_ids=[9], player=account)
    image.tagged_players = [account, Account(id=8)]
    image.cheer_players = [Account(id=9)]
    image.comments = [Comment(saved_image_comment_id=3, comment="hé", player=account)]
    answers = [EventInteraction(player_event_id=4, player_id=i, type="Pending") for i in (7, BIG)]
    event = Event(id=4, images=[image], responses=answers)
    account.identity_flags = ["x"]
    room = Room(id=5, warnings=["Custom"], promo_images=["", "b"], events=[event], images=[image])
    room.subrooms = [SubRoom(subroom_id=6, room_id=5)]
    room.roles = [Role(id=255, name="Owner", account_id=7, account=account), Role(account_id=8)]
    room.tags = [Tag(tag="pvp", type="General")]
    room.promo_external_content = [PromoExternalContent(type="YouTube", reference="r")]
    room.scores = [Score(room_id=5, visit_type=1, score=0.5, backup_score=2.0)]
    room.load_screens = [LoadScreen(image_name="i", title="t", subtitle="")]
    account.created_rooms, account.owned_rooms = [room], [room]
    account.events, account.images, account.feed = [event], [image], [image]
    version = InventionVersion(invention_id=1, version_number=2, instantiation_cost=1.5)
    return [account, Invention(id=1, current_version=version, tags=[Tag(tag="t")])]


def _page() -> Page:
    pictures = [Picture(path="a", width=1.25), Picture(path="")]
    first = Page(site="s", number=1, words=["é", ""], pictures=pictures, cover=pictures[0])
    first.next = Page(site="s", number=2)
    return first


VIEWS: dict[str, list[tuple[Any, ...]]] = {
    "recnet_account_platforms": [(7, 0, "Steam"), (7, 1, "Meta")],
    "recnet_account_personal_pronouns": [(7, 0, "a / b")],
    "recnet_account_identity_flags": [(7, 0, "x")],
    "recnet_account_created_rooms": [(7, 0, 5)],
    "recnet_account_owned_rooms": [(7, 0, 5)],
    "recnet_account_events": [(7, 0, 4)],
    "recnet_account_images": [(7, 0, BIG)],
    "recnet_account_feed": [(7, 0, BIG)],
    "recnet_event_images": [(4, 0, BIG)],
    "recnet_event_responses": [(4, 0, 4, 7), (4, 1, 4, BIG)],
    "recnet_image_tagged_player_ids": [(BIG, 0, BIG), (BIG, 1, 8)],
    "recnet_image_tagged_players": [(BIG, 0, 7), (BIG, 1, 8)],
    "recnet_image_cheer_player_ids": [(BIG, 0, 9)],
    "recnet_image_cheer_players": [(BIG, 0, 9)],
    "recnet_image_comments": [(BIG, 0, 3)],
    "recnet_room_warnings": [(5, 0, "Custom")],
    "recnet_room_subrooms": [(5, 0, 6)],
    "recnet_room_roles": [
        (5, 0, 255, "Owner", None, 7, None, 7, None),
        (5, 1, None, None, None, 8, None, None, None),
    ],
    "recnet_room_tags": [(5, 0, "pvp", "General")],
    "recnet_room_promo_images": [(5, 0, ""), (5, 1, "b")],
    "recnet_room_promo_external_content": [(5, 0, "YouTube", "r")],
    "recnet_room_scores": [(5, 0, 5, 1, 0.5, 2.0)],
    "recnet_room_load_screens": [(5, 0, "i", "t", "")],
    "recnet_room_events": [(5, 0, 4)],
    "recnet_room_images": [(5, 0, BIG)],
    "recnet_invention_tags": [(1, 0, "t", None)],
    "recnet_invention_current_version": [(1, 1, 2)],
    "test_page_words": [("s", 1, 0, "é"), ("s", 1, 1, "")],
    "test_page_cover": [("s", 1, "a", 1.25)],
    "test_page_next": [("s", 1, "s", 2)],
    "test_page_pictures": [("s", 1, 0, "a", 1.25), ("s", 1, 1, "", None)],
}


def test_each_view_has_the_rows_of_its_list(filled: Stored) -> None:
    assert set(filled.inspect(lambda look: look.get_view_names())) == set(VIEWS)
    for name, rows in VIEWS.items():
        assert filled.read(name, order="1, 2, 3") == rows, name


def test_the_columns_of_views_have_the_documented_names(filled: Stored) -> None:
    def columns(view: str) -> list[str]:
        return filled.inspect(lambda look: [c["name"] for c in look.get_columns(view)])

    parts = [field.name for field in fields_of(Role)]
    assert columns("recnet_room_roles") == ["owner_id", "position", *parts]
    assert columns("recnet_room_warnings") == ["owner_id", "position", "value"]
    assert columns("recnet_event_responses")[2:] == ["player_event_id", "player_id"]
    assert columns("test_page_words") == ["owner_site", "owner_number", "position", "value"]


def test_a_table_for_each_class_with_a_key(filled: Stored) -> None:
    assert set(filled.inspect(lambda look: look.get_table_names())) == {
        "satchel_crawl",
        *(type_name(cls) for cls in EVERY if cls.key),
    }
    for cls in EVERY:
        if cls.key:
            _has_the_columns_of(filled, cls)


def _has_the_columns_of(filled: Stored, cls: type[Item]) -> None:
    table = type_name(cls)
    names = filled.inspect(lambda look: {c["name"] for c in look.get_columns(table)})
    assert names == {*field_names(cls), PAYLOAD, *BOOKKEEPING}
    key = filled.inspect(lambda look: look.get_pk_constraint(table)["constrained_columns"])
    assert set(key) == set(cls.key)
