"""Async calls to a service through the running crawl.

Everything goes through Scrapy's downloader, so the pace, the key, retries, robots and the stats
hold for what a relation asks as for what a spider asks.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.defer import maybe_deferred_to_future

from satchel.errors import AnswerError, NoClient
from satchel.loading import Gate, Loader
from satchel.throttle import Throttle
from satchel.waiting import is_ending

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

    from satchel.errors import DecodeError
    from satchel.items import AddedRelation, Item, Relation
    from satchel.privacy import Gate as PrivacyGate

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """What a client is given of the running crawl.

    :ivar crawler: the crawl
    :ivar privacy: what each item passes that a call returns
    :ivar throttle: the hosts' quotas
    :ivar loading: says when batches go out
    :ivar remembered: answers that are kept, of each operation that loads in bulk and of all others
        together; the least recently used are forgotten first
    """

    crawler: Crawler
    privacy: PrivacyGate
    throttle: Throttle
    loading: Gate
    remembered: int


async def send(crawler: Crawler, request: Request) -> Response:
    """The response to a request that is no spider's, through the crawl's downloader.

    :raises NoClient: the crawl has ended
    """
    if crawler.engine is None or crawler.engine.spider is None:
        raise NoClient(f"{request.url}: the crawl has ended")
    request = request.replace(callback=NO_CALLBACK)
    if is_ending(crawler):  # The engine would count it among what it has finished with.
        found = await maybe_deferred_to_future(crawler.engine.downloader.fetch(request))
        if not isinstance(found, Response):
            raise IgnoreRequest("the crawl ends")
        found.request = found.request or request
        return found
    return await crawler.engine.download_async(request)


def keep(gate: PrivacyGate, item: Item, relation: Relation | AddedRelation, answer: Any) -> Any:
    """Put an answer into the item's field, as far as the privacy gate lets it; return that."""
    admitted = gate.admit_value(item, relation.field or relation.name, answer)
    if relation.field is not None:
        setattr(item, relation.field, admitted)
        # Now a null is an answer, and the store forgets what it had.
        item._unsent -= {relation.field}
    return admitted


class Client(ABC):
    """The running crawl's access to one service; items hold it as ``item.client``."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._crawler = access.crawler
        self._gate = access.privacy
        self._answers: OrderedDict[Hashable, asyncio.Task[Any]] = OrderedDict()

    @property
    def crawler(self) -> Crawler:
        """The crawl."""
        return self._crawler

    @abstractmethod
    def check(self, relation: Relation) -> None:
        """Refuse a relation that cannot be asked for.

        :raises NotOffered: the service's dialect lacks it
        """

    @abstractmethod
    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        """Answer a relation of an item, and keep the answer in the item's field."""

    async def relate_all(self, items: Sequence[Item], relation: Relation) -> list[Any]:
        """Answer a relation, with its default arguments, of many items.

        :returns: for each item its answer, or the exception that came instead
        """
        asking = (self.relate(item, relation, relation.defaults, force=False) for item in items)
        return list(await asyncio.gather(*asking, return_exceptions=True))

    def loader(
        self,
        load: Callable[[list[Any], bool], Awaitable[Mapping[Any, Any]]],
        url: str,
        *,
        size: Callable[[Any], int],
        limit: int,
    ) -> Loader:
        """A loader of items by ids, each once a crawl.

        :param load: (ids, whether the request has its permit) → id → item
        :param url: the address that is asked, for its host's quota
        :param size: the bytes that an id takes in a request's body
        :param limit: the bytes that a body may have
        """

        async def admitted(keys: list[Any], permitted: bool) -> Mapping[Any, Any]:
            found = await load(keys, permitted)
            for item in found.values():
                self._gate.admit(item)
            return found

        async def permit() -> bool:
            await self._access.throttle.lane(url).permit()
            return True

        return Loader(
            admitted, self._access.loading, permit=permit, size=size, limit=limit,
            remembered=self._access.remembered,
        )  # fmt: skip

    async def download(self, request: Request) -> Response:
        """The response to a request; 404 is one too.

        :raises AnswerError: the server answered with another error status
        """
        response = await send(self._crawler, request)
        if response.status >= 400 and response.status != 404:
            raise AnswerError(f"{response.url}: the server answered {response.status}")
        return response

    async def once(
        self,
        key: Hashable,
        ask: Callable[[], Coroutine[Any, Any, Any]],
        *,
        force: bool,
        remember: bool = True,
    ) -> Any:
        """The answer to *ask*, asked once however many wait for it, and remembered under *key*.

        ``None`` and empty lists are answers too; a failure is not remembered. One who stops
        waiting does not stop the others.

        :param force: ask anew
        :param remember: false: only those who wait at the same time share the answer
        """
        if force or key not in self._answers:
            task = asyncio.ensure_future(self._admitted(ask()))
            self._answers[key] = task
            task.add_done_callback(functools.partial(self._answered, key, remember))
            if len(self._answers) > self._access.remembered:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        answer = await asyncio.shield(self._answers[key])
        return list(answer) if isinstance(answer, list) else answer

    async def _admitted(self, asking: Coroutine[Any, Any, Any]) -> Any:
        answer = await asking
        for item in answer if isinstance(answer, list) else [answer]:
            self._gate.admit(item)
        return answer

    def _answered(self, key: Hashable, remember: bool, task: asyncio.Task[Any]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if (failed or not remember) and self._answers.get(key) is task:
            del self._answers[key]

    def keep(self, item: Item, relation: Relation, answer: Any) -> Any:
        """Put an answer into the item's field, as far as the privacy gate lets it; return that."""
        return keep(self._gate, item, relation, answer)

    def undecodable(self, url: str, error: DecodeError) -> None:
        """Report a row of an answer that is no such item; the others are used."""
        logger.error("%s: %s", url, error)
        self._crawler.stats.inc_value("satchel/undecodable")
