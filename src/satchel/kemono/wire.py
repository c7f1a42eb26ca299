"""Kemono's JSON → items, and nothing else (reference sections 5 to 13 and 16).

One decoder for each class, then a reader for each kind of answer. The generations of the API are
read by the same tables: a key that one of them lacks leaves its field ``None`` and not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from satchel import answers
from satchel.answers import Page
from satchel.decode import (
    Decoder,
    flag,
    identifier,
    integer,
    number,
    part,
    parts,
    text,
    utc,
    wall_clock,
)
from satchel.errors import DecodeError
from satchel.kemono.items import (
    AccountView,
    Announcement,
    Attachment,
    Comment,
    CommentRevision,
    Creator,
    CreatorLinkRequest,
    DiscordChannel,
    DiscordMessage,
    DiscordServer,
    DiscordUser,
    Embed,
    Fancard,
    IncompleteRewards,
    Notification,
    Poll,
    PollChoice,
    Post,
    Revision,
    RoleChange,
    Tag,
)
from satchel.kemono.shapes import (
    as_text,
    file_address,
    file_extension,
    file_hash,
    file_name,
    packed,
    packed_list,
    role,
    words,
)

ACCOUNT_VIEW: Final = Decoder(
    AccountView,
    {
        "id": integer("id"),
        "username": text("username"),
        "created_at": utc("created_at"),
        "role": role("role"),
    },
)

CREATOR: Final = Decoder(
    Creator,
    {
        "service": text("service"),
        "id": identifier("id", "artist_id", "user_id", "creator_id"),
        "name": text("name"),
        "public_id": identifier("public_id"),
        "relation_id": identifier("relation_id"),
        "indexed": utc("indexed"),
        "updated": utc("updated"),
        "last_imported": utc("last_imported"),
        "favorited": integer("favorited"),
        "faved_seq": integer("faved_seq"),
        "post_count": integer("post_count"),
        "dm_count": integer("dm_count"),
        "share_count": integer("share_count"),
        "chat_count": integer("chat_count"),
        "has_chats": flag("has_chats"),
        "ever_imported": flag("ever_imported"),
    },
)

ATTACHMENT: Final = Decoder(
    Attachment,
    {
        "hash": file_hash("hash", "path"),
        "name": file_name("name"),
        "extension": file_extension("extension", "name_extension", "path", "name"),
        "path": text("path"),
        "server": text("server"),
        "url": file_address("name"),
    },
)

EMBED: Final = Decoder(
    Embed,
    {
        "url": text("url"),
        "subject": text("subject", "title"),
        "description": text("description"),
    },
)

POLL_CHOICE: Final = Decoder(PollChoice, {"text": text("text"), "votes": integer("votes")})

POLL: Final = Decoder(
    Poll,
    {
        "title": text("title"),
        "description": text("description"),
        "choices": parts(POLL_CHOICE, "choices"),
        "closes_at": wall_clock("closes_at"),
        "created_at": wall_clock("created_at"),
        "allows_multiple": flag("allows_multiple"),
    },
)

INCOMPLETE_REWARDS: Final = Decoder(
    IncompleteRewards,
    {
        "price": number("price"),
        "media_count": integer("media_count"),
        "photo_count": integer("photo_count"),
        "video_count": integer("video_count"),
        "complete": as_text("complete"),
        "incomplete": as_text("incomplete"),
    },
)

_VERSION: Final = {
    "service": text("service"),
    "user": identifier("user", "user_id", "artist_id", "creator_id"),
    "id": identifier("id", "post_id"),
    "title": text("title"),
    "substring": text("substring"),
    "content": text("content"),
    "embed": packed(EMBED, "embed"),
    "shared_file": flag("shared_file"),
    "added": utc("added"),
    "published": wall_clock("published"),
    "edited": wall_clock("edited"),
    "file": packed(ATTACHMENT, "file"),
    "attachments": packed_list(ATTACHMENT, "attachments"),
    "poll": part(POLL, "poll"),
    "captions": as_text("captions"),
    "tags": words("tags"),
    "incomplete_rewards": part(INCOMPLETE_REWARDS, "incomplete_rewards"),
    "next": identifier("next"),
    "prev": identifier("prev"),
}

POST: Final = Decoder(
    Post,
    {
        **_VERSION,
        "fav_count": integer("fav_count"),
        "faved_seq": integer("faved_seq"),
        "flagged": text("flagged"),
    },
)

REVISION: Final = Decoder(Revision, {**_VERSION, "revision_id": integer("revision_id")})

TAG: Final = Decoder(
    Tag, {"tag": text("tag"), "post_count": integer("post_count")}, required=("tag",)
)

ANNOUNCEMENT: Final = Decoder(
    Announcement,
    {
        "service": text("service"),
        "user_id": identifier("user_id", "user", "artist_id", "creator_id"),
        "hash": text("hash"),
        "content": text("content"),
        "added": utc("added"),
        "published": wall_clock("published"),
    },
)

FANCARD: Final = Decoder(
    Fancard,
    {
        "id": integer("id"),
        "user_id": identifier("user_id", "user", "artist_id", "creator_id"),
        "file_id": integer("file_id"),
        "hash": text("hash"),
        "mtime": utc("mtime"),
        "ctime": utc("ctime"),
        "mime": text("mime"),
        "ext": text("ext"),
        "added": utc("added"),
        "size": integer("size"),
        "ihash": text("ihash"),
        "last_checked_at": utc("last_checked_at"),
        "price": identifier("price"),
        "path": text("path"),
        "server": text("server"),
    },
)

COMMENT_REVISION: Final = Decoder(
    CommentRevision, {"id": integer("id"), "content": text("content"), "added": utc("added")}
)

COMMENT: Final = Decoder(
    Comment,
    {
        "service": text("service"),
        "user": identifier("user"),
        "post": identifier("post"),
        "id": identifier("id"),
        "parent_id": identifier("parent_id"),
        "commenter": identifier("commenter"),
        "commenter_name": text("commenter_name"),
        "content": text("content"),
        "published": wall_clock("published"),
        "revisions": parts(COMMENT_REVISION, "revisions"),
    },
)

DISCORD_USER: Final = Decoder(
    DiscordUser,
    {
        "id": identifier("id"),
        "username": text("username"),
        "global_name": text("global_name"),
        "discriminator": identifier("discriminator"),
        "avatar": text("avatar"),
    },
)

DISCORD_CHANNEL: Final = Decoder(
    DiscordChannel,
    {
        "id": identifier("id"),
        "server_id": identifier("server_id"),
        "name": text("name"),
        "parent_channel_id": identifier("parent_channel_id"),
        "topic": text("topic"),
        "is_nsfw": flag("is_nsfw"),
        "type": integer("type"),
        "position": integer("position"),
        "icon_emoji": as_text("icon_emoji"),
        "post_count": integer("post_count"),
    },
)

DISCORD_SERVER: Final = Decoder(
    DiscordServer,
    {
        "id": identifier("id"),
        "name": text("name"),
        "indexed": utc("indexed"),
        "updated": utc("updated"),
        "channels": parts(DISCORD_CHANNEL, "channels"),
    },
)

DISCORD_MESSAGE: Final = Decoder(
    DiscordMessage,
    {
        "id": identifier("id"),
        "author": part(DISCORD_USER, "author"),
        "server": identifier("server"),
        "channel": identifier("channel"),
        "content": text("content"),
        "added": utc("added"),
        "published": wall_clock("published"),
        "edited": wall_clock("edited"),
        "embeds": packed_list(EMBED, "embeds"),
        "mentions": parts(DISCORD_USER, "mentions"),
        "attachments": packed_list(ATTACHMENT, "attachments"),
        "seq": integer("seq"),
    },
)

ROLE_CHANGE: Final = Decoder(
    RoleChange, {"old_role": role("old_role"), "new_role": role("new_role")}
)

NOTIFICATION: Final = Decoder(
    Notification,
    {
        "id": integer("id"),
        "account_id": integer("account_id"),
        "type": integer("type"),
        "created_at": utc("created_at"),
        "extra_info": packed(ROLE_CHANGE, "extra_info"),
        "is_seen": flag("is_seen"),
    },
)

CREATOR_LINK_REQUEST: Final = Decoder(
    CreatorLinkRequest,
    {
        "id": integer("id"),
        "from_service": text("from_service"),
        "from_id": identifier("from_id"),
        "to_service": text("to_service"),
        "to_id": identifier("to_id"),
        "reason": text("reason"),
        "requester_id": integer("requester_id"),
        "status": text("status"),
    },
)


# Whole answers: bytes in, values out.


@dataclass(frozen=True, slots=True)
class Posts(Page[Post]):
    """One page of posts.

    :ivar total: how many can be reached by paging, where the server says so
    :ivar true_total: how many there are
    """

    true_total: int | None = None


class Found(NamedTuple):
    """Where something is: a creator, or one of their posts.

    :ivar service: where it was published
    :ivar user: id of the creator
    :ivar post: id of the post; ``None``: the creator is meant
    """

    service: str
    user: str
    post: str | None


def read_creator(body: bytes, client: Any = None) -> Creator | None:
    """A creator's profile; ``None`` when there is nothing."""
    value = answers.parse("Creator", body)
    return None if value is None else CREATOR(value, client)


def read_creators(body: bytes, client: Any = None) -> Page[Creator]:
    """A list of creators: all of them, favourites, or those that one is linked with."""
    rows, _ = _listed("list of Creator", body, "creators", "results")
    return answers.page(CREATOR, rows, client)


def read_posts(body: bytes, client: Any = None) -> Posts:
    """A list of posts: a creator's, a search's, favourites, or what is popular."""
    rows, envelope = _listed("list of Post", body, "posts", "results")
    page = answers.page(POST, rows, client)
    total, true = (answers.count(envelope.get(key)) for key in ("count", "true_count"))
    return Posts(page.items, page.errors, total, true)


def read_post(body: bytes, client: Any = None) -> Post | None:
    """One post: by itself, in the envelope of details, or in a list of one.

    ``None`` when there is nothing.
    """
    value = answers.parse("Post", body)
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict) and "post" in value:
        value = _from_details(value)
    return None if value is None else POST(value, client)


def _from_details(details: dict[str, Any]) -> Any:
    """The post of an envelope, with what the envelope says of it and of its files."""
    post, props = details["post"], details.get("props")
    if not isinstance(post, dict):
        return post
    said = {key: value for key, value in post.items() if key not in ("file", "attachments")}
    servers = _servers(details)
    for key in post.keys() - said.keys():
        said[key] = _served(post[key], servers)
    if isinstance(props, dict) and "flagged" in props:
        said["flagged"] = props["flagged"]
    return said


def _servers(details: dict[str, Any]) -> dict[str, Any]:
    """Path → the server that has the file."""
    lists = (details.get(key) for key in ("attachments", "previews", "videos"))
    rows = [row for rows in lists if isinstance(rows, list) for row in rows]
    return {
        row["path"]: row["server"]
        for row in rows
        if isinstance(row, dict) and "server" in row and isinstance(row.get("path"), str)
    }


def _served(file: Any, servers: dict[str, Any]) -> Any:
    """A file, or a list of them, with its server."""
    if isinstance(file, list):
        return [_served(member, servers) for member in file]
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or path not in servers:
        return file
    return {**file, "server": servers[path]}


def read_found(body: bytes) -> Found | None:
    """Where a random creator or post is, or a post of which only the id was known."""
    value = answers.parse("place of a post", body)
    if value is None:
        return None
    if isinstance(value, dict) and "post_id" in value:
        post = POST(value)
        return Found(post.service or "", post.user or "", post.id)
    creator = CREATOR(value)
    return Found(creator.service or "", creator.id or "", None)


def read_revisions(body: bytes, client: Any = None) -> Page[Revision]:
    """The older versions of a post: by themselves, or in the envelope of its details.

    Details number them, and have the post as it is among them; that is no revision.
    """
    rows, _ = _listed("list of Revision", body, "revisions")
    numbered = [row[1] if isinstance(row, list) and len(row) == 2 else row for row in rows]
    older = [
        row
        for row, sent in zip(numbered, rows, strict=True)
        if row is sent or not isinstance(row, dict) or "revision_id" in row
    ]
    return answers.page(REVISION, older, client)


def read_comments(
    body: bytes, service: str, user: str, post: str, client: Any = None
) -> Page[Comment]:
    """The comments of a post, which they do not name."""
    rows, _ = _listed("list of Comment", body, "comments")
    place = {"service": service, "user": user, "post": post}
    return answers.page(COMMENT, _placed(rows, place), client)


def read_tags(body: bytes, client: Any = None) -> Page[Tag]:
    """The tags of a creator's posts, or of all."""
    rows, _ = _listed("list of Tag", body, "tags")
    return answers.page(TAG, rows, client)


def read_announcements(body: bytes, client: Any = None) -> Page[Announcement]:
    """What a creator announced."""
    rows, _ = _listed("list of Announcement", body, "announcements")
    return answers.page(ANNOUNCEMENT, rows, client)


def read_fancards(body: bytes, client: Any = None) -> Page[Fancard]:
    """A creator's membership cards."""
    rows, _ = _listed("list of Fancard", body, "fancards")
    return answers.page(FANCARD, rows, client)


def read_server(body: bytes, client: Any = None) -> DiscordServer | None:
    """A Discord server; ``None`` when there is nothing."""
    value = answers.parse("DiscordServer", body)
    return None if value is None else DISCORD_SERVER(value, client)


def read_channels(body: bytes, server: str, client: Any = None) -> Page[DiscordChannel]:
    """The channels of a Discord server, which they do not name."""
    rows, _ = _listed("list of DiscordChannel", body, "channels")
    return answers.page(DISCORD_CHANNEL, _placed(rows, {"server_id": server}), client)


def read_messages(body: bytes, client: Any = None) -> Page[DiscordMessage]:
    """The messages of a Discord channel."""
    rows, _ = _listed("list of DiscordMessage", body, "messages")
    return answers.page(DISCORD_MESSAGE, rows, client)


def read_notifications(body: bytes, client: Any = None) -> Page[Notification]:
    """What an account was told (a body that nobody recorded: section 5.3)."""
    rows, _ = _listed("list of Notification", body, "notifications")
    return answers.page(NOTIFICATION, rows, client)


def read_account(body: bytes, client: Any = None) -> AccountView | None:
    """An account: by itself (a login's answer) or on its own page."""
    value = answers.parse("AccountView", body)
    if isinstance(value, dict) and "props" in value:
        value = answers.member("AccountView", value["props"], "account")
    return None if value is None else ACCOUNT_VIEW(value, client)


def read_accounts(body: bytes, client: Any = None) -> Page[AccountView]:
    """What an administrator sees of accounts (bodies that nobody recorded: section 8)."""
    rows, envelope = _listed("list of AccountView", body, "accounts", "data")
    pages = envelope.get("pagination")
    total = answers.count(pages.get("count")) if isinstance(pages, dict) else None
    return answers.page(ACCOUNT_VIEW, rows, client, total=total)


def read_link_requests(body: bytes, client: Any = None) -> Page[CreatorLinkRequest]:
    """Link requests that nobody has decided on."""
    rows, _ = _listed("list of CreatorLinkRequest", body, "requests")
    return answers.page(CREATOR_LINK_REQUEST, rows, client)


def read_error(body: bytes) -> str | None:
    """What the server says is wrong; ``None`` where it does not say it in the documented way."""
    try:
        value = answers.parse("error", body)
    except DecodeError:
        return None
    said = value.get("error") if isinstance(value, dict) else None
    return said if isinstance(said, str) and said else None


def read_done(body: bytes) -> bool | None:
    """Whether something was done; ``None`` where the answer does not say."""
    try:
        value = answers.parse("true or false", body)
    except DecodeError:
        return None
    return value if isinstance(value, bool) else None


def _placed(rows: list[Any], place: dict[str, str]) -> list[Any]:
    """Rows with what they do not say themselves: what they were asked of."""
    return [{**row, **place} if isinstance(row, dict) else row for row in rows]


def _listed(expected: str, body: bytes, *keys: str) -> tuple[list[Any], dict[str, Any]]:
    """The rows of a list, bare or in an envelope under one of *keys*, and what else is in that."""
    value = answers.parse(expected, body)
    if not isinstance(value, dict):
        return answers.rows(expected, value), {}
    props = value.get("props")
    envelope = {**(props if isinstance(props, dict) else {}), **value}
    for key in keys:
        if key in envelope:
            return answers.rows(expected, envelope[key]), envelope
    raise DecodeError(expected, f"no {keys[0]}")
