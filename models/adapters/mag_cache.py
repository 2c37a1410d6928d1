"""Leaves out all blocks of steps whose change is known beforehand to be about that of the step before.

Reference: MagCache, Ma et al. 2025 (arXiv:2506.09045), sections 3.2 and 3.3: how the size of the change that
a network's blocks make goes from step to step is nearly the same for every prompt.
Shapes: B batch, C channels, h and w cells, N tokens.
"""

import logging
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from models.adapters.left_out_blocks import Change, Judge, State, leave_out_blocks
from models.adapters.step_memory import ALWAYS, Window, steps_done
from models.call import Run, current_call
from models.layout import layout_of

_LEAST = 1e-8
Tell = Callable[[tuple[float, ...]], None]


@dataclass(frozen=True)
class MagCache:
    """Leaves out steps while the ratios of their changes, multiplied, stay near 1.

    Attributes:
        ratios: of the size of the change in each step to that in the step before, the first being 1, as
            `MagCacheCalibration` measures them; for another number of steps the nearest in time is taken.
        threshold: up to which the distances from 1 may add up.
        most_in_a_row: after so many steps in a row one is computed.
        retention: the first part of the steps, 0 to 1, which is always computed.
        window: the part of sampling in which steps are left out.
        is_told: write to the log what is left out.
    """

    ratios: tuple[float, ...]
    threshold: float = 0.06
    most_in_a_row: int = 3
    retention: float = 0.2
    window: Window = ALWAYS
    is_told: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty table."""
        if not self.ratios:
            raise ValueError("MagCache needs the ratios of the model: one number for each step")

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("mag cache", self)

    def ratio(self, done: float, steps: int) -> float:
        """The ratio of the step that `done` of `steps` steps come before."""
        part = done / (steps - 1) if steps > 1 else 1.0
        return self.ratios[min(len(self.ratios) - 1, round(part * (len(self.ratios) - 1)))]

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the blocks; raises ValueError where the network names less than two."""
        if self._is_idle:
            return
        leave_out_blocks(root, "MagCache", lambda: _Judge(self), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """What all blocks changed."""
        return {} if self._is_idle else {layout_of(root, least_blocks=2).blocks[-1]: 1}

    @property
    def _is_idle(self) -> bool:
        """Whether it leaves nothing out."""
        return self.threshold <= 0.0 or self.most_in_a_row < 1


class _Judge(Judge):
    """Adds up how far the product of the ratios is from 1."""

    def __init__(self, rule: MagCache) -> None:
        self._rule = rule
        self.told_at = logging.INFO if rule.is_told else logging.DEBUG
        self._kept: Change | None = None
        self._ratio = 1.0
        self._error = 0.0
        self._in_a_row = 0

    def leaves_all(self, start: State, step: int) -> bool:
        del start, step
        call, rule = current_call(), self._rule
        done, steps = steps_done(call), len(call.sigmas) - 1
        if done < int(rule.retention * steps + 0.5):
            return False
        self._ratio *= rule.ratio(done, steps)
        self._in_a_row += 1
        self._error += abs(1.0 - self._ratio)
        is_near = self._error <= rule.threshold and self._in_a_row <= rule.most_in_a_row
        if self._kept is not None and is_near and rule.window.holds():
            return True
        self._ratio, self._error, self._in_a_row = 1.0, 0.0, 0
        return False

    def learn(self, start: State, first: State, last: State) -> None:
        del first
        self._kept = None if self._rule.window.is_over() else Change(last, start)

    def answer(self, start: State, first: State | None) -> State:
        del first
        if self._kept is None:
            raise RuntimeError("blocks were left out before they were computed once")
        return self._kept.to(start)


@dataclass(frozen=True, eq=False)
class MagCacheCalibration:
    """Measures the ratios that MagCache needs; leaves nothing out.

    Attributes:
        tell: is given the ratios of all steps when a run reaches its last noise level. The host waits for the
            device then, and not before. Where a step makes several calls, the first one is measured.
    """

    tell: Tell = field(repr=False)

    @property
    def key(self) -> Hashable:
        """The very listener."""
        return ("mag cache calibration", self.tell)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Listen to the blocks; raises ValueError where the network names less than two."""
        measuring: WeakKeyDictionary[Run, _Measuring] = WeakKeyDictionary()

        def make() -> _Measuring:
            """One for each stream; the first of a run tells."""
            made = _Measuring(self.tell, is_telling=current_call().run not in measuring)
            return measuring.setdefault(current_call().run, made) if made.is_telling else made

        leave_out_blocks(root, "MagCache Calibrate", make, undo)


class _Measuring(Judge):
    """Compares the change of every step with that of the step before."""

    def __init__(self, tell: Tell, *, is_telling: bool) -> None:
        self._tell = tell
        self.is_telling = is_telling
        self._size: Tensor | None = None
        self._ratios: list[Tensor] = []

    def learn(self, start: State, first: State, last: State) -> None:
        del first
        if not self.is_telling:
            return
        change = Change(last[:1], start).main().float()
        # One number for a token: pictures have their channels in front, sequences at the end.
        size = change.norm(dim=1 if change.ndim > 3 else -1)
        known = self._size
        if known is not None and known.shape == size.shape:
            self._ratios.append((size / (known + _LEAST)).mean())
        else:
            self._ratios.append(size.new_ones(()))
        self._size = size
        sigmas = current_call().sigmas
        if len(sigmas) > 1 and current_call().sigma <= sigmas[-2]:
            self._tell(tuple(torch.stack(self._ratios).tolist()))

    def answer(self, start: State, first: State | None) -> State:
        raise RuntimeError("calibration leaves nothing out")
