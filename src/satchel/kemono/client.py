"""Calls to a Kemono server through the running crawl, as nobody or as an account."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from satchel.actions import CHANGES, SENDING, Proposal, State
from satchel.addon import SatchelAddon
from satchel.answers import Page
from satchel.client import Access, Client, send
from satchel.errors import ActionError, AnswerError
from satchel.items import Item, Relation, complete, nested_fields
from satchel.kemono import wire
from satchel.kemono.actions import ApproveLinkRequest, KemonoAction, RejectLinkRequest, decision
from satchel.kemono.api import Api, wants_other_accept
from satchel.kemono.errors import InsufficientPrivileges, PyKemoException
from satchel.kemono.operations import OPERATIONS
from satchel.kemono.values import AccountRole
from satchel.proposing import propose
from satchel.script import is_script
from satchel.sessions import ACCOUNT, USED, Sessions

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from satchel.kemono.items import AccountView, CreatorLinkRequest
    from satchel.kemono.settings import KemonoSettings

HOW: Final = "satchel.propose, or a method of the account interface"


class KemonoClient(Client):
    """What relations ask is remembered by operation and arguments; what accounts ask is asked anew.

    :ivar api: the requests
    :ivar account: the name of the account that all calls are made as; ``None``: those that need a
        role are made as the least privileged account that has it, all others as nobody
    """

    def __init__(self, access: Access, settings: KemonoSettings) -> None:
        super().__init__(access)
        self.api = Api(settings)
        self.account: str | None = None

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The client of a running crawl, for its spider, its pipelines and plugins.

        :raises ConfigError: the project has not enabled satchel, or no server is configured
        """
        client = SatchelAddon.of(crawler).client("kemono")
        assert isinstance(client, cls)
        return client

    def as_account(self, name: str) -> Self:
        """A client whose calls are all made as one account."""
        client = copy.copy(self)
        client._answers = type(self._answers)()
        client.account = name
        return client

    def check(self, relation: Relation) -> None:
        self.api.check(relation.operation)

    async def relate(
        self, item: Item, relation: Relation, arguments: Mapping[str, Any], *, force: bool
    ) -> Any:
        keys = {name: getattr(item, field) for name, field in relation.keys.items()}
        if None in keys.values():
            return None
        answer = await self.call(relation.operation, force=force, **keys, **arguments)
        if relation.field is None and answer is not None:
            _complete(item, answer)
        return self.keep(item, relation, answer)

    async def call(self, operation: str, *, force: bool = False, **parameters: Any) -> Any:
        """What an operation that only reads answers; remembered, unless *force*.

        :param parameters: those of its path
        :raises NotOffered: the server lacks it, by its profile
        :raises InsufficientPrivileges: the account lacks the role
        :raises AnswerError: the server answered with an error status
        :raises DecodeError: the answer cannot be read
        """
        self.api.check(operation)
        key = (operation, *sorted(parameters.items()))
        return await self.once(key, lambda: self.ask(operation, **parameters), force=force)

    async def ask(self, operation: str, **parameters: Any) -> Any:
        """The same, anew and not remembered; takes ``query``, too."""
        response = await self._response(operation, **parameters)
        if response.status == 404:
            return [] if OPERATIONS[operation].parts else None
        parameters.pop("query", None)
        answer = OPERATIONS[operation].read(response.body, self, parameters)
        if isinstance(answer, Page):
            for error in answer.errors:
                self.undecodable(response.url, error)
            answer = answer.items
        for item in answer if isinstance(answer, list) else [answer]:
            self._gate.admit(item)
        return answer

    async def change(self, operation: str, **parameters: Any) -> Response:
        """Change something on the server: in a script, or when an action is sent.

        :returns: the response: a success, or the server's refusal with a status below 500
        :raises ActionError: in a crawl, which has to propose it
        :raises InsufficientPrivileges: the account lacks the role
        :raises PyKemoException: the server failed, so that nobody knows whether it was done
        """
        if not (SENDING.get() or is_script(self._crawler)):
            raise ActionError(f"{operation}: within a crawl, a change has to be proposed: {HOW}")
        response = await self._response(operation, **parameters)
        if response.status >= 500:
            raise PyKemoException(f"{response.url}: the server answered {response.status}")
        return response

    async def act(self, action: KemonoAction, item: Item | None = None) -> bool:
        """Do something now, in a script; in a crawl, propose it.

        :param item: what leads to it
        :returns: whether the server did it; in a crawl it did not, yet
        :raises ActionError: in a crawl that stores nothing
        """
        if is_script(self._crawler):
            return action.judge(await action.ask(self)).state is State.DONE
        await propose(self._crawler, Proposal(action), item=item)
        return False

    async def approve(self, request: CreatorLinkRequest) -> bool:
        """Link the two creators; whether the server did it."""
        return await self.act(decision(request, ApproveLinkRequest, self.account), request)

    async def reject(self, request: CreatorLinkRequest) -> bool:
        """Refuse to link the two creators; whether the server did it."""
        return await self.act(decision(request, RejectLinkRequest, self.account), request)

    async def whoami(self, name: str) -> AccountView | None:
        """What the server says of an account.

        :raises NotOffered: the server does not say it, by its profile
        """
        view: AccountView | None = await self.as_account(name).ask("account.show")
        return view

    async def _response(self, operation: str, **parameters: Any) -> Response:
        """The response, with a status that is one's own to judge."""
        response = await self._send(operation, **parameters)
        role = OPERATIONS[operation].role
        if response.status == 404 and role is not None:
            # That, too, is what one is told who lacks the role (section 1.4), or has no session.
            name = self.account or self.sessions.choose(role.value).name
            view = await self.whoami(name) if self.api.offers("account.show") else None
            session = self.sessions.current(name)
            if session is not None and session.number != _carried(response):
                response = await self._send(operation, **parameters)
            if response.status == 404:
                self._judge(operation, name, view)
        if wants_other_accept(response):
            raise AnswerError(
                f"{response.url}: the server wants another Accept header than "
                f"{self.api.profile.accept}; see whether the profile is right "
                f"(SATCHEL_KEMONO_PROFILE)"
            )
        refused = response.status >= 400 and response.status != 404
        if refused and not OPERATIONS[operation].changes:
            said = wire.read_error(response.body)
            raise AnswerError(
                f"{response.url}: the server answered {response.status}"
                + (f" ({said})" if said else "")
            )
        return response

    async def _send(self, operation: str, **parameters: Any) -> Response:
        request = self.api.request(operation, **parameters)
        if OPERATIONS[operation].changes:
            request.meta[CHANGES] = True
        if self.account is not None:
            request.meta[ACCOUNT] = self.account
        return await send(self._crawler, request)

    def _judge(self, operation: str, name: str, view: AccountView | None) -> None:
        """What a 404 means to an account.

        :raises InsufficientPrivileges: it lacks the role
        :raises AnswerError: it has the role, and what it asked for should be there
        """
        needed = OPERATIONS[operation].role
        role = view.role if view is not None else None
        scheme = self.sessions.scheme
        if role is not None and needed is not None and scheme.serves(needed, role):
            if OPERATIONS[operation].one:
                return
            raise AnswerError(f"{operation}: the server answered 404, though {name} is {role}")
        raise InsufficientPrivileges(
            f"{operation}: it takes {_a(needed)}, and {name} is {_a(role) if role else 'none'}"
        )

    @property
    def sessions(self) -> Sessions:
        """The accounts' sessions."""
        return SatchelAddon.of(self._crawler).sessions["kemono"]


def _carried(response: Response) -> int | None:
    """The number of the session that a response's request carried."""
    request = response.request
    return None if request is None else request.meta.get(USED)


def _complete(item: Item, richer: Item) -> None:
    """Give an item what only a richer answer says of it, and of its files."""
    complete(item, richer)
    for name in nested_fields(type(item)):
        if getattr(item, name) and getattr(richer, name):
            setattr(item, name, getattr(richer, name))


def _a(role: str | None) -> str:
    return f"{'an' if role == AccountRole.ADMINISTRATOR else 'a'} {role}"
