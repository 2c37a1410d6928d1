"""The page itself and what packs bring for it: static files, templates, translations, subgraphs."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from aiohttp import web

from web.confined import UnsafePathError, path_parts
from web.file_answer import guess_type, send_file
from web.keys import SERVICE, SETTINGS
from web.packs import Pack, find_packs, subgraphs, templates, translations, uses_ecosystem, web_folders
from web.page_files import FOREVER, marked_page, recent_mark, split_mark
from web.refusal import RefusedError
from web.settings import STATIC_ROOT
from web.tokens import TOKEN_COOKIE, has_token
from web.wire_json import json_response

routes = web.RouteTableDef()
page_routes = web.RouteTableDef()

PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Scripts of the ecosystem write their styles into the page; their code is held to the same rules as ours.
PACKS_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


async def _static(request: web.Request, root: Path, path: str, headers: dict[str, str]) -> web.StreamResponse:
    try:
        parts = path_parts(path)
        about = {"Content-Type": _with_charset(guess_type(parts[-1] if parts else "")), **headers}
        return await send_file(request, root, parts, {"Cache-Control": "no-cache", **about})
    except (UnsafePathError, OSError):
        raise RefusedError(404, "not_found", "There is nothing at this address") from None


def _with_charset(kind: str) -> str:
    is_text = kind.startswith("text/") or kind in {"application/json", "image/svg+xml"}
    return f"{kind}; charset=utf-8" if is_text else kind


@page_routes.get("/{path:.*}")
async def static(request: web.Request) -> web.StreamResponse:
    """A file of the page; `/` is its index.html, `/?token=` lets a browser in.

    Browsers keep files under the mark of their content for ever and revalidate all others at each use.
    """
    settings = request.app[SETTINGS]
    path = request.match_info["path"]
    headers: dict[str, str] = {}
    if path in {"", "index.html"}:
        response = await _index(request)
    else:
        if settings.uses_own_page:
            path, headers = await _own_path(path, settings.static_root)
        response = await _static(request, settings.static_root, path, headers)
    token = request.query.get("token")
    if token and has_token(token, settings) and not response.prepared:
        response.set_cookie(
            TOKEN_COOKIE, token, httponly=True, samesite="Strict", secure=request.secure, path="/"
        )
    return response


async def _own_path(path: str, root: Path) -> tuple[str, dict[str, str]]:
    mark, path = split_mark(path)
    if path.startswith("scripts/"):
        path = f"legacy/{path}"
    if path == "favicon.ico":
        path = "favicon.svg"
    is_current = mark is not None and mark == await asyncio.to_thread(recent_mark, root)
    return path, {"Cache-Control": FOREVER} if is_current else {}


async def _index(request: web.Request) -> web.StreamResponse:
    settings = request.app[SETTINGS]
    headers = {"Pragma": "no-cache", "Expires": "0", "X-Frame-Options": "DENY"}
    if not settings.uses_own_page:
        return await _static(request, settings.static_root, "index.html", headers)
    body = await asyncio.to_thread(marked_page, settings.static_root)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers |= {
        "Cache-Control": "no-cache",
        "ETag": tag,
        "Content-Security-Policy": await _policy(request),
    }
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


async def _policy(request: web.Request) -> str:
    """What the page may do: no styles but its own unless a pack brings scripts made for other pages."""
    settings, reports = request.app[SETTINGS], request.app[SERVICE].packs

    def uses_surface() -> bool:
        folders = web_folders(reports, settings.custom_nodes).values()
        return any(uses_ecosystem(script) for folder in folders for script in folder.rglob("*.js"))

    is_off = request.query.get("packs") == "off"
    return PACKS_POLICY if not is_off and await asyncio.to_thread(uses_surface) else PAGE_POLICY


def _packs(request: web.Request) -> list[Pack]:
    return find_packs(request.app[SETTINGS].custom_nodes)


def _pack(request: web.Request) -> Pack:
    name = request.match_info["pack"]
    for pack in _packs(request):
        if pack.name == name:
            return pack
    raise RefusedError(404, "not_found", "There is no such pack")


@page_routes.get("/extensions/{pack}/{path:.*}")
async def pack_file(request: web.Request) -> web.StreamResponse:
    """A file of a pack's web folder, or of the page's own extensions."""
    path = request.match_info["path"]
    if request.match_info["pack"] == "core" and request.app[SETTINGS].uses_own_page:
        return await _static(request, STATIC_ROOT / "legacy" / "core", path, {})
    if (request.app[SETTINGS].static_root / "extensions" / request.match_info["pack"]).is_dir():
        own = request.app[SETTINGS].static_root / "extensions"
        return await _static(request, own, f"{request.match_info['pack']}/{path}", {})
    folders = web_folders(request.app[SERVICE].packs, request.app[SETTINGS].custom_nodes)
    folder = folders.get(request.match_info["pack"])
    if folder is None:
        raise RefusedError(404, "not_found", "This pack brings nothing for the page")
    return await _static(request, folder, path, {})


@page_routes.get("/api/workflow_templates/{pack}/{path:.*}")
async def template_file(request: web.Request) -> web.StreamResponse:
    """An example workflow of a pack, or the picture beside it."""
    for folder in _pack(request).template_folders():
        try:
            return await _static(request, folder, request.match_info["path"], {})
        except RefusedError:
            continue
    raise RefusedError(404, "not_found", "There is no such template")


@routes.get("/workflow_templates")
async def workflow_templates(request: web.Request) -> web.Response:
    """The names of the example workflows by pack."""
    return json_response(await asyncio.to_thread(lambda: templates(_packs(request))))


@routes.get("/i18n")
async def i18n(request: web.Request) -> web.Response:
    """The packs' translations by language."""
    return json_response(await asyncio.to_thread(lambda: translations(_packs(request))))


@routes.get("/global_subgraphs")
async def global_subgraphs(request: web.Request) -> web.Response:
    """The subgraphs that packs bring, by id."""
    found = await asyncio.to_thread(lambda: subgraphs(_packs(request)))
    return json_response({key: about for key, (about, _) in found.items()})


@routes.get("/global_subgraphs/{id}")
async def global_subgraph(request: web.Request) -> web.Response:
    """One subgraph with its text, or null."""

    def read() -> dict[str, object] | None:
        found = subgraphs(_packs(request)).get(request.match_info["id"])
        return found and {**found[0], "data": found[1].read_text(encoding="utf-8", errors="replace")}

    return json_response(await asyncio.to_thread(read))
