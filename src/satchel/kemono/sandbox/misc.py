"""Files by their hash, and the version: reference sections 12.1 and 14."""

from __future__ import annotations

import re
from typing import Final

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, Refused, Reply, refuse
from satchel.kemono.world.made import digest

_VERSION: Final = digest("version")[:40].encode() + b"\n"
_HASH: Final = re.compile("[0-9a-f]{64}")


def search_hash(call: Call) -> object:
    """Section 12.1: what has the file."""
    hash_, index = call.parts["hash"], call.site.index
    if not _HASH.fullmatch(hash_) and not call.site.is_classic:
        raise refuse(400, "The hash is not valid.")
    posts = index.files.get(hash_, [])
    messages = [] if call.site.is_classic else index.shared_files.get(hash_, [])
    if not posts and not messages:
        raise Refused(404, {} if call.site.is_classic else {"error": "File not found."})
    return render.found_file(hash_, posts, messages)


def app_version(call: Call) -> Reply:
    """Section 14: text, not JSON."""
    return Reply(body=b"custom" if call.site.is_classic else _VERSION, type="text/plain")
