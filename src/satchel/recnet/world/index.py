"""Lists over a world, in the orders of reference section 2."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Final

from satchel.recnet.world import Kind, World

Lists = dict[int, list[int]]


class Index:
    """Which ids a list holds. Each list is built once."""

    def __init__(self, world: World, seed: int = 1) -> None:
        self.world: Final = world
        self._seed: Final = seed
        self._cheered: dict[tuple[str, int], list[int]] = {}

    def warm(self) -> None:
        """Build the lists of images now, so that no request has to wait for them."""
        _ = self._images, self.popular_images

    def shuffled(self, ids: Iterable[int]) -> list[int]:
        """The order of bulk replies: arbitrary, but always the same for the same ids."""
        return sorted(set(ids), key=lambda id_: zlib.crc32(f"{self._seed}:{id_}".encode()))

    def visible(self, kind: Kind, ids: Iterable[int]) -> list[int]:
        """Those that exist and are not private."""
        return [id_ for id_ in ids if self.world.is_visible(kind, id_)]

    def listed(self, kind: Kind, ids: Iterable[int]) -> list[int]:
        """Those that lists show."""
        return [id_ for id_ in ids if self.world.is_listed(kind, id_)]

    @cached_property
    def account_names(self) -> dict[str, int]:
        """Accounts by lower-case username."""
        return {record["username"].lower(): id_ for id_, record in self.world.accounts.items()}

    @cached_property
    def room_names(self) -> dict[str, int]:
        """Rooms by lower-case name."""
        return {record["name"].lower(): id_ for id_, record in self.world.rooms.items()}

    @cached_property
    def image_names(self) -> dict[str, int]:
        """Images by file name."""
        return {record["image_name"]: id_ for id_, record in self.world.images.items()}

    @cached_property
    def top_creators(self) -> list[int]:
        """Accounts with subscribers, most first."""
        counts = self.world.subscribers
        return sorted((id_ for id_ in counts if counts[id_]), key=lambda id_: -counts[id_])

    @cached_property
    def hot_rooms(self) -> list[int]:
        """Active public rooms, most visited first."""
        rooms = self.world.rooms
        active = [id_ for id_ in self.listed("rooms", rooms) if rooms[id_]["state"] == "Active"]
        return sorted(active, key=lambda id_: -(rooms[id_]["visit_count"] or 0))

    @cached_property
    def _created_rooms(self) -> Lists:
        return self._rooms_by(lambda id_: {self.world.rooms[id_]["creator_account_id"]})

    @cached_property
    def _owned_rooms(self) -> Lists:
        return self._rooms_by(self._owners)

    def _owners(self, room: int) -> set[int]:
        record = self.world.rooms[room]
        owners = {role["account_id"] for role in record["roles"] if role["id"] in (30, 31, 255)}
        return owners | {record["creator_account_id"]}

    def _rooms_by(self, owners: Callable[[int], set[int]]) -> Lists:
        rooms = self.world.rooms
        lists: Lists = defaultdict(list)
        for id_ in sorted(self.listed("rooms", rooms), key=lambda i: -rooms[i]["created_at"]):
            for account in owners(id_):
                lists[account].append(id_)
        return lists

    def created_rooms(self, account: int) -> list[int]:
        """Public rooms of a creator, newest first."""
        return self._created_rooms.get(account, [])

    def owned_rooms(self, account: int) -> list[int]:
        """Public rooms that an account created or co-owns, newest first."""
        return self._owned_rooms.get(account, [])

    @cached_property
    def public_events(self) -> list[int]:
        """Public events by StartTime ascending, ended ones too."""
        events = self.world.events
        return sorted(self.listed("events", events), key=lambda id_: events[id_]["start_time"])

    @cached_property
    def coming_events(self) -> list[int]:
        """Public events that have not ended, by StartTime ascending."""
        events, now = self.world.events, self.world.now
        return [id_ for id_ in self.public_events if events[id_]["end_time"] > now]

    @cached_property
    def _events_of(self) -> Lists:
        return self._events_by("creator_player_id", self.world.events)

    @cached_property
    def _events_in(self) -> Lists:
        return self._events_by("room_id", self.public_events)

    def _events_by(self, name: str, ids: Iterable[int]) -> Lists:
        lists: Lists = defaultdict(list)
        for id_ in sorted(ids, reverse=True):
            lists[self.world.events[id_][name]].append(id_)
        return lists

    def events_of(self, creator: int) -> list[int]:
        """All events of a creator, private ones too, by id descending."""
        return self._events_of.get(creator, [])

    def events_in(self, room: int) -> list[int]:
        """Public events in a room, by id descending."""
        return self._events_in.get(room, [])

    @cached_property
    def _images(self) -> dict[str, Lists]:
        lists: dict[str, Lists] = {
            name: defaultdict(list)
            for name in ("player_id", "room_id", "player_event_id", "tagged")
        }
        for id_ in reversed(self.world.images):
            record = self.world.images[id_]
            for name in ("player_id", "room_id", "player_event_id"):
                if record[name] is not None:
                    lists[name][record[name]].append(id_)
            for player in record["tagged_player_ids"]:
                lists["tagged"][player].append(id_)
        return lists

    def images_by(self, name: str, id_: int, sort: int = 0) -> list[int]:
        """Images of a player, room or event, or with a tagged player, private ones too.

        Newest first, or, with *sort* 1, most cheered first.
        """
        newest = self._images[name].get(id_, [])
        if sort != 1:
            return newest
        if (name, id_) not in self._cheered:
            self._cheered[name, id_] = self._by_cheers(newest)
        return self._cheered[name, id_]

    @cached_property
    def popular_images(self) -> list[int]:
        """All public images, most cheered first."""
        return self._by_cheers(self.listed("images", reversed(self.world.images)))

    def _by_cheers(self, ids: Sequence[int]) -> list[int]:
        images = self.world.images
        return sorted(ids, key=lambda id_: -images[id_]["cheer_count"])

    @cached_property
    def store_inventions(self) -> list[int]:
        """Published public inventions, most downloaded first."""
        inventions = self.world.inventions
        shown = self.listed("inventions", inventions)
        return sorted(shown, key=lambda id_: -inventions[id_]["num_downloads"])
