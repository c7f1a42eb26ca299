"""What requests change: accounts, favourites, links of creators, flags. Kept in memory."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Final, TypeVar

from satchel.kemono.world import Key, PostKey, Record, World, password_of

T = TypeVar("T")

Favourites = dict[int, dict[T, int]]
"""By account: what it favours, with the number that grows with each favourite."""

_WINDOW: Final = 300.0
_ROLE_CHANGED: Final = 1


class State:
    """One server's own, made from a world that stays as it is."""

    def __init__(self, world: World, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._numbers = count(1)
        self.accounts: Final = {id_: dict(record) for id_, record in world.accounts.items()}
        self.passwords: Final = {
            id_: password_of(record["username"]) for id_, record in self.accounts.items()
        }
        self.roles: Final = {id_: record["role"] for id_, record in self.accounts.items()}
        """The role that each account had when it logged in last."""
        self.creators: Favourites[Key] = self._numbered(world.favourite_creators)
        self.posts: Favourites[PostKey] = self._numbered(world.favourite_posts)
        self.notifications: Final = {
            id_: [dict(row) for row in record["notifications"]]
            for id_, record in self.accounts.items()
        }
        self.relations: Final = {
            key: record["relation_id"] for key, record in world.creators.items()
        }
        """Creators with the same number that is not None are linked."""
        self.requests: Final = {id_: dict(row) for id_, row in world.link_requests.items()}
        self.flags: Final = {
            key: record["flag"] for key, record in world.posts.items() if record["flag"]
        }
        self._attempts: dict[str, deque[float]] = defaultdict(deque)

    def _numbered(self, lists: dict[int, list[T]]) -> Favourites[T]:
        return {id_: {key: next(self._numbers) for key in keys} for id_, keys in lists.items()}

    # Accounts

    def find(self, username: str) -> Record | None:
        """The account of that name, letter case and all."""
        found = (row for row in self.accounts.values() if row["username"] == username)
        return next(found, None)

    def add(self, username: str, password: str, favourites: Iterable[Key]) -> int:
        """A new consumer's account; its id."""
        id_ = max(self.accounts) + 1
        self.accounts[id_] = {
            "id": id_,
            "username": username,
            "role": "consumer",
            # The fraction is always there (section 3.3).
            "created_at": _now(),
        }
        self.passwords[id_] = password
        self.roles[id_] = "consumer"
        self.creators[id_] = {key: next(self._numbers) for key in favourites}
        self.posts[id_] = {}
        self.notifications[id_] = []
        return id_

    def attempt(self, username: str, limit: int | None) -> bool:
        """Note an attempt to log in; False if there were too many."""
        now, times = self._clock(), self._attempts[username]
        while times and now - times[0] >= _WINDOW:
            times.popleft()
        if limit is not None and len(times) >= limit:
            return False
        times.append(now)
        return True

    def change_role(self, id_: int, role: str) -> None:
        """Give an account another role, and tell it so."""
        account = self.accounts[id_]
        changed = {"old_role": account["role"], "new_role": role}
        account["role"] = role
        self.notifications[id_].append(
            {
                "id": 1_000 + next(self._numbers),
                "account_id": id_,
                "type": _ROLE_CHANGED,
                "created_at": _now(),
                "extra_info": changed,
                "is_seen": False,
            }
        )

    # Favourites

    def favour(self, favourites: dict[T, int], key: T) -> None:
        """Add a favourite; once is enough."""
        if key not in favourites:
            favourites[key] = next(self._numbers)

    # Links

    def linked(self, key: Key) -> list[Key]:
        """The other creators of its group."""
        relation = self.relations.get(key)
        if relation is None:
            return []
        return [other for other, id_ in self.relations.items() if id_ == relation and other != key]

    def link(self, first: Key, second: Key) -> None:
        """Make one group of the groups of two creators."""
        old = {self.relations[first], self.relations[second]} - {None}
        new = min(old, default=1_000 + next(self._numbers))
        for key, relation in self.relations.items():
            if relation in old or key in (first, second):
                self.relations[key] = new

    def ask_to_link(self, first: Key, second: Key, reason: str, account: int) -> int:
        """A new request to link two creators; its id."""
        id_ = max(self.requests, default=0) + 1
        self.requests[id_] = {
            "id": id_,
            "from_service": first[0],
            "from_id": first[1],
            "to_service": second[0],
            "to_id": second[1],
            "reason": reason,
            "requester_id": account,
            "status": "pending",
        }
        return id_


def _now() -> datetime:
    now = datetime.now(UTC).replace(tzinfo=None)
    return now if now.microsecond else now.replace(microsecond=1)
