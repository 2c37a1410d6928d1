"""Embeds scalar times in vectors, as diffusion networks expect them."""

import math

import torch
from torch import Tensor


def timestep_embedding(t: Tensor, width: int, *, longest_period: float = 10000.0) -> Tensor:
    """Sinusoidal features of a time, cosines first (Vaswani et al. 2017, section 3.5; Ho et al. 2020,
    appendix B).

    Args:
        t: (B,), any real dtype; computed in float32.
        width: features; an odd width is padded with a zero.
        longest_period: period of the slowest feature, in radians of t / (2 pi).

    Returns:
        (B, width) float32.
    """
    half = width // 2
    exponents = torch.arange(half, dtype=torch.float32, device=t.device) / half
    frequencies = torch.exp(-math.log(longest_period) * exponents)
    angles = t.float()[:, None] * frequencies
    features = torch.cat([angles.cos(), angles.sin()], dim=-1)
    if width % 2:
        features = torch.nn.functional.pad(features, (0, 1))
    return features


def guidance_embedding(scale: float, width: int) -> Tensor:
    """Sinusoidal features of a guidance scale, sines first (Meng et al. 2023, section 4.1, as in VDM).

    Args:
        scale: the scale, where 1 is no guidance.
        width: features; an odd width is padded with a zero.

    Returns:
        (1, width) float32.
    """
    half = width // 2
    exponents = torch.arange(half, dtype=torch.float32) / (half - 1)
    angles = (scale - 1.0) * 1000.0 * torch.exp(-math.log(10000.0) * exponents)
    features = torch.cat([angles.sin(), angles.cos()])[None]
    return torch.nn.functional.pad(features, (0, width % 2))
