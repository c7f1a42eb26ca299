"""What a service's items are made of: :class:`Item`, and how a class of items is read.

An item class is a slotted dataclass whose fields are the documented ones. ``client`` and ``data``
belong to the base class and are no fields: they appear in no export, ``repr`` or comparison.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import operator
import re
import types
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from satchel.errors import NoClient

if TYPE_CHECKING:
    from satchel.client import Client
    from satchel.decode import Decoder

Function = TypeVar("Function", bound=Callable[..., Any])


def cached(function: Function) -> Function:
    """:func:`functools.cache` with the type of *function*: mypy takes no class for hashable."""
    return typing.cast("Function", functools.cache(function))


class Personal(Enum):
    """Why a field is personal data. ``privacy.py`` says what each level does with which."""

    IDENTITY = "identity"
    """Self-declared gender, orientation or pronouns."""
    NAME = "name"
    """A name that a person or a thing of theirs goes by, or the file name of their picture."""
    TEXT = "text"
    """Something that a person wrote."""
    BYSTANDER = "bystander"
    """A name or a picture of somebody who only happens to occur: a commenter, a chat's author."""


LINK: Mapping[str, Any] = {"link": True}
"""Field metadata: the value is the id of another item (kept where everything else is withheld)."""


def personal(kind: Personal, examples: Iterable[Any] = ()) -> Any:
    """Declare a field of an item as personal data (default ``None``)."""
    return dataclasses.field(default=None, metadata={"personal": kind, **_schema(examples)})


def withheld(kind: Personal | None = None) -> Any:
    """Declare a field as content, which is kept only where the service's setting allows it.

    :param kind: why it is personal data too; that is for where it is kept
    """
    return dataclasses.field(default=None, metadata={"content": True, "personal": kind})


def link() -> Any:
    """Declare a field of an item as the id, or ids, of other items (default ``None``)."""
    return dataclasses.field(default=None, metadata=LINK)


def documented(examples: Iterable[Any]) -> Any:
    """Declare a field with documented values, which its JSON schema gives as examples."""
    return dataclasses.field(default=None, metadata=_schema(examples))


def exported(value: Any) -> Any:
    """A value as feeds have it: points in time as ISO 8601, with the offset of those that have one.

    Scrapy would leave out fractions of seconds and offsets.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [exported(member) for member in value]
    if isinstance(value, Item):
        return {name: exported(getattr(value, name)) for name in _field_order(type(value))}
    return value


def moment(*, zoned: bool = True) -> Any:
    """Declare a field as a point in time (a ``datetime``; default ``None``).

    :param zoned: in UTC; else as a clock showed it somewhere, without an offset
    """
    return _described({"type": "string", "format": "date-time"}, zoned=zoned)


def nested(name: str, *, many: bool = False, content: bool = False) -> Any:
    """Declare a field that holds an item of the class *name*, or a list of them.

    ``ItemAdapter.get_json_schema`` writes nested classes out wherever they occur, which grows
    without measure for classes that refer to each other. This keeps it at the class's name.

    :param content: the field is content: :func:`withheld`
    """
    one: dict[str, Any] = {"type": "object", "title": name}
    return _described({"type": "array", "items": one} if many else one, content=content)


def _described(schema: dict[str, Any], **metadata: Any) -> Any:
    """A field whose values have this JSON schema, and that feeds take from :func:`exported`."""
    schema = {"anyOf": [{"type": "null"}, schema]}
    metadata |= {"json_schema_extra": schema, "serializer": exported}
    return dataclasses.field(default=None, metadata=metadata)


def _schema(examples: Iterable[Any]) -> dict[str, Any]:
    shown = list(examples)
    return {"json_schema_extra": {"examples": shown}} if shown else {}


class Item:
    """The base of all item classes.

    A field is a value, ``None`` that was sent, or ``None`` because it was not sent;
    :meth:`was_sent` tells the last two apart. The store writes the second and leaves what it has
    in the case of the third.

    Item classes are decorated with ``@dataclass(slots=True, init=False)`` and give:

    :cvar namespace: the service's word, such as ``"recnet"``; with the class's name it makes the
        table's name
    :cvar key: the fields that identify one item; empty for a part that only exists in its owner
    :cvar minor: the field that is true when the item is about a minor
    :cvar guarded: the service has content (:func:`withheld`): where that is not kept, nothing is
        that the documentation does not name
    :cvar decoder: makes items of the class from JSON objects (set by the service's ``wire.py``)
    :ivar client: the client of the crawl that made the item, else ``None``
    :ivar data: the JSON object that the item was made from, after the privacy gate, else ``None``
    """

    __slots__ = ("_admitted", "_apart", "_bare", "_unsent", "client", "data")

    namespace: ClassVar[str] = ""
    key: ClassVar[tuple[str, ...]] = ()
    minor: ClassVar[str | None] = None
    guarded: ClassVar[bool] = False

    if TYPE_CHECKING:  # get_type_hints(), also itemadapter's, cannot resolve these names
        decoder: ClassVar[Decoder[Any]]
        client: Client | None
        data: Mapping[str, Any] | None
        _unsent: frozenset[str]
        _admitted: frozenset[str] | None  # what the privacy gate withheld; None: it has not passed
        _apart: bool  # goes to the store by itself, not with whoever nests it
        _bare: bool  # nothing undocumented may be kept of it, nor what was stored of that

    def __init__(self, data: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Make an item from a JSON object of the service, from keywords, or from both.

        :param data: a JSON object as the service sends it
        :param fields: values by the documented names; they win over *data*. ``None`` counts as
            not sent, so that :func:`dataclasses.replace` makes no nulls that would erase
        :raises DecodeError: *data* is no such item
        :raises TypeError: a keyword is no field of the class
        """
        self._fill(None, data, fields)

    def _fill(
        self, client: Client | None, data: Mapping[str, Any] | None, fields: dict[str, Any]
    ) -> None:
        names = field_names(type(self))
        if unknown := fields.keys() - names:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        self.client = client
        self.data = None
        self._admitted = None
        self._apart = self._bare = False
        self._unsent = names
        for name in names:
            setattr(self, name, None)
        if data is not None:
            self.decoder.patch(self, data)
        for name, value in fields.items():
            setattr(self, name, value)
        self._unsent -= {name for name, value in fields.items() if value is not None}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], client: Client | None = None) -> Self:
        """Make an item from one JSON object, in any dialect of the service.

        :raises DecodeError: *data* is no such item
        """
        item: Self = cls.decoder(data, client)
        return item

    def was_sent(self, name: str) -> bool:
        """Whether the field has a value, or the server sent (or the privacy gate made) a null."""
        return name not in self._unsent or getattr(self, name) is not None


ItemClass = type[Item]


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of an item class, as its annotation and metadata declare it."""

    name: str
    type: type
    """The Python type of the value, or of each member when :attr:`many`."""
    many: bool
    """A list."""
    personal: Personal | None
    link: bool
    content: bool
    """Withheld unless the service's setting allows it."""
    zoned: bool
    """Of a point in time: it is in UTC, and not as a clock showed it somewhere."""

    @property
    def item_type(self) -> ItemClass | None:
        """The class of the nested items, else ``None``."""
        return self.type if issubclass(self.type, Item) else None


@cached
def fields_of(cls: type[Item]) -> tuple[FieldInfo, ...]:
    """The fields of an item class in the order of their declaration."""
    hints = typing.get_type_hints(cls)
    return tuple(_field_info(f, hints[f.name]) for f in dataclasses.fields(cls))  # type: ignore[arg-type]


def _field_info(field: dataclasses.Field[Any], hint: Any) -> FieldInfo:
    kind, many = _unwrapped(hint)
    said = field.metadata
    return FieldInfo(
        field.name, kind, many,
        said.get("personal"), said.get("link", False), said.get("content", False),
        said.get("zoned", True),
    )  # fmt: skip


def _unwrapped(hint: Any) -> tuple[type, bool]:
    """The type that an annotation is about, and whether it is about a list of that."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (hint,) = (a for a in typing.get_args(hint) if a is not type(None))
    many = typing.get_origin(hint) is list
    return (typing.get_args(hint)[0] if many else hint), many


@cached
def field_names(cls: type[Item]) -> frozenset[str]:
    """The names of an item class's fields."""
    return frozenset(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]


@cached
def _field_order(cls: type[Item]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]


@cached
def nested_fields(cls: type[Item]) -> tuple[str, ...]:
    """The names of the fields that hold items."""
    return tuple(f.name for f in fields_of(cls) if f.item_type)


@cached
def type_name(cls: type[Item]) -> str:
    """The type's name in the store, the stats and the command line: ``recnet_sub_room`` …"""
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    return f"{cls.namespace}_{word}"


def key_of(item: Item) -> tuple[Any, ...] | None:
    """What identifies an item among those of its class; ``None``: nothing does."""
    key = tuple([getattr(item, name) for name in item.key])
    return None if not key or None in key else key


def without_cycles(item: Item, path: tuple[Item, ...] = ()) -> Item:
    """The item itself, or a copy in which no item comes back on its own path: there is ``None``."""
    nested = _nested(item)
    if not any(_leads_on(value) for value in nested.values()):  # Most do not.
        return item
    path = (*path, item)
    cut: dict[str, Any] = {}
    for name, value in nested.items():
        inner = value if isinstance(value, list) else [value]
        kept = [without_cycles(i, path) for i in inner if not any(i is above for above in path)]
        if len(kept) < len(inner) or any(a is not b for a, b in zip(kept, inner, strict=True)):
            cut[name] = kept if isinstance(value, list) else next(iter(kept), None)
    return with_values(item, cut)


def with_values(item: Item, values: Mapping[str, Any]) -> Item:
    """A copy of an item that has these values; the item itself if there are none."""
    if not values:
        return item
    item = copy.copy(item)
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _nested(item: Item) -> dict[str, Any]:
    """The fields that hold items now, and what they hold."""
    names, values = _nested_values(type(item))
    found = values(item)
    return {n: v for n, v in zip(names, found, strict=True) if v} if any(found) else {}


def _leads_on(value: Item | list[Item]) -> bool:
    """Whether an item, or one of a list, holds items itself."""
    if isinstance(value, list):
        return any(map(_leads_on, value))
    return any(_nested_values(type(value))[1](value))


@cached
def _nested_values(
    cls: type[Item],
) -> tuple[tuple[str, ...], Callable[[Item], tuple[Any, ...]]]:
    """The names of the fields that hold items, and what reads all of them at once."""
    names = nested_fields(cls)
    if len(names) > 1:
        return names, operator.attrgetter(*names)
    return names, lambda item: tuple(getattr(item, name) for name in names)


@dataclass(frozen=True, slots=True)
class Relation:
    """What :func:`relation` declares."""

    method: str
    operation: str
    """The service's operation that answers it, such as ``accounts.by_id``."""
    field: str | None
    """The field that keeps the result."""
    keys: Mapping[str, str]
    """Operation parameter → the field that has its value: the item's, or its members'."""
    defaults: Mapping[str, Any]
    """The method's own parameters and their defaults, without ``force``."""
    after: str | None = None
    """The field that has to be filled before, by its own relation if it has one."""
    members: Mapping[str, str] | None = None
    """Of a relation of the members of the list in :attr:`after`: the members' field that gets an
    item → the members' field that has its key."""
    fresh: bool = False
    """A call asks anew each time."""

    @property
    def name(self) -> str:
        """The relation's word: the field's name, or the method's without ``get_``, ``resolve_``."""
        return self.field or self.method.removeprefix("get_").removeprefix("resolve_")


@dataclass(frozen=True, slots=True)
class AddedRelation:
    """A relation that a plugin adds to a class of items, and answers for many of them at once.

    :ivar of: the class of the items that have it
    :ivar name: its word in ``include=``
    :ivar to: the class of the items that it leads to; ``None``: to a value, or several
    :ivar field: the field of *of* that keeps the answer; ``None``: none does, and what is found
        only goes out as items of their own
    :ivar help: a line on what it is
    """

    of: type[Item]
    name: str
    to: type[Item] | None = None
    field: str | None = None
    help: str = ""

    def __str__(self) -> str:
        return f"{self.of.__name__}.{self.name}"


def client_of(item: Item, method: str) -> Client:
    """The client of the crawl that made the item.

    :param method: what was called, for the message
    :raises NoClient: there is none
    """
    if item.client is None:
        raise NoClient(
            f"{type(item).__name__}.{method}(): this item belongs to no running crawl; "
            f"items that a spider yields or a client returns do"
        )
    return item.client


Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


def relation(
    operation: str, field: str | None, *, after: str | None = None, **keys: str
) -> Callable[[Method], Method]:
    """Declare a documented ``async`` method as a relation. Its body is never run.

    The method's other parameters (``take``, ``skip``, ``sort``, ``include``) go to the operation
    by their names; ``force`` fetches anew.

    :param operation: the service's operation that answers it
    :param field: the field that keeps the result; ``None``: the documentation names none
    :param after: the field that has to be filled before, by its own relation; then the call asks
        anew each time, and ``force`` is about that field
    :param keys: operation parameter → the item's field that has its value; when that is
        ``None`` there is nothing to ask, and the result is ``None``
    """
    return _declaration(operation, field=field, keys=keys, after=after, fresh=after is not None)


def members(operation: str, of: str, **links: str) -> Callable[[Method], Method]:
    """Declare a documented ``async`` method that sets items on the members of a list.

    A call asks for them anew each time, and returns the list; ``force`` fetches the list anew, too.

    :param operation: the service's operation that answers it, by ids
    :param of: the item's field that has the list; its own relation, if there is one, fetches it
    :param links: the members' field that gets an item → the members' field that has its key
    """
    return _declaration(operation, field=None, keys={}, after=of, members=links, fresh=True)


def _declaration(operation: str, **declaration: Any) -> Callable[[Method], Method]:
    def declare(method: Method) -> Method:
        signature = inspect.signature(method)
        defaults = {
            name: parameter.default
            for name, parameter in signature.parameters.items()
            if name not in ("self", "force")
        }
        declared = Relation(
            method=method.__name__, operation=operation, defaults=defaults, **declaration
        )

        @functools.wraps(method)
        async def related(self: Item, *args: Any, **kwargs: Any) -> Any:
            client = client_of(self, declared.method)
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            arguments.pop("self")
            force = arguments.pop("force", False)
            return await client.relate(self, declared, arguments, force=force)

        related.__relation__ = declared  # type: ignore[attr-defined]
        return typing.cast("Method", related)

    return declare


@cached
def relations_of(cls: type[Item]) -> Mapping[str, Relation]:
    """The relations that a class declares, by their words."""
    found = (getattr(method, "__relation__", None) for method in vars(cls).values())
    return {declared.name: declared for declared in found if declared is not None}


def relation_of_field(cls: type[Item], field: str) -> Relation | None:
    """The relation that fills a field from the beginning, if there is one."""
    declared = relations_of(cls).get(field)
    return declared if declared and declared.after is None else None


def complete(item: Item, richer: Item) -> None:
    """Give an item the fields that it lacks and a richer answer about the same thing has.

    What the item has stays as it is: the privacy gate or a plugin may have withheld something.
    """
    for name in item._unsent - richer._unsent:
        if getattr(item, name) is None:
            setattr(item, name, getattr(richer, name))
    item._unsent &= richer._unsent
    item.data = {**(richer.data or {}), **(item.data or {})}


@cached
def leads_to(cls: type[Item], name: str) -> type[Item] | None:
    """The class of the items that a relation of a class leads to; ``None``: to no items."""
    declared = relations_of(cls)[name]
    field = declared.field
    if declared.members:
        (after,) = (f for f in fields_of(cls) if f.name == declared.after)
        cls, field = after.type, next(iter(declared.members))
    if field is None:
        kind, _ = _unwrapped(typing.get_type_hints(getattr(cls, declared.method))["return"])
        return kind if issubclass(kind, Item) else None
    return next(f.item_type for f in fields_of(cls) if f.name == field)
