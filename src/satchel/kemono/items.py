"""Kemono's items. Their names are the wire's (reference sections 5 to 13).

A time that Kemono itself took is a ``datetime`` in UTC; one that the source site showed
(``published``, ``edited``) has no offset: it is that site's clock, and nobody says which. A field
is ``None`` when the server did not send it, it was withheld, or it was sent as null; a relation is
``None`` until somebody asks for it.

One class stands for list rows, favourites' rows and details: a richer answer completes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from satchel.items import (
    Item,
    Personal,
    client_of,
    documented,
    link,
    moment,
    nested,
    personal,
    relation,
    withheld,
)
from satchel.kemono.values import SERVICES, AccountRole


class KemonoItem(Item):
    """What Kemono's classes have in common."""

    __slots__ = ()

    namespace = "kemono"
    guarded = True


@dataclass(slots=True, init=False)
class Creator(KemonoItem):
    """Whoever publishes on a service (reference sections 6.1 and 9)."""

    key = ("service", "id")

    service: str | None = documented(SERVICES)
    """Where they publish."""
    id: str | None = None
    """Their id there."""
    name: str | None = personal(Personal.NAME)
    """Their name, which may change."""
    public_id: str | None = personal(Personal.NAME)
    """The name in their address on the service, which may change."""
    relation_id: str | None = None
    """What linked creators have in common; ``None`` for one who is not linked. Numbers are shown
    as text."""
    indexed: datetime | None = moment()
    """When they were first imported; UTC."""
    updated: datetime | None = moment()
    """When something of theirs was last imported; UTC."""
    last_imported: datetime | None = moment()
    """When somebody last started an import of theirs; UTC. In favourites only."""
    favorited: int | None = None
    """How many accounts have them as a favourite. In the list of all creators only."""
    faved_seq: int | None = None
    """Grows with each favourite of the account whose favourites were asked for, the last one that
    was if there were several."""
    post_count: int | None = None
    """How many posts are archived. In profiles only."""
    dm_count: int | None = None
    """How many direct messages are archived. In profiles only."""
    share_count: int | None = None
    """How many shared files are archived. In profiles only."""
    chat_count: int | None = None
    """How many chats are archived. In profiles only."""
    has_chats: bool | None = None
    """Whether there are chats. In rows of older servers."""
    ever_imported: bool | None = None
    """Whether anything was imported. Some instances only."""
    links: list[Creator] | None = nested("Creator", many=True)
    """The same person's other pages. ``None`` until :meth:`get_links`."""
    tags: list[Tag] | None = nested("Tag", many=True)
    """The tags of their posts. ``None`` until :meth:`get_tags`."""
    announcements: list[Announcement] | None = nested("Announcement", many=True)
    """What they announced. ``None`` until :meth:`get_announcements`."""
    fancards: list[Fancard] | None = nested("Fancard", many=True)
    """Their membership cards (fanbox). ``None`` until :meth:`get_fancards`."""

    @relation("creators.profile", None, service="service", id="id")
    async def get_profile(self, force: bool = False) -> Creator | None:
        """The creator with what only the profile has."""

    @relation("creators.links", "links", service="service", id="id")
    async def get_links(self, force: bool = False) -> list[Creator] | None:
        """The same person's other pages."""

    @relation("creators.tags", "tags", service="service", id="id")
    async def get_tags(self, force: bool = False) -> list[Tag] | None:
        """The tags of the creator's posts."""

    @relation("creators.announcements", "announcements", service="service", id="id")
    async def get_announcements(self, force: bool = False) -> list[Announcement] | None:
        """What the creator announced."""

    @relation("creators.fancards", "fancards", service="service", id="id")
    async def get_fancards(self, force: bool = False) -> list[Fancard] | None:
        """The creator's membership cards (fanbox)."""


@dataclass(slots=True, init=False)
class Tag(KemonoItem):
    """A tag, and how often it is given (reference sections 9.4 and 10.8)."""

    tag: str | None = None
    """The tag."""
    post_count: int | None = None
    """How many posts have it."""


@dataclass(slots=True, init=False)
class Announcement(KemonoItem):
    """What a creator announced (reference section 9.4)."""

    key = ("service", "user_id", "hash")

    service: str | None = documented(SERVICES)
    """Where it was announced."""
    user_id: str | None = link()
    """Id of its creator there."""
    hash: str | None = None
    """SHA-256 of its text, as hexadecimal digits."""
    content: str | None = withheld(Personal.TEXT)
    """Its text. Withheld by default."""
    added: datetime | None = moment()
    """When it was imported; UTC."""
    published: datetime | None = moment(zoned=False)
    """When it was published, by the source site's clock."""


@dataclass(slots=True, init=False)
class Fancard(KemonoItem):
    """A creator's membership card on fanbox (reference section 9.4)."""

    key = ("id",)

    id: int | None = None
    """The card's number."""
    user_id: str | None = link()
    """Id of its creator on fanbox."""
    file_id: int | None = None
    """Number of the picture's file."""
    hash: str | None = None
    """SHA-256 of the picture, as hexadecimal digits."""
    mtime: datetime | None = moment()
    """When the file was changed; UTC."""
    ctime: datetime | None = moment()
    """When the file was made; UTC."""
    mime: str | None = None
    """The picture's media type."""
    ext: str | None = None
    """What the file's name ends in, with the dot."""
    added: datetime | None = moment()
    """When it was imported; UTC."""
    size: int | None = None
    """The file's bytes."""
    ihash: str | None = None
    """A hash of what the picture shows; mostly ``None``."""
    last_checked_at: datetime | None = moment()
    """When the file was last looked at; UTC."""
    price: str | None = None
    """What the membership costs, as it was sent."""
    path: str | None = withheld()
    """Its path on the file servers. Withheld by default."""
    server: str | None = withheld()
    """The file server that has it. Withheld by default."""


@dataclass(slots=True, init=False)
class Attachment(KemonoItem):
    """A file of a post or a message: what it is, not where (reference sections 2 and 10)."""

    hash: str | None = None
    """SHA-256 of the file, as hexadecimal digits; ``None`` in older paths, which lack it."""
    name: str | None = personal(Personal.NAME)
    """Its file name; ``None`` if there is an address or a path in its place."""
    extension: str | None = None
    """What its name ends in, with the dot."""
    path: str | None = withheld()
    """Its path on the file servers. Withheld by default."""
    server: str | None = withheld()
    """The file server that has it. Withheld by default; in details only."""
    url: str | None = withheld(Personal.NAME)
    """What stands in the place of the name, if that is an address or a path. Withheld by
    default."""


@dataclass(slots=True, init=False)
class Embed(KemonoItem):
    """Something of another site that is shown in a post or a message."""

    url: str | None = None
    """Its address."""
    subject: str | None = personal(Personal.TEXT)
    """Its title."""
    description: str | None = personal(Personal.TEXT)
    """What it is about."""


@dataclass(slots=True, init=False)
class PollChoice(KemonoItem):
    """What a poll lets one choose."""

    text: str | None = withheld(Personal.TEXT)
    """The choice. Withheld by default."""
    votes: int | None = None
    """How many chose it."""


@dataclass(slots=True, init=False)
class Poll(KemonoItem):
    """A question that a post asks (reference section 10.1)."""

    title: str | None = withheld(Personal.TEXT)
    """The question. Withheld by default."""
    description: str | None = withheld(Personal.TEXT)
    """What else is said about it. Withheld by default."""
    choices: list[PollChoice] | None = nested("PollChoice", many=True)
    """The answers."""
    closes_at: datetime | None = moment(zoned=False)
    """When it ends, by the source site's clock."""
    created_at: datetime | None = moment(zoned=False)
    """When it began, by the source site's clock."""
    allows_multiple: bool | None = None
    """Whether one may choose several."""


@dataclass(slots=True, init=False)
class IncompleteRewards(KemonoItem):
    """What of a paid post is archived (reference section 10.1)."""

    price: float | None = None
    """What it costs, in the service's currency."""
    media_count: int | None = None
    """How many files it has."""
    photo_count: int | None = None
    """How many of them are pictures."""
    video_count: int | None = None
    """How many of them are films."""
    complete: str | None = withheld()
    """What is archived of it, as it was sent: an undocumented shape, as JSON. Withheld by
    default."""
    incomplete: str | None = withheld()
    """What is lacking, as it was sent: an undocumented shape, as JSON. Withheld by default."""


@dataclass(slots=True, init=False)
class PostVersion(KemonoItem):
    """What a post and its older versions have in common (reference section 10.1)."""

    service: str | None = documented(SERVICES)
    """Where it was published."""
    user: str | None = link()
    """Id of its creator there."""
    id: str | None = None
    """Its id there; not always a number."""
    title: str | None = personal(Personal.TEXT)
    """Its title; may be empty."""
    substring: str | None = withheld(Personal.TEXT)
    """How its text begins, in lists. Withheld by default."""
    content: str | None = withheld(Personal.TEXT)
    """Its text, mostly HTML. Withheld by default; not in lists."""
    embed: Embed | None = nested("Embed", content=True)
    """What of another site it shows. Withheld by default."""
    shared_file: bool | None = None
    """Whether the file was shared by a user."""
    added: datetime | None = moment()
    """When it was imported; UTC. Of older versions it may be wrong."""
    published: datetime | None = moment(zoned=False)
    """When it was published, by the source site's clock."""
    edited: datetime | None = moment(zoned=False)
    """When it was last changed, by the source site's clock."""
    file: Attachment | None = nested("Attachment")
    """Its main file, such as a cover; often one of :attr:`attachments`, too."""
    attachments: list[Attachment] | None = nested("Attachment", many=True)
    """Its files."""
    poll: Poll | None = nested("Poll")
    """What it asks; ``None`` if nothing."""
    captions: str | None = withheld(Personal.TEXT)
    """Undocumented; as JSON, if it is no text. Withheld by default."""
    tags: list[str] | None = None
    """Its tags."""
    incomplete_rewards: IncompleteRewards | None = nested("IncompleteRewards")
    """What of a paid post is archived; ``None`` elsewhere."""
    next: str | None = None
    """Id of the creator's next older post. In details and favourites only."""
    prev: str | None = None
    """Id of the creator's next newer post. In details and favourites only."""


@dataclass(slots=True, init=False)
class Post(PostVersion):
    """What a creator published (reference section 10)."""

    key = ("service", "user", "id")

    fav_count: int | None = None
    """How many accounts had it as a favourite in the time that was asked for. In popular posts
    only."""
    faved_seq: int | None = None
    """Grows with each favourite of the account whose favourites were asked for, the last one that
    was if there were several."""
    flagged: str | None = None
    """The reason why it is marked for another import; ``None`` if it is not. In details only."""
    creator: Creator | None = nested("Creator")
    """Who published it. ``None`` until :meth:`get_creator`."""
    comments: list[Comment] | None = nested("Comment", many=True)
    """What was said about it. ``None`` until :meth:`get_comments`."""
    revisions: list[Revision] | None = nested("Revision", many=True)
    """Its older versions, the newest first. ``None`` until :meth:`get_revisions`."""

    @relation("posts.detail", None, service="service", user="user", id="id")
    async def get_detail(self, force: bool = False) -> Post | None:
        """The post with what lists leave out."""

    @relation("creators.profile", "creator", service="service", id="user")
    async def get_creator(self, force: bool = False) -> Creator | None:
        """Who published it."""

    @relation("posts.comments", "comments", service="service", user="user", id="id")
    async def get_comments(self, force: bool = False) -> list[Comment] | None:
        """What was said about it."""

    @relation("posts.revisions", "revisions", service="service", user="user", id="id")
    async def get_revisions(self, force: bool = False) -> list[Revision] | None:
        """Its older versions, the newest first."""


@dataclass(slots=True, init=False)
class Revision(PostVersion):
    """An older version of a post (reference section 11.1)."""

    key = ("service", "user", "id", "revision_id")

    revision_id: int | None = None
    """The version's number."""


@dataclass(slots=True, init=False)
class CommentRevision(KemonoItem):
    """An older version of a comment."""

    id: int | None = None
    """The version's number."""
    content: str | None = withheld(Personal.TEXT)
    """Its text. Withheld by default."""
    added: datetime | None = moment()
    """When it was imported; UTC."""


@dataclass(slots=True, init=False)
class Comment(KemonoItem):
    """What somebody said about a post (reference section 11.3)."""

    key = ("service", "user", "post", "id")

    service: str | None = documented(SERVICES)
    """Where the post was published."""
    user: str | None = link()
    """Id of the post's creator there."""
    post: str | None = link()
    """Id of the post there."""
    id: str | None = None
    """The comment's id."""
    parent_id: str | None = link()
    """Id of the comment that it answers; ``None`` if none."""
    commenter: str | None = personal(Personal.NAME)
    """Id of whoever said it."""
    commenter_name: str | None = personal(Personal.BYSTANDER)
    """Their name. Withheld by default."""
    content: str | None = withheld(Personal.TEXT)
    """What they said. Withheld by default."""
    published: datetime | None = moment(zoned=False)
    """When they said it, by the source site's clock."""
    revisions: list[CommentRevision] | None = nested("CommentRevision", many=True)
    """Its older versions."""


@dataclass(slots=True, init=False)
class DiscordUser(KemonoItem):
    """Somebody who writes, or is mentioned, in a Discord channel (reference section 13)."""

    id: str | None = personal(Personal.NAME)
    """Their id on Discord."""
    username: str | None = personal(Personal.BYSTANDER)
    """The name that only one has. Withheld by default."""
    global_name: str | None = personal(Personal.BYSTANDER)
    """The name that is shown. Withheld by default."""
    discriminator: str | None = personal(Personal.BYSTANDER)
    """What told equal names apart; ``"0"`` today. Withheld by default."""
    avatar: str | None = personal(Personal.BYSTANDER)
    """What identifies their picture. Withheld by default."""


@dataclass(slots=True, init=False)
class DiscordChannel(KemonoItem):
    """A channel of a Discord server (reference section 13)."""

    key = ("id",)

    id: str | None = None
    """The channel's id on Discord."""
    server_id: str | None = link()
    """Id of its server."""
    name: str | None = personal(Personal.NAME)
    """Its name."""
    parent_channel_id: str | None = link()
    """Id of the channel that it belongs to; ``None`` if none."""
    topic: str | None = personal(Personal.TEXT)
    """What it is about."""
    is_nsfw: bool | None = None
    """Whether it is marked as for adults."""
    type: int | None = None
    """0: text, 11: thread; there are others."""
    position: int | None = None
    """Where it stands among the others."""
    icon_emoji: str | None = None
    """Its icon; an undocumented shape, as JSON if it is no text."""
    post_count: int | None = None
    """How many messages are archived."""


@dataclass(slots=True, init=False)
class DiscordServer(KemonoItem):
    """A Discord server (reference section 13)."""

    key = ("id",)

    id: str | None = None
    """The server's id on Discord."""
    name: str | None = personal(Personal.NAME)
    """Its name."""
    indexed: datetime | None = moment()
    """When it was first imported; UTC."""
    updated: datetime | None = moment()
    """When something of it was last imported; UTC."""
    channels: list[DiscordChannel] | None = nested("DiscordChannel", many=True)
    """Its channels. ``None`` where the server lists without them, until :meth:`get_channels`."""

    @relation("discord.channels", "channels", server="id")
    async def get_channels(self, force: bool = False) -> list[DiscordChannel] | None:
        """Its channels."""


@dataclass(slots=True, init=False)
class DiscordMessage(KemonoItem):
    """What somebody wrote in a Discord channel (reference section 13)."""

    key = ("id",)

    id: str | None = None
    """The message's id on Discord."""
    author: DiscordUser | None = nested("DiscordUser")
    """Who wrote it."""
    server: str | None = link()
    """Id of the server."""
    channel: str | None = link()
    """Id of the channel."""
    content: str | None = withheld(Personal.TEXT)
    """What they wrote. Withheld by default."""
    added: datetime | None = moment()
    """When it was imported; UTC."""
    published: datetime | None = moment(zoned=False)
    """When they wrote it, by Discord's clock."""
    edited: datetime | None = moment(zoned=False)
    """When they last changed it, by Discord's clock."""
    embeds: list[Embed] | None = nested("Embed", many=True, content=True)
    """What of other sites it shows. Withheld by default."""
    mentions: list[DiscordUser] | None = nested("DiscordUser", many=True)
    """Whom it mentions."""
    attachments: list[Attachment] | None = nested("Attachment", many=True)
    """Its files."""
    seq: int | None = None
    """Its place in the channel, from 0, the oldest first."""


@dataclass(slots=True, init=False)
class AccountView(KemonoItem):
    """An account, as an administrator sees it (the seed's ``AccountView``)."""

    key = ("id",)

    id: int | None = None
    """The account's number."""
    username: str | None = personal(Personal.NAME)
    """The name that it logs in with."""
    created_at: datetime | None = moment()
    """When it was registered; UTC."""
    role: AccountRole | None = documented(AccountRole)
    """What it may do; a role that is not documented is its word."""


@dataclass(slots=True, init=False)
class CreatorLinkRequest(KemonoItem):
    """Somebody's wish that two creators be linked (reference section 7)."""

    key = ("id",)

    id: int | None = None
    """The request's number."""
    from_service: str | None = documented(SERVICES)
    """Where the one creator publishes."""
    from_id: str | None = link()
    """Id of the one creator there."""
    to_service: str | None = documented(SERVICES)
    """Where the other creator publishes."""
    to_id: str | None = link()
    """Id of the other creator there."""
    reason: str | None = personal(Personal.TEXT)
    """Why they are the same; may be empty."""
    requester_id: int | None = personal(Personal.NAME)
    """Number of the account that asks for it."""
    status: str | None = documented(["pending"])
    """What has become of it."""
    from_creator: Creator | None = nested("Creator")
    """The one creator. ``None`` until :meth:`get_from_creator`."""
    to_creator: Creator | None = nested("Creator")
    """The other creator. ``None`` until :meth:`get_to_creator`."""

    @relation("creators.profile", "from_creator", service="from_service", id="from_id")
    async def get_from_creator(self, force: bool = False) -> Creator | None:
        """The one creator."""

    @relation("creators.profile", "to_creator", service="to_service", id="to_id")
    async def get_to_creator(self, force: bool = False) -> Creator | None:
        """The other creator."""

    async def approve(self) -> bool:
        """Link the two creators.

        :returns: whether the server did it
        """
        return cast(bool, await cast(Any, client_of(self, "approve")).approve(self))

    async def reject(self) -> bool:
        """Refuse to link the two creators.

        :returns: whether the server did it
        """
        return cast(bool, await cast(Any, client_of(self, "reject")).reject(self))


@dataclass(slots=True, init=False)
class RoleChange(KemonoItem):
    """What a notification of another role says."""

    old_role: AccountRole | None = documented(AccountRole)
    """What the account might do before."""
    new_role: AccountRole | None = documented(AccountRole)
    """What it may do now."""


@dataclass(slots=True, init=False)
class Notification(KemonoItem):
    """What an account was told (reference section 5.3, after a server of 2023)."""

    key = ("id",)

    id: int | None = None
    """The notification's number."""
    account_id: int | None = link()
    """Number of the account."""
    type: int | None = None
    """1: the account's role was changed. No other is known."""
    created_at: datetime | None = moment()
    """When it was told; UTC."""
    extra_info: RoleChange | None = nested("RoleChange")
    """What was changed."""
    is_seen: bool | None = None
    """Whether the account had looked at it before."""
