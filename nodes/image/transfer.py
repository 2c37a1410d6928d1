"""Gives pictures the colours of another.

Reinhard et al. 2001, "Color transfer between images": mean and spread of each channel. Pitie and Kokaram
2007, "The linear Monge-Kantorovitch linear colour mapping": mean and covariance. Both in CIELAB (D65).
Histogram specification: the distribution of each of red, green and blue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range

XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)
KNEE = 6 / 29
LEAST = 1e-6
LEVELS = 256


def to_linear(colours: Tensor) -> Tensor:
    """Return sRGB values (..., 3) as amounts of light (IEC 61966-2-1)."""
    return torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055).clamp(min=0) ** 2.4)


def from_linear(light: Tensor) -> Tensor:
    """Return amounts of light (..., 3) as sRGB values."""
    bright = 1.055 * light.clamp(min=0) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, bright)


def to_lab(colours: Tensor) -> Tensor:
    """Return sRGB values (..., 3) in [0, 1] as CIELAB (..., 3), L in [0, 100]."""
    light = to_linear(colours) @ colours.new_tensor(XYZ).T / colours.new_tensor(WHITE)
    curve = torch.where(light > KNEE**3, light.clamp(min=0) ** (1 / 3), light / (3 * KNEE**2) + 4 / 29)
    x, y, z = curve.unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-1)


def from_lab(lab: Tensor) -> Tensor:
    """Return CIELAB (..., 3) as sRGB values (..., 3), those that no screen shows beyond [0, 1]."""
    lightness, green_red, blue_yellow = lab.unbind(-1)
    y = (lightness + 16) / 116
    curve = torch.stack((y + green_red / 500, y, y - blue_yellow / 200), dim=-1)
    light = torch.where(curve > KNEE, curve**3, 3 * KNEE**2 * (curve - 4 / 29))
    return from_linear(light * lab.new_tensor(WHITE) @ torch.linalg.inv(lab.new_tensor(XYZ)).T)


def reinhard(colours: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Return colours (N, 3) with mean and spread moved from source (S, 3) to reference (R, 3)."""
    values, old, new = to_lab(colours), to_lab(source), to_lab(reference)
    ratio = new.std(dim=0, correction=0) / old.std(dim=0, correction=0).clamp(min=LEAST)
    return from_lab((values - old.mean(dim=0)) * ratio + new.mean(dim=0))


def monge_kantorovitch(colours: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Return colours (N, 3) moved by least linear effort from source (S, 3) to reference (R, 3)."""
    values, old, new = to_lab(colours), to_lab(source), to_lab(reference)
    root, inverse_root = _roots(_covariance(old))
    middle, _ = _roots(root @ _covariance(new) @ root)
    mapping = inverse_root @ middle @ inverse_root
    return from_lab((values - old.mean(dim=0)) @ mapping + new.mean(dim=0))


def _covariance(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=0)
    return centred.T @ centred / values.shape[0] + LEAST * torch.eye(3, dtype=values.dtype)


def _roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the square root of a positive (3, 3) matrix, and its inverse."""
    spread, axes = torch.linalg.eigh(matrix)
    lengths = spread.clamp(min=0).sqrt()
    return axes @ torch.diag(lengths) @ axes.T, axes @ torch.diag(1 / lengths.clamp(min=LEAST)) @ axes.T


def histogram(colours: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Return colours (N, 3), the distribution of source (S, 3) made that of reference (R, 3) by channel."""
    channels = [
        _specified(colours[:, channel], source[:, channel], reference[:, channel]) for channel in range(3)
    ]
    return torch.stack(channels, dim=-1)


def _specified(values: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Return values (N,) such that as many of reference (R,) lie below each as did of source (S,)."""
    ordered = reference.sort().values
    below = torch.searchsorted(source.sort().values, values.contiguous(), right=True).to(values.dtype)
    place = (below * ordered.numel() / source.numel() - 1).clamp(0, ordered.numel() - 1)
    lower = place.floor().long()
    upper = (lower + 1).clamp(max=ordered.numel() - 1)
    return torch.lerp(ordered[lower], ordered[upper], place - lower)


METHODS: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "reinhard_lab": reinhard,
    "mkl_lab": monge_kantorovitch,
    "histogram": histogram,
}


@dataclass(frozen=True)
class PerFrame:
    """Each picture is measured by itself."""

    key: ClassVar[str] = "per_frame"

    def measured(self, frames: Tensor, index: int) -> Tensor:
        """Return the pixels (S, 3) of frames (B, H, W, 3) that say what picture index is like."""
        return frames[index].reshape(-1, 3)


@dataclass(frozen=True)
class Uniform:
    """All pictures are measured together, so that a film does not flicker."""

    key: ClassVar[str] = "uniform"

    def measured(self, frames: Tensor, index: int) -> Tensor:
        """Return the pixels (S, 3) of all frames (B, H, W, 3)."""
        return frames.reshape(-1, 3)


@dataclass(frozen=True)
class TargetFrame:
    """One picture is measured for all.

    Args:
        target_index: its place, counted from 0; the last one when there are fewer.
    """

    key: ClassVar[str] = "target_frame"
    target_index: Annotated[int, Range(0, 10000)] = 0

    def measured(self, frames: Tensor, index: int) -> Tensor:
        """Return the pixels (S, 3) of the one picture of frames (B, H, W, 3)."""
        return frames[min(self.target_index, frames.shape[0] - 1)].reshape(-1, 3)


@node(id="ColorTransfer", display_name="Transfer Color", category="image/postprocessing", outputs=("image",))
def transfer(
    image_target: Image,
    image_ref: Image,
    method: Annotated[str, Choice(METHODS)],
    source_stats: PerFrame | Uniform | TargetFrame,
    strength: Annotated[float, Range(0.0, 10.0, step=0.01)] = 1.0,
) -> Image:
    """Give pictures the colours of other pictures.

    Args:
        image_target: (B, H, W, C), values in [0, 1]; an alpha channel stays.
        image_ref: (B, H, W, C), whose colours are taken: one for each picture, the last one for the rest.
        method: what is matched: mean and spread, mean and covariance (both in Lab), or whole histograms.
        source_stats: what the colours of the pictures are measured on.
        strength: 0 changes nothing, 1 takes the colours over, more overdoes it.
    """
    if image_target.shape[-1] < 3 or image_ref.shape[-1] < 3:
        raise NodeError("only pictures with 3 channels have colours to transfer")
    if strength == 0:
        return image_target
    frames, references = image_target[..., :3].double(), image_ref[..., :3].double()
    result = image_target.clone()
    for index, frame in enumerate(frames):
        reference = references[min(index, references.shape[0] - 1)].reshape(-1, 3)
        flat = frame.reshape(-1, 3)
        moved = METHODS[method](flat, source_stats.measured(frames, index), reference)
        mixed = torch.lerp(flat, moved, strength).clamp(0, 1)
        result[index, ..., :3] = mixed.reshape(frame.shape).float()
    return result
