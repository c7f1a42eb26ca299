"""``satchel jobs``: what the scrapyd nodes of a timetable do and did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from satchel.commands import config, console, timetable_checks
from satchel.errors import SatchelError, UsageError

if TYPE_CHECKING:
    from satchel.history import Crawl
    from satchel.schedule.nodes import Job, Look
    from satchel.schedule.runs import Run
    from satchel.schedule.timetable import Timetable

TAIL: Final = 16_384
"""Bytes of a log's end that are shown, at most."""


@dataclass
class Row:
    """A job as it is shown. Times are local, ISO 8601.

    :ivar state: ``pending``, ``running``, ``finished``, or what ``satchel schedule`` says of a run
        that no node has: ``waiting``, ``skipped``, …
    """

    job: str
    spider: str
    node: str
    state: str
    verdict: str = ""
    why: str = ""
    reason: str = ""
    items: int | None = None
    errors: int | None = None
    started: str = ""
    seconds: float | None = None


@click.group(invoke_without_command=True)
@click.option(
    "--file", type=click.Path(path_type=Path), default=Path("schedule.toml"), show_default=True,
    help="The timetable, which names the nodes.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="Jobs to list."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def jobs(context: click.Context, file: Path, limit: int, as_json: bool) -> None:
    """List the jobs on all nodes, the last ones first, and the next runs."""
    context.obj = file
    if context.invoked_subcommand is None:
        found = _Jobs(file)
        found.look()
        rows = found.rows()[:limit]
        found.add_figures(rows)
        if as_json:
            content = {
                "jobs": [asdict(row) for row in rows],
                "next": found.next(),
                "silent": found.troubles,
            }
            click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        else:
            _print(rows, found)


@jobs.command()
@click.argument("id_", metavar="ID")
@click.option("--lines", type=click.IntRange(0), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(context: click.Context, id_: str, lines: int, as_json: bool) -> None:
    """Show a job, and the end of its log."""
    found = _Jobs(context.obj)
    found.look(log_of=id_)
    row = next((row for row in found.rows() if row.job == id_), None)
    if row is None:
        raise UsageError(f"no job {id_}: no node has it, and the timetable did not start it")
    found.add_figures([row])
    tail = found.log.splitlines()[-lines:] if lines else []
    if as_json:
        click.echo(json.dumps({**asdict(row), "log": tail}, indent=2, ensure_ascii=False))
        return
    out = console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in asdict(row).items():
        if value not in (None, ""):
            table.add_row(name, Text(str(value)))
    out.print(table)
    for line in tail:
        out.print(Text(line), soft_wrap=True)


class _Jobs:
    """All that is known of the jobs.

    :ivar log: the end of the log that was asked for
    :ivar troubles: node → why it does not answer
    """

    def __init__(self, file: Path) -> None:
        checks = timetable_checks()
        from satchel.schedule.timetable import read

        self.timetable: Timetable = read(file, checks)
        self.log = ""
        self.troubles: dict[str, str] = {}
        self._looks: Mapping[str, Look] = {}
        self._config = config()
        self._runs = self._remembered()

    def look(self, log_of: str = "") -> None:
        """Ask the nodes."""
        asyncio.run(self._look(log_of))

    async def _look(self, log_of: str) -> None:
        from satchel.schedule.nodes import Nodes

        async with Nodes() as nodes:
            self._looks = await nodes.look(self.timetable)
            self.troubles = dict(nodes.troubles)
            for name, look in self._looks.items():
                if (job := look.jobs.get(log_of)) and job.log:
                    try:
                        self.log = await nodes.log(self.timetable.nodes[name], job.log, TAIL)
                    except SatchelError as error:
                        click.echo(f"satchel: node {name}: no log: {error}", err=True)

    def _remembered(self) -> dict[str, Run]:
        """The runs of ``satchel schedule`` on this machine."""
        from satchel.schedule.runs import Runs, State, path_in

        if not self._config.state or not (path := path_in(self._config.state)).exists():
            return {}
        runs = Runs(path)
        try:
            return {run.id: run for run in runs.all(*State)}
        finally:
            runs.close()

    def rows(self) -> list[Row]:
        """A row for each job and run; what goes on first, then the last first."""
        seen = [(name, job) for name, look in self._looks.items() for job in look.jobs.values()]
        rows = [_of_job(node, job) for node, job in seen]
        known = {row.job for row in rows}
        rows += [_of_run(run) for run in self._runs.values() if run.id not in known]
        order = {"running": 0, "pending": 1, "waiting": 1}
        rows.sort(key=lambda row: row.started, reverse=True)
        return sorted(rows, key=lambda row: order.get(row.state, 2))

    def add_figures(self, rows: list[Row]) -> None:
        """Add what the timetable and the store know of these."""
        crawls = self._crawls({row.job for row in rows})
        for row in rows:
            if run := self._runs.get(row.job):
                row.verdict, row.why = run.verdict, run.why
            if crawl := crawls.get(row.job):
                row.verdict = row.verdict or crawl.verdict or ""
                row.reason, row.errors = crawl.finish_reason or "", crawl.errors
                row.items = sum(crawl.items.values()) if crawl.items is not None else None

    def _crawls(self, ids: set[str]) -> dict[str, Crawl]:
        from satchel.schedule.crawls import of_jobs

        stores = {run.store or "" for run in self._runs.values()} | {self._config.store}
        found: dict[str, Crawl] = {}
        for store in filter(None, stores):
            try:
                found |= of_jobs(store, sorted(ids))
            except SatchelError as error:
                click.echo(f"satchel: {error}", err=True)
        return found

    def next(self) -> list[dict[str, str]]:
        """The next run of each entry."""
        from satchel.schedule.dues import dues

        now = datetime.now(UTC).timestamp()
        found = [
            (due, name) for name, run in self.timetable.runs.items()
            for due in islice(dues(run, now), 1)
        ]  # fmt: skip
        return [{"run": name, "due": _iso(due)} for due, name in sorted(found)]


def _of_job(node: str, job: Job) -> Row:
    row = Row(job.id, job.spider, node, job.state, started=job.start[:19].replace(" ", "T"))
    if job.end:
        begun, ended = datetime.fromisoformat(job.start), datetime.fromisoformat(job.end)
        row.seconds = round((ended - begun).total_seconds(), 1)
    return row


def _of_run(run: Run) -> Row:
    state = run.verdict if run.verdict == "skipped" else run.state
    row = Row(run.id, run.spider, run.node, str(state), started=_iso(run.sent or run.due))
    if run.started and run.ended:
        row.seconds = round(run.ended - run.started, 1)
    return row


def _print(rows: list[Row], found: _Jobs) -> None:
    out = console()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("job", "node", "state", "outcome", "started"):
        table.add_column(name, no_wrap=name != "outcome", overflow="fold")
    for name in ("items", "errors", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        outcome = row.why or row.verdict or row.reason
        began = row.started[5:16].replace("T", " ")
        took = "" if row.seconds is None else f"{row.seconds:,.0f} s"
        words = (row.job, row.node, row.state, outcome, began)
        table.add_row(*map(Text, words), *map(_number, (row.items, row.errors)), took)
    out.print(table if rows else Text("no jobs"))
    for name, trouble in found.troubles.items():
        out.print(Text(f"node {name}: {trouble}", "red"), soft_wrap=True)
    for following in found.next():
        out.print(Text(f"next: {following['due']}  {following['run']}"), soft_wrap=True)


def _number(number: Any) -> str:
    return "" if number is None else f"{number:,}"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment).isoformat(timespec="seconds")
