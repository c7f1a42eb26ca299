"""``satchel cassette``: recordings, and what others have recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings, Settings
from scrapy.spiders import Spider
from scrapy.utils.project import get_project_settings

from satchel.addon import SatchelAddon
from satchel.cassettes.checking import findings, learn
from satchel.cassettes.exchange import Exchange
from satchel.cassettes.segments import Writer, read_all, segments
from satchel.cassettes.serializers import Serializer, serializer
from satchel.cassettes.sources import exchanges
from satchel.commands import config
from satchel.config import Config, Reader
from satchel.errors import CassetteError, ConfigError, UsageError


@click.group()
def cassette() -> None:
    """Recordings of crawls: docs/recordings.md."""


@cassette.command("list")
def list_cassettes() -> None:
    """List the cassettes of SATCHEL_CASSETTE_FOLDER, and how much they hold."""
    settings = config()
    root = Path(settings.cassette_folder).expanduser()
    folders = sorted({file.parent for file in root.rglob("*.*") if file.is_file()})
    if not folders:
        click.echo(f"no cassettes in {root} (SATCHEL_CASSETTE_FOLDER)", err=True)
    for folder in folders:
        counts = Counter[str]()
        for _, found in read_all(folder, serializer(settings.cassette_format)):
            counts["damaged" if isinstance(found, CassetteError) else "segments"] += 1
            counts["exchanges"] += 0 if isinstance(found, CassetteError) else len(found)
        words = ", ".join(
            f"{counts[word]:,} {word.removesuffix('s') if counts[word] == 1 else word}"
            for word in ("exchanges", "segments")
        )
        damaged = f", {counts['damaged']} damaged" if counts["damaged"] else ""
        click.echo(f"{folder.relative_to(root)}  {words}{damaged}")


@cassette.command("check")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def check(names: tuple[str, ...]) -> None:
    """Look for secrets and damage in recordings, by name or path; the exit status says whether.

    Nothing that is found is shown. The secrets of the settings are found wherever they are.
    """
    settings = config()
    masks, found = _addon().masks(), 0
    preferred = serializer(settings.cassette_format)
    paths = [_path(name, settings) for name in names]
    for path in paths:
        learn((one for one in exchanges(path, preferred) if isinstance(one, Exchange)), masks)
    for path in paths:
        for number, one in enumerate(exchanges(path, preferred), 1):
            if isinstance(one, CassetteError):
                click.echo(str(one))
                found += 1
                continue
            for what in findings(one, masks):
                where = f"{one.asked.method} {masks.asked(one.asked).url}"
                click.echo(f"{path}: exchange {number}, {where}: {what}")
                found += 1
    if found:
        raise UsageError(f"{found:,} finding{'s' * (found != 1)}; do not give these away")
    click.echo("nothing found")


@cassette.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--as", "name", required=True, metavar="NAME", help="The cassette that is made.")
def import_files(files: tuple[Path, ...], name: str) -> None:
    """Make a cassette NAME of HAR files, Postman collections and betamax's cassettes.

    Secrets are taken out of it, and the privacy level holds.
    """
    settings = config()
    _refuse_path(name)
    folder = Path(settings.cassette_folder).expanduser() / name
    if segments(folder):
        raise UsageError(f"{folder}: there is a cassette already; give another name")
    form = serializer(settings.cassette_format)
    writer, taken = Writer(folder, form), 0
    try:
        for exchange in _safe(_readable(files, form)):
            writer.add(exchange)
            taken += 1
            if writer.is_full:
                writer.write()
        writer.write()
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    click.echo(f"{taken:,} exchange{'s' * (taken != 1)} in {folder}")


def _refuse_path(name: str) -> None:
    """Refuse what could not be the name of a crawl's cassette.

    :raises UsageError: it is none
    """
    try:
        Reader(BaseSettings({"SATCHEL_CASSETTE": name}), (), {}).config()
    except ConfigError as error:
        raise UsageError(f"--as: {error}") from None
    if not name:
        raise UsageError("--as: a cassette needs a name")


def _readable(files: Iterable[Path], form: Serializer) -> Iterator[Exchange]:
    """The exchanges of files; what is none of them is told."""
    for file in files:
        for found in exchanges(file, form):
            if isinstance(found, CassetteError):
                click.echo(f"{file}: left out: {found}", err=True)
            else:
                yield found


def _safe(found: Iterable[Exchange]) -> Iterator[Exchange]:
    """Exchanges as a crawl would record them."""
    addon = _addon()
    reasons: list[str] = []
    masks, redactor = addon.masks(), addon.redactor()
    # Twice: what one of them shows to be a secret may be in those before.
    redacted = [
        masks.exchange(redactor.redact(one, of_others=False, left_out=reasons.append))
        for one in found
    ]
    if count := len(reasons):
        which = "bodies were" if count > 1 else "body was"
        click.echo(f"{count:,} {which} left out, since no service reads such answers", err=True)
    for exchange in redacted:
        masked = masks.exchange(exchange)
        if places := masks.found_in(masked):
            url = masked.asked.url.partition("?")[0]
            click.echo(f"{url}: left out, since it has {', '.join(sorted(places))}", err=True)
        else:
            yield masked


def _addon() -> SatchelAddon:
    """satchel as a crawl here would have it."""
    settings = get_project_settings()
    assert isinstance(settings, Settings)
    crawler = Crawler(Spider, settings)
    addon = SatchelAddon(crawler)
    addon.update_settings(crawler.settings)
    return addon


def _path(name: str, settings: Config) -> Path:
    """A recording by its path, or by its name."""
    named = Path(settings.cassette_folder).expanduser() / name
    return named if named.exists() else Path(name).expanduser()
