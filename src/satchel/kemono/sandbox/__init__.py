"""A local Kemono server on a synthetic world: two profiles, accounts, favourites, links."""

from __future__ import annotations

from satchel.kemono.sandbox.options import SandboxOptions
from satchel.kemono.sandbox.site import KemonoSite, Login, Seen

__all__ = ["KemonoSite", "Login", "SandboxOptions", "Seen"]
