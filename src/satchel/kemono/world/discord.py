"""An invented Discord server: reference section 13."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from satchel.kemono.world.made import EPOCH, Record, digest, file, some_time

SERVER: Final = "80000000"
STEP: Final = 150


class Room(NamedTuple):
    """A channel: its name, how many messages, its type, its parent's place in the list."""

    name: str
    messages: int
    type: int = 0
    parent: int | None = None


ROOMS: Final = (
    Room("announcements", STEP + 1),
    Room("雑談", STEP),
    Room("sketches", 3, 11, 0),
    Room("empty", 0),
)


def server() -> Record:
    """The server, as a creator."""
    indexed = EPOCH + timedelta(days=20, microseconds=678_901)
    return {
        "id": SERVER,
        "service": "discord",
        "name": "Example Server ⛵",
        "public_id": None,
        "indexed": indexed,
        "updated": indexed,
        "last_imported": None,
        "relation_id": None,
        "favorited": 5,
        "has_profile": True,
        "is_hidden": False,
        "post_count": 0,
        "dm_count": 0,
        "share_count": 0,
        "chat_count": len(ROOMS),
        "announcements": [],
        "fancards": [],
    }


def channel(index: int) -> Record:
    """One channel."""
    room = ROOMS[index]
    return {
        "id": _channel_id(index),
        "server_id": SERVER,
        "name": room.name,
        "parent_channel_id": None if room.parent is None else _channel_id(room.parent),
        "topic": "What is new" if index == 0 else None,
        "is_nsfw": False,
        "type": room.type,
        "position": index + 1,
        "icon_emoji": None,
        "post_count": None if index == 2 else room.messages,
    }


def messages(index: int, rng: Random) -> list[Record]:
    """The messages of a channel, the oldest first."""
    return [_message(n, index, rng) for n in range(ROOMS[index].messages)]


def _channel_id(index: int) -> str:
    return str(int(SERVER) + 1 + index)


def _message(n: int, index: int, rng: Random) -> Record:
    id_ = str(81_000_000 + index * 10_000 + n)
    published = EPOCH + timedelta(days=30, minutes=n * 11, milliseconds=rng.randrange(1000))
    return {
        "id": id_,
        "author": _author(rng),
        "server": SERVER,
        "channel": _channel_id(index),
        "content": None if n % 40 == 39 else f"Hello no. {n} ⛵",
        "added": some_time(rng, published, 30),
        "published": published,
        "edited": published + timedelta(hours=1) if n % 20 == 5 else None,
        "embeds": [{"type": "link", "url": f"https://maps.example.test/{n}"}]
        if n % 30 == 7
        else [],
        "mentions": [_author(rng)] if n % 25 == 3 else [],
        "attachments": [file("map.png", f"discord:{id_}")] if n % 10 == 0 else [],
        "seq": n,
        "revisions": _revisions(n, published),
    }


def _author(rng: Random) -> Record:
    number = rng.randrange(12)
    return {
        "id": str(82_000_000 + number),
        "avatar": None if number % 2 else digest(f"avatar:{number}")[:32],
        "username": f"sample_user_{number}",
        "global_name": None if number % 3 == 2 else f"Sample User {number}",
        "discriminator": "0",
        "public_flags": 0,
    }


def _revisions(n: int, published: datetime) -> list[Record]:
    if n % 50 != 5:
        return []
    return [{"id": n, "content": "Hallo", "added": published + timedelta(minutes=5)}]
