"""scrapyd's HTTP API: what its nodes have, and starting and cancelling jobs on them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout
from w3lib.http import basic_auth_header

from satchel.errors import ConfigError, SatchelError
from satchel.schedule.timetable import Node, Timetable

LOOK_SECONDS: Final = 20.0
"""How long a node may take to say what it has; starting "scrapy list" keeps it from answering."""

START_SECONDS: Final = 60.0


class Refused(SatchelError):
    """The node has answered that it does not do it."""


class NotReached(SatchelError):
    """The node was never asked: nobody listens."""


class Unanswered(SatchelError):
    """The node was asked, and it is not known what came of it."""


@dataclass(frozen=True)
class Job:
    """A job on a node.

    :ivar state: ``pending``, ``running`` or ``finished``
    :ivar start: when it began, by the node's own clock
    :ivar end: when it ended
    :ivar log: the path of its log
    """

    id: str
    project: str
    spider: str
    state: str
    start: str = ""
    end: str = ""
    log: str = ""


@dataclass
class Look:
    """What a node has.

    :ivar jobs: id → job
    """

    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def load(self) -> int:
        """How many jobs wait or run there."""
        return sum(job.state != "finished" for job in self.jobs.values())


class Nodes:
    """The nodes of a timetable.

    :ivar troubles: node → why it does not answer, of those that do not
    """

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        self._session = ClientSession(timeout=ClientTimeout(total=LOOK_SECONDS, connect=10))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def look(self, timetable: Timetable) -> dict[str, Look]:
        """What those nodes have that answer."""
        names = list(timetable.nodes)
        looks = await asyncio.gather(*(self._look(name, timetable.nodes[name]) for name in names))
        return {name: look for name, look in zip(names, looks, strict=True) if look is not None}

    async def start(
        self,
        node: Node,
        *,
        project: str,
        spider: str,
        job: str,
        arguments: Mapping[str, str],
        settings: Mapping[str, str],
        version: str = "",
    ) -> None:
        """Have a node start a job of this id.

        :raises Refused: it does not
        :raises NotReached: it was not asked
        :raises Unanswered: nobody knows
        """
        fields = [("project", project), ("spider", spider), ("jobid", job), *arguments.items()]
        fields += [("setting", f"{name}={value}") for name, value in settings.items()]
        if version:
            fields.append(("_version", version))
        await self._call(node, "schedule.json", fields)

    async def cancel(self, node: Node, *, project: str, job: str, signal: str) -> None:
        """Have a node end a job, or take it out of its queue.

        :param signal: ``INT``, or ``KILL`` where that did not help
        :raises SatchelError: it does not answer, or does not do it
        """
        fields = [("project", project), ("job", job), ("signal", signal)]
        await self._call(node, "cancel.json", fields)

    async def log(self, node: Node, path: str, size: int) -> str:
        """The end of a job's log; empty: it is not there any more.

        :param size: how many bytes of it, at most
        :raises SatchelError: the node does not answer
        """
        url, headers = _address(node, path.lstrip("/")), _headers(node)
        try:
            async with self._session.head(url, headers=headers) as answer:
                length = answer.content_length or 0
            if answer.status != 200:
                return ""
            # scrapyd fails where more is asked for than there is.
            headers["Range"] = f"bytes={max(length - size, 0)}-"
            async with self._session.get(url, headers=headers) as answer:
                return await answer.text(errors="replace") if answer.status == 206 else ""
        except TimeoutError:
            raise Unanswered(f"no answer within {LOOK_SECONDS:g} seconds") from None
        except (ClientError, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from None

    async def _look(self, name: str, node: Node) -> Look | None:
        try:
            content = await self._call(node, "listjobs.json")
        except SatchelError as error:
            self.troubles[name] = str(error)
            return None
        self.troubles.pop(name, None)
        return Look({
            job["id"]: Job(
                id=job["id"], project=job["project"], spider=job["spider"], state=state,
                start=job.get("start_time") or "", end=job.get("end_time") or "",
                log=job.get("log_url") or "",
            )
            for state in ("finished", "running", "pending")
            for job in content.get(state, ())
        })  # fmt: skip

    async def _call(
        self, node: Node, verb: str, fields: list[tuple[str, str]] | None = None
    ) -> dict[str, Any]:
        """Ask for something; with *fields*, for a change."""
        method, total = ("GET", LOOK_SECONDS) if fields is None else ("POST", START_SECONDS)
        try:
            headers = _headers(node)
        except ConfigError as error:
            raise NotReached(str(error)) from None
        try:
            async with self._session.request(
                method,
                _address(node, verb),
                data=fields,
                headers=headers,
                timeout=ClientTimeout(total=total, connect=10),
            ) as answer:
                if answer.status == 401:
                    raise Refused("it refuses the username or the password")
                content: Any = await answer.json(content_type=None)
        except ClientConnectorError as error:
            raise NotReached(f"nobody answers: {error.os_error.strerror or error}") from None
        except TimeoutError:
            raise Unanswered(f"no answer within {total:g} seconds") from None
        except (ClientError, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from None
        if not isinstance(content, dict) or content.get("status") != "ok":
            words = content.get("message", "") if isinstance(content, dict) else ""
            raise Refused(" ".join(str(words).split())[-300:] or "that is no scrapyd")
        return content


def _address(node: Node, verb: str) -> str:
    return f"{node.url.rstrip('/')}/{verb}"


def _headers(node: Node) -> dict[str, str]:
    password = node.password()
    if password is None:
        return {}
    value = basic_auth_header(node.username, password.reveal(), encoding="utf-8")
    return {"Authorization": value.decode()}
