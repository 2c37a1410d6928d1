"""A real server process over the toy worker: toy_server.py BASE [SETTINGS as JSON]; prints its port."""

# ruff: noqa: E402 - what is imported is found once the path is set

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from aiohttp import web

from executor.worker.service import Service
from loaders.folders import Folders
from web.app import build
from web.serving import runner
from web.settings import WebSettings


async def main() -> None:
    base = Path(sys.argv[1])
    given = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    for key in ("static_root", "user_directory"):
        if key in given:
            given[key] = Path(given[key])
    if "custom_nodes" in given:
        given["custom_nodes"] = tuple(Path(path) for path in given["custom_nodes"])
    folders = Folders(base)
    folders.create()
    command = [sys.executable, str(HERE / "toy_worker.py"), str(base)]
    service = Service(base / "sfumato.db", command, base / "catalogue.json", cancel_grace_seconds=2.0)
    await service.start()
    app = build(service, folders, WebSettings(**{"user_directory": base / "users", **given}))
    serving = runner(app)
    await serving.setup()
    site = web.TCPSite(serving, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{serving.addresses[0][1]} {os.getpid()}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await serving.cleanup()
    await service.stop()


logging.basicConfig(level="INFO")
asyncio.run(main())
