"""Holds CLIP's picture tower, under the parameter names of its usual files (`vision_model....`).

Reference: Radford et al. 2021 (arXiv:2103.00020), section 2.4; Dosovitskiy et al. 2021 (arXiv:2010.11929).
Shapes: B batch, S side of the square picture, T tokens (one for the picture, then the patches row by row),
D width, P width of the space shared with texts.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from models.clip_layers import Activation, BlockSizes, Encoder


@dataclass(frozen=True)
class ClipVisionConfig:
    """Sizes of a picture tower.

    Attributes:
        width: D.
        layers: transformer blocks.
        heads: attention heads.
        feed_forward: width inside each block's two-layer network.
        patch: side of a patch in pixels.
        size: S.
        activation: of the two-layer network.
        projection: P, or None where there is no projection.
        language_width: width of the language model that its patches are projected for, or None.
    """

    width: int = 1024
    layers: int = 24
    heads: int = 16
    feed_forward: int = 4096
    patch: int = 14
    size: int = 224
    activation: Activation = "quick_gelu"
    projection: int | None = 768
    language_width: int | None = None


@dataclass(frozen=True, eq=False)
class VisionOutput:
    """What a picture tower gives; CLIP_VISION_OUTPUT on the wires.

    Attributes:
        last_hidden_state: (B, T, D) output of the last block, not normed.
        image_embeds: (B, P) the picture in the space shared with texts; where there is no projection, (B, D).
        penultimate_hidden_states: (B, T, D) output of the last block but one.
        mm_projected: (B, T - 1, language width) patches for a language model, or None.
    """

    last_hidden_state: Tensor
    image_embeds: Tensor
    penultimate_hidden_states: Tensor
    mm_projected: Tensor | None = None


class ClipVision(nn.Module):
    """A transformer over the patches of a picture."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_model = VisionTransformer(config)
        if config.projection is not None:
            self.visual_projection = nn.Linear(config.width, config.projection, bias=False)
        if config.language_width is not None:
            self.multi_modal_projector = LanguageProjector(config.width, config.language_width)

    def forward(self, pixels: Tensor) -> VisionOutput:
        """Encode pixels (B, 3, S, S), normalised.

        Raises:
            ValueError: for pictures of another size.
        """
        size = self.config.size
        if pixels.shape[1:] != (3, size, size):
            raise ValueError(f"pictures must be of shape (B, 3, {size}, {size}), not {tuple(pixels.shape)}")
        states = self.vision_model(pixels)
        pooled = self.vision_model.post_layernorm(states[-1][:, 0])
        previous = states[-2] if len(states) > 1 else states[-1]
        return VisionOutput(
            last_hidden_state=states[-1],
            image_embeds=self.visual_projection(pooled) if self.config.projection is not None else pooled,
            penultimate_hidden_states=previous,
            mm_projected=(
                self.multi_modal_projector(previous[:, 1:])
                if self.config.language_width is not None
                else None
            ),
        )


class VisionTransformer(nn.Module):
    """Patches, blocks and norms; the name of the first norm is misspelt in every file."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.embeddings = PatchEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width)
        self.encoder = Encoder(
            BlockSizes(
                config.width,
                config.layers,
                config.heads,
                config.feed_forward,
                config.activation,
                causal=False,
            )
        )
        self.post_layernorm = nn.LayerNorm(config.width)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """The output of every block for pixels (B, 3, S, S)."""
        states: list[Tensor] = self.encoder(self.pre_layrnorm(self.embeddings(pixels)))
        return states


class PatchEmbeddings(nn.Module):
    """A vector for the picture and one for each of its patches, with their positions."""

    def __init__(self, config: ClipVisionConfig) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(config.width))
        self.patch_embedding = nn.Conv2d(3, config.width, config.patch, config.patch, bias=False)
        self.position_embedding = nn.Embedding((config.size // config.patch) ** 2 + 1, config.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """The tokens (B, T, D) of pixels (B, 3, S, S)."""
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(pixels), 1, -1)
        placed: Tensor = torch.cat([first, patches], dim=1) + self.position_embedding.weight
        return placed


class LanguageProjector(nn.Module):
    """Two layers from patches to tokens of a language model (Liu et al. 2023, arXiv:2310.03744)."""

    def __init__(self, width: int, language_width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, language_width)
        self.linear_2 = nn.Linear(language_width, language_width)

    def forward(self, patches: Tensor) -> Tensor:
        projected: Tensor = self.linear_2(gelu(self.linear_1(patches)))
        return projected
