"""What all of a synthetic world is made of: its times, its words, the names of its files."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Final

Record = dict[str, Any]
Key = tuple[str, str]
"""Service and id of a creator."""
PostKey = tuple[str, str, str]
"""Service, creator and id of a post."""

NOW: Final = datetime(2030, 6, 1, 12)
EPOCH: Final = datetime(2029, 1, 1)

SERVICES: Final = (
    "patreon",
    "fanbox",
    "gumroad",
    "subscribestar",
    "fantia",
    "boosty",
    "afdian",
    "dlsite",
)
"""Those that have posts; Discord has servers (section 2)."""
TAGS: Final = ("landscape", "study", "layered file", "podcast", "風景", "étude", "kites")


def digest(text: str) -> str:
    """The hash of an invented file."""
    return sha256(text.encode()).hexdigest()


def stored(hash_: str, extension: str) -> str:
    """Where a file is stored (section 2)."""
    return f"/{hash_[:2]}/{hash_[2:4]}/{hash_}.{extension}"


def file(name: str, salt: str) -> Record:
    """A file with a name and a stored path."""
    return {"name": name, "path": stored(digest(f"{salt}:{name}"), name.rpartition(".")[2])}


def some_time(rng: Random, after: datetime, days: float) -> datetime:
    """A time with microseconds, which are zero now and then (section 1.6)."""
    seconds = int(rng.random() * days * 86_400)
    fraction = 0 if rng.random() < 0.1 else rng.randrange(1, 1_000_000)
    return after + timedelta(seconds=seconds, microseconds=fraction)
