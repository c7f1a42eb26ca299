"""``schedule.toml``: what runs when, where, and what if. docs/scheduling.md describes each key."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Meta, Struct

from satchel import arguments, secrets, toml_lines
from satchel.config import PREFIX, Secret, owners_file
from satchel.errors import ConfigError, TimetableError, UsageError, did_you_mean
from satchel.schedule.crawls import refuse_relative
from satchel.spider import SatchelSpider

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

DURATION: Final = re.compile("".join(rf"(?:(\d{{1,12}}){unit})?" for unit in "dhms"), re.ASCII)
LONGEST: Final = 36_500 * 86400
"""Seconds; with far more, there is no date for what is due."""
T = TypeVar("T", bound=Struct)

_SECONDS: Final = (86400, 3600, 60, 1)


class Node(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A scrapyd.

    :ivar url: its address
    :ivar username: where it wants a password
    :ivar password_file: the file that has it, and that only its owner can read
    """

    url: Annotated[str, Meta(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")]
    username: str = ""
    password_file: str = ""

    def password(self) -> Secret | None:
        """The password.

        :raises ConfigError: its file cannot be read, or others can
        """
        if not self.password_file:
            return None
        return Secret(owners_file("password_file", self.password_file).strip())


class Run(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of the timetable. Times are texts such as ``90s``, ``10m``, ``1h30m``, ``2d``."""

    spider: str
    arguments: dict[str, str | int | float | bool] = {}
    settings: dict[str, Any] = {}
    version: str = ""
    cron: str = ""
    every: str = ""
    timezone: str = "UTC"
    jitter: str = "0s"
    nodes: list[str] = []
    overlap: Literal["skip", "queue", "cancel"] = "skip"
    missed: Literal["once", "skip", "all"] = "once"
    grace: str = "5m"
    longest: str = "1d"
    retries: Annotated[int, Meta(ge=0, le=100)] = 0
    retry_after: str = "10m"
    max_errors: Annotated[int, Meta(ge=0)] = 10
    least_share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    compared: Annotated[int, Meta(ge=0, le=100)] = 5

    def written_arguments(self) -> dict[str, str]:
        """The arguments as ``-a`` takes them."""
        return {name: _written(value) for name, value in self.arguments.items()}

    def written_settings(self) -> dict[str, str]:
        """The settings as ``-s`` takes them."""
        return {name: _written(value) for name, value in self.settings.items()}

    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def signature(self) -> str:
        """What its times depend on: where that changes, it begins anew."""
        return " ".join((self.cron, self.every, self.timezone))


class Timetable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file.

    :ivar project: what the eggs were deployed as
    :ivar lost_after: how long a node may be silent before its runs count as lost
    """

    nodes: dict[str, Node]
    runs: dict[str, Run]
    project: str = "satchel"
    lost_after: str = "10m"


class Checks(typing.NamedTuple):
    """What a timetable is held against.

    :ivar spiders: those that there are
    :ivar settings: refuses secrets, and unknown settings of satchel:
        :exc:`satchel.errors.ConfigError`
    :ivar secrets: the secrets that are configured here
    """

    spiders: Mapping[str, type]
    settings: Callable[[Mapping[str, Any]], object]
    secrets: Iterable[str]


def seconds(text: str) -> int:
    """A time such as ``1h30m`` in seconds.

    :raises ValueError: it is none, or too long
    """
    found = DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError("expected a time such as 90s, 10m, 1h30m or 2d")
    numbers = found.groups()
    total = sum(int(n or 0) * unit for n, unit in zip(numbers, _SECONDS, strict=True))
    if total > LONGEST:
        raise ValueError("expected at most 36500d")
    return total


def read(path: Path, checks: Checks) -> Timetable:
    """Read the file.

    :raises TimetableError: it cannot be read, or something in it makes no sense; with the line
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise TimetableError(f"{path}: {reason}; docs/scheduling.md has an example") from None
    try:
        content = toml_lines.loads(text)
    except ValueError as error:
        raise TimetableError(f"{path}, {error}") from None
    return _Reader(path, text, content, checks).timetable()


class _Reader:
    def __init__(self, path: Path, text: str, content: dict[str, Any], checks: Checks) -> None:
        self._path = path
        self._text = text
        self._content = content
        self._checks = checks

    def timetable(self) -> Timetable:
        known = {*Timetable.__struct_fields__, "timezone", "defaults"}
        for name in self._content:
            if name not in known:
                self._fail((name,), f"no such key{did_you_mean(name, known)}")
        nodes = {name: self._node(name) for name in self._table("nodes")}
        if not isinstance(self._content.get("defaults", {}), dict):
            self._fail(("defaults",), "expected a table, [defaults]")
        runs = {name: self._run(name, nodes) for name in self._table("runs")}
        plain = {k: v for k, v in self._content.items() if k in ("project", "lost_after")}
        self._duration((), plain, "lost_after")
        return self._convert((), {**plain, "nodes": nodes, "runs": runs}, Timetable)

    def _table(self, name: str) -> dict[str, Any]:
        found = self._content.get(name)
        if not isinstance(found, dict) or not found:
            self._fail((name,), f"expected at least one [{name}.NAME]")
        for key in found:
            if not NAME.fullmatch(key):
                self._fail((name, key), "expected a name of letters, digits, - and _")
        return found

    def _node(self, name: str) -> Node:
        given = self._content["nodes"][name]
        path = ("nodes", name)
        node = self._convert(path, {"url": given} if isinstance(given, str) else given, Node)
        try:
            node.password()
        except ConfigError as error:
            self._fail((*path, "password_file"), str(error))
        if bool(node.username) != bool(node.password_file):
            self._fail(path, "username and password_file belong together")
        return node

    def _run(self, name: str, nodes: Mapping[str, Node]) -> Run:
        path = ("runs", name)
        defaults = {k: v for k, v in self._content.items() if k == "timezone"}
        defaults |= self._content.get("defaults", {})
        given = self._content["runs"][name]
        if not isinstance(given, dict):
            self._fail(path, f"expected a table, [runs.{name}]")
        run = self._convert(path, {**defaults, **given}, Run)
        for key in ("jitter", "grace", "longest", "retry_after"):
            self._duration(path, {key: getattr(run, key)}, key)
        self._check_times(path, run)
        for node in run.nodes:
            if node not in nodes:
                self._fail((*path, "nodes"), f"there is no node {node}{did_you_mean(node, nodes)}")
        self._check_spider(path, run)
        self._check_settings(path, run)
        return run

    def _check_times(self, path: tuple[str, ...], run: Run) -> None:
        try:
            zone = run.zone()
        except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            self._fail((*path, "timezone"), f"no time zone {run.timezone}")
        if bool(run.cron) == bool(run.every):
            self._fail(path, "expected one of cron and every")
        if run.every:
            self._duration(path, {"every": run.every}, "every")
            if not seconds(run.every):
                self._fail((*path, "every"), "expected a time above 0")
        if run.cron:
            self._check_cron((*path, "cron"), run.cron, zone)

    def _check_cron(self, path: tuple[str, ...], cron: str, zone: ZoneInfo) -> None:
        words = "expected five fields: minute hour day-of-month month day-of-week"
        if len(cron.split()) != 5:
            self._fail(path, words)
        try:
            next(CronSim(cron, datetime.now(UTC).astimezone(zone)))
        except CronSimError as error:
            self._fail(path, f"{error}; {words}")
        except StopIteration:
            self._fail(path, "this never comes")

    def _check_spider(self, path: tuple[str, ...], run: Run) -> None:
        known = self._checks.spiders
        if run.spider not in known:
            words = f"no spider {run.spider}{did_you_mean(run.spider, known)}"
            self._fail((*path, "spider"), f"{words} ({', '.join(sorted(known))})")
        given = run.written_arguments()
        cls = known[run.spider]
        try:
            secrets.refuse(run.spider, given, self._checks.secrets)
            if issubclass(cls, SatchelSpider):
                # What is in a file is known on the node only.
                here = {k: v for k, v in given.items() if not v.startswith("@")}
                arguments.read(run.spider, cls.arguments, here)
        except UsageError as error:
            self._fail((*path, "arguments"), str(error))

    def _check_settings(self, path: tuple[str, ...], run: Run) -> None:
        for name, value in run.written_settings().items():
            hidden = (s for s in self._checks.secrets if len(s) >= secrets.LEAST)
            inside = secrets.has_password(value) or any(secret in value for secret in hidden)
            if not name.startswith(PREFIX):  # The types of satchel's own say what is secret.
                inside = inside or any(secrets.within(_structure(value)))
            if secrets.looks_secret(name) or "password" in value.lower() or inside:
                self._fail((*path, "settings"), f"{name}=…: a secret is no setting of a job: "
                           f"{secrets.ADVICE}")  # fmt: skip
        try:
            self._checks.settings(run.settings)
            refuse_relative(run.written_settings().get("SATCHEL_STORE", ""))
        except ConfigError as error:
            self._fail((*path, "settings"), str(error))

    def _duration(self, path: tuple[str, ...], given: Mapping[str, Any], key: str) -> None:
        try:
            seconds(str(given.get(key, "0s")))
        except ValueError as error:
            self._fail((*path, key), str(error))

    def _convert(self, path: tuple[str, ...], given: Any, kind: type[T]) -> T:
        try:
            return msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            words, _, where = str(error).partition(" - at `$")
            key = re.match(r"\.(\w+)", where) or re.search(r"unknown field `(\w+)`", words)
            words = re.sub(r"Object contains unknown field `\w+`", "no such key", words)
            words = re.sub(r"Object missing required field `(\w+)`", r"\1 is missing", words)
            if words == "no such key" and key:
                words += did_you_mean(key[1], kind.__struct_fields__)
            words = re.sub("matching regex.*", "that is an http(s):// address", words)
            words = words.replace("`", "").replace("Expected str", "expected text")
            self._fail((*path, key[1]) if key else path, words[:1].lower() + words[1:])

    def _fail(self, path: tuple[str, ...], words: str) -> typing.NoReturn:
        # It may be one of the defaults, or missing.
        places = (path, ("defaults", *path[-1:]), path[-1:], path[:2], path[:1])
        line = next(filter(None, (toml_lines.line_of(self._text, place) for place in places)), 1)
        raise TimetableError(f"{self._path}, line {line}: {'.'.join(path)}: {words}")


def _structure(text: str) -> Any:
    """What a text is as JSON; ``None``: it is none."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
