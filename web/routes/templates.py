"""`/api/templates`: workflows to begin with."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from web.confined import UnsafePathError, path_parts
from web.file_answer import passive_headers, send_file
from web.refusal import RefusedError

routes = web.RouteTableDef()

TEMPLATES = Path(__file__).resolve().parents[2] / "assets" / "templates"


@routes.get("/api/templates")
async def templates(request: web.Request) -> web.StreamResponse:
    """The workflows to begin with, in the order in which they are shown."""
    return await _send(request, ("index.json",))


@routes.get("/api/templates/{file}")
async def template(request: web.Request) -> web.StreamResponse:
    """A workflow to begin with (`name.json`), or its picture (`name.webp`)."""
    try:
        return await _send(request, path_parts(request.match_info["file"]))
    except (UnsafePathError, IndexError, OSError):
        raise RefusedError(404, "not_found", "There is no such template") from None


async def _send(request: web.Request, parts: tuple[str, ...]) -> web.StreamResponse:
    return await send_file(request, TEMPLATES, parts, passive_headers(parts[-1], request))
