"""What all tests share: no settings of the developer's, and databases of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from acting import Acting
from satchel.kemono.world import World
from satchel.testing import running_sandbox
from servers import Server, installed
from sites import WORLD, Serve, accounts, make_site
from sites import Server as KemonoServer
from stores import Stored
from visits import service


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("SATCHEL_", "SCRAPY_", "PG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def make_server() -> Iterator[Callable[[], Server]]:
    """Makes and starts PostgreSQL servers; they are gone when the tests are."""
    servers: list[Server] = []

    def make() -> Server:
        programs = installed()
        if programs is None:
            pytest.skip("PostgreSQL is not installed: neither initdb nor /usr/lib/postgresql")
        server = Server(Path(tempfile.mkdtemp(prefix="pg")), programs)
        servers.append(server)
        server.make()
        server.start()
        return server

    try:
        yield make
    finally:
        for server in servers:
            server.stop()
            shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def postgresql(make_server: Callable[[], Server]) -> Server:
    """One server for all tests of a process."""
    return make_server()


ACCOUNTS = accounts("consumer", "moderator", "administrator")

_numbers = count()


@pytest.fixture
def postgresql_url(postgresql: Server) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"test{next(_numbers)}"
    postgresql.execute(f"CREATE DATABASE {name}")
    yield postgresql.url(name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Stored:
    """An empty database, of each kind in turn."""
    if request.param == "sqlite":
        return Stored(f"sqlite:///{tmp_path}/s.db")
    return Stored(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a Kemono server with some options."""
    with ExitStack() as servers:

        def start(world: World = WORLD, **options: Any) -> KemonoServer:
            site = make_site(world, **options)
            sandbox = servers.enter_context(running_sandbox(services=[service(site)]))
            return KemonoServer(site, sandbox)

        yield start


Act = Callable[..., Acting]


@pytest.fixture
def act(serve: Serve, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> Iterator[Act]:
    """Makes outboxes for Kemono servers, in an empty database of each kind in turn."""
    made: list[Acting] = []

    def make(*, roles: str = ACCOUNTS, **options: Any) -> Acting:
        monkeypatch.setenv("SATCHEL_KEMONO_ACCOUNTS", roles)
        made.append(Acting(serve(**options), stored.url))
        return made[-1]

    yield make
    for acting in made:
        acting.outbox.close()


@pytest.fixture(autouse=True)
def _no_project() -> None:
    """Scrapy keeps the project that a command found in the environment, for all that follow."""
    os.environ.pop("SCRAPY_SETTINGS_MODULE", None)
