"""Kemono's spiders."""

from satchel.spiders.kemono.account import AccountsSpider, FavoritesSpider, ModerationSpider
from satchel.spiders.kemono.creators import CreatorsSpider
from satchel.spiders.kemono.discord import DiscordSpider
from satchel.spiders.kemono.posts import PostsSpider

__all__ = [
    "AccountsSpider",
    "CreatorsSpider",
    "DiscordSpider",
    "FavoritesSpider",
    "ModerationSpider",
    "PostsSpider",
]
