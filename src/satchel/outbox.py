"""The outbox: what is proposed to be done on servers, and what became of it, in the database.

A proposal is written with the item that led to it, in its transaction (:mod:`satchel.store`). Each
change of its state is written with an event, so that the events are the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from satchel.actions import OPEN, State
from satchel.databases import Database, database
from satchel.databases.batches import storable
from satchel.errors import StoreError
from satchel.tables import INT, Row

METADATA: Final = MetaData()

KEY: Final = ("server", "kind", "target", "proposal")
"""What makes two proposals the same."""

Key = tuple[str, str, str, str]
"""The values of :data:`KEY`."""

ACTION: Final = Table(
    "satchel_action",
    METADATA,
    Column("id", INT, primary_key=True),
    Column("server", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("note", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", DateTime),
    Column("changed_at", DateTime, nullable=False),
    UniqueConstraint(*KEY),
)

EVENT: Final = Table(
    "satchel_action_event",
    METADATA,
    Column("id", INT, primary_key=True),
    Column("action", INT, ForeignKey(ACTION.c.id), nullable=False, index=True),
    Column("at", DateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("by", Text, nullable=False),
    Index("satchel_action_event_state_at", "state", "at"),
)

ROWS_AT_ONCE: Final = 500

DROPPED: Final = "it does not propose that for the item any more"
"""The note of what a plugin itself took back."""

Whose = tuple[str, str, str]
"""Whose proposals: (server, who proposes them, the item that led to them)."""

T = TypeVar("T")


def make(connection: Connection) -> None:
    """Make the tables if they are missing."""
    METADATA.create_all(connection)


def add(
    database: Database,
    connection: Connection,
    rows: Sequence[Row],
    complete: Collection[Whose] = (),
) -> list[int]:
    """Write proposals that are not there yet; those that are stay as they are.

    :param complete: whose proposals *rows* has all of; what else they proposed before, and was not
        sent, is taken back, and proposed anew when they come back to it
    :returns: the ids of the new ones
    """
    if complete:
        _reconsider(connection, {key_of_row(row): row for row in rows}, set(complete))
    now = _now()
    new = {"state": State.PROPOSED, "note": "", "account": "", "attempts": 0}
    ids: list[int] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        values = [
            {**row, **new, "proposed_at": now, "changed_at": now}
            for row in rows[start : start + ROWS_AT_ONCE]
        ]
        statement = database.insert(ACTION).values(values)
        added = connection.execute(
            statement.on_conflict_do_nothing(index_elements=KEY).returning(
                ACTION.c.id, ACTION.c.proposed_by
            )
        ).all()
        events = [_event(id_, now, State.PROPOSED, by=by) for id_, by in added]
        if events:
            connection.execute(insert(EVENT).values(events))
        ids += [id_ for id_, _ in added]
    return ids


def _reconsider(connection: Connection, proposed: dict[Key, Row], complete: set[Whose]) -> None:
    """Take back what is not proposed any more, and propose what was taken back so and is again."""
    items = sorted({item for _, _, item in complete})
    dropped = (ACTION.c.state == State.WITHDRAWN) & (ACTION.c.note == DROPPED)
    for start in range(0, len(items), ROWS_AT_ONCE):
        here = ACTION.c.item.in_(items[start : start + ROWS_AT_ONCE])
        query = select(ACTION).where(ACTION.c.state.in_(OPEN) | dropped, here)
        query = query.order_by(ACTION.c.id)
        for before in map(dict, connection.execute(query).mappings()):
            if (before["server"], before["proposed_by"], before["item"]) not in complete:
                continue
            now, is_open = proposed.get(key_of_row(before)), before["state"] != State.WITHDRAWN
            if now is None and is_open:
                _turn(connection, before, State.WITHDRAWN, DROPPED)
            elif now is not None and not is_open:
                new = {name: now[name] for name in ("parameters", "reason")}
                _turn(connection, before, State.PROPOSED, "", **new)


def key_of_row(row: Row) -> Key:
    """What makes two proposals the same."""
    return row["server"], row["kind"], row["target"], row["proposal"]


def _turn(connection: Connection, row: Row, state: State, note: str, **more: Any) -> None:
    """Have the plugin that proposed an action change its state, if nobody else has."""
    now = _now()
    same = (ACTION.c.id == row["id"], ACTION.c.state == row["state"])
    values = {"state": state, "note": note, "changed_at": now, **more}
    if connection.execute(update(ACTION).where(*same).values(values)).rowcount:
        event = _event(row["id"], now, state, note=note, by=row["proposed_by"])
        connection.execute(insert(EVENT).values(event))


def _event(
    action: int, at: datetime, state: State, *, account: str = "", note: str = "", by: str = ""
) -> Row:
    return {
        "action": action, "at": at, "state": state, "account": account, "note": note, "by": by,
    }  # fmt: skip


class Outbox:
    """The outbox of a database.

    What is committed here survives a power cut, too.

    :param url: as ``SATCHEL_STORE`` has it
    :raises ConfigError: the URL is none, or of a database that is not supported
    :raises StoreError: each method: the database cannot be read or written
    """

    def __init__(self, url: str) -> None:
        self._database = database(url)
        self._database.make_durable()

    def make(self) -> None:
        """Make the tables if they are missing."""
        self._write(make)

    def exists(self) -> bool:
        """Whether there are the tables."""
        with _told(self._database), self._reading() as connection:
            return inspect(connection).has_table(ACTION.name)

    def add(self, rows: Sequence[Row]) -> list[int]:
        """Write proposals that are not there yet; the ids of the new ones."""
        return self._write(lambda connection: add(self._database, connection, rows))

    def unfinished(self) -> list[Row]:
        """What may be sent, what was being sent, and what is unknown; in order of proposal."""
        states = (*OPEN, State.SENDING, State.UNKNOWN)
        return self._read(select(ACTION).where(ACTION.c.state.in_(states)).order_by(ACTION.c.id))

    def claim(self, row: Row, account: str) -> bool:
        """Write that an action is about to be sent; false if it may not be any more."""
        now = _now()
        return self.change(
            row, State.SENDING, account=account, by="",
            sent_at=now, attempts=row["attempts"] + 1,
        )  # fmt: skip

    def change(
        self,
        row: Row,
        state: State,
        note: str = "",
        *,
        account: str = "",
        by: str = "",
        **more: Any,
    ) -> bool:
        """Write that an action is in another state.

        :param row: the action as it was read; it is brought up to date
        :param by: who changes it, if that is a person or a plugin
        :returns: false if somebody else has changed it since it was read; then nothing is written
        """
        note = storable(" ".join(note.split()))
        if (state, note) == (row["state"], row["note"]):
            return True
        now = _now()
        values = {"state": state, "note": note, "changed_at": now, **more}
        if account:
            values["account"] = account
        same = (
            ACTION.c.id == row["id"],
            ACTION.c.state == row["state"],
            ACTION.c.attempts == row["attempts"],
        )

        def write(connection: Connection) -> bool:
            done = connection.execute(update(ACTION).where(*same).values(values))
            if done.rowcount:
                event = _event(row["id"], now, state, account=account, note=note, by=by)
                connection.execute(insert(EVENT).values(event))
            return bool(done.rowcount)

        changed = self._write(write)
        if changed:
            row.update(values)
        return changed

    def sent_since(self, then: datetime) -> list[datetime]:
        """When actions were sent since a point in time, oldest first."""
        # What was noted of it while nobody knew the outcome is no sending.
        sent = (EVENT.c.state == State.SENDING) & (EVENT.c.note == "")
        query = select(EVENT.c.at).where(sent, EVENT.c.at >= then)
        return [row["at"] for row in self._read(query.order_by(EVENT.c.at))]

    def listed(
        self, *, states: Iterable[str] = (), kinds: Iterable[str] = (), limit: int | None = None
    ) -> list[Row]:
        """Actions in order of proposal; of many the last."""
        query = select(ACTION).order_by(ACTION.c.id.desc()).limit(limit)
        for column, words in ((ACTION.c.state, [*states]), (ACTION.c.kind, [*kinds])):
            if words:
                query = query.where(column.in_(words))
        return self._read(query)[::-1]

    def counts(self) -> dict[str, int]:
        """State → how many actions are in it."""
        number = func.count().label("number")
        found = self._read(select(ACTION.c.state, number).group_by(ACTION.c.state))
        return {row["state"]: row["number"] for row in found}

    def one(self, id_: int) -> Row | None:
        """An action by its number."""
        found = self._read(select(ACTION).where(ACTION.c.id == id_))
        return found[0] if found else None

    def events(self, id_: int) -> list[Row]:
        """What happened to an action, in order."""
        return self._read(select(EVENT).where(EVENT.c.action == id_).order_by(EVENT.c.id))

    @contextmanager
    def alone(self, seconds: float) -> Iterator[bool]:
        """Whether nobody else executes the outbox; nobody will while the context lasts.

        The lock is the operating system's or the server's: it ends with the process.

        :param seconds: how long to wait for somebody who does
        """
        with _told(self._database), self._database.alone(seconds) as mine:
            yield mine

    def close(self) -> None:
        """Close the database."""
        self._database.engine.dispose()

    def _write(self, write: Callable[[Connection], T]) -> T:
        with _told(self._database), self._database.engine.begin() as connection:
            return write(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        engine = self._database.reader()
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def _read(self, query: Any) -> list[Row]:
        with _told(self._database), self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


@contextmanager
def _told(found: Database) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        cause = error.orig or error
        advice = found.advice(cause)
        raise StoreError(f"{found.name}: {found.reason(cause)}; {advice}") from None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
