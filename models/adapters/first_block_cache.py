"""Leaves out all blocks but the first while what the first one changes stays about the same.

Reference: first block cache of ParaAttention (chengzeyi 2025), after TeaCache, Liu et al. 2024
(arXiv:2411.19108), section 3.3.
Shapes: B batch, C channels, h and w cells, N tokens.
"""

import logging
from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from torch import Tensor, nn

from models.adapters.left_out_blocks import Change, Judge, State, leave_out_blocks
from models.adapters.step_memory import ALWAYS, Window
from models.layout import layout_of


@dataclass(frozen=True)
class FirstBlockCache:
    """Runs the first block in every step, and the others where its change differs from the last known one.

    In a step that could be left out the device is waited for once: the host has to know one number, the
    largest difference of a row, before it knows what to launch. All other steps wait for nothing.

    Attributes:
        threshold: mean difference of the first block's change, a part of its mean size, up to which the
            other blocks are left out; the row of the batch that differs most decides.
        window: the part of sampling in which blocks are left out.
        most_in_a_row: after so many steps in a row one is computed; 0 sets no limit.
        is_told: write to the log what is left out.
    """

    threshold: float = 0.05
    window: Window = ALWAYS
    most_in_a_row: int = 0
    is_told: bool = False

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("first block cache", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the blocks; raises ValueError where the network names less than two."""
        if self.threshold <= 0.0:
            return
        leave_out_blocks(root, "First Block Cache", lambda: _Judge(self), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """What the first block changed, and what the others did."""
        first, *_, last = layout_of(root, least_blocks=2).blocks
        return {first: 1, last: 1} if self.threshold > 0.0 else {}


class _Judge(Judge):
    """Compares the change of the first block with that of the last computed step."""

    def __init__(self, rule: FirstBlockCache) -> None:
        self._rule = rule
        self.told_at = logging.INFO if rule.is_told else logging.DEBUG
        self._told: Tensor | None = None
        self._kept: Change | None = None
        self._in_a_row = 0

    def leaves_others(self, start: State, first: State) -> bool:
        change = Change(first[:1], start).main()
        if self._may_leave() and self._is_alike(change):
            self._in_a_row += 1
            return True
        self._in_a_row = 0
        self._told = None if self._rule.window.is_over() else change
        return False

    def learn(self, start: State, first: State, last: State) -> None:
        del start
        self._kept = None if self._rule.window.is_over() else Change(last, first)

    def answer(self, start: State, first: State | None) -> State:
        del start
        if self._kept is None or first is None:
            raise RuntimeError("blocks were left out before they were computed once")
        return self._kept.to(first)

    def _may_leave(self) -> bool:
        most = self._rule.most_in_a_row
        return self._kept is not None and self._rule.window.holds() and (most == 0 or self._in_a_row < most)

    def _is_alike(self, change: Tensor) -> bool:
        known = self._told
        if known is None or known.shape != change.shape:
            return False
        moved = (change - known).abs().flatten(1).mean(dim=1)
        size = known.abs().flatten(1).mean(dim=1)
        return bool((moved < self._rule.threshold * size).all())
