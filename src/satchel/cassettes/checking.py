"""What in a recording looks like a secret: for those who are about to give it away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from satchel.cassettes.exchange import Exchange
from satchel.cassettes.masks import WEB_TOKEN, Masks

_LOOKS: Final = {
    "a JSON web token": WEB_TOKEN,
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def learn(exchanges: Iterable[Exchange], masks: Masks) -> None:
    """Learn what exchanges show to be secrets, before these are looked for in all of them."""
    for exchange in exchanges:
        masks.exchange(exchange)


def findings(exchange: Exchange, masks: Masks) -> Iterator[str]:
    """Where an exchange has what looks like a secret, and what it looks like; never what it is.

    :param masks: those of the settings, and what has been learned: found wherever they are
    """
    for place in sorted(masks.found_in(exchange)):
        yield f"the value of {place.strip('<>')}"
    # What recording would take out is what should not be there.
    masked = masks.exchange(exchange)
    yield from _changed("the request", exchange.asked.headers, masked.asked.headers)
    yield from _changed("the answer", exchange.headers, masked.headers)
    if exchange.asked.url != masked.asked.url:
        yield "a secret in the address"
    for whose, before, after in (
        ("the request", exchange.asked.body, masked.asked.body),
        ("the answer", exchange.body, masked.body),
    ):
        if before != after:
            yield f"a name or an address with a secret in the body of {whose}"
        text = after.decode("latin-1")
        for what, pattern in _LOOKS.items():
            if pattern.search(text):
                yield f"{what} in the body of {whose}"


def _changed(
    whose: str, before: dict[str, list[str]], after: dict[str, list[str]]
) -> Iterator[str]:
    for name in before:
        if before[name] != after[name]:
            yield f"the header {name} of {whose}"
