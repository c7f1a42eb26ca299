"""Every hook of satchel. This file is the contract: signatures here, one at a time.

A plugin is a module, an object or a class with functions marked ``@satchel.hookimpl``. Names are
exact: a ``satchel_…`` function that is no hook stops the crawl before its first request.

What holds for all of them:

- An implementation may leave out parameters that it does not use.
- Plugins are called in the order in which they were found: the built-in ones, those of installed
  packages by name, those of ``SATCHEL_PLUGINS`` as listed. ``@hookimpl(tryfirst=True)`` and
  ``trylast=True`` move one.
- A hook whose result may be an ``Awaitable`` may be ``async``. One call may take
  ``SATCHEL_HOOK_SECONDS``; then it is cancelled and counts as failed.
- *settings* are the plugin's own (:func:`satchel_settings`), or ``None`` where it declares none.
- During a crawl, an exception is logged with the plugin, the hook and what it was called for, and
  counted (``satchel/plugins/NAME/errors``); the crawl and the other plugins go on. Before one, it
  stops the start and names the plugin. A hook that differs says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click
    from msgspec import Struct
    from scrapy.crawler import Crawler
    from scrapy.exporters import BaseItemExporter

    from satchel.actions import Outcome, Proposal
    from satchel.items import AddedRelation, Item
    from satchel.service import Service


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What plugins see of a request: what a log would show.

    Headers and bodies are left out: they hold credentials, and what the privacy gate has not seen.

    :ivar method: ``GET``, ``POST``, …
    :ivar url: the address, with its query
    :ivar service: the service that it is for; ``None``: it is none's, as that for a robots.txt
    :ivar attempt: 1, or more where it is repeated
    """

    method: str
    url: str
    service: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """What plugins see of a response.

    :ivar request: what it answers
    :ivar status: the HTTP status
    :ivar size: bytes of the body as it was sent, maybe compressed
    :ivar seconds: from the request to the answer's first bytes; ``None``: not known
    """

    request: RequestInfo
    status: int
    size: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A run of a timetable of ``satchel schedule``, and what it came to.

    :ivar id: its id, which its job on the scrapyd node and its row in ``satchel_crawl`` have, too
    :ivar name: its entry in the timetable
    :ivar spider: the spider
    :ivar due: when it was due
    :ivar attempt: 1, or more where it is repeated
    :ivar node: the node that had it; empty: none had
    :ivar verdict: ``complete``, ``failed``, ``cancelled``, ``skipped`` or ``unjudged``
    :ivar why: why it is not complete
    :ivar items: how many items it found; ``None``: nobody knows
    :ivar errors: how many errors it had; ``None``: nobody knows
    :ivar again: when it is tried again; ``None``: it is not
    """

    id: str
    name: str
    spider: str
    due: datetime
    attempt: int
    node: str
    verdict: str
    why: str
    items: int | None
    errors: int | None
    again: datetime | None


hookspec = pluggy.HookspecMarker("satchel")
hookimpl = pluggy.HookimplMarker("satchel")


@hookspec
def satchel_services() -> list[Service] | None:
    """Offer services: APIs with their items, settings, spiders and local server.

    Called when a crawl (or a ``satchel`` command) starts, before the settings are read, and maybe
    more than once: it must be cheap and without effects. All results count; two services of one
    name are refused.

    .. versionadded:: 0.1

    ::

        import dataclasses

        from satchel import hookimpl
        from satchel.recnet.service import SERVICE


        @hookimpl
        def satchel_services():
            return [dataclasses.replace(SERVICE, name="mirror", items=(), spiders=())]
    """


@hookspec
def satchel_settings() -> type[Struct] | None:
    """Declare the plugin's own settings: the class of a frozen ``msgspec.Struct``.

    Called like :func:`satchel_services`. A field ``least`` of the plugin ``no_dorms`` is the
    setting ``SATCHEL_NO_DORMS_LEAST``: a Scrapy setting or environment variable, checked before the
    first request, and shown by ``satchel settings``. (Of a plugin that is named by an import path,
    the path's last word counts.) The description of its ``Meta`` documents it. A field of the type
    :class:`satchel.Secret` never comes from Scrapy's settings, which are printed. A ``ValueError``
    of ``__post_init__`` is shown as one line.

    Where there is a field ``enabled`` and it is false, no hook of the plugin is called during the
    crawl.

    .. versionadded:: 0.1

    ::

        from typing import Annotated

        from msgspec import Meta, Struct
        from scrapy.exceptions import DropItem

        from satchel import hookimpl


        class Settings(Struct, frozen=True, kw_only=True):
            least: Annotated[int, Meta(ge=0, description="Visits that a room must have.")] = 10


        @hookimpl
        def satchel_settings():
            return Settings


        @hookimpl
        def satchel_process_item(item, settings):
            if (getattr(item, "visit_count", None) or settings.least) < settings.least:
                raise DropItem("hardly visited")
    """


@hookspec
def satchel_feed_exporters() -> Mapping[str, type[BaseItemExporter]] | None:
    """Offer formats for feeds: ``-o rooms.FORMAT``, and ``format`` in ``FEEDS``.

    Called like :func:`satchel_services`. All results count; two plugins with one format are
    refused. A project's own ``FEED_EXPORTERS`` win, and these win over Scrapy's.

    .. versionadded:: 0.1

    ::

        from scrapy.exporters import BaseItemExporter

        from satchel import hookimpl


        class IdsExporter(BaseItemExporter):
            def __init__(self, file, **options):
                super().__init__(**options)
                self.file = file

            def export_item(self, item):
                self.file.write(f"{item.id}\\n".encode())


        @hookimpl
        def satchel_feed_exporters():
            return {"ids": IdsExporter}
    """


@hookspec
def satchel_commands() -> list[click.Command] | None:
    """Offer commands: ``satchel <verb>``.

    Called when satchel's help is shown, or a verb is used that is not satchel's own. All results
    count; a name that is taken is refused. A :class:`satchel.SatchelError` that a command raises is
    shown as one line, and the exit status is 1.

    .. versionadded:: 0.1

    ::

        import click

        from satchel import hookimpl


        @click.command()
        @click.argument("name")
        def greet(name):
            \"\"\"Say hello to NAME.\"\"\"
            click.echo(f"hello {name}")


        @hookimpl
        def satchel_commands():
            return [greet]
    """


@hookspec
def satchel_item_classes() -> list[type[Item]] | None:
    """Offer classes of items that a plugin makes itself, so that they are stored.

    Called like :func:`satchel_services`. Each is a subclass of :class:`satchel.Item` as those of
    services are: a dataclass with a ``namespace`` and a ``key``, of which the store makes a table,
    and parts without a key. All results count; two classes of one type name are refused. Those of a
    plugin whose setting ``enabled`` is false are left out. :func:`satchel.put_item` sends an item
    on its way.

    .. versionadded:: 0.1

    ::

        from dataclasses import dataclass
        from typing import ClassVar

        from satchel import Item, hookimpl, put_item
        from satchel.recnet import Room


        @dataclass(slots=True, init=False)
        class Visits(Item):
            namespace: ClassVar[str] = "example"
            key: ClassVar[tuple[str, ...]] = ("room_id",)

            room_id: int | None = None
            count: int | None = None


        @hookimpl
        def satchel_item_classes():
            return [Visits]


        @hookimpl
        def satchel_export_items(items, crawler):
            for item in items:
                if isinstance(item, Room):
                    put_item(crawler, Visits(room_id=item.id, count=item.visit_count))
    """


@hookspec
def satchel_crawl_started(crawler: Crawler, settings: Any) -> Awaitable[None] | None:
    """Prepare for a crawl.

    Called once, when the spider is open and before its first request. The crawl waits. What it
    returns does not count.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        async def satchel_crawl_started(crawler):
            crawler.stats.set_value("example/spider", crawler.spider.name)
    """


@hookspec
def satchel_crawl_idle(crawler: Crawler, settings: Any) -> Awaitable[None] | None:
    """Add what can only be known when all items have come.

    Called once, when the spider has run out of requests for the first time and all its items are
    stored; not where a crawl ends in another way. The crawl waits, and ends after that: this is
    the last moment for :func:`satchel.put_item`. Its time (``SATCHEL_HOOK_SECONDS``) begins anew
    while items that are put in arrive. What it returns does not count.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl, put_item


        @hookimpl
        async def satchel_crawl_idle(crawler):
            stats = crawler.stats
            await put_item(crawler, {"total": stats.get_value("item_scraped_count")})
    """


@hookspec
def satchel_crawl_finished(
    reason: str, stats: Mapping[str, Any], crawler: Crawler, settings: Any
) -> Awaitable[None] | None:
    """Look at what a crawl came to.

    Called once, when all items are stored and the feeds are written; not if the process is killed
    or stopped by force. *reason* is Scrapy's ``finish_reason``, *stats* a copy of its stats with
    satchel's ``satchel/verdict`` (docs/errors.md). What it returns does not count. A failure makes
    the verdict ``incomplete``.

    .. versionadded:: 0.1

    ::

        import json
        from pathlib import Path

        from satchel import hookimpl


        @hookimpl
        def satchel_crawl_finished(reason, stats):
            figures = {
                "reason": reason,
                "verdict": stats["satchel/verdict"],
                "items": stats["item_scraped_count"],
            }
            Path("figures.json").write_text(json.dumps(figures))
    """


@hookspec
def satchel_request(
    request: RequestInfo, crawler: Crawler, settings: Any
) -> Awaitable[None] | None:
    """See a request that is about to be sent.

    Called for each, whoever makes it: a spider, a relation, a login; again when it is repeated or
    redirected. The request waits, and after that for its turn under the quota. What a cache answers
    is not sent. It cannot be changed; what is returned does not count.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        def satchel_request(request, crawler):
            crawler.stats.inc_value(f"example/{request.service}/{request.method}")
    """


@hookspec
def satchel_response(
    response: ResponseInfo, crawler: Crawler, settings: Any
) -> Awaitable[None] | None:
    """See a response that was received, also one with an error status.

    Called for each answer to what :func:`satchel_request` was called for; where nobody answered,
    it is not. It cannot be changed; what is returned does not count.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        def satchel_response(response, crawler):
            crawler.stats.max_value("example/largest", response.size)
    """


@hookspec
def satchel_stop_paging(
    items: list[Item], crawler: Crawler, settings: Any
) -> bool | Awaitable[bool] | None:
    """Say that what follows a page of a listing is not wanted.

    Called with the items of each page, after the privacy gate, of listings whose order puts what is
    new on the first pages (a spider's ``satchel.spider.ApiSpider.is_enough`` asks). Such a listing
    is walked in order then, a page at a time. The items of the page itself come; one plugin that
    returns true is enough to end the listing there. What is returned otherwise, and a failure,
    count as false.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        def satchel_stop_paging(items):
            return any(item.cheer_count == 0 for item in items)
    """


@hookspec
def satchel_withhold(item: Item, crawler: Crawler, settings: Any) -> Collection[str] | None:
    """Tighten privacy: name fields of an item that are withheld, besides those that the gate does.

    Called once for each satchel item that was decoded, and for each that it nests, in the gate:
    after what ``SATCHEL_PRIVACY`` withholds, and before anything else sees the item. (Again for the
    answer of a relation that becomes part of it.) All results count together. These fields become
    ``None``, in the payload too, and the store forgets what it had. Fields of the key cannot be
    withheld. There is no way to let through what the gate withholds.

    This hook refuses: where it fails, or names a field that is none, all of the item is withheld
    but its key and its links.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl
        from satchel.recnet import Account


        @hookimpl
        def satchel_withhold(item):
            if isinstance(item, Account):
                return ["username"]
    """


@hookspec
def satchel_relations() -> list[AddedRelation] | None:
    """Add relations to classes of items: what the items' service has no operation for.

    Called like :func:`satchel_services`. All results count; a name that the class has already is
    refused. ``include=`` takes the name like the class's own, also behind and before a dot, and
    ``satchel schema`` shows it. :func:`satchel_resolve_relation` of the same plugin answers it. An
    :class:`satchel.AddedRelation` has ``of``, the class of the items; ``name``; ``to``, the class
    that it leads to; ``field``, the field of *of* that keeps the answer, if one does; ``help``, a
    line on what it is. Where no field keeps it, what is found only goes out as items of their own.

    .. versionadded:: 0.1

    ::

        from satchel import AddedRelation, hookimpl
        from satchel.recnet import Account, Room


        @hookimpl
        def satchel_relations():
            return [AddedRelation(of=Account, name="dorm", to=Room, help="The account's own room.")]


        @hookimpl
        def satchel_resolve_relation(items):
            return [Room(id=1000 + account.id, creator_account_id=account.id) for account in items]
    """


@hookspec
def satchel_resolve_relation(
    relation: AddedRelation, items: list[Item], crawler: Crawler, settings: Any
) -> Sequence[Any] | Awaitable[Sequence[Any] | None] | None:
    """Answer a relation that the plugin adds, for many items at once.

    Called where ``include=`` names it, after the privacy gate: with the items of a page, or with
    what another relation found for them. The page waits; others are being fetched meanwhile, and
    may be asked about at the same time. Return, for each item in its place, an item of the class
    ``to``, a list of such, ``None`` (there is nothing), or an exception (it could not be had);
    ``None`` alone, if there is nothing for any of them.
    Answers pass the gate, and what they hold goes out once, as items like all others. A request of
    one's own is made by ``await crawler.engine.download_async(Request(…, callback=NO_CALLBACK))``,
    so that it has the crawl's pace. Where the hook fails, or returns something else, the items go
    without the relation, and that is counted as for any other (docs/relations.md).

    .. versionadded:: 0.1

    ::

        from satchel import AddedRelation, hookimpl
        from satchel.recnet import Account, Image


        @hookimpl
        def satchel_relations():
            return [AddedRelation(of=Image, name="first_tagged", to=Account)]


        @hookimpl
        async def satchel_resolve_relation(relation, items):
            tagged = [image.tagged_player_ids for image in items]
            found = {ids[0]: Account(id=ids[0]) for ids in tagged if ids}
            return [found[ids[0]] if ids else None for ids in tagged]
    """


@hookspec
def satchel_process_item(item: Any, crawler: Crawler, settings: Any) -> Any | Awaitable[Any]:
    """Change an item, replace it or drop it before it is stored and exported.

    Called for each item, after the privacy gate. Change the item in place and return ``None``, or
    return the item that takes its place; the next plugin gets that one, after the gate. Raise
    :exc:`scrapy.exceptions.DropItem` to drop it. After any other exception the item goes on as it
    is.

    .. versionadded:: 0.1

    ::

        from scrapy.exceptions import DropItem

        from satchel import hookimpl
        from satchel.recnet import Room


        @hookimpl
        def satchel_process_item(item):
            if isinstance(item, Room) and item.is_dorm:
                raise DropItem("dorm rooms are of no interest")
    """


@hookspec
def satchel_export_items(
    items: list[Any], crawler: Crawler, settings: Any
) -> Awaitable[None] | None:
    """Export a batch of items: to a file, a queue, another server.

    Called with 1 to 250 items when the store has committed them (without a store, when they have
    passed the pipelines), and before the feeds. Each item comes once, in the order of commits; one
    that relations joined to another comes as an item of its own, too. One batch at a time, and the
    items wait: a slow exporter slows the crawl down. A batch that fails is not given again. After a
    crawl that was killed, items may be stored that were not exported. What it returns does not
    count.

    .. versionadded:: 0.1

    ::

        from pathlib import Path

        from satchel import hookimpl


        @hookimpl
        def satchel_export_items(items):
            with Path("ids.txt").open("a") as file:
                file.writelines(f"{item.id}\\n" for item in items)
    """


@hookspec
def satchel_propose_actions(
    item: Item, crawler: Crawler, settings: Any
) -> list[Proposal] | Awaitable[list[Proposal] | None] | None:
    """Propose what is to be done on a server because of an item.

    Called for each item that is about to be stored, as :func:`satchel_process_item` has left it
    (without a store it is not called). The results of all plugins count. They are stored in one
    transaction with the item, and sent after it if ``SATCHEL_ACTIONS=on``; else they are shown
    (docs/actions.md). A plugin that proposes the same action for the same item again proposes
    nothing new, unless it gives the proposal another name.

    A list is all that the plugin proposes for the item: what it proposed before, is not in it and
    was not sent, is withdrawn. So an empty list takes everything back, and ``None`` leaves it as it
    is. Where the hook fails, the item is stored without its proposals, and nothing is withdrawn.

    .. versionadded:: 0.1

    ::

        from satchel import Proposal, hookimpl
        from satchel.kemono import Creator, FavoriteCreator


        @hookimpl
        def satchel_propose_actions(item):
            if isinstance(item, Creator) and (item.favorited or 0) > 50:
                action = FavoriteCreator(service=item.service, creator=item.id)
                return [Proposal(action, reason=f"{item.favorited} others like it")]
    """


@hookspec
def satchel_veto_action(
    proposal: Proposal, crawler: Crawler, settings: Any
) -> str | Awaitable[str | None] | None:
    """Say why an action must not be sent.

    Called before an action is sent, whoever has proposed it, if no setting is against it; and
    before it is shown by a dry run. Return a reason to refuse it for good, or ``None``. The first
    reason counts; no further plugin is asked.

    This hook refuses: where it fails, the action is held, and asked about again by the next run.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        def satchel_veto_action(proposal):
            if "patreon/10000003" in proposal.action.target:
                return "this creator asked to be left alone"
    """


@hookspec
def satchel_action_finished(
    proposal: Proposal, outcome: Outcome, crawler: Crawler, settings: Any
) -> Awaitable[None] | None:
    """Hear what became of an action.

    Called when an action was done, refused, vetoed, has failed, or is left to a person, after that
    is committed; not for what is held. A process that is killed in between does not call it any
    more. What it returns does not count.

    .. versionadded:: 0.1

    ::

        from satchel import hookimpl


        @hookimpl
        def satchel_action_finished(proposal, outcome, crawler):
            crawler.stats.inc_value(f"example/{proposal.action.kind}/{outcome.state}")
    """


@hookspec
def satchel_job_finished(job: JobInfo, settings: Any) -> Awaitable[None] | None:
    """Look at what a scheduled job came to.

    Called by ``satchel schedule`` when a job has ended and was judged, for each attempt, also a
    failed one, and when a run is skipped, or an attempt that was to be. It may be called twice for
    one, if the scheduler is killed meanwhile. There is no crawl: it runs in the scheduler, with the
    settings and the environment of that, and the scheduler waits. A failure is logged. What it
    returns does not count.

    .. versionadded:: 0.1

    ::

        from pathlib import Path

        from satchel import hookimpl


        @hookimpl
        def satchel_job_finished(job):
            if job.verdict == "failed" and job.again is None:
                with Path("failed.txt").open("a") as file:
                    file.write(f"{job.id}: {job.why}\\n")
    """
