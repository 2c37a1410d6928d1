"""Operations on latents, and the rule that applies one to guidance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from schedulers.guiders.rule import Guided
from schedulers.inpaint import tiled

Operation = Callable[[Tensor], Tensor]
"""Changes a latent (B, C, H, W) and keeps its shape: what a LATENT_OPERATION on a wire is."""

_STRENGTH = 10.0


@dataclass(frozen=True)
class ToneMapped:
    """Reinhard's tone mapping of the lengths of channel vectors (Reinhard et al. 2002, equation 3).

    multiplier: of the length mean + 5 deviations, towards which lengths are compressed.
    """

    multiplier: float = 1.0

    def __call__(self, latent: Tensor) -> Tensor:
        """The latent (B, C, H, W) with its vectors shortened."""
        length = latent.norm(dim=1, keepdim=True) + 1e-10
        mean, deviation = (
            measure(length, dim=(1, 2, 3), keepdim=True) for measure in (torch.mean, torch.std)
        )
        top = (deviation * 5 + mean) * self.multiplier
        share = length / top
        mapped: Tensor = latent / length * (share / (share + 1.0) * top)
        return mapped


@dataclass(frozen=True)
class Sharpened:
    """Directions of channel vectors sharpened against their blur; lengths stay.

    radius: cells to each side; sigma: spread of the Gaussian, in radii; alpha: strength.
    """

    radius: int = 9
    sigma: float = 1.0
    alpha: float = 0.1

    def __call__(self, latent: Tensor) -> Tensor:
        """The latent (B, C, H, W) sharpened; where it is smaller than the radius, its sides are repeated."""
        length = latent.norm(dim=1, keepdim=True) + 1e-6
        size, radius = 2 * self.radius + 1, self.radius
        places = torch.linspace(-1, 1, size, dtype=latent.dtype, device=latent.device)
        squares = places[:, None] ** 2 + places[None, :] ** 2
        kernel = torch.exp(-squares / (2.0 * self.sigma**2))
        kernel = kernel / kernel.sum() * (self.alpha * -_STRENGTH)
        kernel[radius, radius] += 1.0 - kernel.sum()
        mode = "reflect" if min(latent.shape[-2:]) > radius else "replicate"
        padded = pad(latent / length, [radius] * 4, mode=mode)
        channels = latent.shape[1]
        sharp: Tensor = length * conv2d(padded, kernel.expand(channels, 1, size, size), groups=channels)
        return sharp


@dataclass(frozen=True, eq=False)
class Blended:
    """A latent moved towards another one.

    reference: (B, C, H, W); resized to the nearest cells, its batch repeated or cut.
    strength: 1 is all the way.
    """

    reference: Tensor
    strength: float = 1.0

    def __call__(self, latent: Tensor) -> Tensor:
        """The latent (B, C, H, W) moved; raises ValueError for a reference with other channels."""
        reference = self.reference.to(latent)
        if reference.shape[1] != latent.shape[1]:
            raise ValueError(
                f"the reference has {reference.shape[1]} channels, but the latent {latent.shape[1]}"
            )
        if reference.shape[-2:] != latent.shape[-2:]:
            reference = interpolate(reference, size=latent.shape[-2:], mode="nearest-exact")
        return latent.lerp(tiled(reference, latent.shape[0]), self.strength)


@dataclass(frozen=True, eq=False)
class Operated:
    """The difference of the predictions changed by an operation."""

    operation: Operation
    stage: Literal["before"] = "before"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Change the positive prediction."""
        changed = self.operation(guided.positive - guided.negative)
        return replace(guided, positive=changed + guided.negative)
