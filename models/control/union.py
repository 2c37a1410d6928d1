"""Holds ControlNet Union: one ControlNet for many kinds of hints, told which it is looking at.

Reference: ControlNet++ (github.com/xinsir6/ControlNetPlus), its condition transformer and control encoder.
Shapes: B batch, C channels, h and w latent cells, K hint channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from models.attention import AttentionCore
from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.residuals import ControlResiduals
from models.embed import timestep_embedding

_HEADS = 8


class UnionControlNet(ControlNet):
    """A ControlNet with an embedding of the kinds of hints and a transformer over the hint's mean."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__(config)
        if config.types is None:
            raise ValueError("a union of ControlNets needs the number of its types")
        channels = config.unet.channels
        self.types = config.types
        self.task_embedding = nn.Parameter(torch.zeros(config.types, channels))
        # The misspelling is that of the checkpoints.
        self.transformer_layes = nn.Sequential(_TokenBlock(channels))
        self.spatial_ch_projs = nn.Linear(channels, channels)
        self.control_add_embedding = _TypeEmbedding(config.types, config.type_width, self.embedding_width)

    def encode_hint(self, hint: Tensor, types: Sequence[int] = ()) -> Tensor:
        """The features (B, C, h, w) of a hint (B, K, 8 h, 8 w) of a kind; of none, those of its stem alone.

        Raises:
            ValueError: if the hint has other channels, or there is no such kind.
        """
        features = super().encode_hint(hint)
        self._check(types)
        if not types:
            return features
        # Attention in training ran over the batch, by mistake, and so let each token see itself alone.
        token = features.mean(dim=(2, 3)) + self.task_embedding[types[0]]
        mixed = self.transformer_layes(token[:, None])[:, 0]
        return features + self.spatial_ch_projs(mixed)[..., None, None]

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        vector: Tensor | None,
        hint: Tensor,
        types: Sequence[int] = (),
    ) -> ControlResiduals:
        """Predict, as a ControlNet does; without types it is told that no kind is there."""
        self._check(types)
        embedding = self.embedded(x, t, vector)
        return self.descend(x, embedding + self.control_add_embedding(types, x), context, hint)

    def _check(self, types: Sequence[int]) -> None:
        unknown = [kind for kind in types if not 0 <= kind < self.types]
        if unknown:
            raise ValueError(f"this ControlNet knows {self.types} types from 0 on; asked for {unknown}")


class _TypeEmbedding(nn.Module):
    """The set of kinds as a vector that is added to the embedding of the time."""

    def __init__(self, types: int, type_width: int, width: int) -> None:
        super().__init__()
        self.types = types
        self.type_width = type_width
        self.linear_1 = nn.Linear(types * type_width, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, types: Sequence[int], like: Tensor) -> Tensor:
        """The vector (1, E) of a set of kinds."""
        flags = torch.zeros(self.types, device=like.device)
        flags[list(types)] = 1.0
        embedded = timestep_embedding(flags, self.type_width).flatten()[None].to(like.dtype)
        vector: Tensor = self.linear_2(silu(self.linear_1(embedded)))
        return vector


class _Attention(nn.Module):
    """Self-attention with its projections in one matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.core = AttentionCore(_HEADS)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.in_proj(x).chunk(3, dim=-1)
        mixed: Tensor = self.out_proj(self.core(query, key, value))
        return mixed


class _QuickGelu(nn.Module):
    """The GELU that CLIP was trained with: x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.gelu = _QuickGelu()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.c_proj(self.gelu(self.c_fc(x)))
        return hidden


class _TokenBlock(nn.Module):
    """A transformer block in the form of CLIP's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = _Attention(width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = _FeedForward(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        hidden: Tensor = x + self.mlp(self.ln_2(x))
        return hidden
