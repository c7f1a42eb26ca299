"""Invented rooms: the documented attributes of reference sections 5.7 and 5.8."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from satchel.recnet.world.codes import (
    PLAYER_MODES,
    PROMO_TYPES,
    ROLES,
    ROOM_STATES,
    TAG_TYPES,
    WARNINGS,
)
from satchel.recnet.world.people import ABSENT, DAY, DELETED_ACCOUNTS, EPOCH, Record, image_name

FIRST_ROOM: Final = 8200
LONG_ID: Final = 8_947_000_000_000_000_001
_PRIVATE: Final = frozenset({5, 17, 29})
_ADJECTIVES: Final = ("Paper", "Lantern", "Café", "Pebble", "Marble", "Tin", "Willow", "紙の")
_NOUNS: Final = ("Harbor", "Maze", "Garden", "Station", "Arcade", "Märchen", "Lookout")
_STATS: Final = ("cheer_count", "favorite_count", "visitor_count", "visit_count")


def room_ids(count: int) -> list[int]:
    """Short ids and, for every fifth, an id of nineteen digits."""
    return [LONG_ID + i if i % 5 == 4 else FIRST_ROOM + i for i in range(count)]


def is_private(index: int) -> bool:
    """Whether the room answers 404 to everybody."""
    return index % 40 in _PRIVATE


def room(
    index: int, id_: int, *, accounts: Sequence[int], rooms: Sequence[int], rng: Random
) -> Record:
    """One room with all that can be included."""
    creator = accounts[index * 7 % len(accounts)]
    masks = _warnings(index)
    record: Record = {
        "id": id_,
        "is_dorm": index % 13 == 12,
        "max_player_calculation_mode": list(PLAYER_MODES)[index % 2],
        "max_players": 4 + index % 37,
        "cloning_allowed": index % 3 == 0,
        "disable_mic_auto_mute": index % 4 == 1,
        "disable_room_comments": index % 5 == 2,
        "encrypted_voice_chat": index % 6 == 3,
        "voice_moderated": index % 2 == 0 if index != 10 else None,
        "load_screen_locked": index % 7 == 4,
        "name": _name(index),
        "description": "" if index % 6 == 5 else f"Synthetic room {index}: naïve & “quoted”",
        "image_name": image_name("room", rng, index) if index % 11 != 6 else None,
        "warnings": masks,
        "custom_warning": _custom_warning(index, masks),
        "creator_account_id": creator,
        "state": _state(index),
        "accessibility": _accessibility(index),
        "supports_level_voting": index % 9 == 0,
        "is_rro": index % 10 == 9,
        "supports_screens": index % 8 != 3,
        "supports_walk_vr": index % 8 != 4,
        "supports_teleport_vr": index % 8 != 5,
        "supports_vr_low": index % 8 != 6,
        "supports_quest_two": index % 8 != 7,
        "supports_mobile": index % 8 != 2,
        "supports_juniors": index % 8 != 1,
        "min_level": index % 4 * 5,
        "created_at": EPOCH + index * 104_729 % (120 * DAY),
        "cheer_count": rng.randrange(400),
        "favorite_count": rng.randrange(300),
        "visitor_count": rng.randrange(5_000),
        "visit_count": 2_345_678_901 if index == 0 else rng.randrange(9_000),
        "subrooms": _subrooms(index, id_, rooms),
        "roles": _roles(index, creator, accounts),
        "tags": _tags(index),
        "promo_images": [image_name("promo", rng, n) for n in range(index % 3)],
        "promo_external_content": _promo(index),
        "scores": _scores(index, id_),
        "load_screens": _load_screens(index, rng),
    }
    if index == 11:  # a room whose Stats are not sent
        record.update(dict.fromkeys(_STATS))
    return record


def quirks(index: int, record: Record) -> Record:
    """What this room's wire object has otherwise than its truth would be rendered."""
    created = datetime.fromtimestamp(record["created_at"], UTC)
    bent: dict[int, Record] = {
        8: {"WarningMask": 1 | 1 << 9},
        9: {"CreatedAt": f"{created:%Y-%m-%dT%H:%M:%S}.25"},
        10: {"ToxmodEnabled": ABSENT},
        11: {"Stats": ABSENT},
    }
    return bent.get(index, {})


def _name(index: int) -> str:
    adjective = _ADJECTIVES[index % len(_ADJECTIVES)]
    noun = _NOUNS[index % len(_NOUNS)]
    lap = index // (len(_ADJECTIVES) * len(_NOUNS))
    return f"{adjective}{noun}" + (str(lap) if lap else "")


def _warnings(index: int) -> list[str]:
    if index == 8:
        return [WARNINGS[0]]
    if index % 10 == 7:
        return [WARNINGS[2], WARNINGS[5]]
    if index % 10 == 3:
        return [WARNINGS[index // 10 % 6]]
    return list(WARNINGS[index % 3 :: 3]) if index % 10 == 1 else []


def _custom_warning(index: int, warnings: Sequence[str]) -> str | None:
    if "Custom" in warnings:
        return f"Loud horns at berth {index}"
    return "" if index % 4 == 2 else None


def _state(index: int) -> str:
    states = [str(word) for word in ROOM_STATES]
    return states[index - 20] if 20 < index < 26 else states[0]


def _accessibility(index: int) -> str:
    if is_private(index):
        return "Private"
    return "Unlisted" if index % 12 == 7 else "Public"


def _subrooms(index: int, room_id: int, rooms: Sequence[int]) -> list[Record]:
    # A cloned room keeps a subroom that names the room it was cloned from.
    owner = rooms[0] if index == 3 else room_id
    levels = ("Public", "Private", "Unlisted", "Unknown (3)", "Unknown (4)")
    return [
        {
            "subroom_id": 30_000 + index * 10 + n,
            "room_id": owner if n == 0 else room_id,
            "name": "Home" if n == 0 else f"Deck {n}",
            "is_sandbox": n == 0,
            "max_players": 8 + n,
            "accessibility": levels[(index + n) % 5] if n else "Public",
            "supports_join_in_progress": index % 2 == 0,
            "use_level_based_matchmaking": index % 3 == 1,
            "use_age_based_matchmaking": index % 4 == 2,
            "use_rec_royale_matchmaking": index % 5 == 3,
        }
        for n in range(1 + index % 3)
    ]


def _role(account: int, name: str, invited: str = "None", by: int | None = None) -> Record:
    return {
        "account_id": account,
        "id": ROLES[name],
        "name": name,
        "invited_role": invited,
        "last_changed_by_account_id": by,
    }


def _roles(index: int, creator: int, accounts: Sequence[int]) -> list[Record]:
    def other(offset: int) -> int:
        return accounts[(index * 7 + offset) % len(accounts)]

    roles = [_role(creator, "Owner")]
    if index == 0:
        roles.append(_role(min(DELETED_ACCOUNTS), "Moderator", by=max(DELETED_ACCOUNTS)))
    if index % 10 == 1:  # two owners, and a removed member
        roles += [_role(other(1), "Owner", by=creator), _role(other(2), "None", by=creator)]
    if index % 4 == 2:
        names = [name for name in ROLES if name not in (None, "Owner")]
        taken = names[index // 4 % len(names)]
        roles.append(_role(other(3), str(taken), invited="Co-Owner", by=other(4)))
    if index % 3 == 0:
        roles.append(_role(other(5), "Co-Owner", invited="Member", by=creator))
    return roles


def _tags(index: int) -> list[Record]:
    words = ("chill", "puzzle", "pvp", "art")
    kinds = list(TAG_TYPES)
    picks = [(index + n) % 4 for n in range(index % 4)]
    return [{"tag": words[pick], "type": kinds[pick]} for pick in picks]


def _promo(index: int) -> list[Record]:
    kind = next(iter(PROMO_TYPES))
    return [{"type": kind, "reference": f"SYNTHETIC{index:02d}"}] if index % 4 == 0 else []


def _scores(index: int, room_id: int) -> list[Record]:
    backups: tuple[Any, ...] = (None, 0.125, None)
    return [
        {
            "room_id": room_id,
            "visit_type": kind,
            "score": round((index * 7 % 16 + kind) / 16, 4),
            "backup_score": backups[kind],
        }
        for kind in range(index % 4)
        if kind < len(backups)
    ]


def _load_screens(index: int, rng: Random) -> list[Record]:
    return [
        {
            "image_name": image_name("load", rng, n),
            "title": "Ahoy" if n == 0 else None,
            "subtitle": f"Berth {index}" if n == 1 else None,
        }
        for n in range(index % 3)
    ]
