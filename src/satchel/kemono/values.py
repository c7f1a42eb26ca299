"""Kemono's words: roles, and the services that creators publish on."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

SERVICES: Final = (
    "patreon",
    "fanbox",
    "gumroad",
    "subscribestar",
    "fantia",
    "boosty",
    "afdian",
    "discord",
    "dlsite",
    "onlyfans",
    "fansly",
    "candfans",
)
"""Services that are known to be archived (reference section 2). Instances differ, and add more."""


class AccountRole(StrEnum):
    """What an account may do, in order: ``consumer < moderator < administrator``.

    A word that is none of them ranks below all.
    """

    CONSUMER = "consumer"
    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"

    def __lt__(self, other: str) -> bool:
        return _rank(self) < _rank(other)

    def __le__(self, other: str) -> bool:
        return _rank(self) <= _rank(other)

    def __gt__(self, other: str) -> bool:
        return _rank(self) > _rank(other)

    def __ge__(self, other: str) -> bool:
        return _rank(self) >= _rank(other)


_ORDER: Final = tuple(AccountRole)


def _rank(word: str) -> int:
    return _ORDER.index(AccountRole(word)) if word in _ORDER else -1
