"""Blurs and sharpens pictures."""

from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range


def gaussian(radius: int, sigma: float) -> Tensor:
    """Return a (2 radius + 1, 2 radius + 1) kernel that sums to 1; sigma is counted in radii."""
    place = torch.linspace(-1, 1, 2 * radius + 1)
    kernel = torch.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * sigma**2))
    return kernel / kernel.sum()


def convolve(image: Tensor, kernel: Tensor) -> Tensor:
    """Return image (B, H, W, C) under a (k, k) kernel, its borders mirrored.

    Raises:
        NodeError: the picture is not larger than half the kernel.
    """
    radius = kernel.shape[0] // 2
    count, height, width, channels = image.shape
    if radius >= height or radius >= width:
        raise NodeError(f"a radius of {radius} is too large for a {width}x{height} picture")
    planes = image.movedim(-1, 1).reshape(-1, 1, height, width)
    padded = functional.pad(planes, (radius,) * 4, mode="reflect")
    filtered = functional.conv2d(padded, kernel[None, None])
    return filtered.reshape(count, channels, height, width).movedim(1, -1)


@node(id="ImageBlur", category="image/postprocessing")
def blur(
    image: Image,
    blur_radius: Annotated[int, Range(1, 31, step=1)] = 1,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.1)] = 1.0,
) -> Image:
    """Blur pictures with a Gaussian.

    Args:
        image: (B, H, W, C), values in [0, 1].
        blur_radius: pixels on each side that take part.
        sigma: width of the Gaussian, in units of the radius.
    """
    return convolve(image, gaussian(blur_radius, sigma))


@node(id="ImageSharpen", category="image/postprocessing")
def sharpen(
    image: Image,
    sharpen_radius: Annotated[int, Range(1, 31, step=1)] = 1,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.01)] = 1.0,
    alpha: Annotated[float, Range(0.0, 5.0, step=0.01)] = 1.0,
) -> Image:
    """Sharpen pictures by taking their blur away.

    Args:
        image: (B, H, W, C), values in [0, 1].
        sharpen_radius: pixels on each side that take part.
        sigma: width of the Gaussian, in units of the radius.
        alpha: strength; 0 changes nothing.
    """
    kernel = gaussian(sharpen_radius, sigma) * (-10 * alpha)
    kernel[sharpen_radius, sharpen_radius] += 1 - kernel.sum()
    return convolve(image, kernel).clamp(0, 1)
