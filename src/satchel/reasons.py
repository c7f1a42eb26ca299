"""Why satchel itself ends a crawl: values of Scrapy's ``finish_reason`` besides its own."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What each means for a person is in docs/errors.md."""

    CHALLENGE = "challenge"
    """The server asks for a browser, or for proof of being human: a person has to answer that."""
    LOGIN_FAILED = "login_failed"
    """An account could not be logged in, or the server does not take its session."""
    NOT_RECORDED = "not_recorded"
    """A replay asks for what the cassette does not have."""
    RATE_LIMITED = "rate_limited"
    """The server refuses for longer than ``SATCHEL_MAX_WAIT`` allows."""
    STORE_FAILED = "store_failed"
    """The database failed."""
    UNAUTHORIZED = "unauthorized"
    """The server misses or refuses a credential."""
    UNREACHABLE = "unreachable"
    """The first requests were answered by nobody."""
