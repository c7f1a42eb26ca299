"""Trees of relations, from the paths of ``include=``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from satchel.errors import ArgumentError
from satchel.recnet import Account, Event, Image, Room
from satchel.relations import Tree
from satchel.testing import command, crawl


def tree(*paths: str) -> Tree:
    built = Tree(Image)
    for path in paths:
        built.add(path)
    return built


def test_paths_share_their_beginning() -> None:
    built = tree("room.creator_account", "room.events.responses", "player", "room")
    assert set(built.branches) == {"room", "player"}
    room = built.branches["room"]
    assert room is not None
    assert room.cls is Room
    assert set(room.branches) == {"creator_account", "events"}
    assert {cls.__name__ for cls in built.types()} == {
        "Room", "Account", "Event", "EventInteraction"
    }  # fmt: skip


def test_relations_to_no_items_have_no_branch() -> None:
    built = Tree(Account)
    built.add("bio")
    assert built.branches == {"bio": None}
    assert built.types() == frozenset()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("playr", "Image has no playr; did you mean player? (known: cheer_player_ids,"),
        ("room.creator", "Room has no creator; did you mean creator_account? (known:"),
        ("player.bio.length", "Account.bio leads to no items, so to no length"),
        ("player.", "Account has no relation without a name"),
        (".player", "Image has no relation without a name"),
    ],
)
def test_mistakes(path: str, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        tree(path).settle({})


@pytest.mark.parametrize(
    ("spider", "include", "error"),
    [
        ("recnet-images", "playr", "include=playr: Image has no playr; did you mean player?"),
        ("recnet-rooms", "role", "include=role: Room has no role; did you mean roles?"),
        ("recnet-events", "room.xyz", "include=room.xyz: Room has no xyz"),
    ],
)
def test_a_name_that_is_unknown(spider: str, include: str, error: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        crawl(spider, {"SATCHEL_SANDBOX": True}, ids="1", include=include)
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_relation_that_the_dialect_lacks() -> None:
    settings = {"SATCHEL_SANDBOX": True, "SATCHEL_RECNET_DIALECT": "public"}
    with pytest.raises(ArgumentError, match=r"include: images\.of_player is not offered"):
        crawl("recnet-images", settings, ids="1", include="player.feed")


def test_a_mistake_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = satchel.settings\n")
    words = ["crawl", "recnet-images", "-a", "ids=1", "-a", "include=x", "-s", "SATCHEL_SANDBOX=1"]
    done = command("scrapy", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "Image has no x" in done.stderr
    assert "Traceback" not in done.stderr


def test_schema_shows_relations(tmp_path: Path) -> None:
    done = command("satchel", "schema", "Event", cwd=tmp_path)
    relations = json.loads(done.stdout)["relations"]
    assert relations["room"] == {
        "description": "The room that the event takes place in; ``None`` when it is private.",
        "method": "get_room",
        "leads_to": "Room",
    }
    assert set(relations) == {"creator_player", "images", "responders", "responses", "room"}
    assert Event.get_room.__doc__ is not None


@pytest.mark.parametrize(
    "paths", ["player", "player,room.creator_account", "room.events.creator_player,room.images"]
)
def test_a_tree_is_shown_as_it_is_written(paths: str) -> None:
    tree = Tree(Image)
    for path in paths.split(","):
        tree.add(path)
    assert str(tree) == paths
