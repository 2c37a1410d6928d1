"""How do models come from the net? When a person asks, from the host that they name, whole and checked."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import logging
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp

from web.webhooks import PublicResolver

ENDINGS = (".safetensors", ".sft", ".gguf")
MOST_RUNNING, MOST_KEPT, MOST_HOPS, MAX_URL = 4, 100, 6, 4000
BLOCK_BYTES = 2**20
RESERVE_BYTES = 2**30
MAX_HEADER_BYTES = 100 * 2**20
IDLE_SECONDS = 60.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

logger = logging.getLogger(__name__)


class DownloadError(Exception):
    """Why a model cannot be downloaded, in a sentence."""


@dataclass
class Download:
    """One model on its way; sizes in bytes, `total` is 0 while it is not known."""

    folder: str
    name: str
    url: str
    digest: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: str = "running"
    received: int = 0
    total: int = 0
    problem: str = ""

    def facts(self) -> dict[str, str | int]:
        """What a page is told."""
        names = ("id", "folder", "name", "url", "state", "received", "total", "problem")
        return {name: getattr(self, name) for name in names}


def check_address(url: str, *, is_inner: bool = False) -> SplitResult:
    """The parts of an address that may be asked; raises DownloadError for any other.

    Args:
        is_inner: whether plain HTTP and addresses inside are allowed, as tests need them.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise DownloadError("The address is malformed") from None
    is_plain = parts.username is None and "\\" not in url and url.isprintable() and len(url) <= MAX_URL
    if not is_plain or not host or parts.scheme not in ({"http", "https"} if is_inner else {"https"}):
        raise DownloadError("Models are downloaded from https addresses without a password only")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return parts
    if not is_inner and not address.is_global:
        raise DownloadError(f"{host} is no public address")
    return parts


def is_model(path: Path) -> bool:
    """Whether a file begins as its ending says: safetensors with a readable header, GGUF with its mark."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if path.name.lower().endswith(".gguf.part"):
            return start[:4] == b"GGUF"
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            return False
        try:
            return isinstance(json.loads(file.read(length)), dict)
        except (ValueError, RecursionError):
            return False


class Downloads:
    """The models that were asked for since the server started. Used on the event loop.

    Args:
        is_inner: whether addresses inside may be asked, as tests need it.
    """

    def __init__(self, *, is_inner: bool = False) -> None:
        self._is_inner = is_inner
        self._known: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Download]:
        """Every download, the latest last."""
        return list(self._known.values())

    def begin(self, folder: str, name: str, target: Path, url: str, digest: str) -> Download:
        """Start one; `digest` is the SHA-256 in small letters that it must have, or empty.

        Raises:
            DownloadError: the address, the name or the place will not do, or too many run.
        """
        check_address(url, is_inner=self._is_inner)
        if not name.lower().endswith(ENDINGS):
            raise DownloadError(
                f"Only files that hold nothing but weights are downloaded: {', '.join(ENDINGS)}"
            )
        if target.exists():
            raise DownloadError(f"There is a file {name} already")
        running = [one for one in self._known.values() if one.state == "running"]
        if len(running) >= MOST_RUNNING:
            raise DownloadError(f"{MOST_RUNNING} downloads run already")
        if any((one.folder, one.name) == (folder, name) for one in running):
            raise DownloadError(f"{name} is on its way already")
        download = Download(folder, name, url, digest)
        self._known[download.id] = download
        while len(self._known) > MOST_KEPT:
            del self._known[next(key for key, one in self._known.items() if one.state != "running")]
        task = asyncio.create_task(self._run(download, target))
        self._tasks[download.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(download.id, None))
        return download

    def cancel(self, download_id: str) -> bool:
        """Stop one that runs; whether there was one."""
        task = self._tasks.get(download_id)
        return task is not None and task.cancel()

    async def close(self) -> None:
        """Stop all; what was not whole is gone."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, download: Download, target: Path) -> None:
        part = target.with_name(f".{target.name}.part")
        try:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            await self._fetch(download, part)
            if not await asyncio.to_thread(is_model, part):
                raise DownloadError("What came is no model file")
            if target.exists():
                raise DownloadError(f"There is a file {download.name} already")
            part.rename(target)
            download.state = "done"
        except asyncio.CancelledError:
            download.state = "cancelled"
            raise
        except (DownloadError, aiohttp.ClientError, OSError, TimeoutError) as error:
            download.state = "failed"
            download.problem = str(error) or type(error).__name__
            logger.warning("The download of %s failed: %s", download.name, download.problem)
        finally:
            part.unlink(missing_ok=True)

    async def _fetch(self, download: Download, part: Path) -> None:
        connector = aiohttp.TCPConnector(resolver=None if self._is_inner else PublicResolver(()))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=IDLE_SECONDS, sock_read=IDLE_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            url = download.url
            for _ in range(MOST_HOPS):
                check_address(url, is_inner=self._is_inner)
                async with session.get(url, allow_redirects=False) as answer:
                    if answer.status in _REDIRECTS:
                        url = urljoin(url, answer.headers.get("Location", ""))
                        continue
                    if answer.status != 200:
                        raise DownloadError(f"The host answered {answer.status}")
                    return await self._store(download, answer, part)
        raise DownloadError("The host sends from one address to the next")

    async def _store(self, download: Download, answer: aiohttp.ClientResponse, part: Path) -> None:
        download.total = answer.content_length or 0
        if shutil.disk_usage(part.parent).free < download.total + RESERVE_BYTES:
            raise DownloadError("There is not enough room on the disk")
        value = hashlib.sha256()
        with part.open("wb") as file:
            async for block in answer.content.iter_chunked(BLOCK_BYTES):
                await asyncio.to_thread(file.write, block)
                await asyncio.to_thread(value.update, block)
                download.received += len(block)
        if download.total and download.received != download.total:
            raise DownloadError("The host sent less than it said")
        if download.digest and value.hexdigest() != download.digest:
            raise DownloadError("The file is another one than the workflow names: its SHA-256 differs")
