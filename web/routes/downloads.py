"""`/api/models/downloads`: models that a person asks for, from a host that the person has confirmed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import web

from web.downloads import DownloadError
from web.keys import DOWNLOADS, FOLDERS
from web.refusal import RefusedError
from web.routes.models import HIDDEN_KEYS, known_folder
from web.routes.uploads import target_parts
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()

_DIGEST = re.compile(r"[0-9a-f]{64}")


@routes.get("/api/models/downloads")
async def downloads(request: web.Request) -> web.Response:
    """The downloads since the server started, the latest last; sizes in bytes, a total of 0 is not known."""
    return json_response({"downloads": [one.facts() for one in request.app[DOWNLOADS].all()]})


@routes.post("/api/models/downloads")
async def begin(request: web.Request) -> web.Response:
    """Begin to download a model: `{folder, name, url, host, sha256}`; `host` is what the person confirmed."""
    body = await read_object(request)
    given = {key: body.get(key, "") for key in ("folder", "name", "url", "host", "sha256")}
    wrong = next((key for key, value in given.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise RefusedError(400, "invalid_body", f"{wrong} must be text")
    folder = known_folder(request, given["folder"])
    if folder in HIDDEN_KEYS:
        raise RefusedError(404, "not_found", "There is no such model folder")
    parts = target_parts("", given["name"])
    digest = given["sha256"].lower()
    if digest and not _DIGEST.fullmatch(digest):
        raise RefusedError(400, "invalid_body", "sha256 must be 64 hexadecimal digits")
    if _host(given["url"]) != given["host"].lower() or not given["host"]:
        raise RefusedError(
            400, "unconfirmed_host", "host must be that of the address, as the person confirmed it"
        )
    try:
        target = request.app[FOLDERS].roots(folder)[0].joinpath(*parts)
        download = request.app[DOWNLOADS].begin(folder, "/".join(parts), target, given["url"], digest)
    except DownloadError as error:
        raise RefusedError(409, "no_download", str(error)) from None
    return json_response(download.facts(), status=202)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


@routes.delete("/api/models/downloads/{id}")
async def cancel(request: web.Request) -> web.Response:
    """Stop a download that runs; what came so far is deleted."""
    if not request.app[DOWNLOADS].cancel(request.match_info["id"]):
        raise RefusedError(404, "not_found", "No such download runs")
    return web.Response(status=204)
