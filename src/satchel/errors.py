"""Every exception that satchel raises on purpose, as one tree:

SatchelError
├── UsageError            a person's mistake: one line says what, where and what to do
│   ├── ConfigError       a setting or a credential
│   │   └── NoAccount     no account has the role that a request needs
│   ├── ArgumentError     a spider's argument
│   ├── TimetableError    schedule.toml cannot be read, or something in it makes no sense
│   └── PluginError       a plugin that cannot be loaded or breaks the contract of the hooks
├── DecodeError           an answer that is no such item at all
├── BrowserError          the browser does not start
├── AnswerError           the server answered with an error status
├── CassetteError        a recording that cannot be read, or is no recording
├── StoreError            the database is full, locked, read-only or gone
├── NotOffered            the dialect, the profile or the server lacks the operation
├── LoginFailed           an account has no session, or the server does not take it
├── NotInACrawl           a call that is for scripts was made within a crawl
├── ActionError           an action that cannot be proposed or sent as it is
└── NoClient              there is no running crawl that could send what a call asks for
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SatchelError(Exception):
    """The root of the tree. Its text is one line that a person can act on."""


class UsageError(SatchelError):
    """A person's mistake, found before the first request. The process exits with 1."""


class ConfigError(UsageError):
    """A setting that is unknown, of the wrong type, impossible or missing, or a credential."""


class ArgumentError(UsageError):
    """A spider argument that is unknown, malformed or missing."""


class PluginError(UsageError):
    """A plugin that cannot be loaded, or that does not fit the hooks."""


class TimetableError(UsageError):
    """A mistake in a timetable. The text has the file and the line."""


class DecodeError(SatchelError):
    """The payload is no such item: not an object, or without the key that identifies one.

    :ivar item_type: the class that was expected
    :ivar reason: what is wrong, without quoting the payload (it may be personal)
    """

    def __init__(self, item_type: str, reason: str) -> None:
        super().__init__(f"not a {item_type}: {reason}")
        self.item_type = item_type
        self.reason = reason


class AnswerError(SatchelError):
    """The server answered with an error status. The text has the URL and the status."""


class CassetteError(SatchelError):
    """A recording, or a part of one, cannot be read, or is none."""


class BrowserError(SatchelError):
    """The browser does not start."""


class StoreError(SatchelError):
    """The store cannot be opened, read or written. Nothing of the failed batch was written."""


class NotOffered(SatchelError):
    """The operation does not exist in the configured dialect, or the server does not know it."""


class NoAccount(ConfigError):
    """No account that is configured has the role that a request needs."""


class LoginFailed(SatchelError):
    """An account could not be logged in, or the server does not take its session.

    :ivar refused: the server has refused the credentials; they are not tried again
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class NotInACrawl(SatchelError):
    """A call that is for scripts was made within a crawl."""


class ActionError(SatchelError):
    """An action that cannot be proposed as it is, or a change that is no action."""


class NoClient(SatchelError):
    """There is no running crawl that could send a request: an item has none, or it has ended."""


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """``"; did you mean X?"`` for the nearest of *known*, or an empty string.

    :param prefix: what many begin with, which makes none more alike
    """
    rests = {one.removeprefix(prefix): one for one in known}
    matches = get_close_matches(word.removeprefix(prefix), rests, n=1, cutoff=0.6)
    return f"; did you mean {rests[matches[0]]}?" if matches else ""
