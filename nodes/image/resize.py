"""Resizes batches of channel-first tensors the way every scaling node does."""

import torch
from torch import Tensor

from models.resize import TORCH_METHODS, crop_to_aspect, resized
from nodes.api.errors import NodeError

IMAGE_METHODS = (*TORCH_METHODS, "lanczos")
LATENT_METHODS = (*TORCH_METHODS, "bislerp")
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
    if method not in LATENT_METHODS:
        raise NodeError(
            f"unknown resize method {method!r}: expected one of {', '.join(IMAGE_METHODS)} or bislerp"
        )
    return resized(samples, width, height, method)


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
