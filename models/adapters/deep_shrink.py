"""Shrinks the features inside a UNet during the first steps, so that large pictures keep one subject.

Reference: "Deep Shrink" (kohya-ss, 2023): a block on the way down is given smaller features, and on the way
up they grow again to the size of the skip they are joined with.
Shapes: B batch, C channels, h and w cells.
"""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from models.adapters.places import blocks, change_inputs, change_output
from models.call import current_call
from models.resize import resized


@dataclass(frozen=True)
class DeepShrink:
    """Divides the size of features after a block of the way down.

    Attributes:
        block: number of the block.
        factor: what both sides are divided by.
        sigma_start: it holds from this noise level down ...
        sigma_end: ... to this one.
        after_skip: whether the skip of the block keeps its size.
        downscale_method: how features shrink, as models.resize knows it.
        upscale_method: how they grow again.
    """

    block: int
    factor: float
    sigma_start: float
    sigma_end: float
    after_skip: bool = True
    downscale_method: str = "bicubic"
    upscale_method: str = "bicubic"

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("deep shrink", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the blocks; a block that the network does not have changes nothing."""
        down = blocks(root, "input_blocks")
        for join in blocks(root, "joins"):
            change_inputs(join, self._grow, undo)
        if self.block >= len(down):
            return
        if not self.after_skip:
            change_output(down[self.block], lambda x, *_: self._shrunk(x), undo)
            return
        is_last = self.block + 1 == len(down)
        following = root.get_submodule("middle_block") if is_last else down[self.block + 1]
        change_inputs(following, lambda x, *others: (self._shrunk(x), *others), undo)

    def _shrunk(self, x: Tensor) -> Tensor:
        if not self.sigma_end <= current_call().sigma <= self.sigma_start:
            return x
        height, width = (round(side * (1 / self.factor)) for side in x.shape[-2:])
        return resized(x, width, height, self.downscale_method)

    def _grow(self, x: Tensor, skip: Tensor) -> tuple[Any, ...]:
        if x.shape[2] != skip.shape[2]:
            x = resized(x, skip.shape[3], skip.shape[2], self.upscale_method)
        return x, skip
