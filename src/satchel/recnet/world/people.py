"""Invented accounts: the documented attributes of reference sections 5.1 and 5.2."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from satchel.recnet.world.codes import IDENTITY_FLAGS, PLATFORMS, PRONOUNS

Record = dict[str, Any]
Quirks = dict[tuple[str, int], Record]


class Absent:
    """Marks a key that the wire object lacks."""


ABSENT: Final = Absent()
DAY: Final = 86_400
EPOCH: Final = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
NOW: Final = int(datetime(2030, 6, 1, 12, tzinfo=UTC).timestamp())

FIRST_ACCOUNT: Final = 7001
DELETED_ACCOUNTS: Final = frozenset({990_000_001, 990_000_002})

# Kept for juniors, so that a crawl's output can be searched for what it must not contain.
_JUNIOR_FLAG: Final = IDENTITY_FLAGS[-1]
_JUNIOR_PRONOUNS: Final = PRONOUNS[-1]

_ADJECTIVES: Final = ("sample", "paper", "quiet", "amber", "tidy", "brisk", "velvet", "copper")
_ANIMALS: Final = ("otter", "heron", "badger", "lynx", "finch", "newt", "marten")
_DISPLAY: Final = {7: "Zoë Ōtter", 12: "紙の船 ⛵", 16: "Мила Пример", 20: 'O\'Sample "Quote" <b>'}


def is_junior(index: int) -> bool:
    """Every ninth account is a junior's."""
    return index % 9 == 6


def account_ids(count: int) -> list[int]:
    """Small ids and, for every fifth, an id of nine digits."""
    return [FIRST_ACCOUNT + i + (400_000_000 if i % 5 == 4 else 0) for i in range(count)]


def image_name(kind: str, rng: Random, index: int) -> str:
    """An opaque file name: 25 characters, or 32 hexadecimal digits with or without suffix."""
    digits = f"{rng.getrandbits(128):032x}"
    match index % 10:
        case 3:
            return digits
        case 7:
            return digits + ".jpg"
    return f"{kind}{digits}"[:25] + ".jpg"


def account(index: int, id_: int, rng: Random) -> Record:
    """One account, with the account's traps of reference section 5.1."""
    record: Record = {
        "id": id_,
        "username": _username(index),
        "display_name": _DISPLAY.get(index, _username(index).replace("_", " ").title()),
        "profile_image": image_name("face", rng, index),
        "banner_image": image_name("banner", rng, index) if index not in (2, 3) else None,
        "is_junior": False,
        "platforms": _platforms(index, rng),
        "personal_pronouns": _some(PRONOUNS[:-1], index, rest=2),
        "identity_flags": _some(IDENTITY_FLAGS[:-1], index, rest=1),
        "created_at": EPOCH + index * 7_919 % (90 * DAY),
        "bio": _bio(index),
        "level": {"player_id": id_, "level": 1 + index * 7 % 50, "xp": index * 37 % 900},
        "subscriber_count": 0 if index % 6 == 5 else index * 613 % 4_000,
        "is_influencer": index % 8 == 1,
    }
    if is_junior(index):
        record.update(_junior(index))
    if index == 9:  # the account as it was in 2021
        record.update(dict.fromkeys(("platforms", "personal_pronouns", "identity_flags")))
    return record


def quirks(index: int) -> Record:
    """What this account's wire object has otherwise than its truth would be rendered."""
    bent: dict[int, Record] = {
        2: {"bannerImage": ABSENT},
        4: {"isJunior": None},
        9: {"platforms": ABSENT, "personalPronouns": ABSENT, "identityFlags": ABSENT},
        11: {"platforms": 1 | 1 << 20},
    }
    return bent.get(index, {})


def is_pascal(index: int) -> bool:
    """Whether the public dialect sends it as in September 2023: PascalCase keys, US dates."""
    return index == 10


def secrets(record: Record) -> list[str]:
    """The strings of a junior's account that no careful output may contain."""
    texts = ("username", "display_name", "profile_image", "banner_image", "bio")
    return [record[name] for name in texts]


def junior_words() -> list[str]:
    """The identity flag and the pronouns that only juniors have in this world."""
    return [_JUNIOR_FLAG, _JUNIOR_PRONOUNS]


def _username(index: int) -> str:
    adjective = _ADJECTIVES[index % len(_ADJECTIVES)]
    animal = _ANIMALS[index % len(_ANIMALS)]
    lap = index // (len(_ADJECTIVES) * len(_ANIMALS))
    return f"{adjective}_{animal}" + (f"_{lap}" if lap else "")


def _platforms(index: int, rng: Random) -> list[str]:
    if index == 5:
        return list(PLATFORMS)
    if index == 11:
        return [PLATFORMS[0]]
    if index in (12, 13):
        return [PLATFORMS[0], PLATFORMS[index - 4]]
    chosen = {PLATFORMS[index % 8], PLATFORMS[rng.randrange(8)]}
    return [] if index == 14 else [name for name in PLATFORMS if name in chosen]


def _some(table: tuple[str, ...], index: int, rest: int) -> list[str]:
    if index % 3 != rest:
        return []
    first = index // 3 % len(table)
    return list(table[first : first + 1 + index % 2])


def _bio(index: int) -> str | None:
    match index % 7:
        case 1:
            return None
        case 2:
            return ""
        case 3:
            return f"Folds paper boats ⛵\nBerth no. {index}"
    return f"Collects sample pebbles, shelf {index}."


def _junior(index: int) -> Record:
    return {
        "username": f"juniorsecret_user_{index}",
        "display_name": f"JuniorSecretName{index}",
        "profile_image": f"juniorsecretface{index:08d}.jpg",
        "banner_image": f"juniorsecretbanner{index:06d}.jpg",
        "is_junior": True,
        "personal_pronouns": [_JUNIOR_PRONOUNS],
        "identity_flags": [_JUNIOR_FLAG],
        "bio": f"juniorsecret-bio-{index}: likes puddles",
    }
