"""The website: public pages of rooms and events, which a script makes of what the server says."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from satchel.recnet.sandbox.call import Site
from satchel.recnet.world import Kind, Record

PICTURE: Final = "/website/picture.svg"

_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360">'
    '<rect width="640" height="360" fill="teal"/></svg>'
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Paper Boats</title>
<style>
  body { margin: 0; font: 18px sans-serif; background: #f4f1ea; color: #222; }
  header { background: #23395b; color: white; padding: 16px 32px; }
  main { padding: 32px; max-width: 760px; }
  img { display: block; width: 640px; height: 360px; background: #ccc; margin: 24px 0; }
</style>
<header>Paper Boats</header>
<main id="root">Loading …</main>
<script type="application/json" id="said">%s</script>
<script>
const said = JSON.parse(document.getElementById("said").textContent);
const made = said.lines.map(([name, text]) => {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
});
const picture = document.createElement("img");
picture.src = said.picture;
made.splice(1, 0, picture);
document.getElementById("root").replaceChildren(...made);
</script>
</html>
"""


def routes(site: Site) -> list[web.RouteDef]:
    """The website of a server."""

    async def room(request: web.Request) -> web.Response:
        id_ = site.index.room_names.get(request.match_info["name"].lower(), 0)
        return _page(site, "rooms", id_, "creator_account_id")

    async def event(request: web.Request) -> web.Response:
        return _page(site, "events", int(request.match_info["id"]), "creator_player_id")

    return [
        web.get("/room/{name}", room),
        web.get(r"/event/{id:\d+}", event),
        web.get(PICTURE, _picture),
    ]


async def _picture(request: web.Request) -> web.Response:
    return web.Response(text=_SVG, content_type="image/svg+xml")


def _page(site: Site, kind: Kind, id_: int, creator: str) -> web.Response:
    if not site.world.is_visible(kind, id_):
        return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")
    record = site.world.table(kind)[id_]
    lines = [("h1", _title(kind, record)), ("p", record["description"] or "")]
    if account := site.world.accounts.get(record[creator]):
        lines.append(("p", f"by {account['display_name']}"))
    said: dict[str, Any] = {"lines": lines, "picture": PICTURE}
    # A text may have </script> in it.
    text = _PAGE % json.dumps(said).replace("<", "\\u003c")
    return web.Response(text=text, content_type="text/html")


def _title(kind: Kind, record: Record) -> str:
    return f"^{record['name']}" if kind == "rooms" else str(record["name"])
