"""Resizes latents and hints: the part of resizing that networks need themselves.

The spherical method ("bislerp") turns channel vectors along the sphere (Shoemake 1985, "Animating
rotation with quaternion curves"), one axis at a time.
"""

import torch
from torch import Tensor
from torch.nn import functional

TORCH_METHODS = ("nearest-exact", "bilinear", "area", "bicubic")


def resized(samples: Tensor, width: int, height: int, method: str) -> Tensor:
    """Return samples (B, C, H, W) as (B, C, height, width), stretched.

    Bilinear and bicubic do not smooth before they shrink, and bicubic may overshoot.

    Raises:
        ValueError: the method is unknown.
    """
    if method == "bislerp":
        return bislerp(samples, width, height)
    if method not in TORCH_METHODS:
        raise ValueError(f"unknown resize method {method!r}: expected {', '.join(TORCH_METHODS)} or bislerp")
    return functional.interpolate(samples, size=(height, width), mode=method)


def crop_to_aspect(samples: Tensor, width: int, height: int) -> Tensor:
    """Return samples (B, C, H, W) cut at the centre to about the aspect ratio of width:height."""
    old_height, old_width = samples.shape[-2:]
    old_aspect, aspect = old_width / old_height, width / height
    left = top = 0
    if old_aspect > aspect:
        left = round((old_width - old_width * (aspect / old_aspect)) / 2)
    elif old_aspect < aspect:
        top = round((old_height - old_height * (old_aspect / aspect)) / 2)
    return samples[..., top : old_height - top, left : old_width - left]


def bislerp(samples: Tensor, width: int, height: int) -> Tensor:
    """Return latents (B, C, H, W) as (B, C, height, width), vectors turned along the sphere."""
    wide = _slerp_last_axis(samples.float(), width)
    return _slerp_last_axis(wide.transpose(-1, -2), height).transpose(-1, -2).to(samples.dtype)


def _slerp_last_axis(samples: Tensor, length: int) -> Tensor:
    """Return samples (B, C, H, W) as (B, C, H, length)."""
    first, second, ratio = _neighbours(samples.shape[-1], length, samples.device)
    return _slerp(samples[..., first], samples[..., second], ratio)


def _neighbours(old_length: int, length: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each new cell the old cells around it and how far it is from the first, (length,) each."""
    ramp = torch.arange(old_length, dtype=torch.float32, device=device)
    following = (ramp + 1).clamp(max=old_length - 1)
    place = functional.interpolate(ramp[None, None], size=length, mode="linear")[0, 0]
    second = functional.interpolate(following[None, None], size=length, mode="linear")[0, 0]
    return place.long(), second.long(), place - place.floor()


def _slerp(first: Tensor, second: Tensor, ratio: Tensor) -> Tensor:
    """Return the channel vectors of two (B, C, H, W) mixed on the sphere; their lengths mix linearly."""
    first_length = first.norm(dim=1, keepdim=True)
    second_length = second.norm(dim=1, keepdim=True)
    first_unit = torch.where(first_length == 0, 0.0, first / first_length)
    second_unit = torch.where(second_length == 0, 0.0, second / second_length)
    cosine = (first_unit * second_unit).sum(dim=1, keepdim=True)
    angle = torch.acos(cosine.clamp(-1, 1))
    sine = torch.sin(angle)
    direction = (
        torch.sin((1 - ratio) * angle) / sine * first_unit + torch.sin(ratio * angle) / sine * second_unit
    )
    mixed = direction * (first_length * (1 - ratio) + second_length * ratio)
    mixed = torch.where(cosine > 1 - 1e-5, first, mixed)
    return torch.where(cosine < 1e-5 - 1, first * (1 - ratio) + second * ratio, mixed)
