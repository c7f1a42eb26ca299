"""What each level of the gate lets through: fields, payload, and what is nested in both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel.decode import Decoder, flag, integer, integers, mask, part, parts, text
from satchel.items import Item, Personal, link, personal
from satchel.privacy import Gate, Level


@dataclass(slots=True, init=False)
class Note(Item):
    namespace = "test"

    title: str | None = personal(Personal.TEXT)
    stars: int | None = None


@dataclass(slots=True, init=False)
class Person(Item):
    namespace = "test"
    key = ("id",)
    minor = "is_young"

    id: int | None = None
    is_young: bool | None = None
    name: str | None = personal(Personal.NAME)
    motto: str | None = personal(Personal.TEXT)
    identity: list[str] | None = personal(Personal.IDENTITY)
    friend_ids: list[int] | None = link()
    height: int | None = None
    notes: list[Note] | None = None
    last_note: Note | None = None
    friend: Person | None = None
    friends: list[Person] | None = None


NOTE = Decoder(Note, {"title": text("Title"), "stars": integer("Stars")}, required=("stars",))
TABLE = {
    "id": integer("Id", "PersonId"),
    "is_young": flag("Young"),
    "name": text("Name"),
    "motto": text("Motto"),
    "identity": mask({1: "a", 2: "b"}, "Identity"),
    "friend_ids": integers("FriendIds"),
    "height": integer("Height"),
    "notes": parts(NOTE, "Notes"),
    "last_note": part(NOTE, "LastNote"),
}
PERSON: Decoder[Person] = Decoder(Person, dict(TABLE))
# A person may be nested in a person, which a table can only say once there is a decoder.
PERSON = Decoder(
    Person, {**TABLE, "friend": part(PERSON, "Friend"), "friends": parts(PERSON, "Friends")}
)

DATA: dict[str, Any] = {
    "Id": 1,
    "Young": False,
    "Name": "Jane",
    "Motto": "Jane was here",
    "Identity": 3,
    "FriendIds": [2, 3],
    "Height": 170,
    "Notes": [{"Title": "Jane's", "Stars": 1, "More": "Jane"}],
    "LastNote": {"Title": "Jane's last", "Stars": 2},
    "Friend": {"Id": 2, "Name": "Joan", "Identity": 1},
    "Undocumented": {"nick": "Jane"},
}
YOUNG = {**DATA, "Young": True}


def admitted(level: Level, data: dict[str, Any], key: bytes = b"key") -> Person:
    person: Person = Gate(level, key).admit(PERSON(data))
    return person


def test_off_leaves_all() -> None:
    person = admitted(Level.OFF, YOUNG)
    assert person == PERSON(YOUNG)
    assert person.data is not None
    assert person.data == YOUNG
    assert Gate(Level.OFF).admit("no item") == "no item"


@pytest.mark.parametrize("level", [Level.JUNIORS, Level.CAREFUL, Level.STRICT])
def test_of_juniors_only_id_mark_and_links_stay(level: Level) -> None:
    person = admitted(level, YOUNG)
    assert person == Person(id=1, is_young=True, friend_ids=[2, 3])
    assert all(person.was_sent(name) for name in ("name", "motto", "height", "notes", "friend"))
    assert person.data == {
        **dict.fromkeys(YOUNG),
        "Id": 1,
        "Young": True,
        "FriendIds": [2, 3],
    }


def test_juniors_leaves_others_alone() -> None:
    person = admitted(Level.JUNIORS, DATA)
    assert person == PERSON(DATA)
    assert person.data == DATA


def test_careful_withholds_the_identity_of_everybody() -> None:
    person = admitted(Level.CAREFUL, DATA)
    expected = PERSON(DATA)
    assert expected.friend is not None
    expected.identity = expected.friend.identity = None
    assert person == expected
    assert person.was_sent("identity")
    assert person.data == {
        **DATA,
        "Identity": None,
        "Friend": {"Id": 2, "Name": "Joan", "Identity": None},
    }


def test_identity_counts_as_withheld_where_it_was_not_sent() -> None:
    assert admitted(Level.CAREFUL, {"Id": 1}).was_sent("identity")


def test_what_was_sent_is_not_changed() -> None:
    data = {**YOUNG, "Friends": [dict(DATA)]}
    before = repr(data)
    for level in Level:
        admitted(level, data)
    assert repr(data) == before


def test_strict_replaces_names_and_texts() -> None:
    person = admitted(Level.STRICT, DATA)
    assert person.name == Gate(Level.STRICT, b"key").pseudonym("Jane")
    assert person.name is not None
    assert person.name.startswith("~")
    assert (person.id, person.height, person.friend_ids) == (1, 170, [2, 3])
    assert person.identity is None
    assert person.friend is not None
    assert person.friend.name not in (None, "Joan")
    assert person.notes is not None
    assert person.notes[0].title not in (None, "Jane's")
    assert person.notes[0].stars == 1
    assert "Jane" not in repr(person)
    assert person.data == {
        "Id": 1,
        "Young": False,
        "Name": None,
        "Motto": None,
        "Identity": None,
        "FriendIds": [2, 3],
        "Height": 170,
        "Notes": [{"Title": None, "Stars": 1, "More": None}],
        "LastNote": {"Title": None, "Stars": 2},
        "Friend": {"Id": 2, "Name": None, "Identity": None},
        "Undocumented": None,
    }


def test_pseudonyms_are_stable_keyed_and_told_apart() -> None:
    one, same = Gate(Level.STRICT, b"one"), Gate(Level.STRICT, b"one")
    other = Gate(Level.STRICT, b"other")
    assert one.pseudonym("Jane") == same.pseudonym("Jane") != other.pseudonym("Jane")
    assert one.pseudonym("Jane") != one.pseudonym("Joan")
    assert one.pseudonym("\ud800").startswith("~")


def test_strict_keeps_nothing_apart_from_null_and_empty() -> None:
    person = admitted(Level.STRICT, {"Id": 1, "Name": None, "Motto": ""})
    assert (person.name, person.motto) == (None, "")


def test_strict_needs_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Gate(Level.STRICT)


@pytest.mark.parametrize("level", list(Level))
def test_idempotent(level: Level) -> None:
    counts: Counter[str] = Counter()
    gate = Gate(level, b"key", lambda rule: counts.update([rule]))
    person = gate.admit(PERSON(DATA))
    fields, data, counted = repr(person), person.data, dict(counts)
    assert gate.admit(person) is person
    assert (repr(person), person.data, dict(counts)) == (fields, data, counted)


def test_what_is_patched_passes_again() -> None:
    gate = Gate(Level.JUNIORS)
    person = gate.admit(PERSON(DATA))
    PERSON.patch(person, YOUNG)
    assert gate.admit(person).name is None


def test_a_nested_junior_is_blanked_in_the_payload_too() -> None:
    person = admitted(Level.JUNIORS, {**DATA, "Friends": [YOUNG, DATA]})
    assert person.friends is not None
    assert person.friends[0].name is None
    assert person.friends[1].name == "Jane"
    assert person.data is not None
    assert person.data["Friends"][0]["Name"] is None
    assert person.data["Friends"][1]["Name"] == "Jane"


def test_a_nested_item_that_passed_before_is_replaced_in_the_payload() -> None:
    gate = Gate(Level.CAREFUL)
    person = PERSON(DATA)
    gate.admit(person.friend)
    gate.admit(person)
    assert person.data is not None
    assert person.data["Friend"]["Identity"] is None


def test_what_cannot_be_read_as_nested_items_is_nulled() -> None:
    data = {**DATA, "Notes": [{"Title": "Jane's"}], "Friend": "Jane", "Friends": {"a": "Jane"}}
    for level in (Level.JUNIORS, Level.CAREFUL, Level.STRICT):
        person = admitted(level, data)
        assert person.data is not None
        assert [person.data[key] for key in ("Notes", "Friend", "Friends")] == [None, None, None]
    assert admitted(Level.OFF, data).data == data


@pytest.mark.parametrize("mark", ["true", "yes", 2, [], {"is": 1}])
def test_a_mark_that_cannot_be_read_counts_as_a_juniors(mark: Any) -> None:
    assert admitted(Level.JUNIORS, {**DATA, "Young": mark}).name is None


@pytest.mark.parametrize("mark", [None, False, 0])
def test_no_mark_is_no_junior(mark: Any) -> None:
    assert admitted(Level.JUNIORS, {**DATA, "Young": mark}).name == "Jane"
    assert admitted(Level.JUNIORS, {"Id": 1, "Name": "Jane"}).name == "Jane"


def test_keys_in_any_case_and_every_spelling() -> None:
    data = {"PERSONID": 1, "young": True, "NAME": "Jane", "name": "Jane", "iDENTITY": 1}
    person = admitted(Level.JUNIORS, data)
    assert person.data == {**dict.fromkeys(data), "PERSONID": 1, "young": True}
    data["young"] = False
    assert admitted(Level.CAREFUL, data).data == {**data, "iDENTITY": None}


def test_items_that_lead_back_to_themselves() -> None:
    person = Person(id=1, identity=["a"])
    person.friend, person.friends = person, [person, Person(id=2, is_young=True, name="Joan")]
    Gate(Level.CAREFUL).admit(person)
    assert person.identity is None
    assert person.friends is not None
    assert person.friends[1].name is None


def test_items_without_a_payload() -> None:
    for level in Level:
        person = Gate(level, b"key").admit(Person(id=1, is_young=True, name="Joan"))
        assert person.data is None
        assert (person.name is None) is (level is not Level.OFF)


def test_what_was_withheld_is_counted() -> None:
    counts: Counter[str] = Counter()
    gate = Gate(Level.STRICT, b"key", lambda rule: counts.update([rule]))
    gate.admit(PERSON({"Id": 1, "Name": "Jane"}))
    gate.admit(PERSON({"Id": 1, "Young": True}))
    assert counts == {"junior": 1, "identity": 1, "pseudonym": 1}


WORD = st.just("Jane")
VALUES = st.recursive(
    WORD | st.none() | st.booleans() | st.integers(0, 3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*DATA, "Friends", "Title", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*DATA, "Friends", "x"]), VALUES, max_size=8))
def test_no_shape_brings_a_juniors_name_through(data: dict[str, Any]) -> None:
    data |= {"Id": 1, "Young": True, "FriendIds": [2]}
    for level in (Level.JUNIORS, Level.CAREFUL, Level.STRICT):
        person = admitted(level, data)
        assert "Jane" not in repr((person, person.data))


@given(st.lists(st.fixed_dictionaries({"Stars": st.integers(0, 5), "Title": WORD}), max_size=3))
def test_strict_holds_in_what_is_nested(notes: list[dict[str, Any]]) -> None:
    person = admitted(Level.STRICT, {"Id": 1, "Name": "Jane", "Notes": notes})
    assert "Jane" not in repr((person, person.data))
