"""Tells the plugins what runs came to: there is no crawl, so nothing of one is at hand."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
from time import perf_counter

from msgspec import Struct

from satchel.calls import contained
from satchel.hooks import Plugins, log_call, one_line
from satchel.hookspecs import JobInfo

logger = logging.getLogger(__name__)

HOOK = "satchel_job_finished"


class Telling:
    """Calls ``satchel_job_finished``.

    :param settings: plugin → its settings; one whose settings have ``enabled`` false is not called
    :param seconds: how long one call may take
    :param trace: log each call, and its time
    """

    def __init__(
        self,
        plugins: Plugins,
        settings: Mapping[str, Struct],
        seconds: float,
        *,
        trace: bool = False,
    ) -> None:
        self._trace = trace
        self._impls = plugins.implementations(HOOK)
        self._settings = settings
        self._seconds = seconds

    async def finished(self, job: JobInfo) -> None:
        """Tell all plugins; what one of them does wrong is logged."""
        for impl in self._impls:
            settings = self._settings.get(impl.plugin_name)
            if getattr(settings, "enabled", True) is False:
                continue
            given, started = {"job": job, "settings": settings}, perf_counter()
            try:
                result = impl.function(**{name: given[name] for name in impl.argnames})
                if inspect.isawaitable(result):
                    await asyncio.wait_for(contained(result), self._seconds)
            except TimeoutError:
                logger.error("plugin %s: %s took too long", impl.plugin_name, HOOK)
            except (Exception, SystemExit) as error:
                words = (impl.plugin_name, HOOK, job.id, one_line(error))
                logger.error("plugin %s: %s failed at %s: %s", *words, exc_info=error)
            finally:
                if self._trace:
                    log_call(impl.plugin_name, HOOK, f" at {job.id}", started)
