"""Discord servers, channels and messages: reference section 13."""

from __future__ import annotations

from typing import Final

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, refuse
from satchel.kemono.world import Record

STEP: Final = 150


def lookup(call: Call) -> object:
    """The channels of a server, by name."""
    return [render.pick(channel, ("id", "name")) for channel in _channels(call)]


def server(call: Call) -> object:
    """A server and all about its channels."""
    channels = _channels(call)
    record = call.site.index.creators["discord", call.parts["server"]]
    return render.pick(record, ("id", "name", "indexed", "updated")) | {"channels": channels}


def _channels(call: Call) -> list[Record]:
    if ("discord", call.parts["server"]) not in call.site.index.creators:
        raise refuse(404, "Server not found.")
    return list(call.site.world.channels.values())


def messages(call: Call) -> object:
    """The messages of a channel, the oldest first; beyond the last one there are none."""
    rows = call.site.world.messages.get(call.parts["channel"])
    if rows is None:
        raise refuse(404, "Channel not found.")
    if call.number("o", 0, 0) >= len(rows):
        return []
    return [render.message(row) for row in call.page(rows, STEP)]
