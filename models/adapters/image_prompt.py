"""Holds IP-Adapter's own network: what turns a seen picture into tokens, and keys and values for them.

References: Ye et al. 2023 (arXiv:2308.06721), sections 3.2.1 and 3.2.2; the "plus" variant's resampler,
Alayrac et al. 2022 (arXiv:2204.14198), figure 5. Names as in the adapters' own files.
Shapes: B pictures, S seen tokens, E width of what was seen, T image tokens, D text width.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.attention import AttentionCore
from models.vision.clip import VisionOutput

_HEAD_WIDTH = 64


@dataclass(frozen=True)
class ImagePromptConfig:
    """Sizes of an IP-Adapter.

    Attributes:
        kind: "base" sees the picture's embedding, "full" (full face) and "plus" see every patch.
        seen_width: E.
        text_width: D.
        tokens: T; for "full" it follows what is seen.
        inner_width: width inside the resampler of "plus".
        layers: layers of the resampler.
        attention_widths: width of each attention to the prompt in the steered network.
    """

    kind: Literal["base", "full", "plus"]
    seen_width: int
    text_width: int
    tokens: int
    attention_widths: tuple[int, ...]
    inner_width: int = 0
    layers: int = 0


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """Keys and values (B, T, C) of a picture for each attention to the prompt, in the order of the file."""

    layers: tuple[tuple[Tensor, Tensor], ...]


class ImagePromptNetwork(nn.Module):
    """Turns what a picture tower saw into keys and values for a network's attentions to the prompt."""

    def __init__(self, config: ImagePromptConfig) -> None:
        super().__init__()
        self.sizes = config
        kinds = {"base": _Projection, "full": _FullProjection, "plus": _Resampler}
        self.image_proj: nn.Module = kinds[config.kind](config)
        self.ip_adapter = nn.ModuleDict(
            {
                str(2 * index + 1): _Pair(config.text_width, w)
                for index, w in enumerate(config.attention_widths)
            }
        )

    def seen(self, output: VisionOutput) -> Tensor:
        """The part of what a picture tower saw (B, E) or (B, S, E) that this adapter looks at.

        Raises:
            ValueError: if the tower is of another size.
        """
        is_base = self.sizes.kind == "base"
        seen = output.image_embeds if is_base else output.penultimate_hidden_states
        if seen.shape[-1] != self.sizes.seen_width:
            raise ValueError(
                f"this IP-Adapter needs a CLIP vision model that gives {self.sizes.seen_width} numbers, "
                f"but this one gives {seen.shape[-1]}"
            )
        return seen

    def forward(self, seen: Tensor) -> Tensor:
        """The tokens (B, T, D) of what was seen, (B, E) or (B, S, E)."""
        tokens: Tensor = self.image_proj(seen)
        return tokens

    def prompt(self, tokens: Tensor) -> ImagePrompt:
        """Keys and values for tokens (B, T, D)."""
        pairs = [module for module in self.ip_adapter.values() if isinstance(module, _Pair)]
        return ImagePrompt(tuple((pair.to_k_ip(tokens), pair.to_v_ip(tokens)) for pair in pairs))


class _Pair(nn.Module):
    """Keys and values for one attention."""

    def __init__(self, text_width: int, width: int) -> None:
        super().__init__()
        self.to_k_ip = nn.Linear(text_width, width, bias=False)
        self.to_v_ip = nn.Linear(text_width, width, bias=False)


class _Projection(nn.Module):
    """The picture's embedding as a few tokens."""

    def __init__(self, config: ImagePromptConfig) -> None:
        super().__init__()
        self.width = config.text_width
        self.proj = nn.Linear(config.seen_width, config.tokens * config.text_width)
        self.norm = nn.LayerNorm(config.text_width)

    def forward(self, seen: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.proj(seen).reshape(len(seen), -1, self.width))
        return tokens


class _FullProjection(nn.Module):
    """Every patch as a token."""

    def __init__(self, config: ImagePromptConfig) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.Linear(config.seen_width, config.seen_width),
            nn.GELU(),
            nn.Linear(config.seen_width, config.text_width),
            nn.LayerNorm(config.text_width),
        )

    def forward(self, seen: Tensor) -> Tensor:
        tokens: Tensor = self.proj(seen)
        return tokens


class _Resampler(nn.Module):
    """Some learnt tokens that look at the patches."""

    def __init__(self, config: ImagePromptConfig) -> None:
        super().__init__()
        width = config.inner_width
        self.latents = nn.Parameter(torch.empty(1, config.tokens, width))
        self.proj_in = nn.Linear(config.seen_width, width)
        self.proj_out = nn.Linear(width, config.text_width)
        self.norm_out = nn.LayerNorm(config.text_width)
        self.layers = nn.ModuleList(
            nn.ModuleList([_Perceiver(width), _feed_forward(width)]) for _ in range(config.layers)
        )

    def forward(self, seen: Tensor) -> Tensor:
        latents = self.latents.expand(len(seen), -1, -1)
        seen = self.proj_in(seen)
        for layer in self.layers:
            perceive, think = layer.children()
            latents = latents + perceive(seen, latents)
            latents = latents + think(latents)
        tokens: Tensor = self.norm_out(self.proj_out(latents))
        return tokens


class _Perceiver(nn.Module):
    """Attention of learnt tokens to patches and to themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.core = AttentionCore(width // _HEAD_WIDTH)

    def forward(self, seen: Tensor, latents: Tensor) -> Tensor:
        seen, latents = self.norm1(seen), self.norm2(latents)
        keys, values = self.to_kv(torch.cat([seen, latents], dim=1)).chunk(2, dim=-1)
        mixed: Tensor = self.to_out(self.core(self.to_q(latents), keys, values))
        return mixed


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 4 * width, bias=False),
        nn.GELU(),
        nn.Linear(4 * width, width, bias=False),
    )


@dataclass(frozen=True, eq=False)
class ImagePromptModel:
    """A loaded IP-Adapter; IP_ADAPTER on the wires, under its patches.

    Attributes:
        network: the network.
        name: the file it came from.
    """

    network: ImagePromptNetwork
    name: str = ""
