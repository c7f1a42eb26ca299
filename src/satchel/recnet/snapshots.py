"""What was kept of the public pages of rooms and events."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from satchel.items import link
from satchel.recnet.items import Event, RecNetItem, Room
from satchel.recnet.settings import RecNetSettings

_SHOWN: Final = {
    Room: ("name", "description", "image_name", "creator_account_id", "warnings", "custom_warning"),
    Event: (
        "name",
        "description",
        "image_name",
        "creator_player_id",
        "room_id",
        "start_time",
        "end_time",
    ),
}
"""The fields of an item that its page shows, without those that change all the time."""


class _Carrier(RecNetItem):
    """An item that carries a file, which is no field of it."""

    __slots__ = ("_content",)

    def carry(self, content: bytes) -> None:
        """Give it the file."""
        self._content = content

    def take(self) -> bytes:
        """Take the file; empty: it has none."""
        content: bytes = getattr(self, "_content", b"")
        self._content = b""
        return content


@dataclass(slots=True, init=False)
class Snapshot(_Carrier):
    """A file with the public page of a room or an event, as it looked at one time."""

    key = ("kind", "id", "version", "format")

    kind: str | None = None
    """What the page shows: room or event."""
    id: int | None = link()
    """Id of that."""
    version: str | None = None
    """Which version of it: a word that differs when what people wrote about it does."""
    format: str | None = None
    """What kind of file it is: png, pdf or html."""
    path: str | None = None
    """Where the file is."""
    url: str | None = None
    """The address of the page."""
    width: int | None = None
    """Pixels of the window."""
    height: int | None = None
    """Pixels of the whole page."""
    size: int | None = None
    """Bytes of the file."""
    taken_at: int | None = None
    """When it was taken, in UNIX seconds."""


def of(item: Room | Event, site: str) -> Snapshot:
    """The snapshot of an item's page that is to be taken, without the format.

    :param site: the address of the website
    """
    kind = "room" if isinstance(item, Room) else "event"
    last = quote(str(item.name if kind == "room" else item.id), safe="")
    return Snapshot(
        kind=kind, id=item.id, version=version_of(item), url=f"{site.rstrip('/')}/{kind}/{last}"
    )


def addresses(settings: RecNetSettings) -> tuple[str, ...]:
    """Where rooms and events have their pages, below which those may be kept."""
    site = settings.site or settings.url
    return tuple(f"{site.rstrip('/')}/{kind}" for kind in ("room", "event")) if site else ()


def version_of(item: Room | Event) -> str:
    """A word for what people wrote: the same word, the same page, but for its counters."""
    values = [getattr(item, name) for name in _SHOWN[type(item)]]
    text = json.dumps(values, ensure_ascii=False).encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest()
