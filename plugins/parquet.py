"""Feeds in Parquet: ``-o rooms.parquet``, and ``"format": "parquet"`` in ``FEEDS``.

A Parquet file can be read when it is complete. So each row group is, while the crawl goes on, a
small file of its own in the folder ``rooms.parquet.parts``; at the end they become one. What a
killed crawl leaves is read there, or made one file by ``satchel parquet rooms.parquet``.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NamedTuple

import click
from msgspec import Meta, Struct
from scrapy.crawler import Crawler
from scrapy.exporters import BaseItemExporter
from scrapy.extensions.postprocessing import PostProcessingManager

from satchel import (
    FieldInfo,
    Item,
    SatchelError,
    fields_of,
    hookimpl,
    plugin_settings,
    type_name,
)

if TYPE_CHECKING:
    from pyarrow import Array, DataType, Schema, Table

    Read = Callable[[Any], Any]

logger = logging.getLogger(__name__)


class Settings(Struct, frozen=True, kw_only=True):
    rows: Annotated[
        int,
        Meta(
            ge=1, description="Rows of a row group in Parquet: what is lost at most by a `kill -9`."
        ),
    ] = 10_000


@hookimpl
def satchel_settings() -> type[Struct]:
    """The size of a row group."""
    return Settings


@hookimpl
def satchel_feed_exporters() -> dict[str, type[BaseItemExporter]]:
    """The format ``parquet``."""
    return {"parquet": ParquetExporter}


@hookimpl
def satchel_commands() -> list[click.Command]:
    """``satchel parquet``."""
    return [parquet]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def parquet(file: Path) -> None:
    """Make one FILE of the row groups that a killed crawl left in FILE.parts."""
    parts = Parts(_beside(file))
    if not parts.files():
        raise SatchelError(f"{parts.folder}: there are no row groups")
    _require_pyarrow()
    try:
        whole, rows = parts.merge()
        whole.replace(file)
    except OSError as error:
        raise SatchelError(f"{file}: {error}") from None
    parts.remove()
    click.echo(f"{file}: {rows:,} rows")


class ParquetExporter(BaseItemExporter):
    """Exports the items of one class; its fields are the columns.

    An item that it nests is a struct of that item's fields, and what has a key and is nested in
    there is represented by it. Where a file is appended to, its rows are the first row groups.
    """

    def __init__(self, crawler: Crawler, file: IO[bytes], rows: int, **options: Any) -> None:
        super().__init__(**options)
        self._crawler = crawler
        self._file = file
        self._target = file.file if isinstance(file, PostProcessingManager) else file
        appends = "a" in str(getattr(self._target, "mode", ""))
        self._appends = appends and self._target is file
        self._cannot_append = appends and self._target is not file
        self._most = rows
        self._parts: Parts | None = None
        self._cls: type[Item] | None = None
        self._columns: list[Column] = []
        self._rows: list[Any] = []
        self._refused: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **options: Any) -> ParquetExporter:
        settings = plugin_settings(crawler, "parquet", Settings)
        assert settings is not None  # Nobody offers the format of a plugin that is blocked.
        return cls(crawler, file, settings.rows, **options)

    def start_exporting(self) -> None:
        try:
            _require_pyarrow()
            if self._cannot_append and Path(self._target.name).stat().st_size:
                raise SatchelError(
                    "nothing can be appended to what is compressed: "
                    'set "overwrite": True for the feed, or use -O'
                )
            parts = Parts(_folder_of(self._file))
            parts.begin(Path(self._file.name) if self._appends else None)
            self._parts = parts
        except (SatchelError, OSError) as error:
            self._refuse(str(error))

    def export_item(self, item: Any) -> None:
        if self._parts is None:
            return
        if self._cls is None and isinstance(item, Item):
            self._begin(type(item))
        if type(item) is self._cls:
            self._rows.append(item)
            if len(self._rows) >= self._most:
                self._flush()
        elif self._parts is not None:
            held = self._cls.__name__ if self._cls else "satchel's items"
            name = type(item).__name__
            self._refuse(
                f"no {name} goes into a file of {held}: give each type a feed of its own, such as "
                f'FEEDS = {{"{name}.parquet": {{"format": "parquet", "item_classes": '
                f'["{type(item).__module__}.{name}"]}}}}'
            )

    def finish_exporting(self) -> None:
        """:raises SatchelError: the file is not what a storage should put elsewhere"""
        if self._parts is None:
            self._withdraw()
            return
        self._flush()
        try:
            self._copy(self._parts.merge()[0])
        except (SatchelError, OSError) as error:
            self._refuse(f"{error}; what was crawled is in {self._parts.folder}")
            self._withdraw()
        else:
            self._parts.remove()

    def _withdraw(self) -> None:
        """Have no storage put the file, which is not whole, in place of an older one.

        :raises SatchelError: it would; what it copies can be read
        """
        if self._target.readable():
            self._target.close()
            raise SatchelError(f"plugin parquet: {self._name}: it is not stored")

    def _copy(self, whole: Path) -> None:
        """Make it what the feed's file has."""
        if self._appends:
            self._file.truncate(0)
        with whole.open("rb") as source:
            shutil.copyfileobj(source, self._file)
        self._file.flush()

    def _begin(self, cls: type[Item]) -> None:
        """Take the first item's class as the file's."""
        assert self._parts is not None
        self._cls = cls
        self._columns = [_column(*names) for names in self._names(cls)]
        try:
            self._parts.check(self._schema())
        except SatchelError as error:
            self._refuse(str(error))
            self._parts.leave()
            self._parts = None

    def _names(self, cls: type[Item]) -> list[tuple[type[Item], FieldInfo, str]]:
        """(class, field, the column's name), as ``FEED_EXPORT_FIELDS`` has them."""
        fields = {field.name: field for field in fields_of(cls)}
        wanted = self.fields_to_export or list(fields)
        names = wanted if isinstance(wanted, Mapping) else {name: name for name in wanted}
        return [(cls, fields[name], column) for name, column in names.items() if name in fields]

    def _schema(self) -> Schema:
        import pyarrow as pa

        columns = [(column.name, column.type) for column in self._columns]
        return pa.schema(columns, {"satchel": type_name(self._cls)} if self._cls else None)

    def _flush(self) -> None:
        """Write a row group of what has gathered."""
        import pyarrow as pa

        rows, self._rows = self._rows, []
        if not rows or self._parts is None:
            return
        try:
            arrays = self._arrays(rows)
        except _UNFIT:
            rows = [row for row in rows if self._fits(row)]
            arrays = self._arrays(rows)
        try:
            self._parts.add(pa.Table.from_arrays(arrays, schema=self._schema()))
        except OSError as error:
            self._refuse(f"a row group is lost: {error}")

    def _arrays(self, rows: list[Any]) -> list[Array]:
        import pyarrow as pa

        return [
            pa.array([column.read(getattr(row, column.field)) for row in rows], column.type)
            for column in self._columns
        ]

    def _fits(self, row: Any) -> bool:
        try:
            self._arrays([row])
        except _UNFIT as error:
            self._refuse(f"a {type(row).__name__} has a value of another type: {error}")
            return False
        return True

    def _refuse(self, problem: str) -> None:
        """Report a problem once, and count it each time: the crawl is ``incomplete`` then."""
        self._crawler.stats.inc_value("satchel/plugins/parquet/errors")
        if problem not in self._refused:
            self._refused.add(problem)
            logger.error("plugin parquet: %s: %s", self._name, problem)

    @property
    def _name(self) -> str:
        return str(getattr(self._target, "name", "feed"))


_UNFIT = (TypeError, ValueError, OverflowError, AttributeError)
"""What pyarrow raises for values that are none of a column's type."""


class Parts:
    """The row groups of one file, each a Parquet file, in a folder beside it.

    While there are any, they are all that the file is to have, whatever is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._merged = folder.with_name(f"{folder.name}.merged")
        # Not in the folder, which is read as it is after a crawl that was killed.
        self._draft = folder.with_name(f"{folder.name}.draft")
        self._is_new = not folder.exists()

    def begin(self, old: Path | None) -> None:
        """Make the folder.

        :param old: the file that is appended to: its rows come first, unless an earlier crawl has
            left row groups, which has emptied the file or taken its rows; ``None``: what an earlier
            crawl left goes
        :raises SatchelError: the file is no Parquet file
        """
        if old is None:
            self.remove()
        elif self.files() or not old.stat().st_size:
            old = None
        else:
            _schema_of(old)
        # It may be in a folder that all people of a machine share.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if old is not None:
            shutil.copyfile(old, self._draft)
            self._draft.replace(self.folder / f"{0:08}.parquet")

    def files(self) -> list[Path]:
        """The row groups, in their order."""
        return sorted(self.folder.glob("*.parquet"))

    def check(self, schema: Schema) -> None:
        """Refuse to put rows of this schema beside those of another.

        :raises SatchelError: there are such
        """
        for file in self.files():
            if not _schema_of(file).equals(schema):
                raise SatchelError(
                    "it has other columns; write to another file, or replace it with -O"
                )

    def add(self, table: Table) -> None:
        """Write a row group; it is there as a whole, or not."""
        from pyarrow import parquet as pq

        files = self.files()
        number = int(files[-1].stem) + 1 if files else 1
        pq.write_table(table, self._draft, compression="zstd", row_group_size=len(table))
        self._draft.replace(self.folder / f"{number:08}.parquet")

    def merge(self) -> tuple[Path, int]:
        """Make one file of them, beside the folder; returns it, and how many rows it has.

        :raises SatchelError: one of them cannot be read
        :raises OSError: it cannot be written
        """
        import pyarrow as pa
        from pyarrow import parquet as pq

        files = self.files()
        schema = _schema_of(files[0]) if files else pa.schema([])
        rows = 0
        with pq.ParquetWriter(self._draft, schema, compression="zstd") as writer:
            for file in files:
                for table in _row_groups(file):
                    writer.write_table(table)
                    rows += len(table)
        return self._draft, rows

    def leave(self) -> None:
        """Take the folder away, unless an earlier crawl's row groups are in it."""
        if self._is_new:
            self.remove()

    def remove(self) -> None:
        """Take the folder away; killed meanwhile, it leaves none that looks like row groups."""
        shutil.rmtree(self._merged, ignore_errors=True)
        self._draft.unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.replace(self._merged)
            shutil.rmtree(self._merged, ignore_errors=True)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Name the file that cannot be read.

    :raises SatchelError: it cannot
    """
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SatchelError(f"{file}: cannot be read as Parquet: {error}") from None


def _row_groups(file: Path) -> Iterator[Table]:
    """What a Parquet file has.

    :raises SatchelError: it is none
    """
    from pyarrow import parquet as pq

    with _reading(file):
        source = pq.ParquetFile(file)
        for number in range(source.num_row_groups):
            yield source.read_row_group(number)


def _schema_of(file: Path) -> Schema:
    """A Parquet file's columns.

    :raises SatchelError: it is none
    """
    from pyarrow import parquet as pq

    with _reading(file):
        return pq.read_schema(file)


def _require_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise SatchelError("Parquet needs pyarrow: pip install 'satchel[parquet]'")


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.parts")


def _folder_of(file: IO[bytes]) -> Path:
    """Where the row groups of a feed's file are, which may be standard output or compressed."""
    name = getattr(file, "name", None)
    if isinstance(name, str) and Path(name).is_file():
        return _beside(Path(name))
    return Path(tempfile.mkdtemp(prefix="satchel-parquet-"))


# Item classes → types of columns, and what puts values into them.


class Column(NamedTuple):
    """A column.

    :ivar field: the field that it has the values of
    :ivar read: a field's value → as pyarrow takes it
    """

    name: str
    field: str
    type: DataType
    read: Callable[[Any], Any]


def _column(cls: type[Item], field: FieldInfo, name: str) -> Column:
    kind, read = _kind(field, (cls,))
    return Column(name, field.name, kind, read)


def _kind(field: FieldInfo, above: tuple[type[Item], ...]) -> tuple[DataType, Read]:
    """The type of a field's values, and what makes them.

    :param above: the classes that the field is nested in
    """
    import pyarrow as pa

    kind, read = _scalar(field) if field.item_type is None else _item(field.item_type, above)
    if not field.many:
        return kind, lambda value: None if value is None else read(value)
    return pa.list_(kind), lambda value: None if value is None else [read(one) for one in value]


def _scalar(field: FieldInfo) -> tuple[DataType, Read]:
    import pyarrow as pa

    kinds = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        datetime: pa.timestamp("us", "UTC" if field.zoned else None),
    }
    return next(kinds[base] for base in field.type.__mro__ if base in kinds), lambda value: value


def _item(cls: type[Item], above: tuple[type[Item], ...]) -> tuple[DataType, Read]:
    """A nested item: a struct of its fields, or of its key where it is nested twice."""
    import pyarrow as pa

    is_deep = (len(above) > 1 and cls.key) or cls in above[1:]
    kinds = {
        field.name: _kind(field, (*above, cls))
        for field in fields_of(cls)
        if not is_deep or field.name in cls.key
    }

    def read(value: Any) -> Any:
        if isinstance(value, Item):
            return {name: make(getattr(value, name)) for name, (_, make) in kinds.items()}
        # SATCHEL_NESTED=keys has put the key in its place.
        return dict(zip(cls.key, value if isinstance(value, list) else [value], strict=True))

    return pa.struct([(name, kind) for name, (kind, _) in kinds.items()]), read
