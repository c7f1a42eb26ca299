from __future__ import annotations

import pytest

from satchel.items import with_values
from satchel.recnet import Event, Room, snapshots

ROOM = Room(id=7, name="Tin Café", description="a", visit_count=1, image_name="x.jpg")
EVENT = Event(id=9, name="Race", start_time=5, attendee_count=1)


def test_pages() -> None:
    taken = snapshots.of(ROOM, "http://a.example/")
    assert (taken.kind, taken.id, taken.url) == ("room", 7, "http://a.example/room/Tin%20Caf%C3%A9")
    taken = snapshots.of(EVENT, "http://a.example")
    assert (taken.kind, taken.id, taken.url) == ("event", 9, "http://a.example/event/9")


@pytest.mark.parametrize(
    ("item", "same", "other"),
    [
        (ROOM, {"visit_count": 2}, {"name": "x"}),
        (ROOM, {"cheer_count": 2}, {"warnings": ["Gore/violence"]}),
        (EVENT, {"attendee_count": 2}, {"start_time": 6}),
    ],
)
def test_counters_make_no_version(
    item: Room | Event, same: dict[str, object], other: dict[str, object]
) -> None:
    version = snapshots.version_of(item)
    assert snapshots.version_of(with_values(item, same)) == version  # type: ignore[arg-type]
    assert snapshots.version_of(with_values(item, other)) != version  # type: ignore[arg-type]
