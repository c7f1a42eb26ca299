"""What the account interface raises, by the seed's names:

PyKemoException
├── InsufficientPrivileges    the account's role does not allow it
├── LoginError                a login failed
│   ├── InvalidLogin          the name or the password is wrong
│   ├── AlreadyLoggedIn       the session is logged in
│   └── InvalidRole           the account has another role than the one that was asked for
└── RegisterError             a registration failed
    └── InvalidRegister       the name or the password was refused
"""

from __future__ import annotations

from satchel.errors import LoginFailed, SatchelError


class PyKemoException(SatchelError):
    """The root of what the account interface raises."""


class InsufficientPrivileges(PyKemoException):
    """The account's role does not allow what was asked for."""


class LoginError(PyKemoException, LoginFailed):
    """A login failed, for whatever reason."""


class InvalidLogin(LoginError):
    """The server refused the name or the password."""


class AlreadyLoggedIn(LoginError):
    """The session belongs to an account already."""


class InvalidRole(LoginError):
    """The account has another role than the class that it was to log in as."""


class RegisterError(PyKemoException):
    """A registration failed, for whatever reason."""


class InvalidRegister(RegisterError):
    """The server refused the name or the password of a new account."""
