"""Real scrapyds, each in an environment that has all that satchel needs, and not satchel."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving import free_port

ROOT = Path(__file__).parent.parent.parent


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """What a condition comes to, when it is true."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.1)
    return found


def environment(folder: Path) -> Path:
    """Make an environment with this one's packages, without satchel; its programs' folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = Path(sysconfig.get_path("purelib"))
    target = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for entry in packages.iterdir():
        if "satchel" not in entry.name and entry.suffix != ".pth":
            (target / entry.name).symlink_to(entry)
    return folder / "bin"


class Scrapyd:
    """One node.

    :ivar folder: where it runs, and what it keeps
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], password: str = "") -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.password = password
        self._bin = environment(folder / "env")
        self._port = free_port()
        self._variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SCRAPYD_HTTP_PORT": str(self._port),
            **variables,
        }
        shutil.copy(ROOT / "deploy" / "scrapyd.conf", folder)
        given = f"username = satchel\npassword = {password}\n" if password else ""
        (folder / ".scrapyd.conf").write_text(f"[scrapyd]\npoll_interval = 0.2\n{given}")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def packages(self) -> Path:
        """Where packages are installed."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder / "env")}))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        unit = (ROOT / "deploy" / "scrapyd.service").read_text()
        _, *options = shlex.split(re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)[0])
        program = "from scrapyd.__main__ import main; main()"
        with (self.folder / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "python", "-c", program, *options],
                cwd=self.folder, env=self._variables, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        wait_for(self._answers, "a scrapyd")

    def kill(self) -> None:
        """End it and its jobs at once, as when the machine fails."""
        if self._process is None:
            return
        jobs = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        for pid in [self._process.pid, *map(int, jobs.split())]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            return bool(self.call("daemonstatus.json"))
        except urllib.error.URLError:
            return False

    def get(self, path: str, fields: Mapping[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(f"{self.url}/{path}", data)
        if self.password:
            token = base64.b64encode(f"satchel:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    def call(self, path: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(path, fields))
        assert found["status"] == "ok", found
        return found

    def jobs(self, state: str) -> list[str]:
        """The ids of its jobs in a state."""
        return [job["id"] for job in self.call("listjobs.json")[state]]
