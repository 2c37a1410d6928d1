"""How much of the speed of plain copies do streamed weights reach, when there is little to compute?

python -m benchmarks.gpu.copying [--dry]: a small picture on a network of which a tenth fits, against copies
of 1 GiB of pinned memory in the same run.
"""

from typing import Any

import torch
from torch import nn

from benchmarks.gpu.measure import Bench, bench_from
from benchmarks.gpu.steps import moved
from benchmarks.gpu.subjects import Holder, flux, weight_bytes
from models.adapters.patch import Patched
from models.packed.tensor import stored_bytes

PART = 0.1


def plain_copies(bench: Bench) -> float:
    """Bytes a second from pinned memory to the device."""
    size = 2**24 if bench.dry else 2**30
    source = torch.empty(size, dtype=torch.uint8, pin_memory=bench.device.type == "cuda")
    target = torch.empty(size, dtype=torch.uint8, device=bench.device)
    found = bench.alternate({"copy": lambda: target.copy_(source, non_blocking=True)})
    return size / found["copy"]


def leaf_bytes(network: nn.Module) -> dict[str, int]:
    """Bytes of the weights of each layer, by name."""
    return {
        name: sum(stored_bytes(tensor) for tensor in module.parameters(recurse=False))
        for name, module in network.named_modules()
    }


def streamed(network: nn.Module) -> tuple[str, ...]:
    """The layers whose weights are fetched in each step."""
    state: Any = network.__dict__["_resident"]
    names: tuple[str, ...] = state.placement.streamed
    return names


def main(arguments: list[str] | None = None) -> None:
    bench = bench_from(arguments, __doc__)
    subject = flux(bench.dry)
    network = subject.network(bench.dtype)
    given = moved(subject.inputs(64 if bench.dry else 256), bench)
    activations = 0 if bench.dry else 2**30
    sizes = leaf_bytes(network)
    cap = int(weight_bytes(network) * (0.3 if bench.dry else PART)) + activations
    with torch.no_grad(), bench.residency(cap).borrow(Patched(Holder(network)), activations):
        size = sum(sizes[name] for name in streamed(network))
        speed = plain_copies(bench)
        taken = bench.alternate({"step": lambda: network(*given)})["step"]
        again = plain_copies(bench)
    part = size / taken / ((speed + again) / 2)
    bench.tell("plain copies from pinned memory", f"{speed / 1e9:.1f}, {again / 1e9:.1f} GB/s")
    bench.tell(
        f"{subject.name}, small picture, {size / 1e9:.2f} GB streamed a step",
        f"{size / taken / 1e9:.1f} GB/s, {part:.0%}",
        ">= 85 % of plain copies",
        part >= 0.85,
    )


if __name__ == "__main__":
    main()
