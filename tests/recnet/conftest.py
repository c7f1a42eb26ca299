"""What tests of RecNet's client share: code that runs inside a crawl of a sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import scrapy

from satchel.faults import Faults
from satchel.recnet.client import RecNetClient
from satchel.sandbox import Asked, Sandbox
from satchel.testing import Crawl, crawl, running_sandbox

Function = Callable[[RecNetClient], Awaitable[Any]]


class Server:
    """A sandbox, and what it was asked.

    :ivar crawl: what the last crawl came to
    """

    crawl: Crawl

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seen = 0
        self.crawl: Crawl

    def ask(self, function: Function, dialect: str = "legacy", **settings: Any) -> Any:
        """What *function* returns that gets the client of a crawl; what it raises is raised."""
        outcome: list[Any] = []

        class Asking(scrapy.Spider):
            name = "asking"

            async def start(self) -> AsyncIterator[Any]:
                try:
                    outcome.append(await function(RecNetClient.of(self.crawler)))
                except BaseException as error:
                    outcome.append(error)
                return
                yield

        self.asked()
        self.crawl = crawl(
            Asking,
            {
                "ROBOTSTXT_OBEY": False,
                "SATCHEL_PRIVACY": "off",
                "SATCHEL_RECNET_DIALECT": dialect,
                "SATCHEL_RECNET_URL": self._sandbox.url,
                **settings,
            },
        )
        (answer,) = outcome
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def asked(self) -> list[Asked]:
        """The requests since one last looked."""
        log = list(self._sandbox.log)
        new, self._seen = log[self._seen :], len(log)
        return new

    def misbehave(self, faults: Faults) -> None:
        """Answer otherwise from now on, until the test's end."""
        self._sandbox.faults = faults


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def server(_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "sandbox")
    yield Server(_sandbox)
    _sandbox.faults = Faults()
