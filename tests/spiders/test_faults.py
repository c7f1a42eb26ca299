"""A tenth of all answers goes wrong, in every way that can be got over: the store is the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from satchel.faults import KINDS, Faults
from satchel.kemono.world import World as KemonoWorld
from satchel.recnet.world import World
from satchel.tables import BOOKKEEPING
from satchel.testing import crawl, running_sandbox
from sites import accounts
from stores import Stored

SURMOUNTABLE = tuple(k for k in KINDS if k not in ("forbidden", "status_404", "challenge"))
"""Not what is an answer: a bare 403 and a 404 are not asked again, a challenge ends the crawl."""

FAULTS = Faults(
    rate=0.1,
    kinds=SURMOUNTABLE,
    # Not logins: whether one succeeded whose answer is lost is not for a crawl to find out.
    only="^/(?!robots|.*/(authentication|account/log))",
    drip=0.05,
    retry_after="1",
    seed=5,
)
PLAYERS = ",".join(map(str, list(World().accounts)[:40]))
CRAWLS: Mapping[str, Mapping[str, str]] = {
    "recnet-images": {"by_player": PLAYERS},
    "recnet-rooms": {"hot": "1", "include": "subrooms,roles,tags"},
    "recnet-events": {"created_by": PLAYERS},
    "recnet-accounts": {"ids": PLAYERS},
}
CREATORS = ",".join(
    f"{service}/{id}" for service, id in KemonoWorld().creators if service in ("patreon", "fanbox")
)
KEMONO_CRAWLS = (
    ("kemono-creators", {"all": "1", "include": "links,announcements,fancards"}),
    ("kemono-posts", {"recent": "1"}),
    ("kemono-posts", {"creators": CREATORS, "include": "comments"}),
    ("kemono-favorites", {}),
)
CURRENT_CRAWLS = (
    ("kemono-discord", {"servers": "80000000"}),
    ("kemono-moderation", {"include": "from_creator,to_creator"}),
    ("kemono-accounts", {"limit": "5", "store": "1"}),
)


def rows(stored: Stored) -> dict[str, Any]:
    """All that is stored, without when."""
    return {
        table: {
            key: {n: v for n, v in row.items() if n not in BOOKKEEPING} for key, row in kept.items()
        }
        for table, kept in stored.everything().items()
    }


def crawl_all(url: str, store: str, dialect: str) -> list[str]:
    settings = {
        "SATCHEL_RECNET_URL": url,
        "SATCHEL_RECNET_DIALECT": dialect,
        "SATCHEL_RECNET_PAGE_SIZE": 5,
        "SATCHEL_STORE": store,
        "DOWNLOAD_TIMEOUT": 1.5,
    }
    results = [crawl(name, settings, **arguments) for name, arguments in CRAWLS.items()]
    return [result.stats["satchel/verdict"] for result in results]


def crawl_kemono(url: str, store: str, profile: str) -> list[str]:
    settings = {
        "SATCHEL_KEMONO_URL": f"{url}/kemono{'-classic' if profile == 'classic' else ''}",
        "SATCHEL_KEMONO_PROFILE": profile,
        "SATCHEL_KEMONO_CONTENT": True,
        "SATCHEL_STORE": store,
        "DOWNLOAD_TIMEOUT": 1.5,
    }
    crawls = [*KEMONO_CRAWLS, *(CURRENT_CRAWLS if profile == "current" else ())]
    results = [crawl(name, settings, **arguments) for name, arguments in crawls]
    return [result.stats["satchel/verdict"] for result in results]


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_the_same_of_kemono_as_without(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "SATCHEL_KEMONO_ACCOUNTS", accounts("consumer", "moderator", "administrator")
    )
    truth, stored = (Stored(f"sqlite:///{tmp_path}/{name}.db") for name in ("truth", "stored"))
    with running_sandbox() as sandbox:
        assert set(crawl_kemono(sandbox.url, truth.url, profile)) == {"complete"}
        asked = len(sandbox.log)
        sandbox.faults = FAULTS
        assert set(crawl_kemono(sandbox.url, stored.url, profile)) == {"complete"}
        injected = [one.fault for one in list(sandbox.log)[asked:] if one.fault]
    assert len(injected) > asked / 20
    assert len(set(injected)) > len(SURMOUNTABLE) / 2
    assert rows(stored) == rows(truth)
    assert len(rows(stored)["kemono_post"]) > 200


@pytest.mark.parametrize("dialect", ["legacy", "public"])
def test_the_same_items_as_without(
    dialect: str, stored: Stored, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SATCHEL_RECNET_KEY", "any")
    truth = Stored(f"sqlite:///{tmp_path_factory.mktemp('truth')}/t.db")
    with running_sandbox() as sandbox:
        assert crawl_all(sandbox.url, truth.url, dialect) == ["complete"] * len(CRAWLS)
        asked = len(sandbox.log)
        sandbox.faults = FAULTS
        assert crawl_all(sandbox.url, stored.url, dialect) == ["complete"] * len(CRAWLS)
        injected = [one.fault for one in list(sandbox.log)[asked:] if one.fault]
    assert len(injected) > asked / 20
    assert len(set(injected)) > len(SURMOUNTABLE) / 2
    assert rows(stored) == rows(truth)
    assert len(rows(stored)["recnet_image"]) > 100
