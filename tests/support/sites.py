"""Kemono servers that are crawled, and code that runs inside a crawl or a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import scrapy
from scrapy.crawler import Crawler

from satchel.kemono.sandbox import KemonoSite, SandboxOptions
from satchel.kemono.world import ADMIN, CONSUMER, MODERATOR, World, password_of
from satchel.sandbox import Asked, Sandbox
from satchel.testing import Crawl, crawl

WORLD = World()
ACCOUNTS = {"consumer": CONSUMER, "moderator": MODERATOR, "administrator": ADMIN}


def accounts(*roles: str, **passwords: str) -> str:
    """The setting with the sandbox's accounts for some roles."""
    return json.dumps(
        [
            {
                "role": role,
                "username": ACCOUNTS[role],
                "password": passwords.get(role, password_of(ACCOUNTS[role])),
            }
            for role in roles
        ]
    )


class Server:
    """A Kemono server, and what it was asked.

    :ivar site: what it serves
    :ivar url: its address
    :ivar crawl: what the last crawl came to
    """

    crawl: Crawl

    def __init__(self, site: KemonoSite, sandbox: Sandbox) -> None:
        self.site = site
        self.url = sandbox.url
        self.sandbox = sandbox
        self.crawl: Crawl
        self._seen = 0

    def asked(self) -> list[Asked]:
        """The requests since one last looked, without robots.txt."""
        log = list(self.sandbox.log)
        new, self._seen = log[self._seen :], len(log)
        return [asked for asked in new if asked.path != "/robots.txt"]

    def paths(self) -> list[str]:
        """The same: method and path, without the API's root."""
        return [f"{a.method} {a.path.removeprefix('/api')}" for a in self.asked()]

    def settings(self, **more: Any) -> dict[str, Any]:
        """What it takes to crawl it."""
        return {
            "ROBOTSTXT_OBEY": False,
            "SATCHEL_KEMONO_URL": self.url,
            "SATCHEL_KEMONO_PROFILE": self.site.options.profile,
            "SATCHEL_PRIVACY": "off",
            **more,
        }

    def in_crawl(self, function: Callable[[Crawler], Awaitable[Any]], **settings: Any) -> Any:
        """What *function* returns within a crawl; what it raises is raised."""
        outcome: list[Any] = []

        class Asking(scrapy.Spider):
            name = "asking"

            async def start(self) -> AsyncIterator[Any]:
                try:
                    outcome.append(await function(self.crawler))
                except BaseException as error:
                    outcome.append(error)
                return
                yield

        self.crawl = crawl(Asking, self.settings(**settings))
        (answer,) = outcome
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def in_script(self, environ: Callable[[str, str], None], main: Any) -> Any:
        """What a coroutine returns that runs as a script's main one."""
        for name, value in self.environ().items():
            environ(name, value)
        return asyncio.run(main)

    def environ(self) -> Mapping[str, str]:
        """What a person puts into the environment."""
        return {
            "SATCHEL_KEMONO_URL": self.url,
            "SATCHEL_KEMONO_PROFILE": self.site.options.profile,
            "SATCHEL_RATES": '{"*": "off"}',
        }


Serve = Callable[..., Server]


def make_site(world: World = WORLD, **options: Any) -> KemonoSite:
    """A site with some options."""
    return KemonoSite(world, SandboxOptions(**options))
