"""The calls that lead to items in the first place (reference sections 4 and 8).

Each goes through the running crawl, like the items' own methods: with its pace, its batches and
its memory. ``force=True`` asks the server anew. All raise :class:`satchel.errors.NotOffered` when
the dialect lacks the call, and :class:`satchel.errors.AnswerError` when the server refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from satchel.recnet.items import Account, Event, Image, Invention, Room

if TYPE_CHECKING:
    from satchel.recnet.client import RecNetClient

T = TypeVar("T")


class Manager(Generic[T]):
    """Calls that lead to items of one class."""

    def __init__(self, client: RecNetClient) -> None:
        self._client = client

    async def _one(self, operation: str, force: bool, **parameters: Any) -> T | None:
        found: T | None = await self._client.call(operation, force=force, **parameters)
        return found

    async def _many(self, operation: str, force: bool, **parameters: Any) -> list[T]:
        found: list[T] = await self._client.call(operation, force=force, **parameters)
        return found


class Accounts(Manager[Account]):
    """Calls about accounts (reference section 4.1)."""

    async def fetch(self, id: int, *, force: bool = False) -> Account | None:
        """The account with an id; ``None`` when there is none."""
        return await self._one("accounts.by_id", force, id=id)

    async def fetch_many(self, ids: Iterable[int], *, force: bool = False) -> list[Account]:
        """The accounts with these ids, each once and in this order, without those that are gone."""
        return await self._many("accounts.bulk", force, ids=ids)

    async def get(self, name: str, *, force: bool = False) -> Account | None:
        """The account with a username, in any case; ``None`` when there is none."""
        return await self._one("accounts.by_name", force, name=name)

    async def get_many(self, names: Iterable[str], *, force: bool = False) -> list[Account]:
        """The accounts with these usernames, each once and in this order."""
        return await self._many("accounts.by_names", force, names=names)

    async def search(self, query: str, *, force: bool = False) -> list[Account]:
        """The accounts whose username or display name has these words; the server does not page."""
        return await self._many("accounts.search", force, query=query)


class Rooms(Manager[Room]):
    """Calls about rooms (reference section 4.2).

    *include* is what to add to a single room, as a sum: 2 subrooms, 4 roles, 8 tags, 32 promotion,
    64 scores, 256 loading screens. Listings have none of these.
    """

    async def fetch(self, id: int, include: int = 0, *, force: bool = False) -> Room | None:
        """The room with an id; ``None`` when there is none, or it is private."""
        return await self._one("rooms.by_id", force, id=id, include=include)

    async def fetch_many(self, ids: Iterable[int], *, force: bool = False) -> list[Room]:
        """The rooms with these ids, each once and in this order, without those that are private."""
        return await self._many("rooms.bulk", force, ids=ids)

    async def get(self, name: str, include: int = 0, *, force: bool = False) -> Room | None:
        """The room with a name (without the ^), in any case; ``None`` when there is none."""
        return await self._one("rooms.by_name", force, name=name, include=include)

    async def get_many(self, names: Iterable[str], *, force: bool = False) -> list[Room]:
        """The rooms with these names, each once and in this order."""
        return await self._many("rooms.by_names", force, names=names)

    async def search(
        self, query: str, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Room]:
        """The rooms that a search finds: words, ``#tags``, or a name after a ``^``."""
        return await self._many("rooms.search", force, query=query, take=take, skip=skip)

    async def created_by(self, account_id: int, *, force: bool = False) -> list[Room]:
        """The public rooms that an account made, newest first."""
        return await self._many("rooms.created_by", force, id=account_id)

    async def owned_by(self, account_id: int, *, force: bool = False) -> list[Room]:
        """The public rooms that an account made or co-owns, newest first."""
        return await self._many("rooms.owned_by", force, id=account_id)

    async def showcased_by(self, account_id: int, *, force: bool = False) -> list[Room]:
        """The rooms that an account shows on its page, in that order."""
        return await self._many("rooms.showcased_by", force, id=account_id)

    async def hot(self, take: int = 16, skip: int = 0, *, force: bool = False) -> list[Room]:
        """The rooms that are popular now."""
        return await self._many("rooms.hot", force, take=take, skip=skip)


class Events(Manager[Event]):
    """Calls about events (reference section 4.3)."""

    async def fetch(self, id: int, *, force: bool = False) -> Event | None:
        """The event with an id; ``None`` when there is none, or it is private."""
        return await self._one("events.by_id", force, id=id)

    async def fetch_many(self, ids: Iterable[int], *, force: bool = False) -> list[Event]:
        """The events with these ids, each once and in this order."""
        return await self._many("events.bulk", force, ids=ids)

    async def search(
        self, query: str, take: int = 16, skip: int = 0, sort: int = 0, *, force: bool = False
    ) -> list[Event]:
        """The public events that a search finds, by their beginning."""
        return await self._many(
            "events.search", force, query=query, take=take, skip=skip, sort=sort
        )

    async def from_account(
        self, account_id: int, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Event]:
        """The events that an account set up, newest first."""
        return await self._many("events.created_by", force, id=account_id, take=take, skip=skip)

    async def in_room(
        self, room_id: int, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Event]:
        """The public events that take place in a room, newest first."""
        return await self._many("events.in_room", force, id=room_id, take=take, skip=skip)

    async def get_events(
        self, take: int = 16, skip: int = 0, sort: int = 0, *, force: bool = False
    ) -> list[Event]:
        """The public events that have not ended, by their beginning."""
        return await self._many("events.upcoming", force, take=take, skip=skip, sort=sort)


class Images(Manager[Image]):
    """Calls about images (reference section 4.4). *sort*: 0 newest first, 1 most cheered first."""

    async def fetch(self, id: int, *, force: bool = False) -> Image | None:
        """The image with an id; ``None`` when there is none, or it is private."""
        return await self._one("images.by_id", force, id=id)

    async def fetch_many(self, ids: Iterable[int], *, force: bool = False) -> list[Image]:
        """The images with these ids, each once and in this order."""
        return await self._many("images.bulk", force, ids=ids)

    async def get(self, name: str, *, force: bool = False) -> Image | None:
        """The public image with a file name; ``None`` when there is none."""
        return await self._one("images.by_names", force, name=name)

    async def get_many(self, names: Iterable[str], *, force: bool = False) -> list[Image]:
        """The public images with these file names, each once and in this order."""
        return await self._many("images.by_names", force, names=names)

    async def from_account(
        self, account_id: int, take: int = 16, skip: int = 0, sort: int = 0, *, force: bool = False
    ) -> list[Image]:
        """The images that an account took."""
        return await self._many(
            "images.by_player", force, id=account_id, take=take, skip=skip, sort=sort
        )

    async def player_feed(
        self, account_id: int, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Image]:
        """The images that an account is tagged in. The public dialect does not offer them."""
        return await self._many("images.of_player", force, id=account_id, take=take, skip=skip)

    async def during_event(
        self, event_id: int, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Image]:
        """The images taken during an event, newest first."""
        return await self._many("images.during_event", force, id=event_id, take=take, skip=skip)

    async def in_room(
        self, room_id: int, take: int = 16, skip: int = 0, sort: int = 0, *, force: bool = False
    ) -> list[Image]:
        """The images taken in a room."""
        return await self._many(
            "images.in_room", force, id=room_id, take=take, skip=skip, sort=sort
        )

    async def front_page(
        self, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Image]:
        """The images that are popular now. The public dialect does not offer them."""
        return await self._many("images.front_page", force, take=take, skip=skip)


class Inventions(Manager[Invention]):
    """Calls about inventions (reference section 4.5). Servers of the public dialect have none."""

    async def fetch(self, id: int, *, force: bool = False) -> Invention | None:
        """The invention with an id; ``None`` when there is none."""
        return await self._one("inventions.by_id", force, id=id)

    async def search(
        self, query: str, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Invention]:
        """The published inventions that a search finds."""
        return await self._many("inventions.search", force, query=query, take=take, skip=skip)

    async def featured(
        self, take: int = 16, skip: int = 0, *, force: bool = False
    ) -> list[Invention]:
        """The inventions that the store features."""
        return await self._many("inventions.featured", force, take=take, skip=skip)

    async def top_today(self, *, force: bool = False) -> list[Invention]:
        """The inventions that are popular today; the server does not page."""
        return await self._many("inventions.top_today", force)
