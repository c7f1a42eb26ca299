"""Quotas and pauses under real crawls of a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import scrapy
from scrapy.http import Response

from overlap import most_at_once
from satchel.faults import Faults, Kind, Quota
from satchel.sandbox import Sandbox
from satchel.testing import crawl, project, running_sandbox

REFUSALS: tuple[Kind, ...] = ("status_429", "status_403")


def by_url(url: str, **settings: Any) -> dict[str, Any]:
    return {"SATCHEL_RECNET_URL": url, "SATCHEL_RECNET_PAGE_SIZE": 5, **settings}


def seconds_of_pause(stats: dict[str, Any]) -> float:
    return sum(value for name, value in stats.items() if name.endswith("/paused_seconds"))


def test_a_quota_is_kept_by_a_crawl(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        settings = by_url(
            sandbox.url, SATCHEL_RATES={"*": "20/second"}, SATCHEL_STATE=str(tmp_path)
        )
        result = crawl("recnet-rooms", settings, hot="1", include="tags")
        moments = [asked.time for asked in sandbox.log]
    assert len(result.items) == 29
    assert len(moments) > 30
    # Even if the machine is so slow that some requests are late, most are apart.
    assert moments[-1] - moments[0] > 0.05 * (len(moments) - 5)
    host = sandbox.url.removeprefix("http://")
    assert result.stats[f"satchel/waited/{host}/quota_seconds"] > 0.5


@pytest.mark.parametrize(("own", "expected"), [(True, 8), (False, 2)])
def test_a_service_may_be_asked_more_at_once_than_others(own: bool, expected: int) -> None:
    class Many(scrapy.Spider):
        name = "many"

        async def start(self) -> AsyncIterator[Any]:
            for n in range(20):
                yield scrapy.Request(f"{url}/rooms/{8200 + n}")

        def parse(self, response: Response) -> None:
            pass

    with running_sandbox(names=2, faults=Faults(latency=0.3)) as sandbox:
        url = sandbox.urls[0 if own else 1]
        crawl(Many, {"SATCHEL_RECNET_URL": sandbox.url, "ROBOTSTXT_OBEY": False})
        log = list(sandbox.log)
    assert len(log) == 20
    assert most_at_once(log) == expected


def test_the_sandbox_has_no_quota(tmp_path: Path) -> None:
    settings = {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_RATES": {"*": "1/day"},
        "SATCHEL_STATE": str(tmp_path / "state"),
    }
    assert len(crawl("recnet-rooms", settings, hot="1").items) == 29
    assert not (tmp_path / "state").exists()


def test_what_a_server_rations_is_fetched_in_the_end() -> None:
    """A server that counts, and refuses more than ten in a second."""
    with running_sandbox() as sandbox:
        truth = crawl("recnet-rooms", by_url(sandbox.url), hot="1", include="tags")
        sandbox.faults = Faults(quota=Quota(10, 1.0), only="rooms")
        result = crawl("recnet-rooms", by_url(sandbox.url), hot="1", include="tags")
        refused = sum(asked.fault == "quota" for asked in sandbox.log)
    assert result.reason == "finished"
    assert refused > 1
    assert {room.id for room in result.items} == {room.id for room in truth.items}
    assert result.stats["satchel/refusals"] == refused
    assert "satchel/error_answers" not in result.stats
    # Many were refused at once, and waited for one pause together.
    host = sandbox.url.removeprefix("http://")
    pauses = result.stats[f"satchel/waited/{host}/pauses"]
    assert pauses < refused
    assert pauses * 0.9 < seconds_of_pause(result.stats) < pauses * 2


@pytest.mark.parametrize("said", ["2", "1.5", "Wed, 21 Oct 2055 07:28:00 GMT"])
def test_a_pause_that_is_too_long_ends_the_crawl(
    said: str, caplog: pytest.LogCaptureFixture
) -> None:
    faults = Faults(rate=1, kinds=REFUSALS, only="skip=5", in_a_row=None, retry_after=said)
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url, SATCHEL_MAX_WAIT=1.2), hot="1")
        asked = [a for a in sandbox.log if "skip=5" in a.path]
    assert result.reason == "rate_limited"
    assert len(result.items) == 5
    assert len(asked) == 1
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "is not to be asked for" in errors[0].getMessage()
    assert "SATCHEL_MAX_WAIT=1.2" in errors[0].getMessage()
    assert errors[0].exc_info is None


def test_a_server_that_always_refuses_is_not_asked_for_ever() -> None:
    faults = Faults(rate=1, kinds=REFUSALS, in_a_row=None, only="rooms")
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url, SATCHEL_MAX_WAIT=2.5), hot="1")
        asked = sum("rooms" in a.path for a in sandbox.log)
    assert result.reason == "rate_limited"
    assert asked in (2, 3)


def moments(sandbox: Sandbox, path: str) -> list[float]:
    """When it was asked for something."""
    return [asked.time for asked in sandbox.log if asked.path.startswith(path)]


def apart(moments: list[float]) -> list[float]:
    return [later - sooner for sooner, later in pairwise(moments)]


UNSAID = Faults(rate=1, kinds=("status_429",), retry_after="")


def test_a_429_that_does_not_say_for_how_long_pauses_the_host_longer_and_longer() -> None:
    faults = msgspec.structs.replace(UNSAID, only="rooms", in_a_row=3)
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, SATCHEL_PAUSE=0.2, RETRY_TIMES=1)
        result = crawl("recnet-rooms", settings, ids="8200", include="tags")
        asked = moments(sandbox, "/rooms/8200")
    assert (result.reason, len(result.items)) == ("finished", 1)
    assert result.stats["satchel/refusals"] == 3
    assert "satchel/error_answers" not in result.stats
    assert all(gap >= least for gap, least in zip(apart(asked), (0.2, 0.4, 0.8), strict=True))


def test_what_refuses_for_too_long_without_saying_so_ends_the_crawl() -> None:
    faults = msgspec.structs.replace(UNSAID, only="rooms", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, SATCHEL_PAUSE=0.2, SATCHEL_MAX_WAIT=1)
        result = crawl("recnet-rooms", settings, hot="1")
        asked = len(moments(sandbox, "/rooms/hot"))
    assert result.reason == "rate_limited"
    assert asked in (2, 3)  # after 0, 0.2 and 0.6 seconds; the next pause would end after 1.4


def test_one_address_that_refuses_without_saying_for_how_long_is_given_up() -> None:
    """Others are answered between its refusals, and do not make it come back sooner."""
    faults = msgspec.structs.replace(UNSAID, only="/rooms/8200", in_a_row=None)
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(
            sandbox.url, SATCHEL_PAUSE=0.1, SATCHEL_MAX_WAIT=1, SATCHEL_RATES={"*": "20/second"}
        )
        result = crawl("recnet-rooms", settings, hot="1", include="tags")
        asked = moments(sandbox, "/rooms/8200?")
    assert (result.reason, len(result.items)) == ("finished", 29)
    assert result.stats["satchel/error_answers"] == 1
    # 0.1, 0.2, 0.4, then 0.6 as often as it takes to come to twice the longest wait.
    assert all(gap >= least for gap, least in zip(apart(asked), (0.1, 0.2, 0.4), strict=False))
    assert 4 <= len(asked) <= 7


def test_one_address_that_always_refuses_is_given_up() -> None:
    """Others are answered between its refusals."""
    faults = Faults(rate=1, kinds=REFUSALS, in_a_row=None, only="/rooms/8200")
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, SATCHEL_MAX_WAIT=1.8, SATCHEL_RATES={"*": "8/second"})
        result = crawl("recnet-rooms", settings, hot="1", include="tags")
        asked = sum(a.path.startswith("/rooms/8200?") for a in sandbox.log)
    assert result.reason == "finished"
    assert 3 <= asked <= 4
    assert len(result.items) == 29
    assert result.stats["satchel/error_answers"] == 1


def test_a_bare_403_is_not_asked_again() -> None:
    faults = Faults(rate=1, kinds=("forbidden",), in_a_row=None, only="/rooms/8200")
    with running_sandbox(faults=faults) as sandbox:
        result = crawl("recnet-rooms", by_url(sandbox.url), ids="8200,8201", include="tags")
        asked = sum(a.path.startswith("/rooms/8200") for a in sandbox.log)
    assert result.reason == "finished"
    assert asked == 1
    assert result.stats["satchel/error_answers"] == 1


def test_a_pause_holds_for_other_crawls_too(tmp_path: Path) -> None:
    faults = Faults(rate=1, kinds=REFUSALS, in_a_row=None, only="rooms", retry_after="50")
    with running_sandbox(faults=faults) as sandbox:
        settings = by_url(sandbox.url, SATCHEL_STATE=str(tmp_path), SATCHEL_MAX_WAIT=10)
        assert crawl("recnet-rooms", settings, hot="1").reason == "rate_limited"
        sandbox.log.clear()
        sandbox.faults = Faults()
        # It knows without asking.
        assert crawl("recnet-rooms", settings, hot="1").reason == "rate_limited"
        assert not [a for a in sandbox.log if "rooms" in a.path]


def test_ctrl_c_during_a_pause_ends_soon_and_a_job_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", ["SATCHEL_STATE = ''", "SATCHEL_RATES = {'*': 'off'}"])
    faults = Faults(rate=1, kinds=REFUSALS, in_a_row=None, only="skip=5", retry_after="500")
    with running_sandbox(faults=faults) as sandbox:
        command = [
            str(Path(sys.executable).with_name("scrapy")), "crawl", "recnet-rooms",
            "-s", f"SATCHEL_RECNET_URL={sandbox.url}", "-s", "SATCHEL_RECNET_PAGE_SIZE=5",
            "-s", "JOBDIR=job", "-a", "hot=1",
        ]  # fmt: skip
        environment = {**os.environ, "SATCHEL_STORE": "sqlite:///x.db"}
        first = subprocess.Popen(
            command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
        )
        assert first.stderr is not None
        for line in first.stderr:
            if "not asked again for 500 seconds" in line:
                break
        time.sleep(0.5)
        first.send_signal(signal.SIGINT)
        rest = first.communicate(timeout=30)[1]
        assert "shutdown" in rest
        sandbox.faults = Faults()
        again = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert "'item_scraped_count': 24" in again.stderr, again.stderr
