"""What becomes of plugins that hear of scheduled jobs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from satchel import JobInfo, hookimpl
from satchel.hooks import Plugins
from satchel.schedule.telling import Telling
from satchel.testing import plugins

JOB = JobInfo(
    id="rooms-1", name="rooms", spider="s", due=datetime(2027, 3, 28, tzinfo=UTC), attempt=1,
    node="one", verdict="complete", why="", items=1, errors=0, again=None,
)  # fmt: skip


def fails(self: Any) -> None:
    raise RuntimeError("no")


def exits(self: Any) -> None:
    raise SystemExit(3)


async def exits_async(self: Any) -> None:
    raise SystemExit(3)


async def waits(self: Any) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("way", [fails, exits, exits_async, waits])
def test_one_that_fails_or_waits_is_logged_and_the_others_hear(
    caplog: pytest.LogCaptureFixture, way: Any
) -> None:
    caplog.set_level("INFO")
    heard: list[str] = []

    class Hears:
        @hookimpl
        def satchel_job_finished(self, job: JobInfo) -> None:
            heard.append(job.id)

    failing = type("Failing", (), {"satchel_job_finished": hookimpl(way)})
    with plugins(failing, Hears) as paths:
        asyncio.run(Telling(Plugins(paths, blocked=["alert"]), {}, 0.02, trace=True).finished(JOB))
    assert heard == ["rooms-1"]
    traced = [message for message in caplog.messages if message.endswith(" ms")]
    assert [line.split()[1:5] for line in traced] == [
        [f"{path}:", "satchel_job_finished", "at", "rooms-1"] for path in paths
    ]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith(f"plugin {paths[0]}: satchel_job_finished ")
