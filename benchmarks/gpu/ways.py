"""Which ways to do the same are fastest: of attention, of changes of packed weights, compiled, from graphs?

python -m benchmarks.gpu.ways [--dry]: each table is taken turn and turn about in one run.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch
from torch import nn

from benchmarks.gpu.measure import Bench, measured
from benchmarks.gpu.steps import moved
from benchmarks.gpu.subjects import Holder, Sizes, flux, sdxl, twin
from benchmarks.networks import put_channels_last
from models.adapters.at_use import changed_at_use
from models.adapters.beside import Beside
from models.adapters.compiled import CompiledBlocks
from models.adapters.deltas import Added, Step
from models.adapters.graphed import Graphed
from models.adapters.patch import Patched, applied
from models.adapters.products import LowRank
from models.adapters.ways import measured_rates, seconds_at_use, seconds_beside
from models.attention_backends.backend import case_of
from models.attention_backends.choice import Attender
from models.packed.float8 import Float8
from models.packed.gguf import Gguf
from models.packed.tensor import Format, pack
from models.unet.config import UNetConfig
from models.unet.unet import UNet

# Batch, heads, queries, keys, width of a head.
CASES = {
    "SD 1.5, 512 px, itself": (2, 8, 4096, 4096, 40),
    "SDXL, 1024 px, itself": (2, 10, 4096, 4096, 64),
    "SDXL, 1024 px, text": (2, 10, 4096, 77, 64),
    "Flux, 1024 px": (1, 24, 4608, 4608, 128),
    "autoencoder, 1024 px": (1, 1, 16384, 16384, 512),
}


def attention(bench: Bench) -> None:
    """Milliseconds of every backend that can compute a case; the one that is chosen has a star."""
    attender = Attender(timed_devices=("cuda", "cpu") if bench.dry else ("cuda",))
    for name, (batch, heads, queries, keys, width) in CASES.items():
        few = 256 if bench.dry else 1
        shapes = [(batch, heads, max(1, count // few), width) for count in (queries, keys, keys)]
        query, key, value = (torch.randn(shape, device=bench.device, dtype=bench.dtype) for shape in shapes)
        if not bench.dry:
            attender.attend(query, key, value, None, False)
        case = case_of(query, key, None, False)
        for backend in attender.backends.values():
            if backend.missing() or backend.refusal(case):
                continue
            work = _attending(attender, backend.name, query, key, value)
            try:
                taken = bench.alternate({"it": work})["it"]
            except RuntimeError:
                continue
            star = " *" if attender.chosen.get(case) == backend.name else ""
            bench.tell(f"attention, {name}, {backend.name}", f"{taken * 1e3:.3f} ms{star}")


def _attending(
    attender: Attender, name: str, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> Callable[[], object]:
    return lambda: attender.backends[name].attend(query, key, value, None, False)


def changes(bench: Bench) -> None:
    """A linear layer with a LoRA: dense, beside the packed weight, and in it at each use."""
    side, rows = (256, 64) if bench.dry else (3072, 4096)
    rates = measured_rates(bench.device)
    x = torch.randn(1, rows, side, device=bench.device, dtype=bench.dtype)
    formats: dict[str, Format] = {
        "float8": Float8(is_scaled=True),
        "Q8_0": Gguf("Q8_0"),
        "Q4_K": Gguf("Q4_K"),
    }
    for rank in (16,) if bench.dry else (16, 128):
        factors = LowRank(torch.randn(side, rank), torch.randn(rank, side))
        step = Step(Added(factors), 0.01)
        for name, packing in formats.items():
            dense, beside, at_use, packed = (nn.Linear(side, side, bias=False) for _ in range(4))
            numbers = torch.randn(side, side) * 0.02
            weight = pack(numbers.to(bench.dtype), packing).to(bench.device)
            _give(dense, numbers.to(bench.device, bench.dtype))
            _give(packed, weight)
            _give(beside, weight)
            _give(at_use, changed_at_use(weight, [step]))
            with ExitStack() as undo:
                Beside(beside, [step]).install(undo)
                layers = {"dense": dense, "packed": packed, "beside": beside, "at use": at_use}
                found = bench.alternate({key: _running(layer, x) for key, layer in layers.items()})
            told = seconds_beside(weight.shape, rank, rates, rows), seconds_at_use(weight.shape, rank, rates)
            text = ", ".join(f"{key} {taken * 1e6:.0f}" for key, taken in found.items())
            bench.tell(
                f"LoRA of rank {rank} on {name}, us (foretold {told[0] * 1e6:.0f}, {told[1] * 1e6:.0f} more)",
                text,
            )


def _give(layer: nn.Linear, weight: torch.Tensor) -> None:
    layer.register_parameter("weight", nn.Parameter(weight, requires_grad=False))


def _running(layer: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    return lambda: layer(x)


def compiled(bench: Bench) -> None:
    """A step as it is written, with compiled blocks, and a small network from CUDA graphs."""
    backend = "eager" if bench.dry else "inductor"
    tried = (flux(True),) if bench.dry else (flux(False, Sizes(double=4, single=8)), sdxl(False))
    for subject in tried:
        network = subject.network(bench.dtype).to(bench.device)
        given = moved(subject.inputs(subject.pixels), bench)
        plain = bench.alternate({"plain": partial(network, *given)})["plain"]
        model = Patched(Holder(network)).with_patch(CompiledBlocks(backend))
        with applied(model):
            first = bench.seconds(partial(network, *given))
            fast = bench.alternate({"it": partial(network, *given)})["it"]
        bench.tell(
            f"{subject.name}, blocks compiled by {backend}, first step {first:.1f} s",
            f"{plain * 1e3:.1f} -> {fast * 1e3:.1f} ms, {plain / fast:.2f} x",
        )
    if bench.dry:
        return
    small = UNet(
        UNetConfig(
            channels=64,
            multipliers=(1, 2, 4),
            input_depths=((1, 1),) * 3,
            output_depths=((1, 1, 1),) * 3,
            context_width=256,
        )
    )
    small = small.to(bench.device, torch.float16).requires_grad_(False).eval()
    x = torch.randn(2, 4, 32, 32, device=bench.device, dtype=torch.float16)
    text = torch.randn(2, 77, 256, device=bench.device, dtype=torch.float16)
    times = torch.tensor([500.0, 500.0], device=bench.device)
    plain = bench.alternate({"plain": lambda: small(x, times, text)})["plain"]
    with applied(Patched(Holder(small)).with_patch(Graphed())):
        fast = bench.alternate({"graph": lambda: small(x, times, text)})["graph"]
    bench.tell("small UNet, CUDA graph", f"{plain * 1e3:.2f} -> {fast * 1e3:.2f} ms, {plain / fast:.2f} x")


def layouts(bench: Bench) -> None:
    """A step of a UNet with the channels of its convolutions first, and last as bfloat16 is loaded."""
    subject = sdxl(bench.dry)
    first = subject.network(bench.dtype).to(bench.device)
    last = twin(first, subject.build)
    put_channels_last(last)
    given = moved(subject.inputs(subject.pixels), bench)
    found = bench.alternate({"first": partial(first, *given), "last": partial(last, *given)})
    bench.tell(
        f"{subject.name}, channels first -> last",
        f"{found['first'] * 1e3:.1f} -> {found['last'] * 1e3:.1f} ms, {found['first'] / found['last']:.2f} x",
    )


def main(arguments: list[str] | None = None) -> None:
    measured((attention, changes, compiled, layouts), arguments, __doc__)


if __name__ == "__main__":
    main()
