"""RecNet: its documented classes. Their decoders come with them."""

from satchel.recnet import wire as wire  # sets the decoders
from satchel.recnet.items import (
    Account,
    BaseDataClass,
    Comment,
    Event,
    EventInteraction,
    Image,
    Invention,
    InventionVersion,
    LoadScreen,
    Progression,
    PromoExternalContent,
    Role,
    Room,
    Score,
    SubRoom,
    Tag,
)

# No class of the documentation.
from satchel.recnet.snapshots import Snapshot as Snapshot

__all__ = [
    "Account",
    "BaseDataClass",
    "Comment",
    "Event",
    "EventInteraction",
    "Image",
    "Invention",
    "InventionVersion",
    "LoadScreen",
    "Progression",
    "PromoExternalContent",
    "Role",
    "Room",
    "Score",
    "SubRoom",
    "Tag",
]
