"""gallery-dl itself, as published, gets along with the sandbox: its extractors for Kemono.

Where it sees something else than the world has, that is named, by its quirk in reference section
16.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from satchel.kemono.sandbox import KemonoSite
from satchel.kemono.sandbox.index import files_of
from satchel.kemono.world import CONSUMER, Key, Record, password_of
from satchel.testing import running_sandbox
from sites import WORLD, make_site
from visits import service

# It keeps its settings and sessions in its process; here there are neither files nor a home.
DRIVER = r"""
import json, sys
from gallery_dl import config, job
from gallery_dl.extractor.kemono import KemonoExtractor

root, options, paths = json.load(sys.stdin)
KemonoExtractor.root, KemonoExtractor.cookies_domain = root, "127.0.0.1"
config.set(("cache",), "file", None)
own = {"proxy-env": False, "retries": 0, "original": True}
config.set(("extractor",), "kemono", {**own, **options})
for path in paths:
    found = job.DataJob(f"https://kemono.cr{path}", file=None)
    found.run()
    print(json.dumps(found.data, default=str))
"""
POST, FILE, LEAD = 2, 3, 6
"""Its kinds of messages: what a post is; a file; another address to go to."""


@dataclass
class Listing:
    """What it makes of an address."""

    messages: Sequence[Any]

    @property
    def error(self) -> str:
        return next((said["message"] for kind, said in self._pairs() if kind < 0), "")

    @property
    def posts(self) -> list[Record]:
        return [said for kind, said in self._pairs() if kind == POST]

    @property
    def leads(self) -> list[Record]:
        return [said for kind, said in self._pairs() if kind == LEAD]

    @property
    def files(self) -> list[str]:
        """Their names on the server."""
        return [name(message[1]) for message in self.messages if message[0] == FILE]

    def _pairs(self) -> Iterator[tuple[int, Record]]:
        return ((message[0], message[-1]) for message in self.messages)


@dataclass
class GalleryDl:
    """It, and the server that it asks."""

    site: KemonoSite
    url: str

    def ask(self, *paths: str, **options: Any) -> list[Listing]:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER], input=json.dumps([self.url, options, paths]),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [Listing(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def gallery_dl() -> Iterator[GalleryDl]:
    site = make_site()
    with running_sandbox(services=[service(site)]) as sandbox:
        yield GalleryDl(site, sandbox.url)


def keys(rows: Iterable[Record]) -> list[Key]:
    return [(row["service"], row["id"]) for row in rows]


def page(key: Key) -> str:
    return "/{}/user/{}".format(*key)


def name(path: str) -> str:
    """The last part of a path or address, whatever its slashes."""
    return path.replace("\\", "/").rpartition("/")[2]


def names(rows: Iterable[Record]) -> list[str]:
    # Q19: a post may list a file twice; it takes each once.
    return sorted(one for row in rows for one in {name(file["path"]) for file in files_of(row)})


def title(key: Key, post: Record) -> Any:
    return WORLD.posts[(*key, post["id"])]["title"]


def test_creators(gallery_dl: GalleryDl) -> None:
    everybody, some = gallery_dl.ask("/artists", "/artists?service=fanbox&q=paper")
    creators = gallery_dl.site.index.creators
    found = {(row["service"], row["id"]): row["name"] for row in everybody.leads}
    assert found == {key: row["name"] for key, row in creators.items()}
    favorited = [row["favorited"] for row in everybody.leads]
    assert favorited == sorted(favorited, reverse=True)
    assert [row["name"] for row in some.leads] == ["Paper Kites 日本"]


PAST_THE_END = "400 Bad Request"
"""Q13: it takes no 400 for the end of a list whose last page is full; it has all posts by then."""


def test_posts_of_each_creator(gallery_dl: GalleryDl) -> None:
    index = gallery_dl.site.index
    creators = [key for key in index.creators if key[0] != "discord"]
    found = dict(zip(creators, gallery_dl.ask(*map(page, creators)), strict=True))
    assert [key for key in creators if found[key].error] == [WORLD.cast["fifty"]]
    assert PAST_THE_END in found[WORLD.cast["fifty"]].error
    for key, listing in found.items():
        rows = index.of(key)
        assert [post["id"] for post in listing.posts] == [row["id"] for row in rows]
        for post in listing.posts:
            assert post["title"] == title(key, post)
            # Q20: the list has creators whose profile is not there; it goes on without.
            known = index.creator(key)
            assert post["username"] == (known["name"] if known else "None")
        assert sorted(listing.files) == names(rows)


def test_all_posts_and_searches(gallery_dl: GalleryDl) -> None:
    everything, search, tag = gallery_dl.ask(
        "/posts", "/posts?q=landscape+study", "/posts?tag=landscape"
    )
    rows = gallery_dl.site.index.posts
    assert [post["id"] for post in everything.posts] == [row["id"] for row in rows]
    assert {post["id"] for post in search.posts} == {
        row["id"] for row in rows if "landscape study" in row["title"].casefold()
    }
    assert {post["id"] for post in tag.posts} == {
        row["id"] for row in rows if "landscape" in (row["tags"] or ())
    }


def test_a_post_with_what_belongs_to_it(gallery_dl: GalleryDl) -> None:
    row = next(
        row for row in gallery_dl.site.index.posts
        if row["revisions"] and row["comments"] and row["file"] and row["attachments"]
    )  # fmt: skip
    path = f"{page((row['service'], row['user']))}/post/{row['id']}"
    whole, revisions, gone = gallery_dl.ask(
        path, f"{path}/revisions", f"{path}0", comments=True, announcements=True
    )
    (post,) = whole.posts
    assert (post["id"], post["title"], post["content"]) == (row["id"], row["title"], row["content"])
    assert [said["id"] for said in post["comments"]] == [said["id"] for said in row["comments"]]
    creator = WORLD.creators[row["service"], row["user"]]
    assert len(post["announcements"]) == len(creator["announcements"])
    assert sorted(whole.files) == names([row])
    assert {post["revision_id"] for post in revisions.posts} == {
        old["revision_id"] for old in row["revisions"]
    }
    assert "404" in gone.error


def test_favourites_of_an_account(gallery_dl: GalleryDl) -> None:
    given = {"username": CONSUMER, "password": password_of(CONSUMER)}
    creators, posts = gallery_dl.ask(
        "/account/favorites?type=artist", "/account/favorites?type=post", **given
    )
    state, index = gallery_dl.site.state, gallery_dl.site.index
    assert set(keys(creators.leads)) == state.creators[3].keys() & index.creators.keys()
    found = {(row["service"], row["user"], row["id"]) for row in posts.leads}
    assert found == {key for key in state.posts[3] if key[:2] in index.creators}
    (refused,) = gallery_dl.ask("/account/favorites", username=CONSUMER, password="another")
    assert refused.error == '"Username or password is incorrect"'
    (nobody,) = gallery_dl.ask("/account/favorites")
    assert "401" in nobody.error


def test_a_discord_server(gallery_dl: GalleryDl) -> None:
    (server,) = gallery_dl.ask("/discord/server/80000000")
    assert [lead["channel"]["id"] for lead in server.leads] == list(WORLD.channels)
    addresses = [f"/discord/server/80000000/{id}" for id in WORLD.channels]
    for id, channel in zip(WORLD.channels, gallery_dl.ask(*addresses), strict=True):
        assert [(post["id"], post["content"]) for post in channel.posts] == [
            (row["id"], row["content"]) for row in WORLD.messages[id]
        ]
        files = [name(file["path"]) for row in WORLD.messages[id] for file in row["attachments"]]
        assert sorted(channel.files) == sorted(files)
