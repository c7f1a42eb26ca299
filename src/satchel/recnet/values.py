"""The numbers of RecNet's enumerations and bitmasks, and the documented words for them.

``None`` as a word is where the seed documents Python's ``None``; a role's ``"None"`` is a string
there (reference section 6.3). Words that the seed does not have yet are from later clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Enumerations (reference section 6.3): code → word.

ACCESSIBILITY: Final[Mapping[int, str]] = MappingProxyType(
    {0: "Private", 1: "Public", 2: "Unlisted"}
)

BROADCAST_PERMISSIONS: Final[Mapping[int, str | None]] = MappingProxyType(
    {0: None, 256: "Room Owners", 2147483647: "All"}
)

INTERACTION_TYPES: Final[Mapping[int, str | None]] = MappingProxyType(
    {-1: None, 0: "Attending", 1: "May Attend", 2: "Not Attending", 3: "Pending"}
)

IMAGE_TYPES: Final[Mapping[int, str | None]] = MappingProxyType(
    {
        0: None,
        1: "Share Camera",
        2: "Outfit Thumbnail",
        3: "Room Thumbnail",
        4: "Profile Thumbnail",
        5: "Invention Thumbnail",
        6: "Player Event Thumbnail",
        7: "Room Load Screen",
    }
)

ROOM_STATES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Active",
        11: "Junior Pending",
        100: "Moderation Pending",
        101: "Moderation Closed",
        102: "Moderation Banned",
        255: "Marked For Delete",
    }
)

MAX_PLAYER_CALCULATION_MODES: Final[Mapping[int, str]] = MappingProxyType(
    {0: "All Subrooms", 1: "Only Entry Subrooms"}
)

ROLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "None",
        1: "Banned",
        10: "Member",
        20: "Moderator",
        25: "Contributor",
        30: "Co-Owner",
        31: "Temporary Co-Owner",
        255: "Owner",
    }
)

TAG_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {0: "General", 1: "Auto", 2: "AG Only", 3: "Banned"}
)

PROMO_CONTENT_TYPES: Final[Mapping[int, str]] = MappingProxyType({0: "YouTube"})

INVENTION_PERMISSIONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Unassigned",
        10: "Limited One Use Only",
        15: "Disallow Key Lock",
        20: "Use Only",
        40: "Edit and Save",
        60: "Publish",
        80: "Charge",
        100: "Unlimited",
    }
)


def _bits(*words: str) -> Mapping[int, str]:
    return MappingProxyType({1 << position: word for position, word in enumerate(words)})


# Masks (reference section 6.2): bit → word, in the order of the bits.

PLATFORMS: Final = _bits(
    "Steam",
    "Meta",
    "PlayStation",
    "Xbox",
    "RecNet",
    "iOS",
    "Android",
    "Standalone",
    "Pico",
    "Nintendo",
)

PERSONAL_PRONOUNS: Final = _bits(
    "She / her", "He / him", "They / them", "Ze / hir", "Ze / zir", "Xe / xem"
)

IDENTITY_FLAGS: Final = _bits(
    "LGBTQIA",
    "Transgender",
    "Bisexual",
    "Lesbian",
    "Pansexual",
    "Asexual",
    "Intersex",
    "Genderqueer",
    "Nonbinary",
    "Aromantic",
)

# The seed lists "Custom" first; captured masks show that it is the last bit.
WARNINGS: Final = _bits(
    "Spooky/scary themes",
    "Mature themes",
    "Bright/flashing lights",
    "Intense motion",
    "Gore/violence",
    "Custom",
)
