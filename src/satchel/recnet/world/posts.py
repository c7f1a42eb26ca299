"""Invented events, images and inventions: reference sections 5.3 to 5.6 and 5.9."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from satchel.recnet.world.codes import BROADCAST, IMAGE_TYPES, PERMISSIONS, RESPONSE_TYPES
from satchel.recnet.world.people import ABSENT, DAY, DELETED_ACCOUNTS, EPOCH, NOW, Record
from satchel.recnet.world.people import image_name as file_name

FIRST_EVENT: Final = 5100
FIRST_IMAGE: Final = 61_001
FIRST_INVENTION: Final = 3400
LONG_EVENT: Final = 6_123_000_000_000_000_001
LONG_INVENTION: Final = 7_345_000_000_000_000_001
YEAR_ONE: Final = "0001-01-01T00:00:00Z"

# Wire cost and documented percentage: the vectors of reference section 5.9.
COSTS: Final[tuple[tuple[int | None, float], ...]] = (
    (211, 0.7),
    (0, 0.0),
    (None, 0.0),
    (75, 0.2),
    (105, 0.3),
    (135, 0.5),
    (300, 1.0),
    (348, 1.2),
    (11859, 39.5),
    (14949, 49.8),
)
_MODERN: Final = (
    "is_multi_instance",
    "support_multi_instance_room_chat",
    "default_broadcast_permissions",
    "can_request_broadcast_permissions",
)
_TYPES: Final = tuple(IMAGE_TYPES)
_REMARKS: Final = ("What a fold!", "Très chic ⛵", "Berth taken?", "“Nice”", "好き")


def event_ids(count: int) -> list[int]:
    """Short ids and, for every sixth, an id of nineteen digits."""
    return [LONG_EVENT + i if i % 6 == 5 else FIRST_EVENT + i for i in range(count)]


def invention_ids(count: int) -> list[int]:
    """Short ids and, for every sixth, an id of nineteen digits."""
    return [LONG_INVENTION + i if i % 6 == 5 else FIRST_INVENTION + i for i in range(count)]


def event(
    index: int, id_: int, *, accounts: Sequence[int], room: Record, rng: Random, count: int
) -> Record:
    """One event; the first half of a world's events has ended at the world's now."""
    start = NOW + (index - count // 2) * 9 * 3_600 - 5_400
    broadcasts = list(BROADCAST)
    record: Record = {
        "id": id_,
        "creator_player_id": accounts[index * 11 % len(accounts)],
        "image_name": file_name("event", rng, index) if index % 3 == 1 else None,
        "room_id": room["id"],
        "subroom_id": room["subrooms"][0]["subroom_id"] if index % 2 else None,
        "club": 900 + index if index % 5 == 3 else None,
        "name": f"Paper Boat Race {index}" if index % 4 else f"Fête des Lampions {index}",
        "description": (None, "", f"Bring paper. Heat {index}.")[index % 3],
        "start_time": start,
        "end_time": start + 5_400,
        "attendee_count": 0,
        "accessibility": {3: "Private", 7: "Unlisted"}.get(index % 10, "Public"),
        "is_multi_instance": index % 2 == 1,
        "support_multi_instance_room_chat": index % 4 == 1,
        "default_broadcast_permissions": broadcasts[index % 3],
        "can_request_broadcast_permissions": broadcasts[(index + 1) % 3],
    }
    if index == 11:
        record["default_broadcast_permissions"] = "Unknown (512)"
    if index == 12:  # the event as it was in 2021
        record.update(dict.fromkeys(_MODERN))
    return record


def event_quirks(index: int) -> Record:
    """The event as it was in 2021 lacks four keys."""
    names = (
        "IsMultiInstance",
        "SupportMultiInstanceRoomChat",
        "DefaultBroadcastPermissions",
        "CanRequestBroadcastPermissions",
    )
    return dict.fromkeys(names, ABSENT) if index == 12 else {}


def responses(index: int, event: Record, accounts: Sequence[int]) -> list[Record]:
    """An event's responses by CreatedAt ascending, one of them of a deleted account."""
    kinds = list(RESPONSE_TYPES)
    found = [
        {
            "created_at": event["start_time"] - (20 - n) * 3_600,
            "player_event_id": event["id"],
            "player_id": accounts[(index * 5 + n * 3) % len(accounts)],
            "type": kinds[(index + n) % len(kinds)],
        }
        for n in range(index % 8)
    ]
    if index == 2:
        found[-1]["player_id"] = min(DELETED_ACCOUNTS)
    return found


def image(
    index: int,
    *,
    accounts: Sequence[int],
    rooms: Sequence[int],
    events: Sequence[int],
    rng: Random,
    step: int,
) -> Record:
    """One image. Ids and times rise together, as in the captures."""
    pick = rng.random
    with_event = events and index % 7 == 4
    tagged = index % 4
    return {
        "id": FIRST_IMAGE + index,
        "type": "Unknown (9)" if index == 13 else _TYPES[index % 8 if index % 50 < 8 else 1],
        "accessibility": "Public" if index % 41 != 17 else ("Private", "Unlisted")[index // 41 % 2],
        "accessibility_locked": index % 9 == 8,
        "image_name": file_name("synth", rng, index),
        "description": (f"Pier {index} ⚓" if index % 12 else "") if index % 6 == 0 else None,
        "player_id": accounts[int(pick() * len(accounts))],
        "tagged_player_ids": list(
            dict.fromkeys(accounts[int(pick() * len(accounts))] for _ in range(tagged))
        ),
        "room_id": None if index % 250 == 19 else rooms[int(pick() * len(rooms))],
        "player_event_id": events[int(pick() * len(events))] if with_event else None,
        "created_at": EPOCH + index * step,
        "cheer_count": 0,
        "comment_count": 0,
    }


def cheers(index: int, accounts: Sequence[int], rng: Random) -> list[int]:
    """The accounts that cheered an image; most images have none."""
    if index == 0:
        return [accounts[0], min(DELETED_ACCOUNTS)]
    if index % 5 not in (0, 2):
        return []
    many = min(1 + int(rng.random() ** 3 * 12), len(accounts))
    first = int(rng.random() * len(accounts))
    return [accounts[(first + n) % len(accounts)] for n in range(many)]


def comments(index: int, image_id: int, accounts: Sequence[int], rng: Random) -> list[Record]:
    """The comments on an image; the first image has two of one account, one of a deleted one."""
    if index == 0:
        players = [accounts[0], accounts[0], min(DELETED_ACCOUNTS)]
    else:
        many = (index % 11 == 5) + 2 * (index % 33 == 5)
        players = [accounts[int(rng.random() * len(accounts))] for _ in range(many)]
    return [
        {
            "saved_image_comment_id": image_id * 10 + n,
            "saved_image_id": image_id,
            "player_id": player,
            "comment": _REMARKS[(index + n) % len(_REMARKS)],
        }
        for n, player in enumerate(players)
    ]


def invention(
    index: int, id_: int, *, accounts: Sequence[int], rooms: Sequence[int], rng: Random
) -> Record:
    """One invention, with the nulls of reference section 5.9."""
    words = [str(word) for word in PERMISSIONS]
    created = EPOCH + index * 15_485_863 % (100 * DAY)
    published = index % 5 != 3
    return {
        "id": id_,
        "creator_player_id": accounts[index * 13 % len(accounts)],
        "name": f"Desk Lamp {index}" if index % 3 else f"Lámpara {index}",
        "description": None if index == 4 else f"glows, variant {index}",
        "image_name": file_name("inv", rng, index) if index != 9 else None,
        "current_version_number": 1 + index % 4,
        "current_version": _version(index, id_) if index != 7 else None,
        "accessibility": {12: "Private", 14: "Unlisted"}.get(index % 20, "Public"),
        "is_published": published,
        "is_featured": published and index % 4 == 1,
        "modified_at": created + 3 * DAY,
        "created_at": created,
        "first_published_at": created + DAY if published else None,
        "creation_room_id": None if index == 6 else rooms[index * 3 % len(rooms)],
        "num_players_have_used_in_room": index * 24,
        "num_downloads": index * 37 % 101,
        "cheer_count": index * 5 % 17,
        "creator_permission": words[-1 - index % 8],
        "general_permission": words[index % 8],
        "is_ag_invention": index % 10 == 8,
        "is_certified_invention": index % 9 == 2,
        "price": (0, None, None, None, 250)[index % 5],
        "allow_trial": index % 2 == 0,
        "hide_from_player": index % 7 == 5,
        "tags": _invention_tags(index),
    }


def invention_quirks(index: int) -> Record:
    """An unpublished invention with the zero date of .NET instead of null (section 7)."""
    return {"FirstPublishedAt": YEAR_ONE} if index == 3 else {}


def _version(index: int, id_: int) -> dict[str, Any]:
    return {
        "invention_id": id_,
        "version_number": 1 + index % 4,
        "instantiation_cost": COSTS[index % len(COSTS)][1],
        "lights_cost": index % 3,
        "chips_cost": index * 2,
        "cloud_variables_cost": index % 2,
    }


def _invention_tags(index: int) -> list[Record]:
    kinds = ("General", "Auto", "AG Only", "Banned")
    return [{"tag": f"lamp{n}", "type": kinds[(index + n) % 4]} for n in range(index % 3)]
