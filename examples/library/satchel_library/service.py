"""The library as a plugin: what it gives to satchel."""

from __future__ import annotations

from satchel import Service, hookimpl
from satchel.bulk import readings
from satchel.service import at_the_sandbox
from satchel_library import Author, Book, sandbox
from satchel_library.client import BY, LibraryClient, LibrarySettings
from satchel_library.items import read_authors, read_books


@hookimpl
def satchel_services() -> list[Service]:
    """A library: books and authors."""
    return [
        Service(
            name="library",
            items=(Author, Book),
            settings=LibrarySettings,
            client=LibraryClient,
            sandbox=sandbox.serve,
            in_sandbox=lambda settings, url: at_the_sandbox(settings, url + sandbox.PREFIX),
            spiders=("satchel_library.spider",),
            reading=readings({"books": read_books, "authors": read_authors}, BY),
        )
    ]


@hookimpl
def satchel_withhold(item: object) -> list[str] | None:
    """Of the living, the year of birth is nobody's business."""
    return ["born"] if isinstance(item, Author) and item.died is None else None


@hookimpl
def satchel_process_item(item: object) -> None:
    """Cataloguers do not agree on how a subject is written."""
    if isinstance(item, Book) and item.subjects:
        item.subjects = sorted(subject.lower() for subject in item.subjects)
