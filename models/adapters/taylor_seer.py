"""Computes some steps and predicts those between from how what the network's parts give has been changing.

Reference: TaylorSeer, Liu et al. 2025 (arXiv:2503.06923), equations 5 to 9.
Shapes: B batch, C channels, h and w cells, N tokens.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.adapters.left_out_blocks import Judge, State, leave_out_blocks
from models.adapters.places import change_forward
from models.adapters.step_memory import ALWAYS, ATTENTION, BLOCKS, Memories, Stream, Window, claim, steps_done
from models.blank import Blank
from models.call import current_call
from models.layout import layout_of


class Expansion:
    """A Taylor series of a value that changes with time, from the differences of its known values."""

    def __init__(self, order: int) -> None:
        """Up to the derivative of number `order`; 0 predicts the last value again."""
        self._order = order
        self._time = 0.0
        self._factors: list[Tensor] = []

    @property
    def is_known(self) -> bool:
        """Whether there is a value to predict from."""
        return bool(self._factors)

    def learn(self, time: float, value: Tensor) -> None:
        """Take in the value, a tensor of any shape, at a later time than the last one."""
        factors = [value]
        passed = time - self._time
        for known in self._factors[: self._order]:
            if passed <= 0 or known.shape != factors[-1].shape:
                break
            factors.append((factors[-1] - known) / passed)
        self._time, self._factors = time, factors

    def at(self, time: float) -> Tensor:
        """The value, in the shape of the last one, that is expected at a time."""
        passed = time - self._time
        value = self._factors[0]
        for order, factor in enumerate(self._factors[1:], start=1):
            value = value + factor * (passed**order / math.factorial(order))
        return value


@dataclass(frozen=True)
class TaylorSeer:
    """Predicts what parts of the network give, in most steps.

    Attributes:
        interval: of so many steps one is computed.
        warm_up: the first steps, which are all computed.
        order: the highest derivative.
        is_lite: predict what the last block gives and leave out all blocks, which is fastest and takes least
            memory, rather than what every attention and feed-forward adds.
        window: the part of sampling in which steps are predicted.
    """

    interval: int = 5
    warm_up: int = 3
    order: int = 1
    is_lite: bool = True
    window: Window = ALWAYS

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("taylor seer", self)

    def computes(self, step: int) -> bool:
        """Whether the step is computed: while warming up, then one after the first predicted, and so on."""
        return (
            step < self.warm_up or (step - self.warm_up - 1) % self.interval == 0 or not self.window.holds()
        )

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for blocks or branches; raises ValueError where the network names none."""
        if self.interval <= 1:
            return
        if self.is_lite:
            leave_out_blocks(root, "TaylorSeer", lambda: _Judge(self), undo)
            return
        claim(root, BLOCKS, "TaylorSeer", undo)
        claim(root, ATTENTION, "TaylorSeer", undo)
        memories = Memories(_Stream)
        for branch in layout_of(root, least_blocks=1).branches:
            for name in branch:
                change_forward(root.get_submodule(name), _predicting(branch, name, self, memories), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """What the last block gave, or each branch, with the differences up to the order."""
        if self.interval <= 1:
            return {}
        if self.is_lite:
            return {layout_of(root, least_blocks=2).blocks[-1]: self.order + 1}
        return {branch[-1]: self.order + 1 for branch in layout_of(root, least_blocks=1).branches}


class _Judge(Judge):
    """Predicts what the last block gives."""

    def __init__(self, rule: TaylorSeer) -> None:
        self._rule = rule
        self._expansions: list[Expansion] = []
        self._step = 0

    def leaves_all(self, start: State, step: int) -> bool:
        del start
        self._step = step
        return bool(self._expansions) and not self._rule.computes(step)

    def learn(self, start: State, first: State, last: State) -> None:
        del start, first
        if self._rule.window.is_over():
            self._expansions = []
            return
        if len(self._expansions) != len(last):
            self._expansions = [Expansion(self._rule.order) for _ in last]
        for expansion, value in zip(self._expansions, last, strict=True):
            expansion.learn(_time(self._step), value)

    def answer(self, start: State, first: State | None) -> State:
        del start, first
        return tuple(expansion.at(_time(self._step)) for expansion in self._expansions)


class _Branch:
    """What one branch gave to one call of every step."""

    def __init__(self, order: int) -> None:
        self.expansion = Expansion(order)
        self.blanks: dict[str, Blank] = {}
        self.shape: torch.Size | None = None
        self.is_predicted = False


class _Stream(Stream):
    """What every branch gave to one call of every step."""

    def __init__(self) -> None:
        self.branches: dict[str, _Branch] = {}


def _predicting(
    names: tuple[str, ...], name: str, rule: TaylorSeer, memories: Memories[_Stream]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A module of a branch: the first decides for all, the last gives what is predicted."""

    def make(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(x: Tensor, *others: Any, **named: Any) -> Any:
            stream = memories.current()
            branch = stream.branches.setdefault(names[0], _Branch(rule.order))
            if name == names[0]:
                is_known = branch.expansion.is_known and branch.shape == x.shape
                branch.is_predicted = is_known and not rule.computes(stream.step)
                branch.shape = x.shape
            if branch.is_predicted:
                is_last = name == names[-1]
                return branch.expansion.at(_time(stream.step)) if is_last else branch.blanks[name].like(x)
            output = forward(x, *others, **named)
            if name != names[-1]:
                branch.blanks[name] = Blank(output)
            elif rule.window.is_over():
                branch.expansion = Expansion(rule.order)
            else:
                branch.expansion.learn(_time(stream.step), output)
            return output

        return run

    return make


def _time(step: int) -> float:
    """The time of the current step: its place among the noise levels of its run, where it knows them."""
    call = current_call()
    return steps_done(call) if len(call.sigmas) > 1 else float(step)
