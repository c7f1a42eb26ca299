"""Invented posts, their revisions and comments: reference sections 10 and 11."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from satchel.kemono.world.made import EPOCH, NOW, TAGS, Record, digest, file, some_time, stored

_SUBJECTS: Final = (
    "Landscape study",
    "Étude de côte",
    "Layered file",
    "ラジオ podcast",
    "Kite plan",
)
_REMARKS: Final = ("Nice colours.", "Très beau ⛵", "好き", "“Which brush?”", "Thank you!")
_MOST: Final = 1_000_000
"""Posts that a creator can have before ids meet."""


def post(n: int, count: int, index: int, creator: Record, rng: Random) -> Record:
    """The *n*-th of *count* posts, the oldest first, of the creator with that *index*.

    The record is what a detail says, and beside it what other answers are made of: ``comments``,
    ``revisions``, ``flag`` (why it was flagged, or None).
    """
    # Every tenth was published together with the one before.
    ago = timedelta(days=7 + index % 60, hours=(count - n + (n % 10 == 7)) * 4, minutes=index)
    published = NOW - ago
    if n % 9 == 4:
        published += timedelta(microseconds=483_000)
    record: Record = {
        "id": _id(n, index, creator["service"], rng),
        "user": creator["id"],
        "service": creator["service"],
        "title": f"{_SUBJECTS[n % 5]} {n}" if n % 23 != 11 else "",
        "content": _content(n, creator),
        "embed": _embed(n),
        "shared_file": n % 31 == 30,
        "added": some_time(rng, published, 3),
        "published": published,
        "edited": published + timedelta(days=2) if n % 5 == 1 else None,
        **_files(n, creator),
        "poll": _poll(n, rng) if n % 19 == 8 else None,
        "captions": None,
        "tags": [TAGS[(n + k) % len(TAGS)] for k in range(n % 4)] if n % 7 != 6 else None,
        "incomplete_rewards": _rewards(n) if n % 37 == 20 else None,
        "flag": "reason-other" if n % 29 == 12 else None,
    }
    record["revisions"] = _revisions(n, record, rng)
    record["comments"] = _comments(n, record, rng)
    return record


def _id(n: int, index: int, service: str, rng: Random) -> str:
    number = 20_000_000 + index * _MOST + n
    if service == "gumroad":
        return f"pack-{number:x}"
    if service == "boosty":
        return str(UUID(int=rng.getrandbits(128), version=4))
    return str(number)


def _content(n: int, creator: Record) -> str:
    if n % 17 == 5:
        return ""
    text = f"<p>Three colour tests and the layered file of {creator['name']}, no. {n}.</p>"
    if n % 13 == 4:
        hash_ = digest(f"inline:{creator['id']}:{n}")
        return f'{text}<img src="{stored(hash_, "png")}">'
    return text


def _embed(n: int) -> Record:
    if n % 11 != 6:
        return {}
    return {
        "url": f"https://maps.example.test/{n}",
        "subject": f"Map {n}",
        "description": "How to get there." if n % 2 else None,
    }


def _files(n: int, creator: Record) -> Record:
    salt = f"{creator['service']}:{creator['id']}:{n}"
    cover = file("cover.png", salt) if n % 4 != 3 else None
    kinds = ("layers.zip", "sketch.jpg", "process.mp4")
    attachments = [file(name, salt) for name in kinds[: n % 4]]
    if cover and n % 6 == 2:
        attachments.insert(0, cover)
    return {"file": cover, "attachments": attachments}


def _poll(n: int, rng: Random) -> Record:
    return {
        "title": f"What next, after {n}?",
        "description": None,
        "choices": [{"text": text, "votes": rng.randrange(90)} for text in ("Sea", "Hills")],
        "closes_at": EPOCH + timedelta(days=n + 7),
        "created_at": EPOCH + timedelta(days=n),
        "allows_multiple": n % 2 == 0,
    }


def _rewards(n: int) -> Record:
    return {
        "price": 5,
        "media_count": n,
        "photo_count": n - 1,
        "video_count": 1,
        "complete": [],
        "incomplete": ["video"],
    }


def _revisions(n: int, post: Record, rng: Random) -> list[Record]:
    """Older versions, the newest first; two in a row can be the same (section 11.1)."""
    found = []
    for k in range((0, 0, 0, 1, 0, 3)[n % 6]):
        changed: dict[str, Any] = {
            "title": f"{post['title']} (draft)",
            "content": "<p>Coming soon.</p>",
            "added": None if k == 1 else some_time(rng, post["published"], 1),
            "attachments": post["attachments"][:1],
            "revision_id": int(digest(f"{post['id']}:{k}")[:7], 16),
        }
        kept = ("id", "user", "service", "embed", "shared_file", "published", "edited", "file")
        found.append({name: post[name] for name in (*kept, "poll", "captions", "tags")} | changed)
    return found


def _comments(n: int, post: Record, rng: Random) -> list[Record]:
    found: list[Record] = []
    for k in range(n % 4):
        commenter = 60_000_000 + rng.randrange(40)
        record: Record = {
            "id": str(int(digest(f"comment:{post['service']}:{post['id']}:{k}")[:9], 16)),
            "parent_id": found[0]["id"] if k == 2 else None,
            "commenter": str(commenter),
            "commenter_name": None if k == 1 else f"sample-commenter-{commenter % 100}",
            "content": _REMARKS[(n + k) % len(_REMARKS)],
            "published": some_time(rng, post["published"], 5),
        }
        if k < 2:
            record["revisions"] = _remark_revisions(k, record)
        found.append(record)
    return found


def _remark_revisions(k: int, comment: Record) -> list[Record]:
    if k == 0:
        return []
    added = comment["published"] + timedelta(days=1, microseconds=123_456)
    return [{"id": int(comment["id"]) % 1_000, "content": "Nice colors.", "added": added}]
