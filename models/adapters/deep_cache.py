"""Runs the deep part of a UNet in some steps only and uses what it gave again in those between.

Reference: DeepCache, Ma et al. 2023 (arXiv:2312.00858), section 3.2: from one step to the next the deep
features hardly change.
Shapes: B batch, C channels, h and w cells.
"""

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from models.adapters.places import blocks, change_forward
from models.adapters.step_memory import BLOCKS, Memories, Stream, claim
from models.blank import Blank
from models.call import current_call


@dataclass(frozen=True)
class DeepCache:
    """Runs the blocks below a depth once in some steps.

    Attributes:
        interval: of so many steps the first runs everything.
        depth: the last block on the way down that always runs, counted from 0.
        sigma_start: features are used again from this noise level down ...
        sigma_end: ... to this one.
    """

    interval: int
    depth: int
    sigma_start: float
    sigma_end: float

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("deep cache", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the blocks; raises ValueError where nothing would be below the depth."""
        down, up, joins = (blocks(root, name) for name in ("input_blocks", "output_blocks", "joins"))
        last = self._last(root)
        claim(root, BLOCKS, "Deep Cache", undo)
        memories = Memories(_Step)
        middle = [module for name, module in root.named_children() if name == "middle_block"]
        for module in [*down[self.depth + 1 :], *middle, *up[:last], *joins[: last + 1]]:
            change_forward(module, self._skipping(module, memories), undo)
        change_forward(up[last], lambda forward: self._keeping(forward, memories), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """The features that are used again."""
        return {f"output_blocks.{self._last(root)}": 1}

    def _last(self, root: nn.Module) -> int:
        """The number of the block on the way up that gives the features that are used again."""
        down, up = (len(blocks(root, name)) for name in ("input_blocks", "output_blocks"))
        if up - 2 < self.depth:
            raise ValueError(f"this network has {down} blocks on the way down, none below {self.depth}")
        return up - 2 - self.depth

    def _reused(self, step: "_Step") -> Tensor | None:
        """The features that are used again in the current step, or None."""
        is_within = self.sigma_end <= current_call().sigma <= self.sigma_start
        return step.features if is_within and step.step % self.interval != 0 else None

    def _skipping(
        self, module: nn.Module, memories: "Memories[_Step]"
    ) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
        def make(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def run(x: Tensor, *others: Any) -> Tensor:
                step = memories.current()
                if self._reused(step) is not None:
                    left_out: Tensor = step.blanks[module].like(x)
                    return left_out
                output = forward(x, *others)
                step.blanks[module] = Blank(output)
                return output

            return run

        return make

    def _keeping(self, forward: Callable[..., Tensor], memories: "Memories[_Step]") -> Callable[..., Tensor]:
        def run(x: Tensor, *others: Any) -> Tensor:
            step = memories.current()
            reused = self._reused(step)
            if reused is not None:
                return reused
            step.features = features = forward(x, *others)
            return features

        return run


class _Step(Stream):
    """What the deep part gave to one call of every step."""

    def __init__(self) -> None:
        self.features: Tensor | None = None
        self.blanks: dict[nn.Module, Blank] = {}
