"""Login, logout and registration as web pages: reference section 4."""

from __future__ import annotations

from html import escape
from typing import Final

from satchel.kemono.sandbox.accounts import TOO_MUCH, WRONG, checked, problem_of, wanted
from satchel.kemono.sandbox.call import Call, Refused, Reply

_ARTISTS: Final = "/artists"
_LOGIN: Final = "/account/login"
_SCRIPT: Final = """
const form = document.createElement("form"), problem = document.createElement("p");
form.innerHTML = '<input name="username"><input name="password" type="password">' +
    '<button>Log in</button>';
document.getElementById("root").append(form, problem);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const base = location.pathname.replace("/account/login", "");
  const answer = await fetch(base + "/api/v1/authentication/login", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  if (answer.ok) location.href = base + "/artists?logged_in=yes";
  else problem.textContent = (await answer.json()).error;
});
"""
_FIELDS: Final = {
    "username": "text",
    "password": "password",
    "confirm_password": "password",
}


def artists(call: Call) -> Reply:
    """Where a login leads to."""
    return _page(call, "Artists", "")


def login_page(call: Call) -> Reply:
    """A form; servers that log in by JSON have a script there that makes one."""
    if not call.site.is_classic:
        return _page(call, "Log in", f"<div id='root'></div><script>{_SCRIPT}</script>")
    return _form(call, "Log in", "username", "password")


def log_in(call: Call) -> Reply:
    """Success and failure are both redirects (quirk Q16)."""
    fields = call.form()
    if call.account_id is not None:
        call.site.note_login(fields.get("username", ""), succeeded=False)
        return _logged_in(call)
    if "username" not in fields or "password" not in fields:
        return _again(call)
    username = fields["username"]
    if not call.site.state.attempt(username, call.site.options.login_limit):
        call.site.note_login(username, succeeded=False)
        return _again(call, TOO_MUCH)
    account = checked(call, username, fields["password"])
    if account is None:
        return _again(call, WRONG)
    call.log_in(account["id"])
    return _logged_in(call)


def _again(call: Call, problem: str = "") -> Reply:
    if problem:
        _flash(call, problem)
    query = call.query_string
    return Reply(302, location=f"{_LOGIN}?{query}" if query else _LOGIN)


def _logged_in(call: Call) -> Reply:
    return Reply(302, location=f"{call.query.get('redir', _ARTISTS)}?logged_in=yes")


def log_out(call: Call) -> Reply:
    """The cookie without its account."""
    call.session.pop("account_id", None)
    return Reply(302, location=_ARTISTS)


def register_page(call: Call) -> Reply:
    """A form."""
    return _form(call, "Register", *_FIELDS)


def register(call: Call) -> Reply:
    """A refusal is a page with status 200; a form that lacks something is an error of the server.

    It counts as a login.
    """
    try:
        fields = call.form()
        username, password, again = (fields[name] for name in _FIELDS)
        favourites = wanted(fields.get("favorites", ""))
    except (KeyError, Refused):
        return Reply(500, b"<h1>Internal Server Error</h1>")
    if problem := problem_of(call, username, password, again):
        _flash(call, problem)
        return _form(call, "Register", *_FIELDS)
    id_ = call.site.state.add(username, password, favourites)
    call.site.state.attempt(username, call.site.options.login_limit)
    call.log_in(id_)
    return Reply(302, location=call.query.get("redir", f"{_ARTISTS}?logged_in=yes"))


def _flash(call: Call, text: str) -> None:
    # They pile up in the cookie until a page shows them.
    call.session["_flashes"] = [*call.session.get("_flashes", []), ["message", text]]


def _form(call: Call, title: str, *names: str) -> Reply:
    inputs = "".join(f'<input name="{name}" type="{_FIELDS[name]}">' for name in names)
    return _page(call, title, f'<form method="post">{inputs}<button>{title}</button></form>')


def _page(call: Call, title: str, content: str) -> Reply:
    flashes = "".join(f"<p>{escape(text)}</p>" for _, text in call.session.pop("_flashes", []))
    page = f"<!doctype html><title>{title}</title><h1>{title}</h1>{flashes}{content}"
    return Reply(body=page.encode())
