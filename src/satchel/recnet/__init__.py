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
