"""What a handler of the sandbox gets, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from satchel.recnet.sandbox.render import Dialect, Renderer, Variant
from satchel.recnet.world import Kind, World
from satchel.recnet.world.index import Index

Values = Mapping[str, Sequence[str]]
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox behaves where servers differ or a test wants a choice."""

    key: str | None = None
    """The subscription key that apim and api paths require. None: any key that is not empty."""
    api_needs_key: bool = True
    """False: the api host as it was in 2022 (dialect L0), without keys."""
    max_take: int = 1000
    default_take: int = 64
    body_limit: int = 10_240
    over_limit: Literal["cap", "reject"] = "cap"
    """What a bulk body over the limit does: lose its last values silently, or get a 413."""
    inventions_in_public: bool = False
    gzip: bool = False
    """True: replies are compressed for clients that accept it."""
    seed: int = 1
    """Of the order of bulk replies."""


class Missing(Exception):
    """The object does not exist or is private (reference section 3)."""


class Invalid(Exception):
    """A parameter is missing or wrong (reference section 3)."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = reason


def integer(name: str, text: str, least: int = 0) -> int:
    """A number from a path, query or form, or :class:`Invalid`."""
    try:
        number = int(text)
    except ValueError:
        number = -_LARGEST
    if not least <= number <= _LARGEST:
        raise Invalid(name, f"The value '{text}' is not valid.")
    return number


@dataclass(frozen=True, slots=True)
class Site:
    """One world being served."""

    world: World
    options: SandboxOptions
    renderer: Renderer = field(init=False)
    index: Index = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "renderer", Renderer(self.world))
        object.__setattr__(self, "index", Index(self.world, self.options.seed))


@dataclass(frozen=True, slots=True)
class Call:
    """One request: where it goes, and its values with lower-case names and without ``[]``."""

    site: Site
    dialect: Dialect
    path_id: str
    values: Values

    @property
    def id(self) -> int:
        """The id in the path."""
        return integer("id", self.path_id)

    def text(self, name: str) -> str:
        """A text that must be given."""
        if not (found := self.values.get(name)):
            raise Invalid(name, f"The {name} field is required.")
        return found[0]

    def number(self, name: str, default: int | None = None, least: int = 0) -> int:
        """A number, or its default."""
        if name not in self.values and default is not None:
            return default
        return integer(name, self.text(name), least)

    def bulk_ids(self) -> list[int]:
        """All values of ``id`` and ``ids``."""
        return [integer("id", text) for text in self._all("id", "ids")]

    def bulk_names(self) -> list[str]:
        """All values of ``name`` and ``names``."""
        return self._all("name", "names")

    def _all(self, *names: str) -> list[str]:
        return [text for name in names for text in self.values.get(name, ())]

    def page(self, ids: Sequence[int]) -> Sequence[int]:
        """One page of a list by ``take`` and ``skip`` (reference section 2)."""
        options = self.site.options
        take = min(self.number("take", options.default_take), options.max_take)
        skip = self.number("skip", 0)
        return ids[skip : skip + take]

    def one(self, kind: Kind, id_: int | None) -> bytes:
        """One object, or :class:`Missing`."""
        if id_ is None or not self.site.world.is_visible(kind, id_):
            raise Missing
        return self.site.renderer.one(kind, id_, self.dialect)

    def many(self, kind: Kind, ids: Sequence[int], variant: Variant = "plain") -> bytes:
        """A list of objects."""
        return self.site.renderer.many(kind, ids, self.dialect, variant)

    def bulk(self, kind: Kind, ids: Sequence[int], variant: Variant = "plain") -> bytes:
        """Those that exist and are not private, each once, in no promised order (section 2)."""
        index = self.site.index
        return self.many(kind, index.shuffled(index.visible(kind, ids)), variant)
