"""What a service gives to the framework: the value that the hook ``satchel_services`` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    from aiohttp import web

    from satchel.client import Access, Client
    from satchel.config import Secret
    from satchel.items import Item
    from satchel.sessions import LoginScheme


@dataclass(frozen=True, slots=True)
class Key:
    """A credential in a header, and who may see it.

    :ivar header: the header's name
    :ivar secret: its value
    :ivar origins: ``scheme://host:port`` of the servers that need it; no other ever gets it
    """

    header: str
    secret: Secret
    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a host may be asked: the documented quota, or the polite default.

    :ivar rate: calls in a time, such as ``"30/second"``; ``"off"``: as often as one likes
    :ivar concurrency: requests under way at once
    :ivar words: the service's words for the host; settings name it by them
    """

    rate: str
    concurrency: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """One API: its items, settings, spiders, and its local server.

    :ivar name: a short word: prefix of its settings (``SATCHEL_<NAME>_…``), spiders and tables
    :ivar items: the item classes
    :ivar settings: a frozen struct; its fields are the service's settings
    :ivar spiders: the modules that hold its spiders
    :ivar client: (access, settings) → the client that answers its items' relations
    :ivar key: settings → the credential of its requests, if there is one
    :ivar paces: settings → host, with its port where that is not the usual one → how fast it may be
        asked
    :ivar sandbox: puts the local server into an application: (application, seed, scale)
    :ivar in_sandbox: settings, URL → settings that crawl the local server at that URL
    :ivar content: settings → whether content is kept (:func:`satchel.items.withheld`)
    :ivar hosts: its words for its hosts, all there are: ``SATCHEL_RATES`` takes them
    :ivar sessions: settings → how its accounts log in; ``None``: it has none
    :ivar browser: settings → what of them wants a browser; ``None``: nothing
    :ivar site: settings → the address of the website whose public pages may be kept; ``None``: none
        may
    """

    name: str
    items: tuple[type[Item], ...]
    settings: type[Struct]
    spiders: tuple[str, ...]
    client: Callable[[Access, Any], Client]
    key: Callable[[Any], Key | None]
    paces: Callable[[Any], Mapping[str, Pace]]
    sandbox: Callable[[web.Application, int, int], None]
    in_sandbox: Callable[[Any, str], Struct]
    content: Callable[[Any], bool] = lambda settings: False
    hosts: tuple[str, ...] = ()
    sessions: Callable[[Any], LoginScheme | None] = lambda settings: None
    browser: Callable[[Any], str | None] = lambda settings: None
    site: Callable[[Any], str | None] = lambda settings: None


def host_of(url: str) -> str:
    """The host of an address, with its port where that is not the scheme's own."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return name if parts.port in (None, usual) else f"{name}:{parts.port}"


def origin(url: str) -> str:
    """``scheme://host:port``, the port always given: what a credential belongs to."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_below(url: str, base: str) -> bool:
    """Whether an address is on the server, and below the path, of another."""
    path, root = urlsplit(url).path, urlsplit(base).path.rstrip("/")
    return origin(url) == origin(base) and f"{path}/".startswith(f"{root}/")
