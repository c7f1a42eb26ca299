"""What tests of the Kemono sandbox share: servers to visit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from satchel.kemono.sandbox import KemonoSite, SandboxOptions
from satchel.kemono.world import World
from satchel.testing import running_sandbox
from visits import WORLD, Visit, Visitor, service


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Starts a server with some options, and visits it."""
    with ExitStack() as servers:

        def start(world: World = WORLD, prefix: str = "", **options: Any) -> Visitor:
            site = KemonoSite(world, SandboxOptions(**options))
            sandbox = servers.enter_context(running_sandbox(services=[service(site, prefix)]))
            return Visitor(site, sandbox.url.removeprefix("http://"), prefix)

        yield start
