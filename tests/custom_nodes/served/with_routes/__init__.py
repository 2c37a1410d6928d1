"""A pack that serves addresses, sees submissions and speaks to pages."""

import asyncio
import hashlib
import os
import signal
import time
from pathlib import Path

import folder_paths
from aiohttp import web
from PIL import Image
from server import BinaryEventTypes, PromptServer

server = PromptServer.instance
routes = server.routes
HERE = Path(__file__).parent


@routes.get("/with_routes/echo/{name}")
async def echo(request):
    headers = [(name, value) for name, value in request.headers.items()]
    about = {
        "name": request.match_info["name"],
        "query": request.rel_url.raw_query_string,
        "remote": request.remote,
    }
    answer = web.json_response({**about, "method": request.method, "headers": headers})
    answer.set_cookie("of_the_pack", "1")
    answer.set_cookie("sfumato_token", "stolen")
    answer.headers["Keep-Alive"] = "timeout=99"
    return answer


@routes.post("/with_routes/upload")
async def upload(request):
    digest, blocks = hashlib.sha256(), 0
    async for block in request.content.iter_any():
        digest.update(block)
        blocks += 1
    return web.json_response(
        {"digest": digest.hexdigest(), "encoding": request.headers.get("Transfer-Encoding")}
    )


@routes.get("/with_routes/beats")
async def beats(request):
    """Events; each waits until the client has asked for it by touching /with_routes/next."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(3):
        await asyncio.wait_for(server.app["wanted"].get(), 20)
        await response.write(f"data: {number}\n\n".encode())
    return response


@routes.put("/with_routes/next")
async def next_beat(request):
    server.app["wanted"].put_nowait(None)
    return web.Response(status=204)


@routes.get("/with_routes/die")
async def die(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"the beginning")
    os.kill(os.getpid(), signal.SIGKILL)
    return response


@routes.get("/with_routes/fail")
async def fail(request):
    raise RuntimeError("a secret of the pack")


@routes.get("/with_routes/socket")
async def socket(request):
    line = web.WebSocketResponse(protocols=("shout",))
    await line.prepare(request)
    async for message in line:
        await line.send_str(message.data.upper())
    return line


@routes.get("/with_routes/running")
async def running(request):
    return web.json_response(
        {"client": server.client_id, "node": server.last_node_id, "job": server.last_prompt_id}
    )


@routes.post("/features")
@routes.get("/features")
async def not_heard(request):
    return web.json_response({"taken": True})


async def old_style(request):
    return web.json_response({"old": request.app["wanted"] is not None})


@web.middleware
async def mark(request, handler):
    response = await handler(request)
    if not response.prepared:
        response.headers["X-Pack"] = "with_routes"
    return response


async def begin(app):
    app["wanted"] = asyncio.Queue()


server.app.router.add_get("/with_routes/old", old_style)
server.app.add_routes([web.static("/with_routes/files", str(HERE / "files"))])
server.app.middlewares.append(mark)
server.app.on_startup.append(begin)


@server.add_on_prompt_handler
def see(body):
    extra = body.get("extra_data") or {}
    if extra.get("slow_handler"):
        time.sleep(4)
    if extra.get("bad_handler"):
        raise RuntimeError("no")
    if extra.get("forget"):
        return {"forgotten": True}
    if "say" in extra:
        for node in body["prompt"].values():
            if node["class_type"] == "RouteSpeaks":
                node["inputs"]["text"] = extra["say"]
    return body


class RouteSpeaks:
    """Says something to its page, in words and in bytes."""

    @classmethod
    def INPUT_TYPES(cls):
        folder = HERE / "files"
        return {"required": {"text": ("STRING",), "file": (sorted(path.name for path in folder.iterdir()),)}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    def work(self, text, file):
        sid = server.client_id
        server.send_sync("with_routes.said", {"text": text}, sid)
        picture = Image.new("RGB", (64, 32), "red")
        server.send_sync(BinaryEventTypes.UNENCODED_PREVIEW_IMAGE, ("PNG", picture, 16), sid)
        server.send_sync(77, b"raw bytes", sid)
        server.send_progress_text("half way", server.last_node_id)
        return {"ui": {"text": [text]}}


class RouteCounts:
    """Counts its runs, each node for itself."""

    NOT_IDEMPOTENT = True

    def __init__(self):
        self.calls = 0

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"salt": ("INT",)}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    def work(self, salt):
        self.calls += 1
        return {"ui": {"text": [str(self.calls)]}}


class RouteWaits:
    """Keeps the worker busy until a file is there."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"path": ("STRING",)}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    @classmethod
    def IS_CHANGED(cls, path):
        return float("nan")

    def work(self, path):
        until = time.monotonic() + 30
        while not Path(path).exists() and time.monotonic() < until:
            time.sleep(0.01)
        return {"ui": {"text": [str(Path(path).exists())]}}


folder_paths.folder_names_and_paths["route_models"] = ([str(HERE / "models")], {".abc"})
folder_paths.add_model_folder_path("loras", str(HERE / "models"))

NODE_CLASS_MAPPINGS = {"RouteSpeaks": RouteSpeaks, "RouteWaits": RouteWaits, "RouteCounts": RouteCounts}
