"""Holds the transformer blocks that CLIP's text and picture towers share, under their usual parameter names.

Reference: Radford et al. 2021 (arXiv:2103.00020), section 2.4.
Shapes: B batch, T tokens, D width.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from models.attention import AttentionCore

Activation = Literal["quick_gelu", "gelu"]


@dataclass(frozen=True)
class BlockSizes:
    """What the blocks of a tower have in common.

    Attributes:
        width: D.
        layers: how many blocks.
        heads: attention heads.
        feed_forward: width inside each block's two-layer network.
        activation: of the two-layer network.
        causal: whether a token sees only itself and those before.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    activation: Activation
    causal: bool


class Encoder(nn.Module):
    """The stack of blocks."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The output of every block for x (B, T, D)."""
        states = []
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return states


class Block(nn.Module):
    """Self-attention and a two-layer network, each normalised before and added after."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(sizes.width)
        self.self_attn = SelfAttention(sizes)
        self.layer_norm2 = nn.LayerNorm(sizes.width)
        self.mlp = FeedForward(sizes)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        hidden: Tensor = x + self.mlp(self.layer_norm2(x))
        return hidden


class SelfAttention(nn.Module):
    """Attention of tokens to each other."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.q_proj = nn.Linear(sizes.width, sizes.width)
        self.k_proj = nn.Linear(sizes.width, sizes.width)
        self.v_proj = nn.Linear(sizes.width, sizes.width)
        self.out_proj = nn.Linear(sizes.width, sizes.width)
        self.core = AttentionCore(sizes.heads, causal=sizes.causal)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.out_proj(self.core(self.q_proj(x), self.k_proj(x), self.v_proj(x)))
        return mixed


class FeedForward(nn.Module):
    """Two linear layers around the tower's activation."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.fc1 = nn.Linear(sizes.width, sizes.feed_forward)
        self.fc2 = nn.Linear(sizes.feed_forward, sizes.width)
        self.quick = sizes.activation == "quick_gelu"

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.fc1(x)
        hidden = hidden * torch.sigmoid(1.702 * hidden) if self.quick else gelu(hidden)
        projected: Tensor = self.fc2(hidden)
        return projected
