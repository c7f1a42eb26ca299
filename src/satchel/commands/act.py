"""``satchel act``: actions that are proposed, sent and looked back on."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import Struct
from msgspec.structs import fields
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.settings import get_settings_priority

from satchel import toml_lines
from satchel.actions import OPEN, Action, Proposal, Reference, State
from satchel.commands import config, project_settings, reader, services
from satchel.errors import ActionError, UsageError, did_you_mean
from satchel.executor import Executor, Step
from satchel.outbox import Outbox
from satchel.plans import described, table
from satchel.proposals import Proposals, near
from satchel.script import SETTINGS, Engine
from satchel.tables import Row

_INCOMPLETE: Final = 3
"""The exit status where something that was to be done was not, as a crawl's."""

_RESOLUTIONS: Final = {
    "done": (State.DONE, {State.UNKNOWN, State.SENDING}),
    "failed": (State.FAILED, {State.UNKNOWN, State.SENDING}),
    "again": (
        State.PROPOSED,
        {State.UNKNOWN, State.SENDING, State.REFUSED, State.FAILED, State.VETOED, State.WITHDRAWN},
    ),
    "withdrawn": (State.WITHDRAWN, set(OPEN)),
}
"""What a person may say → the state that this leads to, and those that it leads from."""


@click.group()
def act() -> None:
    """Actions: what changes something on a server.

    They are proposed by plugins, spiders and persons, and sent by a crawl or by 'satchel act run',
    if SATCHEL_ACTIONS=on. The database of the SATCHEL_STORE setting keeps them: docs/actions.md.
    """


# Proposing


class _Given(Struct, forbid_unknown_fields=True):
    """An action in a file."""

    kind: str
    parameters: dict[str, Any] = {}
    reason: str = ""
    proposal: str = ""


class _File(Struct, forbid_unknown_fields=True):
    action: list[_Given] = []


@act.command()
@click.argument("kind", required=False)
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]…")
@click.option("--file", "path", metavar="FILE", help="Propose what it lists; -: standard input.")
@click.option("--reason", default="", help="Why; it is kept.")
@click.option("--proposal", default="", metavar="NAME", help="What has this name is done once.")
def propose(
    kind: str | None, parameters: tuple[str, ...], path: str | None, reason: str, proposal: str
) -> None:
    """Propose an action of a KIND ('satchel act kinds' lists them).

    FILE has one JSON object a line, {"kind": …, "parameters": {…}, "reason": …, "proposal": …}, or
    is TOML (*.toml) with the same in [[action]]. It is proposed as a whole, or not at all.
    """
    if (kind is None) == (path is None):
        raise UsageError("satchel act propose: give a KIND or a --file")
    if path is not None:
        if parameters or reason or proposal:
            raise UsageError("--file: parameters, reasons and names stand in the file")
        given = list(_read(path))
    else:
        assert kind is not None
        given = [(str, _Given(kind, _pairs(parameters), reason, proposal))]
    known, rows = _proposals(), []
    for place, one in given:
        try:
            rows.append(_row(known, one))
        except ActionError as error:
            raise ActionError(f"{place()}{error}") from None
    with closing(_outbox()) as outbox:
        outbox.make()
        ids = outbox.add(rows)
    for id_ in ids:
        click.echo(id_)
    if known_already := len(rows) - len(ids):
        click.echo(f"{known_already} proposed before, by that name", err=True)


def _row(known: Proposals, given: _Given) -> Row:
    action = known.action(given.kind, given.parameters)
    name = given.proposal or secrets.token_hex(6)
    for field in fields(type(action)):
        reference = getattr(action, field.name) if field.type == Reference else None
        if reference and not os.environ.keys() & {reference, f"{reference}_FILE"}:
            # It is not repeated, since it may be the secret itself.
            raise ActionError(
                f"{given.kind}: {field.name}: expected the name of an environment variable that is "
                f"set, or NAME where NAME_FILE is"
            )
    return known.row(Proposal(action, reason=given.reason, name=name, by=_person()))


def _person() -> str:
    try:
        return f"person {getpass.getuser()}"
    except (KeyError, OSError):  # Containers may run as a user without a name.
        return f"person uid {os.getuid()}"


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{name}: expected NAME=VALUE")
        if name in found:
            raise UsageError(f"{name}: it is given twice")
        found[name] = value
    return found


def _read(path: str) -> Iterator[tuple[Callable[[], str], _Given]]:
    """What a file proposes: (what says where it stands, the action)."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = raw.decode()
    except OSError as error:
        raise UsageError(f"--file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--file {path}: not a text file") from None
    if path.endswith(".toml"):
        try:
            found = toml_lines.read(text, _File).action
        except ValueError as error:
            raise UsageError(f"{path}, {error}") from None
        for number, one in enumerate(found):
            yield partial(_place, path, text, number), one
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            place = f"{path}, line {number}: "
            try:
                yield partial(str, place), msgspec.json.decode(line, type=_Given)
            except msgspec.DecodeError as error:
                raise UsageError(f"{place}{error}") from None


def _place(path: str, text: str, number: int) -> str:
    return f"{path}, line {toml_lines.line_of(text, ('action', number))}: "


@act.command()
def kinds() -> None:
    """List the kinds of actions, and their parameters."""
    console = Console(highlight=False)
    for name, kind in sorted(_proposals().kinds.items()):
        marks = [f"as {kind.role}" if kind.role else "as nobody"]
        if kind.sensitive:
            marks.append("only if SATCHEL_ACTIONS_ALLOW names it")
        console.print(Text.assemble((name, "bold"), f"  {', '.join(marks)}"), soft_wrap=True)
        console.print(Text(f"    {(kind.__doc__ or '').splitlines()[0]}"), soft_wrap=True)
        console.print(Text(f"    {_usage(kind)}"), soft_wrap=True)


def _usage(kind: type[Action]) -> str:
    words = (f"{field.name}=…" if field.required else f"[{field.name}=…]" for field in fields(kind))
    return " ".join(words)


# Running


@act.command()
@click.option("--dry-run", is_flag=True, help="Send nothing, also with SATCHEL_ACTIONS=on.")
@click.option("--wait", default=30.0, metavar="SECONDS", show_default=True,
              help="How long to wait for another process that sends them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def run(dry_run: bool, wait: float, as_json: bool) -> None:
    """Send what is proposed, in order; without SATCHEL_ACTIONS=on, show what would be sent.

    The exit status is 0 if nothing is left over, and 3 if something was held or not done.
    """
    logging.basicConfig(format="satchel: %(message)s", level=logging.WARNING)
    logging.getLogger("satchel.executor").setLevel(logging.INFO)
    logging.getLogger("scrapy").setLevel(logging.ERROR)
    settings = config()
    with closing(_outbox()) as outbox:
        if not outbox.exists():
            outbox.make()
        if dry_run or settings.actions == "off":
            _print_plan(asyncio.run(_plan(outbox)), as_json, asked=dry_run)
            return
        results = asyncio.run(_send(outbox, wait))
    _print_results(results, as_json)
    if set(results) - {State.DONE, State.VETOED}:
        sys.exit(_INCOMPLETE)


_OF_REQUESTS: Final = (
    "SATCHEL_", "CONCURRENT_", "DEFAULT_REQUEST_HEADERS", "DOWNLOADER_", "DOWNLOAD_DELAY",
    "DOWNLOAD_SLOTS", "DOWNLOAD_TIMEOUT", "HTTPPROXY_", "RETRY_", "ROBOTSTXT_", "USER_AGENT",
)  # fmt: skip
"""What the names of a project's settings begin with that are about requests: its pipelines, feeds
and extensions have nothing to do here."""


def _engine_settings() -> dict[str, Any]:
    settings = project_settings()
    own = get_settings_priority("project")
    return {
        name: value
        for name, value in settings.items()
        if (settings.getpriority(name) or 0) >= own
        and name.startswith(_OF_REQUESTS)
        and name not in SETTINGS
    }


async def _plan(outbox: Outbox) -> list[Step]:
    engine = await Engine.start(_engine_settings())
    executor = Executor(engine.crawler, outbox)
    try:
        return await executor.plan()
    finally:
        executor.close()
        await engine.stop()


async def _send(outbox: Outbox, seconds: float) -> Counter[State]:
    engine = await Engine.start(_engine_settings())
    executor = Executor(engine.crawler, outbox)
    try:
        async with executor.alone(seconds) as alone:
            if not alone:
                raise UsageError(
                    f"another process has sent the actions of this database for {seconds:g} "
                    f"seconds; let it end, or wait for it longer (--wait)"
                )
            await executor.work()
            await executor.settle()
        return executor.results
    finally:
        executor.close()
        await engine.stop()


def _print_plan(steps: list[Step], as_json: bool, *, asked: bool) -> None:
    if as_json:
        for step in steps:
            click.echo(json.dumps(described(step), ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not steps:
        console.print("nothing is proposed")
        return
    console.print(table(steps))
    how = "" if asked else "; SATCHEL_ACTIONS=on sends them"
    console.print(f"\nA dry run: nothing was sent{how}.", markup=False)


def _print_results(results: Mapping[State, int], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dict(results)))
    elif not results:
        click.echo("nothing to send")
    for state, number in () if as_json else results.items():
        click.echo(f"{number:>7,}  {state}")


# The audit


@act.command("list")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only these.")
@click.option("--kind", "of_kinds", multiple=True, metavar="KIND", help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The last N.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, all columns.")
def list_(states: tuple[str, ...], of_kinds: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List actions: what was proposed, and what became of it."""
    for state in states:
        if state not in set(State):
            meant = did_you_mean(state, State)
            raise UsageError(f"--state {state}: no such state{meant} ({', '.join(State)})")
    with closing(_outbox()) as outbox:
        rows = outbox.listed(states=states, kinds=of_kinds, limit=limit) if outbox.exists() else []
        counts = outbox.counts() if rows else {}
    if as_json:
        for row in rows:
            click.echo(_as_json(row))
        return
    if not rows:
        known = _proposals().kinds if of_kinds else {}
        for kind in of_kinds:
            if kind not in known:
                raise UsageError(
                    f"--kind {kind}: no such kind{near(kind, known)} "
                    f"('satchel act kinds' lists all)"
                )
        click.echo("no actions")
        return
    found = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("action", "state", "what", "who"):
        found.add_column(name, overflow="fold")
    for row in rows:
        what = (f"{row['kind']}: {row['target']}", row["note"])
        who = (f"by {row['proposed_by']}", row["account"] and f"as {row['account']}")
        lines = ("\n".join(filter(None, words)) for words in (what, who))
        found.add_row(*map(Text, (str(row["id"]), row["state"], *lines)))
    console = Console(highlight=False)
    console.print(found)
    console.print(", ".join(f"{number:,} {state}" for state, number in sorted(counts.items())))


@act.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(id_: int, as_json: bool) -> None:
    """Show an action, and all that happened to it."""
    with closing(_outbox()) as outbox:
        row = _one(outbox, id_)
        events = outbox.events(id_)
    if as_json:
        click.echo(_as_json({**row, "events": events}))
        return
    console = Console(highlight=False)
    for name, value in row.items():
        if value not in (None, ""):
            console.print(Text.assemble((f"{name:<12}", "bold"), f" {value}"), soft_wrap=True)
    console.print()
    for event in events:
        words = (str(event["at"])[:19], event["state"], event["by"] and f"by {event['by']}",
                 event["account"] and f"as {event['account']}", event["note"])  # fmt: skip
        console.print(Text("  ".join(filter(None, words))), soft_wrap=True)


@act.command()
@click.argument("ids", metavar="ID…", nargs=-1, required=True, type=int)
@click.argument("resolution", metavar="OUTCOME", type=click.Choice(list(_RESOLUTIONS)))
@click.option("--note", default="", help="How you know; it is kept.")
def resolve(ids: tuple[int, ...], resolution: str, note: str) -> None:
    """Say what became of an action, or of several.

    OUTCOME is done or failed, where nobody else could know; withdrawn, of what was not sent yet; or
    again, to have something proposed anew that was not done. If one cannot become that, none does.
    """
    state, before = _RESOLUTIONS[resolution]
    with closing(_outbox()) as outbox, outbox.alone(0) as alone:
        if not alone:
            raise UsageError("another process sends the actions of this database; wait for its end")
        rows = [_one(outbox, id_) for id_ in dict.fromkeys(ids)]
        for row in rows:
            if row["state"] not in before:
                raise UsageError(
                    f"action {row['id']} is {row['state']}, which cannot become {resolution}"
                )
        for row in rows:
            outbox.change(row, state, note, by=_person(), attempts=0)


def _one(outbox: Outbox, id_: int) -> Row:
    row = outbox.one(id_) if outbox.exists() else None
    if row is None:
        raise UsageError(f"no action {id_} ('satchel act list' lists the last)")
    return row


def _as_json(row: Row) -> str:
    return json.dumps(row, default=str, ensure_ascii=False)


def _outbox() -> Outbox:
    url = config().store
    if not url:
        raise UsageError("SATCHEL_STORE is empty: actions are kept in a database")
    return Outbox(url)


def _proposals() -> Proposals:
    found = services(project_settings())
    known = reader()
    return Proposals(found, {s.name: s.address(known.service(s)) for s in found})
