"""Sessions that outlive a crawl: ``SATCHEL_SESSIONS``, a file that only its owner can read."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from pathlib import Path

import msgspec
from filelock import FileLock

from satchel.config import Secret
from satchel.errors import ConfigError

Kept = dict[str, dict[str, str]]
"""Origin → account's name → cookie."""


class SessionFile:
    """The sessions of all servers and accounts, shared by the crawls that name the file.

    :param path: the file; it is made when there is something to keep
    :raises ConfigError: others can read it, or it is something else
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()
        self._lock = FileLock(f"{self._path}.lock", mode=0o600)
        self._read()

    def get(self, origin: str, name: str) -> Secret | None:
        """The session of an account on a server."""
        value = self._read().get(origin, {}).get(name)
        return None if value is None else Secret(value)

    def put(self, origin: str, name: str, cookie: Secret) -> None:
        """Keep a session, in the place of the account's last."""
        with self._lock:
            kept = self._read()
            kept.setdefault(origin, {})[name] = cookie.reveal()
            self._write(kept)

    def remove(self, origin: str, name: str, cookie: Secret) -> None:
        """Drop a session that is no longer one, unless another crawl has replaced it."""
        with self._lock:
            kept = self._read()
            if kept.get(origin, {}).get(name) == cookie.reveal():
                del kept[origin][name]
                self._write(kept)

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
            return self._refuse_folder()
        except msgspec.DecodeError:
            raise ConfigError(
                f"SATCHEL_SESSIONS={self._path}: not a file of sessions; give another name"
            ) from None
        except OSError as error:
            raise ConfigError(f"SATCHEL_SESSIONS={self._path}: {error.strerror}") from None

    def _refuse_folder(self) -> Kept:
        if not os.access(self._path.parent, os.W_OK):
            raise ConfigError(
                f"SATCHEL_SESSIONS={self._path}: its folder does not exist or cannot be written"
            )
        return {}

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
