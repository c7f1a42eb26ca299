"""The world in the orders in which it is listed. What a server does not show is not in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

from satchel.kemono.world import Key, PostKey, Record, World


class Index:
    """A world as one server shows it.

    :param services: those whose creators it has; None: all
    """

    def __init__(self, world: World, services: Collection[str] | None) -> None:
        self.world: Final = world
        shown = {
            key: record
            for key, record in world.creators.items()
            if services is None or key[0] in services
        }
        self.creators: Final = {
            key: record for key, record in shown.items() if not record["is_hidden"]
        }
        self._all_posts = {key: row for key, row in world.posts.items() if key[:2] in shown}

    # Creators

    def creator(self, key: Key) -> Record | None:
        """A creator that a request by id finds: listed, and with a profile."""
        found = self.creators.get(key)
        return found if found and found["has_profile"] else None

    # Posts

    def post(self, key: PostKey) -> Record | None:
        """A post that a request by id finds; that of a hidden creator too (quirk Q23)."""
        return self._all_posts.get(key)

    def of(self, key: Key) -> Sequence[Record]:
        """The posts of a creator, the newest first."""
        return self._by_creator.get(key, ())

    def neighbours(self, post: Record) -> Record:
        """The next post is the older one."""
        rows = self.of((post["service"], post["user"]))
        at = next((n for n, row in enumerate(rows) if row is post), None)
        if at is None:
            return {"next": None, "prev": None}
        return {
            "next": rows[at + 1]["id"] if at + 1 < len(rows) else None,
            "prev": rows[at - 1]["id"] if at else None,
        }

    @cached_property
    def _by_creator(self) -> dict[Key, list[Record]]:
        found: defaultdict[Key, list[Record]] = defaultdict(list)
        for post in newest(self.posts, "published"):
            found[post["service"], post["user"]].append(post)
        return found

    @cached_property
    def posts(self) -> list[Record]:
        """All posts, the newest import first."""
        rows = (row for key, row in self._all_posts.items() if key[:2] in self.creators)
        return newest(rows, "added")

    @cached_property
    def by_id(self) -> dict[tuple[str, str], Record]:
        """The posts by service and id, which are enough to find one."""
        return {(key[0], key[2]): post for key, post in self._all_posts.items()}

    @cached_property
    def files(self) -> dict[str, list[Record]]:
        """The posts that have a file, by its hash."""
        return _by_hash(self.posts)

    @cached_property
    def shared_files(self) -> dict[str, list[Record]]:
        """The Discord messages that have a file, by its hash."""
        return _by_hash(row for rows in self.world.messages.values() for row in rows)


def newest(rows: Iterable[Record], name: str) -> list[Record]:
    """The latest first, by id where that is the same; what has no time comes before all."""
    return sorted(
        sorted(rows, key=lambda row: str(row["id"])),
        key=lambda row: row[name] or datetime.max,
        reverse=True,
    )


def tags(posts: Iterable[Record]) -> list[Record]:
    """How many of some posts have each tag, the most frequent first."""
    counted = Counter(tag for post in posts for tag in post["tags"] or ())
    return [{"tag": tag, "post_count": count} for tag, count in counted.most_common()]


def files_of(row: Record) -> list[Record]:
    """The files of a post or message, the cover first."""
    cover = row.get("file")
    return [file for file in (cover, *row["attachments"]) if file and "path" in file]


def _by_hash(rows: Iterable[Record]) -> dict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for row in rows:
        for hash_ in {_hash(file["path"]) for file in files_of(row)}:
            found[hash_].append(row)
    return found


def _hash(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].partition(".")[0]
