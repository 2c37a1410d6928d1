"""Sends an open file: ranges, revalidation, and a content type that no browser will run."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from web.confined import OpenedFile, open_file

BLOCK_BYTES = 2**18
# A client that takes longer for a block does not read; its file and its connection are given back.
BLOCK_SECONDS = 60.0
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'"
# What a browser shows or plays and never runs; everything else is offered for saving.
_PASSIVE_KINDS = ("image/", "audio/", "video/")
_ACTIVE_IMAGES = frozenset({"image/svg+xml"})
_PASSIVE_TYPES = frozenset({"text/plain", "application/json"})
_KNOWN_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".mp4": "video/mp4",
    ".flac": "audio/flac",
    ".opus": "audio/ogg",
    ".woff2": "font/woff2",
}


def guess_type(name: str) -> str:
    """The content type that a file's ending stands for."""
    suffix = Path(name).suffix.lower()
    return _KNOWN_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def passive_headers(name: str, request: web.Request) -> dict[str, str]:
    """Headers for a user's file: shown if nothing in it can run, else downloaded; never sniffed.

    A drawing in SVG is shown only where the browser says that it loads it as a picture, which runs no script.
    """
    kind = guess_type(name)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": SANDBOX}
    if kind in _ACTIVE_IMAGES:
        headers |= {"Vary": "Sec-Fetch-Dest", "Cache-Control": "no-store"}
        is_passive = request.headers.get("Sec-Fetch-Dest") == "image"
    else:
        is_passive = kind in _PASSIVE_TYPES or kind.startswith(_PASSIVE_KINDS)
    if is_passive:
        headers |= {"Content-Type": kind, "Content-Disposition": disposition(name)}
    else:
        headers |= {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": disposition(name, attachment=True),
        }
    return headers


def disposition(name: str, *, attachment: bool = False) -> str:
    """The `Content-Disposition` that carries a file's name."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "_" for c in name)
    value = f'filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    return f"attachment; {value}" if attachment else value


async def send_file(
    request: web.Request, root: Path, parts: tuple[str, ...], headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with the file `parts` below `root`; raises OSError where there is none to open."""
    opened = await asyncio.to_thread(open_file, root, parts)
    try:
        return await _answer(request, opened, headers)
    finally:
        opened.file.close()


def _is_unchanged(request: web.Request, opened: OpenedFile) -> bool:
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return tags.strip() == "*" or opened.etag in [
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        ]
    since = request.headers.get("If-Modified-Since")
    if since is None:
        return False
    try:
        return opened.modified_ns // 10**9 <= parsedate_to_datetime(since).timestamp()
    except (ValueError, TypeError, OverflowError):
        return False


def _range(request: web.Request, opened: OpenedFile) -> tuple[int, int] | None:
    """First byte and end of the single range asked for; None for the whole file, also for many ranges."""
    if request.headers.get("If-Range") not in {None, opened.etag}:
        return None
    unit, _, spec = request.headers.get("Range", "").partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not all(_is_digits(text) for text in (first, last) if text):
        return None
    if first:
        return int(first), min(int(last) + 1, opened.size) if last else opened.size
    return (max(0, opened.size - int(last)), opened.size) if last else None


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


async def _answer(request: web.Request, opened: OpenedFile, headers: Mapping[str, str]) -> web.StreamResponse:
    about = {
        "ETag": opened.etag,
        "Last-Modified": formatdate(opened.modified_ns / 10**9, usegmt=True),
        "Accept-Ranges": "bytes",
        **headers,
    }
    if _is_unchanged(request, opened):
        about.pop("Content-Type", None)
        return web.Response(status=304, headers=about)
    wanted = _range(request, opened)
    start, end = wanted or (0, opened.size)
    if wanted is not None and start >= min(end, opened.size):
        return web.Response(status=416, headers={"Content-Range": f"bytes */{opened.size}"})
    if wanted is not None:
        about["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
    status = 200 if wanted is None else 206
    if end - start <= BLOCK_BYTES:
        body = await asyncio.to_thread(_read, opened, start, end - start)
        return web.Response(status=status, headers=about, body=body)
    return await _stream(request, opened, web.StreamResponse(status=status, headers=about), start, end)


def _read(opened: OpenedFile, start: int, length: int) -> bytes:
    opened.file.seek(start)
    return opened.file.read(length)


async def _stream(
    request: web.Request, opened: OpenedFile, response: web.StreamResponse, start: int, end: int
) -> web.StreamResponse:
    response.content_length = end - start
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            await _send_blocks(opened, response, start, end)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client does not read") from None
    await response.write_eof()
    return response


async def _send_blocks(opened: OpenedFile, response: web.StreamResponse, start: int, end: int) -> None:
    while start < end:
        block = await asyncio.to_thread(_read, opened, start, min(BLOCK_BYTES, end - start))
        if not block:
            raise ConnectionResetError("the file became shorter while it was sent")
        async with asyncio.timeout(BLOCK_SECONDS):
            await response.write(block)
        start += len(block)
