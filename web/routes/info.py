"""`/system_stats`, `/features`, `/embeddings`, `/extensions`: what the server is and has."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from aiohttp import web

from web.keys import FOLDERS, SERVICE, SETTINGS
from web.packs import pack_scripts, web_folders
from web.wire_json import json_response

routes = web.RouteTableDef()

# The level of the ecosystem's API that clients may count on.
API_LEVEL = "0.8.0"


def memory_bytes() -> tuple[int, int]:
    """Total and available memory of the machine; zeros where the system does not tell."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = os.sysconf("SC_PHYS_PAGES") * page
    except (ValueError, OSError, AttributeError):
        return 0, 0
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return total, int(line.split()[1]) * 1024
        return total, os.sysconf("SC_AVPHYS_PAGES") * page
    except (ValueError, OSError):
        return total, 0


@routes.get("/system_stats")
async def system_stats(request: web.Request) -> web.Response:
    """The system and its one device; the device's figures come from the worker and may lag behind."""
    settings, service = request.app[SETTINGS], request.app[SERVICE]
    device = dict(service.device_info)
    torch_version = device.pop("torch_version", "")
    total, free = memory_bytes()
    system = {
        "os": sys.platform,
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": API_LEVEL,
        "sfumato_version": settings.version,
        "required_frontend_version": "",
        "installed_templates_version": "",
        "required_templates_version": "",
        "python_version": sys.version,
        "pytorch_version": torch_version,
        "embedded_python": False,
        "argv": list(settings.argv),
        "worker": service.worker_state,
    }
    return json_response({"system": system, "devices": [{**_processor(total, free), **device}]})


def _processor(total: int, free: int) -> dict[str, Any]:
    """The device while the worker has told of none, and what it leaves out: the processor and its memory."""
    return {
        "name": "cpu",
        "type": "cpu",
        "index": None,
        "vram_total": total,
        "vram_free": free,
        "torch_vram_total": total,
        "torch_vram_free": free,
    }


def feature_flags(request: web.Request) -> dict[str, Any]:
    """What the server can do beyond the oldest clients."""
    return {
        "supports_preview_metadata": True,
        "supports_worker_state": True,
        "supports_event_ids": True,
        "max_upload_size": request.app[SETTINGS].max_upload_bytes,
        "extension": {"manager": {"supports_v4": False}},
    }


@routes.get("/features")
async def features(request: web.Request) -> web.Response:
    """The feature flags, as the socket's handshake sends them."""
    return json_response(feature_flags(request))


@routes.get("/embeddings")
async def embeddings(request: web.Request) -> web.Response:
    """The names of the textual-inversion embeddings, without their endings."""
    names = await asyncio.to_thread(request.app[FOLDERS].names, "embeddings")
    return json_response([str(PurePosixPath(name).with_suffix("")) for name in names])


@routes.get("/extensions")
async def extensions(request: web.Request) -> web.Response:
    """The scripts that the page loads: its own extensions, then those of the packs."""
    settings, reports = request.app[SETTINGS], request.app[SERVICE].packs

    def find() -> list[str]:
        own = settings.static_root / "extensions"
        scripts = sorted(path.relative_to(settings.static_root) for path in own.rglob("*.js"))
        found = [f"/{script.as_posix()}" for script in scripts]
        for name, folder in sorted(web_folders(reports, settings.custom_nodes).items()):
            found.extend(pack_scripts(name, folder))
        return found

    return json_response(await asyncio.to_thread(find))
