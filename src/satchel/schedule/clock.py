"""Where the time comes from; tests put one of theirs in its place."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """The machine's clock."""

    def now(self) -> float:
        """The time, in seconds since 1970 UTC."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        await asyncio.sleep(seconds)
