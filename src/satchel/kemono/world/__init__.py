"""A deterministic, synthetic world: the truth behind the sandbox of Kemono's API.

Records are plain dicts keyed as on the wire. Times are datetimes without a zone: those at which
something was published or edited are of the source site's clock, all others UTC. Nothing here reads
the clock: the world's present is :data:`NOW`.
"""

from __future__ import annotations

from random import Random
from typing import Final, TypeVar

from satchel.kemono.world import accounts, creators, discord, oddities, posts
from satchel.kemono.world.accounts import ADMIN, CONSUMER, MODERATOR, password_of
from satchel.kemono.world.made import NOW, SERVICES, Key, PostKey, Record

T = TypeVar("T")

__all__ = [
    "ADMIN",
    "CONSUMER",
    "MODERATOR",
    "NOW",
    "SERVICES",
    "Key",
    "PostKey",
    "Record",
    "World",
    "password_of",
]


class World:
    """The truth that a sandbox serves and that a crawl is compared with.

    The same arguments make the same world.

    :param creators: how many, Discord's not counted; the cast that tests need is always there
    :param posts: of the first creator
    :param accounts: how many; three at least
    """

    def __init__(
        self, seed: int = 1, *, creators: int = 26, posts: int = 120, accounts: int = 40
    ) -> None:
        self.seed: Final = seed
        self.now: Final = NOW
        self.cast: Final[dict[str, Key]] = {}
        """The creators that the reference's checklist asks for, by word: ``long`` (many posts),
        ``fifty_one``, ``fifty``, ``single``, ``empty``, ``odd``, ``pair_a`` and ``pair_b`` (they
        are linked), ``no_profile`` (listed only), ``hidden`` (in no list)."""
        self.creators: Final[dict[Key, Record]] = {}
        self.posts: Final[dict[PostKey, Record]] = {}
        self.quirks: Final[dict[PostKey, Record]] = {}
        """What a post has otherwise on the wire than its truth would be written."""
        self._make_creators(creators, posts)
        self.channels: Final[dict[str, Record]] = {}
        """Of the one Discord server."""
        self.messages: Final[dict[str, list[Record]]] = {}
        """By channel, the oldest first."""
        self._make_discord()
        self.accounts: Final = {id_: _account(id_) for id_ in range(1, max(accounts, 3) + 1)}
        self.favourite_creators: Final[dict[int, list[Key]]] = {}
        self.favourite_posts: Final[dict[int, list[PostKey]]] = {}
        self._make_favourites()
        self.link_requests: Final = self._make_link_requests()

    def _rng(self, kind: str) -> Random:
        # One generator for each kind: more creators do not change the accounts.
        return Random(f"{self.seed}:{kind}")

    def _make_creators(self, count: int, most: int) -> None:
        for index, part in enumerate(creators.parts(count)):
            rng = self._rng(f"creator:{index}")
            record = creators.creator(index, part, rng)
            key = record["service"], record["id"]
            self.creators[key] = record
            if part.word:
                self.cast[part.word] = key
            count = most if part.posts is None else part.posts
            made = [posts.post(n, count, index, record, rng) for n in range(count)]
            if part.word == "odd":
                self._bend(made)
            self._add_posts(record, made)

    def _bend(self, made: list[Record]) -> None:
        for n, record in enumerate(made):
            if quirks := oddities.bend(n, record):
                self.quirks[record["service"], record["user"], record["id"]] = quirks

    def _add_posts(self, creator: Record, made: list[Record]) -> None:
        self.posts.update({(row["service"], row["user"], row["id"]): row for row in made})
        creator["post_count"] = len(made)
        if added := [row["added"] for row in made if row["added"]]:
            creator["updated"] = creator["last_imported"] = max(added)

    def _make_discord(self) -> None:
        server = discord.server()
        self.creators["discord", server["id"]] = server
        for index in range(len(discord.ROOMS)):
            channel = discord.channel(index)
            self.channels[channel["id"]] = channel
            found = discord.messages(index, self._rng(f"channel:{index}"))
            self.messages[channel["id"]] = found

    def _make_favourites(self) -> None:
        rng = self._rng("favourites")
        creators, posts = list(self.creators), list(self.posts)
        for id_ in self.accounts:
            found = accounts.favourites(id_, creators, posts, rng)
            self.favourite_creators[id_], self.favourite_posts[id_] = found
        # Lists of favourites leave out the creator that is hidden, not the one without a profile.
        gone = [self.cast["hidden"], self.cast["no_profile"]]
        _extend(self.favourite_creators[3], gone)
        _extend(self.favourite_posts[3], [key for key in posts if key[:2] in gone])

    def _make_link_requests(self) -> dict[int, Record]:
        taken = {self.cast[word] for word in ("pair_a", "pair_b", "hidden")}
        known = [key for key in self.creators if key[0] != "discord" and key not in taken]
        asking = [id_ for id_, record in self.accounts.items() if record["role"] == "consumer"]
        found = accounts.link_requests(known, asking, self._rng("requests"))
        for record in found:
            if record["status"] == "approved":
                for side in ("from", "to"):
                    linked = self.creators[record[f"{side}_service"], record[f"{side}_id"]]
                    linked["relation_id"] = record["id"]
        return {record["id"]: record for record in found}


def _extend(keys: list[T], more: list[T]) -> None:
    keys.extend(key for key in more if key not in keys)


def _account(id_: int) -> Record:
    record = accounts.account(id_)
    record["notifications"] = accounts.notifications(id_)
    return record
