"""Every shape, value and vector of the reference, in both dialects, and what is none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satchel.answers import Page
from satchel.decode import Decoder
from satchel.errors import DecodeError
from satchel.items import Item, field_names
from satchel.recnet import wire
from satchel.recnet.items import Account, Event, Image, Room, Tag
from satchel.recnet.wire import (
    ACCOUNT,
    COMMENT,
    EVENT,
    EVENT_INTERACTION,
    IMAGE,
    INVENTION,
    INVENTION_VERSION,
    LOAD_SCREEN,
    PROGRESSION,
    PROMO_EXTERNAL_CONTENT,
    ROLE,
    ROOM,
    SCORE,
    SUB_ROOM,
    TAG,
    read_bio,
    read_creators,
    read_featured,
    read_ids,
    read_list,
    read_object,
    read_tags,
    read_value,
)

ACCOUNT_L = {
    "accountId": 7001,
    "username": "sample_otter",
    "displayName": "Sample Otter",
    "profileImage": "aa11bb22cc33dd44ee55ff66.jpg",
    "bannerImage": "ba11ba22ba33ba44ba55ba66.jpg",
    "isJunior": False,
    "platforms": 99,
    "personalPronouns": 4,
    "identityFlags": 0,
    "createdAt": "2030-01-02T03:04:05.678901Z",
}
ACCOUNT_P = {key: value for key, value in ACCOUNT_L.items() if key != "isJunior"}

EVENT_L = {
    "PlayerEventId": 5100,
    "CreatorPlayerId": 7001,
    "ImageName": None,
    "RoomId": 8200,
    "SubRoomId": 8301,
    "ClubId": None,
    "Name": "Paper Boat Race",
    "Description": "",
    "StartTime": "2030-05-01T18:00:00Z",
    "EndTime": "2030-05-01T19:30:00Z",
    "AttendeeCount": 12,
    "State": 0,
    "Accessibility": 1,
    "IsMultiInstance": False,
    "SupportMultiInstanceRoomChat": False,
    "DefaultBroadcastPermissions": 0,
    "CanRequestBroadcastPermissions": 2147483647,
}
EVENT_ONLY_L = {
    "SubRoomId": "subroom_id",
    "State": None,
    "Accessibility": "accessibility",
    "IsMultiInstance": "is_multi_instance",
    "SupportMultiInstanceRoomChat": "support_multi_instance_room_chat",
    "DefaultBroadcastPermissions": "default_broadcast_permissions",
    "CanRequestBroadcastPermissions": "can_request_broadcast_permissions",
}
EVENT_P = {key: value for key, value in EVENT_L.items() if key not in EVENT_ONLY_L}

IMAGE_L = {
    "Id": 61001,
    "Type": 1,
    "Accessibility": 1,
    "AccessibilityLocked": False,
    "ImageName": "q1w2e3r4t5y6u7i8o9p0a1s2d.jpg",
    "Description": None,
    "PlayerId": 7001,
    "TaggedPlayerIds": [7001, 7002],
    "RoomId": 8200,
    "PlayerEventId": None,
    "CreatedAt": "2030-05-01T18:22:33.1234567Z",
    "CheerCount": 3,
    "CommentCount": 0,
}
IMAGE_ONLY_L = {
    "Type": "type",
    "Accessibility": "accessibility",
    "AccessibilityLocked": "accessibility_locked",
    "TaggedPlayerIds": "tagged_player_ids",
}
IMAGE_P = {key: value for key, value in IMAGE_L.items() if key not in IMAGE_ONLY_L}

STATS = {"CheerCount": 14, "FavoriteCount": 11, "VisitorCount": 226, "VisitCount": 271}
ROOM_L = {
    "RoomId": 8200,
    "IsDorm": False,
    "MaxPlayerCalculationMode": 1,
    "MaxPlayers": 20,
    "CloningAllowed": False,
    "DisableMicAutoMute": False,
    "DisableRoomComments": False,
    "EncryptVoiceChat": False,
    "ToxmodEnabled": True,
    "LoadScreenLocked": False,
    "Name": "PaperHarbor",
    "Description": "Synthetic room",
    "ImageName": "room00000000000000000001.jpg",
    "WarningMask": 36,
    "CustomWarning": "Loud horns",
    "CreatorAccountId": 7001,
    "State": 0,
    "Accessibility": 1,
    "SupportsLevelVoting": False,
    "IsRRO": False,
    "SupportsScreens": True,
    "SupportsWalkVR": True,
    "SupportsTeleportVR": True,
    "SupportsVRLow": True,
    "SupportsQuest2": True,
    "SupportsMobile": True,
    "SupportsJuniors": True,
    "MinLevel": 0,
    "CreatedAt": "2030-02-03T04:05:06.0070809Z",
    "Stats": STATS,
}
ROOM_P = {
    "RoomId": 8947000000000000001,
    "Name": "PaperHarbor",
    "Description": "Synthetic room",
    "ImageName": "room00000000000000000001.jpg",
    "WarningMask": 0,
    "CustomWarning": None,
    "CreatorAccountId": 7001,
    "PublishState": 1,
    "SupportsLevelVoting": False,
    "IsRRO": False,
    "IsRecRoomApproved": False,
    "ExcludeFromLists": False,
    "ExcludeFromSearch": False,
    "SupportsScreens": True,
    "SupportsWalkVR": True,
    "SupportsTeleportVR": True,
    "SupportsVRLow": True,
    "SupportsQuest2": True,
    "SupportsMobile": True,
    "SupportsJuniors": True,
    "MinLevel": 0,
    "AgeRating": 0,
    "CreatedAt": "2030-02-03T04:05:06.0070809Z",
    "PublishedAt": "2030-02-04T00:00:00Z",
    "BecameRRStudioRoomAt": None,
    "Stats": STATS,
    "IsDorm": False,
    "IsPlacePlay": False,
    "MaxPlayers": 20,
    "UgcSubVersion": None,
    "MinUgcSubVersion": None,
    "BoostCount": 2,
}
NOT_IN_ROOM_P = (
    "max_player_calculation_mode",
    "cloning_allowed",
    "disable_mic_auto_mute",
    "disable_room_comments",
    "encrypted_voice_chat",
    "voice_moderated",
    "load_screen_locked",
    "state",
    "accessibility",
)
INCLUDED: dict[str, list[Any]] = {
    "SubRooms": [
        {
            "SupportsJoinInProgress": True,
            "UseLevelBasedMatchmaking": False,
            "UseAgeBasedMatchmaking": False,
            "UseRecRoyaleMatchmaking": False,
            "SubRoomId": 8301,
            "RoomId": 8200,
            "UnitySceneId": "00000000-0000-4000-8000-000000000001",
            "Name": "Home",
            "DataBlob": "x.room",
            "DataBlobHash": "0f",
            "DataSavedAt": "2030-03-01T10:00:00.5Z",
            "IsSandbox": True,
            "MaxPlayers": 20,
            "Accessibility": 1,
        }
    ],
    "Roles": [{"AccountId": 7001, "Role": 255, "LastChangedByAccountId": None, "InvitedRole": 0}],
    "Tags": [{"Tag": "chill", "Type": 0}],
    "PromoImages": ["promo0000000000000000001.jpg"],
    "PromoExternalContent": [{"Type": 0, "Reference": "SYNTHETIC01"}],
    "Scores": [{"RoomId": 8200, "VisitType": 0, "Score": 0.4375, "BackupScore": None}],
    "LoadScreens": [
        {"ImageName": "load00000000000000000001.jpg", "Title": "Ahoy", "Subtitle": None}
    ],
}
INVENTION_L: dict[str, Any] = {
    "InventionId": 3400,
    "ReplicationId": "inv-synth-1",
    "CreatorPlayerId": 7001,
    "Name": "Desk Lamp",
    "Description": "glows",
    "ImageName": "inv000000000000000000001.jpg",
    "CurrentVersionNumber": 1,
    "CurrentVersion": {
        "InventionId": 3400,
        "ReplicationId": "inv-synth-1",
        "VersionNumber": 1,
        "BlobName": "b.inv",
        "BlobHash": None,
        "InstantiationCost": 211,
        "LightsCost": 1,
        "ChipsCost": 0,
        "CloudVariablesCost": 0,
    },
    "Accessibility": 1,
    "IsPublished": True,
    "IsFeatured": False,
    "ModifiedAt": "2030-04-01T00:00:00.12Z",
    "CreatedAt": "2030-04-01T00:00:00Z",
    "FirstPublishedAt": "2030-04-02T00:00:00.123Z",
    "CreationRoomId": 8200,
    "NumPlayersHaveUsedInRoom": 24,
    "NumDownloads": 32,
    "CheerCount": 2,
    "CreatorPermission": 100,
    "GeneralPermission": 20,
    "IsAGInvention": False,
    "IsCertifiedInvention": False,
    "Price": None,
    "AllowTrial": True,
    "HideFromPlayer": False,
}
RESPONSE = {
    "PlayerEventResponseId": 1,
    "PlayerEventId": 5100,
    "PlayerId": 7001,
    "CreatedAt": "2030-04-01T00:00:00Z",
    "Type": 0,
}
COMMENT_L = {
    "SavedImageCommentId": 9,
    "SavedImageId": 61001,
    "PlayerId": 7001,
    "Comment": "hi",
    "CheerCount": 0,
}
SAMPLES: list[tuple[Decoder[Any], dict[str, Any]]] = [
    (ACCOUNT, ACCOUNT_L),
    (ACCOUNT, ACCOUNT_P),
    (PROGRESSION, {"PlayerId": 7001, "Level": 31, "XP": 120}),
    (EVENT, EVENT_L),
    (EVENT, EVENT_P),
    (EVENT_INTERACTION, RESPONSE),
    (IMAGE, IMAGE_L),
    (IMAGE, IMAGE_P),
    (COMMENT, COMMENT_L),
    (ROOM, ROOM_L),
    (ROOM, ROOM_P),
    (ROOM, {**ROOM_L, **INCLUDED}),
    (SUB_ROOM, INCLUDED["SubRooms"][0]),
    (ROLE, INCLUDED["Roles"][0]),
    (TAG, INCLUDED["Tags"][0]),
    (PROMO_EXTERNAL_CONTENT, INCLUDED["PromoExternalContent"][0]),
    (SCORE, INCLUDED["Scores"][0]),
    (LOAD_SCREEN, INCLUDED["LoadScreens"][0]),
    (INVENTION, INVENTION_L),
    (INVENTION_VERSION, INVENTION_L["CurrentVersion"]),
]
DECODERS = list({id(decoder): decoder for decoder, _ in SAMPLES}.values())


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def fields(item: Item) -> dict[str, Any]:
    """What the item has, without what is ``None``."""
    values = {name: getattr(item, name) for name in field_names(type(item))}
    return {name: value for name, value in values.items() if value is not None}


def patiently(decoder: Decoder[Any], data: Any) -> Any:
    item = object.__new__(decoder.cls)
    item.client = None
    decoder._patiently(item, data)
    if any(getattr(item, name) is None for name in decoder.required):
        raise DecodeError(decoder.cls.__name__, "required")
    return item


# Shapes


def test_account() -> None:
    assert fields(ACCOUNT(ACCOUNT_L)) == {
        "id": 7001,
        "username": "sample_otter",
        "display_name": "Sample Otter",
        "profile_image": "aa11bb22cc33dd44ee55ff66.jpg",
        "banner_image": "ba11ba22ba33ba44ba55ba66.jpg",
        "is_junior": False,
        "platforms": ["Steam", "Meta", "iOS", "Android"],
        "personal_pronouns": ["They / them"],
        "identity_flags": [],
        "created_at": 1893553445,
    }


def test_account_in_the_public_dialect() -> None:
    account = ACCOUNT(ACCOUNT_P)
    assert account.is_junior is None
    assert not account.was_sent("is_junior")
    assert ACCOUNT({**ACCOUNT_P, "isJunior": True}).is_junior is True


def test_null_junior_is_no_junior() -> None:
    account = ACCOUNT({**ACCOUNT_L, "isJunior": None})
    assert account.is_junior is False
    assert account.was_sent("is_junior")


def test_account_of_september_2023() -> None:
    data = {key[0].upper() + key[1:]: value for key, value in ACCOUNT_P.items()}
    data["CreatedAt"] = "09/04/2023 06:44:55 PM"
    account = ACCOUNT(data)
    assert account.created_at == 1693853095
    account.created_at = 1893553445
    assert account == ACCOUNT(ACCOUNT_P)


def test_event() -> None:
    assert fields(EVENT(EVENT_L)) == {
        "id": 5100,
        "creator_player_id": 7001,
        "room_id": 8200,
        "subroom_id": 8301,
        "name": "Paper Boat Race",
        "description": "",
        "start_time": 1903888800,
        "end_time": 1903894200,
        "attendee_count": 12,
        "accessibility": "Public",
        "is_multi_instance": False,
        "support_multi_instance_room_chat": False,
        "can_request_broadcast_permissions": "All",
    }
    assert EVENT(EVENT_L).was_sent("default_broadcast_permissions")
    assert EVENT(EVENT_L).was_sent("club")


@pytest.mark.parametrize(
    ("decoder", "data", "absent"),
    [
        (EVENT, EVENT_P, [field for field in EVENT_ONLY_L.values() if field]),
        (IMAGE, IMAGE_P, list(IMAGE_ONLY_L.values())),
        (ROOM, ROOM_P, list(NOT_IN_ROOM_P)),
    ],
)
def test_what_the_public_dialect_drops_is_none_and_not_sent(
    decoder: Decoder[Any], data: dict[str, Any], absent: list[str]
) -> None:
    item = decoder(data)
    for name in absent:
        assert getattr(item, name) is None
        assert not item.was_sent(name)
    sent = decoder.table.keys() - set(absent) - {"subrooms", "roles", "tags"}
    if decoder is not ROOM:
        assert all(item.was_sent(name) for name in sent)


def test_image() -> None:
    assert fields(IMAGE(IMAGE_L)) == {
        "id": 61001,
        "image_name": "q1w2e3r4t5y6u7i8o9p0a1s2d.jpg",
        "type": "Share Camera",
        "accessibility": "Public",
        "accessibility_locked": False,
        "player_id": 7001,
        "tagged_player_ids": [7001, 7002],
        "room_id": 8200,
        "created_at": 1903890153,
        "cheer_count": 3,
        "comment_count": 0,
    }


def test_image_of_a_compatible_server() -> None:
    image = IMAGE({"SavedImageId": 5, "SavedImageType": 2})
    assert (image.id, image.type) == (5, "Outfit Thumbnail")


def test_room() -> None:
    room = ROOM(ROOM_L)
    assert room.id == 8200
    assert room.is_dorm is False
    assert room.max_player_calculation_mode == "Only Entry Subrooms"
    assert room.voice_moderated is True
    assert room.encrypted_voice_chat is False
    assert room.warnings == ["Bright/flashing lights", "Custom"]
    assert room.state == "Active"
    assert room.created_at == 1896321906
    assert (room.cheer_count, room.favorite_count) == (14, 11)
    assert (room.visitor_count, room.visit_count) == (226, 271)
    assert all(room.was_sent(name) for name in ROOM.table if name not in _included())
    assert not any(room.was_sent(name) for name in _included())


def _included() -> set[str]:
    return {name for name, entry in ROOM.table.items() if entry.keys[0] in INCLUDED}


def test_room_in_the_public_dialect() -> None:
    room = ROOM(ROOM_P)
    assert room.id == 8947000000000000001
    assert room.warnings == []
    assert room.visit_count == 271
    assert ROOM.extra(ROOM_P) == {
        key: ROOM_P[key]
        for key in (
            "PublishState",
            "IsRecRoomApproved",
            "ExcludeFromLists",
            "ExcludeFromSearch",
            "AgeRating",
            "PublishedAt",
            "BecameRRStudioRoomAt",
            "IsPlacePlay",
            "UgcSubVersion",
            "MinUgcSubVersion",
            "BoostCount",
        )
    }


def test_room_without_stats() -> None:
    answers: list[dict[str, Any]] = [
        {},
        {"Stats": None},
        {"Stats": {}},
        {"Stats": {"VisitCount": 1}},
    ]
    for stats in answers:
        room = ROOM({"RoomId": 1, **stats})
        assert room.cheer_count is None
        assert not room.was_sent("cheer_count")


def test_included_parts() -> None:
    room = ROOM({**ROOM_L, **INCLUDED})
    assert room.subrooms is not None
    assert fields(room.subrooms[0]) == {
        "subroom_id": 8301,
        "room_id": 8200,
        "accessibility": "Public",
        "max_players": 20,
        "is_sandbox": True,
        "supports_join_in_progress": True,
        "use_age_based_matchmaking": False,
        "use_level_based_matchmaking": False,
        "use_rec_royale_matchmaking": False,
    }
    assert room.roles is not None
    assert fields(room.roles[0]) == {
        "id": 255,
        "name": "Owner",
        "invited_role": "None",
        "account_id": 7001,
    }
    assert room.tags is not None
    assert fields(room.tags[0]) == {"tag": "chill", "type": "General"}
    assert room.promo_images == ["promo0000000000000000001.jpg"]
    assert room.promo_external_content is not None
    assert fields(room.promo_external_content[0]) == {
        "type": "YouTube",
        "reference": "SYNTHETIC01",
    }
    assert room.scores is not None
    assert fields(room.scores[0]) == {"room_id": 8200, "visit_type": 0, "score": 0.4375}
    assert type(room.scores[0].score) is float
    assert room.load_screens is not None
    assert fields(room.load_screens[0]) == {
        "image_name": "load00000000000000000001.jpg",
        "title": "Ahoy",
    }


def test_included_but_empty_is_no_none() -> None:
    room = ROOM({"RoomId": 1, **{key: [] for key in INCLUDED}})
    assert all(getattr(room, name) == [] for name in _included())


def test_a_subroom_without_matchmaking() -> None:
    subroom = SUB_ROOM({"SubRoomId": 1, "RoomId": 2, "Accessibility": 3})
    assert subroom.accessibility == "Unknown (3)"
    assert not subroom.was_sent("use_rec_royale_matchmaking")


def test_invention() -> None:
    invention = INVENTION(INVENTION_L)
    assert invention.id == 3400
    assert invention.price is None
    assert invention.was_sent("price")
    assert invention.creator_permission == "Unlimited"
    assert invention.general_permission == "Use Only"
    assert (invention.created_at, invention.modified_at) == (1901232000, 1901232000)
    assert invention.first_published_at == 1901318400
    assert invention.current_version is not None
    assert fields(invention.current_version) == {
        "invention_id": 3400,
        "version_number": 1,
        "instantiation_cost": 0.7,
        "lights_cost": 1,
        "chips_cost": 0,
        "cloud_variables_cost": 0,
    }
    assert invention.tags is None
    nothing = INVENTION({"InventionId": 1, "CurrentVersion": None, "FirstPublishedAt": None})
    assert (nothing.current_version, nothing.first_published_at) == (None, None)


@pytest.mark.parametrize(
    ("cost", "ink"),
    [
        (0, 0.0),
        (None, 0.0),
        (75, 0.2),
        (105, 0.3),
        (135, 0.5),
        (211, 0.7),
        (300, 1.0),
        (348, 1.2),
        (11859, 39.5),
        (14949, 49.8),
    ],
)
def test_instantiation_cost(cost: int | None, ink: float) -> None:
    data = {"InventionId": 1, "VersionNumber": 1, "InstantiationCost": cost}
    found = INVENTION_VERSION(data).instantiation_cost
    assert found == ink
    assert type(found) is float


def test_progression_comment_and_response() -> None:
    assert fields(PROGRESSION({"PlayerId": 1, "Level": 31, "XP": 120})) == {
        "player_id": 1,
        "level": 31,
        "xp": 120,
    }
    assert fields(COMMENT(COMMENT_L)) == {
        "saved_image_comment_id": 9,
        "saved_image_id": 61001,
        "player_id": 7001,
        "comment": "hi",
    }
    assert COMMENT({"SavedImageCommentId": 9}).player_id is None
    assert fields(EVENT_INTERACTION(RESPONSE)) == {
        "player_event_id": 5100,
        "player_id": 7001,
        "type": "Attending",
        "created_at": 1901232000,
    }


# Values


ENUMERATIONS: list[tuple[Decoder[Any], str, str, dict[int, str | None]]] = [
    (decoder, "Accessibility", "accessibility", {0: "Private", 1: "Public", 2: "Unlisted"})
    for decoder in (EVENT, IMAGE, ROOM, SUB_ROOM, INVENTION)
]
ENUMERATIONS += [
    (EVENT, key, field, {0: None, 256: "Room Owners", 2147483647: "All"})
    for key, field in (
        ("DefaultBroadcastPermissions", "default_broadcast_permissions"),
        ("CanRequestBroadcastPermissions", "can_request_broadcast_permissions"),
    )
]
ENUMERATIONS += [
    (
        ROLE,
        key,
        field,
        {
            0: "None",
            1: "Banned",
            10: "Member",
            20: "Moderator",
            25: "Contributor",
            30: "Co-Owner",
            31: "Temporary Co-Owner",
            255: "Owner",
        },
    )
    for key, field in (("Role", "name"), ("InvitedRole", "invited_role"))
]
ENUMERATIONS += [
    (
        INVENTION,
        key,
        field,
        {
            0: "Unassigned",
            10: "Limited One Use Only",
            15: "Disallow Key Lock",
            20: "Use Only",
            40: "Edit and Save",
            60: "Publish",
            80: "Charge",
            100: "Unlimited",
        },
    )
    for key, field in (
        ("CreatorPermission", "creator_permission"),
        ("GeneralPermission", "general_permission"),
    )
]
ENUMERATIONS += [
    (
        EVENT_INTERACTION,
        "Type",
        "type",
        {-1: None, 0: "Attending", 1: "May Attend", 2: "Not Attending", 3: "Pending"},
    ),
    (
        IMAGE,
        "Type",
        "type",
        {
            0: None,
            1: "Share Camera",
            2: "Outfit Thumbnail",
            3: "Room Thumbnail",
            4: "Profile Thumbnail",
            5: "Invention Thumbnail",
            6: "Player Event Thumbnail",
            7: "Room Load Screen",
        },
    ),
    (
        ROOM,
        "State",
        "state",
        {
            0: "Active",
            11: "Junior Pending",
            100: "Moderation Pending",
            101: "Moderation Closed",
            102: "Moderation Banned",
            255: "Marked For Delete",
        },
    ),
    (
        ROOM,
        "MaxPlayerCalculationMode",
        "max_player_calculation_mode",
        {0: "All Subrooms", 1: "Only Entry Subrooms"},
    ),
    (TAG, "Type", "type", {0: "General", 1: "Auto", 2: "AG Only", 3: "Banned"}),
    (PROMO_EXTERNAL_CONTENT, "Type", "type", {0: "YouTube"}),
]
MASKS: list[tuple[Decoder[Any], str, str, list[str]]] = [
    (
        ACCOUNT,
        "platforms",
        "platforms",
        [
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
        ],
    ),
    (
        ACCOUNT,
        "personalPronouns",
        "personal_pronouns",
        ["She / her", "He / him", "They / them", "Ze / hir", "Ze / zir", "Xe / xem"],
    ),
    (
        ACCOUNT,
        "identityFlags",
        "identity_flags",
        [
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
        ],
    ),
    (
        ROOM,
        "WarningMask",
        "warnings",
        [
            "Spooky/scary themes",
            "Mature themes",
            "Bright/flashing lights",
            "Intense motion",
            "Gore/violence",
            "Custom",
        ],
    ),
]


def smallest(decoder: Decoder[Any]) -> dict[str, Any]:
    """A payload with no more than what identifies the item."""
    return {
        decoder.table[name].keys[0]: "x" if name in ("tag", "reference", "image_name") else 1
        for name in decoder.required
    }


@pytest.mark.parametrize(("decoder", "key", "field", "words"), ENUMERATIONS)
def test_enumerations(
    decoder: Decoder[Any], key: str, field: str, words: Mapping[int, str | None]
) -> None:
    for code, expected in words.items():
        item = decoder({**smallest(decoder), key: code})
        assert getattr(item, field) == expected
        assert item.was_sent(field)
    for code in (-7, 9999):
        assert getattr(decoder({**smallest(decoder), key: code}), field) == f"Unknown ({code})"
    absent, null = decoder(smallest(decoder)), decoder({**smallest(decoder), key: None})
    assert (getattr(absent, field), absent.was_sent(field)) == (None, False)
    assert (getattr(null, field), null.was_sent(field)) == (None, True)


@pytest.mark.parametrize(("decoder", "key", "field", "words"), MASKS)
def test_masks(decoder: Decoder[Any], key: str, field: str, words: list[str]) -> None:
    def read(bits: int) -> list[str]:
        found: list[str] = getattr(decoder({**smallest(decoder), key: bits}), field)
        return found

    for position, expected in enumerate(words):
        assert read(1 << position) == [expected]
    assert read(0) == []
    assert read(-1) == words
    assert read((1 << len(words)) - 1) == words
    assert read(1 << len(words)) == []
    assert read((1 << 40) | 3) == words[:2]
    null = decoder({**smallest(decoder), key: None})
    assert (getattr(null, field), null.was_sent(field)) == (None, True)


def test_warnings_that_were_captured() -> None:
    for bits in (32, 36, 40, 44):
        warnings = ROOM({"RoomId": 1, "WarningMask": bits}).warnings
        assert warnings is not None
        assert "Custom" in warnings


@pytest.mark.parametrize("digits", range(8))
@pytest.mark.parametrize("offset", ["Z", "", "+00:00"])
def test_dates(digits: int, offset: str) -> None:
    fraction = "." + "1234567"[:digits] if digits else ""
    image = IMAGE({"Id": 1, "CreatedAt": f"2030-05-01T18:22:33{fraction}{offset}"})
    assert image.created_at == 1903890153


def test_the_year_one_is_no_date() -> None:
    invention = INVENTION({"InventionId": 1, "FirstPublishedAt": "0001-01-01T00:00:00Z"})
    assert invention.first_published_at is None


def test_ids_of_19_digits() -> None:
    big = 9223372036854775807
    page = read_list(EVENT, body([{"PlayerEventId": big, "RoomId": str(big)}]))
    assert page.items[0].id == page.items[0].room_id == big


# All of them


@pytest.mark.parametrize(("decoder", "data"), SAMPLES)
@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_key_case(decoder: Decoder[Any], data: Any, change: Callable[[str], str]) -> None:
    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(member) for member in value]
        if isinstance(value, dict):
            return {change(key): changed(member) for key, member in value.items()}
        return value

    assert decoder(changed(data)) == decoder(data)


@pytest.mark.parametrize(("decoder", "data"), SAMPLES)
def test_absent_null_and_extra_keys(decoder: Decoder[Any], data: dict[str, Any]) -> None:
    required = {decoder.table[name].keys[0] for name in decoder.required}
    for key in data:
        less = {k: v for k, v in data.items() if k != key}
        null = {**data, key: None}
        if key in required:
            for bad in (less, null):
                with pytest.raises(DecodeError):
                    decoder(bad)
        else:
            decoder(less)
            decoder(null)
    assert decoder({**data, "Brand": {"new": []}}) == decoder(data)


def test_every_documented_class_has_a_decoder() -> None:
    import satchel.recnet

    for name in set(satchel.recnet.__all__) - {"BaseDataClass"}:
        cls = getattr(satchel.recnet, name)
        assert cls.decoder.cls is cls
        assert cls.decoder.table.keys() <= field_names(cls)
    assert len(DECODERS) == len(satchel.recnet.__all__) - 1


# Readers


NOTHING = [b"", b" \r\n", b"null", b"{}", b" { } "]
BROKEN = [
    b"{",
    b"[1,",
    b"nope",
    b"<html>",
    b'{"accountId":7001,}',
    b'"\xff"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b"9" * 5000,
    b"[1e999]",
    b"NaN",
]
READERS: list[tuple[Callable[[bytes], Any], Any]] = [
    (lambda b: read_object(ACCOUNT, b), None),
    (lambda b: read_list(ACCOUNT, b), Page([], [], None)),
    (read_ids, []),
    (read_value, None),
    (read_bio, None),
    (read_featured, []),
    (read_creators, []),
    (read_tags, []),
]


@pytest.mark.parametrize(("reader", "nothing"), READERS)
@pytest.mark.parametrize("answer", NOTHING)
def test_nothing(reader: Callable[[bytes], Any], nothing: Any, answer: bytes) -> None:
    assert reader(answer) == nothing


@pytest.mark.parametrize(("reader", "nothing"), READERS)
@pytest.mark.parametrize("answer", BROKEN, ids=range(len(BROKEN)))
def test_broken(reader: Callable[[bytes], Any], nothing: Any, answer: bytes) -> None:
    with pytest.raises(DecodeError):
        reader(answer)


def test_half_of_a_surrogate_pair_costs_no_page() -> None:
    page = read_list(ACCOUNT, rb'[{"accountId":1,"username":"a\ud800b"},{"accountId":2}]')
    assert [(item.id, item.username) for item in page.items] == [(1, "a?b"), (2, None)]
    assert page.errors == []


def test_read_object() -> None:
    client: Any = object()
    account = read_object(ACCOUNT, body(ACCOUNT_L), client)
    assert isinstance(account, Account)
    assert account.client is client
    assert account.data == ACCOUNT_L
    for answer in (b"[]", b"1", b"true", b'"x"', b'{"accountId":null}'):
        with pytest.raises(DecodeError):
            read_object(ACCOUNT, answer)


def test_read_list_bare_or_in_an_envelope() -> None:
    rows = [ROOM_L, ROOM_P]
    bare = read_list(ROOM, body(rows))
    assert [room.id for room in bare.items] == [8200, 8947000000000000001]
    assert (bare.errors, bare.total, bare.rows) == ([], None, 2)
    for envelope in ("Results", "results", "RESULTS"):
        page = read_list(ROOM, body({envelope: rows, "totalResults": 40}))
        assert (page.items, page.total) == (bare.items, 40)
    assert read_list(ROOM, b'{"Results":[],"TotalResults":0}') == Page([], [], 0)
    assert read_list(ROOM, b'{"Results":null}') == Page([], [], None)
    assert read_list(ROOM, b'{"Results":[],"TotalResults":"many"}').total is None
    assert read_list(ROOM, b"[]") == Page([], [], None)


def test_a_bad_row_harms_no_other() -> None:
    rows: list[Any] = [IMAGE_L, None, {"Id": None}, 5, [], "x", {**IMAGE_L, "Id": 2}]
    page = read_list(IMAGE, body(rows))
    assert [image.id for image in page.items] == [61001, 2]
    assert len(page.errors) == 5
    assert all(error.item_type == "Image" for error in page.errors)
    assert page.rows == 7


@pytest.mark.parametrize(
    "answer", [b"1", b"true", b'"x"', b'{"status":404}', b'{"Results":{}}', b'{"Results":1}']
)
def test_what_is_no_list(answer: bytes) -> None:
    with pytest.raises(DecodeError, match="not a list of Image"):
        read_list(IMAGE, answer)


def test_read_ids() -> None:
    assert read_ids(b"[7001,9223372036854775807]") == [7001, 9223372036854775807]
    assert read_ids(b"[]") == []
    for answer in (
        b"[null]",
        b"[true]",
        b"[1.5]",
        b"[[]]",
        b"7",
        b'{"a":1}',
        b"[9223372036854775808]",
    ):
        with pytest.raises(DecodeError):
            read_ids(answer)


def test_read_value() -> None:
    assert read_value(b"58") == 58
    assert read_value(b"0") == 0
    assert read_value(b" true ") is True
    assert read_value(b"false") is False
    for answer in (b'"58"', b"5.5", b"[]", b"[1]", b'{"a":1}', b"9223372036854775808"):
        with pytest.raises(DecodeError):
            read_value(answer)


def test_read_bio() -> None:
    assert read_bio(b'{"accountId":7001,"bio":"hello"}') == "hello"
    assert read_bio(b'{"AccountId":7001,"Bio":""}') == ""
    assert read_bio(b'{"accountId":7001,"bio":null}') is None
    assert read_bio(b'{"accountId":7001}') is None
    for answer in (b'{"accountId":7001,"bio":5}', b"[]", b'"hello"', b'{"status":404}'):
        with pytest.raises(DecodeError):
            read_bio(answer)


def test_read_featured() -> None:
    featured = {
        "FeaturedRoomGroupId": 12,
        "Name": "Spring",
        "StartAt": "2030-03-01T00:00:00Z",
        "EndAt": "2030-03-08T00:00:00Z",
        "Rooms": [{"RoomId": 8200, "RoomName": "PaperHarbor", "ImageName": "room.jpg"}],
    }
    assert read_featured(body(featured)) == [8200]
    assert read_featured(b'{"rooms":null}') == []
    for answer in (b"[]", b'{"Rooms":[{}]}', b'{"Rooms":[8200]}', b'{"Name":"x"}'):
        with pytest.raises(DecodeError):
            read_featured(answer)


def test_read_creators() -> None:
    rows = [{"clubId": 900, "accountId": 7001, "subscriberCount": 58}]
    assert read_creators(body(rows)) == [7001]
    for answer in (b"[7001]", b'[{"clubId":900}]', b'{"accountId":7001}', b"1"):
        with pytest.raises(DecodeError):
            read_creators(answer)


def test_read_tags() -> None:
    assert read_tags(b'{"Tags":[{"Tag":"lamp","Type":0}]}') == [Tag(tag="lamp", type="General")]
    assert read_tags(b'{"tags":[]}') == read_tags(b'{"Tags":null}') == []
    for answer in (b"[]", b'{"Tags":[{}]}', b'{"Tags":["lamp"]}', b'{"Tags":{}}', b'{"x":1}'):
        with pytest.raises(DecodeError):
            read_tags(answer)


# Anything at all


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def near_misses(draw: st.DrawFn) -> tuple[Decoder[Any], dict[str, Any]]:
    decoder, data = draw(st.sampled_from(SAMPLES))
    changed = dict(data)
    for key in draw(st.lists(st.sampled_from(sorted(data)), max_size=4)):
        match draw(st.sampled_from(["drop", "null", "replace", "lower"])):
            case "drop":
                changed.pop(key, None)
            case "null":
                changed[key] = None
            case "replace":
                changed[key] = draw(JSON)
            case _:
                changed[key.lower()] = changed.pop(key, None)
    return decoder, changed


@settings(max_examples=400, deadline=None)
@given(near_misses())
def test_both_paths_agree_on_near_misses(case: tuple[Decoder[Any], dict[str, Any]]) -> None:
    decoder, data = case
    try:
        patient = patiently(decoder, data)
    except DecodeError:
        with pytest.raises(DecodeError):
            decoder(data)
    else:
        item = decoder(data)
        assert item == patient
        assert item._unsent == patient._unsent


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_anything_is_an_item_or_an_error(data: Any) -> None:
    for decoder in DECODERS:
        try:
            item = decoder(data)
        except DecodeError:
            continue
        assert type(item) is decoder.cls


@settings(max_examples=200, deadline=None)
@given(JSON.map(body) | st.binary(max_size=30) | near_misses().map(lambda case: body(case[1])))
def test_readers_take_anything(answer: bytes) -> None:
    for reader, _ in READERS:
        try:
            reader(answer)
        except DecodeError:
            continue


@settings(max_examples=100, deadline=None)
@given(st.lists(near_misses(), max_size=5))
def test_pages_lose_no_row(cases: list[tuple[Decoder[Any], dict[str, Any]]]) -> None:
    rows = [data for _, data in cases]
    for decoder in DECODERS:
        assert read_list(decoder, body(rows)).rows == len(rows)


def test_wire_sets_the_decoders_that_constructors_use() -> None:
    assert wire.ACCOUNT is Account.decoder
    assert wire.EVENT is Event.decoder
    assert wire.IMAGE is Image.decoder
    assert wire.ROOM is Room.decoder
