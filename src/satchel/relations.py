"""What ``include=`` asks for: relations of items, of what these lead to, and so on.

For many items at once each relation is asked for once; the requests are then as few as the API
allows (:mod:`satchel.loading`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scrapy import signals

from satchel.errors import did_you_mean
from satchel.items import Item, Relation, leads_to, relations_of
from satchel.throttle import CrawlEnds

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from satchel.client import Client
    from satchel.loading import Gate

logger = logging.getLogger(__name__)

Failed = Callable[[str, BaseException], None]


@dataclass(slots=True)
class Tree:
    """Relations of a class by their words, each with the relations of what it leads to.

    :ivar cls: the class of the items
    :ivar branches: word → the tree of what the relation leads to; ``None``: to no items
    """

    cls: type[Item]
    branches: dict[str, Tree | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """The paths, as they may be written."""
        return ",".join(self._paths())

    def _paths(self) -> Iterator[str]:
        for word, branch in self.branches.items():
            if branch is None or not branch.branches:
                yield word
            else:
                yield from (f"{word}.{path}" for path in branch._paths())

    def add(self, path: str, besides: Iterable[str] = ()) -> None:
        """Add a dotted path, such as ``room.creator_account``.

        :param besides: other words that could stand in its place, for the message
        :raises ValueError: a word is no relation there
        """
        word, dot, rest = path.partition(".")
        known = relations_of(self.cls)
        if word not in known:
            names = [*besides, *sorted(known)]
            raise ValueError(
                f"{self.cls.__name__} has no {word or 'relation without a name'}"
                f"{did_you_mean(word, names)} (known: {', '.join(names)})"
            )
        if word not in self.branches:
            target = leads_to(self.cls, word)
            self.branches[word] = Tree(target) if target else None
        if dot:
            branch = self.branches[word]
            if branch is None:
                raise ValueError(f"{self.cls.__name__}.{word} leads to no items, so to no {rest}")
            branch.add(rest)

    def check(self, client: Client) -> None:
        """Refuse relations that cannot be asked for.

        :raises NotOffered: the service lacks the operation of one
        """
        for word, branch in self.branches.items():
            client.check(relations_of(self.cls)[word])
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
    :param client: what answers it
    :param gate: is told how many items wait
    """

    def __init__(self, crawler: Crawler, tree: Tree, client: Client, gate: Gate) -> None:
        self.tree = tree
        self._crawler = crawler
        self._client = client
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
        found = await resolve(items, self.tree, self._client, failed)
        for (name, reason), number in lacking.items():
            logger.error("%s of %s items could not be had: %s", name, number, reason)
        return found

    def _spider_closed(self) -> None:
        if self._given_up:
            logger.warning(
                "%s relations of items were not asked for any more: the crawl ends", self._given_up
            )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


async def resolve(items: Sequence[Item], tree: Tree, client: Client, failed: Failed) -> list[Item]:
    """Fill in the relations of items, and of what these lead to.

    :param failed: is told, for each item whose relation could not be had, which and why; the item
        goes without it
    :returns: what was found on the way, each object once
    """
    found = await asyncio.gather(
        *(_branch(items, tree, word, client, failed) for word in tree.branches)
    )
    return _each_once(item for part in found for item in part)


async def _branch(
    items: Sequence[Item], tree: Tree, word: str, client: Client, failed: Failed
) -> list[Item]:
    relation = relations_of(tree.cls)[word]
    answers = await client.relate_all(items, relation)
    reached: list[Item] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            failed(f"{tree.cls.__name__}.{word}", answer)
        elif isinstance(answer, list):
            reached += [item for item in answer if isinstance(item, Item)]
        elif isinstance(answer, Item):
            reached.append(answer)
    reached = _each_once(reached)
    # Those that got something may themselves have been found by this.
    between = [row for item in items for row in _members(item, relation)]
    branch = tree.branches[word]
    if branch is None or not branch.branches or not reached:
        return between + reached
    return between + reached + await resolve(reached, branch, client, failed)


def _members(item: Item, relation: Relation) -> list[Item]:
    rows = getattr(item, relation.after) if relation.members and relation.after else None
    return rows or []


def _each_once(items: Iterable[Item]) -> list[Item]:
    return list({id(item): item for item in items}.values())
