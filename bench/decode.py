"""Microseconds to make an item from bytes, against ``json.loads`` of the same bytes alone.

Accounts, rooms and images of satchel's synthetic world in both dialects: one object at a time, and
in lists of 100. A figure is the best of the passes, since noise only ever adds.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from satchel.decode import Decoder
from satchel.recnet import wire
from satchel.recnet.sandbox.render import Dialect, Renderer
from satchel.recnet.world import Kind, World
from shared import say, show

DECODERS: Final[dict[Kind, Decoder[Any]]] = {
    "accounts": wire.ACCOUNT,
    "rooms": wire.ROOM,
    "images": wire.IMAGE,
}
LIST = 100
OBJECTS = 1000
"""Objects of each kind in a pass."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=15)
    options = parser.parse_args()
    renderer = Renderer(World(accounts=LIST, rooms=LIST, images=LIST))
    rows = []
    for kind in DECODERS:
        for dialect in get_args(Dialect):
            say(f"{kind} {dialect}")
            rows.append([f"{kind}, {dialect}", *compare(renderer, kind, dialect, options.passes)])
    show(
        "µs for an object: json.loads alone, satchel's item from bytes, ratio",
        ["", "one: json", "item", "ratio", f"in {LIST}: json", "item", "ratio"],
        rows,
    )


def compare(renderer: Renderer, kind: Kind, dialect: Dialect, passes: int) -> list[str]:
    """The figures of one row."""
    values = [renderer.value(kind, id_, dialect) for id_ in renderer.world.table(kind)]
    objects = [msgspec.json.encode(value) for value in values]
    decoder = DECODERS[kind]
    one = fastest(
        passes, OBJECTS, objects, json.loads, lambda body: wire.read_object(decoder, body)
    )
    pages = [msgspec.json.encode([values[n % len(values)] for n in range(LIST)])]
    many = fastest(passes, OBJECTS, pages, json.loads, lambda body: wire.read_list(decoder, body))
    return [*_shown(one, 1), *_shown(many, LIST)]


def fastest(
    passes: int, objects: int, bodies: list[bytes], *functions: Callable[[bytes], Any]
) -> list[float]:
    """Seconds that each function takes for a body: the best of the passes, taken in turns."""
    best = [float("inf")] * len(functions)
    rounds = max(1, objects // len(bodies) // (LIST if len(bodies) == 1 else 1))
    for _ in range(passes):
        for number, function in enumerate(functions):
            gc.collect()
            begin = time.perf_counter()
            for _ in range(rounds):
                for body in bodies:
                    function(body)
            elapsed = time.perf_counter() - begin
            best[number] = min(best[number], elapsed / rounds / len(bodies))
    return best


def _shown(seconds: list[float], objects: int) -> list[str]:
    alone, item = (value / objects * 1e6 for value in seconds)
    return [f"{alone:.2f}", f"{item:.2f}", f"{item / alone:.2f}"]


if __name__ == "__main__":
    main()
