"""What the service of Kemono gives to the framework."""

from __future__ import annotations

import dataclasses

import pytest

from satchel.kemono import service as kemono
from satchel.kemono.sandbox import KemonoSite
from satchel.kemono.world import CONSUMER, World
from satchel.recnet.service import SERVICE as RECNET
from satchel.testing import running_sandbox
from visits import Visitor, service


def test_both_profiles_stand_beside_recnet_each_with_its_own_accounts() -> None:
    shared = dataclasses.replace(service(KemonoSite(World())), sandbox=kemono.sandbox)
    site = KemonoSite(World())
    with running_sandbox(services=[RECNET, shared]) as sandbox:
        host = sandbox.url.removeprefix("http://")
        current = Visitor(site, host, kemono.CURRENT)
        classic = Visitor(site, host, kemono.CLASSIC)
        assert current.log_in(CONSUMER).cookies["session"].endswith("Path=/kemono")
        assert len(current.read("/api/v1/creators")) > len(classic.read("/api/v1/creators"))
        path = "/api/v1/account/favorites"
        assert current.get(path).status == 200
        assert classic.get(path, Cookie=f"session={current.session}").status == 401
        assert Visitor(site, host).get("/account/7001").status == 200


@pytest.mark.parametrize("scale", [1, 3])
def test_the_world_grows_with_the_scale(scale: int) -> None:
    shared = dataclasses.replace(service(KemonoSite(World())), sandbox=kemono.sandbox)
    with running_sandbox(services=[shared], scale=scale) as sandbox:
        visitor = Visitor(KemonoSite(World()), sandbox.url.removeprefix("http://"), kemono.CURRENT)
        assert len(visitor.read("/api/v1/creators")) == 26 * scale
