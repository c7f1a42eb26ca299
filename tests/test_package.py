"""The wheel, in a project of somebody else's."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT,
        cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("satchel-*.whl")
    return built


def test_the_wheel_has_one_import_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"satchel"}
    for needed in ("spiders/recnet.py", "pipelines/store.py", "recnet/world/codes.py", "py.typed"):
        assert f"satchel/{needed}" in names


SPIDER = """
import scrapy

from satchel.recnet import Account


class Own(scrapy.Spider):
    name = "own"

    async def start(self):
        yield Account.from_data(
            {"accountId": 7, "username": "paper_boat", "isJunior": False, "identityFlags": 1}
        )
        yield {"of": "no interest to satchel"}
"""


def test_a_new_project_with_one_line(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    programs = tmp_path / "venv" / "bin"
    run(programs / "pip", "install", "--quiet", wheel, cwd=tmp_path)
    run(programs / "scrapy", "startproject", "fresh", cwd=tmp_path)
    project = tmp_path / "fresh"
    with (project / "fresh" / "settings.py").open("a") as settings:
        settings.write('\nADDONS = {"satchel.addon.SatchelAddon": 100}\n')
    (project / "fresh" / "spiders" / "own.py").write_text(SPIDER)
    for name in ("plugins", "spiders", "pipelines"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("raise RuntimeError('imported')\n")

    listed = run(programs / "scrapy", "list", cwd=project).split()
    assert {"own", "recnet-rooms"} <= set(listed)
    assert "recnet-rooms" in run(programs / "satchel", "spiders", cwd=project)
    run(programs / "scrapy", "crawl", "own", "-O", "out.jsonl", cwd=project)
    run(
        programs / "scrapy", "crawl", "recnet-rooms", "-s", "SATCHEL_SANDBOX=1", "-a", "hot=1",
        cwd=project,
    )  # fmt: skip

    shown = run(programs / "satchel", "items", "recnet_account", "--json", cwd=project)
    account = json.loads(shown)
    assert account["username"] == "paper_boat"
    assert account["identity_flags"] is None
    assert "recnet_room" in run(programs / "satchel", "items", cwd=project)
    exported = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
    assert {"of": "no interest to satchel"} in exported
    assert "paper_boat" in [row.get("username") for row in exported]
