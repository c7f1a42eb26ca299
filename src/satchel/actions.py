"""What changes something on a server: kinds of actions, proposals, and what becomes of them.

A service lists its kinds (:class:`satchel.Service`). What is proposed stands in the outbox
(:mod:`satchel.outbox`), and :mod:`satchel.executor` alone sends it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class State(StrEnum):
    """Where an action stands."""

    PROPOSED = "proposed"
    """It may be sent."""
    HELD = "held"
    """It may be sent, and was not the last time; its note says why."""
    SENDING = "sending"
    """It was about to be sent, and its outcome is not known yet."""
    DONE = "done"
    """The server did it, or it was so already."""
    REFUSED = "refused"
    """The server did not do it."""
    FAILED = "failed"
    """It could not be sent, and cannot be as it is."""
    VETOED = "vetoed"
    """A plugin said no. It was not sent."""
    UNKNOWN = "unknown"
    """It was sent, and nobody can know what came of it but a person: ``satchel act resolve``."""
    WITHDRAWN = "withdrawn"
    """A person took it back, or the plugin that does not propose it any more. It was not sent."""


OPEN: Final = (State.PROPOSED, State.HELD)
"""The states of what may be sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending an action.

    :ivar state: ``DONE``, ``REFUSED``, ``FAILED``, ``UNKNOWN``; or ``HELD``: the server did not do
        it, and may do it later
    :ivar note: why, in a line that names nobody and no secret
    :ivar by_account: it is the account that the server refuses: nothing more is sent as it
    """

    state: State
    note: str = ""
    by_account: bool = False


class Found(StrEnum):
    """What a look at the server says of an action."""

    DONE = "done"
    NOT_DONE = "not done"
    UNSURE = "unsure"


Reference = Annotated[
    str,
    Meta(
        pattern="^[A-Z][A-Z0-9_]*$",
        description="The name of the environment variable that has a secret; or of the one whose "
        "name ends in _FILE and that names a file which only its owner can read, without that end.",
    ),
]
"""A parameter that stands for a secret. Only its name is stored; the value is read when it is sent:
:func:`satchel.config.referred`."""


class Action(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change on a server. A kind is a subclass; its fields are the parameters.

    :cvar kind: ``SERVICE.WORD``
    :cvar role: what an account needs to be; ``None``: it takes no account
    :cvar repeatable: sending it twice has the effect of once
    :cvar sensitive: it is sent only if ``SATCHEL_ACTIONS_ALLOW`` names the kind
    """

    kind: ClassVar[str]
    role: ClassVar[str | None]
    repeatable: ClassVar[bool] = False
    sensitive: ClassVar[bool] = False

    account: Annotated[
        str, Meta(description="The account that does it; else the least privileged that may.")
    ] = ""

    @property
    def target(self) -> str:
        """What it is done to. Actions of one target are sent in the order of their proposals."""
        raise NotImplementedError

    @property
    def variant(self) -> str:
        """Tells proposals of the kind and target apart whose parameters want something else."""
        return ""

    def preview(self) -> str:
        """What would be sent: method, path and body, without secrets."""
        raise NotImplementedError

    async def send(self, crawler: Crawler) -> Outcome:
        """Send it, once, through the crawl's downloader.

        An exception says that nobody knows whether the server did it, but for those that say that
        nothing was sent: Scrapy's ``IgnoreRequest``, ``CannotResolveHostError`` and
        ``DownloadConnectionRefusedError``, and satchel's ``LoginFailed``, ``NoClient`` and
        ``UsageError``.
        """
        raise NotImplementedError

    async def look(self, crawler: Crawler) -> Found:
        """Look whether it is so. The default cannot tell."""
        return Found.UNSURE


@dataclass(frozen=True, slots=True)
class Proposal:
    """An action that somebody proposes.

    :ivar action: what is to be done
    :ivar reason: why; it is kept, so it should name nobody
    :ivar name: tells it from other proposals of the same, by the same, for the same item
    :ivar by: the plugin, spider or person who proposes it; satchel says it
    :ivar item: the item that led to it, by its type and key; satchel says it
    """

    action: Action
    reason: str = ""
    name: str = ""
    by: str = ""
    item: str = ""

    def made(self, by: str, item: str) -> Self:
        """The proposal as it is stored."""
        return replace(self, by=by, item=item)


def service_of(kind: str) -> str:
    """The service that a kind belongs to."""
    return kind.partition(".")[0]


SENDING: Final[ContextVar[bool]] = ContextVar("satchel_sending", default=False)
"""Whether the running code is an action's :meth:`~Action.send`."""

CHANGES: Final = "satchel_changes"
"""``meta``: the request may change something, since an action or a script sends it."""
