"""The examples: each does what it says, and the package does in a fresh environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from satchel.testing import crawl

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_service_as_a_package_beside_the_wheel(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "library", tmp_path / "library")
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", venv / "bin" / "python")
    run(*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("satchel-*.whl")
    run(*pip, "install", "--no-compile", wheel, tmp_path / "library", "pytest", cwd=tmp_path)
    programs = venv / "bin"
    passed = run(
        programs / "python", "-I", "-m", "pytest", "-q", tmp_path / "library" / "tests",
        cwd=tmp_path,
    )  # fmt: skip
    assert " passed" in passed
    listed = run(programs / "satchel", "plugins", cwd=tmp_path)
    assert "library 0.1.0 (package satchel-library)" in listed
    assert "SATCHEL_LIBRARY_URL" in run(programs / "satchel", "settings", cwd=tmp_path)


def test_the_package_is_short() -> None:
    """Its length is the measure of the framework."""
    files = (EXAMPLES / "library" / "satchel_library").glob("*.py")
    lines = [line for file in files for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) <= 215


def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    settings = {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_PLUGINS": ["lines"],
        "SATCHEL_LINES_FOLDER": str(tmp_path / "lines"),
    }
    result = crawl("recnet-rooms", settings, hot="1", include="creator_account")
    assert result.stats["satchel/verdict"] == "complete"
    written = [path.read_text().splitlines() for path in sorted((tmp_path / "lines").iterdir())]
    ids = [{json.loads(line)["id"] for line in lines} for lines in written]
    kinds = {type(item): set() for item in result.items}
    for item in result.items:
        kinds[type(item)].add(item.id)
    assert ids == [kinds[kind] for kind in sorted(kinds, key=lambda kind: kind.__name__)]


def test_favourites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    caplog.set_level("INFO", "favourites")
    settings = {
        "SATCHEL_SANDBOX": True,
        "SATCHEL_STORE": f"sqlite:///{tmp_path}/s.db",
        "SATCHEL_PLUGINS": ["favourites"],
        "SATCHEL_FAVOURITES_NEVER": ["patreon/10000003"],
        "SATCHEL_ACTIONS": "on",
        "SATCHEL_ACTIONS_PER_MINUTE": 1000,
    }
    stats = crawl("kemono-creators", settings, all="1").stats
    assert stats["satchel/actions/vetoed"] == 1
    done = [message for message in caplog.messages if message.endswith(": done")]
    assert len(done) == stats["satchel/actions/done"] > 2
