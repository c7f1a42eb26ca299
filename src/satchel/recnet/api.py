"""RecNet's endpoints: what to request for what, in both dialects (reference section 4)."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from scrapy import Request

from satchel.errors import ConfigError, NotOffered
from satchel.recnet import wire
from satchel.recnet.settings import Base, RecNetSettings
from satchel.service import Key, Pace, host_of, origin

if TYPE_CHECKING:
    from scrapy.http import Response

    from satchel.items import Item

BODY_LIMIT: Final = 10_240
"""Bytes of a bulk request's body that servers take (reference section 9)."""

KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"

ROOM_PARTS: Final = {
    "subrooms": 2,
    "roles": 4,
    "tags": 8,
    "promo": 32,
    "scores": 64,
    "load_screens": 256,
}
"""What ``include`` may name → its bit (reference section 6.1)."""

Read = Callable[[bytes, Any], Any]

# A path's first word is one of these roots: (host, what stands before the rest of the path).
# Legacy servers of before 2023 have no apim (reference section 1, L0).
_LEGACY: Final = {
    "acc": ("apim", "public/accounts/account/"),
    "apis": ("apim", "public/apis/api/"),
    "api": ("api", "api/"),
    "rooms": ("rooms", ""),
    "clubs": ("clubs", ""),
}
_CLASSIC: Final = {**_LEGACY, "acc": ("accounts", "account/"), "apis": ("api", "api/")}
_PUBLIC: Final = {"pub": ("apim", "public/"), "api": ("api", "api/"), "clubs": ("clubs", "")}
ROOTS: Final = (_LEGACY, _CLASSIC, _PUBLIC)
"""All there are."""
_NEEDS_KEY: Final = frozenset({"apim", "api"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    :ivar name: the word for it: what, and by what
    :ivar read: (body, client) → what the answer holds
    :ivar legacy: root and path with ``{parameters}``; ``None``: not offered in that dialect
    :ivar public: the same for the public dialect
    :ivar form: of a bulk operation, the form key that each value is sent under
    :ivar field: of a bulk operation, the items' field that the values are compared with
    :ivar bulk: the bulk operation that answers the same for many ids or names
    :ivar same: of a bulk operation by names, the one by ids that leads to the same items
    """

    name: str
    read: Read
    legacy: str | None
    public: str | None
    form: str | None = None
    field: str = "id"
    bulk: str | None = None
    same: str | None = None

    @property
    def paged(self) -> bool:
        """Whether it takes ``take`` and ``skip``."""
        return "{take}" in (self.legacy or self.public or "")


def _one(decoder: Any) -> Read:
    return lambda body, client: wire.read_object(decoder, body, client)


def _many(decoder: Any) -> Read:
    return lambda body, client: wire.read_list(decoder, body, client)


def _plain(read: Callable[[bytes], Any]) -> Read:
    return lambda body, client: read(body)


_PAGE: Final = "take={take}&skip={skip}"

OPERATIONS: Final = {
    operation.name: operation
    for operation in (
        # 4.1 Accounts and players
        Operation(
            "accounts.by_id",
            _one(wire.ACCOUNT),
            "acc/{id}",
            "pub/accounts/{id}",
            bulk="accounts.bulk",
        ),
        Operation(
            "accounts.by_name",
            _one(wire.ACCOUNT),
            "acc/?username={name}",
            "pub/accounts/?username={name}",
            bulk="accounts.by_names",
        ),
        Operation(
            "accounts.search",
            _many(wire.ACCOUNT),
            "acc/search?name={query}",
            "pub/accounts/search?name={query}",
        ),
        Operation("accounts.bulk", _many(wire.ACCOUNT), "acc/bulk", "pub/accounts/bulk", "id"),
        Operation(
            "accounts.by_names",
            _many(wire.ACCOUNT),
            "acc/bulk",
            "pub/accounts/bulk",
            "name",
            field="username",
            same="accounts.bulk",
        ),
        Operation("accounts.bio", _plain(wire.read_bio), "acc/{id}/bio", "pub/accounts/{id}/bio"),
        Operation(
            "accounts.level",
            _many(wire.PROGRESSION),
            "api/players/v2/progression/bulk",
            "pub/players/progression/bulk",
            "id",
            field="player_id",
        ),
        Operation(
            "accounts.subscriber_count",
            _plain(wire.read_value),
            "clubs/subscription/subscribercount/{id}",
            "clubs/subscription/subscribercount/{id}",
        ),
        Operation(
            "accounts.is_influencer",
            _plain(wire.read_value),
            "api/influencerpartnerprogram/isinfluencer?accountId={id}",
            "pub/influencerpartnerprogram/isinfluencer?accountId={id}",
        ),
        Operation("accounts.username", _one(wire.ACCOUNT), "acc/{id}/username", None),
        Operation(
            "accounts.influencer",
            _plain(wire.read_value),
            "api/influencerpartnerprogram/influencer?accountId={id}",
            None,
        ),
        Operation(
            "accounts.club",
            _plain(wire.read_creators),
            "clubs/subscription/details/{id}",
            "clubs/subscription/details/{id}",
        ),
        Operation(
            "accounts.top_creators",
            _plain(wire.read_creators),
            f"clubs/subscription/top/creators?{_PAGE}",
            f"clubs/subscription/top/creators?{_PAGE}",
        ),
        Operation(
            "accounts.top_creators_count",
            _plain(wire.read_value),
            "clubs/subscription/top/creators/count",
            "clubs/subscription/top/creators/count",
        ),
        # 4.2 Rooms
        Operation(
            "rooms.by_id",
            _one(wire.ROOM),
            "rooms/rooms/{id}?include={include}",
            "pub/rooms/{id}?include={include}",
            bulk="rooms.bulk",
        ),
        Operation(
            "rooms.by_name",
            _one(wire.ROOM),
            "rooms/rooms?name={name}&include={include}",
            None,
            bulk="rooms.by_names",
        ),
        Operation("rooms.bulk", _many(wire.ROOM), "rooms/rooms/bulk", "pub/rooms/bulk", "id"),
        Operation(
            "rooms.by_names",
            _many(wire.ROOM),
            "rooms/rooms/bulk",
            "pub/rooms/bulk",
            "name",
            field="name",
            same="rooms.bulk",
        ),
        Operation(
            "rooms.search",
            _many(wire.ROOM),
            f"rooms/rooms/search?query={{query}}&{_PAGE}",
            f"pub/rooms/search?query={{query}}&{_PAGE}",
        ),
        Operation(
            "rooms.hot", _many(wire.ROOM), f"rooms/rooms/hot?{_PAGE}", f"pub/rooms/hot?{_PAGE}"
        ),
        Operation(
            "rooms.created_by",
            _many(wire.ROOM),
            "rooms/rooms/createdby/{id}",
            "pub/rooms/createdby/{id}",
        ),
        Operation(
            "rooms.owned_by",
            _many(wire.ROOM),
            "rooms/rooms/ownedby/{id}",
            "pub/rooms/ownedby/{id}",
        ),
        Operation(
            "rooms.showcased_by",
            _plain(wire.read_ids),
            "rooms/showcase/{id}",
            "pub/rooms/showcase/{id}",
        ),
        Operation(
            "rooms.featured", _plain(wire.read_featured), "rooms/featuredrooms/current", None
        ),
        # 4.3 Events
        Operation(
            "events.by_id",
            _one(wire.EVENT),
            "apis/playerevents/v1/{id}",
            "pub/playerevents/{id}",
            bulk="events.bulk",
        ),
        Operation(
            "events.upcoming",
            _many(wire.EVENT),
            f"apis/playerevents/v1?{_PAGE}&sort={{sort}}",
            f"pub/playerevents/?{_PAGE}&sort={{sort}}",
        ),
        Operation(
            "events.search",
            _many(wire.EVENT),
            f"apis/playerevents/v1/search?query={{query}}&{_PAGE}&sort={{sort}}",
            f"pub/playerevents/search?query={{query}}&{_PAGE}&sort={{sort}}",
        ),
        Operation(
            "events.created_by",
            _many(wire.EVENT),
            f"apis/playerevents/v1/creator/{{id}}?{_PAGE}",
            f"pub/playerevents/creator/{{id}}?{_PAGE}",
        ),
        Operation(
            "events.in_room",
            _many(wire.EVENT),
            f"apis/playerevents/v1/room/{{id}}?{_PAGE}",
            f"pub/playerevents/room/{{id}}?{_PAGE}",
        ),
        Operation(
            "events.bulk",
            _many(wire.EVENT),
            "apis/playerevents/v1/bulk",
            "pub/playerevents/bulk",
            "Ids",
        ),
        Operation(
            "events.responses",
            _many(wire.EVENT_INTERACTION),
            "api/playerevents/v1/{id}/responses",
            "pub/playerevents/{id}/responses",
        ),
        # 4.4 Images
        Operation(
            "images.by_id",
            _one(wire.IMAGE),
            "apis/images/v4/{id}",
            "pub/images/{id}",
            bulk="images.bulk",
        ),
        Operation(
            "images.by_names",
            _many(wire.IMAGE),
            "apis/images/v4/bulk",
            "pub/images/bulk/name",
            "Names",
            field="image_name",
        ),
        Operation(
            "images.bulk", _many(wire.IMAGE), "apis/images/v3/bulk", "pub/images/bulk/id", "Ids"
        ),
        Operation(
            "images.by_player",
            _many(wire.IMAGE),
            f"apis/images/v4/player/{{id}}?{_PAGE}&sort={{sort}}",
            f"pub/images/player/{{id}}?{_PAGE}&sort={{sort}}",
        ),
        Operation(
            "images.of_player",
            _many(wire.IMAGE),
            f"apis/images/v3/feed/player/{{id}}?{_PAGE}",
            None,
        ),
        Operation(
            "images.during_event",
            _many(wire.IMAGE),
            f"apis/images/v1/playerevent/{{id}}?{_PAGE}",
            f"pub/images/playerevent/{{id}}?{_PAGE}",
        ),
        Operation(
            "images.in_room",
            _many(wire.IMAGE),
            f"apis/images/v4/room/{{id}}?{_PAGE}&sort={{sort}}",
            f"pub/images/room/{{id}}?{_PAGE}&sort={{sort}}",
        ),
        Operation(
            "images.front_page", _many(wire.IMAGE), f"apis/images/v3/feed/global?{_PAGE}", None
        ),
        Operation(
            "images.comments",
            _many(wire.COMMENT),
            "api/images/v1/{id}/comments",
            "pub/images/{id}/comments",
        ),
        Operation(
            "images.cheers",
            _plain(wire.read_ids),
            "api/images/v1/{id}/cheers",
            "pub/images/{id}/cheers",
        ),
        # 4.5 Inventions
        Operation(
            "inventions.by_id",
            _one(wire.INVENTION),
            "apis/inventions/v1?inventionId={id}",
            "pub/inventions/v1?inventionId={id}",
        ),
        Operation(
            "inventions.search",
            _many(wire.INVENTION),
            f"apis/inventions/v2/search?value={{query}}&{_PAGE}",
            f"pub/inventions/v2/search?value={{query}}&{_PAGE}",
        ),
        Operation(
            "inventions.featured",
            _many(wire.INVENTION),
            f"apis/inventions/v1/featured?{_PAGE}",
            f"pub/inventions/v1/featured?{_PAGE}",
        ),
        Operation(
            "inventions.top_today",
            _many(wire.INVENTION),
            "apis/inventions/v1/toptoday",
            "pub/inventions/v1/toptoday",
        ),
        Operation(
            "inventions.tags",
            _plain(wire.read_tags),
            "api/inventions/v1/details?inventionId={id}",
            "api/inventions/v1/details?inventionId={id}",
        ),
    )
}


class Api:
    """The requests of one RecNet server.

    :param settings: where it is and what it speaks
    :raises ConfigError: no address is configured
    """

    def __init__(self, settings: RecNetSettings) -> None:
        if settings.url is None and not settings.urls:
            raise ConfigError(
                "no RecNet server is configured: give its address as SATCHEL_RECNET_URL (or one "
                "for each host as SATCHEL_RECNET_URLS), or set SATCHEL_SANDBOX=1 to crawl a local "
                "server with synthetic data"
            )
        self.settings = settings
        self._roots = _roots(settings)

    def path(self, name: str) -> str:
        """Root and path of an operation.

        :raises NotOffered: the dialect lacks it
        """
        dialect = self.settings.dialect
        path = getattr(OPERATIONS[name], dialect)
        if path is None:
            raise NotOffered(f"{name} is not offered in the {dialect} dialect")
        return str(path)

    def offers(self, name: str) -> bool:
        """Whether the dialect has an operation."""
        return getattr(OPERATIONS[name], self.settings.dialect) is not None

    def check(self, name: str) -> None:
        """Refuse an operation that cannot be requested.

        :raises NotOffered: the dialect lacks it
        :raises ConfigError: no address is configured for its host
        """
        self._address(self.path(name))

    def request(self, operation: str, /, **parameters: Any) -> Request:
        """The request of an operation that is no bulk operation.

        :param parameters: what the path has in braces
        :raises NotOffered: the dialect lacks it
        """
        path = self.path(operation)
        quoted = {key: quote(str(value), safe="") for key, value in parameters.items()}
        return self._request(path.format_map(quoted), operation)

    def bulk(self, name: str, values: Iterable[Any]) -> Iterator[Request]:
        """The requests of a bulk operation: as few as the limit of a body's bytes allows.

        Each has ``cb_kwargs["values"]``, what it asks for.

        :param values: ids or names; each is asked for once
        :raises NotOffered: the dialect lacks it
        """
        path = self.path(name)
        key = OPERATIONS[name].form
        assert key is not None, f"{name} is no bulk operation"
        for chunk in chunks(key, values):
            request = self._request(path, name, body="&".join(_pair(key, v) for v in chunk))
            request.cb_kwargs["values"] = chunk
            yield request

    def url(self, name: str) -> str:
        """The address of an operation, its parameters in braces.

        :raises NotOffered: the dialect lacks it
        """
        return self._address(self.path(name))[1]

    def size(self, name: str, value: Any) -> int:
        """The bytes that a value takes in the body of a bulk operation."""
        return len(_pair(OPERATIONS[name].form or "", value)) + 1

    def matched(self, name: str, values: Iterable[Any], items: Iterable[Item]) -> dict[Any, Item]:
        """The items of a bulk answer by the values that they were asked for by.

        Servers answer in any order, with fewer, and take names in any case.
        """
        field = OPERATIONS[name].field
        found = {folded(getattr(item, field)): item for item in items}
        return {value: found[folded(value)] for value in values if folded(value) in found}

    def _request(self, path: str, name: str, body: str | None = None) -> Request:
        host, url = self._address(path)
        headers = {"Accept": "*/*"}
        if self.settings.dialect == "public":
            headers["Api-Version"] = "v1"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return Request(
            url,
            method="GET" if body is None else "POST",
            headers=headers,
            body=body or b"",
            meta={
                "satchel_service": "recnet",
                "satchel_operation": name,
                "satchel_keyed": host in _NEEDS_KEY,
                "satchel_json": True,
                "dont_merge_cookies": True,
                "handle_httpstatus_list": [404],
            },
        )

    def _address(self, path: str) -> tuple[str, str]:
        root, _, rest = path.partition("/")
        host, prefix = self._roots[root]
        base = self.settings.urls.get(host, self.settings.url)  # type: ignore[call-overload]
        if base is None:
            raise ConfigError(
                f"SATCHEL_RECNET_URLS has no address for {host}; add it, or give SATCHEL_RECNET_URL"
            )
        return host, f"{base.rstrip('/')}/{prefix}{rest}"


def chunks(key: str, values: Iterable[Any], limit: int = BODY_LIMIT) -> Iterator[list[Any]]:
    """The values, each once, in groups that make form bodies of at most *limit* bytes."""
    chunk: list[Any] = []
    size = 0
    for value in dict.fromkeys(values):
        length = len(_pair(key, value)) + 1
        if chunk and size + length > limit + 1:
            yield chunk
            chunk, size = [], 0
        size += length
        chunk.append(value)
    if chunk:
        yield chunk


def _pair(key: str, value: Any) -> str:
    return f"{key}={quote_plus(str(value))}"


def folded(value: Any) -> Any:
    """A value as it is compared: servers take names in any case."""
    return value.casefold() if isinstance(value, str) else value


def is_missing_route(response: Response) -> bool:
    """Whether a 404 means that the server lacks the operation, not the object (section 3)."""
    return response.status == 404 and b'"statusCode"' in response.body


def include_mask(parts: Iterable[str]) -> int:
    """The ``include`` of these parts of a room (reference section 6.1)."""
    mask = 0
    for part in parts:
        mask |= ROOM_PARTS[part]
    return mask


def key(settings: RecNetSettings) -> Key | None:
    """The subscription key, and the only servers that may see it (reference section 1.1)."""
    if settings.key is None:
        return None
    bases = [settings.urls.get(host, settings.url) for host in ("apim", "api")]
    return Key(KEY_HEADER, settings.key, frozenset(origin(base) for base in bases if base))


def paces(settings: RecNetSettings) -> dict[str, Pace]:
    """The documented quotas (reference section 9): 30 a second, or 10,000 an hour of one key."""
    rate, concurrency = ("10000/hour", 2) if settings.dialect == "public" else ("30/second", 8)
    words: dict[str, list[str]] = {}
    for word in typing.get_args(Base):
        if base := settings.urls.get(word, settings.url):
            words.setdefault(host_of(base), []).append(word)
    return {host: Pace(rate, concurrency, tuple(known)) for host, known in words.items()}


def _roots(settings: RecNetSettings) -> dict[str, tuple[str, str]]:
    if settings.dialect == "public":
        return _PUBLIC
    classic = settings.url is None and "apim" not in settings.urls
    return _CLASSIC if classic else _LEGACY
