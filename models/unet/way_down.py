"""Holds the half of a UNet that it shares with the networks that control it: embeddings, way down and middle.

Reference: Rombach et al. 2022 (arXiv:2112.10752), figure 3 and appendix; names as under
`model.diffusion_model.`.
Shapes: B batch, C channels, h and w latent cells, E width of the embedding, V vector width.
"""

from torch import Tensor, nn

from models.embed import timestep_embedding
from models.unet.blocks import (
    Downsample,
    GuidedEmbedder,
    ResidualBlock,
    SpatialTransformer,
    Stage,
    TransformerBlock,
)
from models.unet.config import UNetConfig


class WayDown(nn.Module):
    """What turns a latent and a time into the features of a UNet's middle.

    Attributes:
        repeated: the types of the blocks of which it has many, for compiling.
        skip_widths: widths of the features after each block on the way down.
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
        self.skip_widths = self._build_input()
        width = config.channels * config.multipliers[-1]
        if config.middle_depth is not None:
            parts: list[nn.Module] = [self._residual(width, width)]
            if config.middle_depth > 0:
                parts += [*self._attend(width, config.middle_depth), self._residual(width, width)]
            self.middle_block = Stage(parts)

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
