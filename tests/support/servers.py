"""A PostgreSQL server for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

PASSWORD = "geheim"


@dataclass
class Server:
    """A PostgreSQL server that listens to a socket in a folder, as a user who is not root."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://satchel:{password}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make(self) -> None:
        (self.folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(self.folder, *_user_and_group())
            shutil.chown(self.folder / "password", *_user_and_group())
        self._run(
            "initdb", "-D", self._data, "-U", "satchel", "--pwfile", self.folder / "password",
            "--auth", "scram-sha-256", "--no-sync", "--no-instructions", "-E", "UTF8",
            "--locale", "C",
        ).wait()  # fmt: skip

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "fsync": "off",
            "shared_buffers": "32MB",
            "autovacuum": "off",
            "deadlock_timeout": "200ms",
        }
        words = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
        self.process = self._run("postgres", "-D", self._data, "-k", self.folder, *words)
        end = time.monotonic() + 60
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.05)

    def stop(self) -> None:
        """At once, as if its machine were switched off."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *words: str | Path) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [self.programs / program, *words]
        if shutil.which("setpriv"):  # that no server survives a test run that is killed
            command = ["setpriv", "--pdeathsig", "QUIT", *command]
        user, group = _user_and_group() if os.geteuid() == 0 else (None, None)
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, user=user, group=group,
                extra_groups=None if user is None else [],
            )  # fmt: skip


def _user_and_group() -> tuple[int, int]:
    """A user whom PostgreSQL does not refuse to run as, when the tests are root's."""
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def installed() -> Path | None:
    """The folder of initdb and postgres. Debian keeps one for each version off the PATH."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: int(f.parent.name))
    return Path(found).resolve().parent if found else next(reversed(folders), None)
