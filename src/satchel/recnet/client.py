"""RecNet's documented methods, answered through the running crawl (reference section 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from satchel.client import Client
from satchel.errors import NotOffered
from satchel.recnet.api import OPERATIONS, Api, is_missing_route
from satchel.recnet.wire import Page

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.items import Item, Relation
    from satchel.privacy import Gate
    from satchel.recnet.items import Account, Room
    from satchel.recnet.settings import RecNetSettings


class RecNetClient(Client):
    """One request for each call; answers are remembered by operation and arguments."""

    def __init__(self, crawler: Crawler, gate: Gate, settings: RecNetSettings) -> None:
        super().__init__(crawler, gate)
        self.api = Api(settings)

    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        keys = {name: getattr(item, field) for name, field in relation.keys.items()}
        if None in keys.values():
            return None
        answer = await self.call(relation.operation, force=force, **keys, **arguments)
        return self.keep(item, relation, answer)

    async def call(self, operation: str, *, force: bool = False, **parameters: Any) -> Any:
        """What an operation answers: an item or ``None``, a list, or a value.

        :raises NotOffered: the dialect lacks it
        :raises AnswerError: the server answered with an error status
        :raises DecodeError: the answer cannot be read
        """
        key = (operation, *(_hashable(pair) for pair in sorted(parameters.items())))
        return await self.once(key, lambda: self._ask(operation, parameters), force=force)

    async def accounts_by_ids(self, ids: Iterable[int]) -> dict[int, Account]:
        """The accounts of these ids; those that are not there are left out. Always asks."""
        accounts = await self.call("accounts.bulk", ids=list(ids), force=True)
        return {account.id: account for account in accounts}

    async def _ask(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        if operation == "rooms.showcased_by":
            return await self._showcase(parameters["id"])
        if OPERATIONS[operation].form is None:
            return await self._read(operation, self.api.request(operation, **parameters))
        single = "ids" not in parameters
        values = [parameters["id"]] if single else parameters["ids"]
        found = []
        for request in self.api.bulk(operation, values):
            found += await self._read(operation, request)
        if single:
            return found[0] if found else None
        by_key = {getattr(item, item.key[0]): item for item in found}
        return [by_key[value] for value in values if value in by_key]

    async def _showcase(self, id: int) -> list[Room]:
        ids = await self._read("rooms.showcased_by", self.api.request("rooms.showcased_by", id=id))
        rooms: list[Room] = await self._ask("rooms.bulk", {"ids": ids})
        return rooms

    async def _read(self, operation: str, request: Any) -> Any:
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


def _hashable(pair: tuple[str, Any]) -> tuple[str, Any]:
    name, value = pair
    return (name, tuple(value)) if isinstance(value, list) else pair
