"""SEEDS: stochastic exponential solvers with several evaluations a step (Gonzalez et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Noise, Step


def _phi_2(z: float) -> float:
    return (math.expm1(z) - z) / z


def _level(path: Path, sigma: float, sigma_next: float, place: float) -> float:
    """The noise level at a place between two, even in lambda.

    In float32 on purpose: a level halfway between two training steps goes to one of them by its last bit, and
    place 1 must give the bit that the ecosystem's arithmetic gives.
    """
    ends = torch.tensor([sigma, sigma_next], dtype=torch.float32)
    if path.flow:
        half = ends.logit().neg()
        return float(torch.lerp(half[0], half[1], place).neg().sigmoid())
    logs = ends.log()
    return float(torch.lerp(logs[0], logs[1], place).exp())


def _carried(gap: float, last: Tensor, fresh: Tensor) -> Tensor:
    """Noise (B, C, H, W) further down the same path: what is left of the last plus fresh; gap <= 0."""
    return last * math.exp(gap) + fresh * math.sqrt(max(-math.expm1(2 * gap), 0.0))


def _two_stages(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise | None,
    path: Path,
    *,
    eta: float,
    s_noise: float,
    place: float,
    full: bool,
) -> Iterator[Step]:
    """Two evaluations a step, the second at a place in (0, 1]; `full` weighs both by phi functions."""
    for index, (sigma, sigma_next) in enumerate(pairwise(path.with_finite_start(sigmas))):
        denoised = denoise(x, sigma)
        if sigma_next in (0.0, sigma):
            x = denoised if sigma_next == 0 else x
        else:
            width = path.lambda_of(sigma_next) - path.lambda_of(sigma)
            total = width * (1 + eta)
            middle = _level(path, sigma, sigma_next, place)
            alpha = path.alpha_of(middle)
            kept = (middle / sigma) * math.exp(-place * width * eta)
            ahead = kept * x - alpha * math.expm1(-place * total) * denoised
            walk: Tensor | None = None
            if noise is not None:
                walk = noise(sigma, middle) * math.sqrt(-math.expm1(-2 * place * width * eta))
                ahead = ahead + walk * (middle * s_noise)
            second = denoise(ahead, middle)
            alpha = path.alpha_of(sigma_next)
            weight = _phi_2(-total) / place if full else math.expm1(-total) / (2 * place)
            x = (sigma_next / sigma) * math.exp(-width * eta) * x
            x = x - (alpha * (math.expm1(-total) - weight)) * denoised - (alpha * weight) * second
            if noise is not None and walk is not None:
                walk = _carried((place - 1) * width * eta, walk, noise(middle, sigma_next))
                x = x + walk * (sigma_next * s_noise)
        yield Step(index, sigma_next, x, denoised)


def seeds_2(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    solver_type: Literal["phi_1", "phi_2"] = "phi_1",
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
) -> Iterator[Step]:
    """SEEDS-2 with its second evaluation at a part r of the step in lambda; x: (B, C, H, W).

    eta: share of the noise that is renewed; s_noise: factor of noise; phi_2 weighs both evaluations exactly.
    """
    full = solver_type == "phi_2"
    source = noise if eta > 0 and s_noise > 0 else None
    return _two_stages(denoise, x, sigmas, source, path, eta=eta, s_noise=s_noise, place=r, full=full)


def exp_heun_2_x0(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, path: Path) -> Iterator[Step]:
    """The exponential Heun method: its second evaluation at the end, no noise; x: (B, C, H, W)."""
    return _two_stages(denoise, x, sigmas, None, path, eta=0.0, s_noise=0.0, place=1.0, full=True)


def exp_heun_2_x0_sde(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, path: Path
) -> Iterator[Step]:
    """The exponential Heun method on the SDE; x: (B, C, H, W)."""
    return _two_stages(denoise, x, sigmas, noise, path, eta=1.0, s_noise=1.0, place=1.0, full=True)


def seeds_3(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, path: Path
) -> Iterator[Step]:
    """SEEDS-3 with evaluations at a third and two thirds in lambda; x: (B, C, H, W)."""
    first, last = 1 / 3, 2 / 3
    for index, (sigma, sigma_next) in enumerate(pairwise(path.with_finite_start(sigmas))):
        denoised = denoise(x, sigma)
        if sigma_next in (0.0, sigma):
            x = denoised if sigma_next == 0 else x
        else:
            width = path.lambda_of(sigma_next) - path.lambda_of(sigma)
            total = 2 * width
            near, far = (_level(path, sigma, sigma_next, place) for place in (first, last))
            walk = noise(sigma, near) * math.sqrt(-math.expm1(-2 * first * width))
            alpha = path.alpha_of(near)
            ahead = (near / sigma) * math.exp(-first * width) * x
            ahead = ahead - (alpha * math.expm1(-first * total)) * denoised + walk * near
            second = denoise(ahead, near)
            walk = _carried((first - last) * width, walk, noise(near, far))
            alpha, weight = path.alpha_of(far), last / first * _phi_2(-last * total)
            rest = math.expm1(-last * total) - weight
            ahead = (far / sigma) * math.exp(-last * width) * x
            ahead = ahead - (alpha * rest) * denoised - (alpha * weight) * second + walk * far
            third = denoise(ahead, far)
            walk = _carried((last - 1) * width, walk, noise(far, sigma_next))
            alpha, weight = path.alpha_of(sigma_next), _phi_2(-total) / last
            rest = math.expm1(-total) - weight
            x = (sigma_next / sigma) * math.exp(-width) * x
            x = x - (alpha * rest) * denoised - (alpha * weight) * third + walk * sigma_next
        yield Step(index, sigma_next, x, denoised)
