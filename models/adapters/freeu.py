"""Weighs the backbone of a UNet against its skips.

References: FreeU, Si et al. 2023 (arXiv:2309.11497), equations 2 to 4 (version 1: a constant factor; version
2: one that follows the mean of the features).
Shapes: B batch, C channels, h and w cells.
"""

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from models.adapters.places import blocks, change_inputs


@dataclass(frozen=True)
class FreeU:
    """Strengthens half of the backbone's channels and weakens the low frequencies of the skips.

    Attributes:
        b1: factor of the backbone where it has four times the channels of the finest level.
        b2: the same where it has twice as many.
        s1: factor of the skip's low frequencies where the backbone has four times the channels.
        s2: the same where it has twice as many.
        follows_mean: the second version, where the factor grows with the mean of the features.
    """

    b1: float
    b2: float
    s1: float
    s2: float
    follows_mean: bool = False

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("freeu", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Change what is joined; raises ValueError for a network that is no UNet."""
        joins = blocks(root, "joins")
        channels = root.get_submodule("input_blocks.0.0").get_parameter("weight").shape[0]
        factors = {4 * channels: (self.b1, self.s1), 2 * channels: (self.b2, self.s2)}
        for join in joins:
            change_inputs(join, partial(self._weigh, factors), undo)

    def _weigh(
        self, factors: Mapping[int, tuple[float, float]], x: Tensor, skip: Tensor
    ) -> tuple[Tensor, Tensor]:
        if x.shape[1] not in factors:
            return x, skip
        backbone, low = factors[x.shape[1]]
        half = x.shape[1] // 2
        factor = 1 + (backbone - 1) * normalised_mean(x) if self.follows_mean else backbone
        return torch.cat([x[:, :half] * factor, x[:, half:]], dim=1), weakened(skip, low)


def normalised_mean(x: Tensor) -> Tensor:
    """The channel mean (B, 1, h, w) of features (B, C, h, w), stretched to [0, 1] in each sample."""
    mean = x.mean(dim=1, keepdim=True)
    low, high = mean.amin(dim=(2, 3), keepdim=True), mean.amax(dim=(2, 3), keepdim=True)
    return (mean - low) / (high - low)


def weakened(skip: Tensor, factor: float) -> Tensor:
    """Features (B, C, h, w) with their four lowest frequencies multiplied by a factor."""
    height, width = skip.shape[2] // 2, skip.shape[3] // 2
    spectrum = torch.fft.fftshift(torch.fft.fftn(skip.float(), dim=(-2, -1)), dim=(-2, -1))
    spectrum[..., height - 1 : height + 1, width - 1 : width + 1] *= factor
    return torch.fft.ifftn(torch.fft.ifftshift(spectrum, dim=(-2, -1)), dim=(-2, -1)).real.to(skip.dtype)
