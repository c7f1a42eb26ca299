"""Invented accounts, what they favour and ask for: reference sections 5 to 8."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final, TypeVar

from satchel.kemono.world.made import EPOCH, Key, PostKey, Record

FoundKey = TypeVar("FoundKey", Key, PostKey)

ADMIN: Final = "sandbox-admin"
MODERATOR: Final = "sandbox-moderator"
CONSUMER: Final = "sandbox-consumer"
_NAMED: Final = (ADMIN, MODERATOR, CONSUMER)
_ROLES: Final = {1: "administrator", 2: "moderator", 7: "moderator"}
_REASONS: Final = ("Same banner on both pages", "", None, "同じ人です")


def password_of(username: str) -> str:
    """The throwaway password of an account of the sandbox."""
    return f"password-of-{username}"


def account(id_: int) -> Record:
    """The account with an id: 1 is the administrator's, then a moderator's, then a consumer's."""
    return {
        "id": id_,
        "username": _NAMED[id_ - 1] if id_ <= len(_NAMED) else _username(id_),
        "role": _ROLES.get(id_, "consumer"),
        "created_at": _created(id_),
    }


def _username(id_: int) -> str:
    return "läserin_ōtter" if id_ == 5 else f"sample-reader-{id_}"


def _created(id_: int) -> datetime:
    # The fraction is always there (section 3.3), and some accounts are made at the same time.
    return EPOCH + timedelta(days=id_ // 3, microseconds=789_012)


def favourites(
    id_: int, creators: Sequence[Key], posts: Sequence[PostKey], rng: Random
) -> tuple[list[Key], list[PostKey]]:
    """What an account favours, in the order in which it began to; the consumer much, others few."""
    is_consumer = id_ == _NAMED.index(CONSUMER) + 1
    many, few = (12, 60) if is_consumer else (id_ % 3, id_ % 2)
    return _some(creators, many, rng), _some(posts, few, rng)


def _some(keys: Sequence[FoundKey], count: int, rng: Random) -> list[FoundKey]:
    return rng.sample(keys, min(count, len(keys)))


def link_requests(creators: Sequence[Key], accounts: Sequence[int], rng: Random) -> list[Record]:
    """Some pending requests to link creators, and two that were answered."""
    found = []
    for n in range(8):
        first, second = rng.sample(creators, 2)
        record: Record = {
            "id": 55 + n,
            "from_service": first[0],
            "from_id": first[1],
            "to_service": second[0],
            "to_id": second[1],
            "reason": _REASONS[n % len(_REASONS)],
            "requester_id": None if n == 4 else accounts[n % len(accounts)],
            "status": {2: "approved", 6: "rejected"}.get(n, "pending"),
        }
        if n == 5:
            del record["reason"]
        found.append(record)
    return found


def notifications(id_: int) -> list[Record]:
    """What an account was told: a moderator and some others, that their role changed."""
    if id_ not in (2, 6):
        return []
    return [
        {
            "id": 10 + id_ * 10 + n,
            "account_id": id_,
            "type": 1,
            "created_at": _created(id_) + timedelta(days=n + 1),
            "extra_info": None if n == 1 else {"old_role": "consumer", "new_role": "moderator"},
            "is_seen": n == 0,
        }
        for n in range(id_ // 2)
    ]
