"""Holds T2I-Adapter: a small network that turns a hint into features for the way down of a UNet.

Reference: Mou et al. 2023 (arXiv:2302.08453), section 3.3; names as in the adapters' own files.
Shapes: B batch, K hint channels, H and W pixels, C channels of a level, h and w its cells.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from models.control.residuals import ControlResiduals


@dataclass(frozen=True)
class AdapterConfig:
    """Sizes of an adapter.

    Attributes:
        kind: "full" and "light" for SD 1.x and 2.x, "xl" for the full one of SDXL.
        hint_channels: channels K of the hint.
        channels: widths of the levels, finest first.
        blocks: residual blocks of each level.
        kernel: size of the second convolution of a block.
        strided: whether levels shrink by a strided convolution instead of a mean.
    """

    kind: Literal["full", "light", "xl"] = "full"
    hint_channels: int = 3
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    kernel: int = 1
    strided: bool = False

    @property
    def unshuffle(self) -> int:
        """Pixels along the side of a cell of the finest level."""
        return 16 if self.kind == "xl" else 8

    @property
    def inputs(self) -> int:
        """Channels of a hint whose pixels were gathered into cells."""
        return self.hint_channels * self.unshuffle**2

    def shrinks(self, level: int) -> bool:
        """Whether a level has half the size of the one before."""
        return level == 2 if self.kind == "xl" else level > 0


class T2IAdapter(nn.Module):
    """Turns a hint into one map of features a level."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.sizes = config
        self.unshuffle = nn.PixelUnshuffle(config.unshuffle)
        if config.kind == "light":
            self.body = nn.ModuleList(_LightLevel(config, level) for level in range(len(config.channels)))
        else:
            self.conv_in = nn.Conv2d(config.inputs, config.channels[0], 3, padding=1)
            self.body = nn.ModuleList(
                _FullBlock(config, level, first=index == 0)
                for level in range(len(config.channels))
                for index in range(config.blocks)
            )

    def features(self, hint: Tensor) -> tuple[Tensor, ...]:
        """The maps (B, C, h, w) of the levels for a hint (B, K, H, W); H and W are multiples of a cell.

        Raises:
            ValueError: if the hint has other channels.
        """
        if hint.shape[1] != self.sizes.hint_channels:
            raise ValueError(f"the hint has {hint.shape[1]} channels, not {self.sizes.hint_channels}")
        x = self.unshuffle(hint)
        light = self.sizes.kind == "light"
        x = x if light else self.conv_in(x)
        each = 1 if light else self.sizes.blocks
        maps = []
        for number, block in enumerate(self.body, start=1):
            x = block(x)
            if number % each == 0:
                maps.append(x)
        return tuple(maps)

    def forward(self, hint: Tensor) -> ControlResiduals:
        """What a hint (B, K, H, W) adds on the way down of a UNet with two residual blocks a level.

        The last map of an adapter for SDXL, which has one level less, goes to the middle.
        """
        maps = self.features(hint)
        places = (3, 5, 8) if self.sizes.kind == "xl" else tuple(3 * level + 2 for level in range(len(maps)))
        placed = dict(zip(places, maps, strict=False))
        middle = maps[3] if self.sizes.kind == "xl" and len(maps) > 3 else None
        return ControlResiduals(tuple(placed.get(index) for index in range(max(placed) + 1)), middle)


class _FullBlock(nn.Module):
    """A residual block; the first of a level shrinks and widens."""

    def __init__(self, config: AdapterConfig, level: int, *, first: bool) -> None:
        super().__init__()
        width = config.channels[level]
        inputs = config.channels[level - 1] if first and level > 0 else width
        if first and config.shrinks(level):
            self.down_opt = _Shrink(inputs, strided=config.strided)
        kernel = config.kernel
        if inputs != width:
            self.in_conv = nn.Conv2d(inputs, width, kernel, padding=kernel // 2)
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        for name in ("down_opt", "in_conv"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x + self.block2(relu(self.block1(x)))


class _LightBlock(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block2(relu(self.block1(x)))


class _LightLevel(nn.Module):
    """A level of the light adapter: narrow inside."""

    def __init__(self, config: AdapterConfig, level: int) -> None:
        super().__init__()
        width, inputs = config.channels[level], config.channels[level - 1] if level else config.inputs
        if config.shrinks(level):
            self.down_opt = _Shrink(inputs, strided=False)
        self.in_conv = nn.Conv2d(inputs, width // 4, 1)
        self.body = nn.Sequential(*(_LightBlock(width // 4) for _ in range(config.blocks)))
        self.out_conv = nn.Conv2d(width // 4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "down_opt"):
            x = self.down_opt(x)
        hidden: Tensor = self.out_conv(self.body(self.in_conv(x)))
        return hidden


class _Shrink(nn.Module):
    """Halves the size, rounding up as the UNet does.

    An odd size is filled up with zeros on both sides, which count in the mean, as in the ecosystem; diffusers
    fills up nothing and takes the mean of what is left at the end.
    """

    def __init__(self, channels: int, *, strided: bool) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if strided else None

    def forward(self, x: Tensor) -> Tensor:
        if self.op is None:
            return avg_pool2d(x, 2, padding=(x.shape[2] % 2, x.shape[3] % 2))
        hidden: Tensor = self.op(x)
        return hidden
