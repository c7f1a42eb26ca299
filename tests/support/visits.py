"""A local Kemono server, and a visitor of it who remembers the session cookie."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct

from satchel.client import Client
from satchel.kemono.sandbox import KemonoSite
from satchel.kemono.world import World, password_of
from satchel.service import Service

WORLD = World()


class NoSettings(Struct, frozen=True):
    """The service of these tests is served, never crawled."""


def service(site: KemonoSite, prefix: str = "") -> Service:
    """What puts a site into an application."""

    def mount(app: web.Application, seed: int, scale: int) -> None:
        app.add_routes(site.routes(prefix))

    return Service(
        name="kemono",
        items=(),
        settings=NoSettings,
        spiders=(),
        client=lambda access, settings: Client(access),
        key=lambda settings: None,
        paces=lambda settings: {},
        sandbox=mount,
        in_sandbox=lambda settings, url: settings,
    )


@dataclass
class Answer:
    """One reply, read."""

    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """Asks a server, and sends the session cookie that it got last."""

    def __init__(self, site: KemonoSite, host: str, prefix: str = "") -> None:
        self.site = site
        self.world = site.world
        self.session = ""
        self._host = host
        self._prefix = prefix

    def ask(
        self,
        method: str,
        path: str,
        *,
        json_: Any = None,
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        sent = {"Accept": "text/css", **headers}
        body = None
        if self.session:
            sent.setdefault("Cookie", f"session={self.session}")
        if json_ is not None:
            body, sent["Content-Type"] = json.dumps(json_), "application/json"
        if form is not None:
            body, sent["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        connection = HTTPConnection(self._host)
        try:
            connection.request(method, self._prefix + path, body, sent)
            response = connection.getresponse()
            answer = _answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        if "session" in answer.cookies:
            self.session = answer.cookies["session"].partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def read(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, answer
        return answer.json

    def log_in(self, username: str, password: str | None = None) -> Answer:
        words = {"username": username, "password": password or password_of(username)}
        return self.ask("POST", "/api/v1/authentication/login", json_=words)

    def another(self) -> Visitor:
        """Somebody else, without a session."""
        return Visitor(self.site, self._host, self._prefix)


def _answer(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    pairs = (cookie.partition("=") for cookie in cookies)
    return Answer(status, dict(headers), {name: value for name, _, value in pairs}, body)


Visit = Callable[..., Visitor]
