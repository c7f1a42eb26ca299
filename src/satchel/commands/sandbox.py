"""``satchel sandbox``: the local server of all services."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex

import click
from click import IntRange
from msgspec.structs import fields

from satchel.commands import project_settings, services
from satchel.config import Secret
from satchel.errors import UsageError, did_you_mean
from satchel.faults import KINDS, TRANSIENT, Faults, Quota
from satchel.sandbox import LOG_PATH, Sandbox
from satchel.service import Service


@click.command(epilog=f"Kinds of faults: {', '.join(KINDS)}.")
@click.option(
    "--port",
    type=IntRange(0, 65535),
    default=0,
    metavar="N",
    help="The port on 127.0.0.1.  [default: a free one]",
)
@click.option(
    "--seed",
    type=IntRange(0),
    default=1,
    metavar="N",
    show_default=True,
    help="Which synthetic world, and faults.",
)
@click.option(
    "--scale",
    type=IntRange(1, 1000),
    default=1,
    metavar="N",
    show_default=True,
    help="How many times the default size.",
)
@click.option("--latency", default=0.0, metavar="MS", help="Milliseconds that answers wait.")
@click.option("--faults", default=0.0, metavar="RATE", help="How many requests fail: 0 to 1.")
@click.option(
    "--kinds",
    default=",".join(TRANSIENT),
    metavar="KIND,…",
    help="How they fail.",
    show_default=True,
)
@click.option("--only", default="", metavar="REGEX", help="Which paths misbehave.  [default: all]")
@click.option("--quota", metavar="CALLS/SECONDS", help="Who asks for more gets a 403.")  # fmt: skip
def sandbox(
    port: int,
    seed: int,
    scale: int,
    latency: float,
    faults: float,
    kinds: str,
    only: str,
    quota: str | None,
) -> None:
    """Serve a synthetic world with the services' APIs until interrupted.

    Prints the address. What it was asked is shown at /sandbox/log.
    """
    behaviour = _faults(
        rate=faults, kinds=kinds, latency=latency / 1000, only=only, quota=quota, seed=seed
    )
    served = services(project_settings())
    try:
        server = Sandbox(served, seed=seed, scale=scale, port=port, faults=behaviour)
    except OSError as error:
        raise UsageError(f"--port {port}: {os.strerror(error.errno or 0)}") from None
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(server, served))


def _faults(
    *, rate: float, kinds: str, latency: float, only: str, quota: str | None, seed: int
) -> Faults:
    words = [word.strip() for word in kinds.split(",") if word.strip()]
    for word in words:
        if word not in KINDS:
            raise UsageError(f"--kinds {word}: no such kind{did_you_mean(word, KINDS)}")
    try:
        return Faults(
            rate=rate,
            kinds=tuple(kind for kind in KINDS if kind in words),
            latency=latency,
            only=only,
            quota=_quota(quota) if quota else None,
            seed=seed,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _quota(text: str) -> Quota:
    if not (found := re.fullmatch(r"(\d+)/(\d+(?:\.\d+)?)", text)):
        raise UsageError(f"--quota {text}: expected calls/seconds, like 50/1")
    return Quota(calls=int(found[1]), seconds=float(found[2]))


async def _serve(server: Sandbox, served: tuple[Service, ...]) -> None:
    await server.start()
    click.echo(server.url)
    for service in served:
        click.echo(f"crawl {service.name} with  {_settings(service, server.url)}", err=True)
    click.echo(f"what it was asked:  {server.url}{LOG_PATH}", err=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


def _settings(service: Service, url: str) -> str:
    """What to put into the environment to crawl the sandbox. Its credentials are made up."""
    usual = service.settings()
    changed = service.in_sandbox(usual, url)
    pairs = []
    for field in fields(changed):
        value = getattr(changed, field.name)
        if value != getattr(usual, field.name):
            text = value.reveal() if isinstance(value, Secret) else value
            name = f"SATCHEL_{service.name.upper()}_{field.name.upper()}"
            pairs.append(f"{name}={shlex.quote(text)}")
    return " ".join(pairs)
