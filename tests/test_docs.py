"""The commands of README.md and docs/ are run as they are written, in a new clone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy.settings import Settings

from browsers import PROGRAM, has_browser
from satchel import bases, history, outbox, tables
from satchel.config import Reader
from satchel.hooks import Plugins
from satchel.spider import SatchelSpider
from satchel.spiders import kemono
from satchel.spiders.recnet import (
    AccountsSpider,
    EventsSpider,
    ImagesSpider,
    InventionsSpider,
    RoomsSpider,
)
from satchel.testing import running_sandbox
from serving import free_port

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]
BLOCK = re.compile(r"^```(sh|python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person gets who clones the repository, in a path with spaces."""
    folder = tmp_path_factory.mktemp("home") / "a new clone"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    key = folder.parent / ".recnet-key"
    key.write_text("throwaway\n")
    key.chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_sandbox() as sandbox:
        yield sandbox.url


def run(script: str, clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("SATCHEL_", "VIRTUAL_ENV", "MAKE", "MFLAGS"))
    }  # fmt: skip
    environment |= {"HOME": str(clone.parent), "COLUMNS": "120", **variables}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=clone, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def installed(clone: Path) -> Path:
    first = run("make crawl", clone)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "recnet_room items" in first.stderr
    assert "PaperHarbor" in first.stdout
    assert "kemono_post items" in first.stderr
    assert "Example Studio" in first.stdout
    assert "Traceback" not in first.stderr
    return clone


def test_make_crawl_twice(installed: Path) -> None:
    again = run("make crawl", installed)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "recnet_room items" in again.stderr
    assert (installed / "sandbox.db").exists()


def test_make_crawl_of_a_real_server(installed: Path, server: str) -> None:
    done = run("make crawl", installed, SATCHEL_RECNET_URL=server, SATCHEL_RECNET_KEY="throwaway")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recnet_room items" in done.stderr


def test_make_crawl_of_a_server_that_is_not_there(installed: Path) -> None:
    done = run("make crawl", installed, SATCHEL_RECNET_URL="http://127.0.0.1:1")
    assert done.returncode != 0
    assert "failed: nobody answered" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("page", PAGES)
def test_commands_of(page: str, installed: Path, server: str) -> None:
    if page == "docs/browser.md" and not has_browser():
        pytest.skip(f"Chromium is not installed: no {PROGRAM}")
    script = ["export PATH=$PWD/.venv/bin:$PATH"]
    for language, text in BLOCK.findall((ROOT / page).read_text()):
        if language == "sh":
            script.append(_runnable(text, server))
        elif text.startswith("# ") and (name := text.split("\n")[0][2:]) != "settings.py":
            (installed / name).write_text(text)
    # The walk-through sends many actions to a server that nobody has to be polite to.
    more = {"SATCHEL_RATES": '{"kemono": "off"}'} if page == "docs/actions.md" else {}
    done = run("\n".join(script), installed, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert " ERROR" not in done.stderr


def _runnable(text: str, server: str) -> str:
    for written, here in (
        ("https://recnet.example", server),
        ("https://kemono.example", f"{server}/kemono"),
        ("8117", str(free_port())),
        # This very test is one of them.
        ("make test", "make --dry-run test"),
        # They take minutes; tests/test_bench.py runs them small.
        ("python bench/", ": bench/"),
        ("pip install .", "pip install --quiet --no-deps --editable ."),
    ):
        text = text.replace(written, here)
    return text


def test_docs_name_only_files_that_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+?)\)", (ROOT / page).read_text()):
            if "://" not in target:
                assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_settings_page_lists_all_settings() -> None:
    rows = re.findall(r"^\| `(SATCHEL_\w+)` \| (?:`(.*?)`)? \|", _page("settings.md"), re.MULTILINE)
    known = Reader(Settings(), Plugins().services(), {}, plugins=Plugins().settings()).known()
    assert rows == [(setting.name, setting.default) for setting in known]


def test_plugins_page_lists_all_hooks_and_built_in_plugins() -> None:
    found = Plugins()
    cells = re.findall(r"^\| (`.*?`) \|", _page("plugins.md"), re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert not {*found.hooks()} - listed
    assert not {one.name for one in found.found() if one.origin == "built-in"} - listed


def test_store_page_lists_all_tables() -> None:
    plugins = Plugins()
    items = [*(cls for service in plugins.services() for cls in service.items)]
    made = (tables.build([*items, *plugins.item_classes()]), history.METADATA, bases.METADATA)
    names = {name for metadata in (*made, outbox.METADATA) for name in metadata.tables}
    assert not {name for name in names if f"`{name}`" not in _page("store.md")}


def test_recnet_page_lists_all_arguments() -> None:
    table = re.findall(r"^\| `(\w+)=1?` \|(.*)\|$", _page("recnet.md"), re.MULTILINE)
    marked = {name: ["●" in cell for cell in cells.split("|")] for name, cells in table}
    classes = [AccountsSpider, RoomsSpider, EventsSpider, ImagesSpider, InventionsSpider]
    taken = [{argument.name for argument in cls.arguments} for cls in classes]
    assert marked == {name: [name in names for names in taken] for name in marked}
    assert set(marked) == set().union(*taken)


def test_kemono_page_lists_all_arguments() -> None:
    names = re.findall(r"^\| argument \|(.*)\|$", _page("kemono.md"), re.MULTILINE)[0]
    table = re.findall(r"^\| `(\w+)=1?` \|(.*)\|$", _page("kemono.md"), re.MULTILINE)
    marked = {name: ["●" in cell for cell in cells.split("|")] for name, cells in table}
    classes = {
        cls.name: cls for cls in vars(kemono).values()
        if isinstance(cls, type) and issubclass(cls, SatchelSpider) and "name" in vars(cls)
    }  # fmt: skip
    columns = [f"kemono-{name.strip()}" for name in names.split("|")]
    assert set(columns) == set(classes)
    taken = [{argument.name for argument in classes[name].arguments} for name in columns]
    assert marked == {name: [name in names for names in taken] for name in marked}
    assert set(marked) == set().union(*taken)


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()
