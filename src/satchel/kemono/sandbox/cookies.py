"""The session cookie: signed JSON that the server keeps no copy of (reference section 3.1)."""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any, Final

import msgspec

NAME: Final = "session"

Session = dict[str, Any]


class Signer:
    """Signs sessions with a secret that nobody else has."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Take a new secret: what was signed before is forged from now on."""
        self._secret = secrets.token_bytes(32)

    def sign(self, session: Session) -> str:
        """``payload.timestamp.signature``."""
        now = int(time.time()).to_bytes(4, "big")
        signed = f"{_text(msgspec.json.encode(session))}.{_text(now)}"
        return f"{signed}.{self._signature(signed)}"

    def read(self, cookie: str) -> Session:
        """The session; a forged or garbled cookie is an empty one."""
        signed, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(_raw(signature), _raw(self._signature(signed))):
            return {}
        payload = signed.partition(".")[0]
        return msgspec.json.decode(urlsafe_b64decode(payload + "=="), type=Session)

    def _signature(self, signed: str) -> str:
        return _text(hmac.digest(self._secret, _raw(signed), "sha1"))


def _raw(text: str) -> bytes:
    # What is not UTF-8 in a header stands as surrogates in its text.
    return text.encode(errors="surrogateescape")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def sent(headers: Iterable[str]) -> list[str]:
    """The session cookies in ``Cookie`` headers; there should be one at most."""
    pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
    return [value for name, _, value in pairs if name == NAME]
