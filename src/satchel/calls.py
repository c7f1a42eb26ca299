"""The calls of one crawl's plugins: in order, within their time, and apart from each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from functools import partial
from inspect import isawaitable, signature
from time import perf_counter
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

from msgspec import Struct
from scrapy.exceptions import DropItem

from satchel import hookspecs
from satchel.actions import Outcome, Proposal
from satchel.config import Config
from satchel.errors import PluginError, SatchelError
from satchel.hooks import Plugins, log_call, one_line
from satchel.hookspecs import RequestInfo, ResponseInfo
from satchel.items import AddedRelation, Item, field_names, type_name
from satchel.throttle import CrawlEnds

if TYPE_CHECKING:
    import pluggy
    from scrapy.crawler import Crawler

T = TypeVar("T")

logger = logging.getLogger(__name__)


BEFORE_CRAWL: Final = frozenset(
    {
        "satchel_services",
        "satchel_settings",
        "satchel_relations",
        "satchel_feed_exporters",
        "satchel_commands",
        "satchel_item_classes",
        "satchel_job_finished",
    }
)
"""The hooks that are no part of a crawl."""


class _GivenUp(Exception):
    """An ``async`` implementation took too long."""


class Veto(NamedTuple):
    """A plugin is against an action.

    :ivar reason: why; empty: the plugin failed
    """

    plugin: str
    reason: str


class _Impl(NamedTuple):
    """A plugin's implementation of a hook, as it is called.

    :ivar function: the implementation itself
    :ivar call: the same, for all that the hook gives but what is the same in each call of a crawl
    """

    plugin: str
    hook: str
    function: Callable[..., Any]
    call: Callable[..., Any]

    @classmethod
    def of(cls, hook: str, found: pluggy.HookImpl, **same: Any) -> Self:
        given = signature(getattr(hookspecs, hook)).parameters.keys() - same.keys()
        bound = {name: same[name] for name in found.argnames if name in same}
        call = partial(found.function, **bound) if bound else found.function
        return cls(
            plugin=found.plugin_name,
            hook=hook,
            function=found.function,
            call=call if given <= {*found.argnames} else _taking(call, given & {*found.argnames}),
        )


class Calls:
    """Calls the plugins of a crawl. What one of them does wrong is logged and counted, and the
    others are called.

    :param settings: plugin → its settings; one whose settings have ``enabled`` false is not called
    :ivar off: the plugins that are not called
    :ivar relations: (class, word) → the relation that a plugin adds
    """

    def __init__(
        self, crawler: Crawler, plugins: Plugins, settings: Mapping[str, Struct], config: Config
    ) -> None:
        self._crawler = crawler
        self._seconds = config.hook_seconds
        self._trace = config.trace_hooks
        self.off = frozenset(
            name for name, struct in settings.items() if getattr(struct, "enabled", True) is False
        )
        self._impls = {
            hook: [
                _Impl.of(hook, found, crawler=crawler, settings=settings.get(found.plugin_name))
                for found in plugins.implementations(hook)
                if found.plugin_name not in self.off
            ]
            for hook in plugins.hooks()
        }
        self.relations: dict[tuple[type[Item], str], AddedRelation] = {}
        self._resolving: dict[AddedRelation, _Impl] = {}
        offered = plugins.relations()
        for impl in self._impls["satchel_resolve_relation"]:
            for relation in offered.get(impl.plugin, ()):
                self.relations[relation.of, relation.name] = relation
                self._resolving[relation] = impl

    def has(self, *hooks: str) -> bool:
        """Whether any plugin has one of these hooks."""
        return any(self._impls[hook] for hook in hooks)

    async def process_item(self, item: Any, admit: Callable[[Any], Any] = lambda item: item) -> Any:
        """The item as the plugins leave it.

        :param admit: what each item passes that a plugin puts in an item's place
        :raises DropItem: a plugin drops it
        """
        for impl in self._impls["satchel_process_item"]:
            # What _call does, without a call for each item and plugin.
            started = perf_counter() if self._trace else 0.0
            result = None
            try:
                result = impl.call(item=item)
                if result is not None and isawaitable(result):
                    result = await self._within_limit(result)
            except DropItem:
                raise
            except (Exception, SystemExit) as error:
                result = None
                self._failed(impl, item, as_failure(error))
            finally:
                if self._trace:
                    self._traced(impl, item, started)
            # A plugin that failed may have changed the item before.
            item = admit(item if result is None else result)
        return item

    async def crawl_started(self) -> None:
        """Tell the plugins that the crawl begins."""
        await self._each("satchel_crawl_started")

    async def crawl_idle(self) -> None:
        """Have the plugins add what they know when all items have come."""
        for impl in self._impls["satchel_crawl_idle"]:
            # Nothing else brings items now: while any arrive, it goes on.
            await self._call(impl, progress=self._arrived)

    async def stop_paging(self, items: list[Item], about: str) -> bool:
        """Whether a plugin wants nothing that follows these items.

        :param about: the page, for the log
        """
        stops = False
        for impl in self._impls["satchel_stop_paging"]:
            stops |= await self._call(impl, about, items=list(items)) is True
        return stops

    def those_with(self, hook: str) -> list[str]:
        """The names of the plugins that have a hook."""
        return [impl.plugin for impl in self._impls[hook]]

    async def crawl_finished(self, reason: str) -> None:
        """Tell the plugins that the crawl has ended. Each gets the figures as they are then."""
        for impl in self._impls["satchel_crawl_finished"]:
            stats = dict(self._crawler.stats.get_stats())
            await self._call(impl, reason=reason, stats=stats)

    async def request(self, request: RequestInfo) -> None:
        """Show the plugins a request that is about to be sent."""
        await self._each("satchel_request", request.url, request=request)

    async def response(self, response: ResponseInfo) -> None:
        """Show the plugins a response that was received."""
        await self._each("satchel_response", response.request.url, response=response)

    async def resolve_relation(self, relation: AddedRelation, items: Sequence[Item]) -> list[Any]:
        """What a plugin's relation leads to: for each item its answer, or the exception that came
        instead."""
        impl = self._resolving[relation]
        about = f"{relation} of {len(items)} items"
        try:
            answers = await self._call(
                impl, about, may_raise=Exception, relation=relation, items=list(items)
            )
            return _answers(answers, relation, len(items))
        except CrawlEnds as error:
            return [error] * len(items)
        except Exception as error:
            self._failed(impl, about, error)
            return [PluginError(f"plugin {impl.plugin} failed")] * len(items)

    async def export_items(self, items: list[Any]) -> None:
        """Have the plugins export a batch."""
        for impl in self._impls["satchel_export_items"]:
            # Each gets a list of its own: one may take it apart.
            about = f"{len(items)} items"
            await self._call(impl, about, items=list(items))

    async def propose_actions(
        self, item: Item, take: Callable[[Proposal, str], T]
    ) -> dict[str, list[T]]:
        """What the plugins propose for an item: plugin → all that it does.

        Those that say nothing, or fail, are not in it.

        :param take: (proposal, plugin) → what it is made of; its errors count as the plugin's
        """
        found: dict[str, list[T]] = {}
        for impl in self._impls["satchel_propose_actions"]:
            result = await self._call(impl, item, item=item)
            if result is None:
                continue
            try:
                proposals = _proposals(result)
                found[impl.plugin] = [take(proposal, impl.plugin) for proposal in proposals]
            except (SatchelError, TypeError) as error:
                self._failed(impl, item, error)
        return found

    async def veto_action(self, proposal: Proposal) -> Veto | None:
        """The first plugin that is against an action; ``None``: none is."""
        about = f"{proposal.action.kind} of {proposal.action.target}"
        for impl in self._impls["satchel_veto_action"]:
            try:
                result = await self._call(impl, about, may_raise=Exception, proposal=proposal)
                if result is not None and not (isinstance(result, str) and result):
                    raise TypeError("expected a reason, or None")
            except Exception as error:
                self._failed(impl, about, error)
                return Veto(impl.plugin, "")
            if result is not None:
                return Veto(impl.plugin, result)
        return None

    async def action_finished(self, proposal: Proposal, outcome: Outcome) -> None:
        """Tell the plugins what became of an action."""
        about = f"{proposal.action.kind} of {proposal.action.target}"
        await self._each("satchel_action_finished", about, proposal=proposal, outcome=outcome)

    def withheld(self, item: Item) -> frozenset[str] | None:
        """The fields of an item that plugins withhold; ``None``: one of them failed."""
        names: set[str] = set()
        for impl in self._impls["satchel_withhold"]:
            started = perf_counter() if self._trace else 0.0
            try:
                names |= _fields(impl.call(item=item), type(item))
            except (Exception, SystemExit) as error:
                self._failed(impl, item, as_failure(error))
                return None
            finally:
                if self._trace:
                    self._traced(impl, item, started)
        return frozenset(names)

    def codes(self) -> dict[CodeType, str]:
        """The code of each implementation → the names of its plugin and hook."""
        return {
            impl.function.__code__: f"{impl.plugin}: {impl.hook}"
            for hook, impls in self._impls.items()
            if hook not in BEFORE_CRAWL
            for impl in impls
            if hasattr(impl.function, "__code__")
        }

    async def _each(self, hook: str, subject: Any = None, **given: Any) -> None:
        for impl in self._impls[hook]:
            await self._call(impl, subject, **given)

    async def _call(
        self,
        impl: _Impl,
        subject: Any = None,
        *,
        may_raise: type[Exception] | tuple[()] = (),
        progress: Callable[[], int] = lambda: 0,
        **given: Any,
    ) -> Any:
        """What an implementation returns; ``None`` if it fails.

        :param subject: what it is called for, for the log
        :param may_raise: what it may raise on purpose
        :param progress: while this changes, the time of an ``async`` one begins anew
        """
        started = perf_counter()
        try:
            result = impl.call(**given)
            return await self._within_limit(result, progress) if isawaitable(result) else result
        except may_raise:
            raise
        except (Exception, SystemExit) as error:
            failure = as_failure(error)
            if isinstance(failure, may_raise):
                raise failure from error
            self._failed(impl, subject, failure)
            return None
        finally:
            if self._trace:
                self._traced(impl, subject, started)

    def _arrived(self) -> int:
        """How many items have come to their end."""
        stats = self._crawler.stats
        names = ("item_scraped_count", "item_dropped_count")
        return sum(stats.get_value(name, 0) for name in names)

    async def _within_limit(
        self, waiting: Awaitable[Any], progress: Callable[[], int] = lambda: 0
    ) -> Any:
        """The result of an ``async`` implementation.

        One that takes too long is cancelled, and not waited for: it may refuse to end.

        :raises _GivenUp: it has taken too long
        """
        task = asyncio.ensure_future(contained(waiting))
        try:
            before = -1
            while not task.done() and before != (now := progress()):
                before = now
                await asyncio.wait({task}, timeout=self._seconds)
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_forget)
        if not task.done():
            raise _GivenUp(f"given up after {self._seconds:g} seconds (SATCHEL_HOOK_SECONDS)")
        if task.cancelled():
            raise _GivenUp("it was cancelled")
        return task.result()

    def _failed(self, impl: _Impl, subject: Any, error: Exception) -> None:
        logger.error(
            "plugin %s: %s failed%s: %s",
            impl.plugin,
            impl.hook,
            _at(subject),
            one_line(error),
            # Those are no mistakes of the plugin's code.
            exc_info=None if isinstance(error, CrawlEnds | SatchelError | _GivenUp) else error,
        )
        self._crawler.stats.inc_value(f"satchel/plugins/{impl.plugin}/errors")

    def _traced(self, impl: _Impl, subject: Any, started: float) -> None:
        log_call(impl.plugin, impl.hook, _at(subject), started)


def _taking(call: Callable[..., Any], names: Set[str]) -> Callable[..., Any]:
    """A call that leaves out what an implementation does not use."""
    return lambda **given: call(**{name: given[name] for name in names})


async def contained(waiting: Awaitable[T]) -> T:
    """What an ``async`` implementation returns.

    :raises PluginError: it tried to end the program, which would end the event loop at once
    """
    try:
        return await waiting
    except SystemExit as error:
        raise as_failure(error) from error


def as_failure(error: BaseException) -> Exception:
    """What a plugin raised, as a failure that is its own and not the program's."""
    if isinstance(error, Exception):
        return error
    return PluginError(f"it raised {type(error).__name__}: {one_line(error)}")


def _proposals(result: Any) -> list[Proposal]:
    """What a plugin proposes.

    :raises TypeError: it is no list of proposals
    """
    if isinstance(result, list) and all(isinstance(one, Proposal) for one in result):
        return result
    raise TypeError("expected a list of satchel.Proposal")


def _forget(task: asyncio.Future[Any]) -> None:
    """Read what a task came to that nobody waits for: asyncio complains of errors unread."""
    if not task.cancelled():
        task.exception()


def _fields(names: Any, cls: type[Item]) -> set[str]:
    """The names of fields that a plugin returned.

    :raises ValueError: one is none, or is part of the key
    """
    if isinstance(names, str):
        raise ValueError("a text is no collection of names")
    found = set(names or ())
    if wrong := found - field_names(cls) | found & set(cls.key):
        words = ", ".join(sorted(map(str, wrong)))
        raise ValueError(f"{cls.__name__}: no field that can be withheld: {words}")
    return found


def _answers(answers: Any, relation: AddedRelation, number: int) -> list[Any]:
    """The answers that a plugin returned, one for each item.

    :raises ValueError: they are too few, too many, or of another type than was declared
    """
    if answers is None:
        return [None] * number
    if not isinstance(answers, list | tuple) or len(answers) != number:
        raise ValueError(f"expected a list of {number} answers, one for each item")
    for answer in answers:
        for found in answer if isinstance(answer, list) else [answer]:
            expected = found is None or isinstance(found, relation.to or object)
            if not expected and not isinstance(answer, Exception):
                name = relation.to.__name__ if relation.to else ""
                raise ValueError(f"expected items of the class {name}, got {type(found).__name__}")
    return list(answers)


def _at(subject: Any) -> str:
    """What a call was for, as far as a log may show it: an item by its type and key."""
    if subject is None or isinstance(subject, str):
        return f" at {subject}" if subject else ""
    if not isinstance(subject, Item):
        return f" at a {type(subject).__name__}"
    key = "/".join(str(getattr(subject, name)) for name in subject.key)
    return f" at {type_name(type(subject))} {key}".rstrip()
