"""Which keys a wire object has, in which dialect, and what they are made of: reference section 5.

A row is the wire key, where the value comes from (a documented attribute, or a function of the
record), how it is written, and the dialects that send it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from satchel.recnet.world import codes
from satchel.recnet.world.people import DAY, Record


class Field(NamedTuple):
    """One key of a wire object."""

    key: str
    source: str | Callable[[Record], Any]
    write: Callable[[Any], Any] | None = None
    is_date: bool = False


class Table(NamedTuple):
    """Fields by how they are written, so that writing an object takes few steps."""

    plain: tuple[tuple[str, str], ...]
    words: tuple[tuple[str, str, Callable[[Any], Any]], ...]
    made: tuple[tuple[str, Callable[[Record], Any]], ...]
    dates: tuple[Field, ...]

    @classmethod
    def of(cls, fields: Sequence[Field]) -> Table:
        """The table of some fields."""
        kept = [field for field in fields if not field.is_date]
        return cls(
            tuple((f.key, f.source) for f in kept if isinstance(f.source, str) and not f.write),
            tuple(
                (f.key, f.source, f.write) for f in kept if isinstance(f.source, str) and f.write
            ),
            tuple((f.key, f.source) for f in kept if not isinstance(f.source, str)),
            tuple(field for field in fields if field.is_date),
        )


def enum(table: Mapping[str | None, int]) -> Callable[[Any], Any]:
    """Writes a word as its number."""
    return lambda word: codes.to_code(word, table)


def mask(table: Sequence[str]) -> Callable[[Any], Any]:
    """Writes words as bits."""
    return lambda names: codes.to_mask(names, table)


def date(key: str, source: str | Callable[[Record], Any]) -> Field:
    """A time, written with 0 to 7 digits of a second (section 7)."""
    return Field(key, source, None, True)


def plain(pairs: str) -> list[Field]:
    """Fields that are sent as they are: ``"WireKey:attribute OtherKey:other"``."""
    return [Field(key, source) for key, source in (pair.split(":") for pair in pairs.split())]


def constant(key: str, value: Any) -> Field:
    """A key that always has the same value here; it has no documented attribute."""
    return Field(key, lambda record: value)


_ACCESS: Final = Field("Accessibility", "accessibility", enum(codes.ACCESSIBILITY))

# Reference section 5.1
_ACCOUNT: Final = plain(
    "accountId:id username:username displayName:display_name profileImage:profile_image "
    "bannerImage:banner_image"
)
_ACCOUNT_MASKS: Final = [
    Field("platforms", "platforms", mask(codes.PLATFORMS)),
    Field("personalPronouns", "personal_pronouns", mask(codes.PRONOUNS)),
    Field("identityFlags", "identity_flags", mask(codes.IDENTITY_FLAGS)),
    date("createdAt", "created_at"),
]
ACCOUNT_LEGACY: Final = Table.of([*_ACCOUNT, *plain("isJunior:is_junior"), *_ACCOUNT_MASKS])
ACCOUNT_PUBLIC: Final = Table.of(
    [
        *_ACCOUNT,
        *_ACCOUNT_MASKS,
        Field("displayEmoji", lambda record: "⛵" if record["id"] % 4 == 0 else None),
        constant("isMetaPlatformBlocked", False),
    ]
)

# Reference section 5.2
PROGRESSION: Final = Table.of(plain("PlayerId:player_id Level:level XP:xp"))

# Reference section 5.3
_EVENT: Final = [
    *plain(
        "PlayerEventId:id CreatorPlayerId:creator_player_id ImageName:image_name RoomId:room_id"
    ),
    *plain("ClubId:club Name:name Description:description"),
    date("StartTime", "start_time"),
    date("EndTime", "end_time"),
    *plain("AttendeeCount:attendee_count"),
]
EVENT_PUBLIC: Final = Table.of(_EVENT)
EVENT_LEGACY: Final = Table.of(
    [
        *_EVENT[:4],
        *plain("SubRoomId:subroom_id"),
        *_EVENT[4:],
        constant("State", 0),
        _ACCESS,
        *plain("IsMultiInstance:is_multi_instance"),
        *plain("SupportMultiInstanceRoomChat:support_multi_instance_room_chat"),
        Field(
            "DefaultBroadcastPermissions", "default_broadcast_permissions", enum(codes.BROADCAST)
        ),
        Field(
            "CanRequestBroadcastPermissions",
            "can_request_broadcast_permissions",
            enum(codes.BROADCAST),
        ),
    ]
)

# Reference section 5.4
RESPONSE: Final = Table.of(
    [
        *plain("PlayerEventId:player_event_id PlayerId:player_id"),
        date("CreatedAt", "created_at"),
        Field("Type", "type", enum(codes.RESPONSE_TYPES)),
    ]
)

# Reference section 5.5
_IMAGE: Final = [
    *plain(
        "Id:id ImageName:image_name Description:description PlayerId:player_id "
        "RoomId:room_id PlayerEventId:player_event_id"
    ),
    date("CreatedAt", "created_at"),
    *plain("CheerCount:cheer_count CommentCount:comment_count"),
]
IMAGE_PUBLIC: Final = Table.of(_IMAGE)
IMAGE_LEGACY: Final = Table.of(
    [
        _IMAGE[0],
        Field("Type", "type", enum(codes.IMAGE_TYPES)),
        _ACCESS,
        *plain("AccessibilityLocked:accessibility_locked"),
        *_IMAGE[1:4],
        *plain("TaggedPlayerIds:tagged_player_ids"),
        *_IMAGE[4:],
    ]
)

# Reference section 5.6
COMMENT_LEGACY: Final = Table.of(
    plain(
        "SavedImageCommentId:saved_image_comment_id SavedImageId:saved_image_id "
        "PlayerId:player_id Comment:comment"
    )
)

# Reference section 5.7
_WARNINGS: Final = [
    Field("WarningMask", "warnings", mask(codes.WARNINGS)),
    *plain("CustomWarning:custom_warning CreatorAccountId:creator_account_id"),
]
_SUPPORTS: Final = plain(
    "SupportsScreens:supports_screens SupportsWalkVR:supports_walk_vr "
    "SupportsTeleportVR:supports_teleport_vr SupportsVRLow:supports_vr_low "
    "SupportsQuest2:supports_quest_two SupportsMobile:supports_mobile "
    "SupportsJuniors:supports_juniors MinLevel:min_level"
)
_VOTING: Final = plain("SupportsLevelVoting:supports_level_voting IsRRO:is_rro")
_STATS: Final = plain(
    "CheerCount:cheer_count FavoriteCount:favorite_count VisitorCount:visitor_count "
    "VisitCount:visit_count"
)
_STATS_FIELD: Final = Field(
    "Stats", lambda record: {field.key: record[str(field.source)] for field in _STATS}
)
ROOM_LEGACY: Final = Table.of(
    [
        *plain("RoomId:id IsDorm:is_dorm"),
        Field("MaxPlayerCalculationMode", "max_player_calculation_mode", enum(codes.PLAYER_MODES)),
        *plain(
            "MaxPlayers:max_players CloningAllowed:cloning_allowed "
            "DisableMicAutoMute:disable_mic_auto_mute DisableRoomComments:disable_room_comments "
            "EncryptVoiceChat:encrypted_voice_chat ToxmodEnabled:voice_moderated "
            "LoadScreenLocked:load_screen_locked Name:name Description:description "
            "ImageName:image_name"
        ),
        *_WARNINGS,
        Field("State", "state", enum(codes.ROOM_STATES)),
        _ACCESS,
        *_VOTING,
        *_SUPPORTS,
        date("CreatedAt", "created_at"),
        _STATS_FIELD,
    ]
)
ROOM_PUBLIC: Final = Table.of(
    [
        *plain("RoomId:id Name:name Description:description ImageName:image_name"),
        *_WARNINGS,
        constant("PublishState", 1),
        *_VOTING,
        constant("IsRecRoomApproved", False),
        constant("ExcludeFromLists", False),
        constant("ExcludeFromSearch", False),
        *_SUPPORTS,
        constant("AgeRating", 0),
        date("CreatedAt", "created_at"),
        date(
            "PublishedAt", lambda record: record["created_at"] + DAY if record["id"] % 2 else None
        ),
        constant("BecameRRStudioRoomAt", None),
        _STATS_FIELD,
        *plain("IsDorm:is_dorm"),
        constant("IsPlacePlay", False),
        *plain("MaxPlayers:max_players"),
        constant("UgcSubVersion", None),
        constant("MinUgcSubVersion", None),
        Field("BoostCount", lambda record: record["id"] % 5),
    ]
)

# Reference section 5.8
SUBROOM_FLAGS: Final = Table.of(
    plain(
        "SupportsJoinInProgress:supports_join_in_progress "
        "UseLevelBasedMatchmaking:use_level_based_matchmaking "
        "UseAgeBasedMatchmaking:use_age_based_matchmaking "
        "UseRecRoyaleMatchmaking:use_rec_royale_matchmaking"
    )
)
_SUBROOM: Final = [
    *plain("SubRoomId:subroom_id RoomId:room_id Name:name IsSandbox:is_sandbox"),
    *plain("MaxPlayers:max_players"),
    _ACCESS,
]
SUBROOM_PUBLIC: Final = Table.of([*_SUBROOM, constant("LastModeratedSaveModerationState", 0)])
SUBROOM_LEGACY: Final = Table.of(
    [
        *_SUBROOM,
        Field("UnitySceneId", lambda part: f"00000000-0000-4000-8000-{part['subroom_id']:012d}"),
        Field("DataBlob", lambda part: f"{part['subroom_id']}.room"),
        Field("DataBlobHash", lambda part: f"{part['subroom_id']:x}"),
        constant("DataSavedAt", "2030-03-01T10:00:00.5Z"),
    ]
)
ROLE: Final = Table.of(
    [
        *plain("AccountId:account_id Role:id LastChangedByAccountId:last_changed_by_account_id"),
        Field("InvitedRole", "invited_role", enum(codes.ROLES)),
    ]
)
TAG: Final = Table.of([*plain("Tag:tag"), Field("Type", "type", enum(codes.TAG_TYPES))])
PROMO: Final = Table.of(
    [Field("Type", "type", enum(codes.PROMO_TYPES)), *plain("Reference:reference")]
)
SCORE: Final = Table.of(
    plain("RoomId:room_id VisitType:visit_type Score:score BackupScore:backup_score")
)
LOAD_SCREEN: Final = Table.of(plain("ImageName:image_name Title:title Subtitle:subtitle"))

# Reference section 5.9
_REPLICATION: Final = Field("ReplicationId", lambda record: f"inv-synth-{record['id']}")
INVENTION_HEAD: Final = Table.of(
    [
        *plain("InventionId:id"),
        _REPLICATION,
        *plain(
            "CreatorPlayerId:creator_player_id Name:name Description:description "
            "ImageName:image_name CurrentVersionNumber:current_version_number"
        ),
    ]
)
INVENTION_TAIL: Final = Table.of(
    [
        _ACCESS,
        *plain("IsPublished:is_published IsFeatured:is_featured"),
        date("ModifiedAt", "modified_at"),
        date("CreatedAt", "created_at"),
        date("FirstPublishedAt", "first_published_at"),
        *plain(
            "CreationRoomId:creation_room_id NumDownloads:num_downloads CheerCount:cheer_count "
            "NumPlayersHaveUsedInRoom:num_players_have_used_in_room"
        ),
        Field("CreatorPermission", "creator_permission", enum(codes.PERMISSIONS)),
        Field("GeneralPermission", "general_permission", enum(codes.PERMISSIONS)),
        *plain(
            "IsAGInvention:is_ag_invention IsCertifiedInvention:is_certified_invention "
            "Price:price AllowTrial:allow_trial HideFromPlayer:hide_from_player"
        ),
    ]
)
VERSION: Final = Table.of(
    [
        *plain("InventionId:invention_id"),
        Field("ReplicationId", lambda part: f"inv-synth-{part['invention_id']}"),
        *plain("VersionNumber:version_number"),
        constant("BlobName", "b.inv"),
        constant("BlobHash", None),
        Field("InstantiationCost", lambda part: round(part["instantiation_cost"] * 300)),
        *plain(
            "LightsCost:lights_cost ChipsCost:chips_cost CloudVariablesCost:cloud_variables_cost"
        ),
    ]
)
