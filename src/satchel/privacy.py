"""The one gate that every decoded item, its payload and what it nests pass before anything else.

What is personal is declared where the field is (:class:`satchel.items.Personal`); what each level
does with it is said here. A withheld value is ``None`` and counts as a null that was sent, so that
the store forgets what it may have had.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Collection
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from satchel.items import Item, Personal, cached, field_names, fields_of, nested_fields

_NOTHING: Final[frozenset[str]] = frozenset()


class Level(IntEnum):
    """``SATCHEL_PRIVACY``. Each level includes those before it."""

    OFF = 0
    """Nothing is withheld."""
    JUNIORS = 1
    """Of a junior (a minor, by the service's own mark) only the id, the mark and links stay."""
    CAREFUL = 2
    """Nobody's identity flags or pronouns, and no names of bystanders. The default."""
    STRICT = 3
    """Names and texts are keyed, stable pseudonyms; nothing undocumented is kept."""


class Gate:
    """Applies one level to items, in place.

    :param level: what to withhold
    :param key: makes the pseudonyms of :attr:`Level.STRICT`; the same key, the same pseudonyms
    :param count: called with the name of a rule each time that it withheld something
    :param tighten: item → fields that are withheld besides; ``None``: all but key and links
    :param content: the namespaces of the services whose content is kept, at any level; that of the
        others (:func:`satchel.items.withheld`) is not
    :ivar is_no_minor: is called with each item that could be marked as a minor's and is not
    """

    def __init__(
        self,
        level: Level,
        key: bytes = b"",
        count: Callable[[str], None] = lambda rule: None,
        *,
        tighten: Callable[[Item], frozenset[str] | None] | None = None,
        content: Collection[str] = (),
    ) -> None:
        if level is Level.STRICT and not key:
            raise ValueError("the strict level needs a key")
        self.level = level
        self._key = key
        self._count = count
        self._tighten = tighten
        self._content = frozenset(content)
        self.is_no_minor: Callable[[Item], object] | None = None

    def admit(self, item: Any) -> Any:
        """Let *item* and what it nests through, without what the level withholds.

        An item that passed already, and what is no satchel item, is returned as it is.
        """
        if not isinstance(item, Item) or item._admitted is not None:
            return item
        item._admitted = _NOTHING  # A cycle of items ends here.
        withheld = _NOTHING
        if self.level >= Level.JUNIORS and _is_minor(item):
            withheld = self._blank(item)
        else:
            if self.is_no_minor is not None and item.minor is not None:
                self.is_no_minor(item)
            withheld = self._withhold_from(item)
        if self._guards(type(item)):
            withheld |= self._withhold_content(item)
        if self._tighten is not None:
            withheld |= self._withhold_more(item, self._tighten(item))
        item._admitted = withheld
        self._admit_nested(item)
        return item

    def _withhold_from(self, item: Item) -> frozenset[str]:
        withheld = self._withhold_identity(item) if self.level >= Level.CAREFUL else _NOTHING
        if self.level is Level.STRICT:
            self._pseudonymize(item)
        return withheld

    def withholds_from(self, cls: type[Item]) -> bool:
        """Whether it may change items of a class, or of the classes that these nest."""
        return self.level > Level.OFF or self._guards(cls) or self._tighten is not None

    def admit_again(self, item: Any) -> Any:
        """The same for an item that may have come to nest others since it passed (by a plugin)."""
        self.admit(item)
        if not isinstance(item, Item) or not (waiting := _parts(item)):
            return item
        seen = {id(item)}
        while waiting:
            part = self.admit(waiting.pop())
            if isinstance(part, Item) and id(part) not in seen:
                seen.add(id(part))
                waiting += _parts(part)
        return item

    def admit_value(self, item: Item, name: str, value: Any) -> Any:
        """What may become of *value* in a field of an item that passed already (a relation's).

        Items in it pass the gate; of a plain value the field's own rule decides.
        """
        if isinstance(value, list):
            for inner in value:
                self.admit(inner)
        else:
            self.admit(value)
        cls = type(item)
        if self.level >= Level.JUNIORS and _is_minor(item) and name not in kept_of_minors(cls):
            return None
        if self.level >= Level.CAREFUL and name in _unneeded(cls):
            return None
        if self._guards(cls) and name in content_of(cls):
            return None
        if self._tighten is not None:
            more = self._tighten(item)
            if name in more if more is not None else name not in kept_of_minors(cls):
                return None
        if self.level is Level.STRICT and name in _spoken(cls) and value:
            return self.pseudonym(value)
        return value

    def _guards(self, cls: type[Item]) -> bool:
        return cls.guarded and cls.namespace not in self._content

    def _admit_nested(self, item: Item) -> None:
        names = nested_fields(type(item))
        if not names:
            return
        unread = set(names)
        for name in names:
            value = getattr(item, name)
            if value is None:
                continue
            unread.discard(name)
            for inner in value if isinstance(value, list) else [value]:
                self.admit(inner)
            gated = [i.data for i in value] if isinstance(value, list) else value.data
            _put_in_payload(item, frozenset({name}), gated)
        if unread and (self.level is not Level.OFF or self._guards(type(item))):
            # What could not be read as an item cannot be judged either.
            _put_in_payload(item, frozenset(unread), None)

    # What withholds returns the names of the fields that it is about.

    def _withhold_more(self, item: Item, names: frozenset[str] | None) -> frozenset[str]:
        if names is None:
            return self._blank(item, "refused")
        if names:
            _blank_fields(item, names)
            _put_in_payload(item, names, None)
            self._count("tightened")
        return names

    def _blank(self, item: Item, rule: str = "junior") -> frozenset[str]:
        lost = _fields_but(type(item), kept_of_minors(type(item)))
        _blank_fields(item, lost)
        item._unsent = frozenset()
        _strip_payload(item, lost)
        item._bare = True
        self._count(rule)
        return lost

    def _withhold_identity(self, item: Item) -> frozenset[str]:
        names = _unneeded(type(item))
        if names:
            _blank_fields(item, names)
            _put_in_payload(item, names, None)
            identity = names & _of_kind(type(item), Personal.IDENTITY)
            self._count("identity" if identity else "bystander")
        return names

    def _withhold_content(self, item: Item) -> frozenset[str]:
        names = content_of(type(item))
        _blank_fields(item, names)
        _strip_payload(item, names)
        item._bare = True
        if names and item.key:
            self._count("content")
        return names

    def _pseudonymize(self, item: Item) -> None:
        spoken = _spoken(type(item))
        for name in spoken:
            if value := getattr(item, name):
                setattr(item, name, self.pseudonym(value))
        _strip_payload(item, spoken)
        if spoken:
            self._count("pseudonym")

    def pseudonym(self, value: Any) -> str | None:
        """A word that stands for *value*: the same each time, not to be guessed without the key.

        For what is no text there is none. A pseudonym, as recordings have it, stands for itself:
        its last digits tell that it was made with the key.
        """
        if not isinstance(value, str):
            return None
        if _PSEUDONYM.fullmatch(value) and value[15:] == self._digest(value[:15])[:6]:
            return value
        stem = f"~{self._digest(value)[:14]}"
        return stem + self._digest(stem)[:6]

    def _digest(self, value: str) -> str:
        data = value.encode(errors="surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()


_PSEUDONYM: Final = re.compile("~[0-9a-f]{20}")


def _is_minor(item: Item) -> bool:
    """Whether the item is marked as a minor's; a mark that cannot be read counts as one."""
    if item.minor is None:
        return False
    if getattr(item, item.minor) is not None or item.data is None:
        return bool(getattr(item, item.minor))
    marks = item.decoder.wire_keys(item.data, frozenset({item.minor}))
    return any(item.data[key] is not None for key in marks)


@cached
def kept_of_minors(cls: type[Item]) -> frozenset[str]:
    """What stays of an item about a minor: its key, its links, and the mark."""
    links = {f.name for f in fields_of(cls) if f.link}
    return frozenset({*links, *cls.key, *((cls.minor,) if cls.minor else ())})


@cached
def _of_kind(cls: type[Item], kind: Personal) -> frozenset[str]:
    return frozenset(f.name for f in fields_of(cls) if f.personal is kind)


@cached
def _spoken(cls: type[Item]) -> frozenset[str]:
    return _of_kind(cls, Personal.NAME) | _of_kind(cls, Personal.TEXT)


@cached
def _unneeded(cls: type[Item]) -> frozenset[str]:
    """What only the levels below :attr:`Level.CAREFUL` keep."""
    return _of_kind(cls, Personal.IDENTITY) | _of_kind(cls, Personal.BYSTANDER)


@cached
def content_of(cls: type[Item]) -> frozenset[str]:
    """The fields that are kept only where the service's setting allows it."""
    return frozenset(f.name for f in fields_of(cls) if f.content)


def _parts(item: Item) -> list[Any]:
    """What an item nests."""
    parts: list[Any] = []
    for name in nested_fields(type(item)):
        if (value := getattr(item, name)) is not None:
            parts += value if isinstance(value, list) else [value]
    return parts


def _blank_fields(item: Item, names: frozenset[str]) -> None:
    for name in names:
        setattr(item, name, None)
    item._unsent = _without(item._unsent, names)


@lru_cache(maxsize=1_000)
def _without(unsent: frozenset[str], names: frozenset[str]) -> frozenset[str]:
    """One set for all items of a shape, as before."""
    return unsent - names


def _put_in_payload(item: Item, names: frozenset[str], value: Any) -> None:
    """Replace what these fields are read from. The payload may be shared: it is copied."""
    if item.data is not None:
        keys = [k for k in item.decoder.wire_keys(item.data, names) if item.data[k] != value]
        if keys:
            item.data = {**item.data, **dict.fromkeys(keys, value)}


def _strip_payload(item: Item, names: frozenset[str]) -> None:
    """Null in the payload what these fields are read from, and all that is undocumented."""
    if item.data is None:
        return
    kept = item.decoder.wire_keys_but(item.data, names)
    if len(kept) < len(item.data):
        item.data = {key: value if key in kept else None for key, value in item.data.items()}


@cached
def _fields_but(cls: type[Item], names: frozenset[str]) -> frozenset[str]:
    return field_names(cls) - names
