"""RecNet's JSON → items, and nothing else (reference sections 5 to 7).

One decoder for each documented class, then a reader for each kind of answer. Both dialects are
read by the same tables: a key that a dialect lacks leaves its field ``None`` and not sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from satchel import answers
from satchel.answers import Page
from satchel.decode import (
    Decoder,
    Wire,
    flag,
    integer,
    integers,
    mask,
    number,
    part,
    parts,
    text,
    texts,
    unix,
    word,
)
from satchel.errors import DecodeError
from satchel.items import Item
from satchel.recnet.items import (
    Account,
    Comment,
    Event,
    EventInteraction,
    Image,
    Invention,
    InventionVersion,
    LoadScreen,
    Progression,
    PromoExternalContent,
    Role,
    Room,
    Score,
    SubRoom,
    Tag,
)
from satchel.recnet.values import (
    ACCESSIBILITY,
    BROADCAST_PERMISSIONS,
    IDENTITY_FLAGS,
    IMAGE_TYPES,
    INTERACTION_TYPES,
    INVENTION_PERMISSIONS,
    MAX_PLAYER_CALCULATION_MODES,
    PERSONAL_PRONOUNS,
    PLATFORMS,
    PROMO_CONTENT_TYPES,
    ROLES,
    ROOM_STATES,
    TAG_TYPES,
    WARNINGS,
)

_whole: Final[Callable[[Any], int]] = integer().convert

INK: Final = 300
"""What costs one percent of a room's ink (reference section 5.9)."""


def _ink(key: str) -> Wire:
    return Wire((key,), lambda cost: round(_whole(cost) / INK, 1), null=0.0)


def _stat(key: str) -> Wire:
    return integer(key, within="Stats")


ACCOUNT: Final = Decoder(
    Account,
    {
        "id": integer("accountId"),
        "username": text("username"),
        "display_name": text("displayName"),
        "profile_image": text("profileImage"),
        "banner_image": text("bannerImage"),
        "is_junior": flag("isJunior", null=False),
        "platforms": mask(PLATFORMS, "platforms"),
        "personal_pronouns": mask(PERSONAL_PRONOUNS, "personalPronouns"),
        "identity_flags": mask(IDENTITY_FLAGS, "identityFlags"),
        "created_at": unix("createdAt"),
    },
)

PROGRESSION: Final = Decoder(
    Progression,
    {"player_id": integer("PlayerId"), "level": integer("Level"), "xp": integer("XP")},
)

EVENT: Final = Decoder(
    Event,
    {
        "id": integer("PlayerEventId"),
        "creator_player_id": integer("CreatorPlayerId"),
        "room_id": integer("RoomId"),
        "subroom_id": integer("SubRoomId"),
        "club": integer("ClubId"),
        "name": text("Name"),
        "description": text("Description"),
        "image_name": text("ImageName"),
        "start_time": unix("StartTime"),
        "end_time": unix("EndTime"),
        "attendee_count": integer("AttendeeCount"),
        "accessibility": word(ACCESSIBILITY, "Accessibility"),
        "is_multi_instance": flag("IsMultiInstance"),
        "support_multi_instance_room_chat": flag("SupportMultiInstanceRoomChat"),
        "default_broadcast_permissions": word(BROADCAST_PERMISSIONS, "DefaultBroadcastPermissions"),
        "can_request_broadcast_permissions": word(
            BROADCAST_PERMISSIONS, "CanRequestBroadcastPermissions"
        ),
    },
)

EVENT_INTERACTION: Final = Decoder(
    EventInteraction,
    {
        "player_event_id": integer("PlayerEventId"),
        "player_id": integer("PlayerId"),
        "type": word(INTERACTION_TYPES, "Type"),
        "created_at": unix("CreatedAt"),
    },
)

IMAGE: Final = Decoder(
    Image,
    {
        "id": integer("Id", "SavedImageId"),
        "image_name": text("ImageName"),
        "description": text("Description"),
        "type": word(IMAGE_TYPES, "Type", "SavedImageType"),
        "accessibility": word(ACCESSIBILITY, "Accessibility"),
        "accessibility_locked": flag("AccessibilityLocked"),
        "player_id": integer("PlayerId"),
        "tagged_player_ids": integers("TaggedPlayerIds"),
        "room_id": integer("RoomId"),
        "player_event_id": integer("PlayerEventId"),
        "created_at": unix("CreatedAt"),
        "cheer_count": integer("CheerCount"),
        "comment_count": integer("CommentCount"),
    },
)

COMMENT: Final = Decoder(
    Comment,
    {
        "saved_image_comment_id": integer("SavedImageCommentId"),
        "saved_image_id": integer("SavedImageId"),
        "player_id": integer("PlayerId"),
        "comment": text("Comment"),
    },
)

SUB_ROOM: Final = Decoder(
    SubRoom,
    {
        "subroom_id": integer("SubRoomId"),
        "room_id": integer("RoomId"),
        "accessibility": word(ACCESSIBILITY, "Accessibility"),
        "max_players": integer("MaxPlayers"),
        "is_sandbox": flag("IsSandbox"),
        "supports_join_in_progress": flag("SupportsJoinInProgress"),
        "use_age_based_matchmaking": flag("UseAgeBasedMatchmaking"),
        "use_level_based_matchmaking": flag("UseLevelBasedMatchmaking"),
        "use_rec_royale_matchmaking": flag("UseRecRoyaleMatchmaking"),
    },
)

ROLE: Final = Decoder(
    Role,
    {
        "id": integer("Role"),
        "name": word(ROLES, "Role"),
        "invited_role": word(ROLES, "InvitedRole"),
        "account_id": integer("AccountId"),
        "last_changed_by_account_id": integer("LastChangedByAccountId"),
    },
    required=("account_id",),
)

TAG: Final = Decoder(Tag, {"tag": text("Tag"), "type": word(TAG_TYPES, "Type")}, required=("tag",))

PROMO_EXTERNAL_CONTENT: Final = Decoder(
    PromoExternalContent,
    {"type": word(PROMO_CONTENT_TYPES, "Type"), "reference": text("Reference")},
    required=("reference",),
)

SCORE: Final = Decoder(
    Score,
    {
        "room_id": integer("RoomId"),
        "visit_type": integer("VisitType"),
        "score": number("Score"),
        "backup_score": number("BackupScore"),
    },
    required=("room_id",),
)

LOAD_SCREEN: Final = Decoder(
    LoadScreen,
    {"image_name": text("ImageName"), "title": text("Title"), "subtitle": text("Subtitle")},
    required=("image_name",),
)

ROOM: Final = Decoder(
    Room,
    {
        "id": integer("RoomId"),
        "name": text("Name"),
        "description": text("Description"),
        "image_name": text("ImageName"),
        "creator_account_id": integer("CreatorAccountId"),
        "created_at": unix("CreatedAt"),
        "state": word(ROOM_STATES, "State"),
        "accessibility": word(ACCESSIBILITY, "Accessibility"),
        "warnings": mask(WARNINGS, "WarningMask"),
        "custom_warning": text("CustomWarning"),
        "is_dorm": flag("IsDorm"),
        "is_rro": flag("IsRRO"),
        "max_players": integer("MaxPlayers"),
        "max_player_calculation_mode": word(
            MAX_PLAYER_CALCULATION_MODES, "MaxPlayerCalculationMode"
        ),
        "min_level": integer("MinLevel"),
        "cloning_allowed": flag("CloningAllowed"),
        "disable_mic_auto_mute": flag("DisableMicAutoMute"),
        "disable_room_comments": flag("DisableRoomComments"),
        "encrypted_voice_chat": flag("EncryptVoiceChat"),
        "voice_moderated": flag("ToxmodEnabled"),
        "load_screen_locked": flag("LoadScreenLocked"),
        "supports_level_voting": flag("SupportsLevelVoting"),
        "supports_screens": flag("SupportsScreens"),
        "supports_walk_vr": flag("SupportsWalkVR"),
        "supports_teleport_vr": flag("SupportsTeleportVR"),
        "supports_vr_low": flag("SupportsVRLow"),
        "supports_quest_two": flag("SupportsQuest2"),
        "supports_mobile": flag("SupportsMobile"),
        "supports_juniors": flag("SupportsJuniors"),
        "cheer_count": _stat("CheerCount"),
        "favorite_count": _stat("FavoriteCount"),
        "visitor_count": _stat("VisitorCount"),
        "visit_count": _stat("VisitCount"),
        "subrooms": parts(SUB_ROOM, "SubRooms"),
        "roles": parts(ROLE, "Roles"),
        "tags": parts(TAG, "Tags"),
        "promo_images": texts("PromoImages"),
        "promo_external_content": parts(PROMO_EXTERNAL_CONTENT, "PromoExternalContent"),
        "scores": parts(SCORE, "Scores"),
        "load_screens": parts(LOAD_SCREEN, "LoadScreens"),
    },
)

INVENTION_VERSION: Final = Decoder(
    InventionVersion,
    {
        "invention_id": integer("InventionId"),
        "version_number": integer("VersionNumber"),
        "instantiation_cost": _ink("InstantiationCost"),
        "lights_cost": integer("LightsCost"),
        "chips_cost": integer("ChipsCost"),
        "cloud_variables_cost": integer("CloudVariablesCost"),
    },
)

INVENTION: Final = Decoder(
    Invention,
    {
        "id": integer("InventionId"),
        "creator_player_id": integer("CreatorPlayerId"),
        "creation_room_id": integer("CreationRoomId"),
        "name": text("Name"),
        "description": text("Description"),
        "image_name": text("ImageName"),
        "accessibility": word(ACCESSIBILITY, "Accessibility"),
        "created_at": unix("CreatedAt"),
        "modified_at": unix("ModifiedAt"),
        "first_published_at": unix("FirstPublishedAt"),
        "is_published": flag("IsPublished"),
        "is_featured": flag("IsFeatured"),
        "is_ag_invention": flag("IsAGInvention"),
        "is_certified_invention": flag("IsCertifiedInvention"),
        "price": integer("Price"),
        "allow_trial": flag("AllowTrial"),
        "hide_from_player": flag("HideFromPlayer"),
        "creator_permission": word(INVENTION_PERMISSIONS, "CreatorPermission"),
        "general_permission": word(INVENTION_PERMISSIONS, "GeneralPermission"),
        "num_downloads": integer("NumDownloads"),
        "num_players_have_used_in_room": integer("NumPlayersHaveUsedInRoom"),
        "cheer_count": integer("CheerCount"),
        "current_version_number": integer("CurrentVersionNumber"),
        "current_version": part(INVENTION_VERSION, "CurrentVersion"),
    },
)


# Whole answers: bytes in, values out. Empty, ``null`` and ``{}`` mean "nothing" (reference
# section 3); what is none of the expected forms raises DecodeError.

T = TypeVar("T", bound=Item)


def read_object(decoder: Decoder[T], body: bytes, client: Any = None) -> T | None:
    """One item; ``None`` when there is nothing."""
    value = answers.parse(decoder.cls.__name__, body)
    return None if value is None else decoder(value, client)


def read_list(decoder: Decoder[T], body: bytes, client: Any = None) -> Page[T]:
    """A list of items, bare or in the envelope of room searches. A bad row harms no other."""
    expected = f"list of {decoder.cls.__name__}"
    rows = value = answers.parse(expected, body)
    total = None
    if isinstance(value, dict):
        rows = answers.member(expected, value, "Results")
        total = answers.count(answers.lowered(value).get("totalresults"))
    return answers.page(decoder, answers.rows(expected, rows), client, total=total)


def read_ids(body: bytes) -> list[int]:
    """A list of ids, such as who cheered an image."""
    return answers.each("list of ids", answers.parse("list of ids", body), _whole)


def read_value(body: bytes) -> int | bool | None:
    """A bare number or boolean, such as a count of subscribers."""
    expected = "number or boolean"
    value = answers.parse(expected, body)
    if value is None:
        return None
    if isinstance(value, bool):
        return value
    if not isinstance(value, int):
        raise DecodeError(expected, f"got {type(value).__name__}")
    return answers.converted(expected, _whole, value)


def read_bio(body: bytes) -> str | None:
    """A player's bio. It is not an item, so no privacy gate has seen it."""
    value = answers.parse("bio", body)
    if value is None:
        return None
    answers.member("bio", value, "accountId")
    bio = answers.lowered(value).get("bio")
    if bio is not None and not isinstance(bio, str):
        raise DecodeError("bio", f"got {type(bio).__name__}")
    return bio


def read_featured(body: bytes) -> list[int]:
    """The ids of the featured rooms, in their order (reference section 5.10)."""
    return _ids("featured rooms", "Rooms", "RoomId", body)


def read_creators(body: bytes) -> list[int]:
    """The ids of the accounts with the most subscribers (reference section 4.1)."""
    return _ids("club subscriptions", None, "accountId", body)


def read_tags(body: bytes) -> list[Tag]:
    """The tags of an invention, from its details (reference section 4.5)."""
    value = answers.parse("invention's details", body)
    rows = None if value is None else answers.member("invention's details", value, "Tags")
    return [TAG(row) for row in answers.rows("invention's details", rows)]


def _ids(expected: str, within: str | None, key: str, body: bytes) -> list[int]:
    """What each row of a list has under *key*."""
    rows = answers.parse(expected, body)
    if within is not None and rows is not None:
        rows = answers.member(expected, rows, within)
    return answers.each(
        expected,
        [answers.member(expected, row, key) for row in answers.rows(expected, rows)],
        _whole,
    )
