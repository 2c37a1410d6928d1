"""Measures what a step of sampling costs beside the network: SD 1.5 shapes, random weights, 256 px, cfg 7.

Run: python -m benchmarks.step_overhead [--dtype bfloat16] [--steps 8] [--sampler euler] [--threads 2]
"""

import argparse
import time

import torch
from torch import Tensor

from loaders.assemble import build_empty
from models.diffusion import DiffusionModel
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from schedulers.conditioning import Entry
from schedulers.noise import initial_noise
from schedulers.sample import sample
from schedulers.sigmas import ksampler_sigmas

SHAPE = (1, 4, 32, 32)


class TimedUNet(UNet):
    """A UNet that adds up the seconds it takes."""

    seconds = 0.0

    def forward(self, x: Tensor, t: Tensor, context: Tensor, *further: object, **named: object) -> Tensor:
        start = time.perf_counter()
        output: Tensor = super().forward(x, t, context, *further, **named)  # type: ignore[arg-type]
        self.seconds += time.perf_counter() - start
        return output


def random_model(dtype: torch.dtype) -> tuple[DiffusionModel, TimedUNet]:
    """SD 1.5's network with small random weights, laid out as the loader lays them out."""
    network = build_empty(lambda: TimedUNet(UNetConfig()))
    layout = torch.channels_last if dtype is torch.bfloat16 else torch.contiguous_format
    state = {}
    for name, tensor in network.state_dict().items():
        drawn = (torch.randn(tensor.shape) * 0.02).to(dtype)
        state[name] = drawn.contiguous(memory_format=layout if drawn.ndim == 4 else torch.contiguous_format)
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    return DiffusionModel(network=network, family="sd15"), network


def main() -> None:
    """Sample, and print the seconds of a step and the share that is not the network's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sampler", default="euler")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, network = random_model(getattr(torch, options.dtype))
    texts = torch.randn(2, 1, 77, 768)
    positive, negative = ((Entry(text, None),) for text in texts)
    sigmas = ksampler_sigmas(model, options.sampler, "karras", options.steps)
    for _ in range(2):
        network.seconds = 0.0
        start = time.perf_counter()
        with torch.no_grad():
            sample(
                model,
                initial_noise(SHAPE, 1),
                torch.zeros(SHAPE),
                positive,
                negative,
                cfg=7.0,
                sampler=options.sampler,
                sigmas=sigmas,
                seed=1,
            )
        whole = time.perf_counter() - start
    beside = whole - network.seconds
    print(
        f"{options.sampler}, {options.dtype}: {whole / options.steps * 1000:.1f} ms a step, "
        f"{beside / options.steps * 1000:.2f} ms beside the network, {beside / whole:.2%}"
    )


if __name__ == "__main__":
    main()
