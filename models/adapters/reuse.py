"""Leaves out whole runs of a network whose answer would hardly change, and answers how much that is.

Reference: EasyCache, Zhou et al. 2025 (arXiv:2507.02860), sections 3.2 and 3.3: from step to step the output
changes in nearly constant proportion to the input, so that the change of the input tells when to compute.
Shapes: B batch, C channels, h and w cells; R rows of one list of conditions.
"""

import logging
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from models.adapters.places import change_forward
from models.call import Call, Run, current_call

logger = logging.getLogger(__name__)

_STRIDE = 8


class ChangeRate:
    """What is known of the last computation, and the change that was left out since.

    It reads one number back from the device each time it is asked.
    """

    def __init__(self, threshold: float) -> None:
        """Computations are left out until the change adds up to `threshold`, a part of the output's size."""
        self._threshold = threshold
        self._x: Tensor | None = None
        self._output: Tensor | None = None
        self._size = 0.0
        self._proportion: float | None = None
        self._left_out = 0.0

    def is_small(self, x: Tensor) -> bool:
        """Whether the output for x (R, C, h, w) is expected to be about as last time."""
        if self._x is None or self._proportion is None or not self._size:
            return False
        self._left_out += self._proportion * _distance(x, self._x) / self._size
        if self._left_out < self._threshold:
            return True
        self._left_out = 0.0
        return False

    def learn(self, x: Tensor, output: Tensor, rows: int, may_judge: bool) -> None:
        """Remember a computation: x and output (B, C, h, w), of which the first rows are compared.

        Only where `may_judge` the proportion of the changes is taken from it.
        """
        if may_judge and self._x is not None and self._output is not None:
            moved = _distance(x[:rows], self._x)
            if moved > 0.0:
                self._proportion = _distance(output[:rows], self._output) / moved
        self._x, self._output = _sparse(x[:rows]).clone(), _sparse(output[:rows]).clone()
        self._size = float(output.abs().mean())


def _sparse(latent: Tensor) -> Tensor:
    return latent[..., ::_STRIDE, ::_STRIDE]


def _distance(latent: Tensor, sparse: Tensor) -> float:
    if _sparse(latent).shape != sparse.shape:
        return float("inf")
    return float((_sparse(latent) - sparse).abs().mean())


@dataclass(frozen=True)
class StepReuse:
    """Answers with the last change from input to output while that is expected to hold.

    Attributes:
        threshold: part of the output's size up to which changes are left out.
        sigma_start: it does so from below this noise level ...
        sigma_end: ... and above this one.
        is_told: write to the log what is left out.
    """

    threshold: float
    sigma_start: float
    sigma_end: float
    is_told: bool = False

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("step reuse", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the network's computation."""
        memories: WeakKeyDictionary[Run, _Memory] = WeakKeyDictionary()

        def reusing(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def run(x: Tensor, *others: Any, **inputs: Any) -> Tensor:
                call = current_call()
                if call.sigma <= self.sigma_end:
                    return forward(x, *others, **inputs)
                memory = memories.setdefault(call.run, _Memory(ChangeRate(self.threshold)))
                holds = call.sigma <= self.sigma_start
                kept = memory.kept(call, x, holds)
                if kept is not None:
                    level = logging.INFO if self.is_told else logging.DEBUG
                    logger.log(level, "sigma %.3f: left out", call.sigma)
                    return x[:, : kept.shape[1]] + kept
                output = forward(x, *others, **inputs)
                memory.keep(call, x, output, holds)
                return output

            return run

        change_forward(root, reusing, undo)


@dataclass(eq=False)
class _Memory:
    """What one run remembers: the change that each call of an evaluation made, and whether this is left out.

    The first call tells, by the rows of one list of conditions; an evaluation that begins with another list
    (of a rule that asks for one by itself) is computed.
    """

    rate: ChangeRate
    evaluation: tuple[float, int] | None = None
    judge: str | None = None
    number: int = 0
    is_left_out: bool = False
    changes: dict[Hashable, Tensor] = field(default_factory=dict)

    def kept(self, call: Call, x: Tensor, holds: bool) -> Tensor | None:
        """The change to be used for x (B, C, h, w) instead of a computation, or None."""
        evaluation = (call.sigma, call.evaluation)
        self.number = self.number + 1 if evaluation == self.evaluation else 0
        self.evaluation = evaluation
        found = self.changes.get(self._name(call, x)) if holds else None
        if self.number == 0:
            is_judged = found is not None and call.rows[0] == self.judge
            self.is_left_out = is_judged and self.rate.is_small(x[: call.batch])
        return found if self.is_left_out else None

    def keep(self, call: Call, x: Tensor, output: Tensor, holds: bool) -> None:
        """Remember what a computation made of x, (B, C, h, w) both.

        Changes are compared from the first step on in which runs may be left out, as workflows expect.
        """
        if self.number == 0 and holds:
            self.judge = self.judge or call.rows[0]
            if call.rows[0] == self.judge:
                self.rate.learn(x, output, call.batch, may_judge=True)
        self.changes[self._name(call, x)] = output - x[:, : output.shape[1]]

    def _name(self, call: Call, x: Tensor) -> Hashable:
        """What tells the calls of an evaluation apart: their order, and what they are made for."""
        return (self.number, call.rows, tuple(x.shape))
