"""The paths of each dialect, and the operations that they lead to: reference section 4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from satchel.recnet.sandbox import operations as do
from satchel.recnet.sandbox.call import Call
from satchel.recnet.sandbox.render import Dialect

Handler = Callable[[Call], bytes]

# Reference section 1: the paths that the first words of the table stand for. L and L0 differ by
# nothing else; the P at the front of a word is for public.
_BASES: Final[Mapping[str, tuple[str, ...]]] = {
    "ACC": ("public/accounts/account", "account"),
    "EV": ("public/apis/api/playerevents/v1", "api/playerevents/v1"),
    "API": ("api",),
    "ROOMS": ("",),
    "PUB": ("public",),
    "PEV": ("public/playerevents",),
    "IMG": ("public/apis/api/images", "api/images"),
    "PIMG": ("public/images",),
    "INV": ("public/apis/api/inventions", "api/inventions"),
    "PINV": ("public/inventions",),
    "FAME": ("api/influencerpartnerprogram",),
    "PFAME": ("public/influencerpartnerprogram",),
    "SUBS": ("subscription",),
}


class Operation(NamedTuple):
    """A row: methods, the classic and legacy path, the public path, and the handler."""

    name: str
    methods: str
    legacy: str | None
    public: str | None
    handler: Handler


_BOTH = "GET POST"

OPERATIONS: Final = tuple(
    Operation(*row)
    for row in (
        ("account", "GET", "ACC/{}", "PUB/accounts/{}", do.account_by_id),
        ("account-by-name", "GET", "ACC", "PUB/accounts", do.account_by_username),
        ("account-search", "GET", "ACC/search", "PUB/accounts/search", do.search_accounts),
        ("account-bulk", _BOTH, "ACC/bulk", "PUB/accounts/bulk", do.bulk_accounts),
        ("account-bio", "GET", "ACC/{}/bio", "PUB/accounts/{}/bio", do.bio),
        ("account-username", "GET", "ACC/{}/username", None, do.username),
        (
            "progression-bulk",
            _BOTH,
            "API/players/v2/progression/bulk",
            "PUB/players/progression/bulk",
            do.bulk_progression,
        ),
        ("is-influencer", "GET", "FAME/isinfluencer", "PFAME/isinfluencer", do.is_influencer),
        ("influencer", "GET", "FAME/influencer", None, do.influencer),
        ("subscribers", "GET", "SUBS/subscribercount/{}", None, do.subscriber_count),
        ("club", "GET", "SUBS/details/{}", None, do.club),
        ("top-creators", "GET", "SUBS/top/creators", None, do.top_creators),
        ("top-creators-count", "GET", "SUBS/top/creators/count", None, do.top_creators_count),
        ("room", "GET", "ROOMS/rooms/{}", "PUB/rooms/{}", do.room_by_id),
        ("room-by-name", "GET", "ROOMS/rooms", None, do.room_by_name),
        ("room-bulk", _BOTH, "ROOMS/rooms/bulk", "PUB/rooms/bulk", do.bulk_rooms),
        ("room-search", "GET", "ROOMS/rooms/search", "PUB/rooms/search", do.search_rooms),
        ("room-hot", "GET", "ROOMS/rooms/hot", "PUB/rooms/hot", do.hot_rooms),
        (
            "rooms-created",
            "GET",
            "ROOMS/rooms/createdby/{}",
            "PUB/rooms/createdby/{}",
            do.created_rooms,
        ),
        ("rooms-owned", "GET", "ROOMS/rooms/ownedby/{}", "PUB/rooms/ownedby/{}", do.owned_rooms),
        ("showcase", "GET", "ROOMS/showcase/{}", "PUB/rooms/showcase/{}", do.showcase),
        ("featured-rooms", "GET", "ROOMS/featuredrooms/current", None, do.featured_rooms),
        ("event", "GET", "EV/{}", "PEV/{}", do.event_by_id),
        ("events", "GET", "EV", "PEV", do.events),
        ("event-search", "GET", "EV/search", "PEV/search", do.search_events),
        ("events-by", "GET", "EV/creator/{}", "PEV/creator/{}", do.events_by_creator),
        ("events-in", "GET", "EV/room/{}", "PEV/room/{}", do.events_in_room),
        ("event-bulk", "POST", "EV/bulk", "PEV/bulk", do.bulk_events),
        (
            "responses",
            "GET",
            "API/playerevents/v1/{}/responses",
            "PEV/{}/responses",
            do.event_responses,
        ),
        ("image", "GET", "IMG/v4/{}", "PIMG/{}", do.image_by_id),
        ("image-bulk-name", "POST", "IMG/v4/bulk", "PIMG/bulk/name", do.bulk_images_by_name),
        ("image-bulk", "POST", "IMG/v3/bulk", "PIMG/bulk/id", do.bulk_images),
        ("images-by", "GET", "IMG/v4/player/{}", "PIMG/player/{}", do.images_by_player),
        ("images-with", "GET", "IMG/v3/feed/player/{}", None, do.images_with_player),
        (
            "images-during",
            "GET",
            "IMG/v1/playerevent/{}",
            "PIMG/playerevent/{}",
            do.images_in_event,
        ),
        ("images-in", "GET", "IMG/v4/room/{}", "PIMG/room/{}", do.images_in_room),
        ("images-popular", "GET", "IMG/v3/feed/global", None, do.popular_images),
        ("comments", "GET", "API/images/v1/{}/comments", "PIMG/{}/comments", do.comments),
        ("cheers", "GET", "API/images/v1/{}/cheers", "PIMG/{}/cheers", do.cheers),
        ("invention", "GET", "INV/v1", "PINV/v1", do.invention),
        ("invention-search", "GET", "INV/v2/search", "PINV/v2/search", do.search_inventions),
        (
            "invention-featured",
            "GET",
            "INV/v1/featured",
            "PINV/v1/featured",
            do.featured_inventions,
        ),
        ("invention-top", "GET", "INV/v1/toptoday", "PINV/v1/toptoday", do.top_inventions),
        ("invention-details", "GET", "API/inventions/v1/details", None, do.invention_details),
    )
)


class Match(NamedTuple):
    """Where a path leads."""

    operation: Operation
    dialect: Dialect
    path_id: str


class _Node:
    """A path segment in the tree of all paths; the segment ``{}`` takes any text."""

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.leads_to: tuple[Operation, Dialect] | None = None


def _templates(operation: Operation) -> Iterator[tuple[str, Dialect]]:
    dialects: tuple[tuple[str | None, Dialect], ...] = (
        (operation.legacy, "legacy"),
        (operation.public, "public"),
    )
    for template, dialect in dialects:
        if template is not None:
            base, _, rest = template.partition("/")
            for prefix in _BASES[base]:
                yield f"{prefix}/{rest}", dialect


def segments(path: str) -> list[str]:
    """The parts of a path, lower-case."""
    # Case, double slashes and a trailing slash mean nothing (reference section 1.2).
    return [segment for segment in path.lower().split("/") if segment]


def _grow() -> _Node:
    root = _Node()
    for operation in OPERATIONS:
        for template, dialect in _templates(operation):
            node = root
            for segment in segments(template):
                node = node.next.setdefault(segment, _Node())
            node.leads_to = operation, dialect
    return root


_TREE: Final = _grow()


def find(path: str) -> Match | None:
    """The operation that a path names, whatever the method."""
    node, path_id = _TREE, ""
    for segment in segments(path):
        if segment in node.next:
            node = node.next[segment]
        elif "{}" in node.next:
            node, path_id = node.next["{}"], segment
        else:
            return None
    return Match(*node.leads_to, path_id) if node.leads_to else None
