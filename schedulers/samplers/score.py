"""Samplers of score networks: predictor and corrector, Euler-Maruyama, Heun's method with churn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from schedulers.step import Denoiser, Noise, Step


def predictor_corrector(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, snr: float = 0.15
) -> Iterator[Step]:
    """Langevin's corrector, then reverse diffusion (Song et al. 2021, algorithm 2); x: (B, C, H, W).

    snr: length of the corrector's move over that of the noise it adds.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        score = (denoise(x, sigma) - x) / sigma**2
        drawn = noise(sigma, sigma)
        length = 2 * (snr * _length(drawn) / _length(score)) ** 2
        x = x + score * length + drawn * (2 * length).sqrt()
        denoised = denoise(x, sigma)
        width = sigma**2 - sigma_next**2
        x = x + (denoised - x) * (width / sigma**2)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * math.sqrt(width)
        yield Step(index, sigma_next, x, denoised)


def _length(rows: Tensor) -> Tensor:
    """The mean length of the rows of (B, ...)."""
    lengths: Tensor = torch.linalg.vector_norm(rows.flatten(1), dim=1)
    return lengths.mean()


def euler_maruyama(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, rates: Sequence[float]
) -> Iterator[Step]:
    """The SDE that keeps unit variance, in even steps of time (Song et al. 2021, eq. 11); x: (B, C, H, W).

    rates: beta at each level but the last. What a step arrives at is taken, at unit variance, for a state at
    the next level, which the last step reaches without noise.
    """
    steps = len(sigmas) - 1
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        scale = math.sqrt(1 + sigma**2)
        share = rates[index] / steps
        score = (denoised - x) * (scale / sigma**2)
        x = x * ((1 + share / 2) / scale) + score * share
        if index < steps - 1:
            x = x + noise(sigma, sigma_next) * math.sqrt(share)
        x = x * math.sqrt(1 + sigma_next**2)
        yield Step(index, sigma_next, x, denoised)


def heun_with_churn(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    churn: float,
    low: float,
    high: float,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Heun's method after a rise of the noise level (Karras et al. 2022, algorithm 2); x: (B, C, H, W).

    churn: how much the level rises over all steps; low, high: between which levels it does.
    s_noise: factor of the noise that is added.
    """
    most = min(churn / (len(sigmas) - 1), math.sqrt(2) - 1)
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        raised = sigma * (1 + most) if low <= sigma <= high else sigma
        if raised > sigma:
            x = x + noise(sigma, raised) * (s_noise * math.sqrt(raised**2 - sigma**2))
        denoised = denoise(x, raised)
        slope = (x - denoised) / raised
        ahead = x + slope * (sigma_next - raised)
        if sigma_next > 0:
            slope_ahead = (ahead - denoise(ahead, sigma_next)) / sigma_next
            ahead = x + (slope + slope_ahead) * ((sigma_next - raised) / 2)
        x = ahead
        yield Step(index, sigma_next, x, denoised)
