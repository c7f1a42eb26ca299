"""``satchel schema``: an item type as JSON Schema."""

from __future__ import annotations

import json

import click
from itemadapter import ItemAdapter

from satchel.commands import item_type


@click.command()
@click.argument("type_", metavar="TYPE")
def schema(type_: str) -> None:
    """Print the JSON Schema of an item type: Account, recnet_room, ….

    TYPE is the name of an item class or of its table.
    """
    cls = item_type(type_)
    described = {"title": cls.__name__, **ItemAdapter.get_json_schema(cls)}
    click.echo(json.dumps(described, indent=2, ensure_ascii=False))
