"""Executors as processes that may be killed: a program, since forks of one that has imported all
begin sooner.

It says that it is ready. Then, on standard input, ``go`` begins one, whose process id is printed;
``end`` waits until one has ended, and its exit status is printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from acting import execute
from satchel.outbox import Outbox


def main() -> None:
    url, settings = json.loads(sys.argv[1])
    # What is imported late is imported now.
    asyncio.run(execute(Outbox(url), {**settings, "SATCHEL_ACTIONS_LIMIT": 0}))
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            asyncio.run(execute(Outbox(url), settings))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
