"""Finds edges (Canny 1986, "A computational approach to edge detection").

Gaussian smoothing, gradients by Sobel's masks, thinning along the gradient, two thresholds with hysteresis.
"""

from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range

LUMA = (0.299, 0.587, 0.114)
SMOOTHING = (5, 1.0)
LEAST = 1e-6
# (row, column) of the neighbour in each direction, in steps of 45 degrees from the right towards below.
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))

Threshold = Annotated[float, Range(0.01, 0.99, step=0.01)]


def smoothed(grey: Tensor) -> Tensor:
    """Return grey (B, 1, H, W) under a Gaussian of 5 x 5 cells with sigma 1, its borders mirrored."""
    length, sigma = SMOOTHING
    place = torch.arange(length, dtype=torch.float32) - length // 2
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = functional.pad(grey, (length // 2,) * 4, mode="reflect")
    return functional.conv2d(padded, (kernel[:, None] * kernel[None, :])[None, None])


def gradients(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Return magnitude and direction of the gradient of grey (B, 1, H, W), (B, 1, H, W) each.

    The direction is a place in NEIGHBOURS: where it gets brighter, rounded to 45 degrees.
    """
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    horizontal = functional.conv2d(padded, across[None, None])
    vertical = functional.conv2d(padded, across.T[None, None])
    magnitude = torch.sqrt(horizontal**2 + vertical**2 + LEAST)
    direction = torch.round(torch.atan2(vertical, horizontal) / (torch.pi / 4)).long() % len(NEIGHBOURS)
    return magnitude, direction


def thinned(magnitude: Tensor, direction: Tensor) -> Tensor:
    """Return magnitude (B, 1, H, W), 0 where it is not above both neighbours along the gradient."""
    height, width = magnitude.shape[-2:]
    padded = functional.pad(magnitude, (1, 1, 1, 1))
    around = torch.cat(
        [
            padded[..., 1 + row : 1 + row + height, 1 + column : 1 + column + width]
            for row, column in NEIGHBOURS
        ],
        dim=1,
    )
    ahead = around.gather(1, direction)
    behind = around.gather(1, (direction + len(NEIGHBOURS) // 2) % len(NEIGHBOURS))
    return magnitude * ((magnitude > ahead) & (magnitude > behind))


def connected(weak: Tensor, strong: Tensor) -> Tensor:
    """Return strong (B, 1, H, W) with those weak cells that a path of weak cells joins to it."""
    edges = strong
    while True:
        reached = functional.max_pool2d(edges.float(), 3, stride=1, padding=1) > 0
        grown = edges | (reached & weak)
        if torch.equal(grown, edges):
            return edges
        edges = grown


def canny(image: Tensor, low: float, high: float) -> Tensor:
    """Return the edges of image (B, H, W, C) as (B, H, W), 1 on an edge.

    Raises:
        NodeError: the picture is smaller than the smoothing kernel's radius allows.
    """
    height, width = image.shape[1:3]
    if min(height, width) < 3:
        raise NodeError(f"a {width}x{height} picture is too small to look for edges; 3x3 is the least")
    colours = image[..., :3] if image.shape[-1] >= 3 else image[..., :1].expand(-1, -1, -1, 3)
    grey = (colours * torch.tensor(LUMA)).sum(dim=-1).unsqueeze(1)
    magnitude = thinned(*gradients(smoothed(grey)))
    return connected(magnitude > low, magnitude > high).squeeze(1).float()


@node(id="Canny", category="image/preprocessors")
def find_edges(image: Image, low_threshold: Threshold = 0.4, high_threshold: Threshold = 0.8) -> Image:
    """Draw the edges in pictures, white on black.

    Args:
        image: (B, H, W, C), values in [0, 1].
        low_threshold: how steep an edge must be where it continues another.
        high_threshold: how steep an edge must be to begin with.
    """
    if low_threshold > high_threshold:
        raise NodeError(f"low_threshold {low_threshold} is above high_threshold {high_threshold}")
    return canny(image, low_threshold, high_threshold).unsqueeze(-1).repeat(1, 1, 1, 3)
