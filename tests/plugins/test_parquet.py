"""Feeds in Parquet: equal to what was crawled, also after a crawl was killed."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import polars
import pytest
import scrapy
from pyarrow import parquet as pq
from scrapy.extensions.feedexport import BlockingFeedStorage

from satchel import FieldInfo, Item, SatchelError, fields_of
from satchel.decode import utc, wall_clock
from satchel.hooks import Plugins
from satchel.plugins import parquet
from satchel.plugins.parquet import ParquetExporter
from satchel.recnet import Account, Room
from satchel.testing import command, crawl, project

CLASSES = [cls for service in Plugins().services() for cls in service.items]
EACH = 100_000 // len(CLASSES) + 1


class Stats:
    def __init__(self) -> None:
        self.errors = 0

    def inc_value(self, name: str) -> None:
        assert name == "satchel/plugins/parquet/errors"
        self.errors += 1


class FakeCrawler:
    def __init__(self) -> None:
        self.stats = Stats()


def made(cls: type[Item], depth: int = 0) -> Item:
    """An item with a value of each kind in its fields, or none."""
    item = cls.__new__(cls)
    Item.__init__(item)
    for field in fields_of(cls):
        if random.random() < 0.8:
            one = value(field, depth)
            many = [] if one is None else [one, one][: random.randrange(3)]
            setattr(item, field.name, many if field.many else one)
    return item


def value(field: FieldInfo, depth: int) -> Any:
    if field.item_type:
        return made(field.item_type, depth + 1) if depth < 2 else None
    zone = UTC if field.zoned else None
    return {
        bool: True,
        int: random.choice([0, -1, 2**63 - 1, -(2**63)]),
        float: 0.1,
        datetime: datetime(2021, 3, 4, 5, 6, 7, 89, tzinfo=zone) + timedelta(random.randrange(99)),
    }.get(field.type, random.choice(["", "höher ✓", "x" * 99]))


def plain(item: Item, above: tuple[type[Item], ...]) -> dict[str, Any]:
    """What the item should be read back as."""
    cls = type(item)
    wanted = fields_of(cls)
    if len(above) > 1 and cls.key:
        wanted = tuple(field for field in wanted if field.name in cls.key)
    return {field.name: shown(getattr(item, field.name), (*above, cls)) for field in wanted}


def shown(value: Any, above: tuple[type[Item], ...]) -> Any:
    if isinstance(value, list):
        return [shown(member, above) for member in value]
    return plain(value, above) if isinstance(value, Item) else value


def exported(items: Any, file: Any, **options: Any) -> Stats:
    crawler = FakeCrawler()
    exporter = ParquetExporter(crawler, file, 1_000, **options)  # type: ignore[arg-type]
    exporter.start_exporting()
    for item in items:
        exporter.export_item(item)
    exporter.finish_exporting()
    return crawler.stats


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.namespace + cls.__name__)
def test_items_of_every_type_are_read_back_equal(cls: type[Item], tmp_path: Path) -> None:
    random.seed(1)
    path = tmp_path / "items.parquet"
    kinds = [made(cls) for _ in range(20)]
    with path.open("wb") as file:
        stats = exported(itertools.islice(itertools.cycle(kinds), EACH), file)
    assert stats.errors == 0
    table = pq.read_table(path)
    expected = [plain(item, ()) for item in kinds]
    assert table.slice(0, 20).to_pylist() == expected
    assert table.slice(EACH - EACH % 20).to_pylist() == expected[: EACH % 20]
    assert len(table) == EACH
    assert pq.ParquetFile(path).num_row_groups == EACH // 1_000 + 1
    assert table.schema.metadata[b"satchel"].decode().startswith(cls.namespace)
    assert polars.read_parquet(path).to_arrow().cast(table.schema).equals(table)
    with duckdb.connect() as reader:
        reader.execute("SET TimeZone = 'UTC'")
        read = reader.sql(f"FROM '{path}'").to_arrow_table()
        assert read.cast(table.schema).equals(table)
    assert [file.name for file in tmp_path.iterdir()] == ["items.parquet"]


def test_which_points_in_time_have_a_zone() -> None:
    for cls in CLASSES:
        for field in fields_of(cls):
            if field.type is datetime and field.name in cls.decoder.table:
                read = cls.decoder.table[field.name].convert
                assert read is (utc() if field.zoned else wall_clock()).convert, field


class Own(scrapy.Spider):
    name = "own"
    start_urls = ["data:,"]  # noqa: RUF012

    def parse(self, response: Any) -> Any:
        yield Room.from_data({"RoomId": 2, "Name": "Hall"})
        yield Account.from_data({"accountId": 1, "isJunior": False, "username": "paper"})
        yield Room.from_data({"RoomId": 3, "Name": "Nook"})


def test_each_type_has_a_feed_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rooms = {"format": "parquet", "item_classes": [Room]}
    names = {"format": "parquet", "item_classes": [Account], "fields": {"username": "name"}}
    result = crawl(Own, {"FEEDS": {tmp_path / "r": rooms, tmp_path / "n": names}})
    assert result.stats["satchel/verdict"] == "complete"
    assert pq.read_table(tmp_path / "r")["name"].to_pylist() == ["Hall", "Nook"]
    assert pq.read_table(tmp_path / "n").to_pylist() == [{"name": "paper"}]

    result = crawl(Own, {"FEEDS": {tmp_path / "all": {"format": "parquet"}}})
    assert pq.read_table(tmp_path / "all")["name"].to_pylist() == ["Hall", "Nook"]
    assert result.stats["satchel/verdict"] == "incomplete"
    (line,) = [m for m in caplog.messages if "plugin parquet: " in m]
    assert "no Account goes into a file of Room: give each type a feed of its own" in line


class Bucket(BlockingFeedStorage):
    """Keeps files elsewhere, as S3 does."""

    def __init__(self, uri: str, *, feed_options: Any) -> None:
        self.target = Path(unquote(urlsplit(uri).path))

    def _store_in_thread(self, file: Any) -> None:
        file.seek(0)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with file, self.target.open("wb") as target:
            shutil.copyfileobj(file, target)


def test_all_storages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rooms = {"format": "parquet", "item_classes": [Room]}
    zipped = {**rooms, "postprocessing": ["scrapy.extensions.postprocessing.GzipPlugin"]}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    settings = {
        "FEED_STORAGES": {"bucket": Bucket},
        "FEED_TEMPDIR": str(temporary),
        "FEEDS": {
            f"bucket://b{tmp_path}/%(name)s/%(batch_id)d": {**rooms, "batch_item_count": 1},
            tmp_path / "appended": rooms,
            tmp_path / "replaced": {**rooms, "overwrite": True},
            tmp_path / "zipped": zipped,
        },
    }
    for times in (1, 2):
        result = crawl(Own, settings)
        assert names(tmp_path / "own" / "1") == ["Hall"]
        assert names(tmp_path / "own" / "2") == ["Nook"]
        assert names(tmp_path / "appended") == ["Hall", "Nook"] * times
        assert names(tmp_path / "replaced") == ["Hall", "Nook"]
        unzipped = io.BytesIO(gzip.decompress((tmp_path / "zipped").read_bytes()))
        assert names(unzipped) == ["Hall", "Nook"]
        assert not [*temporary.iterdir()]
        assert result.stats["satchel/verdict"] == ("complete" if times == 1 else "incomplete")
    (line,) = [m for m in caplog.messages if "compressed" in m]
    assert line.startswith(f"plugin parquet: {tmp_path}/zipped: nothing can be appended to what")


def names(file: Any) -> list[str]:
    return list(pq.read_table(file)["name"].to_pylist())


def test_standard_output(tmp_path: Path) -> None:
    project(tmp_path, ["SATCHEL_SANDBOX = True", "SATCHEL_STORE = ''"])
    program = Path(sys.executable).with_name("scrapy")
    done = subprocess.run(
        [program, "crawl", "recnet-rooms", "-a", "hot=1", "-o", "-:parquet"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    assert len(names(io.BytesIO(done.stdout))) > 10


FULL = """
import resource
import scrapy
from satchel.recnet import Room

class Full(scrapy.Spider):
    name = "full"
    start_urls = ["data:,"]

    def parse(self, response):
        resource.setrlimit(resource.RLIMIT_FSIZE, (%d, %d))
        for number in range(1, 41):
            yield Room(id=number)
"""


@pytest.mark.parametrize(("limit", "lost"), [(40_000, False), (10_000, True)])
def test_a_full_disk(tmp_path: Path, limit: int, lost: bool) -> None:
    """Room for each row group and not for all, or not even for one."""
    target = tmp_path / "elsewhere"
    target.write_text("what was there before")
    rooms = {"format": "parquet", "overwrite": True}
    lines = [
        "SATCHEL_STORE = ''",
        "SATCHEL_PARQUET_ROWS = 10",
        f"FEED_STORAGES = {{'bucket': {__name__.rpartition('.')[2] + '.Bucket'!r}}}",
        f"FEEDS = {{'r.parquet': {rooms}, 'bucket://b{target}': {rooms}}}",
        f"FEED_TEMPDIR = {str(tmp_path)!r}",
    ]
    project(tmp_path, lines)
    (tmp_path / "full.py").write_text(FULL % (limit, limit))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = command("scrapy", "runspider", "full.py", cwd=tmp_path, env=env)
    assert "incomplete: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "plugin parquet: r.parquet: " in done.stderr
    assert "File too large" in done.stderr
    if lost:
        return
    assert target.read_text() == "what was there before"
    (beside,) = [path.stem for path in tmp_path.glob("feed-*.parts")]
    for name in ("r.parquet", beside):
        assert command("satchel", "parquet", name, cwd=tmp_path).returncode == 0
        assert pq.read_table(tmp_path / name)["id"].to_pylist() == list(range(1, 41))


def test_feeds_as_the_page_has_them(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    (feeds,) = re.findall(r"^FEEDS = .*?^}$", page, re.MULTILINE | re.DOTALL)
    project(tmp_path, ["SATCHEL_SANDBOX = True", "SATCHEL_STORE = ''", feeds])
    words = ("-a", "in_room=8200", "-a", "limit=20", "-a", "include=player")
    done = command("scrapy", "crawl", "recnet-images", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    images = pq.read_table(tmp_path / "images.parquet")
    players = pq.read_table(tmp_path / "players.parquet")
    assert len(images) > 5
    assert {*images["player_id"].to_pylist()} == {*players["id"].to_pylist()}


def test_a_value_that_does_not_fit_costs_its_row_alone(tmp_path: Path) -> None:
    items = [Room(id=1), Room(id=2, name=5), Room(id=3)]
    with (tmp_path / "r").open("wb") as file:
        assert exported(items, file).errors == 1
    assert pq.read_table(tmp_path / "r")["id"].to_pylist() == [1, 3]


def test_what_cannot_be_written_again(tmp_path: Path) -> None:
    """Standard output, compressed files: the row groups are elsewhere."""
    file = io.BytesIO()
    exported([Room(id=1)], file)
    assert pq.read_table(io.BytesIO(file.getvalue()))["id"].to_pylist() == [1]


def test_keys_in_place_of_nested_items(tmp_path: Path) -> None:
    item = Room(id=1, creator_account=7, images=[8, 9])
    with (tmp_path / "r").open("wb") as file:
        exported([item], file)
    (row,) = pq.read_table(tmp_path / "r").to_pylist()
    assert row["creator_account"]["id"] == 7
    assert [image["id"] for image in row["images"]] == [8, 9]


def test_appending(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for id in (1, 2):
        with path.open("ab") as file:
            assert exported([Room(id=id)], file).errors == 0
    with path.open("ab") as file:
        assert exported([Account(id=3)], file).errors == 1, "other columns"
    assert pq.read_table(path)["id"].to_pylist() == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


ENDS = """
import os, sys
from satchel.plugins import parquet
from satchel.recnet import Room

name, mode, moment = sys.argv[1:]

def copies(source, target):
    target.write(source.read(99))
    target.flush()
    os._exit(9)

def removes(folder, **options):
    if folder.is_dir():
        next(folder.glob("*1.parquet")).unlink()
        os._exit(9)

with open(name, mode) as file:
    exporter = parquet.ParquetExporter(None, file, 1)
    exporter.start_exporting()
    for id in (2, 3):
        exporter.export_item(Room(id=id))
    if moment == "copying":
        parquet.shutil.copyfileobj = copies
    elif moment == "copied":
        parquet.Parts.remove = lambda parts: os._exit(9)
    elif moment == "removing":
        parquet.shutil.rmtree = removes
    exporter.finish_exporting()
"""


@pytest.mark.parametrize("moment", ["copying", "copied", "removing"])
@pytest.mark.parametrize("mode", ["ab", "wb"])
def test_one_that_is_killed_at_its_end(mode: str, moment: str, tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    with path.open("wb") as file:
        exported([Room(id=1)], file)
    done = subprocess.run([sys.executable, "-c", ENDS, path, mode, moment], check=False)
    assert done.returncode == 9
    with path.open("ab") as file:
        assert exported([Room(id=4)], file).errors == 0
    assert pq.read_table(path)["id"].to_pylist() == [*([1] if mode == "ab" else []), 2, 3, 4]
    assert [file.name for file in tmp_path.iterdir()] == ["r.parquet"]


def test_what_is_no_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    path.write_text("id,name\n")
    with path.open("ab") as file:
        assert exported([Room(id=4)], file).errors == 1
    assert path.read_text() == "id,name\n"
    folder = tmp_path / "r.parquet.parts"
    folder.mkdir()
    part = folder / "00000001.parquet"
    part.write_text("half a")
    with path.open("ab") as file:
        assert exported([], file).errors == 1
    assert path.read_text() == "id,name\n"
    with pytest.raises(SatchelError, match=f"^{re.escape(str(part))}: cannot be read as Parquet"):
        parquet.parquet.main([str(path)], standalone_mode=False)


def test_without_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)
    result = crawl(Own, {"FEEDS": {tmp_path / "r.parquet": {"format": "parquet"}}})
    assert len(result.items) == 3
    assert result.stats["satchel/verdict"] == "incomplete"
    assert "Parquet needs pyarrow: pip install 'satchel[parquet]'" in caplog.text
    assert result.stats["satchel/plugins/parquet/errors"] == 1
    assert "Traceback" not in caplog.text
    code = (
        "import sys, satchel, satchel.cli, satchel.plugins.parquet; print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


KILLED = """
import os
import scrapy
from satchel.recnet import Room

class Killed(scrapy.Spider):
    name = "killed"
    start_urls = ["data:,"]

    def parse(self, response):
        for number in range(1, 100_000):
            if number == 2_550:
                os.kill(os.getpid(), 9)
            yield Room(id=number)
"""


def test_a_crawl_that_is_killed(tmp_path: Path) -> None:
    project(tmp_path, ["SATCHEL_STORE = ''", "SATCHEL_PARQUET_ROWS = 100"])
    (tmp_path / "killed.py").write_text(KILLED)
    done = command("scrapy", "runspider", "killed.py", "-O", "r.parquet", cwd=tmp_path)
    assert done.returncode == -9
    parts = tmp_path / "r.parquet.parts"
    assert parts.stat().st_mode & 0o77 == 0, "nobody else's business"
    at_once = pq.read_table(parts)["id"].to_pylist()
    assert polars.read_parquet(parts)["id"].to_list() == at_once
    with duckdb.connect() as reader:
        read = reader.sql(f"SELECT id FROM read_parquet('{parts}') ORDER BY id").fetchall()
        assert [id for (id,) in read] == at_once
    done = command("satchel", "parquet", "r.parquet", cwd=tmp_path)
    assert done.stdout == f"r.parquet: {len(at_once):,} rows\n"
    ids = pq.read_table(tmp_path / "r.parquet")["id"].to_pylist()
    assert ids == at_once == list(range(1, len(ids) + 1))
    assert 2_300 <= len(ids) <= 2_500
    assert not (tmp_path / "r.parquet.parts").exists()
    done = command("satchel", "parquet", "r.parquet", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "satchel: r.parquet.parts: there are no row groups\n"
