"""Sessions, accounts and favourites in JSON: reference sections 3, 5 and 6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from satchel.kemono.sandbox import render
from satchel.kemono.sandbox.call import Call, Refused, Reply, refuse
from satchel.kemono.world import Key, PostKey, Record

WRONG: Final = "Username or password is incorrect"
TOO_MUCH: Final = "You're doing that too much. Try again in a little bit."
_COMPROMISED: Final = (
    "We've detected that password was compromised in a data breach on another site. "
    "Please choose a different password."
)
_COMMON: Final = ("123456", "password")


# Section 3


def register(call: Call) -> object:
    """Section 3.2."""
    names = ("username", "password", "confirm_password")
    username, password, again = (call.text(name) for name in names)
    favourites = wanted(call.text("favorites_json"))
    if problem := problem_of(call, username, password, again):
        raise refuse(400, problem)
    id_ = call.site.state.add(username, password, favourites)
    if call.site.options.register_logs_in:
        call.log_in(id_)
    return True


def wanted(text: str) -> list[Key]:
    """The favourites that one brings along when registering, or 400."""
    try:
        found = msgspec.json.decode(text or "[]", type=list[dict[str, str]])
        return [(row["service"], row["artist_id"]) for row in found]
    except (msgspec.MsgspecError, KeyError):
        raise refuse(400, "The favorites are not a list of creators.") from None


def problem_of(call: Call, username: str, password: str, again: str) -> str:
    """Why nobody can register so; empty: they can."""
    if not username:
        return "Username cannot be empty"
    if not password:
        return "Password cannot be empty"
    if password != again:
        return "Passwords do not match"
    if password in _COMMON:
        return _COMPROMISED
    return "Username already taken" if call.site.state.find(username) else ""


def log_in(call: Call) -> object:
    """Section 3.3."""
    username, password = call.text("username"), call.text("password")
    if call.account_id is not None:
        call.site.note_login(username, succeeded=False)
        raise refuse(409, "Already logged in")
    if not call.site.state.attempt(username, call.site.options.login_limit):
        call.site.note_login(username, succeeded=False)
        raise refuse(429, TOO_MUCH)
    account = checked(call, username, password)
    if account is None:
        raise refuse(call.site.options.bad_login, WRONG)
    call.log_in(account["id"])
    return render.account(account)


def checked(call: Call, username: str, password: str) -> Record | None:
    """The account, if that is its password."""
    state = call.site.state
    account = state.find(username)
    if account and state.passwords[account["id"]] != password:
        account = None
    call.site.note_login(username, succeeded=account is not None)
    return account


def log_out(call: Call) -> object:
    """Section 3.4."""
    call.session.pop("account_id", None)
    return True


# Section 5


def show(call: Call) -> object:
    """Section 5.1."""
    account = call.account()
    unseen = [row for row in call.site.state.notifications[account["id"]] if not row["is_seen"]]
    return {
        "props": {
            "currentPage": "account",
            "title": "Your account page",
            "account": render.account(account),
            "notifications_count": len(unseen),
        }
    }


def change_password(call: Call) -> object:
    """Section 5.2. The session stays valid."""
    id_, passwords = call.account()["id"], call.site.state.passwords
    current, new = call.text("current-password"), call.text("new-password")
    if passwords[id_] != current:
        raise refuse(400, "Current password is invalid")
    if not new or new != call.text("new-password-confirmation"):
        raise refuse(400, "Passwords do not match")
    passwords[id_] = new
    return True


def notifications(call: Call) -> object:
    """Section 5.3. Reading marks all as seen."""
    rows = call.site.state.notifications[call.account()["id"]]
    newest = sorted((dict(row) for row in rows), key=lambda row: row["created_at"], reverse=True)
    for row in rows:
        row["is_seen"] = True
    return {"props": {"currentPage": "account", "notifications": newest}}


# Section 6


def favourites(call: Call) -> object:
    """Section 6.1. The order means nothing: it is that of the keys."""
    if (id_ := call.account_id) is None:
        raise Refused(401, {})
    state, index = call.site.state, call.site.index
    if call.query.get("type") == "post":
        posts = {key: n for key, n in state.posts[id_].items() if key[:2] in index.creators}
        return [_post(call, key, posts[key]) for key in sorted(posts) if index.post(key)]
    return [
        render.favourite(index.creators[key], state.relations[key], number)
        for key, number in sorted(state.creators[id_].items())
        if key in index.creators
    ]


def _post(call: Call, key: PostKey, number: int) -> Record:
    post = call.site.world.posts[key]
    row = render.full(post, call.site.quirks(post))
    return row | call.site.index.neighbours(post) | {"faved_seq": number}


def favour_creator(call: Call) -> object:
    """Section 6.2."""
    return _write(call, lambda id_: call.site.state.favour(call.site.state.creators[id_], call.key))


def forget_creator(call: Call) -> object:
    """Section 6.2."""
    return _write(call, lambda id_: call.site.state.creators[id_].pop(call.key, None))


def favour_post(call: Call) -> object:
    """Section 6.2."""
    return _write(
        call, lambda id_: call.site.state.favour(call.site.state.posts[id_], call.post_key)
    )


def forget_post(call: Call) -> object:
    """Section 6.2."""
    return _write(call, lambda id_: call.site.state.posts[id_].pop(call.post_key, None))


def _write(call: Call, change: Callable[[int], object]) -> object:
    # Both ways idempotent, and what does not exist is accepted too.
    options = call.site.options
    if call.account_id is None:
        if options.unauth_write == 302:
            return Reply(302, location="/account/login")
        raise Refused(401, {})
    change(call.account_id)
    return True if options.fav_write_body == "true" else Reply()
