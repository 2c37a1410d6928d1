"""How things are timed on a device, beside each other, and how the rows of the table are written."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from executor.memory.devices import CPU, Devices
from executor.memory.limits import Limits
from executor.memory.residency import Residency


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        found: the number, with its unit.
        reach: what it should reach, or an empty string.
        is_reached: whether it does; None where nothing was promised.
    """

    what: str
    found: str
    reach: str = ""
    is_reached: bool | None = None


@dataclass(frozen=True)
class Bench:
    """Where and how it is measured.

    Attributes:
        device: where networks compute.
        dry: whether everything is tiny and on the processor, to see that it works.
        rounds: how often each thing is timed.
        out: a file that rows are added to, or None.
    """

    device: torch.device
    dry: bool
    rounds: int
    out: Path | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The number type of the weights."""
        return torch.float32 if self.dry else torch.bfloat16

    def tell(self, what: str, found: str, reach: str = "", is_reached: bool | None = None) -> None:
        """Write a row."""
        row = Row(what, found, reach, None if self.dry else is_reached)
        mark = "" if row.is_reached is None else " reached" if row.is_reached else " MISSED"
        print(f"{row.what:64} {row.found:>28}  {row.reach}{mark}", flush=True)
        if self.out is not None:
            with self.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row)) + "\n")

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], object]) -> float:
        """How long one run takes."""
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start

    def alternate(self, works: Mapping[str, Callable[[], object]], warm_ups: int = 2) -> dict[str, float]:
        """The median seconds of each, timed turn and turn about."""
        times: dict[str, list[float]] = {name: [] for name in works}
        for round_ in range(warm_ups + self.rounds):
            for name, work in works.items():
                taken = self.seconds(work)
                if round_ >= warm_ups:
                    times[name].append(taken)
        return {name: statistics.median(found) for name, found in times.items()}

    def held_bytes(self) -> int:
        """The memory of the device that is held now; 0 on the processor."""
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else 0

    def peak_bytes(self, work: Callable[[], object]) -> int:
        """The most memory of the device that is held while something runs; 0 on the processor."""
        if self.device.type != "cuda":
            work()
            return 0
        self.wait()
        torch.cuda.reset_peak_memory_stats(self.device)
        work()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device)

    def residency(self, cap_bytes: int | None = None) -> Residency:
        """Networks in at most so much memory of the device; a bounded one stands in on the processor."""
        limits = Limits(vram_bytes=cap_bytes, reserve_bytes=0)
        if self.device.type == "cuda":
            return Residency(Devices(self.device, CPU, limits))
        return Residency(
            Devices(limits=Limits(vram_bytes=cap_bytes or 2**34, reserve_bytes=0), is_bounded=True)
        )


def bench_from(arguments: list[str] | None, about: str | None) -> Bench:
    """The bench that a command line asks for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--dry", action="store_true", help="tiny networks on the processor")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None, help="add rows as JSON lines")
    options = parser.parse_args(arguments)
    if not options.dry and not torch.cuda.is_available():
        print("this needs a CUDA device; --dry tries it out on the processor", file=sys.stderr)
        raise SystemExit(2)
    device = torch.device("cpu") if options.dry else torch.device("cuda", torch.cuda.current_device())
    return Bench(device, options.dry, options.rounds or (1 if options.dry else 7), options.out)


def measured(
    works: Sequence[Callable[[Bench], None]], arguments: list[str] | None, about: str | None
) -> None:
    """Measure one thing after another on the bench that a command line asks for."""
    bench = bench_from(arguments, about)
    with torch.no_grad():
        for work in works:
            work(bench)


def gigabytes(count: float) -> str:
    """Bytes in GB."""
    return f"{count / 1e9:.2f} GB"
