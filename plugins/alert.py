"""Tells somebody of scheduled jobs that failed: set ``SATCHEL_ALERT_URL``, as a webhook has it."""

from __future__ import annotations

from typing import Annotated

import aiohttp
from msgspec import Meta, Struct

from satchel import JobInfo, SatchelError, Secret, hookimpl


class Settings(Struct, frozen=True, kw_only=True):
    url: Annotated[
        Secret | None,
        Meta(
            description="Secret. An address that gets a POST for each scheduled job that failed "
            "and is not tried again: its figures as JSON, with a line for people as `text`."
        ),
    ] = None

    @property
    def enabled(self) -> bool:
        return self.url is not None


@hookimpl
def satchel_settings() -> type[Struct]:
    """Whom to tell."""
    return Settings


@hookimpl
async def satchel_job_finished(job: JobInfo, settings: Settings) -> None:
    """Tell of a failure that is not mended by itself."""
    if settings.url is None or not (text := _text(job)):
        return
    message = {
        "text": text,
        "job": job.id,
        "run": job.name,
        "spider": job.spider,
        "node": job.node,
        "due": job.due.isoformat(),
        "attempt": job.attempt,
        "why": job.why,
        "items": job.items,
        "errors": job.errors,
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.post(settings.url.reveal(), json=message) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        # The address may be the secret, and is in the text of some of these.
        raise SatchelError(f"SATCHEL_ALERT_URL: {type(error).__name__}") from None
    if status >= 400:
        raise SatchelError(f"SATCHEL_ALERT_URL: the answer was {status}")


def _text(job: JobInfo) -> str:
    """A line for people; empty: there is nothing that they have to know."""
    if job.verdict == "failed" and job.again is None:
        return f"{job.id} failed{f' on {job.node}' if job.node else ''}: {job.why}"
    if job.verdict == "skipped" and job.attempt > 1:
        return f"{job.id}: what had failed was not tried again: {job.why}"
    return ""
