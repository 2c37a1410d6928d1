"""ESRGAN (Wang et al. 2018, section 3.1) and Real-ESRGAN (Wang et al. 2021): dense blocks in residuals."""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

SLOPE = 0.2
RESIDUAL = 0.2
"""What each block adds is scaled by this, so that deep stacks train (section 3.1, "residual scaling")."""


@dataclass(frozen=True)
class EsrganConfig:
    """Sizes of a network.

    Attributes:
        channels: of a picture.
        features: channels between blocks.
        growth: channels that each convolution of a dense block adds.
        blocks: how many there are.
        doublings: how often the sides are doubled at the end.
        folding: squares of this side become channels at the start (Real-ESRGAN x2 and x1).
    """

    channels: int = 3
    features: int = 64
    growth: int = 32
    blocks: int = 23
    doublings: int = 2
    folding: int = 1

    @property
    def scale(self) -> int:
        """How much longer the sides become."""
        return 2**self.doublings // self.folding


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees what all before it made."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for index in range(5):
            out = features if index == 4 else growth
            self.add_module(f"conv{index + 1}", nn.Conv2d(features + index * growth, out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F, H, W) with what the block adds."""
        made = x
        *inner, last = self.children()
        for convolution in inner:
            made = torch.cat((made, functional.leaky_relu(convolution(made), SLOPE)), dim=1)
        return torch.add(x, last(made), alpha=RESIDUAL)


class Block(nn.Module):
    """Three dense blocks around which there is another residual."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(features, growth)
        self.rdb2 = DenseBlock(features, growth)
        self.rdb3 = DenseBlock(features, growth)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F, H, W) with what the blocks add."""
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=RESIDUAL)


class Esrgan(nn.Module):
    """The network; parameters have Real-ESRGAN's names."""

    def __init__(self, config: EsrganConfig) -> None:
        super().__init__()
        self.config = config
        features = config.features
        self.conv_first = nn.Conv2d(config.channels * config.folding**2, features, 3, padding=1)
        self.body = nn.Sequential(*(Block(features, config.growth) for _ in range(config.blocks)))
        self.conv_body = nn.Conv2d(features, features, 3, padding=1)
        self.ups = [f"conv_up{index + 1}" for index in range(config.doublings)]
        for name in self.ups:
            self.add_module(name, nn.Conv2d(features, features, 3, padding=1))
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, config.channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [0, 1] as (B, C, H * scale, W * scale), about in [0, 1]."""
        height, width = pictures.shape[-2:]
        folding, scale = self.config.folding, self.config.scale
        padding = (0, -width % folding, 0, -height % folding)
        x = functional.pad(pictures, padding, mode="replicate") if any(padding) else pictures
        x = self.conv_first(functional.pixel_unshuffle(x, folding))
        x = x + self.conv_body(self.body(x))
        for name in self.ups:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = functional.leaky_relu(self.get_submodule(name)(x), SLOPE)
        made: Tensor = self.conv_last(functional.leaky_relu(self.conv_hr(x), SLOPE))
        return made[..., : height * scale, : width * scale]
