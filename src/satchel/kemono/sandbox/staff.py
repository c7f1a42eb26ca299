"""What moderators and administrators may do: reference sections 7 and 8."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final, TypeVar

import msgspec

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, Reply, integer, refuse
from satchel.kemono.world import Record

T = TypeVar("T")

_MOST: Final = 25
_LISTED: Final = ("consumer", "moderator")


# Section 7


def link_requests(call: Call) -> object:
    """Section 7.1: those that wait for an answer."""
    _moderator(call)
    return [row for row in call.site.state.requests.values() if row["status"] == "pending"]


def approve(call: Call) -> object:
    """Section 7.2."""
    request = _answer(call, "approved")
    sides = ((request[f"{side}_service"], request[f"{side}_id"]) for side in ("from", "to"))
    call.site.state.link(*sides)
    return {"response": "approved"}


def reject(call: Call) -> object:
    """Section 7.2."""
    _answer(call, "rejected")
    return {"response": "rejected"}


def _answer(call: Call, status: str) -> Record:
    _moderator(call)
    request = call.site.state.requests.get(integer("id", call.parts["request"]))
    if request is None or request["status"] != "pending":
        raise refuse(404, "Not Found")
    request["status"] = status
    return request


def _moderator(call: Call) -> None:
    call.require("moderator", exactly=call.site.options.moderator_exact)


# Section 8


def accounts(call: Call) -> object:
    """Section 8.1."""
    call.require("administrator")
    found = _found(call)
    page, limit = call.number("page", 1), min(call.number("limit", _MOST), _MOST)
    rows = _page(found, page, limit)
    return {
        "accounts": [render.account(row) for row in rows],
        "role_list": _LISTED,
        "pagination": {
            "current_page": page,
            "limit": limit,
            "offset": (page - 1) * limit,
            "base": {},
            "count": len(found),
            "current_count": len(rows),
            "total_pages": ceil(len(found) / limit),
        },
    }


def _found(call: Call) -> list[Record]:
    """The accounts that ``name`` and ``role`` ask for, the newest first."""
    name, role = call.query.get("name", ""), call.query.get("role", "all")
    roles = _LISTED if role == "all" else (role,)
    rows = call.site.state.accounts.values()
    found = [row for row in rows if name in row["username"] and row["role"] in roles]
    by_name = sorted(found, key=lambda row: str(row["username"]))
    return sorted(by_name, key=lambda row: float(row["created_at"].timestamp()), reverse=True)


def _page(rows: Sequence[T], page: int, limit: int) -> Sequence[T]:
    return rows[(page - 1) * limit : page * limit]


class _Roles(msgspec.Struct):
    moderator: list[int] = []
    consumer: list[int] = []


def change_roles(call: Call) -> object:
    """Section 8.2: whatever the old role was. With an unknown id nothing changes."""
    call.require("administrator")
    state = call.site.state
    try:
        wanted = msgspec.json.decode(call.body, type=_Roles)
    except msgspec.MsgspecError:
        raise refuse(400, "Expected lists of account ids.") from None
    if set(wanted.moderator + wanted.consumer) - state.accounts.keys():
        raise refuse(400, "Account not found")
    for role, ids in (("moderator", wanted.moderator), ("consumer", wanted.consumer)):
        for id_ in ids:
            state.change_role(id_, role)
    return True


def remove_links(call: Call) -> object:
    """Section 8.4: the creator leaves its group."""
    call.require("administrator")
    call.creator()
    call.site.state.relations[call.key] = None
    return Reply(204)


# Section 8.3: only the statuses are known


def count_v2(call: Call) -> object:
    """How many accounts ``name`` and ``role`` ask for."""
    call.require("administrator")
    return {"type": "count", "data": len(_found(call))}


def accounts_v2(call: Call) -> object:
    """One page of accounts."""
    call.require("administrator")
    page = integer("page", call.parts["page"], 1)
    rows = _page(_found(call), page, _MOST)
    if not rows and page > 1:
        raise refuse(404, "Not Found")
    return {"type": "accounts", "data": [render.account(row) for row in rows]}


def account_v2(call: Call) -> object:
    """One account."""
    call.require("administrator")
    return {"type": "account", "data": render.account(_account(call))}


def change_role_v2(call: Call) -> object:
    """Another role for one account."""
    call.require("administrator")
    account, role = _account(call), call.text("role")
    if role not in _LISTED:
        raise refuse(400, "role is not valid.")
    call.site.state.change_role(account["id"], role)
    return {"type": "account", "data": render.account(account)}


def _account(call: Call) -> Record:
    found = call.site.state.accounts.get(integer("id", call.parts["account"], 1))
    if found is None:
        raise refuse(404, "Not Found")
    return found
