"""Plugins: how they are found, in which order they are called, and which are refused."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.settings import Settings

from satchel import hooks
from satchel.calls import Calls
from satchel.config import Config
from satchel.errors import ConfigError, PluginError
from satchel.hooks import Plugins
from satchel.recnet.service import SERVICE
from satchel.testing import command, project

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a plugin; its module is forgotten when the test ends."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def write(name: str, *lines: str) -> str:
        names.append(name)
        head = "from satchel import hookimpl, Service"
        (tmp_path / f"{name}.py").write_text("\n".join([head, *lines]) + "\n")
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The entry points that are found; to be filled by the test."""
    found: list[EntryPoint] = []
    monkeypatch.setattr(hooks, "entry_points", lambda group: found)
    return found


def hook(body: str = "pass", options: str = "", parameters: str = "item") -> str:
    return f"@hookimpl({options})\ndef satchel_process_item({parameters}): {body}"


def adding(relations: str) -> str:
    return (
        "from satchel import AddedRelation\nfrom satchel.recnet import Room\n"
        f"@hookimpl\ndef satchel_relations(): return {relations}\n"
        "@hookimpl\ndef satchel_resolve_relation(items): pass"
    )


def refusal(*paths: str) -> str:
    def ask() -> None:
        plugins = Plugins(paths)
        plugins.services()
        plugins.settings()
        plugins.relations()
        plugins.feed_exporters()
        plugins.commands(["items"])

    with pytest.raises(PluginError) as caught:
        ask()
    text = str(caught.value)
    assert "\n" not in text
    return text


# Finding


def test_recnet_is_an_installed_plugin() -> None:
    plugins = Plugins()
    assert "recnet" in plugins.names()
    assert SERVICE in plugins.services()


def test_by_module_and_by_object(write: Write) -> None:
    write("by_module", hook())
    write(
        "by_object", "class Made:", "    @hookimpl",
        "    def satchel_process_item(self, item): pass", "made = Made()",
        "class Outer:", "    inner = Made()",
    )  # fmt: skip
    names = Plugins(["by_module", "by_object:made", "by_object:Outer.inner"]).names()
    assert names[-3:] == ["by_module", "by_object:made", "by_object:Outer.inner"]


def test_built_in_ones_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: list[EntryPoint]
) -> None:
    import satchel.plugins

    lines = ["from satchel import hookimpl", "@hookimpl", "def satchel_process_item(item): pass"]
    (tmp_path / "of_a_test.py").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(satchel.plugins, "__path__", [str(tmp_path)])
    installed.append(EntryPoint("recnet", "satchel.recnet.service", "satchel"))
    first, second = Plugins().found()
    assert (first.name, first.origin) == ("of_a_test", "built-in")
    assert second.name == "recnet"
    del sys.modules["satchel.plugins.of_a_test"]


def test_a_class_is_made_anew_for_each_crawl(write: Write) -> None:
    write(
        "by_class", "class Counts:", "    def __init__(self): self.n = 0",
        "    @hookimpl", "    def satchel_process_item(self, item):", "        self.n += 1",
        "        return [self.n]",
    )  # fmt: skip
    for _ in range(2):
        assert asyncio.run(_called("by_class:Counts")) == [1]


def test_properties_are_not_run(write: Write) -> None:
    write(
        "by_class", "class Lazy:", "    @property", "    def page(self): raise ValueError",
        "    @hookimpl", "    def satchel_process_item(self, item): pass",
    )  # fmt: skip
    assert Plugins(["by_class:Lazy"]).hooks_of("by_class:Lazy") == ["satchel_process_item"]


def test_one_that_ends_the_program(write: Write) -> None:
    name = write("ends", "raise SystemExit")
    assert refusal(name).startswith("plugin ends: cannot be imported: SystemExit: ")
    name = write("ends_later", "@hookimpl", "def satchel_services(): raise SystemExit(3)")
    assert refusal(name).startswith("plugin ends_later: satchel_services failed: SystemExit: 3")


def test_blocked(write: Write) -> None:
    write("broken", "1 / 0")
    names = Plugins(["broken"], blocked=["broken", "recnet"]).names()
    assert not {"broken", "recnet"} & set(names)
    assert Plugins.of(Settings({"SATCHEL_BLOCKED_PLUGINS": "kemono,recnet"})).services() == ()


def test_blocked_ones_that_are_not_there() -> None:
    with pytest.raises(ConfigError) as caught:
        Plugins(blocked=["recnett"])
    assert str(caught.value).startswith(
        "SATCHEL_BLOCKED_PLUGINS: there is no plugin recnett; did you mean recnet? ("
    )


def test_the_privacy_gate_is_no_plugin(write: Write) -> None:
    with pytest.raises(ConfigError):
        Plugins(blocked=["privacy"])


def test_installed_ones_come_first_and_by_name(write: Write, installed: list[EntryPoint]) -> None:
    for name in ("a", "b", "c"):
        write(f"plug_{name}", hook())
    installed.append(EntryPoint("z", "plug_a", "satchel"))
    installed.append(EntryPoint("y", "plug_b", "satchel"))
    assert Plugins(["plug_c"]).names()[-3:] == ["y", "z", "plug_c"]


async def _called(*paths: str) -> list[str]:
    plugins = Plugins(paths)
    settings = {name: struct() for name, struct in plugins.settings().items()}
    calls = Calls(SimpleNamespace(stats=None), plugins, settings, Config())  # type: ignore[arg-type]
    item: list[str] = await calls.process_item([])
    return item


def test_order_of_calls(write: Write) -> None:
    for name, options in (
        ("one", ""), ("two", ""), ("first", "tryfirst=True"), ("last", "trylast=True"),
    ):  # fmt: skip
        write(name, hook(f"item.append('{name}')", options))
    called = asyncio.run(_called("last", "one", "two", "first"))
    assert called == ["first", "one", "two", "last"]


def test_two_managers_know_nothing_of_each_other(write: Write) -> None:
    write("mine", hook())
    assert Plugins(["mine"]).names() != Plugins().names()


def test_an_installed_package(tmp_path: Path) -> None:
    """What pip leaves of one: a module, and a folder that says what it is."""
    packages = tmp_path / "packages"
    said = packages / "paper_plug-2.1.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: paper-plug\nVersion: 2.1\n")
    (said / "entry_points.txt").write_text("[satchel]\npaper = paper_plug\n")
    lines = ["from satchel import hookimpl", "@hookimpl", "def satchel_process_item(item): pass"]
    (packages / "paper_plug.py").write_text("\n".join(lines) + "\n")
    folder = project(tmp_path / "project")
    env = {**os.environ, "PYTHONPATH": str(packages)}
    done = command("satchel", "plugins", cwd=folder, env=env)
    assert "paper 2.1 (package paper-plug)\n    satchel_process_item\n" in done.stdout
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-s", "SATCHEL_SANDBOX=1",
        "-s", "SATCHEL_STORE=", "-s", "SATCHEL_TRACE_HOOKS=1", cwd=folder, env=env,
    )  # fmt: skip
    assert done.returncode == 0
    assert "plugin paper: satchel_process_item at recnet_room " in done.stderr


# Refusing


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "@hookimpl\ndef satchel_proces_item(item): pass",
            "there is no hook satchel_proces_item; did you mean satchel_process_item?",
        ),
        ("@hookimpl\ndef process_item(item): pass", "there is no hook process_item"),
        ("def satchel_proces_item(item): pass", "there is no hook satchel_proces_item"),
        ("def satchel_process_item(item): pass", "satchel_process_item is not marked with"),
        (hook(parameters="itm"), "Argument(s) {'itm'} are declared in the hookimpl"),
        (hook("yield"), "satchel_process_item must return its result, not yield it"),
        (hook("return (yield)", "wrapper=True"), "must return its result, not yield it"),
        (
            "@hookimpl\nasync def satchel_process_item(item): yield item",
            "satchel_process_item must return its result, not yield it",
        ),
        ("x = 1", "it has no function marked with @hookimpl"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero ("),
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named"),
        ("def", "cannot be imported: SyntaxError: invalid syntax"),
        (
            "@hookimpl\ndef satchel_services(): 1 / 0",
            "satchel_services failed: ZeroDivisionError: division by zero (",
        ),
        ("@hookimpl\ndef satchel_commands(): return 5", "must return a list of click commands"),
        ("@hookimpl\ndef satchel_commands(): return [5]", "must return a list of click commands"),
        (
            "import click\n@hookimpl\ndef satchel_commands(): return [click.Command('items')]",
            "there is a command items already",
        ),
        ("@hookimpl\ndef satchel_feed_exporters(): return 5", "must return a mapping of formats"),
        ("@hookimpl\ndef satchel_feed_exporters(): 1 / 0", "satchel_feed_exporters failed: Zero"),
        ("@hookimpl\nasync def satchel_withhold(item): pass", "satchel_withhold cannot be async"),
        (adding("5"), "satchel_relations must return a list of satchel.AddedRelation"),
        (adding("[AddedRelation(Room, 'a b', Room)]"), "Room.a b: a relation's name is one word"),
        (adding("[AddedRelation(Room, 'images', Room)]"), "there is a relation Room.images alre"),
        (adding("[AddedRelation(Room, 'x', Room)] * 2"), "there is a relation Room.x already"),
        (adding("[AddedRelation(Room, 'x')]"), "Room.x: it leads nowhere: give it the class"),
        (
            adding("[AddedRelation(Room, 'x', field='nmae')]"),
            "Room.x: Room has no field nmae; did you mean name?",
        ),
        (
            adding("[AddedRelation(Room, 'x', Room)]").partition("@hookimpl\ndef satchel_res")[0],
            "Room.x: it has no satchel_resolve_relation to answer it",
        ),
        ("@hookimpl\ndef satchel_settings(): return 5", "must return a class of msgspec.Struct"),
        ("@hookimpl\ndef satchel_settings(): 1 / 0", "satchel_settings failed: ZeroDivisionErr"),
        ("@hookimpl\ndef satchel_services(): return ['x']", "must return a list of satchel.Serv"),
        ("@hookimpl\ndef satchel_services(): return 5", "must return a list of satchel.Service"),
        ("@hookimpl\nasync def satchel_services(): return []", "satchel_services cannot be async"),
        (
            "class wrong:\n  def __init__(self): 1 / 0\nimport sys\nsys.modules[__name__] = wrong",
            "wrong() failed: ZeroDivisionError: division by zero (",
        ),
        (
            "from satchel.recnet.service import satchel_services",
            "there is a service recnet already",
        ),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_fit(write: Write, line: str, reason: str) -> None:
    write("wrong", *line.split("\n"))
    text = refusal("wrong")
    assert text.startswith("plugin wrong: ")
    assert reason in text


def test_an_import_that_fails_says_where(write: Write, tmp_path: Path) -> None:
    write("wrong", "", "1 / 0")
    assert refusal("wrong").endswith(f"({tmp_path / 'wrong.py'}, line 3)")


@pytest.mark.parametrize("path", ["nowhere", "nowhere:x", "math:nothing", ":x", "", ".relative"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    assert refusal(path).startswith(f"plugin {path}: cannot be imported: ")


def test_two_of_one_name(write: Write, installed: list[EntryPoint]) -> None:
    write("plug_a", hook())
    write("plug_b", hook())
    assert refusal("plug_a", "plug_a") == "plugin plug_a: there are two of that name"
    installed.append(EntryPoint("same", "plug_a", "satchel"))
    installed.append(EntryPoint("same", "plug_b", "satchel"))
    assert refusal() == "plugin same: there are two of that name"


def test_one_under_two_names() -> None:
    text = refusal("satchel.recnet.service")
    assert text == "plugin satchel.recnet.service: it is the same as plugin recnet; name it once"


def test_two_exporters_of_one_format(write: Write) -> None:
    for name in ("one", "two"):
        write(name, "@hookimpl\ndef satchel_feed_exporters(): return {'ids': dict}")
    assert refusal("one", "two") == ("plugin two: there is an exporter for the format ids already")


def test_services_may_be_none(write: Write) -> None:
    write("quiet", "@hookimpl\ndef satchel_services(): return None")
    assert Plugins(["quiet"]).services() == Plugins().services()


def test_as_a_person_meets_it(tmp_path: Path) -> None:
    project(tmp_path, ["SATCHEL_SANDBOX = True"])
    (tmp_path / "mine.py").write_text("def satchel_process_item(item): pass\n")
    done = command(
        "scrapy", "crawl", "recnet-rooms", "-a", "hot=1", "-L", "ERROR",
        "-s", "SATCHEL_PLUGINS=mine", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "[satchel] ERROR: plugin mine: satchel_process_item is not marked with" in done.stderr


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("[int]", "must return a list of dataclasses of satchel.Item"),
        ("Room", "must return a list of dataclasses of satchel.Item"),
        ("[Room, Room]", "there is an item type recnet_room already"),
    ],
)
def test_item_classes_that_are_refused(write: Write, answer: str, reason: str) -> None:
    lines = ["from satchel import hookimpl", "from satchel.recnet import Room", "@hookimpl"]
    write("odd", "\n".join([*lines, f"def satchel_item_classes(): return {answer}"]))
    with pytest.raises(PluginError, match=f"plugin odd: .*{reason}"):
        Plugins(["odd"]).item_classes()
