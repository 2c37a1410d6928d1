"""`/upload/image` and `/upload/mask`: files that come from the page, whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from aiohttp import web
from multidict import MultiDictProxy

from web.confined import UnsafePathError, new_path_parts, open_file, path_parts, write_file
from web.keys import FOLDERS, SETTINGS
from web.pictures import UnreadablePictureError, masked_bytes
from web.refusal import RefusedError
from web.routes.files import place_root
from web.wire_json import is_true, json_response, parse_json, patience

routes = web.RouteTableDef()

Form = MultiDictProxy[str | bytes | bytearray | web.FileField]
MAX_TRIES = 10_000


async def read_form(request: web.Request) -> Form:
    """The fields of a multipart form; refuses what is not one."""
    if request.content_type != "multipart/form-data":
        raise RefusedError(400, "not_a_form", "The body must be multipart/form-data")
    try:
        length = request.content_length or request.app[SETTINGS].max_upload_bytes
        async with patience(request, length):
            return await request.post()
    except (ValueError, LookupError, AssertionError, RuntimeError, EOFError, zlib.error):
        raise RefusedError(400, "not_a_form", "The multipart body is malformed") from None


def text_field(form: Form, name: str, default: str = "") -> str:
    """A text field of a form; refuses a file in its place."""
    value = form.get(name, default)
    if not isinstance(value, str):
        raise RefusedError(400, "invalid_form", f"The field {name} must be text")
    return value


def file_field(form: Form) -> tuple[str, BinaryIO]:
    """The name and the content of the `image` field."""
    field = form.get("image")
    if not isinstance(field, web.FileField) or not field.filename:
        raise RefusedError(400, "no_image", "The form has no file in its field image")
    return field.filename, cast(BinaryIO, field.file)


def target_parts(subfolder: str, filename: str) -> tuple[str, ...]:
    """Where an upload goes below its root; refuses names that lead elsewhere or hide."""
    try:
        parts = (*new_path_parts(subfolder), *new_path_parts(filename))
    except UnsafePathError as error:
        raise RefusedError(400, "invalid_filename", f"The name is not allowed: {error}") from None
    if not parts or parts[-1].startswith("."):
        raise RefusedError(400, "invalid_filename", "The name is hidden or empty")
    return parts


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    value = hashlib.sha256()
    while block := file.read(2**20):
        value.update(block)
    file.seek(0)
    return value.digest()


def _is_same(root: Path, parts: tuple[str, ...], digest: bytes) -> bool:
    try:
        with open_file(root, parts).file as present:
            return _digest(present) == digest
    except OSError:
        return False


def store(root: Path, parts: tuple[str, ...], file: BinaryIO, *, overwrite: bool) -> str:
    """Write an upload and return its final name.

    Without `overwrite` an equal file is used again, and an unequal one makes room as `name (1).png`.
    """
    if overwrite:
        write_file(root, parts, file, overwrite=True)
        return parts[-1]
    digest = _digest(file)
    name = PurePosixPath(parts[-1])
    for number in range(MAX_TRIES):
        candidate = f"{name.stem} ({number}){name.suffix}" if number else name.name
        path = (*parts[:-1], candidate)
        try:
            file.seek(0)
            if not root.joinpath(*path).exists():
                write_file(root, path, file, overwrite=False)
                return candidate
        except FileExistsError:
            pass
        if _is_same(root, path, digest):
            return candidate
    raise RefusedError(409, "too_many_copies", "There are too many files of that name")


def cannot_store(error: OSError) -> RefusedError:
    """The refusal of a file that the disk did not take: 507 where it is full."""
    status = 507 if error.errno in {errno.ENOSPC, errno.EDQUOT} else 400
    return RefusedError(status, "cannot_store", f"The file cannot be stored: {error.strerror}")


async def _store(request: web.Request, form: Form, name: str, file: BinaryIO) -> web.Response:
    kind = text_field(form, "type", "input") or "input"
    subfolder = text_field(form, "subfolder")
    root, parts = place_root(request, kind), target_parts(subfolder, name)
    overwrite = is_true(text_field(form, "overwrite"))
    try:
        stored = await asyncio.to_thread(store, root, parts, file, overwrite=overwrite)
    except OSError as error:
        raise cannot_store(error) from None
    return json_response({"name": stored, "subfolder": subfolder, "type": kind})


@routes.post("/upload/image")
async def upload_image(request: web.Request) -> web.Response:
    """Store a file below the input (or temp, output) folder."""
    form = await read_form(request)
    name, file = file_field(form)
    return await _store(request, form, name, file)


@routes.post("/upload/mask")
async def upload_mask(request: web.Request) -> web.Response:
    """Store the picture that `original_ref` names, with the alpha of the uploaded one."""
    form = await read_form(request)
    name, mask = file_field(form)
    root, parts = _original(request, text_field(form, "original_ref"))

    def combine() -> bytes:
        with open_file(root, parts).file as original:
            return masked_bytes(original, mask)

    try:
        body = await asyncio.to_thread(combine)
    except UnreadablePictureError as error:
        raise RefusedError(400, "unreadable_picture", str(error)) from None
    except OSError:
        raise RefusedError(400, "no_original", "original_ref names no file") from None
    return await _store(request, form, name, io.BytesIO(body))


def _original(request: web.Request, text: str) -> tuple[Path, tuple[str, ...]]:
    reference: Any = parse_json(text.encode("utf-8", "replace")) if text else None
    if not isinstance(reference, dict) or not isinstance(reference.get("filename"), str):
        raise RefusedError(400, "no_original", "original_ref must be a JSON object with a filename")
    kind, subfolder = reference.get("type", "output"), reference.get("subfolder") or ""
    if not isinstance(kind, str) or not isinstance(subfolder, str):
        raise RefusedError(400, "no_original", "type and subfolder of original_ref must be strings")
    filename, kind = request.app[FOLDERS].annotated(reference["filename"], kind)
    try:
        return place_root(request, kind), (*path_parts(subfolder), *path_parts(filename))
    except UnsafePathError as error:
        raise RefusedError(400, "no_original", f"original_ref is not allowed: {error}") from None
