"""Kemono's JSON → items, and nothing else (reference sections 5 to 13 and 16).

One decoder for each class, then a reader for each kind of answer. The generations of the API are
read by the same tables: a key that one of them lacks leaves its field ``None`` and not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from satchel import answers
from satchel.answers import Page
from satchel.decode import (
    Decoder,
    Wire,
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
    Attachment,
    Creator,
    CreatorLinkRequest,
    Embed,
    IncompleteRewards,
    Poll,
    PollChoice,
    Post,
)
from satchel.kemono.values import AccountRole

_text: Final[Callable[[Any], str]] = text().convert


def _unpacked(value: Any) -> Any:
    """A value that may have been packed into a string, as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value) if value.strip() else None
    except RecursionError:
        raise ValueError("nested too deep") from None


def _object(decoder: Decoder[Any], key: str) -> Wire:
    """A nested item, also as a string; an empty object is none."""
    return Wire((key,), lambda value: decoder(value) if (value := _unpacked(value)) else None)


def _objects(decoder: Decoder[Any], key: str) -> Wire:
    """A list of nested items, also as strings; empty objects are none of them."""

    def convert(value: Any) -> list[Any]:
        value = _unpacked(value)
        if not isinstance(value, list):
            raise TypeError("not a list")
        return [decoder(member) for packed in value if (member := _unpacked(packed))]

    return Wire((key,), convert)


def _words(key: str) -> Wire:
    """A list of strings, also as PostgreSQL writes one: ``{a,"b c"}``."""

    def convert(value: Any) -> list[str]:
        if isinstance(value, str):
            return _postgresql_array(value)
        if not isinstance(value, list):
            raise TypeError("not a list")
        return [_text(word) for word in value if word is not None]

    return Wire((key,), convert)


_ELEMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}\\\s](?:[^",{}\\]|\\.)*)', re.DOTALL)


def _postgresql_array(value: str) -> list[str]:
    if not (value.startswith("{") and value.endswith("}")):
        raise ValueError("not an array")
    words: list[str] = []
    at, last = 1, len(value) - 1
    while last > 1:
        found = _ELEMENT.match(value, at, last)
        if found is None:
            raise ValueError("not an array")
        quoted, plain = found.groups()
        if quoted is not None or plain.upper() != "NULL":
            words.append(re.sub(r"\\(.)", r"\1", plain if quoted is None else quoted, flags=re.S))
        at = found.end() + 1
        if found.end() == last:
            break
        if value[found.end()] != ",":
            raise ValueError("not an array")
    return words


def _as_text(key: str) -> Wire:
    """A value of any shape: a string as it is, else its JSON."""

    def convert(value: Any) -> str:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()

    return Wire((key,), convert)


# A file. What has a slash is no file name: it says where the file is.

_LOCATION: Final = re.compile(r"[/\\]|%2f|%5c", re.IGNORECASE)
_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.[0-9a-z]{1,16}$", re.IGNORECASE)


def _name(value: Any) -> str | None:
    return None if _LOCATION.search(_text(value)) else value


def _address(value: Any) -> str | None:
    return value if _LOCATION.search(_text(value)) else None


def _hash(value: Any) -> str | None:
    found = _HASH.search(_text(value))
    return found[0].lower() if found else None


def _extension(value: Any) -> str | None:
    found = _EXTENSION.search(_text(value).partition("?")[0])
    return found[0] if found else None


def _role(value: Any) -> str:
    word = _text(value).lower()
    return AccountRole(word) if word in tuple(AccountRole) else word


ACCOUNT_VIEW: Final = Decoder(
    AccountView,
    {
        "id": integer("id"),
        "username": text("username"),
        "created_at": utc("created_at"),
        "role": Wire(("role",), _role),
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
        "hash": Wire(("hash", "path"), _hash),
        "name": Wire(("name",), _name),
        "extension": Wire(("extension", "name_extension", "path", "name"), _extension),
        "path": text("path"),
        "server": text("server"),
        "url": Wire(("name",), _address),
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
        "complete": _as_text("complete"),
        "incomplete": _as_text("incomplete"),
    },
)

_VERSION: Final = {
    "service": text("service"),
    "user": identifier("user", "user_id", "artist_id", "creator_id"),
    "id": identifier("id", "post_id"),
    "title": text("title"),
    "substring": text("substring"),
    "content": text("content"),
    "embed": _object(EMBED, "embed"),
    "shared_file": flag("shared_file"),
    "added": utc("added"),
    "published": wall_clock("published"),
    "edited": wall_clock("edited"),
    "file": _object(ATTACHMENT, "file"),
    "attachments": _objects(ATTACHMENT, "attachments"),
    "poll": part(POLL, "poll"),
    "captions": _as_text("captions"),
    "tags": _words("tags"),
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
