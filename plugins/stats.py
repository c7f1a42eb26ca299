"""The crawl's figures as JSON, for those who schedule: set ``SATCHEL_STATS_FILE``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from satchel import hookimpl


class Settings(Struct, frozen=True, kw_only=True):
    file: Annotated[
        str,
        Meta(
            description="A file that gets the crawl's figures as JSON; `-`: standard output; "
            "empty: none does."
        ),
    ] = ""

    @property
    def enabled(self) -> bool:
        return bool(self.file)


@hookimpl
def satchel_settings() -> type[Struct]:
    """Where the figures go."""
    return Settings


class Stats:
    """Writes what is known when the crawl begins, and all of it when it has ended.

    So a crawl that was killed leaves the verdict ``running``, and no figures of the one before it.
    """
