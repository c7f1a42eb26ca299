"""Quotas and pauses: how often each host may be asked, by all crawls on this machine together.

A :class:`Lane` is one host as one crawl sees it; its :class:`Quota` is what the crawls share. The
buckets are pyrate-limiter's. Where a quota is kept is known to :meth:`Quota.open` alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from filelock import FileLock, Timeout
from pyrate_limiter import GCRA, Rate, RateItem, SQLiteBucket, StateBucket
from scrapy.exceptions import IgnoreRequest

from satchel.config import Secret
from satchel.errors import ConfigError, did_you_mean
from satchel.service import Pace, host_of

if TYPE_CHECKING:
    from pyrate_limiter import AbstractBucket
    from scrapy.http import Response

logger = logging.getLogger(__name__)

OFF: Final = "off"
"""The rate of a host that may be asked as often as one likes."""

EVERYWHERE: Final = "*"
"""The name, in ``SATCHEL_RATES``, of all hosts that have no entry of their own."""

PAID: Final = "satchel_paid"
"""In a request's ``meta``: it has its permit."""

PARTING: Final = "satchel_parting"
"""In a request's ``meta``: it is made when the crawl ends, and waits for its turn for a while."""

PAUSED: Final = "satchel_paused"
"""In a request's ``meta``: seconds of the pause that its answer, a refusal, led to."""

REFUSED: Final = "satchel_refused"
"""In a request's ``meta``: seconds of the pauses that its refusals before that led to."""

LONGEST_PAUSE: Final = 86_400.0
"""Seconds: no ``Retry-After`` is believed for longer; then the server is asked again."""

REFUSALS: Final = frozenset({403, 429, 503})
"""The statuses whose ``Retry-After`` is honoured."""

_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_CLOCK_SET_BACK: Final = 5_000
"""Milliseconds: permits that lie further ahead were taken before the clock was set back."""

_KEPT: Final = 100
"""Permits after which those that no longer count are cleared away."""

_SMOOTH: Final = 0.04
"""Seconds: a quota is spread over windows of about this length."""

_TRY: Final = 1.0
"""Seconds that one try to lock a quota's file takes: so long the end of a crawl may wait for it."""

_TRIES: Final = 10
"""So many tries in a row say that whoever has the lock is no crawl that goes on."""


def _evenly(rate: str) -> tuple[int, int]:
    """``"10000/hour"`` as calls in milliseconds: never more, and spread evenly."""
    apart = 1 / _calls_a_second(rate)
    at_once = max(1, round(_SMOOTH / apart))
    return at_once, math.ceil(at_once * apart * 1000)


def retry_after(response: Response) -> float | None:
    """Seconds after which a server that refused a request wants to be asked again; at least 1.

    ``Retry-After`` is whole seconds, seconds with a fraction, or a date (reference section 3).

    :returns: ``None`` if the answer is no refusal, or does not say
    """
    if response.status not in REFUSALS:
        return None
    said = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    try:
        seconds = float(said)
    except ValueError:
        seconds = _seconds_until(said)
    return min(max(seconds, 1.0), LONGEST_PAUSE) if math.isfinite(seconds) else None


def is_refusal(response: Response) -> bool:
    """Whether a server wants to be asked again later, and not just this: it says when, or it is a
    429."""
    return response.status == 429 or retry_after(response) is not None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()


class Quota:
    """The permits and the pause of one host.

    Its methods block for a second at most while another crawl holds the file.

    :param bucket: ``None``: as many permits as one likes
    :param pause: the file that says until when the host is not to be asked; ``None``: in memory
    """

    def __init__(self, bucket: AbstractBucket | None, pause: Path | None = None) -> None:
        self._bucket = bucket
        self._pause = None if pause is None else os.fspath(pause)
        self._until = 0.0
        self._read: tuple[int, int] | None = None
        self._taken = 0

    @classmethod
    def open(cls, folder: Path | None, name: str, rate: str) -> Self:
        """The quota that is kept under *name* in a folder; without a folder, one of this crawl.

        :raises ConfigError: the folder cannot be written
        """
        if folder is None:
            return cls(None if rate == OFF else _own_bucket(rate))
        try:
            shared = None if rate == OFF else _shared_bucket(folder / f"{name}.sqlite", rate)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(folder / f"{name}.sqlite", error) from None
        return cls(shared, folder / f"{name}.pause")

    def take(self) -> float:
        """Take a permit.

        :returns: seconds until there may be one; 0: it is taken
        :raises filelock.Timeout: another crawl holds the file
        """
        if self._bucket is None:
            return 0.0
        item = RateItem("request", self._now())
        if self._bucket.put(item):
            self._taken += 1
            if self._taken % _KEPT == 0:
                self._bucket.leak(item.timestamp)
            return 0.0
        wait = self._bucket.waiting(item)
        assert isinstance(wait, int)
        # Whoever held the file meanwhile took time.
        wait -= self._now() - item.timestamp
        newest = self._bucket.peek(0)
        if isinstance(newest, RateItem) and newest.timestamp > item.timestamp + _CLOCK_SET_BACK:
            self._bucket.flush()
        return max(wait, 1) / 1000

    def _now(self) -> int:
        assert self._bucket is not None
        now: int = self._bucket.now()  # type: ignore[no-untyped-call]
        return now

    def paused(self) -> float:
        """Seconds for which the host is not to be asked."""
        if self._pause is not None:
            with contextlib.suppress(OSError, ValueError):
                # Each request asks: reading takes eight times as long as this.
                state = os.stat(self._pause)
                if self._read != (seen := (state.st_ino, state.st_mtime_ns)):
                    self._read = seen
                    self._until = float(Path(self._pause).read_text())
        left = self._until - time.time()
        return left if left <= LONGEST_PAUSE else 0.0

    def pause(self, seconds: float) -> None:
        """Do not ask the host for so long; a longer pause that is on goes on."""
        with self._alone():
            if seconds <= self.paused():
                return
            self._until = time.time() + seconds
            if self._pause is not None:
                self._write(Path(self._pause))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other crawl changes the pause: of two that are refused the longer is to stay."""
        with contextlib.ExitStack() as stack:
            if self._pause is not None:
                # Without the lock, a pause that is too short is better than none.
                with contextlib.suppress(OSError):
                    stack.enter_context(FileLock(f"{self._pause}.lock", timeout=_TRY))
            yield

    def _write(self, pause: Path) -> None:
        try:
            new = pause.with_suffix(f".{os.getpid()}")
            new.write_text(f"{self._until}\n")
            new.replace(pause)
        except OSError as error:
            logger.warning("%s: other crawls do not learn of the pause: %s", pause, error)

    def close(self) -> None:
        """Close the files."""
        if isinstance(self._bucket, SQLiteBucket):
            self._bucket.conn.close()  # Its own close() waits for the lock.
        elif self._bucket is not None:
            self._bucket.close()


class TooLong(Exception):
    """The server refuses for longer than one is ready to wait.

    :ivar seconds: how long from now, or how long it has done so
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} seconds")
        self.seconds = seconds


class CrawlEnds(IgnoreRequest):
    """The crawl ends before the request is made."""

    def __init__(self) -> None:
        super().__init__("the crawl ends")


def _own_bucket(rate: str) -> AbstractBucket:
    calls, interval = _evenly(rate)
    return StateBucket([Rate(calls, interval, burst=1)], GCRA())


def _shared_bucket(path: Path, rate: str) -> AbstractBucket:
    calls, interval = _evenly(rate)
    # Its window counts what is exactly as old as the interval.
    spread = Rate(calls, max(1, interval - 1))
    # The bucket's own lock is waited for without end, be the crawl that has it frozen.
    lock = FileLock(f"{path}.lock", timeout=_TRY)
    with lock.acquire(timeout=_TRY * _TRIES):
        bucket = SQLiteBucket.init_from_file([spread], db_path=str(path))
        bucket.conn.execute("PRAGMA journal_mode=WAL")
        bucket.conn.execute("PRAGMA synchronous=NORMAL")
    bucket.lock = lock  # type: ignore[assignment]
    return bucket


_HELD: Final = f"another crawl, frozen or stopped, has held it for {_TRY * _TRIES:.0f} seconds"


def _unusable(path: Path, error: Exception) -> ConfigError:
    if isinstance(error, Timeout):
        return ConfigError(
            f"SATCHEL_STATE: {path}: {_HELD}; let it go on or end it, or give another folder"
        )
    reason = error.strerror if isinstance(error, OSError) else error
    remedy = f"delete {path.name}, " if isinstance(error, sqlite3.DatabaseError) else ""
    return ConfigError(
        f"SATCHEL_STATE: {path}: {reason}; {remedy}give a folder that can be written, or nothing "
        f"to share no quotas with other crawls"
    )


Wait = Callable[[float], Awaitable[bool]]


@dataclass(slots=True)
class Waited:
    """What a lane was held up by, in seconds, and how often."""

    quota: float = 0.0
    paused: float = 0.0
    pauses: int = 0


class Lane:
    """One host, as one crawl sees it.

    :param name: the host, with its port where that is not the scheme's own
    :param rate: ``"30/second"``, or :data:`OFF`
    :param concurrency: requests under way at once
    :param max_wait: seconds of pauses in a row that are waited for
    :param pause: seconds of the first pause where the host does not say how long
    :param wait: sleeps for so many seconds; false: the crawl ends
    :ivar requests: permits given so far
    :ivar waiting: those that wait for a permit, or for the end of a pause
    :ivar waited: what they waited for
    """

    def __init__(
        self,
        name: str,
        rate: str,
        quota: Quota,
        *,
        concurrency: int,
        max_wait: float,
        pause: float,
        wait: Wait,
    ) -> None:
        self.name = name
        self.rate = rate
        self.requests = 0
        self.waiting = 0
        self.waited = Waited()
        self.quota = quota
        self._places = asyncio.Semaphore(concurrency)
        # One asks for all: the others queue behind it, in their order.
        self._turn = asyncio.Lock()
        # A file of another crawl may be locked; the event loop is not to wait for it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="satchel-throttle")
        self._max_wait = max_wait
        self._first_pause = pause
        self._wait = wait
        self._stalled_since: float | None = None
        self._tries = 0

    @property
    def paused_for(self) -> float:
        """Seconds that are left of a pause; 0: there is none."""
        return max(self.quota.paused(), 0.0)

    async def enter(
        self, *, paid: bool = False, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait for a free place, for the end of a pause, and for a permit.

        Who entered has to :meth:`leave`.

        :param paid: there was a permit for this before
        :param stopped: says, when there is a place, whether it is not wanted any more
        :raises TooLong: the pause is longer than what is waited for
        :raises CrawlEnds: the crawl does, or is stopped
        """
        await self._places.acquire()
        try:
            if stopped():
                raise CrawlEnds
            if not paid:
                await self.permit()
        except BaseException:
            self._places.release()
            raise

    async def permit(self) -> None:
        """Wait for the end of a pause and for a permit, and take it.

        For who decides only then what to ask for. Errors as in :meth:`enter`.
        """
        self.waiting += 1
        try:
            async with self._turn:
                await self._permit()
        finally:
            self.waiting -= 1
        self.requests += 1

    def leave(self) -> None:
        """Make room for the next request."""
        self._places.release()

    def answered(self) -> None:
        """The host answered and did not refuse."""
        self._stalled_since = None

    def next_pause(self, waited: float = 0.0) -> float:
        """Seconds for which a host is not asked that refused and did not say for how long.

        Twice as long as the last time: for all that it refuses, and for one request that it
        refuses while it answers others.

        :param waited: seconds of pauses that the request has waited for
        """
        if left := self.paused_for:
            return left
        # No pause for the sake of one request is longer than what is waited for.
        waited = min(waited, self._max_wait / 2)
        return self._first_pause + max(waited, self._stalled())

    def pause(self, seconds: float) -> None:
        """The host refused, and is to be asked again in so many seconds."""
        if not self.paused_for:
            self.waited.pauses += 1
        self.quota.pause(seconds)
        if self._stalled_since is None:
            self._stalled_since = time.monotonic()

    async def _permit(self) -> None:
        while True:
            if left := self.paused_for:
                self._check(left)
                self.waited.paused += await self._sleep(left)
            elif delay := await self._take():
                self.waited.quota += await self._sleep(delay)
            else:
                return

    async def _take(self) -> float:
        if self.rate == OFF:
            return 0.0
        loop = asyncio.get_running_loop()
        try:
            delay = await loop.run_in_executor(self._thread, self.quota.take)
        except Timeout as error:
            # To go on with a quota of one's own would be more than the host allows.
            self._tries += 1
            if self._tries == _TRIES:
                logger.warning("%s: %s; waiting until it goes on or ends", error.lock_file, _HELD)
            return _TRY / 10
        except sqlite3.Error as error:
            logger.warning("%s: its quota is not shared with other crawls: %s", self.name, error)
            self.quota = Quota.open(None, self.name, self.rate)
            return await self._take()
        self._tries = 0
        return delay

    def _check(self, left: float) -> None:
        if (seconds := self._stalled() + left) > self._max_wait:
            raise TooLong(seconds)

    def _stalled(self) -> float:
        """Seconds since the host refused first and did not answer any more."""
        since = self._stalled_since
        return 0.0 if since is None else time.monotonic() - since

    async def _sleep(self, seconds: float) -> float:
        begin = time.monotonic()
        if not await self._wait(seconds):
            raise CrawlEnds
        return time.monotonic() - begin

    def close(self) -> None:
        """Close the quota. Nobody may be waiting."""
        self._thread.shutdown()
        self.quota.close()


class Throttle:
    """The lanes of one crawl.

    :param rates: ``SATCHEL_RATES``
    :param paces: host → what its service says of it
    :param folder: where the quotas are kept that are shared; ``None``: they are this crawl's own
    :param secrets: host → the credential that its quota is counted by
    :param max_wait: seconds of pauses in a row that are waited for
    :param pause: seconds of the first pause where a host does not say how long
    :param concurrency: requests under way at once, of hosts that no service knows
    :param wait: sleeps for so many seconds; false: the crawl ends
    :ivar backing_off: requests that failed, and wait before they are repeated
    :raises ConfigError: the folder cannot be written
    """

    def __init__(
        self,
        rates: Mapping[str, str],
        paces: Mapping[str, Pace],
        *,
        folder: Path | None,
        secrets: Mapping[str, Secret],
        max_wait: float,
        pause: float,
        concurrency: int,
        wait: Wait,
    ) -> None:
        self.backing_off = 0
        self._rates = {name.lower(): rate for name, rate in rates.items()}
        self._paces = paces
        self._folder = folder
        if folder is not None:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise _unusable(folder, error) from None
            for host, pace in paces.items():
                name = _file_name(host, secrets.get(host))
                Quota.open(folder, name, self.rate(host, pace)).close()
        self._secrets = secrets
        self._max_wait = max_wait
        self._pause = pause
        self._concurrency = concurrency
        self._wait = wait
        self._lanes: dict[str, Lane] = {}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The hosts that were asked so far."""
        return tuple(self._lanes.values())

    def lane(self, url: str) -> Lane:
        """The lane of an address.

        :raises ConfigError: its quota cannot be opened
        """
        host = host_of(url)
        if host not in self._lanes:
            pace = self._paces.get(host, Pace(OFF, self._concurrency))
            rate = self.rate(host, pace)
            self._lanes[host] = Lane(
                host,
                rate,
                Quota.open(self._folder, _file_name(host, self._secrets.get(host)), rate),
                concurrency=pace.concurrency,
                max_wait=self._max_wait,
                pause=self._pause,
                wait=self._wait,
            )
        return self._lanes[host]

    def rate(self, host: str, pace: Pace) -> str:
        """The rate of a host: the setting's by name, the service's words or ``*``; else its own.

        Of several words the slowest counts.
        """
        name = host.rpartition(":")[0] or host
        for names in ((host,), (name,), pace.words, (EVERYWHERE,)):
            given = [self._rates[word] for word in names if word in self._rates]
            if given:
                return min(given, key=_calls_a_second)
        return pace.rate

    def close(self) -> None:
        """Close all quotas."""
        for lane in self._lanes.values():
            lane.close()


def check_names(rates: Mapping[str, str], words: Iterable[str]) -> None:
    """Refuse names in ``SATCHEL_RATES`` that are no host's and no service's word for one.

    :raises ConfigError: there is one
    """
    known = [EVERYWHERE, *words]
    for name in rates:
        if name not in known and not re.search(r"[.:]|^localhost$", name):
            raise ConfigError(
                f"SATCHEL_RATES: {name} is no host{did_you_mean(name, known)} (words that are "
                f"known: {', '.join(known)})"
            )


def _calls_a_second(rate: str) -> float:
    if rate == OFF:
        return math.inf
    calls, _, unit = rate.partition("/")
    return int(calls) / _SECONDS[unit]


def _file_name(host: str, secret: Secret | None) -> str:
    """Tells hosts and credentials apart, and shows no credential."""
    name = re.sub(r"[^a-z0-9.-]", "_", host)
    return f"{name}-{secret.fingerprint()}" if secret else name
