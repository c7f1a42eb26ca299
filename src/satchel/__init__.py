"""satchel: crawl RecNet and Kemono servers into typed items. What plugin authors import."""

from satchel.config import Secret
from satchel.errors import SatchelError
from satchel.hookspecs import RequestInfo, ResponseInfo, hookimpl
from satchel.items import AddedRelation, Item, Personal, link, personal, relation
from satchel.running import baseline, put_item
from satchel.service import Key, Pace, Service

# A literal: an egg that scrapyd runs is installed nowhere, so nobody could be asked.
__version__ = "0.1.0"

__all__ = [
    "AddedRelation",
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
    "baseline",
    "hookimpl",
    "link",
    "personal",
    "put_item",
    "relation",
]
