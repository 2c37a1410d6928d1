"""Is there a worker process? Starts it, hears it, tells how it died, and starts the next one."""

import asyncio
import logging
import os
import signal
import socket
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from executor.worker import protocol
from executor.worker.strays import MARK, is_standing_still, kill_marked

logger = logging.getLogger(__name__)
output_logger = logging.getLogger("worker.output")

REMEMBERED_LINES = 60
LONGEST_LINE_BYTES = 2**16
LONGEST_PAUSE_SECONDS = 30.0
LEASE_SECONDS = 20.0
# So many times within a lease a worker is heard from, and so many times it is looked for.
BEATS_PER_LEASE = 4


@dataclass(frozen=True)
class Loss:
    """How a worker ended: its exit code or the signal that killed it, and the last lines it wrote."""

    exit_code: int | None
    signal: str | None
    last_lines: tuple[str, ...] = ()
    silent_seconds: float = 0.0

    def describe(self) -> str:
        """One sentence."""
        if self.signal is None and self.exit_code is None:
            return f"The worker process could not be started: {' '.join(self.last_lines)}"
        if self.silent_seconds:
            return f"The worker process stood still for {self.silent_seconds:g} s and was replaced."
        if self.signal is not None:
            hint = " (the system may have run out of memory)" if self.signal == "SIGKILL" else ""
            return f"The worker process was killed by {self.signal}{hint}."
        return f"The worker process ended by itself with exit code {self.exit_code}."


class WorkerHost:
    """Keeps one worker process alive; calls back on the event loop.

    Args:
        command: starts a worker; `--connect fd:N` is added, N being its end of a socket pair.
        receive: called with each message and the token that it shows.
        lost: called when a worker has ended, before the next one is started.
        stop_seconds: how long a worker may take to end when asked to.
        lease_seconds: a worker that is silent for so long is killed if it was stopped (a debugger, SIGSTOP);
            one that is busy in native code is silent too, and left alone.
        environment: what is added to the worker's environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        receive: Callable[[Any, str], None],
        lost: Callable[[Loss], None],
        stop_seconds: float = 3.0,
        lease_seconds: float = LEASE_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._receive = receive
        self._lost = lost
        self._stop_seconds = stop_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._lines: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._stopping = asyncio.Event()
        self._greeted = False
        self._is_replaced = False
        self._lease_seconds = lease_seconds
        self._environment = environment or {}
        self._heard = False
        self._silent_seconds = 0.0

    @property
    def process_id(self) -> int | None:
        """The process id of the living worker."""
        return self._process.pid if self._process is not None else None

    def send(self, message: Any) -> None:
        """Send a message to the worker; without one nothing happens, its end is told by `lost`."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(protocol.encode(message))

    def kill(self) -> None:
        """Kill the worker and every process it started."""
        self._signal_group(signal.SIGKILL)

    async def supervise(self) -> None:
        """Keep a worker alive until `stop`; one that dies before its first word waits ever longer."""
        pause = 0.0
        while not self._stopping.is_set():
            self._greeted = False
            self._silent_seconds = 0.0
            self._lines.clear()
            loss = await self._one_life()
            if self._stopping.is_set():
                return  # what is called a loss here was asked for
            if self._is_replaced:
                self._is_replaced = False
                logger.info("the worker was replaced: it held on to memory that it did not use")
                continue
            logger.warning("%s", loss.describe())
            self._lost(loss)
            pause = 0.0 if self._greeted else min(LONGEST_PAUSE_SECONDS, pause * 2 or 1.0)
            await self._pause(pause)

    def replace(self) -> None:
        """Have another worker take the place of this one, which has nothing to do; nothing is lost."""
        self._is_replaced = True
        self.send(protocol.Stop())
        asyncio.get_running_loop().call_later(self._stop_seconds, self._insist, self._process)

    def _insist(self, process: asyncio.subprocess.Process | None) -> None:
        if process is not None and process is self._process:
            self.kill()

    def stop(self) -> None:
        """Ask the worker to end; `supervise` sees to it and returns."""
        self.send(protocol.Stop())
        self._stopping.set()

    async def _one_life(self) -> Loss:
        mark = f"{uuid.uuid4()}"
        ours, theirs = socket.socketpair()
        output_end, their_output = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                "--connect",
                f"fd:{theirs.fileno()}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={**os.environ, **self._environment, MARK: mark},
            )
        except OSError as problem:
            ours.close()
            os.close(output_end)
            return Loss(None, None, (str(problem),))
        finally:
            theirs.close()
            os.close(their_output)
        logger.debug("worker process %s started", process.pid)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self.send(protocol.Lease(self._lease_seconds / BEATS_PER_LEASE))
        if self._stopping.is_set():  # while it was starting
            self.send(protocol.Stop())
        output, pipe = await _read_pipe(output_end)
        messages = asyncio.create_task(self._hear(reader))
        lines = asyncio.create_task(self._forward(output))
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        watch = asyncio.create_task(self._watch())
        tasks = {messages, ended}
        try:
            await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            # A dead worker's last words may still be in the socket; a living one that closed it is of no use.
            if not ended.done():
                await asyncio.wait({ended}, timeout=self._stop_seconds if stopping.done() else 1.0)
            self._signal_group(signal.SIGKILL)
            await asyncio.to_thread(kill_marked, mark)
            await asyncio.wait({*tasks, lines}, timeout=2.0)
        finally:
            self._signal_group(signal.SIGKILL)
            self._process = None
            for task in (messages, lines, ended, stopping, watch):
                task.cancel()
            endings = await asyncio.gather(messages, lines, ended, stopping, watch, return_exceptions=True)
            pipe.close()
            for ending in endings:
                if isinstance(ending, Exception):
                    logger.error("hearing the worker failed", exc_info=ending)
            await self._hang_up()
        return self._loss(process.returncode)

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head, attachment = protocol.lengths(await reader.readexactly(protocol.LENGTHS.size))
                message, lease = protocol.decode(
                    await reader.readexactly(head),
                    await reader.readexactly(attachment) if attachment else b"",
                )
                self._greeted = self._heard = True
                if isinstance(message, protocol.LogRecord):
                    self._log(message)
                elif not isinstance(message, protocol.Beat):
                    self._receive(message, lease)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except protocol.ProtocolError as problem:
            logger.error("the worker broke the protocol: %s", problem)

    async def _watch(self) -> None:
        """Kill a worker that was stopped and has been silent for the whole lease."""
        silent = 0
        while True:
            # Looks are counted, not seconds: after a pause of this very process nobody was silent for long.
            await asyncio.sleep(self._lease_seconds / BEATS_PER_LEASE)
            silent, self._heard = 0 if self._heard else silent + 1, False
            process = self._process
            if silent >= BEATS_PER_LEASE and process is not None and is_standing_still(process.pid):
                self._silent_seconds = self._lease_seconds
                self.kill()
                return

    async def _forward(self, output: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await output.readline()
            except ValueError:  # longer than the limit: asyncio dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            if text:
                self._lines.append(text)
                output_logger.info("%s", text)

    def _log(self, record: protocol.LogRecord) -> None:
        if record.level >= logging.WARNING:
            self._lines.extend(record.message.splitlines())
        extra = {"job_id": record.job_id, "node_id": record.node_id}
        logging.getLogger(record.logger).log(record.level, "%s", record.message, extra=extra)

    def _loss(self, returncode: int | None) -> Loss:
        lines = tuple(self._lines)
        if self._silent_seconds:
            return Loss(returncode, None, lines, self._silent_seconds)
        if returncode is not None and returncode < 0:
            return Loss(None, signal.Signals(-returncode).name, lines)
        return Loss(returncode, None, lines)

    def _signal_group(self, number: signal.Signals) -> None:
        # The group outlives its leader while children of it run: it is signalled after the worker's end too.
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    async def _pause(self, seconds: float) -> None:
        if seconds:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return


async def _read_pipe(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    return reader, transport
