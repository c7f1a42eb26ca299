"""Invented creators, and what they announce: reference sections 9.1 to 9.4."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Final, NamedTuple

from satchel.kemono.world.made import EPOCH, SERVICES, Record, digest, some_time, stored


class Part(NamedTuple):
    """A creator whom the checklist of section 19 asks for.

    :ivar posts: how many; None: as many as the world is told
    """

    word: str
    service: str
    name: str
    posts: int | None


CAST: Final = (
    Part("long", "patreon", "Example Studio", None),
    Part("fifty_one", "fanbox", "紙ひこうき工房", 51),
    Part("fifty", "patreon", "Atelier Crème Brûlée", 50),
    Part("single", "fanbox", "Quiet Harbour", 1),
    Part("empty", "patreon", "Nothing Yet", 0),
    Part("odd", "patreon", "Søren's “Odd” Box <b>", 13),
    Part("pair_a", "patreon", "Paper Kites", 4),
    Part("pair_b", "fanbox", "Paper Kites 日本", 3),
    Part("no_profile", "fanbox", "Лист", 2),
    Part("hidden", "patreon", "Gone Fishing", 2),
)
_NAMES: Final = ("Amber Field", "Ōtter Radio", "Copper Finch", "Maps & More", "Vélo Sketches")
_ORDINARY: Final = 8


def parts(count: int) -> Iterator[Part]:
    """The whole cast, then ordinary creators of all services up to *count*."""
    yield from CAST
    for n in range(count - len(CAST)):
        name = f"{_NAMES[n % len(_NAMES)]} {n}"
        yield Part("", SERVICES[n % len(SERVICES)], name, n * 3 % _ORDINARY + 1)


def creator(index: int, part: Part, rng: Random) -> Record:
    """One creator. ``updated`` and ``last_imported`` follow from its posts."""
    id_ = str((SERVICES.index(part.service) + 1) * 10_000_000 + index + 1)
    public_ids = (None, part.name.split()[0].casefold(), id_)
    indexed = some_time(rng, EPOCH, 60)
    record: Record = {
        "id": id_,
        "service": part.service,
        "name": part.name,
        "public_id": public_ids[index % 3],
        "indexed": indexed,
        "updated": indexed,
        "last_imported": None,
        "relation_id": {"pair_a": 1, "pair_b": 1}.get(part.word),
        "favorited": index * 37 % 101,
        "has_profile": part.word not in ("no_profile", "hidden"),
        "is_hidden": part.word == "hidden",
        "post_count": 0,
        "dm_count": index % 2,
        "share_count": None if part.word == "odd" else index % 3,
        "chat_count": 0,
    }
    record["announcements"] = [_announcement(n, record, rng) for n in range(index % 3)]
    record["fancards"] = [
        _fancard(n, record, rng) for n in range(index % 4 if part.service == "fanbox" else 0)
    ]
    return record


def _announcement(n: int, creator: Record, rng: Random) -> Record:
    content = f"<p>Next pack of {creator['name']} in May. Part {n}.</p>"
    record: Record = {
        "service": creator["service"],
        "user_id": creator["id"],
        "hash": digest(content),
        "content": content,
        "added": some_time(rng, creator["indexed"], 90),
    }
    if n == 0:
        record["published"] = None
    return record


def _fancard(n: int, creator: Record, rng: Random) -> Record:
    hash_ = digest(f"fancard:{creator['id']}:{n}")
    made = creator["indexed"].replace(microsecond=0)
    return {
        "id": int(creator["id"]) % 10_000_000 * 10 + n,
        "user_id": creator["id"],
        "file_id": 70_000 + int(creator["id"]) % 1_000 * 10 + n,
        "hash": hash_,
        "mtime": made,
        "ctime": made,
        "mime": "image/jpeg",
        "ext": ".jpg",
        "added": some_time(rng, creator["indexed"], 30),
        "size": 48_213 + n,
        "ihash": None,
        "last_checked_at": made + timedelta(days=400),
        "path": stored(hash_, "jpg"),
        "price": str(500 * (n + 1)),
        "server": "https://n1.example.test",
    }
