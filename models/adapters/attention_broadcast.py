"""Uses what attention gave in one step again in the steps after it.

Reference: Pyramid Attention Broadcast, Zhao et al. 2024 (arXiv:2408.12588), section 3.2: what attention to
the text gives changes least from step to step, that of tokens to themselves more.
Shapes: B batch, N tokens, C channels.
"""

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.adapters.places import change_forward
from models.adapters.step_memory import ALWAYS, ATTENTION, Memories, Stream, Window, claim
from models.layout import layout_of


@dataclass(frozen=True)
class AttentionBroadcast:
    """Computes attentions once in some steps.

    Attributes:
        self_range: of so many steps attention of tokens to themselves is computed in one; 1: in all.
        cross_range: the same of attention to the text.
        window: the part of sampling in which it holds.
    """

    self_range: int = 2
    cross_range: int = 6
    window: Window = ALWAYS

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("attention broadcast", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the attentions; raises ValueError where the network names none."""
        longer = self._longer(root)
        if not longer:
            return
        claim(root, ATTENTION, "Pyramid Attention Broadcast", undo)
        memories = Memories(_Stream)
        for name, steps in longer.items():
            change_forward(root.get_submodule(name), _broadcasting(name, steps, self.window, memories), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """What each attention gave that is not computed in all steps."""
        return dict.fromkeys(self._longer(root), 1)

    def _longer(self, root: nn.Module) -> dict[str, int]:
        """Names of the attentions that are computed in one of some steps, and of how many."""
        layout = layout_of(root)
        ranges = dict.fromkeys(layout.self_attention, self.self_range)
        ranges |= dict.fromkeys(layout.cross_attention, self.cross_range)
        if not ranges:
            raise ValueError(f"{type(root).__name__} names no attention, so this patch has no place")
        return {name: steps for name, steps in ranges.items() if steps > 1}


@dataclass(eq=False)
class _Given:
    """What an attention gave (B, N, C), for an input of a shape, in which step."""

    output: Tensor
    shape: torch.Size
    step: int


class _Stream(Stream):
    """What every attention gave to one call of every step."""

    def __init__(self) -> None:
        self.given: dict[str, _Given] = {}


def _broadcasting(
    name: str, steps: int, window: Window, memories: Memories[_Stream]
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    def make(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def run(x: Tensor, *others: Any, **named: Any) -> Tensor:
            stream = memories.current()
            given = stream.given.get(name)
            if given is not None and given.shape == x.shape and window.holds():
                # What was not asked for in a step, because another patch left the block out, grows too old.
                is_young = stream.step - given.step < steps
                if is_young and stream.step % steps:
                    return given.output
            output = forward(x, *others, **named)
            if window.is_over():
                stream.given.pop(name, None)
            else:
                stream.given[name] = _Given(output, x.shape, stream.step)
            return output

        return run

    return make
