"""Resizes batches of channel-first tensors the way every scaling node does.

The spherical method ("bislerp") turns channel vectors along the sphere (Shoemake 1985, "Animating
rotation with quaternion curves"), one axis at a time.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.errors import NodeError

IMAGE_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
LATENT_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")
CROPS = ("disabled", "center")


def resize(samples: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """Return samples (B, C, H, W) as (B, C, height, width).

    crop="center" first cuts the longer side symmetrically, which keeps the aspect ratio to within a pixel;
    "disabled" stretches. Bilinear and bicubic do not smooth before they shrink, and bicubic may overshoot.

    Raises:
        NodeError: a side is not positive, or the method is unknown.
    """
    if width < 1 or height < 1:
        raise NodeError(f"cannot resize to {width}x{height}: both sides must be at least 1")
    if crop == "center":
        samples = crop_to_aspect(samples, width, height)
    if method == "lanczos":
        return lanczos(samples, width, height)
    if method == "bislerp":
        return bislerp(samples, width, height)
    if method not in IMAGE_METHODS:
        raise NodeError(
            f"unknown resize method {method!r}: expected one of {', '.join(IMAGE_METHODS)} or bislerp"
        )
    return functional.interpolate(samples, size=(height, width), mode=method)


def resize_image(image: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """Return image (B, H, W, C) as (B, height, width, C)."""
    return resize(image.movedim(-1, 1), width, height, method, crop).movedim(1, -1)


def resize_mask(mask: Tensor, width: int, height: int, method: str = "bilinear") -> Tensor:
    """Return mask (H, W), (B, H, W) or (B, 1, H, W) as (B, height, width)."""
    return resize(planes(mask).unsqueeze(1), width, height, method).squeeze(1)


def planes(mask: Tensor) -> Tensor:
    """Return mask (H, W), (B, H, W) or (B, 1, H, W) as (B, H, W)."""
    return mask.reshape(-1, mask.shape[-2], mask.shape[-1])


def missing_side(width: int, height: int, old_width: int, old_height: int, least: int = 1) -> tuple[int, int]:
    """Return the size to scale to when 0 stands for "keep the aspect ratio"; at most one side may be 0."""
    if width == 0:
        width = max(least, round(old_width * height / old_height))
    elif height == 0:
        height = max(least, round(old_height * width / old_width))
    return width, height


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


def lanczos(samples: Tensor, width: int, height: int) -> Tensor:
    """Return images (B, C, H, W) in [0, 1] resized by Pillow's Lanczos filter, at 8 bits a channel.

    Raises:
        NodeError: C is not 2, 3 or 4.
    """
    from PIL import Image

    if samples.shape[1] not in (2, 3, 4):
        raise NodeError(f"lanczos resizes pictures with 2 to 4 channels, not {samples.shape[1]}")
    pixels = samples.mul(255).clamp(0, 255).to(torch.uint8).movedim(1, -1).contiguous().cpu().numpy()
    resized = [
        torch.frombuffer(
            bytearray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS).tobytes()),
            dtype=torch.uint8,
        )
        for frame in pixels
    ]
    stacked = torch.stack(resized).reshape(-1, height, width, samples.shape[1])
    return stacked.to(samples.device, torch.float32).div(255).movedim(-1, 1)


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
