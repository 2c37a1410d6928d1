"""Holds the parts of a latent-diffusion UNet, each under the parameter names of the original checkpoints.

References: Rombach et al. 2022 (arXiv:2112.10752), appendix; Dhariwal and Nichol 2021 (arXiv:2105.05233),
appendix A.
Shapes: B batch, C channels, h and w latent cells, N = h * w tokens, T context tokens, D context width, E
embedding width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate

from models.attention import AttentionCore
from models.unet.projections import Projections


class ResidualBlock(nn.Module):
    """Two normalised convolutions with the time embedding added between them."""

    def __init__(self, inputs: int, outputs: int, embedding: int, groups: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(groups, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        # Index 2 was dropout in training; the convolution's checkpoint name is out_layers.3.
        self.out_layers = nn.Sequential(
            nn.GroupNorm(groups, outputs), nn.SiLU(), nn.Identity(), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Transform (B, C, h, w) under an embedding (B, E)."""
        hidden = self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None]
        skip: Tensor = self.skip_connection(x)
        return skip + self.out_layers(hidden)


class CrossAttention(nn.Module):
    """Attention of tokens to a context, or to themselves."""

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.core = AttentionCore(heads)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Identity())
        self.projections = Projections()

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Mix (B, N, C) with a context (B, T, D); without one, with itself."""
        if context is None:
            keys, values = self.to_k(x), self.to_v(x)
        else:
            keys, values = self.projections.pair(self.to_k, self.to_v, context)
        mixed: Tensor = self.to_out(self.core(self.to_q(x), keys, values))
        return mixed


class GatedProjection(nn.Module):
    """GEGLU (Shazeer 2020, arXiv:2002.05202): half of a projection gated by the GELU of the other half."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * gelu(gate)


class FeedForward(nn.Module):
    """The two-layer network of a transformer block, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            GatedProjection(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.net(x)
        return hidden


class TransformerBlock(nn.Module):
    """Self-attention, attention to the context, feed-forward; each normalised before and added after.

    With `cross_only`, self-attention looks at the context too.
    """

    def __init__(self, width: int, context_width: int, heads: int, *, cross_only: bool = False) -> None:
        super().__init__()
        self.cross_only = cross_only
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = CrossAttention(width, context_width if cross_only else width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = CrossAttention(width, context_width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Transform (B, N, C) under a context (B, T, D)."""
        x = x + self.attn1(self.norm1(x), context if self.cross_only else None)
        x = x + self.attn2(self.norm2(x), context)
        hidden: Tensor = x + self.ff(self.norm3(x))
        return hidden


class SpatialTransformer(nn.Module):
    """Transformer blocks over the cells of a feature map."""

    def __init__(
        self,
        width: int,
        context_width: int,
        heads: int,
        depth: int,
        *,
        linear: bool,
        groups: int,
        cross_only: bool = False,
    ) -> None:
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(width, context_width, heads, cross_only=cross_only) for _ in range(depth)
        )
        self.proj_out = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Transform (B, C, h, w) under a context (B, T, D)."""
        hidden = self.norm(x)
        if not self.linear:
            hidden = self.proj_in(hidden)
        tokens = hidden.flatten(2).transpose(1, 2)
        if self.linear:
            tokens = self.proj_in(tokens)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        if self.linear:
            tokens = self.proj_out(tokens)
        hidden = tokens.transpose(1, 2).reshape(x.shape)
        if not self.linear:
            hidden = self.proj_out(hidden)
        return x + hidden


class Downsample(nn.Module):
    """Halves the resolution by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.op(x)
        return hidden


class Upsample(nn.Module):
    """Repeats cells up to the size of the next skip, so that odd sizes come back as they were."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        hidden: Tensor = self.conv(interpolate(x, size=size, mode="nearest"))
        return hidden


class GuidedEmbedder(nn.Sequential):
    """Embeds times together with the guidance scale that a network was distilled for.

    References: Meng et al. 2023 (arXiv:2210.03142), section 4.1; Luo et al. 2023 (arXiv:2310.04378).
    """

    def __init__(self, inputs: int, width: int, guidance: int) -> None:
        super().__init__(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))
        self.add_module("cond_proj", nn.Linear(guidance, inputs, bias=False))

    def forward(self, features: Tensor, guidance: Tensor | None = None) -> Tensor:
        """The embedding (B, E) of features (B, C) of times, and (B, G) of guidance where there is one."""
        first, *others = (module for name, module in self.named_children() if name != "cond_proj")
        if guidance is not None:
            features = features + self.get_submodule("cond_proj")(guidance)
        embedding: Tensor = first(features)
        for module in others:
            embedding = module(embedding)
        return embedding


class SkipJoin(nn.Module):
    """Joins a feature map with its skip; a child of its own so that a patch can substitute it."""

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Concatenate channels, skip last."""
        return torch.cat([x, skip], dim=1)


class Stage(nn.ModuleList):
    """One numbered entry of a checkpoint: a residual block, a transformer, a change of resolution."""

    def forward(
        self, x: Tensor, embedding: Tensor, context: Tensor, size: tuple[int, int] | None = None
    ) -> Tensor:
        """Run the parts in order; `size` is what an upsampling part grows to."""
        for part in self:
            if isinstance(part, ResidualBlock):
                x = part(x, embedding)
            elif isinstance(part, SpatialTransformer):
                x = part(x, context)
            elif isinstance(part, Upsample):
                x = part(x, size or (2 * x.shape[2], 2 * x.shape[3]))
            else:
                x = part(x)
        return x
