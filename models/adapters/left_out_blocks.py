"""Runs a network without its blocks, or without all but the first, and answers for them from memory."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from models.adapters.places import change_forward
from models.adapters.step_memory import BLOCKS, Memories, Stream, claim
from models.blank import Blank, as_parts
from models.call import current_call
from models.layout import layout_of

logger = logging.getLogger(__name__)

State = tuple[Tensor, ...]
"""What passes from block to block: the streams, (B, C, h, w) or (B, N, C) each."""


class Judge(ABC):
    """Decides from step to step of one stream of calls whether blocks are left out, and stands in for them.

    `start` is what the first block is given, `first` what it gives, `last` what the last block gives.

    Attributes:
        told_at: the level at which the log is told what is left out.
    """

    told_at: int = logging.DEBUG

    def leaves_all(self, start: State, step: int) -> bool:
        """Whether every block of step number `step` is left out."""
        del start, step
        return False

    def leaves_others(self, start: State, first: State) -> bool:
        """Whether the blocks behind the first are left out."""
        del start, first
        return False

    @abstractmethod
    def learn(self, start: State, first: State, last: State) -> None:
        """Look at a step that was computed as a whole."""

    @abstractmethod
    def answer(self, start: State, first: State | None) -> State:
        """What the last block would have given; `first` is None where the first block did not run."""


class Change:
    """The difference that blocks made to streams; where shapes differ, what they made of them."""

    def __init__(self, later: State, earlier: State) -> None:
        """Of streams before and after, (B, ...) each."""
        self._parts: list[tuple[bool, Tensor]] = []
        for index, after in enumerate(later):
            is_difference = index < len(earlier) and earlier[index].shape == after.shape
            self._parts.append((is_difference, after - earlier[index] if is_difference else after))

    def to(self, streams: State) -> State:
        """Streams (B, ...) after the same change."""
        return tuple(
            streams[index] + part if is_difference else part
            for index, (is_difference, part) in enumerate(self._parts)
        )

    def main(self) -> Tensor:
        """The part of the first stream, (B, ...)."""
        return self._parts[0][1]


class _Stream(Stream):
    """Where the blocks of one call are, and what shape they gave."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.start: State = ()
        self.first: State | None = None
        self.is_left_out = False
        self.is_single = True
        self.blanks: dict[str, Any] = {}


def leave_out_blocks(root: nn.Module, name: str, make: Callable[[], Judge], undo: ExitStack) -> None:
    """Put judges made by `make` over the blocks of a network, for the patch of a name.

    Raises:
        ValueError: the network names less than two blocks, or another patch answers for them.
    """
    claim(root, BLOCKS, name, undo)
    first, *between, last = layout_of(root, least_blocks=2).blocks
    memories = Memories(lambda: _Stream(make()))
    change_forward(root.get_submodule(first), lambda forward: _judged(forward, memories), undo)
    for each in between:
        change_forward(root.get_submodule(each), _skipping(each, memories), undo)
    change_forward(root.get_submodule(last), lambda forward: _answered(forward, memories), undo)


def _judged(forward: Callable[..., Any], memories: Memories[_Stream]) -> Callable[..., Any]:
    def run(*inputs: Any, **named: Any) -> Any:
        stream = memories.current()
        stream.start, stream.first = _tensors(inputs), None
        stream.is_left_out = stream.judge.leaves_all(stream.start, stream.step)
        if stream.is_left_out:
            _tell(stream.judge)
            return stream.blanks[""].like(stream.start[0])
        output = forward(*inputs, **named)
        stream.first = as_state(output)
        stream.is_left_out = stream.judge.leaves_others(stream.start, stream.first)
        if stream.is_left_out:
            _tell(stream.judge)
        stream.blanks[""] = Blank(output)
        return output

    return run


def _skipping(name: str, memories: Memories[_Stream]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*inputs: Any, **named: Any) -> Any:
            stream = memories.current()
            if stream.is_left_out:
                return stream.blanks[name].like(stream.start[0])
            output = forward(*inputs, **named)
            stream.blanks[name] = Blank(output)
            return output

        return run

    return make


def _answered(forward: Callable[..., Any], memories: Memories[_Stream]) -> Callable[..., Any]:
    def run(*inputs: Any, **named: Any) -> Any:
        stream = memories.current()
        try:
            if stream.is_left_out:
                state = stream.judge.answer(stream.start, stream.first)
                return state[0] if stream.is_single else state
            output = forward(*inputs, **named)
            stream.is_single = isinstance(output, Tensor)
            if stream.first is not None:
                stream.judge.learn(stream.start, stream.first, as_state(output))
            return output
        finally:
            stream.start, stream.first = (), None

    return run


def _tell(judge: Judge) -> None:
    logger.log(judge.told_at, "sigma %.3f: blocks left out", current_call().sigma)


def as_state(output: Any) -> State:
    """The streams (B, ...) among what a block gave."""
    return _tensors(as_parts(output))


def _tensors(values: tuple[Any, ...]) -> State:
    return tuple(value for value in values if isinstance(value, Tensor) and torch.is_floating_point(value))
