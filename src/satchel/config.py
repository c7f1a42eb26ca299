"""All settings of satchel in one frozen, typed object, read once for each crawl.

A setting is a field of a struct: :class:`Config` has satchel's own (``store`` is
``SATCHEL_STORE``), each service brings a struct of its own (``url`` is ``SATCHEL_RECNET_URL``).
A value comes from Scrapy's settings (``settings.py``, ``-s``), else from an environment variable
of the same name. A :class:`Secret` comes from the environment or from the file that ``…_FILE``
names, never from Scrapy's settings: those are printed, and ``-s`` is in the process list.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields
from scrapy.settings import BaseSettings

from satchel.errors import ConfigError, did_you_mean
from satchel.privacy import Level
from satchel.secrets import ADVICE, within
from satchel.service import Service

PREFIX: Final = "SATCHEL_"


class Secret:
    """A credential. It shows as ``[secure]`` wherever it is printed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself, for the one place that sends it."""
        return self._value

    def fingerprint(self) -> str:
        """A word that tells credentials apart and does not show them."""
        return blake2b(self._value.encode(), digest_size=8, person=b"satchel").hexdigest()

    def __repr__(self) -> str:
        return "[secure]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        extra={"expected": "an http(s):// address without user, query or fragment"},
    ),
]


DOCUMENT: Final = {"document": True}
"""``extra`` of a :class:`Secret` that is structured: JSON, or the path of a TOML file. Its value is
JSON then."""


Rate = Annotated[str, Meta(pattern="^(off|[1-9][0-9]{0,8}/(second|minute|hour|day))$")]


class Config(Struct, frozen=True, kw_only=True):
    """satchel's own settings. Each field's description is its documentation."""

    actions: Annotated[
        Literal["off", "on"],
        Meta(
            description="Whether actions are sent, which change something on a server. `off`: a "
            "dry run, which shows them: docs/actions.md."
        ),
    ] = "off"
    actions_allow: Annotated[
        list[str],
        Meta(
            description="Kinds of actions that are sent only if they are named here: those that "
            "change roles or passwords."
        ),
    ] = []
    actions_limit: Annotated[
        int, Meta(ge=0, description="Actions that one run (a crawl, a `satchel act run`) sends.")
    ] = 100
    actions_limits: Annotated[
        dict[str, Annotated[int, Meta(ge=0)]],
        Meta(
            description="The same by kind.",
            extra={"expected": 'a JSON object such as {"kemono.approve_link_request": 20}'},
        ),
    ] = {}
    actions_per_minute: Annotated[
        int,
        Meta(ge=1, description="Actions that are sent within a minute, by all runs together."),
    ] = 30
    actions_refusals: Annotated[
        int, Meta(ge=1, description="Refusals of a server after which a run sends no more.")
    ] = 10
    actions_settle: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds for which a server may go on showing what was before a change. "
            "What was sent and not answered is looked up after that.",
        ),
    ] = 60.0
    backoff: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds before a request that failed is repeated; twice as many each "
            "further time, up to a minute.",
        ),
    ] = 1.0
    blocked_plugins: Annotated[
        list[str],
        Meta(
            description="Names of plugins that are left out, with their settings; "
            "`satchel plugins` lists all."
        ),
    ] = []
    browser_path: Annotated[
        str,
        Meta(
            description="The program of the browser that opens pages, where some are asked for: "
            "docs/browser.md."
        ),
    ] = "/usr/bin/chromium"
    browser_seconds: Annotated[
        float,
        Meta(
            ge=1,
            description="Seconds that a page may take in all; a login in a browser is one page.",
        ),
    ] = 30.0
    cassette: Annotated[
        str,
        Meta(
            pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*)?$",
            extra={"expected": "a name such as rooms or kemono/login"},
            description="The recording that the crawl makes or is replayed from: "
            "docs/recordings.md; empty: none.",
        ),
    ] = ""
    cassette_folder: Annotated[str, Meta(description="The folder that recordings are in.")] = (
        "cassettes"
    )
    cassette_format: Annotated[
        str,
        Meta(
            description="How recordings are written: `json`; `readable`, for diffs; or a "
            "serializer that is registered with betamax.",
            extra={"expected": "the name of a serializer"},
        ),
    ] = "json"
    cassette_match: Annotated[
        list[Literal["method", "uri", "query", "body", "headers", "host", "path"]],
        Meta(
            min_length=1,
            description="What of a request has to be as it was recorded: `method`, `uri`, `query`, "
            "`body`, `headers`, `host`, `path`.",
            extra={"expected": "some of method, uri, query, body, headers, host, path by comma"},
        ),
    ] = msgspec.field(default_factory=lambda: ["method", "uri", "body"])
    cassette_mode: Annotated[
        Literal["once", "new_episodes", "none", "all"],
        Meta(
            description="`once`: record, or replay what there is; `new_episodes`: replay, and "
            "record the rest; `none`: only replay; `all`: record anew."
        ),
    ] = "once"
    cassette_seconds: Annotated[
        float,
        Meta(ge=0, description="Seconds of recording that a crawl may lose when it is killed."),
    ] = 5.0
    contact: Annotated[
        str,
        Meta(
            pattern=r"^[ -~]*$",
            extra={"expected": "printable ASCII"},
            description="An address (mail or web) where the operator of a server can reach you. "
            "It becomes part of the User-Agent.",
        ),
    ] = ""
    hook_blocking_seconds: Annotated[
        float,
        Meta(
            ge=0.01,
            description="Seconds for which a plugin may keep the whole crawl from going on; the "
            "log names it then.",
        ),
    ] = 1.0
    hook_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that one call of an `async` hook may take; it is given up then.",
            extra={"expected": "a number above 0"},
        ),
    ] = 300.0
    max_wait: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that a server may make the crawl wait (`Retry-After`, 429); if "
            "it wants more, the crawl ends.",
        ),
    ] = 3600.0
    nested: Annotated[
        Literal["full", "keys"],
        Meta(
            description="What feeds have of an item that relations joined to another: all of it, "
            "or its key."
        ),
    ] = "full"
    pause: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds for which a host is not asked that answers 429 and does not say "
            "for how long; twice as long each further time.",
            extra={"expected": "a number above 0"},
        ),
    ] = 30.0
    plugins: Annotated[
        list[str],
        Meta(description="Import paths of plugins: modules, or `module:object`: docs/plugins.md."),
    ] = []
    privacy: Annotated[
        Literal["off", "juniors", "careful", "strict"],
        Meta(description="How much personal data is withheld: docs/privacy.md."),
    ] = "careful"
    privacy_key: Annotated[
        Secret | None,
        Meta(description="Secret. Makes the pseudonyms of `SATCHEL_PRIVACY=strict`."),
    ] = None
    progress: Annotated[
        Literal["auto", "live", "plain", "off"],
        Meta(
            description="How the crawl's progress is shown: `live`, a view on the terminal; "
            "`plain`, lines in the log; `auto`, what fits standard error."
        ),
    ] = "auto"
    progress_seconds: Annotated[
        float, Meta(ge=0.1, description="Seconds between two plain lines.")
    ] = 30.0
    rates: Annotated[
        dict[str, Rate],
        Meta(
            description="How often hosts may be asked, by name: a host, a service's word for one, "
            "or `*`. `off` lifts a quota. Without an entry the documented quota holds.",
            extra={
                "expected": 'a JSON object such as {"apim": "10000/hour", "*": "1/second"}, by '
                'second, minute, hour or day; "off" lifts a quota'
            },
        ),
    ] = {}
    remembered: Annotated[
        int,
        Meta(
            ge=1,
            description="Answers that a crawl remembers, of each kind: an id is asked for once as "
            "long as it is among them.",
        ),
    ] = 50_000
    sandbox: Annotated[
        bool,
        Meta(description="Crawl a local server with a synthetic world, run inside the crawl."),
    ] = False
    sandbox_seed: Annotated[
        int, Meta(ge=0, description="Which synthetic world: the same seed, the same world.")
    ] = 1
    sandbox_scale: Annotated[
        int,
        Meta(ge=1, le=1000, description="How many times as large as the default world it is."),
    ] = 1
    sessions: Annotated[
        str,
        Meta(
            description="A file that keeps the accounts' sessions for the next crawl; empty: they "
            "are logged out at the end."
        ),
    ] = ""
    state: Annotated[
        str,
        Meta(
            description="The folder where the crawls of this machine share their quotas; empty: "
            "each crawl has its own.",
        ),
    ] = "~/.local/state/satchel"
    store: Annotated[
        str,
        Meta(
            description="URL of the database that items are stored in; empty: nothing is stored.",
            extra={"expected": "a database URL such as sqlite:///satchel.db"},
        ),
    ] = "sqlite:///satchel.db"
    summary: Annotated[
        bool, Meta(description="Print what the crawl did to standard error when it ends.")
    ] = True
    trace_hooks: Annotated[bool, Meta(description="Log each call of a plugin, and its time.")] = (
        False
    )

    def __post_init__(self) -> None:
        if self.privacy == "strict" and self.privacy_key is None:
            raise ValueError(
                "SATCHEL_PRIVACY=strict needs a key for its pseudonyms: put a long random word in "
                "the environment as SATCHEL_PRIVACY_KEY, or in a file that SATCHEL_PRIVACY_KEY_FILE"
                " names"
            )

    def __repr__(self) -> str:
        return masked(super().__repr__())

    @property
    def level(self) -> Level:
        """``privacy`` as the gate takes it."""
        return Level[self.privacy.upper()]


class Setting(typing.NamedTuple):
    """One setting as ``satchel settings`` shows it. The value of a secret is never part of it."""

    name: str
    expected: str
    default: str
    value: str
    description: str
    secret: bool


class Reader:
    """Reads structs of settings from Scrapy's settings and the environment.

    :param settings: Scrapy's settings
    :param services: the services whose settings are known besides satchel's own
    :param environ: the environment
    :param plugins: plugin → the struct of its settings
    :raises ConfigError: a name is unknown, or belongs to two
    """

    def __init__(
        self,
        settings: BaseSettings,
        services: Iterable[Service],
        environ: Mapping[str, str] | None = None,
        *,
        plugins: Mapping[str, type[Struct]] = types.MappingProxyType({}),
    ) -> None:
        self._source = _Source(settings, os.environ if environ is None else environ)
        self._structs: dict[str, type[Struct]] = {PREFIX: Config}
        for service in services:
            self._structs[_prefix(service)] = service.settings
        for name, struct in plugins.items():
            self._add(name, struct)
        # Of a plugin that is blocked nobody knows which settings it has: it is not even imported.
        blocked = early(settings, "blocked_plugins", environ)
        self._source.refuse_unknown(self._names(), tuple(map(plugin_prefix, blocked)))

    def config(self) -> Config:
        """satchel's own settings.

        :raises ConfigError: a value is of the wrong type or impossible
        """
        return typing.cast(Config, self._read(PREFIX))

    def service(self, service: Service) -> Struct:
        """The settings of a service: an instance of its struct.

        :raises ConfigError: a value is of the wrong type or impossible
        """
        return self._read(_prefix(service))

    def plugin(self, name: str) -> Struct:
        """The settings of a plugin: an instance of its struct.

        :raises ConfigError: a value is of the wrong type or impossible
        """
        return self._read(plugin_prefix(name))

    def _add(self, plugin: str, struct: type[Struct]) -> None:
        prefix = plugin_prefix(plugin)
        taken = self._names()
        for field in fields(struct):
            name = prefix + field.name.upper()
            if name in taken:
                raise ConfigError(f"plugin {plugin}: there is a setting {name} already; rename it")
        self._structs[prefix] = struct

    def known(self) -> list[Setting]:
        """Every setting, sorted by name.

        :raises ConfigError: a value is of the wrong type or impossible
        """
        return sorted(self._setting(*known) for known in self._fields())

    def secrets(self) -> set[str]:
        """Every secret that is configured: what no log, argument or queue may have.

        :raises ConfigError: one cannot be read
        """
        found = set()
        for name, field in self._fields():
            value = self._source.read(name, field) if _is_secret(field) else None
            if isinstance(value, Secret):
                found |= _of_document(value) if _is_document(field) else {value.reveal()}
        return found

    def refuse_secrets(self) -> None:
        """Refuse secrets among Scrapy's settings; the files that have them may be named there.

        :raises ConfigError: there is one
        """
        for name, field in self._fields():
            value = self._source.settings.get(name)
            named = _is_document(field) and _is_path(value)
            if value is not None and _is_secret(field) and not named:
                raise ConfigError(f"{name}=…: a secret is no setting of a job: {ADVICE}")

    def _fields(self) -> list[tuple[str, FieldInfo]]:
        return [
            (prefix + field.name.upper(), field)
            for prefix, struct in self._structs.items()
            for field in fields(struct)
        ]

    def _names(self) -> set[str]:
        names = {name for name, _ in self._fields()}
        secret = (name for name, f in self._fields() if _is_secret(f) and not _is_document(f))
        return names | {f"{name}_FILE" for name in secret}

    def _read(self, prefix: str) -> Struct:
        struct = self._structs[prefix]
        values = {}
        for field in fields(struct):
            name = prefix + field.name.upper()
            value = self._source.read(name, field)
            if value is not None:
                values[field.name] = value
            elif field.required:
                raise ConfigError(f"{name} is not set: expected {_expected(field)}")
        try:
            return struct(**values)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def _setting(self, name: str, field: FieldInfo) -> Setting:
        default = field.default_factory() if callable(field.default_factory) else field.default
        value = self._source.read(name, field)
        return Setting(
            name=name,
            expected=_expected(field),
            default=_plain(default),
            value=_plain(default if value is None else value),
            description=_meta(field).description or "",
            secret=_is_secret(field),
        )


def early(settings: BaseSettings, name: str, environ: Mapping[str, str] | None = None) -> Any:
    """One of satchel's own settings, read on its own, before it is known which others exist:
    plugins bring the services to be configured.

    :raises ConfigError: it cannot be read
    """
    source = _Source(settings, os.environ if environ is None else environ)
    (field,) = (field for field in fields(Config) if field.name == name)
    value = source.read(PREFIX + name.upper(), field)
    return getattr(Config(), name) if value is None else value


def referred(name: str, environ: Mapping[str, str] | None = None) -> Secret:
    """The secret that a reference names: that variable, or the file that ``NAME_FILE`` names.

    :raises ConfigError: there is none
    """
    secret = _Source(BaseSettings(), os.environ if environ is None else environ).secret(name)
    if secret is None:
        raise ConfigError(
            f"{name} is not set: put the secret in the environment, or in a file that {name}_FILE "
            f"names"
        )
    return secret


class _Source(typing.NamedTuple):
    """Where values come from: Scrapy's settings, else the environment."""

    settings: BaseSettings
    environ: Mapping[str, str]

    def refuse_unknown(self, known: set[str], passed_over: tuple[str, ...]) -> None:
        for source, names in (("setting", self.settings), ("variable", self.environ)):
            for name in names:
                own = isinstance(name, str) and name.startswith(PREFIX)
                if own and name not in known and not name.startswith(passed_over):
                    raise ConfigError(
                        f"{name}: no such {source}{did_you_mean(name, known, PREFIX)} "
                        f"('satchel settings' lists all)"
                    )

    def read(self, name: str, field: FieldInfo) -> Any:
        """The value of a setting; ``None`` if it has none."""
        if _is_document(field):
            return self._document(name, field)
        if _is_secret(field):
            return self.secret(name)
        raw = self._get(name)
        return None if raw is None else _convert(name, raw, field)

    def _get(self, name: str) -> Any:
        value = self.settings.get(name)
        return self.environ.get(name) if value is None else value

    def secret(self, name: str) -> Secret | None:
        """The value of a secret; ``None`` if it has none."""
        if self.settings.get(name) is not None:
            raise ConfigError(
                f"{name}: a secret is no Scrapy setting (those are printed); put it in the "
                f"environment, or in a file that {name}_FILE names"
            )
        value = self.environ.get(name)
        if value is None and (path := self._get(f"{name}_FILE")):
            name, value = f"{name}_FILE", owners_file(f"{name}_FILE", str(path))
        if value is None:
            return None
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable():
            raise ConfigError(f"{name}: expected one line of printable ASCII")
        return Secret(value)

    def _document(self, name: str, field: FieldInfo) -> Secret | None:
        """A structured secret, as JSON: given as JSON in the environment, or in an owner's file."""
        raw = self._get(name)
        if raw in (None, ""):
            return None
        if not isinstance(raw, str) or raw.lstrip()[:1] in ("[", "{"):
            if self.settings.get(name) is not None:
                raise ConfigError(
                    f"{name}: a secret is no Scrapy setting (those are printed); put it in the "
                    f"environment, or give the path of a TOML file"
                )
            return _parsed(name, raw, json.loads)
        if not _is_path(raw):  # Whatever that is, it may be secret.
            raise ConfigError(f"{name}: neither JSON nor the path of a file; are there quotes?")
        return _parsed(name, owners_file(name, raw), tomllib.loads)


def _is_path(raw: Any) -> bool:
    """Whether the value of a structured secret names a file, and is not the secret."""
    return isinstance(raw, str) and not re.search(r"[\[{\"'\n]", raw)


def _parsed(name: str, text: str, parse: Callable[[str], Any]) -> Secret:
    """A document as JSON."""
    try:
        return Secret(json.dumps(parse(text), default=str, allow_nan=False))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{name}: not JSON: {where}") from None
    except tomllib.TOMLDecodeError as error:
        # What stands there may be a secret; the place is enough.
        place = re.search(r"at (line .*|end of document)\)$", str(error))
        raise ConfigError(f"{name}: not TOML: {place[1] if place else ''}") from None
    except ValueError:
        raise ConfigError(f"{name}: it has a number that is none") from None


def _of_document(document: Secret) -> set[str]:
    """The texts in a document whose names are those of secrets."""
    return set(within(json.loads(document.reveal())))


def _prefix(service: Service) -> str:
    return f"{PREFIX}{service.name.upper()}_"


def plugin_prefix(name: str) -> str:
    """What the names of a plugin's settings begin with: ``SATCHEL_NO_DORMS_`` for
    ``my.plugins:no_dorms``."""
    word = re.split("[.:]", name)[-1]
    return f"{PREFIX}{re.sub('[^A-Za-z0-9]', '_', word).upper()}_"


def owners_file(name: str, path: str) -> str:
    """The text of a file that only its owner can read.

    :param name: what names the file, for the error
    :raises ConfigError: others can read it, or nobody can
    """
    try:
        with Path(path).expanduser().open(encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigError(
                    f"{name}={path}: others can read it; run: chmod 600 {shlex.quote(path)}"
                )
            return file.read()
    except OSError as error:
        raise ConfigError(f"{name}={path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}={path}: not a text file") from None


def _convert(name: str, raw: Any, field: FieldInfo) -> Any:
    value = raw
    try:
        if isinstance(raw, str) and typing.get_origin(_bare(field)) in (dict, list):
            value = _structured(raw, _bare(field))
        converted = msgspec.convert(value, field.type, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError):
        raise ConfigError(f"{name}={_shown(raw)}: expected {_expected(field)}") from None
    _check_addresses(name, raw, converted, field)
    return converted


def _structured(raw: str, kind: Any) -> Any:
    """A list by commas, or JSON."""
    if typing.get_origin(kind) is list and not raw.lstrip().startswith("["):
        return [word.strip() for word in raw.split(",") if word.strip()]
    return msgspec.json.decode(raw)


def _expected(field: FieldInfo) -> str:
    """What may be written as the value, in words."""
    meta, bare = _meta(field), _bare(field)
    if "expected" in (meta.extra or {}):
        return str((meta.extra or {})["expected"])
    if typing.get_origin(bare) is Literal:
        return f"one of {', '.join(map(str, typing.get_args(bare)))}"
    words = _WORDS.get(typing.get_origin(bare) or bare, "a value")
    if meta.ge is not None and meta.le is not None:
        return f"{words} from {meta.ge} to {meta.le}"
    if meta.ge is not None:
        return f"{words}, at least {meta.ge}"
    return words if meta.le is None else f"{words}, at most {meta.le}"


_WORDS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "words by comma, or a JSON list of texts",
    dict: "a JSON object",
    Secret: "one line of printable ASCII",
}


def _shown(raw: Any) -> str:
    """A value in an error, on one line and without the password of an address."""
    text = " ".join(masked(str(raw)).split())
    return text if len(text) <= 80 else f"{text[:77]}…"


def _check_addresses(name: str, raw: Any, value: Any, field: FieldInfo) -> None:
    """Refuse what looks like an address and has no usable host or port."""
    addresses = value.values() if isinstance(value, dict) else [value]
    for address in addresses:
        if isinstance(address, str) and re.match("https?://", address):
            try:
                parts = urlsplit(address)
                usable = bool(parts.hostname) and parts.port != 0
            except ValueError:
                usable = False
            if not usable or address != address.strip():
                raise ConfigError(f"{name}={_shown(raw)}: expected {_expected(field)}")


def masked(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    text = re.sub(r"//[^/\s]*@", "//[secure]@", text)
    return re.sub(r"(?i)([?&]\w*password=)[^&\s'\"]*", r"\1[secure]", text)


def _plain(value: Any) -> str:
    """A value as one would write it into the environment."""
    if value in (None, msgspec.NODEFAULT, {}):
        return ""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return masked(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _meta(field: FieldInfo) -> Meta:
    metas = [m for m in getattr(field.type, "__metadata__", ()) if isinstance(m, Meta)]
    return metas[0] if metas else Meta()


def _bare(field: FieldInfo) -> Any:
    """The type without its annotations and without ``None``."""
    kind = field.type
    while True:
        if typing.get_origin(kind) is Annotated:
            kind = typing.get_args(kind)[0]
        elif typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(k for k in typing.get_args(kind) if k is not type(None))
        else:
            return kind


def _is_secret(field: FieldInfo) -> bool:
    return _bare(field) is Secret


def _is_document(field: FieldInfo) -> bool:
    return bool((_meta(field).extra or {}).get("document"))
