"""How fast do weights come from a file to the device, cold and warm, against what the machine can do?

python -m benchmarks.gpu.loading [--dry]: a file in the shape of SDXL's network. Cold, the system has let go
of the file's pages, and dd reads it beside; warm, they are there, and a copy in memory is beside. Each load
runs in a process of its own, which tells its time and the most memory that it had.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.gpu.measure import Bench, bench_from
from benchmarks.gpu.subjects import Holder, sdxl
from benchmarks.loading import high_water

PREFIX = "model.diffusion_model."
_ROOT = Path(__file__).resolve().parent.parent.parent


def make(path: Path, dry: bool) -> None:
    """Write the file."""
    from safetensors.torch import save_file

    network = sdxl(dry).network(torch.float16)
    save_file({PREFIX + name: tensor for name, tensor in network.state_dict().items()}, path)


def load(path: Path, dry: bool) -> dict[str, float]:
    """Load the file to the device; seconds, and the most bytes of memory that the process had more."""
    from executor.memory.devices import CPU, Devices, choose_devices
    from executor.memory.residency import Residency
    from loaders.assemble import Storage, assemble
    from loaders.opening import open_weights
    from models.adapters.patch import Patched

    subject = sdxl(dry)
    devices = Devices(CPU, CPU) if dry else choose_devices("cuda")
    if not dry:
        torch.zeros(1, device=devices.compute)
    before = high_water()
    start = time.perf_counter()
    weights = open_weights(path)
    sources = {source.removeprefix(PREFIX): source for source in weights}
    network = assemble(subject.build, weights, sources, Storage(torch.float16), "network")
    with Residency(devices).borrow(Patched(Holder(network)), 0):
        if not dry:
            torch.cuda.synchronize()
        taken = time.perf_counter() - start
    return {"seconds": taken, "bytes": (high_water() - before) * 2**20}


def forget_pages(path: Path) -> None:
    """Have the system let go of a file's pages."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def dd(path: Path) -> float:
    """Seconds in which dd reads a file."""
    start = time.perf_counter()
    subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=16M"], check=True, capture_output=True)
    return time.perf_counter() - start


def in_a_process(path: Path, dry: bool) -> dict[str, float]:
    """What a load tells that runs in a process of its own; not when it is only tried out."""
    if dry:
        return load(path, dry)
    command = [sys.executable, "-m", "benchmarks.gpu.loading", "--load", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def copies(bench: Bench) -> float:
    """Bytes a second of a copy from one place in memory to another."""
    source = torch.ones(2**22 if bench.dry else 2**30, dtype=torch.uint8)
    target = torch.empty_like(source)
    return source.numel() / bench.alternate({"copy": lambda: target.copy_(source)})["copy"]


def measure(bench: Bench, path: Path) -> None:
    size, rounds = path.stat().st_size, min(bench.rounds, 3)
    cold, plain, most = [], [], 0.0
    for _ in range(rounds):
        forget_pages(path)
        plain.append(dd(path))
        forget_pages(path)
        cold.append(in_a_process(path, bench.dry)["seconds"])
    warm = []
    for _ in range(rounds):
        told = in_a_process(path, bench.dry)
        warm.append(told["seconds"])
        most = max(most, told["bytes"])
    speeds = [size / statistics.median(times) for times in (plain, cold, warm)]
    memory = copies(bench)
    found = f"{speeds[1] / 1e9:.2f} of {speeds[0] / 1e9:.2f} GB/s"
    reached = speeds[1] >= 0.8 * speeds[0]
    bench.tell(f"load {size / 1e9:.2f} GB from file to device, cold", found, ">= 80 % of dd", reached)
    found, reached = f"{speeds[2] / 1e9:.2f} of {memory / 1e9:.2f} GB/s", speeds[2] >= 0.8 * memory
    bench.tell("the same, warm", found, ">= 80 % of copies in memory", reached)
    found, reached = f"{most / size:.2f} x the file", most <= 1.05 * size
    bench.tell("peak memory of a load", found, "<= 1.05 x the file", reached)


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    if "--load" in given:
        parser = argparse.ArgumentParser()
        parser.add_argument("--load", type=Path)
        print(json.dumps(load(parser.parse_args(given).load, dry=False)))
        return
    bench = bench_from(given, __doc__)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        make(path, bench.dry)
        measure(bench, path)


if __name__ == "__main__":
    main()
