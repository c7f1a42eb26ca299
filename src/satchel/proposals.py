"""Proposals ↔ rows of the outbox: which kinds of actions there are, and on which servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import fields

from satchel.actions import Action, Proposal, service_of
from satchel.databases.batches import storable
from satchel.errors import ActionError, ConfigError, did_you_mean
from satchel.items import Item, key_of, type_name
from satchel.tables import Row

if TYPE_CHECKING:
    from satchel.service import Service


class Proposals:
    """What can be proposed here.

    :param services: whose kinds there are
    :param addresses: service → the address of the server that is configured
    """

    def __init__(self, services: Iterable[Service], addresses: Mapping[str, str | None]) -> None:
        self.kinds = {kind.kind: kind for service in services for kind in service.actions}
        self._addresses = addresses

    def servers(self) -> set[str]:
        """The addresses of the servers that actions go to."""
        services = {service_of(kind) for kind in self.kinds}
        return {url for name, url in self._addresses.items() if url and name in services}

    def check(self, setting: str, names: Iterable[str]) -> None:
        """Refuse a setting that names kinds which there are not.

        :raises ConfigError: it does
        """
        for name in names:
            if name not in self.kinds:
                raise ConfigError(
                    f"{setting}: there is no kind of action {name}{near(name, self.kinds)} "
                    f"('satchel act kinds' lists all)"
                )

    def row(self, proposal: Proposal) -> Row:
        """The row that stands for a proposal.

        :raises ActionError: no service has such actions, its server is not configured, or a
            parameter is wrong: a secret itself where its name should be is not stored
        """
        action = proposal.action
        if type(action) not in self.kinds.values():
            raise ActionError(f"{type(action).__name__}: no service lists such actions")
        # Who calls the class in code has passed no check.
        action = self.action(action.kind, msgspec.to_builtins(action))
        words = (proposal.by, proposal.item, proposal.name, action.variant)
        return {
            "server": self.server(action.kind),
            "kind": action.kind,
            "target": storable(action.target),
            "proposal": storable("/".join(filter(None, words))),
            "parameters": msgspec.json.encode(action).decode(),
            "reason": storable(proposal.reason),
            "proposed_by": storable(proposal.by),
            "item": storable(proposal.item),
        }

    def server(self, kind: str) -> str:
        """The address of the server that actions of a kind go to.

        :raises ActionError: it is not configured
        """
        service = service_of(kind)
        address = self._addresses.get(service)
        if not address:
            name = f"SATCHEL_{service.upper()}_URL"
            raise ActionError(f"{kind}: {name} is not set: give the address of the server")
        return address

    def proposal(self, row: Row) -> Proposal:
        """The proposal that a row stands for.

        :raises ActionError: no service has its kind, its parameters do not fit, or it is for
            another server than the one that is configured
        """
        action = self.action(row["kind"], msgspec.json.decode(row["parameters"]))
        if (here := self.server(row["kind"])) != row["server"]:
            raise ActionError(f"it is for {row['server']}, and {here} is configured")
        return Proposal(action, reason=row["reason"], by=row["proposed_by"], item=row["item"])

    def action(self, kind: str, parameters: Mapping[str, Any]) -> Action:
        """An action of a kind.

        :param parameters: their values, or texts that stand for them
        :raises ActionError: there is no such kind, or a parameter is wrong or missing
        """
        cls = self.kinds.get(kind)
        if cls is None:
            known = ", ".join(sorted(self.kinds))
            raise ActionError(f"{kind}: no such kind{near(kind, self.kinds)} ({known})")
        try:
            return msgspec.convert(parameters, cls, strict=False)
        except msgspec.ValidationError as error:
            names = ", ".join(field.name for field in fields(cls))
            raise ActionError(f"{kind}: {_plainly(error)} (parameters: {names})") from None


def near(kind: str, kinds: Iterable[str]) -> str:
    """Which kind may have been meant: as :func:`satchel.errors.did_you_mean`."""
    return did_you_mean(kind, kinds, f"{service_of(kind)}.")


def named(item: Item | None) -> str:
    """An item by its type and key, as the audit names it."""
    if item is None:
        return ""
    key = "/".join(map(str, key_of(item) or ()))
    return f"{type_name(type(item))} {key}".rstrip()


def _plainly(error: msgspec.ValidationError) -> str:
    """What is wrong, without the value: it may be a secret in the wrong place."""
    said, _, place = str(error).partition(" - at `$.")
    return f"{place.rstrip('`')}: {said}" if place else said
