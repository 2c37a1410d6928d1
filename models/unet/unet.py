"""Holds the text-conditioned UNet of latent diffusion, under its original parameter names.

Reference: Rombach et al. 2022 (arXiv:2112.10752), figure 3 and appendix; names as under
`model.diffusion_model.`.
Shapes: B batch, C channels, h and w latent cells, T context tokens, D context width, V vector width.
"""

from torch import Tensor, nn

from models.control.residuals import ControlResiduals, Steering
from models.embed import timestep_embedding
from models.layout import Layout
from models.unet.blocks import (
    Downsample,
    GuidedEmbedder,
    ResidualBlock,
    SkipJoin,
    SpatialTransformer,
    Stage,
    TransformerBlock,
    Upsample,
)
from models.unet.config import UNetConfig
from models.unet.layout import unet_layout

_NO_CONTROL = ControlResiduals()


class UNet(nn.Module):
    """Predicts noise (or velocity) in a latent from the latent, a time and a text context.

    Attributes:
        repeated: the types of the blocks of which it has many, for compiling.
    """

    repeated = (ResidualBlock, TransformerBlock)

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_width = 4 * config.channels
        if config.guidance_width is None:
            self.time_embed: nn.Module = self._embedder(config.channels)
        else:
            self.time_embed = GuidedEmbedder(config.channels, self.embedding_width, config.guidance_width)
        if config.vector_width is not None:
            # Nested once more because the original kept its label embedding in a sequence.
            self.label_emb: nn.Module = nn.Sequential(self._embedder(config.vector_width))
        elif config.classes is not None:
            self.label_emb = nn.Embedding(config.classes, self.embedding_width)
        skips = self._build_input()
        width = config.channels * config.multipliers[-1]
        if config.middle_depth is not None:
            parts: list[nn.Module] = [self._residual(width, width)]
            if config.middle_depth > 0:
                parts += [*self._attend(width, config.middle_depth), self._residual(width, width)]
            self.middle_block = Stage(parts)
        self._build_output(skips)
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
        control: Steering | None = None,
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

    def embedded(self, x: Tensor, t: Tensor, vector: Tensor | None, guidance: Tensor | None = None) -> Tensor:
        """The embedding (B, E) of times (B,), of guidance (B, G) and of the extra condition, typed like x."""
        features = timestep_embedding(t, self.config.channels).to(x.dtype)
        told = () if guidance is None else (guidance,)
        embedding: Tensor = self.time_embed(features, *told)
        if (wanted := self.config.vector) is not None:
            if vector is None:
                raise ValueError(f"this network needs {wanted}")
            embedding = embedding + self.label_emb(vector)
        return embedding

    def layout(self) -> Layout:
        """Where patches find its blocks and attentions."""
        return unet_layout(self)

    def _embedder(self, inputs: int) -> nn.Sequential:
        width = self.embedding_width
        return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))

    def _residual(self, inputs: int, outputs: int) -> ResidualBlock:
        return ResidualBlock(inputs, outputs, self.embedding_width, self.config.groups)

    def _attend(self, width: int, depth: int, *, twice: bool = False) -> list[nn.Module]:
        config = self.config
        if depth == 0:
            return []
        sizes = (width, config.context_width, config.heads_at(width), depth)
        linear, groups = config.linear_projections, config.groups
        return [SpatialTransformer(*sizes, linear=linear, groups=groups, cross_only=twice)]

    def _build_input(self) -> list[int]:
        """Build the way down; returns the width of each skip."""
        config = self.config
        width = config.channels
        stages = [Stage([nn.Conv2d(config.in_channels, width, 3, padding=1)])]
        skips = [width]
        last = len(config.multipliers) - 1
        for level, (multiplier, depths) in enumerate(
            zip(config.multipliers, config.input_depths, strict=True)
        ):
            for depth in depths:
                outputs = config.channels * multiplier
                attention = self._attend(outputs, depth, twice=config.looks_twice(level))
                stages.append(Stage([self._residual(width, outputs), *attention]))
                width = outputs
                skips.append(width)
            if level < last:
                stages.append(Stage([Downsample(width)]))
                skips.append(width)
        self.input_blocks = nn.ModuleList(stages)
        return skips

    def _build_output(self, skips: list[int]) -> None:
        """Build the way up, coarsest level first."""
        config = self.config
        width = config.channels * config.multipliers[-1]
        waiting = list(skips)
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
