"""Appends what was committed to JSON Lines files, one for each type of items.

::

    scrapy crawl recnet-rooms -s SATCHEL_PLUGINS=lines -s SATCHEL_LINES_FOLDER=lines -a hot=1
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct
from scrapy.utils.serialize import ScrapyJSONEncoder

from satchel import hookimpl

ENCODER = ScrapyJSONEncoder()


class Settings(Struct, frozen=True, kw_only=True):
    folder: Annotated[str, Meta(description="The folder of the files.")] = "lines"


@hookimpl
def satchel_settings() -> type[Struct]:
    return Settings


@hookimpl
async def satchel_export_items(items: list[Any], settings: Settings) -> None:
    await asyncio.to_thread(append, items, Path(settings.folder))


def append(items: list[Any], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for kind in {type(item) for item in items}:
        with (folder / f"{kind.__name__}.jsonl").open("a") as file:
            of_kind = (item for item in items if type(item) is kind)
            file.writelines(ENCODER.encode(item) + "\n" for item in of_kind)
