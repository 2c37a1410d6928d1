"""The networks that are measured: random weights in the shapes of Flux and of SDXL, or tiny ones to try out.

Reference: Flux, Black Forest Labs 2024 (github.com/black-forest-labs/flux, src/flux/model.py); Esser et al.
2024 (arXiv:2403.03206), section 4.
Shapes: B batch, N picture tokens, T text tokens, C width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, silu

from benchmarks.networks import XL
from loaders.assemble import build_empty
from models.attention import attention
from models.layout import Layout
from models.unet.config import UNetConfig
from models.unet.unet import UNet

TINY = UNetConfig(
    channels=64,
    multipliers=(1, 2),
    input_depths=((1,), (1,)),
    output_depths=((1, 1), (1, 1)),
    context_width=64,
    vector_width=32,
)


@dataclass(frozen=True)
class Sizes:
    """How large a network in the shape of Flux is."""

    width: int = 3072
    heads: int = 24
    double: int = 19
    single: int = 38
    context: int = 4096
    vector: int = 768
    channels: int = 16


@dataclass(frozen=True, eq=False)
class Holder:
    """A network as a value."""

    network: nn.Module


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to be measured, on the processor, and inputs for it.

    Attributes:
        name: what it is like.
        build: the network without weights.
        inputs: draws the inputs of one step, on the processor, for a side in pixels.
        pixels: the usual side.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: Callable[[int], tuple[Any, ...]]
    pixels: int

    def network(self, dtype: torch.dtype) -> nn.Module:
        """The network with random weights."""
        return filled(build_empty(self.build), dtype)


def subjects(dry: bool) -> tuple[Subject, ...]:
    """The networks of the table."""
    return flux(dry), sdxl(dry)


def flux(dry: bool, sizes: Sizes | None = None) -> Subject:
    """A network in the shape of Flux."""
    tiny = Sizes(width=128, heads=2, double=2, single=3, context=64, vector=32)
    chosen = sizes or (tiny if dry else Sizes())

    def inputs(pixels: int) -> tuple[Any, ...]:
        cells = pixels // 8
        x = torch.randn(1, chosen.channels, cells, cells)
        text = torch.randn(1, 16 if dry else 512, chosen.context)
        return x, torch.tensor([500.0]), text, torch.randn(1, chosen.vector)

    return Subject("Flux-shaped", lambda: FluxShaped(chosen), inputs, 64 if dry else 1024)


def sdxl(dry: bool) -> Subject:
    """A network in the shape of SDXL's, with both halves of guidance in one batch."""
    config = TINY if dry else XL

    def inputs(pixels: int) -> tuple[Any, ...]:
        cells = pixels // 8
        x, text = torch.randn(2, 4, cells, cells), torch.randn(2, 77, config.context_width)
        return x, torch.tensor([500.0, 500.0]), text, torch.randn(2, config.vector_width or 1)

    return Subject("SDXL-shaped", lambda: UNet(config), inputs, 64 if dry else 1024)


def filled(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """An empty network with small random weights; large ones repeat the same numbers, which saves minutes."""
    drawn = torch.randn(2**22, generator=torch.Generator().manual_seed(0)).mul_(0.02).to(dtype)
    state = {}
    for name, tensor in network.state_dict().items():
        count = tensor.numel()
        whole = (
            drawn.repeat(count // drawn.numel() + 1)[:count]
            if count > drawn.numel()
            else drawn[:count].clone()
        )
        state[name] = whole.reshape(tensor.shape)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def twin(network: nn.Module, build: Callable[[], nn.Module]) -> nn.Module:
    """Another network on the same tensors."""
    other = build_empty(build)
    other.load_state_dict(network.state_dict(), assign=True)
    return other.eval().requires_grad_(False)


def weight_bytes(network: nn.Module) -> int:
    """Bytes of all weights."""
    return sum(tensor.numel() * tensor.element_size() for tensor in network.parameters())


class Stream(nn.Module):
    """What one of two token streams has in a double block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mod = nn.Linear(width, 6 * width)
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )


class DoubleBlock(nn.Module):
    """Picture and text with weights of their own, joined in attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.img = Stream(width)
        self.txt = Stream(width)

    def forward(self, img: Tensor, txt: Tensor, vector: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
        streams = ((self.txt, txt), (self.img, img))
        shares = [stream.mod(silu(vector))[:, None].chunk(6, dim=-1) for stream, _ in streams]
        parts = [
            stream.qkv(stream.norm1(x) * (1 + share[1]) + share[0])
            for (stream, x), share in zip(streams, shares, strict=True)
        ]
        mixed = _attend(torch.cat(parts, dim=1), self.heads, turn)
        made = []
        for (stream, x), share, part in zip(
            streams, shares, torch.split(mixed, [txt.shape[1], img.shape[1]], dim=1), strict=True
        ):
            x = x + share[2] * stream.proj(part)
            made.append(x + share[5] * stream.mlp(stream.norm2(x) * (1 + share[4]) + share[3]))
        return made[1], made[0]


class SingleBlock(nn.Module):
    """Picture and text with the same weights; attention and feed-forward side by side."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.mod = nn.Linear(width, 3 * width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.linear1 = nn.Linear(width, 7 * width)
        self.linear2 = nn.Linear(5 * width, width)

    def forward(self, img: Tensor, txt: Tensor, vector: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat([txt, img], dim=1)
        shift, scale, gate = self.mod(silu(vector))[:, None].chunk(3, dim=-1)
        qkv, wide = self.linear1(self.norm(x) * (1 + scale) + shift).split(
            [3 * self.width, 4 * self.width], -1
        )
        mixed = torch.cat([_attend(qkv, self.heads, turn), gelu(wide, approximate="tanh")], dim=-1)
        x = x + gate * self.linear2(mixed)
        return x[:, txt.shape[1] :], x[:, : txt.shape[1]]


class FluxShaped(nn.Module):
    """A transformer of the size and the layers of Flux."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        self.img_in = nn.Linear(4 * sizes.channels, width)
        self.txt_in = nn.Linear(sizes.context, width)
        self.vector_in = nn.Linear(sizes.vector + 1, width)
        self.double_blocks = nn.ModuleList(DoubleBlock(width, sizes.heads) for _ in range(sizes.double))
        self.single_blocks = nn.ModuleList(SingleBlock(width, sizes.heads) for _ in range(sizes.single))
        self.out = nn.Linear(width, 4 * sizes.channels)

    def layout(self) -> Layout:
        """All blocks in a row."""
        double = tuple(f"double_blocks.{index}" for index in range(self.sizes.double))
        return Layout(blocks=(*double, *(f"single_blocks.{index}" for index in range(self.sizes.single))))

    def forward(self, x: Tensor, t: Tensor, context: Tensor, vector: Tensor) -> Tensor:
        """Predict (B, C, h, w) from (B, C, h, w), times (B,), text (B, T, D) and a vector (B, V)."""
        batch, channels, height, width = x.shape
        tokens = x.reshape(batch, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
        img = self.img_in(tokens.reshape(batch, -1, 4 * channels))
        txt = self.txt_in(context)
        told = self.vector_in(torch.cat([vector, (t / 1000)[:, None].to(vector)], dim=-1))
        turn = _angles(txt.shape[1] + img.shape[1], self.sizes.width // self.sizes.heads, x.device)
        for block in (*self.double_blocks, *self.single_blocks):
            img, txt = block(img, txt, told, turn)
        made = self.out(img).reshape(batch, height // 2, width // 2, channels, 2, 2)
        predicted: Tensor = made.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)
        return predicted


def _attend(qkv: Tensor, heads: int, turn: Tensor) -> Tensor:
    batch, count, _ = qkv.shape
    query, key, value = qkv.view(batch, count, 3, heads, -1).permute(2, 0, 3, 1, 4)
    made: Tensor = attention(_turned(query, turn), _turned(key, turn), value).transpose(1, 2).flatten(-2)
    return made


def _angles(count: int, width: int, device: torch.device) -> Tensor:
    """Cosines and sines (2, count, width / 2) of rotary positions."""
    rates = 10_000 ** -(torch.arange(0, width, 2, device=device).float() / width)
    angles = torch.arange(count, device=device).float()[:, None] * rates
    return torch.stack([angles.cos(), angles.sin()])


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    even, odd = torch.unflatten(x, -1, (-1, 2)).unbind(-1)
    cosine, sine = turn.to(x.dtype)
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1).flatten(-2)
