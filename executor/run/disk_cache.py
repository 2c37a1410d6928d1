"""Results on disk, so that a graph goes on from what was finished after the process ended, however it ended.

A file holds one outcome under the fingerprint of its node: a head in JSON, the bytes of tensors and the like,
and a checksum of all that. It is written beside and then renamed, so it is whole or absent; a file whose
checksum is wrong is removed and counts as absent. No value is ever pickled.
"""

import json
import logging
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from executor.run.cache import Outcome
from executor.run.digests import digest
from executor.run.stored_values import Codec, Unstorable, Values

logger = logging.getLogger(__name__)

MAGIC = b"sfumato1"
CHECK_BYTES = 16
DEFAULT_BYTES = 20 * 2**30
WORTH_SECONDS = 0.1
ENDING, UNFINISHED = ".result", ".part"
ABANDONED_SECONDS = 3600.0
LOOK_SECONDS = 60.0
"""How often the folder is looked through again while results are written, as others may write there too."""

DAMAGE = (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError)


class DiskCache:
    """Outcomes in a folder, bounded by bytes; those not used for longest go first.

    Several processes may share the folder. Results depend on the version of torch too.

    Args:
        folder: made if it is not there; nothing else should be in it.
        max_bytes: of all files together.
        codecs: for values beyond numbers, texts, lists and mappings.
        salt: what else results depend on, such as the version of the app.
        worth_seconds: a node that takes less is quicker run than read.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int = DEFAULT_BYTES,
        codecs: Sequence[Codec] = (),
        salt: str = "",
        worth_seconds: float = WORTH_SECONDS,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.worth_seconds = worth_seconds
        self.bytes = 0
        self._values = Values(codecs)
        self._salt = f"{salt} torch {installed('torch')}"
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._contents: dict[str, str] = {}
        self._lock = threading.Lock()
        self._orders: queue.Queue[tuple[str, str, Outcome] | None] = queue.Queue(maxsize=16)
        self._writer: threading.Thread | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._looked = 0.0
        self._scan()

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, fingerprint: str) -> bool:
        return bool(self._sizes) and self._key(fingerprint) in self._contents

    def get(self, fingerprint: str) -> Outcome | None:
        """The outcome with that fingerprint."""
        return self._load(self._contents.get(self._key(fingerprint))) if self._sizes else None

    def find(self, content: str) -> Outcome | None:
        """The outcome for inputs with that content."""
        return self._load(self._contents.get(self._key(content))) if self._sizes else None

    def put(self, fingerprint: str, content: str, outcome: Outcome, seconds: float) -> None:
        """Write an outcome soon, on another thread, if its node took long enough."""
        if seconds < self.worth_seconds:
            return
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="disk cache", daemon=True)
                self._writer.start()
        self._orders.put((fingerprint, content, outcome))

    def flush(self) -> None:
        """Wait until all that was put is on disk."""
        self._orders.join()

    def close(self) -> None:
        """Write what is left and end the thread."""
        if self._writer is not None:
            self._orders.put(None)
            self._writer.join()
            self._writer = None

    def clear(self) -> None:
        """Remove all files."""
        self.flush()
        with self._lock:
            for name in tuple(self._sizes):
                self._remove(name)

    def _key(self, fingerprint: str) -> str:
        return blake2b(f"{self._salt} {fingerprint}".encode(), digest_size=16).hexdigest()

    def _scan(self) -> None:
        """Take stock of the folder, oldest first, and remove what a process left unfinished long ago."""
        self._looked = time.monotonic()
        self._sizes.clear()
        self._contents.clear()
        self.bytes = 0
        found = []
        for entry in os.scandir(self.folder):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # another process removed it
                continue
            if entry.name.endswith(ENDING):
                found.append((status.st_mtime_ns, entry.name, status.st_size))
            elif entry.name.endswith(UNFINISHED) and time.time() - status.st_mtime > ABANDONED_SECONDS:
                Path(entry.path).unlink(missing_ok=True)
        for _, name, size in sorted(found):
            self._enlist(name, size)
        self._make_room()

    def _enlist(self, name: str, size: int) -> None:
        self._sizes[name] = size
        self.bytes += size
        for key in name.removesuffix(ENDING).split("-"):
            self._contents[key] = name

    def _remove(self, name: str) -> None:
        self.bytes -= self._sizes.pop(name, 0)
        for key in name.removesuffix(ENDING).split("-"):
            if self._contents.get(key) == name:
                del self._contents[key]
        (self.folder / name).unlink(missing_ok=True)

    def _make_room(self) -> None:
        while self.bytes > self.max_bytes and self._sizes:
            self._remove(next(iter(self._sizes)))

    def _load(self, name: str | None) -> Outcome | None:
        if name is None:
            return None
        path = self.folder / name
        try:
            outcome = self._read(path.read_bytes())
            os.utime(path)
        except DAMAGE as error:
            logger.warning("the stored result %s cannot be used and is removed: %r", name, error)
            with self._lock:
                self._remove(name)
            return None
        with self._lock:
            if name in self._sizes:
                self._sizes.move_to_end(name)
        return outcome

    def _read(self, data: bytes) -> Outcome:
        body, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
        if body[: len(MAGIC)] != MAGIC or blake2b(body, digest_size=CHECK_BYTES).digest() != check:
            raise ValueError("it is damaged")
        start = len(MAGIC) + 8
        end = start + int.from_bytes(body[len(MAGIC) : start], "big")
        head = json.loads(body[start:end])
        pieces, position = [], end
        for length in head["lengths"]:
            pieces.append(body[position : position + length])
            position += length
        slots = tuple(self._values.read(entry, pieces) for entry in head["slots"])
        ui = None if head["ui"] is None else {name: tuple(items) for name, items in head["ui"].items()}
        return Outcome(slots, ui, head["content"], tuple(map(digest, slots)))

    def _write_all(self) -> None:
        while True:
            order = self._orders.get()
            try:
                if order is None:
                    return
                self._write(*order)
            except Unstorable:
                pass
            except (*DAMAGE, MemoryError) as error:
                logger.warning("a result could not be stored: %s", error)
            finally:
                self._orders.task_done()

    def _write(self, fingerprint: str, content: str, outcome: Outcome) -> None:
        pieces: list[bytes] = []
        slots = [self._values.write(value, pieces) for value in outcome.slots]
        head = {"slots": slots, "ui": outcome.ui, "content": content, "lengths": list(map(len, pieces))}
        try:
            text = json.dumps(head).encode()
        except (TypeError, ValueError):
            raise Unstorable from None  # it shows something that JSON cannot hold
        parts = [MAGIC, len(text).to_bytes(8, "big"), text, *pieces]
        check = blake2b(digest_size=CHECK_BYTES)
        for part in parts:
            check.update(part)
        size = sum(map(len, parts)) + CHECK_BYTES
        if size > self.max_bytes:
            return
        name = f"{self._key(fingerprint)}-{self._key(content or fingerprint)}{ENDING}"
        beside = self.folder / f"{name}.{os.getpid()}{UNFINISHED}"
        with beside.open("wb") as stream:
            for part in [*parts, check.digest()]:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self.folder / name)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with self._lock:
            self.bytes -= self._sizes.pop(name, 0)
            self._enlist(name, size)
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._scan()
            self._make_room()


def installed(package: str) -> str:
    """The version of an installed package; looking does not import it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
