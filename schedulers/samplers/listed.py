"""Samplers whose levels come from a list: where each step goes down to, or is taken to have arrived at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step

_WEIGHTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def relabelled(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    targets: Sequence[float],
    eta: float = 0.0,
) -> Iterator[Step]:
    """DDIM (Song et al. 2021, equation 12) whose steps arrive at targets; x: (B, C, H, W).

    The state that arrives at a target is taken, at unit variance, for one at the next of the levels: so do
    implementations that count their way in training steps and visit others. A target above its level is
    reached by noise, without the network (RePaint, Lugmayr et al. 2022, equation 1).
    eta: share of the noise that is renewed, 1 = DDPM.
    """
    denoised = x
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        target = targets[index]
        if target > sigma:
            x = x + noise(sigma, target) * math.sqrt(target**2 - sigma**2)
        else:
            denoised = denoise(x, sigma)
            down, up = split(sigma, target, eta)
            x = denoised + (x - denoised) * (down / sigma)
            if up > 0:
                x = x + noise(sigma, target) * up
        x = x * math.sqrt((1 + sigma_next**2) / (1 + target**2))
        yield Step(index, sigma_next, x, denoised)


def relabelled_2m_sde(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, targets: Sequence[float]
) -> Iterator[Step]:
    """DPM-Solver++(2M) on the SDE (Lu et al. 2022) whose steps arrive at targets; x: (B, C, H, W).

    What arrives at a target is taken for one at the next of the levels, as `relabelled` does. The step to the
    last target is of first order where that is 0.
    """
    before: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        target = targets[index]
        ahead = denoised
        if before is not None and target > 0:
            ratio = math.log(sigmas[index - 1] / sigma) / math.log(sigma / target)
            ahead = denoised + (denoised - before) / (2 * ratio)
        share = (target / sigma) ** 2
        x = ahead + (x - ahead) * share
        if target > 0:
            x = x + noise(sigma, target) * (target * math.sqrt(1 - share))
        x = x * math.sqrt((1 + sigma_next**2) / (1 + target**2))
        before = denoised
        yield Step(index, sigma_next, x, denoised)


def stochastic(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    downs: Sequence[float],
    floor: float = 0.0,
) -> Iterator[Step]:
    """Euler's method down to a level of its own for each step, then noise up to the next; x: (B, C, H, W).

    With a part of the training time as level it samples trajectory consistency models (Zheng et al. 2024).
    floor: level of noise that predictions have already, as those of consistency models (Song et al. 2023).
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down = downs[index]
        x = denoised + (x - denoised) * (down / sigma)
        fresh = sigma_next**2 - down**2 - floor**2
        if fresh > 0:
            x = x + noise(sigma, sigma_next) * math.sqrt(fresh)
        yield Step(index, sigma_next, x, denoised)


def to_first_noise(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, path: Path) -> Iterator[Step]:
    """Jump to the prediction, then back to the next sigma by the noise x (B, C, H, W) began with.

    So sample networks distilled by distribution matching (Yin et al. 2024) that draw no noise on their way.
    """
    first = x / sigmas[0]
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = path.noised(denoised, first, sigma_next) if sigma_next > 0 else denoised
        yield Step(index, sigma_next, x, denoised)


def plms(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Pseudo linear multistep (Liu et al. 2022, eq. 12), its first step by Heun's rule; x: (B, C, H, W)."""
    slopes: list[Tensor] = []
    steps = len(sigmas) - 1
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes[:3]]
        if index == 0 and steps > 1:
            ahead = x + slopes[0] * (sigma_next - sigma)
            slope = (slopes[0] + (ahead - denoise(ahead, sigma_next)) / sigma_next) / 2
        else:
            slope = sum(
                (weight * one for weight, one in zip(_WEIGHTS[len(slopes) - 1], slopes, strict=True)),
                start=slopes[0] * 0,
            )
        x = x + slope * (sigma_next - sigma)
        yield Step(index, sigma_next, x, denoised)
