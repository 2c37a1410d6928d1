"""What does it cost to have a network lent by the residency, with everything there and with a part streamed?

Run: python -m benchmarks.residency [--channels 64] [--rounds 12] [--threads 1]
A UNet in SD 1.5's layout with random weights. The bounded device is a part of the processor's memory, so that
copies cost what copying memory costs; bare and lent steps take turns, and the quickest of each counts, in
processor time.
"""

import argparse
import copy
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from executor.memory.devices import choose_devices
from executor.memory.residency import Residency
from models.adapters.patch import Patched
from models.unet.config import UNetConfig
from models.unet.unet import UNet

SHARES = (0.75, 0.5, 0.3)


@dataclass(frozen=True, eq=False)
class Holder:
    network: nn.Module


def main() -> None:
    """Measure, and print milliseconds and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    bare = UNet(UNetConfig(channels=options.channels)).requires_grad_(False).eval()
    size = sum(tensor.numel() * tensor.element_size() for tensor in bare.parameters())
    print(f"{size / 2**20:.0f} MiB of weights, latents of 32 x 32, {options.threads} threads")
    inputs = (torch.randn(2, 4, 32, 32), torch.tensor([500.0, 500.0]), torch.randn(2, 77, 768))
    with torch.no_grad():
        expected = bare(*inputs)
        one, other = alternate(options.rounds, partial(bare, *inputs), partial(copy.deepcopy(bare), *inputs))
        print(f"a plain copy beside it, for what chance does: {other / one:.3f} x")
        for share in (1.2, *SHARES):
            lent = copy.deepcopy(bare)
            residency = Residency(choose_devices(f"bounded:{int(share * size)}"))
            start = time.perf_counter()
            with ExitStack() as borrowed:
                borrowed.enter_context(residency.borrow(Patched(Holder(lent))))
                ready = time.perf_counter() - start
                one, other = alternate(options.rounds, partial(bare, *inputs), partial(lent, *inputs))
                assert torch.equal(lent(*inputs), expected)
                (report,) = residency.report()
            print(
                f"room for {share:4.0%}: bare {one * 1e3:7.1f} ms, lent {other * 1e3:7.1f} ms, "
                f"{other / one:.3f} x; ready in {ready:.2f} s; {report.reason}"
            )


def alternate(rounds: int, first: Callable[[], Tensor], second: Callable[[], Tensor]) -> tuple[float, float]:
    """The least processor seconds of each of two, run in turns; the first round is not counted."""
    least = [float("inf"), float("inf")]
    for turn in range(rounds + 1):
        for index, work in enumerate((first, second) if turn % 2 else (second, first)):
            start = time.process_time()
            work()
            taken = time.process_time() - start
            place = index if turn % 2 else 1 - index
            least[place] = min(least[place], taken) if turn else least[place]
    return least[0], least[1]


if __name__ == "__main__":
    main()
