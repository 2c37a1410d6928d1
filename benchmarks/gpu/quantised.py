"""How long is a step with packed weights against one in bfloat16?

python -m benchmarks.gpu.quantised [--dry]: a network in the shape of Flux with fewer blocks, the same inputs.
The blocks of a format are packed once from random numbers and repeated, which saves the time to pack more.
"""

from collections.abc import Mapping

import torch
from torch import nn

from benchmarks.gpu.measure import Bench, gigabytes, measured
from benchmarks.gpu.steps import moved
from benchmarks.gpu.subjects import Sizes, flux, twin
from models.packed.float8 import Float8
from models.packed.gguf import Gguf
from models.packed.tensor import Format, Packed, pack, stored_bytes

FORMATS: Mapping[str, tuple[Format, float | None]] = {
    "Q8_0": (Gguf("Q8_0"), 1.25),
    "Q4_K": (Gguf("Q4_K"), 1.25),
    "Q6_K": (Gguf("Q6_K"), None),
    "float8": (Float8(is_scaled=True), None),
}
_LEAST_NUMBERS = 2**14


def pack_layers(network: nn.Module, packing: Format) -> None:
    """Pack the weights of the large linear layers."""
    for layer in network.modules():
        if (
            isinstance(layer, nn.Linear)
            and layer.weight.numel() >= _LEAST_NUMBERS
            and layer.in_features % 256 == 0
        ):
            packed = repeated(layer.weight, packing)
            layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))


def repeated(weight: torch.Tensor, packing: Format) -> Packed:
    """A packed weight (out, in) whose rows after the first few are those again."""
    rows = min(len(weight), 64)
    few = pack(weight[:rows].cpu(), packing)
    if rows == len(weight) or isinstance(packing, Float8):
        return pack(weight.cpu(), packing).with_parts(lambda part: part.to(weight.device))
    parts = {
        name: part.repeat(-(-len(weight) // rows), *(1 for _ in part.shape[1:])).to(weight.device)
        for name, part in few.parts.items()
    }
    blocks = weight.numel() // (few.numel() // len(few.parts["blocks"]))
    return Packed({name: part[:blocks] for name, part in parts.items()}, packing, weight.shape, weight.dtype)


def measure(bench: Bench) -> None:
    sizes = None if bench.dry else Sizes(double=4, single=8)
    subject = flux(bench.dry, sizes or Sizes(width=256, heads=2, double=1, single=1, context=64, vector=32))
    network = subject.network(bench.dtype)
    given = moved(subject.inputs(subject.pixels), bench)
    networks = {"bf16": twin(network, subject.build).to(bench.device)}
    for name, (packing, _) in FORMATS.items():
        networks[name] = twin(network, subject.build).to(bench.device)
        pack_layers(networks[name], packing)
    works = {name: (lambda each=each: each(*given)) for name, each in networks.items()}
    found = bench.alternate(works)
    bench.tell(f"{subject.name}, {subject.pixels} px, plain weights, step", f"{found['bf16'] * 1e3:.1f} ms")
    for name, (_, limit) in FORMATS.items():
        ratio = found[name] / found["bf16"]
        size = sum(stored_bytes(tensor) for tensor in networks[name].parameters())
        bench.tell(
            f"{subject.name}, {name}, {gigabytes(size)}, step",
            f"{found[name] * 1e3:.1f} ms, {ratio:.2f} x",
            f"<= {limit} x" if limit else "",
            ratio <= limit if limit else None,
        )


def main(arguments: list[str] | None = None) -> None:
    measured((measure,), arguments, __doc__)


if __name__ == "__main__":
    main()
