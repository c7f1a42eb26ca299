"""``satchel schedule``: starts jobs on scrapyd nodes when they are due."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from satchel.commands import config, console, timetable_checks

if TYPE_CHECKING:
    from satchel.schedule.runs import Runs
    from satchel.schedule.timetable import Timetable


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("schedule.toml"))
@click.option("--check", is_flag=True, help="Read FILE, say what is wrong with it, and end.")
@click.option("--list", "list_", is_flag=True, help="List the next runs, in local time, and end.")
@click.option("--once", is_flag=True, help="Start what is due now, and end.")
@click.option("--dry-run", is_flag=True, help="Say what would be started, and start nothing.")
def schedule(file: Path, check: bool, list_: bool, once: bool, dry_run: bool) -> None:
    """Start jobs on scrapyd nodes as the timetable FILE says.  [default: schedule.toml]

    It goes on until it is interrupted, and reads FILE again when that changes. What it has started
    is remembered in SATCHEL_STATE, and judged by what is in SATCHEL_STORE.
    """
    load = _loader(file)
    timetable = load()
    assert timetable is not None
    if check:
        runs, nodes = len(timetable.runs), len(timetable.nodes)
        click.echo(f"{file}: all right; runs: {runs}, nodes: {nodes}")
    elif list_:
        _list(timetable)
    else:
        _keep(file, once=once, dry=dry_run)


def _loader(file: Path) -> Callable[[], Timetable | None]:
    """Reads the file if it has changed since the last time."""
    checks = timetable_checks()
    from satchel.schedule.timetable import read

    last: list[tuple[int, ...]] = []

    def load() -> Timetable | None:
        stamp: tuple[int, ...] = ()
        with contextlib.suppress(OSError):  # Reading it will say so.
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if last == [stamp] and stamp:
            return None
        last[:] = [stamp]
        return read(file, checks)

    return load


def _list(timetable: Timetable, number: int = 3) -> None:
    from satchel.schedule.dues import dues
    from satchel.schedule.timetable import seconds

    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("next", "run", "spider", "when"):
        table.add_column(column, overflow="fold")
    now = datetime.now(UTC).timestamp()
    rows = []
    for name, run in timetable.runs.items():
        late = f", up to {run.jitter} later" if seconds(run.jitter) else ""
        when = f"every {run.every}{late}" if run.every else f"{run.cron} {run.timezone}{late}"
        rows += [(due, name, run.spider, when) for due in islice(dues(run, now), number)]
    for due, *words in sorted(rows):
        local = datetime.fromtimestamp(due, UTC).astimezone()
        table.add_row(f"{local:%a %Y-%m-%d %H:%M:%S %Z}", *map(Text, words))
    console().print(table)


def _keep(file: Path, *, once: bool, dry: bool) -> None:
    from satchel.schedule.crawls import refuse_relative
    from satchel.schedule.runs import Runs, alone, path_in

    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.INFO)
    path = path_in(config().state)
    if not dry:
        refuse_relative(config().store)
    with contextlib.nullcontext() if dry else alone(path):
        runs = Runs(path)
        kept = runs.copy() if dry else runs
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(_run(file, kept, once=once, dry=dry))
        finally:
            kept.close()
            runs.close()


async def _run(file: Path, runs: Runs, *, once: bool, dry: bool) -> None:
    from satchel.commands import plugin_settings
    from satchel.schedule.clock import Clock
    from satchel.schedule.crawls import of_jobs
    from satchel.schedule.keeper import Keeper
    from satchel.schedule.nodes import Nodes
    from satchel.schedule.telling import Telling

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    settings, plugins = config(), plugin_settings()
    async with Nodes() as nodes:
        keeper = Keeper(
            _loader(file),
            runs,
            nodes,
            clock=Clock(),
            crawls=of_jobs,
            store=settings.store,
            telling=Telling(*plugins, settings.hook_seconds, trace=settings.trace_hooks),
            dry=dry,
        )
        if once:
            await keeper.round()
        keeper.say_next()
        if not once:
            await keeper.keep()
