"""`/queue`, `/interrupt` and `/free`: what waits, and how to stop or unload."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from web.keys import SERVICE, SETTINGS
from web.refusal import RefusedError
from web.wire_json import parse_json, read_body, read_object, text_response, type_name

routes = web.RouteTableDef()


@routes.get("/queue")
async def queue(request: web.Request) -> web.Response:
    """The running and the waiting jobs, each as a five-element array, in the order they will run."""
    service = request.app[SERVICE]
    running = ", ".join([job.item5_text for job in service.running()])
    pending = ", ".join([job.item5_text for job in service.pending()])
    return text_response(f'{{"queue_running": [{running}], "queue_pending": [{pending}]}}')


def id_list(body: dict[str, Any], key: str) -> list[str]:
    """The list of job ids under `key`; nothing if the key is absent."""
    ids = body.get(key)
    if ids is None:
        return []
    if not isinstance(ids, list) or not all(isinstance(item, str | int) for item in ids):
        raise RefusedError(400, "invalid_body", f"{key} must be an array of job ids, not {type_name(ids)}")
    return [str(item) for item in ids]


@routes.post("/queue")
async def change_queue(request: web.Request) -> web.Response:
    """Clear the waiting jobs or delete some of them; the running one is left alone."""
    service = request.app[SERVICE]
    body = await read_object(request)
    ids = id_list(body, "delete")
    if body.get("clear"):
        await service.clear()
    if ids:
        await service.delete(ids)
    return web.Response()


@routes.post("/interrupt")
async def interrupt(request: web.Request) -> web.Response:
    """Cancel what runs now, or only the job named by `prompt_id`. A missing or unreadable body means any."""
    raw = await read_body(request, request.app[SETTINGS].max_json_bytes)
    try:
        body = parse_json(raw) if raw else {}
    except RefusedError:
        body = {}
    job_id = body.get("prompt_id") if isinstance(body, dict) else None
    await request.app[SERVICE].interrupt(str(job_id) if job_id else None)
    return web.Response()


@routes.post("/free")
async def free(request: web.Request) -> web.Response:
    """Unload models, and with `free_memory` drop cached results too, after the job that runs."""
    body = await read_object(request)
    unload_models, free_memory = bool(body.get("unload_models")), bool(body.get("free_memory"))
    if unload_models or free_memory:
        await request.app[SERVICE].free(unload_models or free_memory, free_memory)
    return web.Response()
