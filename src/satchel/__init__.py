"""satchel: crawl RecNet and Kemono servers into typed items. What plugin authors import."""

from satchel.actions import Action, Found, Outcome, Proposal, Reference, State
from satchel.config import Secret
from satchel.errors import SatchelError
from satchel.hookspecs import JobInfo, RequestInfo, ResponseInfo, hookimpl
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
from satchel.proposing import finished_actions, propose
from satchel.running import baseline, plugin_settings, put_item
from satchel.service import Key, Pace, Service
from satchel.version import VERSION

__version__ = VERSION

__all__ = [
    "Action",
    "AddedRelation",
    "FieldInfo",
    "Found",
    "Item",
    "JobInfo",
    "Key",
    "Outcome",
    "Pace",
    "Personal",
    "Proposal",
    "Reference",
    "RequestInfo",
    "ResponseInfo",
    "SatchelError",
    "Secret",
    "Service",
    "State",
    "__version__",
    "baseline",
    "fields_of",
    "finished_actions",
    "hookimpl",
    "link",
    "personal",
    "plugin_settings",
    "propose",
    "put_item",
    "relation",
    "type_name",
]
