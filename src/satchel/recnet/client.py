"""RecNet's documented methods, answered through the running crawl (reference section 8).

Where the API has a bulk operation, items are asked for by it, whoever asks and for how many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from cachetools import LRUCache

from satchel.addon import SatchelAddon
from satchel.answers import Page
from satchel.client import Access, Client
from satchel.errors import NotOffered
from satchel.items import Item, Relation, complete, relation_of_field
from satchel.loading import Loader
from satchel.recnet.api import BODY_LIMIT, OPERATIONS, Api, is_missing_route
from satchel.recnet.managers import Accounts, Events, Images, Inventions, Rooms
from satchel.throttle import PAID

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

    from satchel.recnet.items import Room
    from satchel.recnet.settings import RecNetSettings

_MANY: Final = frozenset({"ids", "names"})


class RecNetClient(Client):
    """Answers are remembered by operation and arguments, items that come in bulk by their ids.

    :ivar accounts: calls about accounts
    :ivar rooms: calls about rooms
    :ivar events: calls about events
    :ivar images: calls about images
    :ivar inventions: calls about inventions
    """

    def __init__(self, access: Access, settings: RecNetSettings) -> None:
        super().__init__(access)
        self.api = Api(settings)
        self._loaders: dict[str, Loader] = {}
        self._parts: LRUCache[Any, tuple[Room, int]] = LRUCache(access.remembered)
        self.accounts = Accounts(self)
        self.rooms = Rooms(self)
        self.events = Events(self)
        self.images = Images(self)
        self.inventions = Inventions(self)

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The client of a running crawl, for its spider, its pipelines and plugins.

        :raises ConfigError: the project has not enabled satchel, or no server is configured
        """
        client = SatchelAddon.of(crawler).client("recnet")
        assert isinstance(client, cls)
        return client

    def check(self, relation: Relation) -> None:
        self.api.check(relation.operation)

    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        if relation.after:
            await self._fill(item, relation.after, force=force)
        if relation.members:
            rows: list[Item] | None = getattr(item, relation.after or "")
            found = await self._load("accounts.bulk", _ids(rows, relation), force=True)
            _join(rows, relation, found)
            return rows
        keys = _keys(item, relation)
        if None in keys.values():
            return None
        force = force or relation.fresh
        answer = await self.call(relation.operation, force=force, **keys, **arguments)
        return self.keep(item, relation, answer)

    async def relate_all(self, items: Sequence[Item], relation: Relation) -> list[Any]:
        parameters = {**relation.defaults, **dict.fromkeys(relation.keys)}
        bulk = self._bulk(relation.operation, parameters)
        if bulk is None:
            return await super().relate_all(items, relation)
        failures: list[BaseException | None] = [None] * len(items)
        if relation.after:
            filling = (self._fill(item, relation.after, force=False) for item in items)
            failures = await asyncio.gather(*filling, return_exceptions=True)
        wanted = [_wanted(item, relation) for item in items]
        found = await self._loader(bulk).load_each(
            dict.fromkeys(id for ids in wanted for id in ids or ())
        )
        return [
            failure or self._joined(item, relation, ids, found)
            for item, ids, failure in zip(items, wanted, failures, strict=True)
        ]

    def _joined(
        self, item: Item, relation: Relation, ids: list[Any] | None, found: Mapping[Any, Any]
    ) -> Any:
        if ids is None:
            return None
        for id in ids:
            if isinstance(found[id], BaseException):
                return found[id]
        present = [found[id] for id in ids if found[id] is not None]
        if relation.members:
            _join(getattr(item, relation.after or ""), relation, found)
            return present
        if "ids" in relation.keys:
            return self.keep(item, relation, present)
        return self.keep(item, relation, present[0] if present else None)

    async def call(self, operation: str, *, force: bool = False, **parameters: Any) -> Any:
        """What an operation answers: an item or ``None``, a list, or a value.

        :param parameters: those of the operation; of a bulk operation ``ids`` or ``names``
        :raises NotOffered: the dialect lacks it
        :raises AnswerError: the server answered with an error status
        :raises DecodeError: the answer cannot be read
        """
        if bulk := self._bulk(operation, parameters):
            found = await self._load(bulk, _asked_for(parameters), force=force)
            # Two spellings of a name lead to one item.
            present = list({id(item): item for item in found.values() if item is not None}.values())
            return present if parameters.keys() & _MANY else next(iter(present), None)
        if operation == "rooms.by_id":
            return await self._room(force=force, **parameters)
        if operation == "rooms.by_name":
            return await self._room_by_name(force=force, **parameters)
        key = (operation, *sorted(parameters.items()))
        return await self.once(key, lambda: self._ask(operation, parameters, force), force=force)

    def _bulk(self, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """The bulk operation that answers this one with these parameters."""
        # Only a single room has its parts (reference section 4.2).
        if parameters.get("include"):
            return None
        return operation if OPERATIONS[operation].form else OPERATIONS[operation].bulk

    async def _load(self, bulk: str, values: Iterable[Any], *, force: bool) -> dict[Any, Any]:
        """What ids or names lead to, in their order; ``None`` for those that are not there."""
        loader = self._loader(bulk)
        wanted = list(dict.fromkeys(values))
        if force:
            loader.clear_many(wanted)
        self._access.loading.waiting += 1
        found = await loader.load_each(wanted)
        for answer in found.values():
            if isinstance(answer, BaseException):
                raise answer
        if same := OPERATIONS[bulk].same:
            return {name: self._shared(same, item, force=force) for name, item in found.items()}
        return found

    def _shared(self, bulk: str, item: Any, *, force: bool) -> Any:
        """What all share who ask for an item's id, however they came by it."""
        if item is None:
            return None
        loader = self._loader(bulk)
        if force or loader.cache_map.get(item.id) is None:
            loader.prime(item.id, item)
        return loader.cache_map[item.id]

    def _loader(self, bulk: str) -> Loader:
        if bulk not in self._loaders:
            self.api.check(bulk)

            async def load(ids: list[Any], permitted: bool) -> Mapping[Any, Any]:
                found: dict[Any, Any] = {}
                for request in self.api.bulk(bulk, ids):
                    request.meta[PAID] = permitted
                    found |= self.api.matched(bulk, ids, await self._read(bulk, request))
                if bulk == "rooms.bulk":
                    found |= self._with_parts(ids)
                return found

            self._loaders[bulk] = self.loader(
                load,
                self.api.url(bulk),
                size=lambda id: self.api.size(bulk, id),
                limit=BODY_LIMIT + 1,
            )
        return self._loaders[bulk]

    async def _room(self, id: int, include: int, *, force: bool) -> Room | None:
        """A room with parts: it completes the one that all share."""
        rooms = self._loader("rooms.bulk")
        if not force and id in rooms.cache_map:
            shared: Room | None = rooms.cache_map[id]
            if shared is None or not include & ~self._parts_of(shared):
                return shared
        room = await self._room_anew("rooms.by_id", force=force, id=id, include=include)
        if room is None:
            rooms.prime(id, None)
        return room

    async def _room_by_name(self, name: str, include: int, *, force: bool) -> Room | None:
        """The same by name; the public dialect has no direct way (reference section 4.2)."""
        names = self._loader("rooms.by_names")
        if self.api.offers("rooms.by_name") and (force or name not in names.cache_map):
            room = await self._room_anew("rooms.by_name", force=force, name=name, include=include)
            names.prime(name, room)
            return room
        found = (await self._load("rooms.by_names", [name], force=force))[name]
        return found and await self._room(found.id, include, force=force)

    async def _room_anew(
        self, operation: str, *, force: bool, include: int, **by: Any
    ) -> Room | None:
        include |= (include & 1) << 1  # 1 is 2 with less: subrooms without how players meet there
        parameters = {**by, "include": include}
        room: Room | None = await self.once(
            (operation, *by.values(), include),
            lambda: self._ask(operation, parameters, force),
            force=force,
            remember=False,  # The shared room remembers it.
        )
        if room is None:
            return None
        shared: Room = self._shared("rooms.bulk", room, force=force)
        complete(shared, room)
        self._parts[room.id] = (shared, include | self._parts_of(shared))
        return shared

    def _parts_of(self, room: Room) -> int:
        """Which parts of this very object were asked for, as an include mask."""
        known = self._parts.get(room.id)
        return known[1] if known is not None and known[0] is room else 0

    def _with_parts(self, ids: Iterable[int]) -> dict[int, Room]:
        """The rooms that came with parts while they were being asked for without."""
        known = self._loader("rooms.bulk").cache_map
        rooms = ((id, known.get(id)) for id in ids)
        return {id: room for id, room in rooms if room is not None and self._parts_of(room)}

    async def _fill(self, item: Item, field: str, *, force: bool) -> None:
        """Fetch the list that a relation goes on from, unless the item has it."""
        relation = relation_of_field(type(item), field)
        if relation is not None and (force or getattr(item, field) is None):
            await self.relate(item, relation, relation.defaults, force=force)

    async def _ask(self, operation: str, parameters: Mapping[str, Any], force: bool) -> Any:
        answer = await self._read(operation, self.api.request(operation, **parameters))
        if operation != "rooms.showcased_by":
            return answer
        rooms = await self._load("rooms.bulk", answer, force=force)
        return [room for room in rooms.values() if room is not None]

    async def _read(self, operation: str, request: Request) -> Any:
        response = await self.download(request)
        if is_missing_route(response):
            raise NotOffered(f"{response.url}: the server does not offer {operation}")
        body = b"" if response.status == 404 else response.body
        answer = OPERATIONS[operation].read(body, self)
        if isinstance(answer, Page):
            for error in answer.errors:
                self.undecodable(response.url, error)
            return answer.items
        return answer


def _asked_for(parameters: Mapping[str, Any]) -> list[Any]:
    if "names" in parameters:
        return list(parameters["names"])
    if "name" in parameters:
        return [parameters["name"]]
    # Servers answer with numbers, also to one who has an id from a text.
    return [int(id) for id in parameters.get("ids", [parameters.get("id")])]


def _keys(item: Item, relation: Relation) -> dict[str, Any]:
    return {name: getattr(item, field) for name, field in relation.keys.items()}


def _wanted(item: Item, relation: Relation) -> list[Any] | None:
    """The ids that a relation of an item asks for; ``None``: there is nothing to ask."""
    if relation.members:
        rows = getattr(item, relation.after or "")
        return None if rows is None else _ids(rows, relation)
    keys = _keys(item, relation)
    if "ids" in keys:
        ids: list[Any] | None = keys["ids"]
        return ids
    return None if keys["id"] is None else [keys["id"]]


def _ids(rows: Iterable[Item] | None, relation: Relation) -> list[Any]:
    links = (relation.members or {}).values()
    ids = (getattr(row, link) for row in rows or () for link in links)
    return list(dict.fromkeys(id for id in ids if id is not None))


def _join(rows: Iterable[Item] | None, relation: Relation, found: Mapping[Any, Any]) -> None:
    """Set on each row what it links to, ``None`` for what is gone."""
    for row in rows or ():
        for field, link in (relation.members or {}).items():
            setattr(row, field, found.get(getattr(row, link)))
