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
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

from scrapy.http.request import NO_CALLBACK

from satchel.errors import AnswerError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from satchel.errors import DecodeError
    from satchel.items import Item, Relation
    from satchel.privacy import Gate

logger = logging.getLogger(__name__)

CACHED_ANSWERS: Final = 10_000
"""Answers that a client remembers; the least recently used are forgotten first."""


class Client(ABC):
    """The running crawl's access to one service; items hold it as ``item.client``.

    :param crawler: the running crawl
    :param gate: what each item passes that a call returns
    """

    def __init__(self, crawler: Crawler, gate: Gate) -> None:
        self._crawler = crawler
        self._gate = gate
        self._answers: OrderedDict[Hashable, asyncio.Task[Any]] = OrderedDict()

    @abstractmethod
    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        """Answer a relation of an item, and keep the answer in the item's field."""

    async def download(self, request: Request) -> Response:
        """The response to a request; 404 is one too.

        :raises AnswerError: the server answered with another error status
        """
        response = await self._crawler.engine.download_async(request.replace(callback=NO_CALLBACK))
        if response.status >= 400 and response.status != 404:
            raise AnswerError(f"{response.url}: the server answered {response.status}")
        return response

    async def once(
        self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, Any]], *, force: bool
    ) -> Any:
        """The answer to *ask*, asked once however many wait for it, and remembered under *key*.

        ``None`` and empty lists are answers too; a failure is not remembered. One who stops
        waiting does not stop the others.

        :param force: ask anew
        """
        if force or key not in self._answers:
            task = asyncio.ensure_future(self._admitted(ask()))
            self._answers[key] = task
            task.add_done_callback(functools.partial(self._forget_failure, key))
            if len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        answer = await asyncio.shield(self._answers[key])
        return list(answer) if isinstance(answer, list) else answer

    async def _admitted(self, asking: Coroutine[Any, Any, Any]) -> Any:
        answer = await asking
        for item in answer if isinstance(answer, list) else [answer]:
            self._gate.admit(item)
        return answer

    def _forget_failure(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if (task.cancelled() or task.exception()) and self._answers.get(key) is task:
            del self._answers[key]

    def keep(self, item: Item, relation: Relation, answer: Any) -> Any:
        """Put an answer into the item's field, as far as the privacy gate lets it; return that."""
        name = relation.field or relation.name
        admitted = self._gate.admit_value(item, name, answer)
        if relation.field is not None:
            setattr(item, relation.field, admitted)
            # Now a null is an answer, and the store forgets what it had.
            item._unsent -= {relation.field}
        return admitted

    def undecodable(self, url: str, error: DecodeError) -> None:
        """Report a row of an answer that is no such item; the others are used."""
        logger.error("%s: %s", url, error)
        self._crawler.stats.inc_value("satchel/undecodable")
