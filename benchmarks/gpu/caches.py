"""What does the first-block cache save, and what does it change?

python -m benchmarks.gpu.caches [--dry]: a network in the shape of Flux, 28 steps of flow matching by Euler,
at the published thresholds (ParaAttention: 0.05 to 0.12). Weights are random, so how many steps are left out
is not what a trained network gives; that leaving them out saves what they cost is.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.gpu.measure import Bench, measured
from benchmarks.gpu.steps import moved
from benchmarks.gpu.subjects import Holder, flux
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.patch import Patch, Patched, applied
from models.call import Call, Run, calling
from models.layout import layout_of

STEPS = 28
THRESHOLDS = (0.05, 0.08, 0.12)


class Counting:
    """Counts the runs of the last block."""

    def __init__(self, network: nn.Module, undo: ExitStack) -> None:
        self.count = 0
        # Not the block, whose place is taken, but a layer in it.
        layer = network.get_submodule(f"{layout_of(network).blocks[-1]}.linear2")
        handle = layer.register_forward_pre_hook(self._count)
        undo.callback(handle.remove)

    def _count(self, *_: object) -> None:
        self.count += 1


def sampled(network: nn.Module, given: Sequence[Tensor], steps: int) -> Tensor:
    """The latent after some steps; the schedule is that of flow matching, shifted by 3."""
    x, _, text, vector = given
    times = torch.linspace(1.0, 0.0, steps + 1)
    levels = tuple((3 * times / (1 + 2 * times)).tolist())
    run = Run()
    for sigma, following in pairwise(levels):
        call = Call(sigma, ("positive",), 1, x.shape[2], x.shape[3], levels, run)
        with calling(call):
            velocity = network(x, torch.full((1,), 1000 * sigma, device=x.device), text, vector)
        x = x + (following - sigma) * velocity
    return x


def measure(bench: Bench) -> None:
    subject, steps = flux(bench.dry), 6 if bench.dry else STEPS
    network = subject.network(bench.dtype).to(bench.device)
    given = moved(subject.inputs(subject.pixels), bench)
    patched = Patched(Holder(network))
    with ExitStack() as undo:
        runs = Counting(network, undo)
        plain = sampled(network, given, steps)
        whole = bench.seconds(lambda: sampled(network, given, steps))
        bench.tell(f"{subject.name}, {steps} steps", f"{whole:.2f} s")
        for threshold in THRESHOLDS:
            patch: Patch = FirstBlockCache(threshold)
            with applied(patched.with_patch(patch)):
                sampled(network, given, steps)
                runs.count = 0
                cached = sampled(network, given, steps)
                count = runs.count
                taken = bench.seconds(lambda: sampled(network, given, steps))
            error = float((cached - plain).norm() / plain.norm())
            could = steps / max(count, 1)
            bench.tell(
                f"first-block cache, threshold {threshold}, {count} of {steps} steps computed",
                f"{whole / taken:.2f} x, error {error:.1e}",
                f">= 90 % of {could:.2f} x",
                whole / taken >= 0.9 * could,
            )


def main(arguments: list[str] | None = None) -> None:
    measured((measure,), arguments, __doc__)


if __name__ == "__main__":
    main()
