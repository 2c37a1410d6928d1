"""Who is told over HTTP that a job is over? Addresses that the owner allowed, until they answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from socket import AF_UNSPEC, AddressFamily
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from executor.queue.jobs import WEBHOOK_KEY
from executor.worker.notices import JobClosed
from web.job_shapes import job_object
from web.refusal import RefusedError
from web.wire_json import to_json

if TYPE_CHECKING:
    from executor.queue.jobs import QueuedJob
    from executor.worker.notices import ServiceEvent
    from executor.worker.service import Service

DELIVERIES = uuid.UUID("5f3b8a52-6f0e-4a49-9d1c-7a3a4b1f60d2")
MAX_URL, MAX_SECRET = 2000, 200
TIMEOUT_SECONDS = 10.0
PAUSES_SECONDS = (1.0, 5.0, 25.0, 125.0)
MOST_DELIVERIES = 1000
_PORTS = {"http": 80, "https": 443}

logger = logging.getLogger(__name__)


def _is_allowed(parts: SplitResult, hosts: Sequence[str]) -> bool:
    name = (parts.hostname or "").lower()
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{name}]" if ":" in name else name
    allowed = {host.lower() for host in hosts}
    return f"{shown}:{port}" in allowed or (parts.port is None and shown in allowed)


def check_webhook(extra_data: Mapping[str, Any], hosts: Sequence[str]) -> None:
    """Refuses a job whose webhook is malformed or leads where the owner of the server did not allow."""
    given = extra_data.get(WEBHOOK_KEY)
    if given is None:
        return
    if not hosts:
        raise _refused("webhooks_off", "This server sends no webhooks")
    if not isinstance(given, dict) or not isinstance(given.get("url"), str):
        raise _refused("invalid_request", "webhook must be an object with a url")
    url, secret = given["url"], given.get("secret", "")
    if not isinstance(secret, str) or len(secret) > MAX_SECRET:
        raise _refused("invalid_request", f"The secret of a webhook has at most {MAX_SECRET} letters")
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in _PORTS and parts.username is None and "\\" not in url and url.isprintable()
        is_good = len(url) <= MAX_URL and is_plain and _is_allowed(parts, hosts)
    except ValueError:
        is_good = False
    if not is_good:
        raise _refused("webhook_not_allowed", "The address of the webhook is not among those allowed")


def _refused(kind: str, message: str) -> RefusedError:
    return RefusedError(400, kind, message, node_errors={})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes again to know that the message is ours and was not changed."""
    code = hmac.new(secret.encode("utf-8", "replace"), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={code.hexdigest()}"


class PublicResolver(AbstractResolver):
    """Finds addresses of names and drops those inside: a name may be rebound after it was allowed.

    An address or `localhost` that the owner allowed by name is used as it is.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._inner = aiohttp.ThreadedResolver()
        self._has_localhost = any(host.split(":")[0] == "localhost" for host in hosts)

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_UNSPEC
    ) -> list[ResolveResult]:
        """The public addresses of a name; raises OSError if there are none."""
        found = await self._inner.resolve(host, port, family)
        if host == "localhost" and self._has_localhost:
            return found
        public = [one for one in found if ipaddress.ip_address(one["host"].partition("%")[0]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


class Webhooks:
    """Tells of jobs that are over, those of earlier runs too. Used on the event loop.

    Args:
        service: whose jobs.
        hosts: names, or names with ports, that may be told; none, and nobody is.
        pauses: how long to wait before each further try, in seconds.
    """

    def __init__(
        self, service: Service, hosts: Sequence[str], pauses: Sequence[float] = PAUSES_SECONDS
    ) -> None:
        self._service = service
        self._hosts = tuple(hosts)
        self._pauses = tuple(pauses)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def resume(self) -> None:
        """Tell of the jobs whose end was not told before the server ended."""
        if self._hosts:
            for job in await self._service.untold(MOST_DELIVERIES):
                self._begin(job)

    def hear(self, told: ServiceEvent) -> None:
        """Tell of a job that is over, if it asked for that."""
        if self._hosts and told.job is not None and isinstance(told.event, JobClosed):
            self._begin(told.job)

    async def close(self) -> None:
        """Stop; what was not delivered is on disk, for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _begin(self, job: QueuedJob) -> None:
        if job.extra_data.get(WEBHOOK_KEY) is None or job.sequence in self._tasks:
            return
        if len(self._tasks) >= MOST_DELIVERIES:
            logger.warning("many webhooks wait: that of job %s is sent after the next start", job.job_id)
            return
        task = self._tasks[job.sequence] = asyncio.create_task(self._tell(job))
        task.add_done_callback(lambda _: self._tasks.pop(job.sequence, None))

    async def _tell(self, job: QueuedJob) -> None:
        try:
            check_webhook(job.extra_data, self._hosts)  # the list may have changed since it was submitted
        except RefusedError:
            await self._service.told(job)
            return
        row = await self._service.job(job.job_id)
        if row is None:
            return
        webhook = job.extra_data[WEBHOOK_KEY]
        body = to_json({"event": "job_finished", "job": job_object(row)}).encode()
        # After a restart the same, so that a receiver knows what it has had.
        delivery = uuid.uuid5(DELIVERIES, f"{job.job_id} {job.sequence}").hex
        for pause in (0.0, *self._pauses):
            await asyncio.sleep(pause)
            if await self._post(webhook["url"], webhook.get("secret", ""), body, delivery):
                break
        else:
            tries = 1 + len(self._pauses)
            logger.warning("the webhook of job %s was not accepted, %d tries", job.job_id, tries)
        await self._service.told(job)

    async def _post(self, url: str, secret: str, body: bytes, delivery: str) -> bool:
        """Send once; whether nothing more is to be done."""
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Sfumato",
            "X-Sfumato-Delivery": delivery,
            "X-Sfumato-Timestamp": timestamp,
        }
        if secret:
            headers["X-Sfumato-Signature"] = signature(secret, timestamp, body)
        try:
            async with self._client().post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status < 500 and response.status not in {408, 425, 429}
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=PublicResolver(self._hosts), limit=10, force_close=True)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self._session
