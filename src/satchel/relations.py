"""What ``include=`` asks for: relations of items, of what these lead to, and so on.

For many items at once each relation is asked for once; the requests are then as few as the API
allows (:mod:`satchel.loading`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scrapy import signals

from satchel.client import keep
from satchel.errors import did_you_mean
from satchel.items import AddedRelation, Item, leads_to, relations_of
from satchel.throttle import CrawlEnds

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.client import Client
    from satchel.loading import Gate
    from satchel.privacy import Gate as PrivacyGate

logger = logging.getLogger(__name__)

Failed = Callable[[str, BaseException], None]


@dataclass(slots=True)
class Tree:
    """Relations of a class by their words, each with the relations of what it leads to.

    :ivar cls: the class of the items
    :ivar branches: word → the tree of what the relation leads to; ``None``: to no items
    :ivar added: word → the plugin's relation, of those that a plugin adds
    """

    cls: type[Item]
    branches: dict[str, Tree | None] = field(default_factory=dict)
    added: dict[str, AddedRelation] = field(default_factory=dict)
    _unsettled: list[tuple[str, list[str]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.branches or self._unsettled)

    def __str__(self) -> str:
        """The paths, as they may be written."""
        return ",".join(self._paths())

    def _paths(self) -> Iterator[str]:
        for word, branch in self.branches.items():
            if branch:
                yield from (f"{word}.{path}" for path in branch._paths())
            else:
                yield word
        yield from (path for path, _ in self._unsettled)

    def add(self, path: str, besides: Iterable[str] = ()) -> None:
        """Add a dotted path, such as ``room.creator_account``.

        A word that the class does not know waits for :meth:`settle`.

        :param besides: other words that could stand in its place, for the message
        :raises ValueError: it goes on from what leads to no items
        """
        word, dot, rest = path.partition(".")
        if word in self.added:
            self._grow(word, self.added[word].to, rest if dot else None)
        elif word in relations_of(self.cls):
            self._grow(word, leads_to(self.cls, word), rest if dot else None)
        else:
            self._unsettled.append((path, list(besides)))

    def _grow(self, word: str, target: type[Item] | None, rest: str | None) -> None:
        branch = self.branches.setdefault(word, Tree(target) if target else None)
        if rest is not None:
            if branch is None:
                raise ValueError(f"{self.cls.__name__}.{word} leads to no items, so to no {rest}")
            branch.add(rest)

    def settle(self, added: Mapping[tuple[type[Item], str], AddedRelation]) -> None:
        """Look among the plugins' relations for what the classes do not know.

        :param added: (class, word) → what a plugin adds
        :raises ValueError: a word is no relation there
        """
        while self._unsettled:
            path, besides = self._unsettled[0]
            word = path.partition(".")[0]
            if (self.cls, word) not in added:
                others = (name for cls, name in added if cls is self.cls)
                names = [*besides, *sorted({*relations_of(self.cls), *others})]
                raise ValueError(
                    f"{self.cls.__name__} has no {word or 'relation without a name'}"
                    f"{did_you_mean(word, names)} (known: {', '.join(names)})"
                )
            self.added[word] = added[self.cls, word]
            self.add(path)
            del self._unsettled[0]
        for branch in self.branches.values():
            if branch is not None:
                branch.settle(added)

    def check(self, client: Callable[[str], Client]) -> None:
        """Refuse relations that cannot be asked for.

        :param client: service → its client
        :raises NotOffered: the service lacks the operation of one
        """
        for word, branch in self.branches.items():
            if word not in self.added:
                client(self.cls.namespace).check(relations_of(self.cls)[word])
            if branch is not None:
                branch.check(client)

    def types(self) -> frozenset[type[Item]]:
        """The classes of the items that may be found."""
        found: set[type[Item]] = set()
        for branch in self.branches.values():
            if branch is not None:
                found |= {branch.cls, *branch.types()}
        return frozenset(found)


class Resolver:
    """Fills in the relations of a crawl's items, and reports what could not be had.

    :param crawler: the running crawl
    :param tree: what to fill in
    :param client: service → its client, which answers its own relations
    :param plugins: (relation, items) → the answers to a relation that a plugin adds
    :param privacy: what these answers pass
    :param gate: is told how many items wait
    """

    def __init__(
        self,
        crawler: Crawler,
        tree: Tree,
        client: Callable[[str], Client],
        plugins: Callable[[AddedRelation, Sequence[Item]], Awaitable[list[Any]]],
        privacy: PrivacyGate,
        gate: Gate,
    ) -> None:
        self.tree = tree
        self._crawler = crawler
        self._client = client
        self._plugins = plugins
        self._privacy = privacy
        self._gate = gate
        self._given_up = 0
        crawler.signals.connect(self._spider_closed, signals.spider_closed)

    async def resolve(self, items: Sequence[Item]) -> list[Item]:
        """Fill in the relations of items of the tree's class, of which a page may be made.

        An item whose relation cannot be had goes without it.

        :returns: what was found on the way, each object once
        """
        lacking: Counter[tuple[str, str]] = Counter()
        stats = self._crawler.stats

        def failed(name: str, error: BaseException) -> None:
            stats.inc_value("satchel/relations/failed")
            if isinstance(error, CrawlEnds):
                self._given_up += 1
            else:
                lacking[name, _reason(error)] += 1

        self._gate.waiting += len(items)
        found = await self._fill(items, self.tree, failed)
        for (name, reason), number in lacking.items():
            logger.error("%s of %s items could not be had: %s", name, number, reason)
        return found

    async def _fill(self, items: Sequence[Item], tree: Tree, failed: Failed) -> list[Item]:
        """Fill in the relations of items, and of what these lead to.

        :param failed: is told, for each item whose relation could not be had, which and why
        :returns: what was found on the way, each object once
        """
        found = await asyncio.gather(
            *(self._branch(items, tree, word, failed) for word in tree.branches)
        )
        return _each_once(item for part in found for item in part)

    async def _branch(
        self, items: Sequence[Item], tree: Tree, word: str, failed: Failed
    ) -> list[Item]:
        reached: list[Item] = []
        for answer in await self._ask(items, tree, word):
            if isinstance(answer, BaseException):
                failed(f"{tree.cls.__name__}.{word}", answer)
            elif isinstance(answer, list):
                reached += [item for item in answer if isinstance(item, Item)]
            elif isinstance(answer, Item):
                reached.append(answer)
        reached = _each_once(reached)
        # Those that got something may themselves have been found by this.
        between = [row for item in items for row in _members(item, word)]
        branch = tree.branches[word]
        if branch is None or not branch.branches or not reached:
            return between + reached
        return between + reached + await self._fill(reached, branch, failed)

    async def _ask(self, items: Sequence[Item], tree: Tree, word: str) -> list[Any]:
        """For each item what the relation leads to, or the exception that came instead."""
        if (added := tree.added.get(word)) is None:
            client = self._client(tree.cls.namespace)
            return await client.relate_all(items, relations_of(tree.cls)[word])
        return [
            answer
            if isinstance(answer, BaseException)
            else keep(self._privacy, item, added, answer)
            for item, answer in zip(items, await self._plugins(added, items), strict=True)
        ]

    def _spider_closed(self) -> None:
        if self._given_up:
            logger.warning(
                "%s relations of items were not asked for any more: the crawl ends", self._given_up
            )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _members(item: Item, word: str) -> list[Item]:
    relation = relations_of(type(item)).get(word)
    if relation is None or not relation.members or not relation.after:
        return []
    return getattr(item, relation.after) or []


def _each_once(items: Iterable[Item]) -> list[Item]:
    return list({id(item): item for item in items}.values())
