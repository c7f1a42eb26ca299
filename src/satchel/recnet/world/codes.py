"""Numbers on the wire and their documented words: reference section 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# Reference section 6.2: the position in the tuple is the bit.
PLATFORMS: Final = (
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
PRONOUNS: Final = (
    "She / her",
    "He / him",
    "They / them",
    "Ze / hir",
    "Ze / zir",
    "Xe / xem",
)
IDENTITY_FLAGS: Final = (
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
WARNINGS: Final = (
    "Spooky/scary themes",
    "Mature themes",
    "Bright/flashing lights",
    "Intense motion",
    "Gore/violence",
    "Custom",
)

# Reference section 6.3. None stands where the documentation says None; roles say 'None'.
ACCESSIBILITY: Final[Mapping[str | None, int]] = {"Private": 0, "Public": 1, "Unlisted": 2}
BROADCAST: Final[Mapping[str | None, int]] = {None: 0, "Room Owners": 256, "All": 2147483647}
RESPONSE_TYPES: Final[Mapping[str | None, int]] = {
    None: -1,
    "Attending": 0,
    "May Attend": 1,
    "Not Attending": 2,
    "Pending": 3,
}
IMAGE_TYPES: Final[Mapping[str | None, int]] = {
    None: 0,
    "Share Camera": 1,
    "Outfit Thumbnail": 2,
    "Room Thumbnail": 3,
    "Profile Thumbnail": 4,
    "Invention Thumbnail": 5,
    "Player Event Thumbnail": 6,
    "Room Load Screen": 7,
}
ROOM_STATES: Final[Mapping[str | None, int]] = {
    "Active": 0,
    "Junior Pending": 11,
    "Moderation Pending": 100,
    "Moderation Closed": 101,
    "Moderation Banned": 102,
    "Marked For Delete": 255,
}
PLAYER_MODES: Final[Mapping[str | None, int]] = {"All Subrooms": 0, "Only Entry Subrooms": 1}
ROLES: Final[Mapping[str | None, int]] = {
    "None": 0,
    "Banned": 1,
    "Member": 10,
    "Moderator": 20,
    "Contributor": 25,
    "Co-Owner": 30,
    "Temporary Co-Owner": 31,
    "Owner": 255,
}
TAG_TYPES: Final[Mapping[str | None, int]] = {"General": 0, "Auto": 1, "AG Only": 2, "Banned": 3}
PROMO_TYPES: Final[Mapping[str | None, int]] = {"YouTube": 0}
PERMISSIONS: Final[Mapping[str | None, int]] = {
    "Unassigned": 0,
    "Limited One Use Only": 10,
    "Disallow Key Lock": 15,
    "Use Only": 20,
    "Edit and Save": 40,
    "Publish": 60,
    "Charge": 80,
    "Unlimited": 100,
}


def to_mask(names: Sequence[str] | None, table: Sequence[str]) -> int | None:
    """A list of names as a bit mask; a list of all names is sent as -1 (section 6.2)."""
    if names is None:
        return None
    if len(names) == len(table):
        return -1
    return sum(1 << table.index(name) for name in names)


def to_code(word: str | None, table: Mapping[str | None, int]) -> int:
    """A documented word as its number; "Unknown (3)" is the undocumented 3 (section 6.3)."""
    code = table.get(word)
    return int(str(word)[len("Unknown (") : -1]) if code is None else code
