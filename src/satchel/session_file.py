"""Sessions that outlive a crawl: ``SATCHEL_SESSIONS``, a file that only its owner can read."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from satchel.config import Secret
from satchel.errors import ConfigError

logger = logging.getLogger(__name__)

LOCK_SECONDS: Final = 1.0
"""How long one waits for another crawl that writes to the file; nothing else goes on meanwhile."""

Kept = dict[str, dict[str, str]]
"""Origin → account's name → cookie."""


class SessionFile:
    """The sessions of all servers and accounts, shared by the crawls that name the file.

    :param path: the file; it is made when there is something to keep
    :raises ConfigError: others can read it, or it is something else
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()
        self._lock = FileLock(f"{self._path}.lock", timeout=LOCK_SECONDS, mode=0o600)
        self._failed = False
        self._read()
        if not os.access(self._path.parent, os.W_OK):
            raise ConfigError(
                f"SATCHEL_SESSIONS={self._path}: its folder does not exist or cannot be written"
            )

    def get(self, origin: str, name: str) -> Secret | None:
        """The session of an account on a server."""
        value = self._tried(self._read).get(origin, {}).get(name)
        return None if value is None else Secret(value)

    def put(self, origin: str, name: str, cookie: Secret) -> None:
        """Keep a session, in the place of the account's last."""

        def change(kept: Kept) -> None:
            kept.setdefault(origin, {})[name] = cookie.reveal()

        self._change(change)

    def remove(self, origin: str, name: str, cookie: Secret) -> None:
        """Drop a session that is no longer one, unless another crawl has replaced it."""

        def change(kept: Kept) -> None:
            if kept.get(origin, {}).get(name) == cookie.reveal():
                del kept[origin][name]

        self._change(change)

    def _change(self, change: Callable[[Kept], None]) -> None:
        def write() -> Kept:
            with self._lock:
                kept = self._read()
                change(kept)
                self._write(kept)
            return kept

        self._tried(write)

    def _tried(self, act: Callable[[], Kept]) -> Kept:
        """What *act* returns. A file that fails during a crawl is reported once and left alone."""
        if self._failed:
            return {}
        try:
            return act()
        except Timeout:
            logger.warning("SATCHEL_SESSIONS=%s: in use for long; left out", self._path)
        except (ConfigError, OSError) as error:
            self._failed = True
            logger.error("%s; this crawl goes on without it", _told(self._path, error))
        return {}

    def _read(self) -> Kept:
        try:
            with self._path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise ConfigError(
                        f"SATCHEL_SESSIONS={self._path}: others can read it; run: chmod 600 "
                        f"{shlex.quote(str(self._path))}, and log out everywhere: the sessions in "
                        f"it may have been seen"
                    )
                return msgspec.json.decode(file.read() or b"{}", type=Kept)
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError:
            raise ConfigError(
                f"SATCHEL_SESSIONS={self._path}: not a file of sessions; give another name"
            ) from None
        except OSError as error:
            raise ConfigError(f"SATCHEL_SESSIONS={self._path}: {error.strerror}") from None

    def _write(self, kept: Kept) -> None:
        # mkstemp makes a file that is the owner's only.
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _told(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"SATCHEL_SESSIONS={path}: {error.strerror}"
    return str(error)
