"""Is memory flat over a hundred mixed runs?

python -m benchmarks.gpu.growth [--dry]: two networks of which only one and a half fit, in turn, at changing
sizes and under changing LoRAs; some runs fail. What the process and the device hold after each run.
"""

import gc

import psutil
import torch
from torch import nn

from benchmarks.gpu.measure import Bench, gigabytes, measured
from benchmarks.gpu.steps import moved
from benchmarks.gpu.subjects import Holder, Sizes, Subject, flux, sdxl, weight_bytes
from models.adapters.deltas import Added, Delta
from models.adapters.patch import Patched
from models.adapters.products import LowRank
from models.adapters.weights import DeltaSet, WeightPatch

RUNS = 100
SETTLED = 20


def lora(network: nn.Module, seed: int, rank: int = 16) -> WeightPatch:
    """A LoRA on some linear layers."""
    generator = torch.Generator().manual_seed(seed)
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    deltas: dict[str, Delta] = {}
    for name, layer in layers[seed % 3 :: 7]:
        up = torch.randn(layer.out_features, rank, generator=generator) * 0.01
        down = torch.randn(rank, layer.in_features, generator=generator) * 0.01
        deltas[f"{name}.weight"] = Added(LowRank(up, down))
    return WeightPatch(DeltaSet(deltas), 1.0)


def measure(bench: Bench) -> None:
    named: tuple[Subject, ...] = (
        flux(bench.dry, None if bench.dry else Sizes(double=4, single=8)),
        sdxl(bench.dry),
    )
    networks = [(subject, subject.network(bench.dtype)) for subject in named]
    sizes = [weight_bytes(network) for _, network in networks]
    room = 0 if bench.dry else 8 * 2**30
    residency = bench.residency(int(max(sizes) + 0.5 * min(sizes)) + room)
    runs = 6 if bench.dry else RUNS
    settled = 2 if bench.dry else SETTLED
    process, found = psutil.Process(), []
    for number in range(runs):
        subject, network = networks[number % 2]
        model = Patched(Holder(network))
        if number % 3:
            model = model.with_patch(lora(network, number % 5))
        pixels = subject.pixels // (1 + number % 4 // 2)
        try:
            with residency.borrow(model, room) as base:
                base.network(*moved(subject.inputs(pixels), bench))
                if number % 10 == 9:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            gc.collect()
        found.append((process.memory_info().rss, bench.held_bytes()))
    first, last = found[settled - 1], max(found[settled:], key=lambda pair: pair[0])
    change = last[0] / first[0] - 1
    bench.tell(
        f"resident memory, run {settled} to {runs}, the most",
        f"{gigabytes(first[0])}, {change:+.1%}",
        "within 2 %",
        abs(change) <= 0.02,
    )
    pairs = {
        number % 2: [
            held for index, (_, held) in enumerate(found) if index >= settled and index % 2 == number % 2
        ]
        for number in range(2)
    }
    spread = max((max(held) - min(held)) / max(1, max(held)) for held in pairs.values())
    found_text = f"{gigabytes(found[-1][1])}, {spread:.1%} between runs of a network"
    bench.tell("memory of the device", found_text, "within 2 %", spread <= 0.02)
    residency.free()
    gc.collect()
    bench.tell(
        "memory of the device afterwards",
        gigabytes(bench.held_bytes()),
        "nothing",
        bench.held_bytes() < 2**27,
    )


def main(arguments: list[str] | None = None) -> None:
    measured((measure,), arguments, __doc__)


if __name__ == "__main__":
    main()
