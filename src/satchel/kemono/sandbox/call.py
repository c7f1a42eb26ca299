"""What a handler of the sandbox gets, what it can answer, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from satchel.kemono.sandbox.cookies import Session
from satchel.kemono.world import Key, PostKey, Record

if TYPE_CHECKING:
    from multidict import MultiMapping

    from satchel.kemono.sandbox.site import KemonoSite

T = TypeVar("T")

STEP: Final = 50
_RANKS: Final = ("consumer", "moderator", "administrator")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not JSON with status 200."""

    status: int = 200
    body: bytes = b""
    type: str = "text/html"
    location: str | None = None
    """Where it redirects to, without the prefix under which the server is mounted."""


class Refused(Exception):
    """The answer is an error, with some JSON as its body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def refuse(status: int, text: str) -> Refused:
    """An error as section 1.4 has most of them."""
    return Refused(status, {"error": text})


@dataclass(slots=True)
class Call:
    """One request.

    :ivar parts: what the path's places were filled with
    :ivar session: what the session cookie says; what a handler changes in it is sent back
    """

    site: KemonoSite
    parts: Mapping[str, str]
    query: MultiMapping[str]
    query_string: str
    session: Session
    body: bytes
    is_form: bool

    # Who asks

    @property
    def account_id(self) -> int | None:
        """The account of the session."""
        id_ = self.session.get("account_id")
        return id_ if id_ in self.site.state.accounts else None

    def account(self) -> Record:
        """The account of the session, or 401."""
        if self.account_id is None:
            raise refuse(401, "Unauthorized")
        return self.site.state.accounts[self.account_id]

    def require(self, role: str, *, exactly: bool = False) -> Record:
        """The account of the session, if it has a role. A missing one is a 404 (section 1.4)."""
        account = self.account()
        has = self.site.role(account["id"])
        if has != role and (exactly or _RANKS.index(has) < _RANKS.index(role)):
            raise refuse(404, "Not Found")
        return account

    def log_in(self, account: int) -> None:
        """Begin a session of an account."""
        state = self.site.state
        state.roles[account] = state.accounts[account]["role"]
        self.session.update(_permanent=True, account_id=account)

    # What is asked for

    @property
    def key(self) -> Key:
        """The creator in the path."""
        return self.parts["service"], self.parts["creator"]

    @property
    def post_key(self) -> PostKey:
        """The post in the path."""
        return (*self.key, self.parts["post"])

    def creator(self) -> Record:
        """The creator in the path, or 404."""
        found = self.site.index.creator(self.key)
        if found is None:
            raise refuse(404, "Creator not found.")
        return found

    def post(self) -> Record:
        """The post in the path, or 404."""
        found = self.site.index.post(self.post_key)
        if found is None:
            raise refuse(404, "Post not found.")
        return found

    def number(self, name: str, default: int, least: int = 1) -> int:
        """A number of the query, or 400."""
        return integer(name, self.query.get(name, str(default)), least)

    def form(self) -> dict[str, str]:
        """The fields of a form; nothing if the body is none."""
        if not self.is_form:
            return {}
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> Record:
        """The body as a JSON object, or 400."""
        try:
            return msgspec.json.decode(self.body, type=Record)
        except msgspec.MsgspecError:
            raise refuse(400, "The body is not a JSON object.") from None

    def text(self, name: str) -> str:
        """A text in the body's JSON, or 400."""
        found = self.json().get(name)
        if not isinstance(found, str):
            raise refuse(400, f"{name} is required.")
        return found

    # Pages (section 1.5)

    def page(self, rows: Sequence[T], step: int = STEP) -> Sequence[T]:
        """The rows from the offset ``o`` on, as many as a step."""
        offset, options = self.number("o", 0, 0), self.site.options
        if offset % step:
            if options.off_step == "400":
                raise refuse(400, f"offset not multiple of {step}")
            return []
        if offset and offset >= len(rows) and options.past_end != "empty":
            raise refuse(int(options.past_end), "Offset is beyond the last row.")
        return rows[offset : offset + step]

    def search(self, posts: Sequence[Record]) -> Sequence[Record]:
        """The posts that the query's ``q`` and all of its ``tag`` fit."""
        words, tags = self.query.get("q", "").casefold(), self.query.getall("tag", [])
        if len(words) < self.site.options.min_query:
            words = ""
        if not words and not tags:
            return posts
        return [post for post in posts if words in _about(post) and _tagged(post, tags)]


def integer(name: str, text: str, least: int = 0) -> int:
    """A number of a path or query, or 400."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise refuse(400, f"{name} is not valid.")
    return number


def _about(post: Record) -> str:
    return f"{post['title']}\n{post['content']}".casefold()


def _tagged(post: Record, tags: Sequence[str]) -> bool:
    return set(tags) <= set(post["tags"] or ())
