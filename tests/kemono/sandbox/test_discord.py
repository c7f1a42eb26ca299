"""Discord servers, channels and messages: reference section 13."""

from __future__ import annotations

import re

import pytest

from visits import WORLD, Visit, Visitor

SERVER = "80000000"
FULL, EXACT, THREAD, EMPTY = WORLD.channels


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


def channel(id_: str, query: str = "") -> str:
    return f"/api/v1/discord/channel/{id_}{query}"


def test_channels_of_a_server(visitor: Visitor) -> None:
    rows = visitor.read(f"/api/v1/discord/channel/lookup/{SERVER}")
    assert [row["id"] for row in rows] == [FULL, EXACT, THREAD, EMPTY]
    assert set(rows[0]) == {"id", "name"}
    server = visitor.read(f"/api/v1/discord/server/{SERVER}")
    assert set(server) == {"id", "name", "indexed", "updated", "channels"}
    found = {row["id"]: row for row in server["channels"]}
    assert found[THREAD]["parent_channel_id"] == FULL
    assert found[THREAD]["post_count"] is None
    assert found[FULL]["post_count"] == 151
    for path in ("lookup", "server"):
        path = path.replace("lookup", "channel/lookup")
        assert visitor.get(f"/api/v1/discord/{path}/404").status == 404


@pytest.mark.parametrize(
    ("id_", "sizes"), [(FULL, [150, 1]), (EXACT, [150, 0]), (THREAD, [3, 0]), (EMPTY, [0, 0])]
)
def test_messages_come_in_pages_the_oldest_first(
    visitor: Visitor, id_: str, sizes: list[int]
) -> None:
    pages = [visitor.read(channel(id_, query)) for query in ("", "?o=150")]
    assert [len(page) for page in pages] == sizes
    rows = [row for page in pages for row in page]
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    assert all(row["channel"] == id_ for row in rows)


def test_messages_are_no_posts(visitor: Visitor) -> None:
    rows = visitor.read(channel(FULL))
    names = "added attachments author channel content edited embeds id mentions published"
    assert sorted(rows[0]) == [*names.split(), "revisions", "seq", "server"]
    assert any(row["content"] is None for row in rows)
    found = (re.search(r"\.(\d+)$", row["published"]) for row in rows)
    assert {len(fraction[1]) for fraction in found if fraction} == {3, 6}


def test_offsets_and_channels_that_are_not_there(visit: Visit, visitor: Visitor) -> None:
    assert visitor.get(channel("404")).status == 404
    assert visitor.read(channel(FULL, "?o=50")) == []
    assert visit(off_step="400").get(channel(FULL, "?o=50")).status == 400
    assert visit(profile="classic").get(channel(FULL)).status == 404
