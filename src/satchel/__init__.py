"""satchel: crawl RecNet and Kemono servers into typed items. What plugin authors import."""

from satchel.config import Secret
from satchel.errors import SatchelError
from satchel.hookspecs import JobInfo, RequestInfo, ResponseInfo, hookimpl
from satchel.items import AddedRelation, Item, Personal, link, personal, relation
from satchel.running import baseline, put_item
from satchel.service import Key, Pace, Service
from satchel.version import VERSION

__version__ = VERSION

__all__ = [
    "AddedRelation",
    "Item",
    "JobInfo",
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
