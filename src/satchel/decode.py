"""JSON objects → items, by a declared table: the tool that each service's ``wire.py`` is made of.

Servers of one API vary in key case, order and presence, but one server's answers mostly have the
same keys in the same order. So a :class:`Decoder` writes a straight-line function for each such
shape once (as ``dataclasses`` does for ``__init__``) and, where a value is not what it should be,
falls back to a patient loop over the same table. Both give the same item; a test holds them equal.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from satchel.errors import DecodeError
from satchel.items import Item, field_names

if TYPE_CHECKING:
    from satchel.client import Client

T = TypeVar("T", bound=Item)

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
MAX_SHAPES: Final = 64
"""Shapes of which something is remembered; more than a server has, unless it means harm."""

_UNUSABLE = (ValueError, TypeError, KeyError, OverflowError, AttributeError, DecodeError)


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a field is in the JSON object, and how its value is read.

    :ivar keys: the wire's name, then other spellings in use; case is ignored
    :ivar convert: value → field; only sees values that are not null; raises ``ValueError`` or
        ``TypeError`` for what it cannot use (the field is then ``None``, as if not sent)
    :ivar exact: a type whose values need no conversion
    :ivar codes: whole numbers that need no more than looking up
    :ivar null: what a null that was sent means
    :ivar within: the key of the object that the value is nested in
    """

    keys: tuple[str, ...]
    convert: Callable[[Any], Any]
    exact: type | None = None
    null: Any = None
    within: str | None = None
    codes: Mapping[int, Any] | None = None


class Decoder(Generic[T]):
    """Makes items of one class from JSON objects.

    :param cls: the item class; it learns of its decoder here
    :param table: field → :class:`Wire`; fields that no answer fills (relations) are left out
    :param required: fields without which the object is no such item; default: the class's key
    """

    def __init__(
        self, cls: type[T], table: Mapping[str, Wire], required: tuple[str, ...] | None = None
    ) -> None:
        self.cls = cls
        self.table = dict(table)
        self.required = cls.key if required is None else required
        self._known = _wire_keys(self.table)
        self._functions: dict[tuple[str, ...], Callable[[T, Any], None]] = {}
        self._extras: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._others: dict[tuple[tuple[str, ...], frozenset[str]], frozenset[str]] = {}
        self._sources: dict[tuple[tuple[str, ...], frozenset[str]], frozenset[str]] = {}
        cls.decoder = self

    def __call__(self, data: Any, client: Client | None = None) -> T:
        """Make an item.

        :raises DecodeError: *data* is no object, or lacks what identifies an item
        """
        item: T = object.__new__(self.cls)
        item.client = client
        try:
            self._function(data)(item, data)
        except _UNUSABLE:
            self._patiently(item, data)
            for name in self.required:
                if getattr(item, name) is None:
                    reason = f"no usable {self.table[name].keys[0]}"
                    raise DecodeError(self.cls.__name__, reason) from None
        return item

    def patch(self, item: T, data: Any) -> None:
        """Set the fields that *data* has; the others keep what they hold.

        :raises DecodeError: *data* is no object
        """
        fresh: T = object.__new__(self.cls)
        self._patiently(fresh, data)
        for name in field_names(self.cls) - fresh._unsent:
            setattr(item, name, getattr(fresh, name))
        item._unsent &= fresh._unsent
        item._admitted = None
        item._bare = False
        item.data = data

    def extra(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """What *data* has and the documentation does not name, or ``None``."""
        shape = tuple(data)
        keys = self._extras.get(shape)
        if keys is None:
            keys = tuple(k for k in shape if k.lower() not in self._known)
            if len(self._extras) < MAX_SHAPES:
                self._extras[shape] = keys
        return {key: data[key] for key in keys} or None

    def wire_keys(self, data: Mapping[str, Any], names: frozenset[str]) -> frozenset[str]:
        """The keys of *data* from which the fields *names* are read."""
        shape = (tuple(data), names)
        keys = self._sources.get(shape)
        if keys is None:
            wanted = {k for name in names & self.table.keys() for k in _top_keys(self.table[name])}
            keys = frozenset(key for key in data if key.lower() in wanted)
            if len(self._sources) < MAX_SHAPES:
                self._sources[shape] = keys
        return keys

    def wire_keys_but(self, data: Mapping[str, Any], names: frozenset[str]) -> frozenset[str]:
        """The keys of *data* from which only other fields than *names* are read."""
        shape = (tuple(data), names)
        keys = self._others.get(shape)
        if keys is None:
            others = frozenset(self.table) - names
            keys = self.wire_keys(data, others) - self.wire_keys(data, names)
            if len(self._others) < MAX_SHAPES:
                self._others[shape] = keys
        return keys

    def _function(self, data: Any) -> Callable[[T, Any], None]:
        if data.__class__ is not dict:
            raise TypeError("not of the usual shape")
        shape = tuple(data)
        function = self._functions.get(shape)
        if function is None:
            if len(self._functions) >= MAX_SHAPES:
                raise TypeError("one shape too many")
            function = self._functions[shape] = self._compile(shape)
        return function

    def _compile(self, shape: tuple[str, ...]) -> Callable[[T, Any], None]:
        """The function for objects with these keys; it raises where the patient one is needed."""
        present = _find_keys(self.table, shape)
        scope: dict[str, Any] = {"INT64_MIN": INT64_MIN, "INT64_MAX": INT64_MAX}
        lines = [
            "def decode(item, data):",
            " item.data = data",
            " item._admitted = None",
            " item._apart = item._bare = False",
        ]
        for position, (name, (wire, key)) in enumerate(present.items()):
            scope[f"convert{position}"] = wire.convert
            scope[f"null{position}"] = wire.null
            scope[f"codes{position}"] = wire.codes
            lines += _read(name, wire, key, position)
        # Shared by all items of the shape, so it has to be one that nobody can change.
        absent = frozenset(field_names(self.cls) - set(present))
        if absent:
            lines.append(f" {' = '.join(f'item.{name}' for name in sorted(absent))} = None")
        lines.append(" item._unsent = unsent")
        missing = " or ".join(f"item.{name} is None" for name in self.required)
        if missing:
            lines.append(f" if {missing}: raise KeyError")
        scope["unsent"] = absent
        exec("\n".join(lines), scope)
        function: Callable[[T, Any], None] = scope["decode"]
        return function

    def _patiently(self, item: T, data: Any) -> None:
        """The same for any object: what cannot be used is left out, alone."""
        if not isinstance(data, Mapping):
            raise DecodeError(self.cls.__name__, f"expected an object, got {type(data).__name__}")
        item.data = data
        item._admitted = None
        item._apart = item._bare = False
        unsent = set(field_names(self.cls))
        present = _find_keys(self.table, tuple(data))
        for name in field_names(self.cls):
            setattr(item, name, None)
            if name in present:
                with contextlib.suppress(*_UNUSABLE):
                    setattr(item, name, _patient_value(*present[name], data))
                    unsent.discard(name)
        item._unsent = frozenset(unsent)


def _top_keys(wire: Wire) -> tuple[str, ...]:
    return (wire.within.lower(),) if wire.within else tuple(k.lower() for k in wire.keys)


def _wire_keys(table: Mapping[str, Wire]) -> frozenset[str]:
    return frozenset(key for wire in table.values() for key in _top_keys(wire))


def _find_keys(table: Mapping[str, Wire], shape: tuple[Any, ...]) -> dict[str, tuple[Wire, str]]:
    """Field → how it is read, and the key that this shape has for it."""
    by_lower: dict[str, str] = {}
    for key in shape:
        if isinstance(key, str):
            by_lower.setdefault(key.lower(), key)
    found = {}
    for name, wire in table.items():
        for key in _top_keys(wire):
            if key in by_lower:
                found[name] = (wire, by_lower[key])
                break
    return found


def _read(name: str, wire: Wire, key: str, position: int) -> list[str]:
    """The lines that set one field."""
    value = f"data[{key!r}]" + (f"[{wire.keys[0]!r}]" if wire.within else "")
    lines = [f" v = {value}"]
    test = ""
    if wire.exact is not None:
        test = f"v.__class__ is {wire.exact.__name__}"
        if wire.exact is int:
            test += " and INT64_MIN <= v <= INT64_MAX"
        lines.append(f" if {test}: item.{name} = v")
    elif wire.codes is not None:
        test = f"v.__class__ is int and v in codes{position}"
        lines.append(f" if {test}: item.{name} = codes{position}[v]")
    lines += [
        f" {'elif' if test else 'if'} v is None: item.{name} = null{position}",
        f" else: item.{name} = convert{position}(v)",
    ]
    return lines


def _patient_value(wire: Wire, key: str, data: Mapping[str, Any]) -> Any:
    value = data[key]
    if wire.within:
        wanted = wire.keys[0]
        inner = next((k for k in value if k.lower() == wanted.lower()), wanted)
        value = value[wanted if wanted in value else inner]
    return wire.null if value is None else wire.convert(value)


# What a table is written with: each returns the Wire of one field.


def text(*keys: str) -> Wire:
    """A string."""
    return Wire(keys, _text, str)


def identifier(*keys: str) -> Wire:
    """What tells things apart, as a string: not an empty one; a whole number is one, too."""
    return Wire(keys, _identifier)


def integer(*keys: str, within: str | None = None) -> Wire:
    """A whole number of 64 bits, or one in a string."""
    return Wire(keys, _integer, int, within=within)


def number(*keys: str) -> Wire:
    """A number, as ``float``."""
    return Wire(keys, _number, float)


def flag(*keys: str, null: bool | None = None) -> Wire:
    """A boolean; 0 and 1 count."""
    return Wire(keys, _flag, bool, null=null)


def unix(*keys: str) -> Wire:
    """A date, as whole UNIX seconds (reference section 7)."""
    return Wire(keys, unix_seconds)


def utc(*keys: str) -> Wire:
    """A point in time, as a ``datetime`` in UTC: ISO 8601, RFC 1123 or UNIX seconds.

    Without an offset it is UTC; the year 1, a default, is ``None``.
    """
    return Wire(keys, _utc)


def wall_clock(*keys: str) -> Wire:
    """The same, as somebody's clock showed it somewhere: a ``datetime`` without an offset."""
    return Wire(keys, _wall_clock)


def integers(*keys: str) -> Wire:
    """A list of whole numbers."""

    def convert(value: Any) -> list[int]:
        return [
            v if type(v) is int and INT64_MIN <= v <= INT64_MAX else _integer(v)
            for v in _sequence(value)
        ]

    return Wire(keys, convert)


def texts(*keys: str) -> Wire:
    """A list of strings."""
    return Wire(keys, lambda value: [_text(v) for v in _sequence(value)])


def part(decoder: Decoder[Any], *keys: str) -> Wire:
    """One nested item."""
    return Wire(keys, decoder)


def parts(decoder: Decoder[Any], *keys: str) -> Wire:
    """A list of nested items: all of them, or the list counts as not sent."""
    return Wire(keys, lambda value: [decoder(v) for v in _sequence(value)])


def word(names: Mapping[int, str | None], *keys: str) -> Wire:
    """An enumeration, as its documented word; ``"Unknown (N)"`` for a value without one."""
    codes = dict(names)
    words = frozenset(names.values())

    def convert(value: Any) -> str | None:
        if isinstance(value, str) and value in words:
            return value
        code = _integer(value)
        return codes.get(code, f"Unknown ({code})")

    return Wire(keys, convert, codes=codes)


def mask(names: Mapping[int, str], *keys: str) -> Wire:
    """A bitmask, as the documented names in the order of their bits; -1 is all of them.

    Bits without a name are left out (the number itself stays in the item's ``data``).
    """
    every = 0
    for bit in names:
        every |= bit
    known: dict[int, list[str]] = {}

    def convert(value: Any) -> list[str]:
        if value.__class__ is int and value in known:
            return known[value].copy()
        bits = _integer(value) & every
        if bits not in known:
            known[bits] = [name for bit, name in names.items() if bits & bit]
        return known[bits].copy()

    return Wire(keys, convert)


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _integer(value: Any) -> int:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    if isinstance(value, bool):
        raise TypeError("not a number")
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"-?[0-9]{1,19}", value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not INT64_MIN <= value <= INT64_MAX:
        raise ValueError("not a whole number of 64 bits")
    return value


def _identifier(value: Any) -> str:
    if isinstance(value, str):
        if not value:
            raise ValueError("empty")
        return value
    return str(_integer(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)


def _flag(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError("not a boolean")
    return bool(value)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unix_seconds(value: Any) -> int | None:
    """Whole UNIX seconds of a date as servers write it, truncated (reference section 7).

    ISO 8601 with any number of fractional digits; without an offset it is UTC; the year 1 (a
    default of .NET) is ``None``; ``09/04/2023 06:44:55 PM``, seen for a week in 2023, is UTC.

    :raises ValueError: *value* is no date
    """
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = datetime.strptime(value, "%m/%d/%Y %I:%M:%S %p")
    if moment.year == 1:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return since.days * 86400 + since.seconds


def _utc(value: Any) -> datetime | None:
    moment = _moment(value)
    if moment.year == 1:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _wall_clock(value: Any) -> datetime | None:
    moment = _moment(value)
    return None if moment.year == 1 else moment.replace(tzinfo=None)


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        return _EPOCH + timedelta(seconds=_number(value))
    if value[:1].isalpha():
        return datetime.strptime(value, "%a, %d %b %Y %H:%M:%S GMT")
    return datetime.fromisoformat(value)
