"""How many requests a sandbox had open at once, from its log."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from satchel.sandbox import Asked


def most_at_once(log: Iterable[Asked]) -> int:
    """The most requests that were open at a time."""
    log = list(log)
    moments = [(one.time - one.seconds, 1) for one in log] + [(one.time, -1) for one in log]
    return max(accumulate(step for _, step in sorted(moments)))
