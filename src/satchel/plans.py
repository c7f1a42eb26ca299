"""What a dry run shows: what would be sent, as whom, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from satchel.actions import State
from satchel.executor import Step

if TYPE_CHECKING:
    from rich.table import Table


def described(step: Step) -> dict[str, Any]:
    """An action that a dry run would come to, in plain values."""
    row, proposal = step.row, step.proposal
    return {
        "id": row["id"],
        "kind": row["kind"],
        "target": row["target"],
        "would_send": proposal.action.preview() if proposal else "",
        "server": row["server"],
        "account": step.account,
        "reason": row["reason"],
        "proposed_by": row["proposed_by"],
        "item": row["item"],
        "sent": step.state is State.SENDING,
        "note": step.note,
    }


def table(steps: Sequence[Step], at_most: int = 50) -> Table:
    """The first actions of a dry run, each with what is against it."""
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in ("action", "would be sent", "as", "why"):
        found.add_column(name, overflow="fold")
    for step in steps[:at_most]:
        told = described(step)
        why = "; ".join(_words(told["reason"], f"by {told['proposed_by']}", told["item"]))
        against = "" if told["sent"] else f"not sent ({step.state}): {step.note}"
        found.add_row(
            Text(str(told["id"])),
            Text("\n".join(_words(told["would_send"] or told["target"], against))),
            Text(told["account"] or "nobody"),
            Text(why),
        )
    if len(steps) > at_most:
        found.add_row("", f"and {len(steps) - at_most:,} more: satchel act list", "", "")
    return found


def _words(*words: str) -> Iterable[str]:
    return filter(None, words)
