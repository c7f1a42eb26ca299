"""A deterministic, synthetic world, in documented terms: the truth behind the sandbox.

Records are plain dicts keyed by the documented attribute names, with documented values: times as
UNIX seconds, masks as lists of words in the order of their bits, enumerations as words. A number
without a documented word is ``"Unknown (3)"``. What the wire never carries is ``None``. Nothing
here reads the clock: the world's present is :data:`NOW`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from satchel.recnet.world import people, places, posts
from satchel.recnet.world.people import ABSENT, DELETED_ACCOUNTS, NOW, Quirks, Record

__all__ = ["ABSENT", "NOW", "Kind", "Quirks", "Record", "World", "WorldOptions"]

Kind = Literal["accounts", "rooms", "events", "images", "inventions"]
KINDS: Final[tuple[Kind, ...]] = ("accounts", "rooms", "events", "images", "inventions")


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """How large a world is. The same options make the same world."""

    seed: int
    accounts: int
    rooms: int
    events: int
    images: int
    inventions: int

    def __post_init__(self) -> None:
        if self.accounts < 1 or self.rooms < 1:
            raise ValueError("a world needs an account and a room")


class World:
    """The truth that a sandbox serves and that a crawl is compared with."""

    def __init__(
        self,
        seed: int = 1,
        *,
        accounts: int = 60,
        rooms: int = 40,
        events: int = 30,
        images: int = 300,
        inventions: int = 20,
    ) -> None:
        self.options: Final = WorldOptions(seed, accounts, rooms, events, images, inventions)
        self.now: Final = NOW
        self.quirks: Final[Quirks] = {}
        """What a wire object has otherwise than its truth would be rendered: keys that are absent,
        unknown bits, dates in odd forms. Keyed by kind and id, then by wire key."""
        self.deleted_accounts: Final = DELETED_ACCOUNTS
        self.accounts: Final = self._make_accounts(accounts)
        self.pascal_accounts: Final = frozenset(
            id_ for index, id_ in enumerate(self.accounts) if people.is_pascal(index)
        )
        self.bios: Final = {id_: record["bio"] for id_, record in self.accounts.items()}
        self.progressions: Final = {id_: record["level"] for id_, record in self.accounts.items()}
        self.subscribers: Final = {
            id_: record["subscriber_count"] for id_, record in self.accounts.items()
        }
        self.influencers: Final = frozenset(
            id_ for id_, record in self.accounts.items() if record["is_influencer"]
        )
        self.junior_secrets: Final = self._secrets()
        self.rooms: Final = self._make_rooms(rooms)
        self.private_rooms: Final = frozenset(
            id_ for id_, record in self.rooms.items() if record["accessibility"] == "Private"
        )
        self.showcases: Final = self._make_showcases()
        self.featured: Final = [
            id_ for id_, record in self.rooms.items() if record["accessibility"] == "Public"
        ][:4]
        self.responses: Final[dict[int, list[Record]]] = {}
        self.events: Final = self._make_events(events)
        self.cheers: Final[dict[int, list[int]]] = {}
        self.comments: Final[dict[int, list[Record]]] = {}
        self.images: Final = self._make_images(images)
        self.inventions: Final = self._make_inventions(inventions)

    def table(self, kind: Kind) -> dict[int, Record]:
        """All records of one kind, by id."""
        table: dict[int, Record] = getattr(self, kind)
        return table

    def is_visible(self, kind: Kind, id_: int) -> bool:
        """Whether a request by id finds it: it exists and is not private (section 3)."""
        record = self.table(kind).get(id_)
        return record is not None and record.get("accessibility") != "Private"

    def is_listed(self, kind: Kind, id_: int) -> bool:
        """Whether lists show it: only what is public, and of inventions what is published."""
        record = self.table(kind).get(id_)
        return (
            record is not None
            and record.get("accessibility", "Public") == "Public"
            and bool(record.get("is_published", True))
        )

    def _rng(self, kind: Kind) -> Random:
        # One generator for each kind: more rooms do not change the images.
        return Random(f"{self.options.seed}:{kind}")

    def _make_accounts(self, count: int) -> dict[int, Record]:
        rng = self._rng("accounts")
        made = {}
        for index, id_ in enumerate(people.account_ids(count)):
            made[id_] = people.account(index, id_, rng)
            self._keep_quirks("accounts", id_, people.quirks(index))
        return made

    def _secrets(self) -> list[str]:
        juniors = [record for record in self.accounts.values() if record["is_junior"]]
        texts = [text for record in juniors for text in people.secrets(record)]
        return texts + people.junior_words() if juniors else []

    def _make_rooms(self, count: int) -> dict[int, Record]:
        rng = self._rng("rooms")
        ids = places.room_ids(count)
        accounts = list(self.accounts)
        made = {}
        for index, id_ in enumerate(ids):
            made[id_] = places.room(index, id_, accounts=accounts, rooms=ids, rng=rng)
            self._keep_quirks("rooms", id_, places.quirks(index, made[id_]))
        return made

    def _make_showcases(self) -> dict[int, list[int]]:
        # Every third account shows three rooms; a private one may be among them.
        rooms = list(self.rooms)
        return {
            id_: list(dict.fromkeys(rooms[(index + n * 5) % len(rooms)] for n in range(3)))
            if index % 3 == 0
            else []
            for index, id_ in enumerate(self.accounts)
        }

    def _make_events(self, count: int) -> dict[int, Record]:
        rng = self._rng("events")
        accounts, rooms = list(self.accounts), list(self.rooms)
        made = {}
        for index, id_ in enumerate(posts.event_ids(count)):
            room = self.rooms[self._room_of_event(index, rooms)]
            record = posts.event(index, id_, accounts=accounts, room=room, rng=rng, count=count)
            replies = posts.responses(index, record, accounts)
            record["responses"] = self.responses[id_] = replies
            record["attendee_count"] = sum(reply["type"] == "Attending" for reply in replies)
            self._keep_quirks("events", id_, posts.event_quirks(index))
            made[id_] = record
        return made

    def _room_of_event(self, index: int, rooms: list[int]) -> int:
        if index == 2 and self.private_rooms:
            return min(self.private_rooms)
        return rooms[index * 3 % len(rooms)]

    def _make_images(self, count: int) -> dict[int, Record]:
        rng = self._rng("images")
        accounts, rooms, events = list(self.accounts), list(self.rooms), list(self.events)
        step = max(1, min(3_600, (NOW - people.EPOCH) // max(1, count)))
        nothing: list[Record] = []  # shared: most of 100,000 images have no comment
        nobody: list[int] = []
        made = {}
        for index in range(count):
            record = posts.image(
                index, accounts=accounts, rooms=rooms, events=events, rng=rng, step=step
            )
            id_ = record["id"]
            cheers = posts.cheers(index, accounts, rng) or nobody
            comments = posts.comments(index, id_, accounts, rng) or nothing
            record["cheer_count"] = len(cheers)
            record["cheer_player_ids"] = self.cheers[id_] = cheers
            record["comments"] = self.comments[id_] = comments
            made[id_] = record
        if count > 3 and self.private_rooms:
            made[posts.FIRST_IMAGE + 3]["room_id"] = min(self.private_rooms)
        return made

    def _make_inventions(self, count: int) -> dict[int, Record]:
        rng = self._rng("inventions")
        accounts, rooms = list(self.accounts), list(self.rooms)
        made = {}
        for index, id_ in enumerate(posts.invention_ids(count)):
            made[id_] = posts.invention(index, id_, accounts=accounts, rooms=rooms, rng=rng)
            quirks = dict(posts.invention_quirks(index))
            quirks["InstantiationCost"] = posts.COSTS[index % len(posts.COSTS)][0]
            self._keep_quirks("inventions", id_, quirks)
        return made

    def _keep_quirks(self, kind: Kind, id_: int, quirks: Record) -> None:
        if quirks:
            self.quirks[kind, id_] = quirks
