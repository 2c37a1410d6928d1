"""Holds the text-conditioned UNet of latent diffusion, under its original parameter names.

Reference: Rombach et al. 2022 (arXiv:2112.10752), figure 3 and appendix; names as under
`model.diffusion_model.`.
Shapes: B batch, C channels, h and w latent cells, T context tokens, D context width, V vector width.
"""

from torch import Tensor, nn

from models.control.residuals import ControlResiduals, Residuals
from models.layout import Layout
from models.unet.blocks import SkipJoin, Stage, Upsample
from models.unet.config import UNetConfig
from models.unet.layout import unet_layout
from models.unet.way_down import WayDown

_NO_CONTROL = ControlResiduals()


class UNet(WayDown):
    """Predicts noise (or velocity) in a latent from the latent, a time and a text context."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        self._build_output()
        self.joins = nn.ModuleList(SkipJoin() for _ in self.output_blocks)
        self.out = nn.Sequential(
            nn.GroupNorm(config.groups, config.channels),
            nn.SiLU(),
            nn.Conv2d(config.channels, config.out_channels, 3, padding=1),
        )

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        vector: Tensor | None = None,
        control: Residuals | None = None,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """Predict.

        Args:
            x: (B, C, h, w), already scaled to the network's input.
            t: (B,) training times, 0 to 999; fractions are allowed.
            context: (B, T, D).
            vector: (B, V) where the network was built with a vector condition, (B,) whole numbers where it
                tells classes apart.
            control: what control networks add to the features, (B, ...) each.
            guidance: (B, G) features of a guidance scale, for a network that was distilled for many.

        Returns:
            (B, C, h, w).
        """
        embedding = self.embedded(x, t, vector, guidance)
        control = control or _NO_CONTROL
        skips = []
        for index, stage in enumerate(self.input_blocks):
            x = control.to_input(stage(x, embedding, context), index)
            skips.append(x)
        if self.config.middle_depth is not None:
            x = self.middle_block(x, embedding, context)
        x = control.to_middle(x)
        for index, (stage, join) in enumerate(zip(self.output_blocks, self.joins, strict=True)):
            skip = control.to_skip(skips.pop(), index, x)
            size = (skips[-1].shape[2], skips[-1].shape[3]) if skips else None
            x = stage(join(x, skip), embedding, context, size)
        predicted: Tensor = self.out(x)
        return predicted

    def layout(self) -> Layout:
        """Where patches find its blocks and attentions."""
        return unet_layout(self)

    def _build_output(self) -> None:
        """Build the way up, coarsest level first."""
        config = self.config
        width = config.channels * config.multipliers[-1]
        waiting = list(self.skip_widths)
        stages = []
        levels = list(enumerate(zip(config.multipliers, config.output_depths, strict=True)))
        for level, (multiplier, depths) in reversed(levels):
            outputs = config.channels * multiplier
            for index, depth in enumerate(depths):
                attention = self._attend(outputs, depth, twice=config.looks_twice(level))
                parts = [self._residual(width + waiting.pop(), outputs), *attention]
                width = outputs
                if level > 0 and index == len(depths) - 1:
                    parts.append(Upsample(width))
                stages.append(Stage(parts))
        self.output_blocks = nn.ModuleList(stages)
