"""Runs the deep part of a UNet in some steps only and uses what it gave again in those between.

Reference: DeepCache, Ma et al. 2023 (arXiv:2312.00858), section 3.2: from one step to the next the deep
features hardly change.
Shapes: B batch, C channels, h and w cells.
"""

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from models.adapters.places import blocks, change_forward, change_inputs
from models.call import Run, current_call


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
        last = len(up) - 2 - self.depth
        if last < 0:
            raise ValueError(f"this network has {len(down)} blocks on the way down, none below {self.depth}")
        memory = _Memory(self)
        change_inputs(down[0], memory.begin, undo)
        middle = root.get_submodule("middle_block")
        for module in [*down[self.depth + 1 :], middle, *up[:last], *joins[: last + 1]]:
            change_forward(module, memory.skipping, undo)
        change_forward(up[last], memory.keeping, undo)


@dataclass(eq=False)
class _Step:
    """What one run remembers: where it is, and what the deep part gave to each call of a step."""

    number: int = -1
    sigma: float | None = None
    call: int = 0
    features: dict[tuple[Any, ...], Tensor] = field(default_factory=dict)


class _Memory:
    """Decides at the start of each call whether deep features are used again, and keeps them for a run."""

    def __init__(self, rule: DeepCache) -> None:
        self._rule = rule
        self._steps: WeakKeyDictionary[Run, _Step] = WeakKeyDictionary()
        self._reused: Tensor | None = None
        self._place: tuple[_Step, tuple[Any, ...]] | None = None

    def begin(self, x: Tensor, *others: Any) -> tuple[Any, ...]:
        call = current_call()
        step = self._steps.setdefault(call.run, _Step())
        if step.sigma == call.sigma:
            step.call += 1
        else:
            step.number, step.sigma, step.call = step.number + 1, call.sigma, 0
        # Calls of one step are told apart by their order, and by what they are made for.
        name = (step.call, call.rows, tuple(x.shape))
        self._place = (step, name)
        holds = self._rule.sigma_end <= call.sigma <= self._rule.sigma_start
        may_reuse = holds and step.number % self._rule.interval != 0
        self._reused = step.features.get(name) if may_reuse else None
        return (x, *others)

    def skipping(self, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda x, *others: forward(x, *others) if self._reused is None else x

    def keeping(self, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def run(x: Tensor, *others: Any) -> Tensor:
            if self._reused is not None:
                reused, self._reused = self._reused, None
                return reused
            features = forward(x, *others)
            if self._place is not None:
                step, name = self._place
                step.features[name] = features
            self._place = None
            return features

        return run
