"""SEEDS: stochastic exponential solvers with several evaluations a step (Gonzalez et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from schedulers.step import Denoiser, Noise, Step


def _phi_2(z: float) -> float:
    return (math.expm1(z) - z) / z


def _level(sigma: float, sigma_next: float, place: float) -> float:
    """The noise level at a place between two, even in log sigma.

    In float32 on purpose: a level halfway between two training steps goes to one of them by its last bit, and
    place 1 must give the bit that the ecosystem's arithmetic gives.
    """
    ends = torch.tensor([sigma, sigma_next], dtype=torch.float32).log()
    return float(torch.lerp(ends[0], ends[1], place).exp())


def _carried(gap: float, last: Tensor, fresh: Tensor) -> Tensor:
    """Noise (B, C, H, W) further down the same path: what is left of the last plus fresh; gap <= 0."""
    return last * math.exp(gap) + fresh * math.sqrt(max(-math.expm1(2 * gap), 0.0))


def _two_stages(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise | None, *, place: float, full: bool
) -> Iterator[Step]:
    """Two evaluations a step, the second at a place in (0, 1]; `full` weighs both by phi functions."""
    eta = 0.0 if noise is None else 1.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next in (0.0, sigma):
            x = denoised if sigma_next == 0 else x
        else:
            width = math.log(sigma / sigma_next)
            total = width * (1 + eta)
            middle = _level(sigma, sigma_next, place)
            ahead = math.exp(-place * total) * x - math.expm1(-place * total) * denoised
            path: Tensor | None = None
            if noise is not None:
                path = noise(sigma, middle) * math.sqrt(-math.expm1(-2 * place * width))
                ahead = ahead + path * middle
            second = denoise(ahead, middle)
            weight = _phi_2(-total) / place if full else math.expm1(-total) / (2 * place)
            x = math.exp(-total) * x - (math.expm1(-total) - weight) * denoised - weight * second
            if noise is not None and path is not None:
                x = x + _carried((place - 1) * width, path, noise(middle, sigma_next)) * sigma_next
        yield Step(index, sigma_next, x, denoised)


def seeds_2(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SEEDS-2 with its second evaluation halfway in lambda; x: (B, C, H, W)."""
    return _two_stages(denoise, x, sigmas, noise, place=0.5, full=False)


def exp_heun_2_x0(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """The exponential Heun method: its second evaluation at the end, no noise; x: (B, C, H, W)."""
    return _two_stages(denoise, x, sigmas, None, place=1.0, full=True)


def exp_heun_2_x0_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """The exponential Heun method on the SDE; x: (B, C, H, W)."""
    return _two_stages(denoise, x, sigmas, noise, place=1.0, full=True)


def seeds_3(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SEEDS-3 with evaluations at a third and two thirds in lambda; x: (B, C, H, W)."""
    first, last = 1 / 3, 2 / 3
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next in (0.0, sigma):
            x = denoised if sigma_next == 0 else x
        else:
            width = math.log(sigma / sigma_next)
            total = 2 * width
            near, far = _level(sigma, sigma_next, first), _level(sigma, sigma_next, last)
            path = noise(sigma, near) * math.sqrt(-math.expm1(-2 * first * width))
            ahead = math.exp(-first * total) * x - math.expm1(-first * total) * denoised + path * near
            second = denoise(ahead, near)
            path = _carried((first - last) * width, path, noise(near, far))
            weight = last / first * _phi_2(-last * total)
            rest = math.expm1(-last * total) - weight
            ahead = math.exp(-last * total) * x - rest * denoised - weight * second + path * far
            third = denoise(ahead, far)
            path = _carried((last - 1) * width, path, noise(far, sigma_next))
            weight = _phi_2(-total) / last
            rest = math.expm1(-total) - weight
            x = math.exp(-total) * x - rest * denoised - weight * third + path * sigma_next
        yield Step(index, sigma_next, x, denoised)
