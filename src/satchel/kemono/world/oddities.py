"""Posts as servers also send them: reference sections 2 and 16."""

from __future__ import annotations

from typing import Any, Final

from satchel.kemono.world.made import Record, digest, stored

POSTGRES_TAGS: Final = r'{landscape,"two words","say \"hi\"","NULL"}'


def bend(n: int, post: Record) -> Record:
    """Make the *n*-th post odd. What is only written otherwise is returned: wire key → value."""
    quirks: dict[str, Any] = {}
    match n:
        case 0:
            post.update(added=None, published=None, edited=None)
        case 1:
            post["file"] = None
            quirks["file"] = None
        case 2:
            post["file"] = {"name": "lost.png"}
        case 3:
            post["tags"] = ["landscape", "two words", 'say "hi"', "NULL"]
            quirks["tags"] = POSTGRES_TAGS
        case 4:
            post["tags"] = None
        case 5:
            quirks["revisions"] = "encoded"
        case 6 | 7 | 8 | 9 | 10:
            post["attachments"] = _files(n)
        case 11:
            post.update(title="", content="", tags=[], file=None)
        case 12:
            post.update(title="<b>Not</b> markup & “quotes” \u2028", added=None)
    return quirks


def _files(n: int) -> list[Record]:
    hash_ = digest(f"odd:{n}")
    paths = {
        6: f"/inline/{hash_[:2]}/{hash_}.png",
        7: "/files/patreon/10000006/20000012/cover.png",
        8: f"https://old.example.test/data{stored(hash_, 'png')}",
        9: stored(hash_, "png").replace("/", "\\"),
    }
    if n in paths:
        return [{"name": "sketch.png", "path": paths[n]}]
    return [
        {"path": stored(digest("nameless"), "png")},
        {"name": "https://files.example.test/a%20b.png", "path": stored(digest("url"), "bin")},
        {"name": "drawing.psd", "path": stored(digest("other ending"), "zip")},
    ]
