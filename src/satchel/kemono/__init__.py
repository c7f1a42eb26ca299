"""Kemono: its items with their decoders, the account interface, and what it raises."""

from satchel.kemono import wire as wire  # sets the decoders
from satchel.kemono.accounts import Admin, Consumer, Moderator
from satchel.kemono.errors import (
    AlreadyLoggedIn,
    InsufficientPrivileges,
    InvalidLogin,
    InvalidRegister,
    InvalidRole,
    LoginError,
    PyKemoException,
    RegisterError,
)
from satchel.kemono.items import (
    AccountView,
    Attachment,
    Creator,
    CreatorLinkRequest,
    Embed,
    IncompleteRewards,
    Poll,
    PollChoice,
    Post,
)
from satchel.kemono.sessions import KemoSession
from satchel.kemono.values import AccountRole

__all__ = [
    "AccountRole",
    "AccountView",
    "Admin",
    "AlreadyLoggedIn",
    "Attachment",
    "Consumer",
    "Creator",
    "CreatorLinkRequest",
    "Embed",
    "IncompleteRewards",
    "InsufficientPrivileges",
    "InvalidLogin",
    "InvalidRegister",
    "InvalidRole",
    "KemoSession",
    "LoginError",
    "Moderator",
    "Poll",
    "PollChoice",
    "Post",
    "PyKemoException",
    "RegisterError",
]
