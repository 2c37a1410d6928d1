"""Merges tokens that resemble each other before self-attention and spreads the result afterwards.

References: Bolya & Hoffman 2023, "Token Merging for Fast Stable Diffusion" (arXiv:2303.17604), sections 3 and
4.1; bipartite soft matching, Bolya et al. 2022 (arXiv:2210.09461), section 3.
Shapes: B batch, N tokens, C channels, h and w cells.
"""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.adapters.places import attentions, change_inputs, change_output
from models.adapters.step_memory import ATTENTION, claim
from models.call import current_call

_STRIDE = 2


@dataclass(frozen=True, eq=False)
class Matching:
    """Which tokens become one.

    kept: (B, K) tokens that stay by themselves.
    merged: (B, R) tokens that go into others.
    into: (B, R) for each of those the number of the target it goes into.
    targets: (T,) tokens that take others in.
    """

    kept: Tensor
    merged: Tensor
    into: Tensor
    targets: Tensor

    def merge(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, C) as (B, K + T, C): those kept, then the targets as means of what they took in."""
        channels = tokens.shape[2]
        targets = tokens[:, self.targets].scatter_reduce(
            1, _wide(self.into, channels), _taken(tokens, self.merged), reduce="mean"
        )
        return torch.cat([_taken(tokens, self.kept), targets], dim=1)

    def spread(self, mixed: Tensor) -> Tensor:
        """What was made (B, K + T, C) of merged tokens, for all of them again (B, N, C)."""
        batch, _, channels = mixed.shape
        staying = self.kept.shape[1]
        kept, targets = mixed[:, :staying], mixed[:, staying:]
        tokens = staying + self.merged.shape[1] + len(self.targets)
        result = mixed.new_empty(batch, tokens, channels)
        result[:, self.targets] = targets
        result.scatter_(1, _wide(self.kept, channels), kept)
        return result.scatter_(1, _wide(self.merged, channels), _taken(targets, self.into))


def match(tokens: Tensor, height: int, width: int, ratio: float, generator: torch.Generator) -> Matching:
    """Pair the tokens (B, N, C) of height x width cells that are most alike.

    In every 2 x 2 cells one, drawn by chance, is a target; of the others the part `ratio` of all tokens, as
    far as there are so many, goes into the target it resembles most.
    """
    targets, sources = _targets(height, width, tokens.device, generator)
    count = min(len(sources), int(tokens.shape[1] * ratio))
    unit = tokens / tokens.norm(dim=-1, keepdim=True)
    likeness, nearest = (unit[:, sources] @ unit[:, targets].transpose(-1, -2)).max(dim=-1)
    order = likeness.argsort(dim=-1, descending=True)
    merging, staying = order[:, :count], order[:, count:]
    return Matching(sources[staying], sources[merging], nearest.gather(1, merging), targets)


def _targets(
    height: int, width: int, device: torch.device, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Numbers of the cells that are targets, and of the others, with those beyond the last whole 2 x 2."""
    rows, columns = height // _STRIDE, width // _STRIDE
    drawn = torch.randint(_STRIDE**2, (rows, columns), device=device, generator=generator)
    top = torch.arange(rows, device=device)[:, None] * _STRIDE + drawn // _STRIDE
    left = torch.arange(columns, device=device)[None] * _STRIDE + drawn % _STRIDE
    is_target = torch.zeros(height, width, dtype=torch.bool, device=device)
    is_target[top, left] = True
    numbers = torch.arange(height * width, device=device)
    return numbers[is_target.flatten()], numbers[~is_target.flatten()]


def _wide(indices: Tensor, channels: int) -> Tensor:
    return indices[..., None].expand(-1, -1, channels)


def _taken(tokens: Tensor, indices: Tensor) -> Tensor:
    return tokens.gather(1, _wide(indices, tokens.shape[2]))


@dataclass(frozen=True)
class TokenMerging:
    """Merges the queries of the finest self-attentions.

    Attributes:
        ratio: part of the tokens that is merged into others.
    """

    ratio: float = 0.3

    @property
    def key(self) -> Hashable:
        """Its ratio."""
        return ("token merging", self.ratio)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the attentions; raises ValueError where the network has none."""
        claim(root, ATTENTION, "Token Merging", undo)
        for path in attentions(root, "attn1"):
            _Merging(self.ratio).install(root.get_submodule(path), undo)


@dataclass(eq=False)
class _Merging:
    """One attention under merging; between merging and spreading it knows who went where."""

    ratio: float
    matching: Matching | None = field(default=None)

    def install(self, attention: nn.Module, undo: ExitStack) -> None:
        change_inputs(attention, self._merge, undo)
        change_output(attention, self._spread, undo)

    def _merge(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        call = current_call()
        self.matching = None
        fits = x.shape[1] == call.height * call.width and min(call.height, call.width) > 1
        if not fits or int(x.shape[1] * self.ratio) < 1:
            return x, context
        generator = call.run.generator(x.device)
        self.matching = match(x, call.height, call.width, self.ratio, generator)
        return self.matching.merge(x), x if context is None else context

    def _spread(self, mixed: Tensor, *inputs: Tensor | None) -> Tensor:
        del inputs
        return mixed if self.matching is None else self.matching.spread(mixed)
