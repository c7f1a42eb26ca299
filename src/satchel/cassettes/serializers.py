"""How a segment is written: serializers as betamax has them, and one for reading in a diff.

``Betamax.register_serializer(ReadableSerializer)`` makes betamax read and write it, too.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final, Protocol

from satchel.errors import ConfigError, did_you_mean


class Serializer(Protocol):
    """What betamax asks of one."""

    name: str

    def generate_cassette_name(self, cassette_library_dir: str, cassette_name: str) -> str:
        """The path of a cassette."""

    def serialize(self, cassette_data: dict[str, Any]) -> str:
        """A cassette as text."""

    def deserialize(self, cassette_data: str) -> dict[str, Any]:
        """The cassette of a text.

        :raises ValueError: it is none
        """


class JsonSerializer:
    """betamax's ``json``, an exchange a line."""

    name = "json"
    stored_as_binary = False

    @staticmethod
    def generate_cassette_name(cassette_library_dir: str, cassette_name: str) -> str:
        return os.path.join(cassette_library_dir, f"{cassette_name}.json")

    def serialize(self, cassette_data: dict[str, Any]) -> str:
        lines = ",\n".join(map(json.dumps, cassette_data["http_interactions"]))
        recorder = json.dumps(cassette_data["recorded_with"])
        return f'{{"http_interactions": [\n{lines}\n], "recorded_with": {recorder}}}\n'

    def deserialize(self, cassette_data: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(cassette_data)
        return found


class ReadableSerializer:
    """JSON with indents, in which bodies of JSON are JSON and other texts are lists of lines."""

    name = "readable"
    stored_as_binary = False

    @staticmethod
    def generate_cassette_name(cassette_library_dir: str, cassette_name: str) -> str:
        return os.path.join(cassette_library_dir, f"{cassette_name}.readable.json")

    def serialize(self, cassette_data: dict[str, Any]) -> str:
        shown = _with_bodies(cassette_data, _opened)
        return json.dumps(shown, indent=1, ensure_ascii=False) + "\n"

    def deserialize(self, cassette_data: str) -> dict[str, Any]:
        # betamax asks this of a file that it has just made, too.
        if not cassette_data:
            return {}
        return _with_bodies(json.loads(cassette_data), _closed)


def _with_bodies(cassette: dict[str, Any], change: Any) -> dict[str, Any]:
    interactions = [
        {
            **one,
            **{
                side: {**one[side], "body": change(one[side]["body"])}
                for side in ("request", "response")
            },
        }
        for one in cassette["http_interactions"]
    ]
    return {**cassette, "http_interactions": interactions}


def _opened(body: Any) -> Any:
    text = body.get("string") if isinstance(body, dict) else None
    if not text:
        return body
    others = {key: value for key, value in body.items() if key != "string"}
    for style in _STYLES:
        try:
            value = json.loads(text)
            if isinstance(value, dict | list) and json.dumps(value, **_STYLES[style]) == text:
                json.dumps(value, ensure_ascii=False).encode()  # It may have half a character.
                return {**others, style: value}
        except (ValueError, RecursionError):
            break
    return {**others, "lines": text.splitlines(keepends=True)}


def _closed(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    others = {key: value for key, value in body.items() if key not in (*_STYLES, "lines")}
    for style, words in _STYLES.items():
        if style in body:
            return {**others, "string": json.dumps(body[style], **words)}
    if "lines" in body:
        return {**others, "string": "".join(body["lines"])}
    return body


_STYLES: Final[dict[str, dict[str, Any]]] = {
    "json": {"separators": (",", ":"), "ensure_ascii": False},
    "json_spaced": {},
    "json_ascii": {"separators": (",", ":")},
    "json_spaced_utf8": {"ensure_ascii": False},
}
"""How servers write JSON: a body is shown as JSON where one of these makes the same text of it."""

_OWN: Final[dict[str, Serializer]] = {
    "json": JsonSerializer(),
    "readable": ReadableSerializer(),
}


def serializer(name: str) -> Serializer:
    """The serializer of a name: satchel's, or one that is registered with betamax.

    :raises ConfigError: there is none
    """
    if name in _OWN:
        return _OWN[name]
    try:
        from betamax.serializers import serializer_registry  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(
            f"SATCHEL_CASSETTE_FORMAT={name}: neither of {', '.join(_OWN)}; other serializers are "
            f"betamax's: run: pip install 'satchel[recordings]'"
        ) from None
    if name not in serializer_registry:
        known = ", ".join(sorted({*_OWN, *serializer_registry}))
        raise ConfigError(
            f"SATCHEL_CASSETTE_FORMAT={name}: no such serializer"
            f"{did_you_mean(name, serializer_registry)} (known: {known})"
        )
    found: Serializer = serializer_registry[name]
    return found


def serializer_of(path: str, preferred: Serializer) -> Serializer:
    """The serializer that wrote a file, by its name."""
    for one in (_OWN["readable"], preferred, _OWN["json"]):
        if path.endswith(one.generate_cassette_name("", "")):
            return one
    return preferred
