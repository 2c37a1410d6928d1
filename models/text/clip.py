"""Holds the CLIP text transformer, under the parameter names of its usual checkpoints (`text_model....`).

Reference: Radford et al. 2021 (arXiv:2103.00020), section 2.4.
Shapes: B batch, T tokens, D width, P projection width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.clip_layers import Activation, BlockSizes, Encoder


@dataclass(frozen=True)
class ClipTextConfig:
    """Sizes of a CLIP text transformer.

    Attributes:
        vocabulary: rows of the token embedding.
        width: D.
        layers: transformer blocks.
        heads: attention heads.
        feed_forward: width inside each block's two-layer network.
        positions: longest sequence.
        activation: of the two-layer network.
        end_token: the id whose first occurrence is where the pooled vector is read.
        projection: width P of the text projection, or None where there is none.
        dropped_layers: blocks at the end that the encoder had when it was trained and has no more.
    """

    vocabulary: int = 49408
    width: int = 768
    layers: int = 12
    heads: int = 12
    feed_forward: int = 3072
    positions: int = 77
    activation: Activation = "quick_gelu"
    end_token: int = 49407
    projection: int | None = None
    dropped_layers: int = 0

    @property
    def trained_layers(self) -> int:
        """Blocks the encoder was trained with, from whose end layers are counted."""
        return self.layers + self.dropped_layers


@dataclass(frozen=True, eq=False)
class ClipOutput:
    """What the encoder gives: hidden (B, T, D), pooled (B, D), projected (B, P) or None."""

    hidden: Tensor
    pooled: Tensor
    projected: Tensor | None


class ClipText(nn.Module):
    """A causal transformer over text tokens."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = TextTransformer(config)
        if config.projection is not None:
            self.text_projection = nn.Linear(config.width, config.projection, bias=False)

    def embed(self, ids: Tensor) -> Tensor:
        """The token embeddings (B, T, D) of ids (B, T), without positions."""
        vectors: Tensor = self.text_model.embeddings.token_embedding(ids)
        return vectors

    def forward(
        self,
        tokens: Tensor,
        layer: int | None = None,
        *,
        normalise: bool = True,
        end_positions: Tensor | None = None,
    ) -> ClipOutput:
        """Encode.

        Args:
            tokens: ids (B, T) of an integer dtype, or embeddings (B, T, D) as `embed` gives them.
            layer: None for the last block with the final norm; else which block's output `hidden` is,
                counted from the end of those it was trained with (-1 is the last block, or the last
                that is left).
            normalise: whether a block chosen by `layer` goes through the final norm.
            end_positions: (B,) where to read the pooled vector; needed with embeddings, else found by the
                end token.

        Returns:
            hidden, and the pooled vector of the last block's normed output, whatever the layer.

        Raises:
            ValueError: for more tokens than positions, or a layer that does not exist.
        """
        config = self.config
        ids = tokens if tokens.ndim == 2 else None
        if tokens.shape[1] > config.positions:
            raise ValueError(
                f"{tokens.shape[1]} tokens given, but this encoder has {config.positions} positions"
            )
        if layer is not None and not -config.trained_layers <= layer <= -1:
            raise ValueError(f"layer must be from {-config.trained_layers} to -1, not {layer}")
        if end_positions is None:
            if ids is None:
                raise ValueError("end_positions is needed where tokens are given as embeddings")
            end_positions = (ids == config.end_token).int().argmax(dim=1)
        states = self.text_model(self.embed(ids) if ids is not None else tokens)
        last: Tensor = self.text_model.final_layer_norm(states[-1])
        if layer is None:
            hidden = last
        else:
            hidden = states[min(-1, layer + config.dropped_layers)]
            hidden = self.text_model.final_layer_norm(hidden) if normalise else hidden
        pooled = last[torch.arange(last.shape[0], device=last.device), end_positions.to(last.device)]
        projected = self.text_projection(pooled) if config.projection is not None else None
        return ClipOutput(hidden, pooled, projected)


class TextTransformer(nn.Module):
    """Embeddings, blocks and the final norm."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(
            BlockSizes(
                config.width,
                config.layers,
                config.heads,
                config.feed_forward,
                config.activation,
                causal=True,
            )
        )
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, embedded: Tensor) -> list[Tensor]:
        """The output of every block for embedded tokens (B, T, D)."""
        states: list[Tensor] = self.encoder(self.embeddings(embedded))
        return states


class Embeddings(nn.Module):
    """Token and position tables."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocabulary, config.width)
        self.position_embedding = nn.Embedding(config.positions, config.width)

    def forward(self, embedded: Tensor) -> Tensor:
        """Add positions to (B, T, D), in the number type of the weights."""
        positions = self.position_embedding(torch.arange(embedded.shape[1], device=embedded.device))
        placed: Tensor = embedded.to(positions.dtype) + positions
        return placed
