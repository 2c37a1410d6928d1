"""CFG++ (Chung et al. 2024): the picture comes from the guided prediction, the noise from the negative one.

Every sampler here is its namesake where the two predictions agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import split
from schedulers.samplers.gradient import GAMMA
from schedulers.samplers.res import multistep_weights
from schedulers.step import Noise, PairDenoiser, Step


def euler_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, path: Path
) -> Iterator[Step]:
    """Euler's method; x: (B, C, H, W)."""
    return euler_ancestral_cfg_pp(denoise, x, sigmas, noise, path=path, eta=0.0)


def euler_ancestral_cfg_pp(
    denoise: PairDenoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Euler's method to below the next sigma, then fresh noise up to it; x: (B, C, H, W).

    eta: share of the noise that is renewed, 0 = none; s_noise: factor of what is added.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            alpha, alpha_next = path.alpha_of(sigma), path.alpha_of(sigma_next)
            down, up = split(path.ratio_of(sigma), path.ratio_of(sigma_next), eta)
            x = alpha_next * denoised + (down * alpha_next / sigma) * (x - alpha * negative)
            if eta > 0 and s_noise > 0:
                x = x + noise(sigma, sigma_next) * (alpha_next * s_noise * up)
        yield Step(index, sigma_next, x, denoised)


def euler_cfg_pp_alternative(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """Euler's method from a state moved by the difference of the predictions; x: (B, C, H, W)."""
    del noise
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        slope = (x - denoised + negative - denoised) / sigma
        x = x + slope * (sigma_next - sigma)
        yield Step(index, sigma_next, x, denoised)


def dpmpp_2s_ancestral_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """DPM-Solver++(2S) to below the next sigma, then fresh noise up to it; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        down, up = split(sigma, sigma_next)
        if down == 0:
            x = denoised
        else:
            width = math.log(sigma / down)
            middle = math.sqrt(sigma * down)
            halfway = (middle / sigma) * (x + (denoised - negative)) - math.expm1(-width / 2) * denoised
            ahead, negative = denoise(halfway, middle)
            x = (down / sigma) * (x + (denoised - negative)) - math.expm1(-width) * ahead
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * up
        yield Step(index, sigma_next, x, denoised)


def dpmpp_2m_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """DPM-Solver++(2M); x: (B, C, H, W)."""
    del noise
    negative_before: Tensor | None = None
    last_width = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            x = denoised + (sigma_next / sigma) * (x - negative)
            if negative_before is not None and last_width != 0:
                x = x - math.expm1(-width) * (width / (2 * last_width)) * (denoised - negative_before)
            last_width = width
        negative_before = negative
        yield Step(index, sigma_next, x, denoised)


def _res_multistep(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float
) -> Iterator[Step]:
    negative_before: Tensor | None = None
    sigma_before = down_before = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        down, up = split(sigma, sigma_next, eta)
        if negative_before is None or down in (0.0, sigma) or sigma_before == down_before:
            x = denoised + (x - negative) / sigma * down
        else:
            newest, older = multistep_weights(sigma, down, sigma_before, down_before)
            x = (down / sigma) * (x + (denoised - negative)) + newest * negative + older * negative_before
        if sigma_next > 0 and eta > 0:
            x = x + noise(sigma, sigma_next) * up
        negative_before, sigma_before, down_before = negative, sigma, down
        yield Step(index, sigma_next, x, denoised)


def res_multistep_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """The multistep refined exponential solver; x: (B, C, H, W)."""
    return _res_multistep(denoise, x, sigmas, noise, 0.0)


def res_multistep_ancestral_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """The same to below the next sigma, then fresh noise up to it; x: (B, C, H, W)."""
    return _res_multistep(denoise, x, sigmas, noise, 1.0)


def gradient_estimation_cfg_pp(
    denoise: PairDenoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """Euler's method with the slope pushed on by its last change; x: (B, C, H, W)."""
    del noise
    last: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised, negative = denoise(x, sigma)
        slope = (x - negative) / sigma
        if sigma_next == 0:
            x = denoised
        else:
            x = denoised + slope * sigma_next
            if last is not None:
                x = x + (GAMMA - 1) * (slope - last) * (sigma_next - sigma)
        last = slope
        yield Step(index, sigma_next, x, denoised)
