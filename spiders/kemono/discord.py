"""Kemono's Discord servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from satchel.arguments import words
from satchel.kemono import DiscordServer
from satchel.spider import LIMIT, UNREADABLE
from satchel.spiders.kemono.arguments import (
    Source,
    server_pages,
)
from satchel.spiders.kemono.shared import KemonoSpider, Output, named

if TYPE_CHECKING:
    from scrapy.http import Response


class DiscordSpider(KemonoSpider):
    """Discord servers, their channels, and the messages in these."""

    name = "kemono-discord"
    sources = (
        Source("servers", "ID,…|@FILE", "Servers with all channels.", words),
        Source("channels", "ID,…|@FILE", "Channels.", words, ("discord.messages",)),
        Source("urls", "URL,…|@FILE", "By the address of a server's page.", server_pages),
    )  # fmt: skip
    arguments = (*sources, LIMIT)

    def needs(self, source: Source) -> Iterable[str]:
        yield from source.operations or (self.way, "discord.messages")

    @property
    def way(self) -> str:
        """The operation that leads to a server's channels; older servers lack the one for both."""
        has_both = self.client.api.offers("discord.server")
        return "discord.server" if has_both else "discord.channels"

    def by_servers(self, ids: Iterable[str]) -> Output:
        """One request for each, then the channels."""
        for id in dict.fromkeys(ids):
            yield self.ask(self.way, self.parse_server, server=id)

    by_urls = by_servers

    def by_channels(self, ids: Iterable[str]) -> Output:
        """The messages of each."""
        for id in ids:
            yield self.listing("discord.messages", channel=id)

    def parse_server(self, response: Response, asked: dict[str, Any]) -> Output:
        """A server with its channels, or only these."""
        answer = self.read(response)
        if answer is UNREADABLE:
            return
        if answer is None:
            self.report_absent([named(asked)])
            return
        alone = isinstance(answer, DiscordServer)
        channels = (answer.channels or []) if alone else answer.items
        yield from self.keep([answer] if alone else channels)
        for channel in channels:
            if channel.id is not None:
                yield self.listing("discord.messages", channel.post_count, channel=channel.id)
