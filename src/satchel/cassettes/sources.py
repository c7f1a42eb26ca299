"""Files with recordings, of whatever kind: cassettes, HAR, Postman collections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from satchel.cassettes import har, postman
from satchel.cassettes.exchange import Exchange
from satchel.cassettes.segments import Damaged, read_each, segments
from satchel.cassettes.serializers import Serializer
from satchel.errors import CassetteError, UsageError

KINDS = "a cassette, a HAR file, or a Postman collection (2.0 or 2.1)"


def exchanges(path: Path, preferred: Serializer) -> Iterator[Exchange | CassetteError]:
    """What a file or a cassette's folder holds; of what cannot be read, why.

    :raises UsageError: there is no such file, or it is something else
    """
    if path.is_dir():
        if not segments(path):
            raise UsageError(f"{path}: an empty folder; expected {KINDS}")
        for file in segments(path):
            try:
                yield from read_each(file, preferred)
            except Damaged as error:
                yield error
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected {KINDS}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text; expected {KINDS}") from None
    yield from _of_text(path, text, preferred)


def _of_text(path: Path, text: str, preferred: Serializer) -> Iterator[Exchange | CassetteError]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        if isinstance(value.get("log"), dict) and isinstance(value["log"].get("entries"), list):
            return har.read(value)
        # The API of Postman wraps it once more.
        collection = value.get("collection", value)
        if isinstance(collection, dict) and isinstance(collection.get("item"), list):
            return postman.read(collection)
    try:
        return iter(read_each(path, preferred))
    except Damaged as error:
        raise UsageError(f"{error}; expected {KINDS}") from None
