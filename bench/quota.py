"""A quota as the server sees it: the most requests in any second, and how much of it is used.

Crawls of the sandbox, as processes of their own, with a quota that they share; figures are from the
sandbox's log. Then one refusal with ``Retry-After``, while all crawl: how long nobody asked.
Exits with 1 if a second holds more than one request above the quota, or less than 90 % is used.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Final

from satchel.faults import Faults
from satchel.recnet.world import World
from satchel.testing import project, running_sandbox
from shared import say, show

PAUSE: Final = 3
"""Seconds that the refusal says."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50, help="requests a second")
    parser.add_argument("--players", type=int, default=60, help="listings of each crawl")
    options = parser.parse_args()
    rows, fine = [], True
    for processes in (1, 3):
        moments = asked(processes, options.rate, options.players, Faults())
        most, used = most_in_a_second(moments), use(moments, options.rate)
        fine = fine and most <= options.rate + 1 and used >= 0.9
        faults = Faults(rate=1, kinds=("status_429",), only="7002.*skip=1&", in_a_row=1,
                        retry_after=str(PAUSE))  # fmt: skip
        refused = asked(processes, options.rate, options.players, faults)
        rows.append(
            [str(processes), f"{len(moments):,}", str(most), f"{used:.0%}", f"{gap(refused):.1f} s"]
        )
    columns = ["processes", "requests", "most in a second", "used", f"pause of {PAUSE} s"]
    show(f"A quota of {options.rate} a second", columns, rows)
    sys.exit(0 if fine else 1)


def asked(processes: int, rate: int, players: int, faults: Faults) -> list[float]:
    """Crawl, and tell when the server was asked."""
    with tempfile.TemporaryDirectory() as name, running_sandbox(faults=faults) as sandbox:
        folder = project(Path(name) / "project", ["SATCHEL_STORE = ''", "LOG_LEVEL = 'ERROR'"])
        own = {
            "SATCHEL_RECNET_URL": sandbox.url,
            "SATCHEL_RECNET_KEY": "any",
            "SATCHEL_RECNET_PAGE_SIZE": "1",
            "SATCHEL_RATES": json.dumps({"*": f"{rate}/second"}),
            "SATCHEL_STATE": str(Path(name) / "state"),
        }
        some = ",".join(map(str, list(World().accounts)[:players]))
        command = [str(Path(sys.executable).with_name("scrapy")), "crawl", "recnet-images"]
        command += ["-a", f"by_player={some}"]
        say(f"{processes} at once")
        running = [
            subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stderr=subprocess.PIPE)
            for _ in range(processes)
        ]
        for process in running:
            _, errors = process.communicate()
            if process.returncode:
                sys.exit(f"a crawl failed:\n{errors.decode()}")
        return sorted(one.time for one in sandbox.log)


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


def use(moments: list[float], rate: int) -> float:
    return (len(moments) - 1) / (moments[-1] - moments[0]) / rate


def gap(moments: list[float]) -> float:
    """The longest time without a request."""
    return max(later - before for before, later in pairwise(moments))


if __name__ == "__main__":
    main()
