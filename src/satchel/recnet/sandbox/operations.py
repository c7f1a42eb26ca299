"""What each operation of reference section 4 answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from satchel.recnet.sandbox import fields, render
from satchel.recnet.sandbox.call import Call, Missing
from satchel.recnet.sandbox.render import encode
from satchel.recnet.world import Kind, Record

T = TypeVar("T")


# Reference section 4.1


def account_by_id(call: Call) -> bytes:
    return call.one("accounts", call.id)


def account_by_username(call: Call) -> bytes:
    return call.one("accounts", call.site.index.account_names.get(call.text("username").lower()))


def search_accounts(call: Call) -> bytes:
    wanted = call.text("name").lower()
    accounts = call.site.world.accounts
    return call.many("accounts", [i for i in accounts if wanted in _names(accounts[i])])


def _names(account: Record) -> str:
    return f"{account['username']}\n{account['display_name']}".lower()


def bulk_accounts(call: Call) -> bytes:
    names = call.site.index.account_names
    found = [names.get(name.lower(), 0) for name in call.bulk_names()]
    return call.bulk("accounts", call.bulk_ids() + found)


def bio(call: Call) -> bytes:
    return encode({"accountId": _known(call), "bio": call.site.world.bios[call.id]})


def username(call: Call) -> bytes:
    id_ = _known(call)
    return encode({"accountId": id_, "username": call.site.world.accounts[id_]["username"]})


def _known(call: Call) -> int:
    if call.id not in call.site.world.accounts:
        raise Missing
    return call.id


def bulk_progression(call: Call) -> bytes:
    index, levels = call.site.index, call.site.world.progressions
    found = index.shuffled(index.visible("accounts", call.bulk_ids()))
    return encode([render.write(levels[id_], fields.PROGRESSION) for id_ in found])


def subscriber_count(call: Call) -> bytes:
    return encode(call.site.world.subscribers.get(call.id, 0))


def is_influencer(call: Call) -> bytes:
    name = "id" if "id" in call.values else "accountid"
    return encode(call.number(name) in call.site.world.influencers)


def influencer(call: Call) -> bytes:
    id_ = call.number("accountid")
    if id_ not in call.site.world.influencers:
        raise Missing
    return encode(id_)


def club(call: Call) -> bytes:
    return encode(_club(call, _known(call)))


def top_creators(call: Call) -> bytes:
    return encode([_club(call, id_) for id_ in call.page(call.site.index.top_creators)])


def top_creators_count(call: Call) -> bytes:
    return encode(len(call.site.index.top_creators))


def _club(call: Call, account: int) -> Record:
    count = call.site.world.subscribers[account]
    return {"clubId": 900 + account % 100_000, "accountId": account, "subscriberCount": count}


# Reference section 4.2


def room_by_id(call: Call) -> bytes:
    id_, include = call.id, call.number("include", 0)
    if not call.site.world.is_visible("rooms", id_):
        raise Missing
    return call.site.renderer.room(id_, call.dialect, include)


def room_by_name(call: Call) -> bytes:
    include = call.number("include", 0)
    id_ = call.site.index.room_names.get(call.text("name").lower())
    if id_ is None or not call.site.world.is_visible("rooms", id_):
        raise Missing
    return call.site.renderer.room(id_, call.dialect, include)


def bulk_rooms(call: Call) -> bytes:
    names = call.site.index.room_names
    found = [names.get(name.lower(), 0) for name in call.bulk_names()]
    return call.bulk("rooms", call.bulk_ids() + found)


def search_rooms(call: Call) -> bytes:
    terms = call.text("query").lower().split()
    rooms = call.site.world.rooms
    ids = call.site.index.hot_rooms
    found = [id_ for id_ in ids if terms and all(_matches(rooms[id_], term) for term in terms)]
    return _envelope(call, found)


def _matches(room: Record, term: str) -> bool:
    name = room["name"].lower()
    if term.startswith("^"):
        return bool(name == term[1:])
    if term.startswith("#"):
        return term[1:] in [tag["tag"] for tag in room["tags"]]
    return term in name


def hot_rooms(call: Call) -> bytes:
    return _envelope(call, call.site.index.hot_rooms)


def _envelope(call: Call, found: Sequence[int]) -> bytes:
    results = call.many("rooms", call.page(found), "indexed")
    return b'{"Results":%b,"TotalResults":%d}' % (results, len(found))


def created_rooms(call: Call) -> bytes:
    return call.many("rooms", call.site.index.created_rooms(call.id))


def owned_rooms(call: Call) -> bytes:
    return call.many("rooms", call.site.index.owned_rooms(call.id))


def showcase(call: Call) -> bytes:
    return encode(call.site.world.showcases.get(call.id, []))


def featured_rooms(call: Call) -> bytes:
    return encode(render.featured(call.site.world))


# Reference section 4.3


def event_by_id(call: Call) -> bytes:
    return call.one("events", call.id)


def events(call: Call) -> bytes:
    call.number("sort", 0)
    return call.many("events", call.page(call.site.index.coming_events))


def search_events(call: Call) -> bytes:
    call.number("sort", 0)
    wanted = call.text("query").lower()
    records = call.site.world.events
    ids = [i for i in call.site.index.public_events if wanted in _about(records[i])]
    return call.many("events", call.page(ids), "indexed")


def _about(record: Record) -> str:
    return f"{record['name']}\n{record['description'] or ''}".lower()


def events_by_creator(call: Call) -> bytes:
    return call.many("events", call.page(call.site.index.events_of(call.id)))


def events_in_room(call: Call) -> bytes:
    return call.many("events", call.page(call.site.index.events_in(call.id)))


def bulk_events(call: Call) -> bytes:
    return call.bulk("events", call.bulk_ids())


def event_responses(call: Call) -> bytes:
    found = _of_visible(call, "events", call.site.world.responses)
    return encode([render.response(record, call.dialect) for record in found])


def _of_visible(call: Call, kind: Kind, lists: dict[int, list[T]]) -> list[T]:
    if not call.site.world.is_visible(kind, call.id):
        raise Missing
    return lists.get(call.id, [])


# Reference section 4.4


def image_by_id(call: Call) -> bytes:
    return call.one("images", call.id)


def bulk_images_by_name(call: Call) -> bytes:
    index = call.site.index
    found = [index.image_names.get(name, 0) for name in call.bulk_names()]
    return call.bulk("images", index.listed("images", found))


def bulk_images(call: Call) -> bytes:
    return call.bulk("images", call.bulk_ids(), "counted")


def images_by_player(call: Call) -> bytes:
    return _images(call, "player_id")


def images_with_player(call: Call) -> bytes:
    return _images(call, "tagged")


def images_in_event(call: Call) -> bytes:
    return _images(call, "player_event_id")


def images_in_room(call: Call) -> bytes:
    return _images(call, "room_id")


def _images(call: Call, name: str) -> bytes:
    index = call.site.index
    # Private images are dropped from the page, not from the list: a page can be short although
    # more follow (reference section 2).
    page = call.page(index.images_by(name, call.id, call.number("sort", 0)))
    return call.many("images", index.listed("images", page))


def popular_images(call: Call) -> bytes:
    return call.many("images", call.page(call.site.index.popular_images), "indexed")


def comments(call: Call) -> bytes:
    found = _of_visible(call, "images", call.site.world.comments)
    return encode([render.comment(record, call.dialect) for record in found])


def cheers(call: Call) -> bytes:
    return encode(_of_visible(call, "images", call.site.world.cheers))


# Reference section 4.5


def invention(call: Call) -> bytes:
    return call.one("inventions", call.number("inventionid"))


def search_inventions(call: Call) -> bytes:
    wanted = call.text("value").lower()
    records = call.site.world.inventions
    ids = [i for i in call.site.index.store_inventions if wanted in _about(records[i])]
    return call.many("inventions", call.page(ids), "indexed")


def featured_inventions(call: Call) -> bytes:
    records = call.site.world.inventions
    ids = [i for i in call.site.index.store_inventions if records[i]["is_featured"]]
    return call.many("inventions", call.page(ids), "indexed")


def top_inventions(call: Call) -> bytes:
    # Five, whatever take says (reference section 2).
    return call.many("inventions", call.site.index.store_inventions[:5])


def invention_details(call: Call) -> bytes:
    id_ = call.number("inventionid")
    if not call.site.world.is_visible("inventions", id_):
        raise Missing
    return encode(render.invention_details(call.site.world.inventions[id_]))
