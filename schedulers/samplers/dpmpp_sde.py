"""DPM-Solver++ on the diffusion SDE (Lu et al. 2022b, section 5; crowsonkb/k-diffusion), eta = 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


def dpmpp_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(2S): one evaluation halfway, noise there and at the end; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            middle = math.sqrt(sigma * sigma_next)
            down, up = split(sigma, middle)
            halfway = (down / sigma) * x + (1 - down / sigma) * denoised + noise(sigma, middle) * up
            ahead = denoise(halfway, middle)
            down, up = split(sigma, sigma_next)
            x = (down / sigma) * x + (1 - down / sigma) * ahead + noise(sigma, sigma_next) * up
        yield Step(index, sigma_next, x, denoised)


def _dpmpp_2m_sde(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, heun: bool
) -> Iterator[Step]:
    previous: Tensor | None = None
    last_width = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            gain = -math.expm1(-2 * width)
            x = (sigma_next / sigma) * math.exp(-width) * x + gain * denoised
            if previous is not None and last_width != 0 and width != 0:
                change = 1 - gain / (2 * width) if heun else gain / 2
                x = x + change * (width / last_width) * (denoised - previous)
            x = x + noise(sigma, sigma_next) * (sigma_next * math.sqrt(gain))
            last_width = width
        previous = denoised
        yield Step(index, sigma_next, x, denoised)


def dpmpp_2m_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(2M) with the midpoint rule; x: (B, C, H, W)."""
    return _dpmpp_2m_sde(denoise, x, sigmas, noise, heun=False)


def dpmpp_2m_sde_heun(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(2M) with Heun's rule; x: (B, C, H, W)."""
    return _dpmpp_2m_sde(denoise, x, sigmas, noise, heun=True)


def dpmpp_3m_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(3M): derivatives from the last three predictions; x: (B, C, H, W)."""
    history: list[Tensor] = []
    widths: list[float] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            gain = -math.expm1(-2 * width)
            x = (sigma_next / sigma) * math.exp(-width) * x + gain * denoised
            if width != 0 and history and widths[-1] != 0:
                x = x + _curvature(denoised, history, width, widths)
            x = x + noise(sigma, sigma_next) * (sigma_next * math.sqrt(gain))
            widths = [*widths[-1:], width]
        history = [*history[-1:], denoised]
        yield Step(index, sigma_next, x, denoised)


def _curvature(denoised: Tensor, history: Sequence[Tensor], width: float, widths: Sequence[float]) -> Tensor:
    """What derivatives of the predictions (B, C, H, W) add to a step; the newest of history stands last."""
    phi_2 = math.expm1(-2 * width) / (2 * width) + 1
    ratio = widths[-1] / width
    slope = (denoised - history[-1]) / ratio
    if len(history) < 2 or widths[-2] == 0:
        return phi_2 * slope
    phi_3 = phi_2 / (2 * width) - 0.5
    ratio_before = widths[-2] / width
    bend = (slope - (history[-1] - history[-2]) / ratio_before) / (ratio + ratio_before)
    return phi_2 * (slope + bend * ratio) - phi_3 * bend
