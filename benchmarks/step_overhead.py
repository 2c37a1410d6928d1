"""Measures what a step of sampling costs beside the network: SD 1.5 shapes, random weights, 256 px, cfg 7.

Run: python -m benchmarks.step_overhead [--dtype bfloat16] [--steps 8] [--sampler euler] [--threads 2]
"""

import argparse
import time
from typing import Any

import torch
from torch import Tensor

from benchmarks.networks import random_network
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

    def forward(self, *given: Any, **named: Any) -> Tensor:
        start = time.perf_counter()
        output = super().forward(*given, **named)
        self.seconds += time.perf_counter() - start
        return output


def main() -> None:
    """Sample, and print the seconds of a step and the share that is not the network's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sampler", default="euler")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = random_network(lambda: TimedUNet(UNetConfig()), getattr(torch, options.dtype))
    model = DiffusionModel(network=network, family="sd15")
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
