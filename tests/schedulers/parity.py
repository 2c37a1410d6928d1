"""Combinations of ours and schedulers of diffusers side by side, on the same denoiser and the same noise."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.shelf import combination
from schedulers.spacing import Options
from schedulers.step import Noise
from tests.schedulers.toys import PATH, TABLE, Tangled, paired

COUNTS = (1, 2, 4, 5, 15, 20, 30)
CONFIG = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
SHAPE = (1, 4, 4, 4)
DENOISE = Tangled()
START = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


class Draws:
    """The noise that diffusers gets from its generator, in order."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        self.generator = torch.Generator().manual_seed(9)
        self.dtype = dtype

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        return torch.randn(SHAPE, generator=self.generator, dtype=self.dtype)


def ours(
    name: str,
    steps: int,
    options: Options,
    start: float,
    path: Path = PATH,
    table: Any = TABLE,
    dtype: torch.dtype = torch.float64,
    noise: Noise | None = None,
) -> Any:
    sigmas, method = combination(name, steps, table, options)
    levels = [float(sigma) for sigma in sigmas]
    taken = list(method.on(path).steps(paired(DENOISE), START * start, levels, noise or Draws(dtype)))
    return sigmas, taken[-1].x


def output_of(kind: str, x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
    """What a network of a kind says, for x at unit variance."""
    alpha, spread = 1 / math.sqrt(1 + sigma**2), sigma / math.sqrt(1 + sigma**2)
    noise = (x - alpha * denoised) / spread
    return {"epsilon": noise, "sample": denoised, "v_prediction": alpha * noise - spread * denoised}[kind]


def unit(scheduler: Any, level: Callable[[int, Any], float], kind: str = "epsilon") -> Tensor:
    """What schedulers give that keep x at unit variance; level: the noise level of a step."""
    x = START.clone()
    generator = torch.Generator().manual_seed(9)
    takes = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
    for index, t in enumerate(scheduler.timesteps):
        sigma = level(index, t)
        denoised = DENOISE(x * math.sqrt(1 + sigma**2), sigma)
        x = scheduler.step(output_of(kind, x, denoised, sigma), t, x, return_dict=False, **takes)[0]
    return x


def close(mine: Tensor, theirs: Tensor, tolerance: float = 5e-5) -> None:
    largest = float(theirs.abs().max())
    assert float((mine - theirs).abs().max()) <= tolerance * largest
