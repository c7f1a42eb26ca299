"""``satchel schema``: an item type as JSON Schema."""

from __future__ import annotations

import inspect
import json

import click
from itemadapter import ItemAdapter

from satchel.commands import item_type, project_settings
from satchel.hooks import Plugins
from satchel.items import Item, leads_to, relations_of


@click.command()
@click.argument("type_", metavar="TYPE")
def schema(type_: str) -> None:
    """Print the JSON Schema of an item type: Account, recnet_room, ….

    TYPE is the name of an item class or of its table. "relations" has what include= may name.
    """
    cls = item_type(type_)
    described = {"title": cls.__name__, **ItemAdapter.get_json_schema(cls)}
    own = {name: _relation(cls, name) for name in relations_of(cls)}
    described["relations"] = dict(sorted({**own, **_added(cls)}.items()))
    click.echo(json.dumps(described, indent=2, ensure_ascii=False))


def _added(cls: type[Item]) -> dict[str, dict[str, str]]:
    """The relations that plugins add to a class."""
    offered = Plugins.of(project_settings()).relations()
    return {
        relation.name: {
            "description": relation.help,
            "plugin": plugin,
            **({"leads_to": relation.to.__name__} if relation.to else {}),
        }
        for plugin, relations in offered.items()
        for relation in relations
        if relation.of is cls
    }


def _relation(cls: type[Item], name: str) -> dict[str, str]:
    method = relations_of(cls)[name].method
    target = leads_to(cls, name)
    said = inspect.getdoc(getattr(cls, method)) or ""
    return {
        "description": said.partition("\n")[0],
        "method": method,
        **({"leads_to": target.__name__} if target else {}),
    }
