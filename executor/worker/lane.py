"""Which job does a worker have? A lane is one worker, the job it runs and the request to stop it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from executor.queue.history import Outcome
from executor.queue.jobs import QueuedJob, now
from executor.run.events import JobStarted
from executor.worker import protocol
from executor.worker.host import LEASE_SECONDS, Loss, WorkerHost
from executor.worker.notices import WorkerState
from executor.worker.patience import HardStop
from executor.worker.record import RunRecord

logger = logging.getLogger(__name__)


PACK_WORDS = (
    protocol.Verdict,
    protocol.Edited,
    protocol.Planned,
    protocol.Reloaded,
    protocol.PackMessage,
    protocol.PackFrame,
)


class WorkerLostError(Exception):
    """The worker died with the job it was running."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.describe())
        self.loss = loss


class Lane:
    """One worker process and at most one job.

    Args:
        command: starts the worker.
        tell: called with each event of the job that runs, each `Catalogue`, and None for a new state.
        cancel_grace_seconds: how long a cancelled job may go on before its worker is killed, at most.
        lease_seconds: how long a worker may stand still before it is replaced.
        name: of the device, for people.
        environment: what is added to the worker's environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        tell: Callable[[Any, QueuedJob | None], None],
        cancel_grace_seconds: float = 10.0,
        lease_seconds: float = LEASE_SECONDS,
        name: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.device: Mapping[str, Any] = {}
        self.resident: frozenset[str] = frozenset()
        self._tell = tell
        self._grace = cancel_grace_seconds
        self._host = WorkerHost(
            command, self._receive, self._lost, lease_seconds=lease_seconds, environment=environment
        )
        self._state: WorkerState = "starting"
        self._ready = asyncio.Event()  # up, and without a job
        self._up = asyncio.Event()
        self._record: RunRecord | None = None
        self._end: asyncio.Future[None] | None = None
        self._is_read = False
        self._sent = False
        self._cancelled = False
        self._is_worn = False
        self._hard_stop: HardStop | None = None

    @property
    def state(self) -> WorkerState:
        """Whether the worker starts, waits, computes or is gone."""
        return self._state

    @property
    def job(self) -> QueuedJob | None:
        """The job that this lane has taken."""
        return self._record.job if self._record is not None else None

    @property
    def node_id(self) -> str:
        """The node that runs, or ran last."""
        return self._record.node_id if self._record is not None else ""

    @property
    def is_up(self) -> bool:
        """Whether the worker hears what it is sent."""
        return self._up.is_set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the job that this lane has was asked to stop."""
        return self._cancelled

    @property
    def has_ended(self) -> bool:
        """Whether the job that this lane has is over."""
        return self._record is not None and self._record.finished is not None

    @property
    def process_id(self) -> int | None:
        """The process id of the worker, if one lives."""
        return self._host.process_id

    async def supervise(self) -> None:
        """Keep the worker alive until `stop`."""
        await self._host.supervise()

    def stop(self) -> None:
        """Have the worker end and `supervise` return; of a job it was running nothing more is told."""
        self._ready.clear()
        if self._hard_stop is not None:
            self._hard_stop.cancel()
        self._host.stop()

    async def ready(self) -> None:
        """Wait until the worker can take a job."""
        await self._ready.wait()

    def is_ready(self) -> bool:
        """Whether the worker can take a job."""
        return self._ready.is_set()

    def take(self, job: QueuedJob) -> None:
        """Make a job this lane's own, before it is sent to the worker."""
        self._record = RunRecord(job)
        self._end = asyncio.get_running_loop().create_future()
        self._is_read = False
        self._sent = False
        self._cancelled = False
        self._ready.clear()

    def read(self) -> None:
        """Have the worker read the graph of the job that was taken; `run` sees to it if there is none yet."""
        if self._record is not None and self._up.is_set() and not self._is_read:
            job = self._record.job
            self._host.send(protocol.Read(job.token, job.graph_text.encode()))
            self._is_read = True

    async def run(self) -> Outcome:
        """Run the job that was taken to its end; raises `WorkerLostError` if the worker dies of it."""
        record, end = self._record, self._end
        assert record is not None
        assert end is not None
        # A worker that died before it was given the job is not the job's fault: the next one gets it.
        await self._up.wait()
        if not end.done():
            self._set_state("busy")
            self._send(record.job)
        await end
        return record.outcome()

    def release(self) -> None:
        """Forget the job, which is in the history or back in the line now."""
        self._record = None
        self._end = None
        if self._hard_stop is not None:
            self._hard_stop.cancel()
            self._hard_stop = None
        if self._state == "busy":
            self._set_state("ready")
        if self._is_worn:
            self._replace()
        elif self._state == "ready":
            self._ready.set()

    def cancel(self, by_force: bool = False) -> bool:
        """Ask the worker to stop its job, and kill it after the grace time; False if the job is over.

        By force there is no time of grace, or no more of it.
        """
        if self._record is None or self._record.finished is not None:
            return False
        job_id = self._record.job.job_id
        if self._cancelled:
            if by_force and self._sent:
                self._kill(job_id)
            return True
        self._cancelled = True
        if not self._sent:
            self._note(JobStarted(job_id, now()))
            self._note(self._record.ended("cancelled"))
            return True
        self._host.send(protocol.Cancel(job_id, self._record.job.token))
        if by_force:
            self._kill(job_id)
        else:
            self._hard_stop = HardStop(self._grace, self._record.pace, partial(self._kill, job_id))
        return True

    def fail(self, exception_type: str, message: str, lines: tuple[str, ...]) -> Outcome:
        """End the job in the worker's place, as failed at the node that ran."""
        assert self._record is not None
        self._note(self._record.failed(exception_type, message, lines))
        self._note(self._record.ended("failed"))
        return self._record.outcome()

    def _send(self, job: QueuedJob) -> None:
        self.read()
        pnginfo = job.extra_data.get("extra_pnginfo")
        method = job.extra_data.get("preview_method")
        self._host.send(
            protocol.Run(
                job_id=job.job_id,
                token=job.token,
                targets=job.targets,
                extra_pnginfo=pnginfo if isinstance(pnginfo, Mapping) else None,
                preview_method=method if isinstance(method, str) else "default",
                client_id=job.client_id,
            )
        )
        self._sent = True

    def _kill(self, job_id: str) -> None:
        if (
            self.job is not None
            and self.job.job_id == job_id
            and self._end is not None
            and not self._end.done()
        ):
            logger.warning("job %s does not stop: its worker is killed", job_id)
            self._host.kill()

    def send(self, message: Any) -> None:
        """Send the worker anything else; without a worker nothing happens."""
        self._host.send(message)

    def _receive(self, message: Any, token: str) -> None:
        if isinstance(message, protocol.Hello):
            self._greet(message)
        elif isinstance(message, protocol.Device):
            self.device, self.resident = message.device, frozenset(message.resident)
            self._is_worn = message.is_worn
            if self._is_worn and self._record is None:
                self._replace()
        elif isinstance(message, protocol.Catalogue):
            self._tell(message, None)
            if self._state in ("starting", "lost"):  # not while it has a job: it may look for packs before it
                self._set_state("ready")
            self._up.set()
            if self._record is None:
                self._ready.set()
        elif isinstance(message, PACK_WORDS):
            self._tell(message, None)
        elif isinstance(message, protocol.Moved):
            if self._hard_stop is not None and self.job is not None and token == self.job.token:
                self._hard_stop.moved()
        elif self._record is None or token != self._record.job.token:
            # A worker that was stopped and goes on does not know that its job was given away.
            logger.warning("a %s came from a worker without a lease", type(message).__name__)
        else:
            if self._hard_stop is not None:
                self._hard_stop.moved()
            self._note(message)

    def _greet(self, hello: protocol.Hello) -> None:
        if hello.version != protocol.VERSION:
            logger.error(
                "the worker speaks version %s of the protocol, not %s", hello.version, protocol.VERSION
            )
            self._host.kill()
        self.device = hello.device

    def _note(self, event: Any) -> None:
        record = self._record
        if record is None or event.job_id != record.job.job_id or record.finished is not None:
            logger.warning("a %s of job %s came late", type(event).__name__, event.job_id)
            return
        record.note(event)
        self._tell(event, record.job)
        if record.finished is not None and self._end is not None and not self._end.done():
            self._end.set_result(None)

    def _replace(self) -> None:
        """Have a new process take the place of one that has no job."""
        self._forget_process()
        self._set_state("starting")
        self._host.replace()

    def _forget_process(self) -> None:
        self._ready.clear()
        self._up.clear()
        self._is_read = False
        self._is_worn = False
        self.resident = frozenset()

    def _lost(self, loss: Loss) -> None:
        self._forget_process()
        self._set_state("lost")
        if self._record is None or self._end is None or self._end.done() or not self._sent:
            return
        if self._cancelled:
            self._note(self._record.ended("cancelled"))
        else:
            self._end.set_exception(WorkerLostError(loss))

    def _set_state(self, state: WorkerState) -> None:
        if state != self._state:
            self._state = state
            self._tell(None, None)
