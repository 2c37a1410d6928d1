"""Holds the style adapter of T2I-Adapter: a picture tower's tokens in, a few tokens for the prompt out.

Reference: Mou et al. 2023 (arXiv:2302.08453); TencentARC/T2I-Adapter, ldm/modules/encoders/adapter.py (Apache
2.0), whose parameter names these are but for the blocks.
Shapes: B batch, T tokens of the tower, D their width, N style tokens, C width of the prompt's tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.clip_layers import BlockSizes, Encoder
from models.vision.clip import VisionOutput

HEADS = 8


@dataclass(frozen=True)
class StyleConfig:
    """Sizes of a style adapter.

    Attributes:
        width: D.
        context_width: C.
        tokens: N.
        layers: transformer blocks.
    """

    width: int = 1024
    context_width: int = 768
    tokens: int = 8
    layers: int = 3


class StyleAdapter(nn.Module):
    """A transformer over a picture's tokens and its own, of which the latter are kept."""

    def __init__(self, config: StyleConfig) -> None:
        super().__init__()
        self.config = config
        self.style_embedding = nn.Parameter(torch.empty(1, config.tokens, config.width))
        self.ln_pre = nn.LayerNorm(config.width)
        self.encoder = Encoder(
            BlockSizes(
                config.width, config.layers, HEADS, 4 * config.width, activation="quick_gelu", causal=False
            )
        )
        self.ln_post = nn.LayerNorm(config.width)
        self.proj = nn.Parameter(torch.empty(config.width, config.context_width))

    def forward(self, seen: Tensor) -> Tensor:
        """The style tokens (B, N, C) of a tower's last hidden state (B, T, D).

        Raises:
            ValueError: for tokens of another width.
        """
        if seen.shape[-1] != self.config.width:
            raise ValueError(
                f"this style model takes tokens of width {self.config.width}, not {seen.shape[-1]}: "
                "it needs another CLIP vision model"
            )
        tokens = torch.cat([seen, self.style_embedding.expand(len(seen), -1, -1)], dim=1)
        states = self.encoder(self.ln_pre(tokens))
        style: Tensor = self.ln_post(states[-1][:, -self.config.tokens :]) @ self.proj
        return style


@dataclass(frozen=True, eq=False)
class StyleModel:
    """A style adapter; STYLE_MODEL on the wires is a patched one."""

    network: StyleAdapter
    name: str = ""


def style_tokens(model: StyleModel, seen: VisionOutput) -> Tensor:
    """The style tokens (1, B N, C) of pictures, one picture's after the other's, float32 on the CPU."""
    weight = model.network.proj
    with torch.no_grad():
        style = model.network(seen.last_hidden_state.to(weight.device, weight.dtype))
    return style.float().cpu().flatten(0, 1)[None]
