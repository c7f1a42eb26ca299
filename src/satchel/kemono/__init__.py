"""Kemono: its items, their words, and the errors of accounts. Their decoders come with them."""

from satchel.kemono import wire as wire  # sets the decoders
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
from satchel.kemono.values import AccountRole

__all__ = [
    "AccountRole",
    "AccountView",
    "AlreadyLoggedIn",
    "Attachment",
    "Creator",
    "CreatorLinkRequest",
    "Embed",
    "IncompleteRewards",
    "InsufficientPrivileges",
    "InvalidLogin",
    "InvalidRegister",
    "InvalidRole",
    "LoginError",
    "Poll",
    "PollChoice",
    "Post",
    "PyKemoException",
    "RegisterError",
]
