"""The sixteen documented classes of RecNet (the seed's ``recnetpy.dataclasses``).

Names, nesting and values are the seed's; types are what the wire carries where the seed errs
(reference section 5). Dates are whole UNIX seconds. A field is ``None`` when the server did not
send it, withheld it, or sent a null; a relation is ``None`` until somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from satchel.items import Item, Personal, documented, link, members, nested, personal, relation
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

if TYPE_CHECKING:
    from satchel.client import Client


class RecNetItem(Item):
    """What the sixteen classes have in common."""

    __slots__ = ()

    namespace = "recnet"


class BaseDataClass(RecNetItem):
    """The base of the classes that have an ``id``; not to be made itself (seed).

    ``client`` is the crawl's client and ``data`` the JSON object that the item was made from.
    """

    __slots__ = ()

    def __init__(
        self,
        client: Client | None = None,
        id: int | None = None,
        data: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Make an item as documented (``Account(client, 7001)``) or from keywords.

        :param client: the client that relations are asked of
        :param id: the item's id; wins over the one in *data*
        :param data: a JSON object as the service sends it
        :param fields: values by the documented names; they win over *data*
        :raises DecodeError: *data* is no such item
        :raises TypeError: a keyword is no field of the class
        """
        if id is not None:
            fields["id"] = id
        self._fill(client, data, fields)

    @classmethod
    def create_from_id_list(cls, client: Client | None, ids: Iterable[int]) -> list[Self]:
        """Make items of which only the id is known, without a request."""
        return [cls(client, id) for id in ids]

    @property
    def rec_net(self) -> Any:
        """The client's interface to the service."""
        return self.client

    def patch_data(self, data: Mapping[str, Any]) -> None:
        """Set the fields that a JSON object of the service has; the others stay as they are.

        :raises DecodeError: *data* is no object
        """
        self.decoder.patch(self, data)


@dataclass(slots=True, init=False)
class Account(BaseDataClass):
    """A player's account (reference section 5.1)."""

    key = ("id",)
    minor = "is_junior"

    id: int | None = None
    """The account's number."""
    username: str | None = personal(Personal.NAME)
    """The name after the @, which only one account has at a time."""
    display_name: str | None = personal(Personal.NAME)
    """The name shown in bold on the account's page. Several accounts may share one."""
    profile_image: str | None = personal(Personal.NAME)
    """File name of the profile picture."""
    banner_image: str | None = personal(Personal.NAME)
    """File name of the banner; ``None`` for accounts without one."""
    is_junior: bool | None = None
    """Whether a minor owns the account. ``None`` in the public dialect, which does not say."""
    platforms: list[str] | None = documented([list(PLATFORMS.values())])
    """Where the player plays: any of Steam, Meta, PlayStation, Xbox, RecNet, iOS, Android,
    Standalone, and later Pico and Nintendo."""
    personal_pronouns: list[str] | None = personal(
        Personal.IDENTITY, [list(PERSONAL_PRONOUNS.values())]
    )
    """Pronouns that the player chose: any of She / her, He / him, They / them, Ze / hir, Ze / zir,
    Xe / xem. Withheld by default."""
    identity_flags: list[str] | None = personal(Personal.IDENTITY, [list(IDENTITY_FLAGS.values())])
    """Gender and orientation that the player declared: any of LGBTQIA, Transgender, Bisexual,
    Lesbian, Pansexual, Asexual, Intersex, Genderqueer, Nonbinary, Aromantic. Withheld by
    default."""
    created_at: int | None = None
    """When the account was made, in UNIX seconds."""
    bio: str | None = personal(Personal.TEXT)
    """What the player wrote about themselves. ``None`` until :meth:`get_bio`, or when empty."""
    is_influencer: bool | None = None
    """Whether the player is in the influencer programme. ``None`` until
    :meth:`get_is_influencer`."""
    subscriber_count: int | None = None
    """How many players subscribe to this one. ``None`` until :meth:`get_subscriber_count`."""
    level: Progression | None = nested("Progression")
    """Level and experience. ``None`` until :meth:`get_level`."""
    created_rooms: list[Room] | None = nested("Room", many=True)
    """Public rooms that the player made. ``None`` until :meth:`get_created_rooms`."""
    owned_rooms: list[Room] | None = nested("Room", many=True)
    """Rooms that the player made or co-owns. ``None`` until :meth:`get_owned_rooms`."""
    events: list[Event] | None = nested("Event", many=True)
    """Events that the player set up. ``None`` until :meth:`get_events`."""
    images: list[Image] | None = nested("Image", many=True)
    """Pictures that the player took. ``None`` until :meth:`get_images`."""
    feed: list[Image] | None = nested("Image", many=True)
    """Pictures that the player is tagged in. ``None`` until :meth:`get_feed`."""

    @relation("accounts.bio", "bio", id="id")
    async def get_bio(self, force: bool = False) -> str | None:
        """What the player wrote about themselves."""

    @relation("rooms.created_by", "created_rooms", id="id")
    async def get_created_rooms(self, force: bool = False) -> list[Room] | None:
        """The public rooms that the player made."""

    @relation("events.created_by", "events", id="id")
    async def get_events(
        self, take: int = 16, skip: int = 0, force: bool = False
    ) -> list[Event] | None:
        """The events that the player set up."""

    @relation("images.of_player", "feed", id="id")
    async def get_feed(
        self, take: int = 16, skip: int = 0, force: bool = False
    ) -> list[Image] | None:
        """The pictures that the player is tagged in. The public dialect does not offer them."""

    @relation("images.by_player", "images", id="id")
    async def get_images(
        self, take: int = 16, skip: int = 0, sort: int = 0, force: bool = False
    ) -> list[Image] | None:
        """The pictures that the player took; *sort*: 0 newest first, 1 most cheered first."""

    @relation("accounts.is_influencer", "is_influencer", id="id")
    async def get_is_influencer(self, force: bool = False) -> bool | None:
        """Whether the player is in the influencer programme."""

    @relation("accounts.level", "level", id="id")
    async def get_level(self, force: bool = False) -> Progression | None:
        """The player's level and experience."""

    @relation("rooms.owned_by", "owned_rooms", id="id")
    async def get_owned_rooms(self, force: bool = False) -> list[Room] | None:
        """The rooms that the player made or co-owns."""

    @relation("rooms.showcased_by", None, id="id")
    async def get_showcased_rooms(self, force: bool = False) -> list[Room] | None:
        """The rooms that the player shows on their page, in that order."""

    @relation("accounts.subscriber_count", "subscriber_count", id="id")
    async def get_subscriber_count(self, force: bool = False) -> int | None:
        """How many players subscribe to this one."""


@dataclass(slots=True, init=False)
class Progression(RecNetItem):
    """How far a player has come (reference section 5.2)."""

    key = ("player_id",)

    player_id: int | None = link()
    """The account's id."""
    level: int | None = None
    """The player's level."""
    xp: int | None = None
    """Experience points since the last level."""


@dataclass(slots=True, init=False)
class Event(BaseDataClass):
    """An event that players meet at (reference section 5.3)."""

    key = ("id",)

    id: int | None = None
    """The event's number."""
    creator_player_id: int | None = link()
    """Id of the account that set it up."""
    room_id: int | None = link()
    """Id of the room that it takes place in."""
    subroom_id: int | None = link()
    """Id of the subroom, when it is bound to one. ``None`` in the public dialect."""
    club: int | None = link()
    """Id of the club that hosts it; ``None`` without one."""
    name: str | None = personal(Personal.NAME)
    """The event's title."""
    description: str | None = personal(Personal.TEXT)
    """What its creator wrote about it; may be empty."""
    image_name: str | None = None
    """File name of the thumbnail; often ``None``."""
    start_time: int | None = None
    """When it begins, in UNIX seconds."""
    end_time: int | None = None
    """When it ends, in UNIX seconds."""
    attendee_count: int | None = None
    """How many players attend."""
    accessibility: str | None = documented(ACCESSIBILITY.values())
    """Who may see it: Private, Public or Unlisted. ``None`` in the public dialect."""
    is_multi_instance: bool | None = None
    """Whether it may be broadcast to several instances of the room. ``None`` in the public
    dialect."""
    support_multi_instance_room_chat: bool | None = None
    """Whether the instances share one chat. ``None`` in the public dialect."""
    default_broadcast_permissions: str | None = documented(BROADCAST_PERMISSIONS.values())
    """Who may broadcast from the start: Room Owners, All, or ``None`` for nobody. ``None`` also
    in the public dialect, which does not say."""
    can_request_broadcast_permissions: str | None = documented(BROADCAST_PERMISSIONS.values())
    """Who may ask to broadcast: Room Owners, All, or ``None`` for nobody. ``None`` also in the
    public dialect, which does not say."""
    creator_player: Account | None = nested("Account")
    """The account that set it up. ``None`` until :meth:`get_creator_player`."""
    room: Room | None = nested("Room")
    """The room that it takes place in. ``None`` until :meth:`get_room`, or when it is private."""
    images: list[Image] | None = nested("Image", many=True)
    """Pictures taken meanwhile. ``None`` until :meth:`get_images`."""
    responses: list[EventInteraction] | None = nested("EventInteraction", many=True)
    """Who will come, and who will not. ``None`` until :meth:`get_responses`."""

    @relation("accounts.by_id", "creator_player", id="creator_player_id")
    async def get_creator_player(self, force: bool = False) -> Account | None:
        """The account that set the event up."""

    @relation("images.during_event", "images", id="id")
    async def get_images(
        self, take: int = 16, skip: int = 0, force: bool = False
    ) -> list[Image] | None:
        """Pictures that were taken during the event."""

    @relation("events.responses", "responses", id="id")
    async def get_responses(self, force: bool = False) -> list[EventInteraction] | None:
        """What players answered to the invitation."""

    @relation("rooms.by_id", "room", id="room_id")
    async def get_room(self, include: int = 0, force: bool = False) -> Room | None:
        """The room that the event takes place in; ``None`` when it is private.

        :param include: what to add, as a sum: 2 subrooms, 4 roles, 8 tags, 32 promotion,
            64 scores, 256 loading screens
        """

    @members("accounts.bulk", "responses", player="player_id")
    async def resolve_responders(self, force: bool = False) -> list[EventInteraction] | None:
        """Set the account of each response. The accounts are asked for at each call.

        :param force: fetch the responses anew, too
        """


@dataclass(slots=True, init=False)
class EventInteraction(RecNetItem):
    """A player's answer to an event (reference section 5.4)."""

    key = ("player_event_id", "player_id")

    player_event_id: int | None = link()
    """Id of the event."""
    player_id: int | None = link()
    """Id of the account that answered."""
    type: str | None = documented(INTERACTION_TYPES.values())
    """The answer: Attending, May Attend, Not Attending, Pending, or ``None`` for no answer."""
    created_at: int | None = None
    """When it was given, in UNIX seconds."""
    player: Account | None = nested("Account")
    """The account that answered. ``None`` until :meth:`Event.resolve_responders`."""


@dataclass(slots=True, init=False)
class Image(BaseDataClass):
    """A picture that a player shared (reference section 5.5)."""

    key = ("id",)

    id: int | None = None
    """The image's number."""
    image_name: str | None = None
    """Name of the image's file."""
    description: str | None = personal(Personal.TEXT)
    """What the player wrote below it; mostly ``None``."""
    type: str | None = documented(IMAGE_TYPES.values())
    """What the image is for: Share Camera, Outfit Thumbnail, Room Thumbnail, Profile Thumbnail,
    Invention Thumbnail, Player Event Thumbnail, Room Load Screen, or ``None`` for nothing in
    particular. ``None`` also in the public dialect, which does not say."""
    accessibility: str | None = documented(ACCESSIBILITY.values())
    """Who may see it: Private, Public or Unlisted. ``None`` in the public dialect."""
    accessibility_locked: bool | None = None
    """Whether that can no longer be changed. ``None`` in the public dialect."""
    player_id: int | None = link()
    """Id of the account that took it."""
    tagged_player_ids: list[int] | None = link()
    """Ids of the accounts that can be seen in it. ``None`` in the public dialect."""
    room_id: int | None = link()
    """Id of the room that it was taken in; ``None`` without one."""
    player_event_id: int | None = link()
    """Id of the event that it was taken at; mostly ``None``."""
    created_at: int | None = None
    """When it was taken, in UNIX seconds."""
    cheer_count: int | None = None
    """How many players cheered it."""
    comment_count: int | None = None
    """How many comments it has, as the server says. Often 0 for images that have some."""
    cheer_player_ids: list[int] | None = link()
    """Ids of the accounts that cheered it. ``None`` until :meth:`get_cheers`."""
    player: Account | None = nested("Account")
    """The account that took it. ``None`` until :meth:`get_player`."""
    tagged_players: list[Account] | None = nested("Account", many=True)
    """The accounts that can be seen in it. ``None`` until :meth:`get_tagged_players`."""
    room: Room | None = nested("Room")
    """The room that it was taken in. ``None`` until :meth:`get_room`, or when it is private."""
    player_event: Event | None = nested("Event")
    """The event that it was taken at. ``None`` until :meth:`get_player_event`."""
    cheer_players: list[Account] | None = nested("Account", many=True)
    """The accounts that cheered it. ``None`` until :meth:`resolve_cheers`."""
    comments: list[Comment] | None = nested("Comment", many=True)
    """What players wrote about it. ``None`` until :meth:`get_comments`."""

    @relation("images.cheers", "cheer_player_ids", id="id")
    async def get_cheers(self, force: bool = False) -> list[int] | None:
        """Ids of the accounts that cheered the image."""

    @relation("images.comments", "comments", id="id")
    async def get_comments(self, force: bool = False) -> list[Comment] | None:
        """What players wrote about the image."""

    @relation("accounts.by_id", "player", id="player_id")
    async def get_player(self, force: bool = False) -> Account | None:
        """The account that took the image."""

    @relation("events.by_id", "player_event", id="player_event_id")
    async def get_player_event(self, force: bool = False) -> Event | None:
        """The event that the image was taken at; ``None`` when it was at none."""

    @relation("rooms.by_id", "room", id="room_id")
    async def get_room(self, include: int = 0, force: bool = False) -> Room | None:
        """The room that the image was taken in; ``None`` when it is private.

        :param include: what to add, as a sum: 2 subrooms, 4 roles, 8 tags, 32 promotion,
            64 scores, 256 loading screens
        """

    @relation("accounts.bulk", "tagged_players", ids="tagged_player_ids")
    async def get_tagged_players(self, force: bool = False) -> list[Account] | None:
        """The accounts that can be seen in the image."""

    @relation("accounts.bulk", "cheer_players", after="cheer_player_ids", ids="cheer_player_ids")
    async def resolve_cheers(self, force: bool = False) -> list[Account] | None:
        """The accounts that cheered the image. They are asked for at each call.

        :param force: fetch the list of who cheered anew, too
        """

    @members("accounts.bulk", "comments", player="player_id")
    async def resolve_commenters(self, force: bool = False) -> list[Comment] | None:
        """Set the account of each comment. The accounts are asked for at each call.

        :param force: fetch the comments anew, too
        """


@dataclass(slots=True, init=False)
class Comment(RecNetItem):
    """What a player wrote about an image (reference section 5.6)."""

    key = ("saved_image_comment_id",)

    saved_image_comment_id: int | None = None
    """The comment's number."""
    saved_image_id: int | None = link()
    """Id of the image."""
    player_id: int | None = link()
    """Id of the account that wrote it; some servers of the public dialect do not say."""
    comment: str | None = personal(Personal.TEXT)
    """What was written."""
    player: Account | None = nested("Account")
    """The account that wrote it. ``None`` until :meth:`Image.resolve_commenters`."""


@dataclass(slots=True, init=False)
class Room(BaseDataClass):
    """A place that a player built (reference section 5.7)."""

    key = ("id",)

    id: int | None = None
    """The room's number."""
    name: str | None = personal(Personal.NAME)
    """The name after the ^, which only one room has at a time."""
    description: str | None = personal(Personal.TEXT)
    """What its owners wrote about it."""
    image_name: str | None = None
    """File name of the thumbnail."""
    creator_account_id: int | None = link()
    """Id of the account that made it."""
    created_at: int | None = None
    """When it was made, in UNIX seconds."""
    state: str | None = documented(ROOM_STATES.values())
    """Where it stands with moderation: Active, Junior Pending, Moderation Pending, Moderation
    Closed, Moderation Banned or Marked For Delete. ``None`` in the public dialect."""
    accessibility: str | None = documented(ACCESSIBILITY.values())
    """Who may see it: Private, Public or Unlisted. ``None`` in the public dialect."""
    warnings: list[str] | None = documented([list(WARNINGS.values())])
    """What visitors are warned of: any of Spooky/scary themes, Mature themes, Bright/flashing
    lights, Intense motion, Gore/violence, Custom."""
    custom_warning: str | None = personal(Personal.TEXT)
    """The owners' own warning; ``None`` or empty without one."""
    is_dorm: bool | None = None
    """Whether it is a player's own dorm."""
    is_rro: bool | None = None
    """Whether the makers of the game published it."""
    max_players: int | None = None
    """How many players fit in at once."""
    max_player_calculation_mode: str | None = documented(MAX_PLAYER_CALCULATION_MODES.values())
    """What that number is counted over: All Subrooms or Only Entry Subrooms. ``None`` in the
    public dialect."""
    min_level: int | None = None
    """The level that a player needs to enter."""
    cloning_allowed: bool | None = None
    """Whether players may copy it. ``None`` in the public dialect."""
    disable_mic_auto_mute: bool | None = None
    """Whether microphones are left open that would be muted elsewhere. ``None`` in the public
    dialect."""
    disable_room_comments: bool | None = None
    """Whether nobody may comment on it. ``None`` in the public dialect."""
    encrypted_voice_chat: bool | None = None
    """Whether voices are encrypted on their way. ``None`` in the public dialect."""
    voice_moderated: bool | None = None
    """Whether voices are moderated by machine. ``None`` in the public dialect."""
    load_screen_locked: bool | None = None
    """Whether the loading screen is fixed. ``None`` in the public dialect."""
    supports_level_voting: bool | None = None
    """Whether players vote on what comes next."""
    supports_screens: bool | None = None
    """Whether one can enter on a flat screen."""
    supports_walk_vr: bool | None = None
    """Whether one can enter in VR and walk."""
    supports_teleport_vr: bool | None = None
    """Whether one can enter in VR and teleport."""
    supports_vr_low: bool | None = None
    """Whether one can enter with a weak VR headset."""
    supports_quest_two: bool | None = None
    """Whether one can enter with a Quest 2."""
    supports_mobile: bool | None = None
    """Whether one can enter on a phone."""
    supports_juniors: bool | None = None
    """Whether juniors can enter."""
    cheer_count: int | None = None
    """How many players cheered it."""
    favorite_count: int | None = None
    """How many players keep it as a favourite."""
    visitor_count: int | None = None
    """How many different players were there."""
    visit_count: int | None = None
    """How many visits there were."""
    subrooms: list[SubRoom] | None = nested("SubRoom", many=True)
    """Its parts. ``None`` unless included (2)."""
    roles: list[Role] | None = nested("Role", many=True)
    """Who may do what in it. ``None`` unless included (4)."""
    tags: list[Tag] | None = nested("Tag", many=True)
    """The words that it is found by. ``None`` unless included (8)."""
    promo_images: list[str] | None = None
    """File names of its promotional images. ``None`` unless included (32)."""
    promo_external_content: list[PromoExternalContent] | None = nested(
        "PromoExternalContent", many=True
    )
    """Its promotional videos. ``None`` unless included (32)."""
    scores: list[Score] | None = nested("Score", many=True)
    """How it ranks. ``None`` unless included (64)."""
    load_screens: list[LoadScreen] | None = nested("LoadScreen", many=True)
    """What one sees while it loads. ``None`` unless included (256)."""
    creator_account: Account | None = nested("Account")
    """The account that made it. ``None`` until :meth:`get_creator_player`."""
    events: list[Event] | None = nested("Event", many=True)
    """Events in it. ``None`` until :meth:`get_events`."""
    images: list[Image] | None = nested("Image", many=True)
    """Pictures taken in it. ``None`` until :meth:`get_images`."""

    @relation("accounts.by_id", "creator_account", id="creator_account_id")
    async def get_creator_player(self, force: bool = False) -> Account | None:
        """The account that made the room."""

    @relation("events.in_room", "events", id="id")
    async def get_events(
        self, take: int = 16, skip: int = 0, force: bool = False
    ) -> list[Event] | None:
        """Events that take place in the room."""

    @relation("images.in_room", "images", id="id")
    async def get_images(
        self, take: int = 16, skip: int = 0, sort: int = 0, force: bool = False
    ) -> list[Image] | None:
        """Pictures taken in the room; *sort*: 0 newest first, 1 most cheered first."""

    @members(
        "accounts.bulk",
        "roles",
        account="account_id",
        last_changed_by_account="last_changed_by_account_id",
    )
    async def resolve_role_owners(self) -> list[Role] | None:
        """Set both accounts of each role. They are asked for at each call.

        ``None``, without a request, when :attr:`roles` is. The role of an account that is gone
        stays, and its account is ``None``.
        """


@dataclass(slots=True, init=False)
class SubRoom(RecNetItem):
    """A part of a room (reference section 5.8)."""

    key = ("subroom_id",)

    subroom_id: int | None = None
    """The subroom's number."""
    room_id: int | None = link()
    """Id of the room that it was made in; differs from its owner's after cloning."""
    accessibility: str | None = documented(ACCESSIBILITY.values())
    """Who may see it: Private, Public or Unlisted."""
    max_players: int | None = None
    """How many players fit in at once."""
    is_sandbox: bool | None = None
    """Whether visitors may build in it."""
    supports_join_in_progress: bool | None = None
    """Whether one can enter a game that has begun. ``None`` unless included (2)."""
    use_age_based_matchmaking: bool | None = None
    """Whether juniors meet only juniors, and others only others. ``None`` unless included (2)."""
    use_level_based_matchmaking: bool | None = None
    """Whether players meet others of about their level. ``None`` unless included (2)."""
    use_rec_royale_matchmaking: bool | None = None
    """Whether players meet as they do in Rec Royale. ``None`` unless included (2)."""


@dataclass(slots=True, init=False)
class Role(RecNetItem):
    """What one player may do in a room (reference section 5.8)."""

    id: int | None = documented(ROLES)
    """The role's number: 0, 10, 20, 30 or 255; later also 1, 25 and 31."""
    name: str | None = documented(ROLES.values())
    """The role: "None" (a member that was removed), Member, Moderator, Co-Owner or Owner; later
    also Banned, Contributor and Temporary Co-Owner."""
    invited_role: str | None = documented(ROLES.values())
    """The role that the player is invited to take, "None" without an invitation."""
    account_id: int | None = link()
    """Id of the player's account."""
    last_changed_by_account_id: int | None = link()
    """Id of the account that gave the role; ``None`` when it came with the room."""
    account: Account | None = nested("Account")
    """The player's account. ``None`` until :meth:`Room.resolve_role_owners`, or when it is
    gone."""
    last_changed_by_account: Account | None = nested("Account")
    """The account that gave the role. ``None`` until :meth:`Room.resolve_role_owners`, or when
    it is gone."""


@dataclass(slots=True, init=False)
class Tag(RecNetItem):
    """A word that a room or an invention is found by (reference section 5.8)."""

    tag: str | None = None
    """The word."""
    type: str | None = documented(TAG_TYPES.values())
    """How it came there: General, Auto, AG Only or Banned."""


@dataclass(slots=True, init=False)
class PromoExternalContent(RecNetItem):
    """A video that promotes a room (reference section 5.8)."""

    type: str | None = documented(PROMO_CONTENT_TYPES.values())
    """Where it is: YouTube."""
    reference: str | None = None
    """The end of its address there."""


@dataclass(slots=True, init=False)
class Score(RecNetItem):
    """How a room does on one kind of device; nobody has documented how (reference section 5.8)."""

    room_id: int | None = link()
    """Id of the room."""
    visit_type: int | None = None
    """The kind of device, probably."""
    score: float | None = None
    """The score, from about 0 to 1."""
    backup_score: float | None = None
    """Another score; mostly ``None``."""


@dataclass(slots=True, init=False)
class LoadScreen(RecNetItem):
    """What one sees while a room loads (reference section 5.8)."""

    image_name: str | None = None
    """File name of the picture."""
    title: str | None = personal(Personal.TEXT)
    """The line above; ``None`` without one."""
    subtitle: str | None = personal(Personal.TEXT)
    """The line below; ``None`` without one."""


@dataclass(slots=True, init=False)
class Invention(BaseDataClass):
    """A thing that a player built for others to use (reference section 5.9)."""

    key = ("id",)

    id: int | None = None
    """The invention's number."""
    creator_player_id: int | None = link()
    """Id of the account that made it."""
    creation_room_id: int | None = link()
    """Id of the room that it was made in."""
    name: str | None = personal(Personal.NAME)
    """The invention's title."""
    description: str | None = personal(Personal.TEXT)
    """What its creator wrote about it."""
    image_name: str | None = None
    """File name of the thumbnail."""
    accessibility: str | None = documented(ACCESSIBILITY.values())
    """Who may see it: Private, Public or Unlisted."""
    created_at: int | None = None
    """When it was made, in UNIX seconds."""
    modified_at: int | None = None
    """When it was last changed, in UNIX seconds."""
    first_published_at: int | None = None
    """When it first came to the store, in UNIX seconds; ``None`` when it never did."""
    is_published: bool | None = None
    """Whether it is in the store."""
    is_featured: bool | None = None
    """Whether the store features it."""
    is_ag_invention: bool | None = None
    """Whether the makers of the game made it."""
    is_certified_invention: bool | None = None
    """Whether it has been certified."""
    price: int | None = None
    """What it costs, in tokens. ``None`` (mostly) is not the same as 0."""
    allow_trial: bool | None = None
    """Whether one can try it before buying."""
    hide_from_player: bool | None = None
    """Whether it is hidden from players."""
    creator_permission: str | None = documented(INVENTION_PERMISSIONS.values())
    """What its creator may do with it: Unassigned, Limited One Use Only, Disallow Key Lock, Use
    Only, Edit and Save, Publish, Charge or Unlimited."""
    general_permission: str | None = documented(INVENTION_PERMISSIONS.values())
    """What others may do with it, in the same words."""
    num_downloads: int | None = None
    """How many players downloaded it."""
    num_players_have_used_in_room: int | None = None
    """How many players used it in a room of theirs."""
    cheer_count: int | None = None
    """How many players cheered it."""
    current_version_number: int | None = None
    """The number of :attr:`current_version`."""
    current_version: InventionVersion | None = nested("InventionVersion")
    """The version that one gets now."""
    creator_player: Account | None = nested("Account")
    """The account that made it. ``None`` until :meth:`get_creator_player`."""
    creation_room: Room | None = nested("Room")
    """The room that it was made in. ``None`` until :meth:`get_creation_room`, or when it is
    private."""
    tags: list[Tag] | None = nested("Tag", many=True)
    """The words that it is found by. ``None`` until :meth:`get_tags`."""

    @relation("rooms.by_id", "creation_room", id="creation_room_id")
    async def get_creation_room(self, include: int = 0, force: bool = False) -> Room | None:
        """The room that the invention was made in; ``None`` when it is private.

        :param include: what to add, as a sum: 2 subrooms, 4 roles, 8 tags, 32 promotion,
            64 scores, 256 loading screens
        """

    @relation("accounts.by_id", "creator_player", id="creator_player_id")
    async def get_creator_player(self, force: bool = False) -> Account | None:
        """The account that made the invention."""

    @relation("inventions.tags", "tags", id="id")
    async def get_tags(self, force: bool = False) -> list[Tag] | None:
        """The words that the invention is found by."""


@dataclass(slots=True, init=False)
class InventionVersion(RecNetItem):
    """One version of an invention (reference section 5.9)."""

    key = ("invention_id", "version_number")

    invention_id: int | None = link()
    """Id of the invention."""
    version_number: int | None = None
    """Which version it is."""
    instantiation_cost: float | None = None
    """The ink that it takes, in percent, to one decimal."""
    lights_cost: int | None = None
    """The lights that it takes."""
    chips_cost: int | None = None
    """The circuit chips (CV2) that it takes."""
    cloud_variables_cost: int | None = None
    """The cloud variables that it takes."""
