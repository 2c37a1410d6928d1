"""Puts things where boxes say: attention of cells to texts with places, inserted into a UNet.

Reference: GLIGEN, Li et al. 2023 (arXiv:2301.07093), equations 5 and 8. Names as in the adapters' own files.
Shapes: B batch, N cells, O objects, C channels, D width of a text.
"""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.adapters.places import attentions, change_inputs, change_output
from models.attention import AttentionCore
from models.call import current_call
from models.unet.blocks import FeedForward

MOST_BOXES = 30
_HEADS = 8
_FREQUENCIES = 8


class Gligen(nn.Module):
    """What turns texts with boxes into objects, and one gated attention for each transformer block."""

    def __init__(self, text_width: int, fusers: Mapping[str, int]) -> None:
        """fusers: dotted name of each transformer block of the UNet, and its width."""
        super().__init__()
        self.text_width = text_width
        self.places = tuple(fusers)
        self.position_net = _PositionNet(text_width)
        self.fusers = nn.ModuleList(_Gate(width, text_width) for width in fusers.values())

    def objects(self, texts: Tensor, boxes: Tensor) -> Tensor:
        """The objects (1, 30, D) of at most 30 texts (O, D) with boxes (O, 4).

        A box is left, top, right and bottom in [0, 1]. What the network learnt for none fills up the rest.
        """
        found: Tensor = self.position_net(texts, boxes)
        return found


class _PositionNet(nn.Module):
    def __init__(self, text_width: int) -> None:
        super().__init__()
        place_width = 2 * 4 * _FREQUENCIES
        self.linears = nn.Sequential(
            nn.Linear(text_width + place_width, 512),
            nn.SiLU(),
            nn.Linear(512, 512),
            nn.SiLU(),
            nn.Linear(512, text_width),
        )
        self.null_positive_feature = nn.Parameter(torch.empty(text_width))
        self.null_position_feature = nn.Parameter(torch.empty(place_width))

    def forward(self, texts: Tensor, boxes: Tensor) -> Tensor:
        frequencies = 100 ** (torch.arange(_FREQUENCIES, device=boxes.device) / _FREQUENCIES)
        angles = frequencies[None, :, None] * boxes[:, None]
        place = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
        told = torch.cat([texts, place.to(texts)], dim=-1)
        none = torch.cat([self.null_positive_feature, self.null_position_feature])
        filled = torch.cat([told, none.expand(MOST_BOXES - len(told), -1)])
        objects: Tensor = self.linears(filled)[None]
        return objects


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.core = AttentionCore(_HEADS)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.to_out(self.core(self.to_q(x), self.to_k(x), self.to_v(x)))
        return mixed


class _Gate(nn.Module):
    """Attention of cells to cells and objects, let in by learnt gates."""

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(text_width, width)
        self.attn = _Attention(width)
        self.ff = FeedForward(width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.alpha_attn = nn.Parameter(torch.zeros(()))
        self.alpha_dense = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, objects: Tensor) -> Tensor:
        """Cells (B, N, C) that have looked at objects (1, O, D)."""
        known = self.linear(objects).expand(len(x), -1, -1)
        mixed = self.attn(self.norm1(torch.cat([x, known], dim=1)))[:, : x.shape[1]]
        x = x + self.alpha_attn.tanh() * mixed
        changed: Tensor = x + self.alpha_dense.tanh() * self.ff(self.norm2(x))
        return changed


@dataclass(frozen=True, eq=False)
class GligenModel:
    """A loaded GLIGEN; GLIGEN on the wires, under its patches."""

    network: Gligen
    name: str = ""


@dataclass(frozen=True, eq=False)
class Box:
    """A text (D,) and where it stands, in latent cells."""

    text: Tensor
    height: int
    width: int
    top: int
    left: int


@dataclass(frozen=True, eq=False)
class GatedObjects:
    """Inserts GLIGEN's attention behind the self-attention of each transformer block.

    Attributes:
        network: resident where the UNet is.
        boxes: at most 30.
    """

    network: Gligen
    boxes: Sequence[Box]

    @property
    def key(self) -> Hashable:
        """The very boxes."""
        return ("gligen", self.network, self.boxes)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the blocks; raises ValueError for a network with other blocks."""
        found = {path.removesuffix(".attn1") for path in attentions(root, "attn1")}
        if found != set(self.network.places):
            raise ValueError(f"this GLIGEN is for a network with {len(self.network.places)} other blocks")
        for path, gate in zip(self.network.places, self.network.fusers, strict=True):
            _hook_on(root.get_submodule(path), gate, self, undo)

    def objects(self, x: Tensor) -> Tensor:
        """The objects (1, 30, D) for the latent that the network runs on, in the type of x (B, N, C)."""
        call = current_call()
        weight = self.network.position_net.null_positive_feature
        corners = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in self.boxes]
        size = torch.tensor([call.width, call.height, call.width, call.height], device=weight.device)
        places = torch.tensor(corners, device=weight.device) / size
        texts = torch.stack([box.text for box in self.boxes]).to(weight)
        return self.network.objects(texts, places).to(x)


def _hook_on(block: nn.Module, gate: nn.Module, patch: GatedObjects, undo: ExitStack) -> None:
    """Let the gate change what a transformer block carries on after its self-attention."""
    carried: list[Tensor] = []

    def keep(x: Tensor) -> tuple[Tensor]:
        carried[:] = [x]
        return (x,)

    def through(mixed: Tensor, *inputs: Tensor | None) -> Tensor:
        del inputs
        x = carried.pop()
        after: Tensor = gate(x + mixed, patch.objects(x))
        return after - x

    change_inputs(block.get_submodule("norm1"), keep, undo)
    change_output(block.get_submodule("attn1"), through, undo)
