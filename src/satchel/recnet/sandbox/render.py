"""Truth records as wire JSON, in the full (legacy) or the reduced (public) shape.

Each object is encoded once and its bytes are kept, so that a page is a join.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Final, Literal

import msgspec.json

from satchel.recnet.sandbox import fields as rows
from satchel.recnet.world import ABSENT, Kind, Record, World

Dialect = Literal["legacy", "public"]
Variant = Literal["plain", "counted", "indexed"]
"""``counted``: an image with its true CommentCount. ``indexed``: the same, and dates of at most
three digits, as search, featured and global feed send them (reference sections 5.5 and 7)."""

encode: Final = msgspec.json.encode


def iso(unix: int | None, name: str, limit: int = 7) -> str | None:
    """A time with 0 to 7 digits of a second, zeros trimmed: reference section 7.

    How many digits, and which, follows from *name* alone.
    """
    if unix is None:
        return None
    salt = zlib.crc32(name.encode())
    digits = f"{salt:010d}"[-(salt % 8) :] if salt % 8 else ""
    fraction = digits[:limit].rstrip("0")
    days, seconds = divmod(unix, 86_400)
    text = f"{_day(days)}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


@cache
def _day(days: int) -> str:
    return f"{datetime.fromtimestamp(days * 86_400, UTC):%Y-%m-%dT}"


def write(record: Record, table: rows.Table, *, name: str = "", limit: int = 7) -> Record:
    """One wire object of *record*, by a table of reference section 5."""
    made: Record = {key: record[source] for key, source in table.plain}
    for key, source, convert in table.words:
        made[key] = convert(record[source])
    for key, make in table.made:
        made[key] = make(record)
    for key, find, _, _ in table.dates:
        unix = record[find] if isinstance(find, str) else find(record)
        made[key] = iso(unix, f"{name}:{key}", limit)
    return made


def account(record: Record, dialect: Dialect, limit: int = 7) -> Record:
    """Reference section 5.1."""
    fields = rows.ACCOUNT_LEGACY if dialect == "legacy" else rows.ACCOUNT_PUBLIC
    return write(record, fields, name=f"account:{record['id']}", limit=limit)


def event(record: Record, dialect: Dialect, limit: int = 7) -> Record:
    """Reference section 5.3. Events start at full seconds, mostly (section 7)."""
    fields = rows.EVENT_LEGACY if dialect == "legacy" else rows.EVENT_PUBLIC
    digits = limit if record["id"] % 8 == 3 else 0
    return write(record, fields, name=f"event:{record['id']}", limit=digits)


def image(record: Record, dialect: Dialect, limit: int = 7) -> Record:
    """Reference section 5.5."""
    fields = rows.IMAGE_LEGACY if dialect == "legacy" else rows.IMAGE_PUBLIC
    return write(record, fields, name=f"image:{record['id']}", limit=limit)


def room(record: Record, dialect: Dialect, limit: int = 7) -> Record:
    """Reference section 5.7, without what is included on demand."""
    fields = rows.ROOM_LEGACY if dialect == "legacy" else rows.ROOM_PUBLIC
    return write(record, fields, name=f"room:{record['id']}", limit=limit)


def includes(record: Record, dialect: Dialect, include: int) -> Record:
    """What the bits of *include* add to a room: reference sections 5.8 and 6.1."""
    made: Record = {}
    if include & 3:
        fields = rows.SUBROOM_LEGACY if dialect == "legacy" else rows.SUBROOM_PUBLIC
        made["SubRooms"] = [write(part, fields) for part in record["subrooms"]]
    if include & 2:
        for target, part in zip(made["SubRooms"], record["subrooms"], strict=True):
            target.update(write(part, rows.SUBROOM_FLAGS))
    if include & 4:
        made["Roles"] = [write(part, rows.ROLE) for part in record["roles"]]
    if include & 8:
        made["Tags"] = [write(part, rows.TAG) for part in record["tags"]]
    if include & 32:
        made["PromoImages"] = record["promo_images"]
        promos = record["promo_external_content"]
        made["PromoExternalContent"] = [write(part, rows.PROMO) for part in promos]
    if include & 64:
        made["Scores"] = [write(part, rows.SCORE) for part in record["scores"]]
    if include & 256:
        made["LoadScreens"] = [write(part, rows.LOAD_SCREEN) for part in record["load_screens"]]
    return made


def invention(record: Record, dialect: Dialect, limit: int = 7) -> Record:
    """Reference section 5.9. No reduced shape is known."""
    version = record["current_version"]
    name = f"invention:{record['id']}"
    return (
        write(record, rows.INVENTION_HEAD, name=name, limit=limit)
        | {"CurrentVersion": version and write(version, rows.VERSION)}
        | write(record, rows.INVENTION_TAIL, name=name, limit=limit)
    )


def comment(record: Record, dialect: Dialect) -> Record:
    """Reference section 5.6; the later keys stand in the public dialect."""
    made = write(record, rows.COMMENT_LEGACY)
    if dialect == "public":
        made |= {"CheerCount": 0, "CreatedAt": "2030-05-02T08:00:00.25Z"}
    return made


def response(record: Record, dialect: Dialect) -> Record:
    """Reference section 5.4."""
    name = f"response:{record['player_event_id']}:{record['player_id']}"
    number = zlib.crc32(name.encode())
    return {"PlayerEventResponseId": number} | write(record, rows.RESPONSE, name=name)


def invention_details(record: Record) -> Record:
    """Reference section 4.5, the details of an invention."""
    return {"Tags": [write(tag, rows.TAG) for tag in record["tags"]]}


def featured(world: World) -> Record:
    """Reference section 5.10."""
    rooms = [world.rooms[id_] for id_ in world.featured]
    return {
        "FeaturedRoomGroupId": 12,
        "Name": "Spring",
        "StartAt": iso(world.now - 3 * 86_400, "featured", 0),
        "EndAt": iso(world.now + 4 * 86_400, "featured", 0),
        "Rooms": [
            {"RoomId": room["id"], "RoomName": room["name"], "ImageName": room["image_name"]}
            for room in rooms
        ],
    }


_WRITERS: Final[dict[Kind, Callable[[Record, Dialect, int], Record]]] = {
    "accounts": account,
    "rooms": room,
    "events": event,
    "images": image,
    "inventions": invention,
}


class Renderer:
    """A world as bytes of JSON; what was encoded once is kept."""

    def __init__(self, world: World) -> None:
        self.world: Final = world
        self._kept: dict[tuple[Kind, Dialect, Variant], dict[int, bytes]] = {}

    def value(self, kind: Kind, id_: int, dialect: Dialect, variant: Variant = "plain") -> Record:
        """One wire object, with what its quirks make of it."""
        record = self.world.table(kind)[id_]
        limit = 3 if variant == "indexed" else 7
        made = _WRITERS[kind](record, dialect, limit)
        if kind == "images" and variant != "plain":
            made["CommentCount"] = len(record["comments"])
        if quirks := self.world.quirks.get((kind, id_)):
            _bend(made, quirks)
        if kind == "accounts" and dialect == "public" and id_ in self.world.pascal_accounts:
            made = _september_2023(made, record)
        return made

    def one(self, kind: Kind, id_: int, dialect: Dialect, variant: Variant = "plain") -> bytes:
        """One object as JSON."""
        return self.many(kind, (id_,), dialect, variant)[1:-1]

    def many(
        self, kind: Kind, ids: Iterable[int], dialect: Dialect, variant: Variant = "plain"
    ) -> bytes:
        """A list of objects as JSON, in the order of *ids*."""
        kept = self._kept.setdefault((kind, dialect, variant), {})
        found: list[bytes] = []
        for id_ in ids:
            if (body := kept.get(id_)) is None:
                body = kept[id_] = encode(self.value(kind, id_, dialect, variant))
            found.append(body)
        return b"[%b]" % b",".join(found)

    def room(self, id_: int, dialect: Dialect, include: int) -> bytes:
        """A room with what *include* asks for."""
        if not include:
            return self.one("rooms", id_, dialect)
        extra = includes(self.world.rooms[id_], dialect, include)
        return encode(self.value("rooms", id_, dialect) | extra)


def _september_2023(made: Record, record: Record) -> Record:
    """PascalCase keys and US dates, as for a week in the public dialect: section 5.1."""
    made["createdAt"] = f"{datetime.fromtimestamp(record['created_at'], UTC):%m/%d/%Y %I:%M:%S %p}"
    return {key[0].upper() + key[1:]: value for key, value in made.items()}


def _bend(made: Record, quirks: Record) -> None:
    """Replace or drop keys where the object, or the version that it nests, has them."""
    for target in (made, made.get("CurrentVersion") or {}):
        for key in quirks.keys() & target.keys():
            if quirks[key] is ABSENT:
                del target[key]
            else:
                target[key] = quirks[key]
