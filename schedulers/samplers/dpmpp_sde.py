"""DPM-Solver++ on the diffusion SDE (Lu et al. 2022b, section 5; crowsonkb/k-diffusion).

eta is the share of the noise that is renewed (1 = the reverse SDE, 0 = the ODE), s_noise a factor of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


def _between(path: Path, sigma: float, sigma_next: float, place: float) -> float:
    """The level at a place between two, even in lambda.

    In float32 on purpose: the ends of a step on the Brownian path are rounded to six digits, and a level that
    differs in its last bit would take other noise.
    """
    ends = torch.tensor([sigma, sigma_next], dtype=torch.float32)
    start, end = ends.logit().neg() if path.flow else ends.log().neg()
    there = start + place * (end - start)
    return float(there.neg().sigmoid() if path.flow else there.neg().exp())


def dpmpp_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
) -> Iterator[Step]:
    """SDE-DPM-Solver++(2S), evaluated again at a part r of the step; noise twice; x: (B, C, H, W)."""
    noisy = eta > 0 and s_noise > 0

    def moved(x: Tensor, denoised: Tensor, sigma: float, target: float) -> Tensor:
        ratio = path.ratio_of(sigma)
        down, up = split(ratio, path.ratio_of(target), eta)
        alpha = path.alpha_of(target)
        x = (alpha / path.alpha_of(sigma) * down / ratio) * x + alpha * (1 - down / ratio) * denoised
        return x + noise(sigma, target) * (alpha * s_noise * up) if noisy else x

    for index, (sigma, sigma_next) in enumerate(pairwise(path.with_finite_start(sigmas))):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            middle = _between(path, sigma, sigma_next, r)
            ahead = denoise(moved(x, denoised, sigma, middle), middle)
            share = 1 / (2 * r)
            x = moved(x, (1 - share) * denoised + share * ahead, sigma, sigma_next)
        yield Step(index, sigma_next, x, denoised)


def _first_order(
    path: Path, x: Tensor, denoised: Tensor, sigma: float, sigma_next: float, eta: float
) -> tuple[Tensor, float, float]:
    """(x after a step of first order without noise, width of the step in lambda, width times 1 + eta)."""
    width = path.lambda_of(sigma_next) - path.lambda_of(sigma)
    total = width * (1 + eta)
    alpha = path.alpha_of(sigma_next)
    x = (sigma_next / sigma) * math.exp(-width * eta) * x - alpha * math.expm1(-total) * denoised
    return x, width, total


def _spread(sigma_next: float, width: float, eta: float, s_noise: float) -> float:
    """Size of the noise a step ends with."""
    return sigma_next * math.sqrt(-math.expm1(-2 * width * eta)) * s_noise


def dpmpp_2m_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: Literal["midpoint", "heun"] = "midpoint",
) -> Iterator[Step]:
    """SDE-DPM-Solver++(2M) with the midpoint rule or Heun's; x: (B, C, H, W)."""
    previous: Tensor | None = None
    last_width = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(path.with_finite_start(sigmas))):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            x, width, total = _first_order(path, x, denoised, sigma, sigma_next, eta)
            if previous is not None and last_width != 0 and width != 0:
                gain = -math.expm1(-total)
                change = 1 - gain / total if solver_type == "heun" else gain / 2
                change *= path.alpha_of(sigma_next) * width / last_width
                x = x + change * (denoised - previous)
            if eta > 0 and s_noise > 0:
                x = x + noise(sigma, sigma_next) * _spread(sigma_next, width, eta, s_noise)
            last_width = width
        previous = denoised
        yield Step(index, sigma_next, x, denoised)


def dpmpp_3m_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """SDE-DPM-Solver++(3M): derivatives from the last three predictions; x: (B, C, H, W)."""
    history: list[Tensor] = []
    widths: list[float] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(path.with_finite_start(sigmas))):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            x, width, total = _first_order(path, x, denoised, sigma, sigma_next, eta)
            if width != 0 and history and widths[-1] != 0:
                bent = _curvature(denoised, history, width, widths, total)
                x = x + path.alpha_of(sigma_next) * bent
            if eta > 0 and s_noise > 0:
                x = x + noise(sigma, sigma_next) * _spread(sigma_next, width, eta, s_noise)
            widths = [*widths[-1:], width]
        history = [*history[-1:], denoised]
        yield Step(index, sigma_next, x, denoised)


def _curvature(
    denoised: Tensor, history: Sequence[Tensor], width: float, widths: Sequence[float], total: float
) -> Tensor:
    """What derivatives of the predictions (B, C, H, W) add to a step; the newest of history stands last."""
    phi_2 = math.expm1(-total) / total + 1
    ratio = widths[-1] / width
    slope = (denoised - history[-1]) / ratio
    if len(history) < 2 or widths[-2] == 0:
        return phi_2 * slope
    phi_3 = phi_2 / total - 0.5
    ratio_before = widths[-2] / width
    bend = (slope - (history[-1] - history[-2]) / ratio_before) / (ratio + ratio_before)
    return phi_2 * (slope + bend * ratio) - phi_3 * bend
