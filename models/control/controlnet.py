"""Holds ControlNet: the way down of a UNet that looks at a hint and steers another UNet's way up.

Reference: Zhang et al. 2023 (arXiv:2302.05543), section 3.2; names as under `control_model.`.
Shapes: B batch, C channels, h and w latent cells, T context tokens, D context width, V vector width, K hint
channels; a hint is 8 times as high and wide as the latent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from models.control.residuals import ControlResiduals
from models.unet.config import UNetConfig
from models.unet.way_down import WayDown


@dataclass(frozen=True)
class ControlNetConfig:
    """Sizes of a ControlNet.

    Attributes:
        unet: of the UNet whose way down it copies; what is said of the way up does not matter.
        hint_channels: channels K of the hint.
        hint_widths: widths of the hint's own convolutions, finest first; each halves the size but the first.
        types: how many kinds of hints it tells apart, or None for a network for one kind.
        type_width: width of the embedding of whether a kind is there.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    hint_channels: int = 3
    hint_widths: tuple[int, ...] = (16, 32, 96, 256)
    types: int | None = None
    type_width: int = 256


class ControlNet(WayDown):
    """Predicts what is to be added to the features of a UNet, from what the UNet sees and a hint."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__(config.unet)
        self.sizes = config
        self.input_hint_block = _hint_stem(config)
        self.zero_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 1)) for width in self.skip_widths
        )
        if config.unet.middle_depth is not None:
            width = config.unet.channels * config.unet.multipliers[-1]
            self.middle_block_out = nn.Sequential(nn.Conv2d(width, width, 1))

    def encode_hint(self, hint: Tensor, types: Sequence[int] = ()) -> Tensor:
        """The features (B, C, h, w) of a hint (B, K, 8 h, 8 w), which no step changes.

        Raises:
            ValueError: if the hint has other channels, or a network for one kind is given kinds.
        """
        if hint.shape[1] != self.sizes.hint_channels:
            raise ValueError(f"the hint has {hint.shape[1]} channels, not {self.sizes.hint_channels}")
        if types:
            raise ValueError("this ControlNet is made for one kind of hints and takes no type")
        features: Tensor = self.input_hint_block(hint)
        return features

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        vector: Tensor | None,
        hint: Tensor,
        types: Sequence[int] = (),
    ) -> ControlResiduals:
        """Predict.

        Args:
            x: (B, C, h, w), as the UNet sees it, without channels that are concatenated.
            t: (B,) training times.
            context: (B, T, D).
            vector: (B, V) where the network has a vector condition.
            hint: (B or 1, C, h, w) features of the hint, made by `encode_hint`.
            types: the kinds of hint, for networks that tell them apart.
        """
        del types
        return self.descend(x, self.embedded(x, t, vector), context, hint)

    def descend(self, x: Tensor, embedding: Tensor, context: Tensor, hint: Tensor) -> ControlResiduals:
        """The way down from x (B, C, h, w), with features of a hint (B or 1, C, h, w) added at its start."""
        skips: list[Tensor] = []
        for stage, convolution in zip(self.input_blocks, self.zero_convs, strict=True):
            x = stage(x, embedding, context)
            if not skips:
                x = x + hint
            skips.append(convolution(x))
        middle = None
        if self.config.middle_depth is not None:
            middle = self.middle_block_out(self.middle_block(x, embedding, context))
        return ControlResiduals(middle=middle, output=tuple(reversed(skips)))


def _hint_stem(config: ControlNetConfig) -> nn.Sequential:
    """Convolutions from a hint to features; between two widths one keeps the size and one halves it."""
    widths = config.hint_widths
    layers: list[nn.Module] = [nn.Conv2d(config.hint_channels, widths[0], 3, padding=1)]
    for width, wider in pairwise(widths):
        layers += [nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)]
        layers += [nn.SiLU(), nn.Conv2d(width, wider, 3, padding=1, stride=2)]
    layers += [nn.SiLU(), nn.Conv2d(widths[-1], config.unet.channels, 3, padding=1)]
    return nn.Sequential(*layers)
