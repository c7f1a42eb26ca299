"""When batches of ids go out, and what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from satchel import loading
from satchel.loading import Gate, Loader, is_resting


@dataclass
class Scheduler:
    pending: bool = False

    def has_pending_requests(self) -> bool:
        return self.pending


@dataclass
class Engine:
    """What the gate looks at of Scrapy's engine."""

    downloader: Any = field(default_factory=lambda: SimpleNamespace(active=set()))
    scheduler: Scheduler | None = field(default_factory=Scheduler)
    backs_out: bool = False
    running: bool = True
    _slot: Any = None

    def needs_backout(self) -> bool:
        return self.backs_out


@dataclass
class Bench:
    """A loader, and what it was made to ask for."""

    engine: Engine = field(default_factory=Engine)
    batches: list[list[Any]] = field(default_factory=list)
    permits: list[bool] = field(default_factory=list)
    permitted: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.gate = Gate(SimpleNamespace(engine=self.engine))  # type: ignore[arg-type]

    def loader(
        self, load: Callable[[list[Any]], Mapping[Any, Any]] | None = None, remembered: int = 100
    ) -> Loader:
        async def loads(ids: list[Any], permitted: bool) -> Mapping[Any, Any]:
            self.batches.append(ids)
            self.permits.append(permitted)
            return load(ids) if load else {id: -id for id in ids}

        async def permit() -> bool:
            if self.permitted is not None:
                await self.permitted.wait()
            return True

        return Loader(
            loads, self.gate, permit=permit, size=lambda id: 10, limit=50, remembered=remembered
        )


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


async def some_looks() -> None:
    await asyncio.sleep(loading.GLANCE * (loading.LOOKS + 5))


def test_a_batch_goes_out_when_nothing_else_is_fetched() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.engine.downloader.active.add("a list page")
        coming = asyncio.ensure_future(bench.loader().load_each([1, 2]))
        await some_looks()
        assert bench.batches == []
        bench.engine.downloader.active.clear()
        assert await coming == {1: -1, 2: -2}
        assert bench.batches == [[1, 2]]

    run(scenario())


def test_a_batch_does_not_wait_when_the_crawl_is_stopped() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.engine.downloader.active.add("a list page")
        coming = asyncio.ensure_future(bench.loader().load_each([1]))
        await some_looks()
        assert bench.batches == []
        bench.engine.running, bench.engine._slot = False, SimpleNamespace(closing=True)
        assert await coming == {1: -1}

    run(scenario())


@pytest.mark.parametrize("busy", ["reading", "scheduler"])
def test_a_batch_waits_for_pages_that_come(busy: str) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.gate.reading = busy == "reading"
        bench.engine.scheduler = Scheduler(pending=busy == "scheduler")
        coming = asyncio.ensure_future(bench.loader().load_each([1]))
        await some_looks()
        assert bench.batches == []
        bench.gate.reading = 0
        bench.engine.scheduler.pending = False
        await coming

    run(scenario())


def test_a_full_batch_does_not_wait() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.engine.downloader.active.add("a list page")
        loader = bench.loader()
        coming = asyncio.ensure_future(loader.load_each(range(7)))
        await some_looks()
        assert bench.batches == [[0, 1, 2, 3, 4]]
        bench.engine.downloader.active.clear()
        await coming
        assert bench.batches[1:] == [[5, 6]]

    run(scenario())


def test_batches_go_out_when_many_items_wait() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.engine.downloader.active.add("a list page")
        coming = asyncio.ensure_future(bench.loader().load_each([1]))
        bench.gate.waiting = loading.MANY - 1
        await some_looks()
        assert bench.batches == []
        bench.gate.waiting += 1
        await coming
        assert bench.gate.waiting == 0

    run(scenario())


def test_a_batch_goes_out_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(loading, "PATIENCE", 0.05)
        bench = Bench()
        bench.engine.downloader.active.add("a list page that never comes")
        assert await bench.loader().load_each([1]) == {1: -1}

    run(scenario())


def test_ids_that_come_while_a_permit_is_waited_for_go_along() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.permitted = asyncio.Event()
        loader = bench.loader()
        first = asyncio.ensure_future(loader.load_each([1]))
        await some_looks()
        second = asyncio.ensure_future(loader.load_each([2]))
        await asyncio.sleep(0)
        bench.permitted.set()
        await asyncio.gather(first, second)
        assert bench.batches == [[1, 2]]
        assert bench.permits == [True]

    run(scenario())


def test_a_crawl_that_is_paused_rests() -> None:
    bench = Bench()
    bench.engine.scheduler = Scheduler(pending=True)
    crawler: Any = SimpleNamespace(engine=bench.engine)
    assert not is_resting(crawler)
    bench.engine.backs_out = True
    assert is_resting(crawler)
    bench.engine.downloader.active.add("a request")
    assert not is_resting(crawler)


def test_an_id_is_asked_for_once_and_in_order() -> None:
    async def scenario() -> None:
        bench = Bench()
        loader = bench.loader(lambda ids: {id: -id for id in ids if id != 3})
        await loader.load_each([2])
        assert list((await loader.load_each([1, 2, 3])).items()) == [(1, -1), (2, -2), (3, None)]
        await loader.load_each([1, 2, 3])
        assert bench.batches == [[2], [1, 3]]

    run(scenario())


def test_the_least_recently_used_is_forgotten() -> None:
    async def scenario() -> None:
        bench = Bench()
        loader = bench.loader(remembered=2)
        for id in (1, 2, 1, 3, 1, 2):
            await loader.load_each([id])
        assert bench.batches == [[1], [2], [3], [2]]

    run(scenario())


def test_who_stops_waiting_does_not_stop_the_others() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.permitted = asyncio.Event()
        loader = bench.loader()
        quitter = asyncio.ensure_future(loader.load_each([1]))
        other = asyncio.ensure_future(loader.load_each([1]))
        await some_looks()
        quitter.cancel()
        bench.permitted.set()
        assert await other == {1: -1}
        assert quitter.cancelled()

    run(scenario())


def test_a_batch_that_fails_fails_alone_and_is_not_remembered() -> None:
    async def scenario() -> None:
        bench = Bench()
        broken = True

        def load(ids: list[Any]) -> Mapping[Any, Any]:
            if broken and 0 in ids:
                raise OSError("no")
            return {id: -id for id in ids}

        loader = bench.loader(load)
        found = await loader.load_each(range(7))
        assert [isinstance(answer, OSError) for answer in found.values()] == [True] * 5 + [
            False
        ] * 2
        broken = False
        assert await loader.load_each([0]) == {0: 0}

    run(scenario())


def test_a_permit_that_fails_leaves_it_to_the_request() -> None:
    async def scenario() -> None:
        bench = Bench()
        loader = bench.loader()

        async def fails() -> bool:
            raise OSError("the quota's file is gone")

        loader._permit = fails
        assert await loader.load_each([1]) == {1: -1}
        assert await loader.load_each([2]) == {2: -2}
        assert bench.permits == [False, False]

    run(scenario())
