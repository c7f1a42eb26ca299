"""satchel: crawl RecNet and Kemono servers into typed items. What plugin authors import."""

from importlib.metadata import version

from satchel.config import Secret
from satchel.errors import SatchelError
from satchel.hookspecs import RequestInfo, ResponseInfo, hookimpl
from satchel.items import (
    AddedRelation,
    FieldInfo,
    Item,
    Personal,
    fields_of,
    link,
    personal,
    relation,
    type_name,
)
from satchel.service import Key, Pace, Service

__version__ = version("satchel")

__all__ = [
    "AddedRelation",
    "FieldInfo",
    "Item",
    "Key",
    "Pace",
    "Personal",
    "RequestInfo",
    "ResponseInfo",
    "SatchelError",
    "Secret",
    "Service",
    "__version__",
    "fields_of",
    "hookimpl",
    "link",
    "personal",
    "relation",
    "type_name",
]
