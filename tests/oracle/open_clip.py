"""A second CLIP, written from torch's own multi-head attention under OpenCLIP's names, to compare with."""

from collections import OrderedDict

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """One residual block over (B, T, D)."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(width, feed_forward), gelu=nn.GELU(), c_proj=nn.Linear(feed_forward, width)
            )
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attend and transform."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Blocks(nn.Module):
    """A stack of them."""

    def __init__(self, width: int, layers: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads, feed_forward) for _ in range(layers))


class OpenTextEncoder(nn.Module):
    """OpenCLIP's text tower: the hidden states of each layer, and the pooled vector projected."""

    def __init__(
        self, width: int, layers: int, *, projection: int, heads: int = 1, vocabulary: int = 49408
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(77, width))
        self.transformer = Blocks(width, layers, heads, 4 * width)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, projection))
        self.logit_scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, ids: Tensor) -> tuple[list[Tensor], Tensor]:
        """The output of every block for ids (B, 77), and the projected vector at each row's largest id."""
        x = self.token_embedding(ids) + self.positional_embedding
        mask = torch.full((77, 77), float("-inf")).triu(1)
        states = []
        for block in self.transformer.resblocks:
            x = block(x, mask)
            states.append(x)
        last = self.ln_final(x)
        return states, last[torch.arange(len(ids)), ids.argmax(-1)] @ self.text_projection


class OpenVision(nn.Module):
    """OpenCLIP's picture tower under the names that follow `visual.`."""

    def __init__(self, width: int, layers: int, *, projection: int, patch: int, size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((size // patch) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Blocks(width, layers, 1, 4 * width)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, projection))

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        """The output of every block for pixels (B, 3, size, size), and the projected first token."""
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(pixels), 1, -1)
        x = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        states = []
        for block in self.transformer.resblocks:
            x = block(x, None)
            states.append(x)
        return states, self.ln_post(x[:, 0]) @ self.proj
