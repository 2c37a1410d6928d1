"""Heun's method on the probability-flow ODE (Karras et al. 2022, algorithm 2), and an extension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Step


def heun(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Second order: Euler, then the mean of both ends' slopes; Euler to sigma 0; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        ahead = x + slope * (sigma_next - sigma)
        if sigma_next != 0:
            slope_ahead = (ahead - denoise(ahead, sigma_next)) / sigma_next
            ahead = x + (slope + slope_ahead) / 2 * (sigma_next - sigma)
        x = ahead
        yield Step(index, sigma_next, x, denoised)


def heunpp2(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Heun++ (hallatore): slopes up to two levels ahead, weighted by their sigmas; x: (B, C, H, W).

    Weights are relative to the first sigma of the run, so this is not a convergent method of its own.
    """
    first, last = sigmas[0], sigmas[-1]
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        width = sigma_next - sigma
        if sigma_next != last:
            ahead = x + slope * width
            slope_ahead = (ahead - denoise(ahead, sigma_next)) / sigma_next
            sigma_far = sigmas[index + 2]
            if sigma_far == last:
                share = sigma_next / (2 * first)
                slope = (1 - share) * slope + share * slope_ahead
            else:
                far = ahead + slope_ahead * (sigma_far - sigma_next)
                slope_far = (far - denoise(far, sigma_far)) / sigma_far
                share, share_far = sigma_next / (3 * first), sigma_far / (3 * first)
                slope = (1 - share - share_far) * slope + share * slope_ahead + share_far * slope_far
        x = x + slope * width
        yield Step(index, sigma_next, x, denoised)
