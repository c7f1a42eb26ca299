"""A tenth of all answers goes wrong, in every way that can be got over: the store is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from satchel.faults import KINDS, Faults
from satchel.recnet.world import World
from satchel.testing import crawl, running_sandbox
from stores import Stored

SURMOUNTABLE = tuple(k for k in KINDS if k not in ("forbidden", "status_404", "challenge"))
"""Not what is an answer: a bare 403 and a 404 are not asked again, a challenge ends the crawl."""

FAULTS = Faults(
    rate=0.1, kinds=SURMOUNTABLE, only="^/(?!robots)", drip=0.05, retry_after="1", seed=5
)
PLAYERS = ",".join(map(str, list(World().accounts)[:40]))
CRAWLS: Mapping[str, Mapping[str, str]] = {
    "recnet-images": {"by_player": PLAYERS},
    "recnet-rooms": {"hot": "1", "include": "subrooms,roles,tags"},
    "recnet-events": {"created_by": PLAYERS},
    "recnet-accounts": {"ids": PLAYERS},
}
OURS = ("first_seen", "last_seen", "changed_at")


def rows(stored: Stored) -> dict[str, Any]:
    """All that is stored, without when."""
    return {
        table: {key: {n: v for n, v in row.items() if n not in OURS} for key, row in kept.items()}
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
