"""The plugin manager of one crawl: finding plugins, checking them, asking what they offer.

Nothing here is global: two crawls in one process have a manager each.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import pluggy
from msgspec import Struct

from satchel import hookspecs
from satchel.config import early
from satchel.errors import ConfigError, PluginError, did_you_mean
from satchel.items import AddedRelation, Item, field_names, relations_of, type_name
from satchel.service import Service
from satchel.version import VERSION

if TYPE_CHECKING:
    import click
    from scrapy.exporters import BaseItemExporter
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

PREFIX: Final = "satchel_"
"""What the names of hooks begin with."""

ENTRY_POINTS: Final = "satchel"
"""The entry point group of plugins."""

BUILT_IN: Final = "satchel.plugins"
"""The package whose modules are the built-in plugins."""


class Found(NamedTuple):
    """A plugin before it is imported.

    :ivar name: what it is called: its entry point, module, or import path
    :ivar path: what is imported: ``module`` or ``module:object``
    :ivar origin: who brings it: ``built-in``, a package, or ``SATCHEL_PLUGINS``
    :ivar version: its package's; empty: it has none
    """

    name: str
    path: str
    origin: str
    version: str = ""


class Plugins:
    """The plugins of one crawl.

    :param paths: import paths besides the installed entry points: ``module`` or ``module:object``
    :param blocked: names of plugins that are not even imported
    :param trace: log what is asked of plugins, and how long that takes
    :raises PluginError: one cannot be imported, two have one name, or one does not fit the hooks
    :raises ConfigError: a blocked name is no plugin's
    """

    def __init__(
        self, paths: Iterable[str] = (), *, blocked: Iterable[str] = (), trace: bool = False
    ) -> None:
        self._trace = trace
        self._manager = pluggy.PluginManager("satchel")
        self._manager.add_hookspecs(hookspecs)
        self._found: dict[str, Found] = {}
        self._loaded: dict[int, str] = {}
        # pluggy calls the last registered first; satchel promises the order of finding.
        for found in reversed(_without([*_find(paths)], set(blocked))):
            self._register(found)

    @classmethod
    def of(cls, settings: BaseSettings) -> Self:
        """Those that ``SATCHEL_PLUGINS`` and ``SATCHEL_BLOCKED_PLUGINS`` leave.

        :raises UsageError: as above, or one of the settings cannot be read
        """
        return cls(
            early(settings, "plugins"),
            blocked=early(settings, "blocked_plugins"),
            trace=early(settings, "trace_hooks"),
        )

    def names(self) -> list[str]:
        """The plugins' names in the order in which they are called."""
        return [name for name, _ in reversed(self._manager.list_name_plugin())]

    def found(self) -> list[Found]:
        """The plugins in the order in which they are called."""
        return [self._found[name] for name in self.names()]

    def hooks_of(self, name: str) -> list[str]:
        """The names of the hooks that a plugin has."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(name)) or []
        return sorted(caller.name for caller in callers)

    def hooks(self) -> list[str]:
        """The names of all hooks that there are."""
        return [word for word in vars(hookspecs) if word.startswith(PREFIX)]

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """The functions that plugins have for a hook, in the order of their calls."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller.get_hookimpls()[::-1]

    def services(self) -> tuple[Service, ...]:
        """The services that plugins offer, by name.

        :raises PluginError: a plugin fails, or two services have one name
        """
        found: dict[str, Service] = {}
        for impl in self.implementations("satchel_services"):
            for service in _checked(self._ask("satchel_services", impl) or [], impl.plugin_name):
                if service.name in found:
                    raise PluginError(
                        f"plugin {impl.plugin_name}: there is a service {service.name} already"
                    )
                found[service.name] = service
        return tuple(found[name] for name in sorted(found))

    def settings(self) -> dict[str, type[Struct]]:
        """Plugin → the struct that declares its settings, of those that have one.

        :raises PluginError: a plugin fails, or returns something else
        """
        found: dict[str, type[Struct]] = {}
        for impl in self.implementations("satchel_settings"):
            if (struct := self._ask("satchel_settings", impl)) is None:
                continue
            if not (inspect.isclass(struct) and issubclass(struct, Struct)):
                problem = "satchel_settings must return a class of msgspec.Struct"
                raise PluginError(f"plugin {impl.plugin_name}: {problem}")
            found[impl.plugin_name] = struct
        return found

    def relations(self) -> dict[str, list[AddedRelation]]:
        """Plugin → the relations that it adds to classes of items.

        :raises PluginError: a plugin fails, or adds one that there is or that cannot be
        """
        found: dict[str, list[AddedRelation]] = {}
        taken: set[tuple[type[Item], str]] = set()
        for impl in self.implementations("satchel_relations"):
            offered = self._ask("satchel_relations", impl) or []
            for relation in offered if isinstance(offered, list) else [offered]:
                problem = _problem_of(relation, taken)
                if not problem and "satchel_resolve_relation" not in self.hooks_of(
                    impl.plugin_name
                ):
                    problem = f"{relation}: it has no satchel_resolve_relation to answer it"
                if problem:
                    raise PluginError(f"plugin {impl.plugin_name}: {problem}")
                taken.add((relation.of, relation.name))
                found.setdefault(impl.plugin_name, []).append(relation)
        return found

    def feed_exporters(self) -> dict[str, type[BaseItemExporter]]:
        """Format → the feed exporter that a plugin offers.

        :raises PluginError: a plugin fails, or two offer one format
        """
        found: dict[str, type[BaseItemExporter]] = {}
        for impl in self.implementations("satchel_feed_exporters"):
            offered = self._ask("satchel_feed_exporters", impl) or {}
            if not isinstance(offered, Mapping) or not all(map(inspect.isclass, offered.values())):
                problem = "satchel_feed_exporters must return a mapping of formats to classes"
                raise PluginError(f"plugin {impl.plugin_name}: {problem}")
            for name in offered:
                if name in found:
                    problem = f"there is an exporter for the format {name} already"
                    raise PluginError(f"plugin {impl.plugin_name}: {problem}")
            found.update(offered)
        return found

    def item_classes(self, off: Collection[str] = ()) -> list[type[Item]]:
        """The classes of items that plugins make themselves.

        :param off: plugins that are left out
        :raises PluginError: a plugin fails, or two classes have one type name
        """
        found: dict[str, type[Item]] = {}
        for impl in self.implementations("satchel_item_classes"):
            if impl.plugin_name in off:
                continue
            offered = self._ask("satchel_item_classes", impl) or []
            if not isinstance(offered, list) or not all(map(_is_item_class, offered)):
                problem = (
                    "satchel_item_classes must return a list of dataclasses of satchel.Item, "
                    "each with a namespace"
                )
                raise PluginError(f"plugin {impl.plugin_name}: {problem}")
            for cls in offered:
                if type_name(cls) in found:
                    problem = f"there is an item type {type_name(cls)} already"
                    raise PluginError(f"plugin {impl.plugin_name}: {problem}")
                found[type_name(cls)] = cls
        return list(found.values())

    def commands(self, taken: Iterable[str]) -> dict[str, click.Command]:
        """Verb → the command that a plugin offers.

        :param taken: the verbs that there are already
        :raises PluginError: a plugin fails, or offers a verb that there is
        """
        import click

        found: dict[str, click.Command] = {}
        for impl in self.implementations("satchel_commands"):
            offered = self._ask("satchel_commands", impl) or []
            if not isinstance(offered, list) or not all(
                isinstance(command, click.Command) and command.name for command in offered
            ):
                problem = "satchel_commands must return a list of click commands with names"
                raise PluginError(f"plugin {impl.plugin_name}: {problem}")
            for command in offered:
                if command.name in {*taken, *found}:
                    problem = f"there is a command {command.name} already"
                    raise PluginError(f"plugin {impl.plugin_name}: {problem}")
                found[command.name] = command
        return found

    def _ask(self, hook: str, impl: pluggy.HookImpl) -> Any:
        """What a plugin answers before the crawl: there, a mistake is refused.

        :raises PluginError: it fails
        """
        started = perf_counter()
        try:
            return impl.function()
        except (Exception, SystemExit) as error:
            problem = f"{hook} failed: {_reason(error)}"
            raise PluginError(f"plugin {impl.plugin_name}: {problem}") from error
        finally:
            if self._trace:
                log_call(impl.plugin_name, hook, "", started)

    def _register(self, found: Found) -> None:
        name = found.name
        if name in self._found:
            raise PluginError(f"plugin {name}: there are two of that name")
        loaded = _load(found)
        if known := self._loaded.get(id(loaded)):
            raise PluginError(f"plugin {known}: it is the same as plugin {name}; name it once")
        plugin = _made(name, loaded) if inspect.isclass(loaded) else loaded
        self._check(name, plugin)
        try:
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError as error:
            raise PluginError(f"plugin {name}: {one_line(error)}") from None
        self._loaded[id(loaded)] = name
        own = str(getattr(loaded, "__version__", ""))
        self._found[name] = found if found.version else found._replace(version=own)

    def _check(self, name: str, plugin: Any) -> None:
        """Refuse what pluggy would pass over, or what would fail at the first item."""
        known = self.hooks()
        marked = False
        for word in dir(plugin):
            # As pluggy does: nothing of a property is run.
            static = inspect.getattr_static(plugin, word, None)
            function = getattr(static, "__func__", static)
            options = self._manager.parse_hookimpl_opts(plugin, word)
            if options is None and not (word.startswith(PREFIX) and inspect.isroutine(function)):
                continue
            hook = (options["specname"] if options else None) or word
            if hook not in known:
                problem = f"there is no hook {hook}{did_you_mean(hook, known)}"
                raise PluginError(f"plugin {name}: {problem}")
            if options is None:
                raise PluginError(f"plugin {name}: {hook} is not marked with @hookimpl")
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                raise PluginError(f"plugin {name}: {hook} must return its result, not yield it")
            if inspect.iscoroutinefunction(function) and not _may_wait(hook):
                raise PluginError(f"plugin {name}: {hook} cannot be async")
            marked = True
        if not marked:
            raise PluginError(f"plugin {name}: it has no function marked with @hookimpl")


def _find(paths: Iterable[str]) -> Iterator[Found]:
    """All plugins there are, in the order in which they are called."""
    package = import_module(BUILT_IN)
    for module in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        path = f"{BUILT_IN}.{module.name}"
        yield Found(module.name, path, "built-in", VERSION)
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        package_name, number = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
        yield Found(entry.name, entry.value, f"package {package_name}".strip(), number)
    for path in paths:
        yield Found(path, path, "SATCHEL_PLUGINS")


def _without(found: list[Found], blocked: set[str]) -> list[Found]:
    known = [plugin.name for plugin in found]
    for name in sorted(blocked.difference(known)):
        raise ConfigError(
            f"SATCHEL_BLOCKED_PLUGINS: there is no plugin {name}{did_you_mean(name, known)} "
            f"({', '.join(known)})"
        )
    return [plugin for plugin in found if plugin.name not in blocked]


def _load(found: Found) -> Any:
    module, _, attribute = found.path.partition(":")
    try:
        plugin = import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except (Exception, SystemExit) as error:
        raise PluginError(f"plugin {found.name}: cannot be imported: {_reason(error)}") from error
    return plugin


def _made(name: str, cls: type) -> Any:
    """An object of a plugin that is a class: what it keeps is one crawl's."""
    try:
        return cls()
    except (Exception, SystemExit) as error:
        raise PluginError(f"plugin {name}: {cls.__name__}() failed: {_reason(error)}") from error


def _may_wait(hook: str) -> bool:
    """Whether the hook's signature allows ``async`` implementations."""
    return "Awaitable" in str(getattr(hookspecs, hook).__annotations__["return"])


def _is_item_class(offered: Any) -> bool:
    if not (inspect.isclass(offered) and issubclass(offered, Item) and offered.namespace):
        return False
    return dataclasses.is_dataclass(offered)


def _checked(offered: Any, plugin: str) -> list[Service]:
    if isinstance(offered, list) and all(isinstance(service, Service) for service in offered):
        return offered
    raise PluginError(f"plugin {plugin}: satchel_services must return a list of satchel.Service")


def _problem_of(relation: Any, taken: set[tuple[type[Item], str]]) -> str:
    """Why a plugin cannot add this relation; empty: it can."""
    if not isinstance(relation, AddedRelation):
        return "satchel_relations must return a list of satchel.AddedRelation"
    cls, name, field = relation.of, relation.name, relation.field
    if not name.isidentifier():
        return f"{relation}: a relation's name is one word of letters, digits and _"
    if name in relations_of(cls) or (cls, name) in taken:
        return f"there is a relation {relation} already"
    if field is None and relation.to is None:
        return f"{relation}: it leads nowhere: give it the class that it leads to, or a field"
    if field is not None and field not in field_names(cls):
        hint = did_you_mean(field, field_names(cls))
        return f"{relation}: {cls.__name__} has no field {field}{hint}"
    return ""


def log_call(plugin: str, hook: str, about: str, started: float) -> None:
    """Log a call that has ended.

    :param about: what it was for, with a space before it
    :param started: when it began, by :func:`time.perf_counter`
    """
    took = (perf_counter() - started) * 1000
    logger.info("plugin %s: %s%s took %.1f ms", plugin, hook, about, took)


def _reason(error: BaseException) -> str:
    """What went wrong, and where, in one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    outside = last.filename != __file__ and not last.filename.startswith("<")
    place = f" ({last.filename}, line {last.lineno})" if outside else ""
    return f"{type(error).__name__}: {one_line(error)}{place}"


def one_line(error: BaseException) -> str:
    """What an error says, without its line breaks."""
    return " ".join(str(error).split())
