"""Records as wire JSON: reference sections 3, 6, 9 to 11 and 13."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import msgspec

from satchel.kemono.sandbox.index import files_of
from satchel.kemono.world import Record

_SUMMARY: Final = ("id", "user", "service", "title", "published", "attachments")
_FULL: Final = (
    "id",
    "user",
    "service",
    "title",
    "content",
    "embed",
    "shared_file",
    "added",
    "published",
    "edited",
    "attachments",
    "poll",
    "captions",
    "tags",
)
_IMAGES: Final = (".gif", ".jpg", ".jpe", ".jpeg", ".png", ".webp")
_VIDEOS: Final = (".mp4", ".webm", ".m4v")


def encode(value: object) -> bytes:
    """JSON. Times have no zone, and a fraction of 6 digits or none (section 1.6)."""
    return msgspec.json.encode(value)


def pick(record: Record, names: Iterable[str]) -> Record:
    """Some keys of a record."""
    return {name: record[name] for name in names if name in record}


# Accounts


def account(record: Record) -> Record:
    """Section 3.3."""
    return pick(record, ("id", "username", "created_at", "role"))


# Creators


def listed(creator: Record) -> Record:
    """A row of all creators (section 9.1): times are whole UNIX seconds."""
    row = pick(creator, ("favorited", "id", "indexed", "name", "service", "updated"))
    return row | {name: timegm(row[name].timetuple()) for name in ("indexed", "updated")}


def linked(creator: Record, relation: int | None) -> Record:
    """A row of the creators that are linked (section 9.3)."""
    names = ("id", "public_id", "service", "name", "indexed", "updated")
    # Some servers write it as text (quirk Q4).
    return pick(creator, names) | {"relation_id": None if relation is None else str(relation)}


def profile(creator: Record, relation: int | None) -> Record:
    """Section 9.2."""
    counts = ("post_count", "dm_count", "share_count", "chat_count")
    return linked(creator, relation) | pick(creator, counts) | {"relation_id": relation}


def profile_classic(creator: Record, relation: int | None) -> Record:
    """Section 9.2, at the end: no counts, and times without a fraction."""
    row = linked(creator, relation) | {"relation_id": relation, "ever_imported": True}
    return row | {name: row[name].replace(microsecond=0) for name in ("indexed", "updated")}


def favourite(creator: Record, relation: int | None, number: int) -> Record:
    """A row of an account's favourite creators (section 6.1)."""
    return (
        linked(creator, relation)
        | pick(creator, ("last_imported",))
        | {"relation_id": relation, "faved_seq": number}
    )


# Posts


def summary(post: Record, quirks: Record) -> Record:
    """A row of a list in generation C (section 10.1)."""
    row = pick(post, _SUMMARY) | {"file": post["file"] or {}, "substring": substring(post)}
    return row | pick(quirks, ("file",))


def full(post: Record, quirks: Record) -> Record:
    """A row with the content, as favourites and older servers list it."""
    return pick(post, _FULL) | {"file": post["file"] or {}} | pick(quirks, ("file", "tags"))


def bare(post: Record, quirks: Record, neighbours: Record) -> Record:
    """A detail of section 10.1, without its wrapper."""
    return full(post, quirks) | pick(post, ("incomplete_rewards",)) | neighbours


def detail(post: Record, quirks: Record, neighbours: Record, flag: str | None) -> Record:
    """A post with all around it (section 10.3)."""
    row = bare(post, quirks, neighbours)
    versions = [row, *(revision(old, {}) for old in post["revisions"])]
    return _wrapped(post, row) | {
        "props": {
            "flagged": flag,
            "revisions": [[len(versions) - 1 - n, each] for n, each in enumerate(versions)],
        }
    }


def old_detail(old: Record, flag: str | None) -> Record:
    """One revision with all around it (section 11.2)."""
    return _wrapped(old, revision(old, {})) | {"props": {"flagged": flag, "revisions": []}}


def _wrapped(post: Record, row: Record) -> Record:
    files = [_served(file) for file in files_of(post)]
    others = [file for file in files if file["extension"] not in _IMAGES]
    return {
        "post": row,
        "attachments": [{**file, "stem": _stem(file["path"])} for file in others],
        "previews": [_preview(file) for file in files if file["extension"] in _IMAGES]
        + _embed(post["embed"]),
        "videos": [
            {"index": n, **file} for n, file in enumerate(others) if file["extension"] in _VIDEOS
        ],
    }


def _served(file: Record) -> Record:
    path: str = file["path"]
    name: str = file.get("name", path)
    return {
        "server": f"https://n{crc32(path.encode()) % 4 + 1}.example.test",
        "name": name,
        "extension": _extension(path),
        "name_extension": _extension(name),
        "path": path,
    }


def _preview(file: Record) -> Record:
    return {"type": "thumbnail"} | pick(file, ("server", "name", "path"))


def _embed(embed: Record) -> list[Record]:
    return [{"type": "embed", **embed}] if embed else []


def _extension(name: str) -> str:
    return "." + name.rpartition(".")[2]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def substring(post: Record) -> str:
    """The first 50 characters of the text, without tags."""
    return re.sub("<[^>]*>", "", post["content"] or "")[:50]


def revision(old: Record, quirks: Record) -> Record:
    """An older version; ``quirks`` may say that its files are JSON in strings (quirk Q8)."""
    row = full(old, {}) | pick(old, ("revision_id",))
    if quirks.get("revisions") == "encoded":
        row["file"] = encode(row["file"]).decode()
        row["attachments"] = [encode(file).decode() for file in row["attachments"]]
    return row


# Files and Discord


def found_file(hash_: str, posts: list[Record], messages: list[Record]) -> Record:
    """What has a file (section 12.1)."""
    some = next(f for row in (*posts, *messages) for f in files_of(row) if hash_ in f["path"])
    id_ = int(hash_[:6], 16)
    made = datetime(2029, 6, 1)
    return {
        "id": id_,
        "hash": hash_,
        "mtime": made,
        "ctime": made,
        "mime": "application/octet-stream",
        "ext": _extension(some["path"]),
        "added": made.replace(day=2, microsecond=678_901),
        "size": 48_213,
        "ihash": None,
        "posts": [{"file_id": id_, **summary(post, {})} for post in posts] or None,
        "discord_posts": [{"file_id": id_, **_found_message(row)} for row in messages] or None,
    }


def _found_message(row: Record) -> Record:
    names = ("id", "server", "channel", "embeds", "mentions", "attachments")
    return pick(row, names) | {
        "substring": (row["content"] or "")[:50],
        "published": _milliseconds(row["published"]),
    }


def message(row: Record) -> Record:
    """A Discord message (section 13); ``published`` has a fraction of 3 or 6 digits or none."""
    return row | {"published": _milliseconds(row["published"])} if row["seq"] % 2 else row


def _milliseconds(time: Any) -> Any:
    return time and time.isoformat(timespec="milliseconds")
