"""``satchel schema``: an item type as JSON Schema."""

from __future__ import annotations

import inspect
import json

import click
from itemadapter import ItemAdapter

from satchel.commands import item_type
from satchel.items import Item, leads_to, relations_of


@click.command()
@click.argument("type_", metavar="TYPE")
def schema(type_: str) -> None:
    """Print the JSON Schema of an item type: Account, recnet_room, ….

    TYPE is the name of an item class or of its table. "relations" has what include= may name.
    """
    cls = item_type(type_)
    described = {"title": cls.__name__, **ItemAdapter.get_json_schema(cls)}
    described["relations"] = {name: _relation(cls, name) for name in sorted(relations_of(cls))}
    click.echo(json.dumps(described, indent=2, ensure_ascii=False))


def _relation(cls: type[Item], name: str) -> dict[str, str]:
    method = relations_of(cls)[name].method
    target = leads_to(cls, name)
    said = inspect.getdoc(getattr(cls, method)) or ""
    return {
        "description": said.partition("\n")[0],
        "method": method,
        **({"leads_to": target.__name__} if target else {}),
    }
