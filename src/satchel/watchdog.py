"""Names the plugin that keeps a whole crawl from going on.

A crawl is one event loop in one thread: whatever does not give it back stops everything. A thread
of its own asks the loop for a sign of life; where none comes, it looks what the loop's thread is
doing. So nothing is spent on the calls themselves, and what blocks inside an ``async`` function is
found, too.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping
from types import CodeType


class Watchdog:
    """Watches the running event loop, from :meth:`start` to :meth:`stop`.

    :param names: the code of a function → what it is called
    :param seconds: how long the loop may give no sign of life
    :param warn: called at once, in the watchdog's thread, with the name and the place
    :param count: called in the loop's thread, once it goes on, with the name
    """

    def __init__(
        self,
        names: Mapping[CodeType, str],
        seconds: float,
        *,
        warn: Callable[[str, str], None],
        count: Callable[[str], None],
    ) -> None:
        self._names = names
        self._seconds = seconds
        self._warn = warn
        self._count = count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="satchel-watchdog", daemon=True)

    def start(self) -> None:
        """Watch the loop of this thread."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        # A crawl that was torn down tells nobody of its end; its loop is closed then.
        while not self._stopped.is_set() and not self._loop.is_closed():
            sign = threading.Event()
            self._loop.call_soon_threadsafe(sign.set)
            if not sign.wait(self._seconds) and (found := self._culprit()):
                name, place = found
                self._warn(name, place)
                self._loop.call_soon_threadsafe(self._count, name)
            # One that blocks is reported once; and whoever stops this waits for it.
            while not sign.is_set() and not self._stopped.is_set():
                sign.wait(self._seconds / 10)
            self._stopped.wait(self._seconds)

    def _culprit(self) -> tuple[str, str] | None:
        """(name, place): which of the functions the loop's thread is in."""
        frame = sys._current_frames().get(self._watched)
        while frame is not None:
            if name := self._names.get(frame.f_code):
                return name, f"{frame.f_code.co_filename}, line {frame.f_lineno}"
            frame = frame.f_back
        return None
