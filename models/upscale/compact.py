"""Real-ESRGAN's compact network: convolutions at the small size, pixels shuffled out of channels at the end.

Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel CNN".
"""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as functional
from torch import Tensor, nn


@dataclass(frozen=True)
class CompactConfig:
    """Sizes of a network.

    Attributes:
        channels: of a picture.
        features: channels between convolutions.
        layers: how many convolutions there are between the first and the last.
        scale: how much longer the sides become.
    """

    channels: int = 3
    features: int = 64
    layers: int = 16
    scale: int = 4


class Compact(nn.Module):
    """The network; parameters have Real-ESRGAN's names."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels] + [config.features] * (config.layers + 1)
        body: list[nn.Module] = []
        for before, after in pairwise(widths):
            body += [nn.Conv2d(before, after, 3, padding=1), nn.PReLU(after)]
        body.append(nn.Conv2d(config.features, config.channels * config.scale**2, 3, padding=1))
        self.body = nn.Sequential(*body)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [0, 1] as (B, C, H * scale, W * scale), about in [0, 1]."""
        scale = self.config.scale
        details = functional.pixel_shuffle(self.body(pictures), scale)
        return details + functional.interpolate(pictures, scale_factor=scale, mode="nearest")
