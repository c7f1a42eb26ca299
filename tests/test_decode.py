"""The decoder's two paths are held equal, and each kind of value is tried alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satchel.decode import (
    MAX_SHAPES,
    Decoder,
    Wire,
    flag,
    identifier,
    integer,
    integers,
    mask,
    number,
    part,
    parts,
    text,
    texts,
    unix,
    unix_seconds,
    utc,
    wall_clock,
    word,
)
from satchel.errors import DecodeError
from satchel.items import Item, field_names


@dataclass(slots=True, init=False)
class Leaf(Item):
    namespace = "test"

    name: str | None = None


@dataclass(slots=True, init=False)
class Tree(Item):
    namespace = "test"
    key = ("id",)

    id: int | None = None
    name: str | None = None
    height: float | None = None
    felled: bool | None = None
    planted: int | None = None
    kind: str | None = None
    colours: list[str] | None = None
    rings: list[int] | None = None
    nicknames: list[str] | None = None
    count: int | None = None
    root: Leaf | None = None
    leaves: list[Leaf] | None = None
    neighbours: list[Tree] | None = None


LEAF = Decoder(Leaf, {"name": text("Name")}, required=("name",))
TREE = Decoder(
    Tree,
    {
        "id": integer("Id", "TreeId"),
        "name": text("Name"),
        "height": number("Height"),
        "felled": flag("Felled", null=False),
        "planted": unix("Planted"),
        "kind": word({0: None, 1: "Oak"}, "Kind"),
        "colours": mask({1: "red", 2: "green"}, "Colours"),
        "rings": integers("Rings"),
        "nicknames": texts("Nicknames"),
        "count": integer("Count", within="Stats"),
        "root": part(LEAF, "Root"),
        "leaves": parts(LEAF, "Leaves"),
    },
)
FULL = {
    "Id": 1,
    "Name": "elm",
    "Height": 2.5,
    "Felled": True,
    "Planted": "2030-01-02T03:04:05Z",
    "Kind": 1,
    "Colours": 3,
    "Rings": [1, 2],
    "Nicknames": ["a"],
    "Stats": {"Count": 7},
    "Root": {"Name": "r"},
    "Leaves": [{"Name": "x"}, {"Name": "y"}],
}


def patiently(decoder: Decoder[Any], data: Any) -> Any:
    """The item that the loop makes, without the compiled function."""
    item = object.__new__(decoder.cls)
    item.client = None
    decoder._patiently(item, data)
    if any(getattr(item, name) is None for name in decoder.required):
        raise DecodeError(decoder.cls.__name__, "required")
    return item


def everything(item: Item) -> tuple[Any, ...]:
    return {n: getattr(item, n) for n in field_names(type(item))}, item._unsent, item.data


def assert_paths_agree(decoder: Decoder[Any], data: Any) -> None:
    try:
        patient = patiently(decoder, data)
    except DecodeError:
        with pytest.raises(DecodeError):
            decoder(data)
    else:
        assert everything(decoder(data)) == everything(patient)


def test_every_kind_of_value() -> None:
    tree = TREE(FULL)
    assert dataclasses.asdict(tree) == {
        "id": 1,
        "name": "elm",
        "height": 2.5,
        "felled": True,
        "planted": 1893553445,
        "kind": "Oak",
        "colours": ["red", "green"],
        "rings": [1, 2],
        "nicknames": ["a"],
        "count": 7,
        "root": {"name": "r"},
        "leaves": [{"name": "x"}, {"name": "y"}],
        "neighbours": None,
    }
    assert tree.data is FULL
    assert not tree.was_sent("neighbours")
    assert_paths_agree(TREE, FULL)


def test_the_compiled_function_is_used() -> None:
    decoder = Decoder(Leaf, {"name": text("Name")})
    decoder({"Name": "x"})
    assert list(decoder._functions) == [("Name",)]
    LEAF.cls.decoder = LEAF


def test_null_was_sent_and_absent_was_not() -> None:
    tree = TREE({"Id": 1, "Name": None, "Felled": None, "Leaves": None})
    assert (tree.name, tree.felled, tree.leaves) == (None, False, None)
    assert tree.was_sent("name")
    assert tree.was_sent("leaves")
    assert not tree.was_sent("height")


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str.swapcase])
def test_keys_in_any_case(change: Any) -> None:
    data = {change(key): value for key, value in FULL.items()}
    data[change("Stats")] = {change("Count"): 7}
    data[change("Root")] = {change("Name"): "r"}
    assert TREE(data) == TREE(FULL)
    assert_paths_agree(TREE, data)


def test_other_spellings_are_used_in_turn() -> None:
    assert TREE({"treeID": 4}).id == 4
    assert TREE({"TreeId": 4, "Id": 5}).id == 5


def test_the_exact_key_wins_inside() -> None:
    data = {"Id": 1, "Stats": {"count": 1, "Count": 2}}
    assert TREE(data).count == 2
    assert_paths_agree(TREE, data)


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("Name", 3, "name"),
        ("Height", "high", "height"),
        ("Height", True, "height"),
        ("Height", 10**400, "height"),
        ("Felled", "yes", "felled"),
        ("Felled", 2, "felled"),
        ("Planted", "tomorrow", "planted"),
        ("Planted", 12, "planted"),
        ("Kind", [], "kind"),
        ("Kind", True, "kind"),
        ("Colours", "many", "colours"),
        ("Rings", {"a": 1}, "rings"),
        ("Rings", [1, None], "rings"),
        ("Rings", [2**63], "rings"),
        ("Nicknames", [1], "nicknames"),
        ("Nicknames", "abc", "nicknames"),
        ("Stats", None, "count"),
        ("Stats", "Count", "count"),
        ("Stats", [], "count"),
        ("Stats", {}, "count"),
        ("Stats", {"Count": 2**63}, "count"),
        ("Root", [], "root"),
        ("Root", {"Name": None}, "root"),
        ("Leaves", [{"Name": "x"}, {}], "leaves"),
    ],
)
def test_what_cannot_be_used_is_left_out_alone(key: str, value: Any, field: str) -> None:
    data = {**FULL, key: value}
    tree = TREE(data)
    assert getattr(tree, field) is None
    assert not tree.was_sent(field)
    expected = TREE(FULL)
    setattr(expected, field, None)
    assert tree == expected
    assert_paths_agree(TREE, data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), ("5", 5), (5.0, 5), ("-5", -5), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63))],
)
def test_whole_numbers(value: Any, expected: int) -> None:
    assert TREE({"Id": value}).id == expected


@pytest.mark.parametrize("value", [True, 1.5, "1.0", "", "x", "٣", 2**63, "9" * 19, [], None])
def test_without_a_usable_key_it_is_no_such_item(value: Any) -> None:
    with pytest.raises(DecodeError, match="not a Tree: no usable Id"):
        TREE({"Id": value})


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], True, 1.5])
def test_what_is_no_object_is_no_item(value: Any) -> None:
    with pytest.raises(DecodeError, match="not a Tree: expected an object, got"):
        TREE(value)


def test_the_error_does_not_quote_the_payload() -> None:
    with pytest.raises(DecodeError) as caught:
        TREE({"Id": "Jane Doe"})
    assert "Jane" not in str(caught.value)
    assert caught.value.item_type == "Tree"


@pytest.mark.parametrize(
    ("code", "expected"), [(0, None), (1, "Oak"), ("Oak", "Oak"), ("1", "Oak"), (9, "Unknown (9)")]
)
def test_words(code: Any, expected: str | None) -> None:
    tree = TREE({"Id": 1, "Kind": code})
    assert tree.kind == expected
    assert tree.was_sent("kind")


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(0, []), (1, ["red"]), (2, ["green"]), (-1, ["red", "green"]), (4, []), (7, ["red", "green"])],
)
def test_masks(bits: int, expected: list[str]) -> None:
    for _ in range(2):
        tree = TREE({"Id": 1, "Colours": bits})
        assert tree.colours == expected
        assert tree.colours is not None
        tree.colours.append("changed by its owner")


@pytest.mark.parametrize("digits", range(8))
def test_dates_with_any_number_of_digits(digits: int) -> None:
    fraction = "." + "9876543"[:digits] if digits else ""
    assert unix_seconds(f"2030-05-01T18:22:33{fraction}Z") == 1903890153


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2030-05-01T18:22:33", 1903890153),
        ("2030-05-01T20:22:33+02:00", 1903890153),
        ("2030-05-01T18:22:33.5+00:00", 1903890153),
        ("09/04/2023 06:44:55 PM", 1693853095),
        ("09/04/2023 06:44:55 AM", 1693809895),
        ("09/04/2023 12:00:00 AM", 1693785600),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.9999999Z", 253402300799),
    ],
)
def test_dates(date: str, expected: int | None) -> None:
    assert unix_seconds(date) == expected
    assert_paths_agree(TREE, {"Id": 1, "Planted": date})


@pytest.mark.parametrize("date", ["", "soon", "2030-13-01", "13/13/2030 01:00:00 PM", "\ud800"])
def test_no_dates(date: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unix_seconds(date)
    assert not TREE({"Id": 1, "Planted": date}).was_sent("planted")


@dataclass(slots=True, init=False)
class Event(Item):
    namespace = "test"
    key = ("id",)

    id: str | None = None
    added: datetime | None = None
    shown: datetime | None = None


EVENT = Decoder(
    Event, {"id": identifier("Id"), "added": utc("Added"), "shown": wall_clock("Shown")}
)
WHEN = datetime(2030, 5, 1, 18, 22, 33)
LATER = WHEN.replace(microsecond=49000)


@pytest.mark.parametrize(
    ("value", "added", "shown"),
    [
        ("2030-05-01T18:22:33", WHEN, WHEN),
        ("2030-05-01T18:22:33.049", LATER, LATER),
        ("2030-05-01T18:22:33.0490009Z", LATER, LATER),
        ("2030-05-01T20:22:33+02:00", WHEN, WHEN.replace(hour=20)),
        ("Wed, 01 May 2030 18:22:33 GMT", WHEN, WHEN),
        (1903890153, WHEN, WHEN),
        (1903890153.049, LATER, LATER),
        ("0001-01-01T00:00:00", None, None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None, None),
        (None, None, None),
    ],
)
def test_moments(value: Any, added: datetime | None, shown: datetime | None) -> None:
    event = EVENT({"Id": "a", "Added": value, "Shown": value})
    assert event.added == (added and added.replace(tzinfo=UTC))
    assert event.added is None or event.added.tzinfo is UTC
    assert event.shown == shown
    assert event.was_sent("added")
    assert_paths_agree(EVENT, {"Id": "a", "Added": value, "Shown": value})


@pytest.mark.parametrize(
    "value", ["", "soon", "2030-13-01", "Wed, 01 May 2030", 10**30, 1e300, True, [], {}, "\ud800"]
)
def test_no_moments(value: Any) -> None:
    event = EVENT({"Id": "a", "Added": value, "Shown": value})
    assert not event.was_sent("added")
    assert not event.was_sent("shown")
    assert_paths_agree(EVENT, {"Id": "a", "Added": value, "Shown": value})


def test_a_moment_that_has_no_place_in_utc() -> None:
    last = "9999-12-31T23:59:59-05:00"
    event = EVENT({"Id": "a", "Added": last, "Shown": last})
    assert not event.was_sent("added")
    assert event.shown == datetime(9999, 12, 31, 23, 59, 59)


@pytest.mark.parametrize(
    ("value", "expected"), [("a-b", "a-b"), (5, "5"), (2**63 - 1, f"{2**63 - 1}")]
)
def test_identifiers(value: Any, expected: str) -> None:
    assert EVENT({"Id": value}).id == expected


@pytest.mark.parametrize("value", ["", True, 1.5, 2**63, [], None])
def test_no_identifiers(value: Any) -> None:
    with pytest.raises(DecodeError, match="no usable Id"):
        EVENT({"Id": value})


def test_patch_sets_what_is_there_and_keeps_the_rest() -> None:
    tree: Any = TREE({"Id": 1, "Name": "elm"})
    tree._admitted = frozenset()
    TREE.patch(tree, {"Height": 3.0, "Felled": None})
    assert (tree.id, tree.name, tree.height, tree.felled) == (1, "elm", 3.0, False)
    assert tree.was_sent("felled")
    assert tree.data == {"Height": 3.0, "Felled": None}
    assert tree._admitted is None
    with pytest.raises(DecodeError):
        TREE.patch(tree, [])


def test_extra_is_what_the_table_does_not_name() -> None:
    assert TREE.extra({**FULL, "Smell": 1, "stats": 2}) == {"Smell": 1}
    assert TREE.extra(FULL) is None


def test_wire_keys_finds_every_spelling_that_is_there() -> None:
    data = {"ID": 1, "treeid": 2, "Stats": {}, "Other": 3}
    names = frozenset({"id", "count", "neighbours"})
    for _ in range(2):
        assert TREE.wire_keys(data, names) == {"ID", "treeid", "Stats"}
        assert TREE.wire_keys(data, frozenset({"id"})) == {"ID", "treeid"}


def test_more_shapes_than_a_server_has_are_decoded_too() -> None:
    decoder = Decoder(Leaf, {"name": text("Name")}, required=("name",))
    try:
        for n in range(MAX_SHAPES + 5):
            assert decoder({"Name": "x", f"k{n}": n}).name == "x"
        assert len(decoder._functions) == MAX_SHAPES
        for n in range(MAX_SHAPES + 5):
            assert decoder.extra({"Name": "x", f"k{n}": n}) == {f"k{n}": n}
            assert decoder.wire_keys({"Name": "x", f"k{n}": n}, frozenset({"name"})) == {"Name"}
    finally:
        Leaf.decoder = LEAF


def test_a_key_is_never_run_as_code() -> None:
    key = "Name'] or __import__('os').abort() or data['"
    assert TREE({"Id": 1, key: "x", "Name\n": 2, "\ud800": 3}).id == 1


def test_mappings_that_are_no_dict() -> None:
    class Mine(dict[str, Any]):
        pass

    assert TREE(Mine(FULL)) == TREE(FULL)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["1", "Oak", "2030-01-02T03:04:05Z", 1, 2**63, -1])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "name", "Count", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from([k for key in FULL for k in (key, key.lower())] + ["TreeId", "Other"])


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=8) | JSON, st.booleans())
def test_both_paths_agree_on_anything(data: Any, complete: bool) -> None:
    if complete and isinstance(data, dict):
        data = {**FULL, **data}
    assert_paths_agree(TREE, data)


def test_a_wire_may_be_written_by_hand() -> None:
    wire = Wire(("Name",), lambda value: value.strip(), null="")
    decoder = Decoder(Leaf, {"name": wire})
    try:
        assert decoder({"Name": " x "}).name == "x"
        assert decoder({"Name": None}).name == ""
    finally:
        Leaf.decoder = LEAF


def test_items_of_one_shape_do_not_change_each_other() -> None:
    first, second = TREE({"Id": 1}), TREE({"Id": 2})
    assert isinstance(first._unsent, frozenset)
    first._unsent -= {"planted"}
    assert first.was_sent("planted")
    assert not second.was_sent("planted")
    assert not TREE({"Id": 3}).was_sent("planted")
