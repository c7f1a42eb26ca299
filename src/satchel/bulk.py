"""For a service that needs no more than one address and calls by ids: its client, and how its
answers are read from recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from scrapy import Request

from satchel.addon import SatchelAddon
from satchel.client import Access, Client
from satchel.errors import ConfigError, NotOffered
from satchel.service import Bulk, Reading
from satchel.throttle import PAID

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.answers import Page
    from satchel.items import Item, Relation
    from satchel.loading import Loader


class BulkClient(Client):
    """Answers relations whose operations are calls by ids, as many at once as the API allows.

    :cvar service: the service's word
    :ivar url: the server's address
    """

    service: ClassVar[str]

    def __init__(self, access: Access, url: str | None) -> None:
        """
        :raises ConfigError: there is no address
        """
        if url is None:
            raise ConfigError(
                f"no {self.service} server is configured: give its address as "
                f"SATCHEL_{self.service.upper()}_URL, or set SATCHEL_SANDBOX=1 to crawl a local "
                "server with synthetic data"
            )
        super().__init__(access)
        self.url = url
        self._loaders: dict[str, Loader] = {}

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The client of a running crawl, for its spider, its pipelines and plugins.

        :raises ConfigError: the project has not enabled satchel, or no server is configured
        """
        client = SatchelAddon.of(crawler).client(cls.service)
        assert isinstance(client, cls)
        return client

    def request(self, path: str, **query: Any) -> Request:
        """A request for JSON of the service; what of *query* is ``None`` is left out."""
        words = urlencode({name: value for name, value in query.items() if value is not None})
        return Request(
            f"{self.url.rstrip('/')}/{path}{'?' if words else ''}{words}",
            headers={"Accept": "application/json"},
            meta={"satchel_service": self.service, "satchel_json": True},
        )

    def add_bulk(
        self,
        operation: str,
        ask: Callable[[list[Any]], Request],
        read: Callable[[bytes], Page[Any]],
        *,
        most: int,
        by: str = "id",
    ) -> None:
        """Declare an operation.

        :param operation: the word that relations name it by
        :param ask: ids → the request for what they lead to
        :param read: the body of an answer → items
        :param most: ids of one request at most
        :param by: the found items' field that has the id
        """

        async def load(ids: list[Any], permitted: bool) -> Mapping[Any, Any]:
            request = ask(ids)
            request.meta[PAID] = permitted
            response = await self.download(request)
            if response.status == 404:
                return {}
            answer = read(response.body)
            for error in answer.errors:
                self.undecodable(response.url, error)
            for item in answer.items:
                item.client = self
            return {getattr(item, by): item for item in answer.items}

        self._loaders[operation] = self.loader(load, self.url, size=lambda id: 1, limit=most)

    async def load(self, operation: str, ids: Iterable[Any]) -> dict[Any, Any]:
        """What ids lead to: an item, ``None``, or the exception that came instead."""
        self._access.loading.waiting += 1
        return await self._loaders[operation].load_each(dict.fromkeys(ids))

    def check(self, relation: Relation) -> None:
        if relation.operation not in self._loaders:
            raise NotOffered(f"{relation.operation} is not offered by {self.service}")

    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        if force:
            self._loaders[relation.operation].clear_many(_ids(item, relation))
        (answer,) = await self.relate_all([item], relation)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def relate_all(self, items: Sequence[Item], relation: Relation) -> list[Any]:
        found = await self.load(
            relation.operation, (id for item in items for id in _ids(item, relation))
        )
        return [self._answer(item, relation, found) for item in items]

    def _answer(self, item: Item, relation: Relation, found: Mapping[Any, Any]) -> Any:
        answers = [found[id] for id in _ids(item, relation)]
        for answer in answers:
            if isinstance(answer, BaseException):
                return answer
        present = [answer for answer in answers if answer is not None]
        if isinstance(_value(item, relation), list):
            return self.keep(item, relation, present)
        # There is nothing to ask for where the id is not known.
        return self.keep(item, relation, present[0] if present else None) if answers else None


def readings(
    reads: Mapping[str, Callable[[bytes], Any]], many: Mapping[str, str]
) -> Callable[[str, str, bytes], Reading | None]:
    """A service's :attr:`~satchel.Service.reading`, for answers that their paths tell apart.

    :param reads: the last word of a path → (body → items)
    :param many: a name in the query whose value is ids with commas → the items' field with the id
    """

    def reading(method: str, url: str, body: bytes) -> Reading | None:
        address = urlsplit(url)
        word = address.path.rpartition("/")[2]
        if method != "GET" or word not in reads:
            return None
        return Reading(word, reads[word], bulk=_bulk(address, many))

    return reading


def _bulk(address: SplitResult, many: Mapping[str, str]) -> Bulk | None:
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    name = next(iter(query.keys() & many.keys()), None)
    if name is None:
        return None
    field = many[name]
    queries = {id: urlencode({**query, name: id}) for id in query[name].split(",")}
    return Bulk(
        {id: (address._replace(query=words).geturl(), b"") for id, words in queries.items()},
        lambda item: str(getattr(item, field)),
    )


def _value(item: Item, relation: Relation) -> Any:
    (field,) = relation.keys.values()
    return getattr(item, field)


def _ids(item: Item, relation: Relation) -> list[Any]:
    value = _value(item, relation)
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
