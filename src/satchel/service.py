"""What a service gives to the framework: the value that the hook ``satchel_services`` returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct, structs

from satchel.answers import Page
from satchel.errors import ConfigError
from satchel.items import Item

if TYPE_CHECKING:
    from aiohttp import web

    from satchel.actions import Action
    from satchel.client import Access, Client
    from satchel.config import Secret
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


def _as_read(answer: Any, rows: list[Any]) -> Any:
    """The JSON value of an answer that is read as it was sent: an item, a list, a plain value."""
    if isinstance(answer, Page):
        return rows
    if isinstance(answer, Item):
        return rows[0]
    return answer


@dataclass(frozen=True, slots=True)
class Subject:
    """What a plain value is about: a field of an item that the answer does not have.

    :ivar cls: the item's class
    :ivar key: its key
    :ivar field: the field
    """

    cls: type[Item]
    key: tuple[Any, ...]
    field: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """A request for many at once, taken apart.

    So a replay can answer it although what it asks for was recorded in other requests: which ids
    share one depends on how fast answers come.

    :ivar alone: each that is asked for, as a text → the (URL, body) of a request for this one alone
    :ivar of: an item of the answer → for which of them it came
    """

    alone: Mapping[str, tuple[str, bytes]]
    of: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer is read, known by its request alone; for recordings.

    :ivar operation: the service's word for what was asked
    :ivar read: body → an item, a :class:`~satchel.answers.Page`, a list, a plain value; ``None``:
        there is nothing; raises :class:`~satchel.errors.DecodeError`
    :ivar write: (what was read, the JSON objects of its items, and a null for each row that is
        none) → the JSON value that the same is read from
    :ivar subject: what a plain value is about, if it is personal
    :ivar bulk: what is asked for at once, if it is more than one may be; the answer is a list then
    """

    operation: str
    read: Callable[[bytes], Any]
    write: Callable[[Any, list[Any]], Any] = _as_read
    subject: Subject | None = None
    bulk: Bulk | None = None


def at_the_sandbox(settings: Any, url: str) -> Struct:
    """Settings with a field ``url``, turned to the local server.

    :raises ConfigError: they have the address of another
    """
    if settings.url:
        raise ConfigError(
            f"SATCHEL_SANDBOX=1 and the address of a server (url of {type(settings).__name__}): "
            "give one of the two"
        )
    turned: Struct = structs.replace(settings, url=url)
    return turned


@dataclass(frozen=True, slots=True)
class Service:
    """One API: its items, settings, spiders, and its local server.

    :ivar name: a short word: prefix of its settings (``SATCHEL_<NAME>_…``), spiders and tables
    :ivar items: the item classes
    :ivar settings: a frozen struct; its fields are the service's settings
    :ivar client: (access, settings) → the client that answers its items' relations
    :ivar sandbox: puts the local server into an application: (application, seed, scale)
    :ivar in_sandbox: settings, URL → settings that crawl the local server at that URL
    :ivar spiders: the modules that hold its spiders
    :ivar key: settings → the credential of its requests, if there is one
    :ivar paces: settings → host, with its port where that is not the usual one → how fast it may be
        asked; others: the polite default
    :ivar content: settings → whether content is kept (:func:`satchel.items.withheld`)
    :ivar hosts: its words for its hosts, all there are: ``SATCHEL_RATES`` takes them
    :ivar sessions: settings → how its accounts log in; ``None``: it has none
    :ivar reading: (method, URL, body of a request) → how its answer is read, whatever the host;
        ``None``: it is none of this service's requests. Of a service without it, recordings hold no
        answers, unless nothing is withheld at all, and a replay finds none
    :ivar actions: the kinds of actions that change something on its servers
    :ivar address: settings → the address of the server, which actions are kept apart by
    :ivar browser: settings → what of them wants a browser; ``None``: nothing
    :ivar pages: settings → addresses below which there are public pages that may be kept: of no
        person
    """

    name: str
    items: tuple[type[Item], ...]
    settings: type[Struct]
    client: Callable[[Access, Any], Client]
    sandbox: Callable[[web.Application, int, int], None]
    in_sandbox: Callable[[Any, str], Struct] = at_the_sandbox
    spiders: tuple[str, ...] = ()
    key: Callable[[Any], Key | None] = lambda settings: None
    paces: Callable[[Any], Mapping[str, Pace]] = lambda settings: {}
    content: Callable[[Any], bool] = lambda settings: False
    hosts: tuple[str, ...] = ()
    sessions: Callable[[Any], LoginScheme | None] = lambda settings: None
    reading: Callable[[str, str, bytes], Reading | None] = lambda method, url, body: None
    actions: tuple[type[Action], ...] = ()
    address: Callable[[Any], str | None] = lambda settings: None
    browser: Callable[[Any], str | None] = lambda settings: None
    pages: Callable[[Any], Collection[str]] = lambda settings: ()


def reading_of(services: Iterable[Service], method: str, url: str, body: bytes) -> Reading | None:
    """How the answer to a request is read by the service that knows it; ``None``: none does."""
    found = (service.reading(method, url, body) for service in services)
    return next(filter(None, found), None)


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
