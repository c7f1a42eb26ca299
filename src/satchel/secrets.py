"""Keeps secrets out of what others see: arguments and settings of a job are in the process list,
and in the queue of scrapyd, which is a database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from satchel.errors import ArgumentError

WORDS: Final = frozenset(
    {
        "apikey", "auth", "authorization", "cookie", "cookies", "credential", "credentials", "key",
        "pass", "passphrase", "passwd", "password", "pwd", "secret", "secrets", "session",
        "sessionid", "token", "tokens",
    }
)  # fmt: skip
"""What the names of secrets have in them."""

LEAST: Final = 6
"""The length from which a secret is looked for in other texts; shorter ones may be there by
chance."""

ADVICE: Final = (
    "it would be in the process list and in scrapyd's queue; put it in the environment of the crawl"
    " (scrapyd's own), or in a file that only its owner can read"
)


def looks_secret(name: str) -> bool:
    """Whether something of this name is a secret: ``api_key``, ``SessionToken``.

    The name of a file (``KEY_FILE``) is none.
    """
    words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name)]
    return not WORDS.isdisjoint(words) and words[-1] != "file"


def within(value: Any, name: str = "") -> Iterator[str]:
    """The texts in a structure of objects and lists whose names are those of secrets."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from within(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from within(inner, name)
    elif isinstance(value, str) and looks_secret(name):
        yield value


def has_password(text: str) -> bool:
    """Whether a text is an address with a password."""
    return bool(
        re.search(r"//[^/?#\s:@]*:[^/?#\s@]+@", text) or re.search(r"(?i)[?&]\w*password=.", text)
    )


def refuse(spider: str, given: Mapping[str, Any], secrets: Iterable[str] = ()) -> None:
    """Refuse arguments that are secrets, without showing them.

    :param secrets: the secrets that are configured
    :raises ArgumentError: one is named as secrets are, has one of them in it, or an address's
        password
    """
    hidden = [secret for secret in secrets if len(secret) >= LEAST]
    for name, value in given.items():
        text = str(value)
        if looks_secret(name) and not name.startswith("_"):
            raise ArgumentError(f"{spider}: {name}=…: a secret is no argument: {ADVICE}")
        if has_password(text) or any(secret in text for secret in hidden):
            raise ArgumentError(f"{spider}: {name}=…: there is a secret in it: {ADVICE}")
