"""Two real scrapyds, deployed to and kept busy by a timetable, as docs/scheduling.md has it.

It is one test, since what it needs takes long to make.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from satchel.testing import command, running_sandbox
from scrapyds import ROOT, Scrapyd, wait_for
from servers import PASSWORD
from stores import Stored

KEY = "abracadabra-5"
NODE_PASSWORD = "sesame-sesame"

PLUGIN = """
import asyncio
from itertools import count
from pathlib import Path

from scrapy.exceptions import DropItem

from satchel import hookimpl

seen = count(1)

@hookimpl
async def satchel_process_item(item, crawler):
    name, _, attempt = crawler.spider._job.partition("-")
    if attempt.endswith("-2"):
        return
    if name == "hangs":
        await asyncio.sleep(3600)
    if name == "errs":
        raise ValueError("this plugin fails")
    if name == "r0" and Path("scarce").exists() and next(seen) > 2:
        raise DropItem("it is scarce")

@hookimpl
def satchel_crawl_finished(crawler):
    crawler.stats.set_value("installed_plugin", "called")
"""

HEARD = """
from pathlib import Path

from satchel import hookimpl

@hookimpl
def satchel_job_finished(job):
    again = "again" if job.again else "no more"
    with Path("heard.txt").open("a") as file:
        file.write(f"{job.id}: {job.verdict}, {again}: {job.why}\\n")
"""


@pytest.fixture
def sandbox() -> Iterator[str]:
    with running_sandbox() as server:
        yield server.url


@pytest.fixture
def variables(sandbox: str, postgresql_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of the jobs, and of the scheduler: nothing of it is an argument."""
    return {
        "SATCHEL_STORE": postgresql_url,
        "SATCHEL_RECNET_URL": sandbox,
        "SATCHEL_RECNET_KEY": KEY,
        "SATCHEL_RATES": '{"*": "off"}',
        "SATCHEL_STATE": str(tmp_path / "state"),
    }


@pytest.fixture
def nodes(tmp_path: Path, variables: dict[str, str]) -> Iterator[tuple[Scrapyd, Scrapyd]]:
    with ExitStack() as stack:
        found = []
        for name, password in (("one", ""), ("two", NODE_PASSWORD)):
            node = Scrapyd(tmp_path / name, variables, password)
            _install_plugin(node.packages)
            stack.callback(node.kill)
            node.start()
            found.append(node)
        yield found[0], found[1]


def _install_plugin(packages: Path) -> None:
    (packages / "installed_plugin.py").write_text(PLUGIN)
    about = packages / "installed_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[satchel]\ninstalled_plugin = installed_plugin\n")


RETRIED = 'retries = 1\nretry_after = "1s"'


class Night:
    """What the phases share.

    :ivar lead: seconds that the scheduler takes, at most, to read its file again
    """

    lead: int

    def __init__(
        self, folder: Path, nodes: tuple[Scrapyd, Scrapyd], variables: dict[str, str]
    ) -> None:
        self.folder = folder / "clone"
        self.one, self.two = nodes
        self.env = {**os.environ, **variables, "SATCHEL_PLUGINS": "heard"}
        self.stored = Stored(variables["SATCHEL_STORE"])
        secret = folder / "password"
        secret.write_text(NODE_PASSWORD)
        secret.chmod(0o600)
        self.head = (
            f'[nodes]\none = "{self.one.url}"\n'
            f'two = {{ url = "{self.two.url}", username = "satchel", '
            f'password_file = "{secret}" }}\n'
        )
        self.entries: dict[str, tuple[str, int, str]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def deploy(self) -> None:
        """As a person does it from a clone."""
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).exists() and not name.startswith(("tests/", "bench/")):
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target, follow_symlinks=False)
        (self.folder / "heard.py").write_text(HEARD)
        (self.folder / "scrapy.cfg").write_text(
            "[settings]\ndefault = satchel.settings\n"
            f"[deploy:one]\nurl = {self.one.url}/\nproject = satchel\n"
            f"[deploy:two]\nurl = {self.two.url}/\nproject = satchel\n"
            f"username = satchel\npassword = {NODE_PASSWORD}\n"
        )
        done = subprocess.run(
            [Path(sys.executable).with_name("scrapyd-deploy"), "-a"],
            cwd=self.folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count('"spiders": ') == 2, done.stdout + done.stderr

    def write(self, *entries: tuple[str, int, str]) -> list[str]:
        """Add entries (name, due, more) to the timetable, each due once: the ids of their runs."""
        self.entries |= {entry[0]: entry for entry in entries}
        text = self.head
        for name, due, more in self.entries.values():
            # The only multiple of it in this century.
            text += (
                f'[runs.{name}]\nspider = "recnet-rooms"\narguments = {{ hot = 1, limit = 5 }}\n'
                f'every = "{due}s"\n{more}\n'
            )
        path = self.folder / "schedule.toml.new"
        path.write_text(text)
        path.rename(self.folder / "schedule.toml")
        return [
            f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(due))}"
            for name, due, _ in entries
        ]

    def start(self) -> None:
        program = Path(sys.executable).with_name("satchel")
        with (self.folder / "schedule.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "schedule"], cwd=self.folder, env=self.env, stdout=log, stderr=log
            )

    def stop(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        code, self._process = self._process.wait(60), None
        return code

    def log(self) -> str:
        return (self.folder / "schedule.log").read_text()

    def crawls(self) -> list[tuple[str, str]]:
        rows = self.stored.query("SELECT job, verdict FROM satchel_crawl ORDER BY job")
        return [(job, verdict) for job, verdict in rows]

    def satchel(self, *words: str) -> str:
        done = command("satchel", *words, cwd=self.folder, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_a_night(tmp_path: Path, nodes: tuple[Scrapyd, Scrapyd], variables: dict[str, str]) -> None:
    night = Night(tmp_path, nodes, variables)
    night.deploy()
    by_hand(night)
    try:
        hanging = killed_ten_times(night)
        failing = a_node_fails_and_comes_back(night)
        judged(night, hanging, *failing)
        assert night.stop(signal.SIGTERM) == 0
    finally:
        if night._process is not None:
            night.stop(signal.SIGKILL)
    shown(night)
    no_secret_is_kept(night, tmp_path)


def by_hand(night: Night) -> None:
    """A job by scrapyd's own API; and one that is given a secret, and refuses it."""
    job = {"project": "satchel", "spider": "recnet-rooms", "hot": "1", "limit": "5"}
    night.one.call("schedule.json", {**job, "jobid": "by-hand"})
    night.one.call("schedule.json", {**job, "jobid": "refused", "token": "no-secret-really"})
    running = wait_for(lambda: night.one.call("listjobs.json")["running"], "a job")
    words = Path(f"/proc/{running[0]['pid']}/cmdline").read_text()
    assert "crawl" in words
    assert not any(secret in words for secret in (KEY, PASSWORD))
    wait_for(lambda: len(night.one.jobs("finished")) == 2, "both jobs")
    assert night.crawls() == [("by-hand", "complete")]
    assert night.stored.query("SELECT count(*) >= 5 FROM recnet_room") == [(True,)]
    log = night.one.get("logs/satchel/recnet-rooms/by-hand.log")
    assert "'installed_plugin': 'called'" in log
    refused = night.one.get("logs/satchel/recnet-rooms/refused.log")
    assert "recnet-rooms: token=…: a secret is no argument" in refused
    assert "no-secret-really" not in refused


def killed_ten_times(night: Night) -> str:
    """The scheduler is killed around each of ten due times: each run is started once.

    Beside them one begins to hang, and is told to end by one scheduler after the other.
    """
    night.write(("far", int(time.time()) + 10**6, ""))
    before = time.time()
    night.start()
    state = Path(night.env["SATCHEL_STATE"]) / "schedule.db"
    wait_for(lambda: _count(state, "entry") == 1, "the scheduler")
    # Until the first is due, it has to have read the file again.
    night.lead = int(10 + 2 * (time.time() - before))
    begin = int(time.time()) + night.lead
    dues = [begin + 2 * number for number in range(10)]
    (hanging,) = night.write(("hangs", begin, 'nodes = ["one"]\nlongest = "5s"\n' + RETRIED))
    ids = night.write(*((f"r{number}", due, "") for number, due in enumerate(dues)))
    wait_for(lambda: _count(state, "entry") == 12, "the scheduler")
    assert time.time() < begin
    chance = random.Random(1)
    for number in range(1, 11):
        wait_for(lambda number=number: _count(state, "run") > number, f"run {number}")
        time.sleep(chance.uniform(0, 0.5))
        night.stop(signal.SIGKILL)
        night.start()
    wait_for(lambda: all(f"{name}: complete" in night.log() for name in ids), "ten runs", 240)
    finished = [*night.one.jobs("finished"), *night.two.jobs("finished")]
    jobs = [job for job in finished if not job.startswith("hangs")]
    assert sorted(set(jobs) - {"by-hand", "refused"}) == sorted(ids)
    assert len(jobs) == 12
    assert night.two.jobs("finished")
    assert [job for job, verdict in night.crawls() if verdict] == sorted(["by-hand", *ids])
    return hanging


def _count(state: Path, table: str) -> int:
    """How many rows a table of the scheduler has."""
    if not state.exists():
        return 0
    with closing(sqlite3.connect(state)) as database:
        try:
            number: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        except sqlite3.OperationalError:  # It is being made.
            return 0
        return number


def a_node_fails_and_comes_back(night: Night) -> tuple[str, str]:
    """Beside what is started elsewhere meanwhile, one finds little, and one ends with errors."""
    night.two.kill()
    (night.one.folder / "scarce").touch()
    due = int(time.time()) + night.lead
    elsewhere, scarce, failing = night.write(
        ("elsewhere", due, ""), ("r0", due, RETRIED), ("errs", due, "max_errors = 3\n" + RETRIED)
    )
    wait_for(lambda: f"{elsewhere}: started on one" in night.log(), "another node")
    assert re.search("WARNING: node two: nobody answers", night.log())
    # After a failure of the machine another process has its number.
    (night.two.folder / "twistd.pid").write_text("1")
    night.two.start()
    (again,) = night.write(("again", int(time.time()) + night.lead, 'nodes = ["two"]'))
    wait_for(lambda: f"{again}: complete" in night.log(), "the node that came back")
    assert again in night.two.jobs("finished")
    return scarce, failing


def judged(night: Night, hanging: str, scarce: str, failing: str) -> None:
    """Each is judged, told of, and tried again with success."""
    wanted = {
        hanging: "it took longer than 5s",
        scarce: r"2 items, where \d+ are usual",
        failing: r"\d+ errors, more than 3",
    }
    heard = night.folder / "heard.txt"
    for job, why in wanted.items():
        # What may take 5 seconds only may fail again on a busy machine.
        again = f"{job}-2: " + ("" if job == hanging else "complete, no more: \n")
        wait_for(lambda again=again: again in heard.read_text(), f"{job} once more", 240)
        assert re.search(f"ERROR: {job}: failed: {why}; again at 20", night.log())
        assert re.search(f"^{job}: failed, again: {why}$", heard.read_text(), re.MULTILINE)
    assert f"{hanging}: told to end (INT): it took longer than 5s" in night.log()


def shown(night: Night) -> None:
    content = json.loads(night.satchel("jobs", "--json", "--limit", "50"))
    assert content["silent"] == {}
    rows = {row["job"]: row for row in content["jobs"]}
    row = rows["by-hand"]
    assert (row["node"], row["state"], row["verdict"]) == ("one", "finished", "complete")
    assert row["items"] >= 5
    assert row["errors"] == 0
    complete = [job for job, row in rows.items() if row["verdict"] == "complete"]
    assert len([job for job in complete if not job.startswith("hangs")]) == 15
    assert "Spider closed (finished)" in night.satchel("jobs", "show", "by-hand")
    table = night.satchel("jobs")
    assert "next: 20" in table


def no_secret_is_kept(night: Night, folder: Path) -> None:
    """Neither in what scrapyd keeps, nor on its pages, nor in what the scheduler writes."""
    secrets = [word.encode() for word in (KEY, PASSWORD, NODE_PASSWORD)]
    kept = [folder / "state", night.folder / "schedule.log"]
    for node in (night.one, night.two):
        kept += [node.folder / name for name in ("dbs", "logs", "out.log")]
        pages = "".join(node.get(page) for page in ("", "jobs", "logs/satchel/recnet-rooms/"))
        assert not any(secret.decode() in pages for secret in secrets)
    files = [f for path in kept for f in ([path] if path.is_file() else path.rglob("*"))]
    read = [file for file in files if file.is_file()]
    assert len(read) > 15
    for file in read:
        assert not any(secret in file.read_bytes() for secret in secrets), file
