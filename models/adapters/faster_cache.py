"""Leaves out the rows of the negative prompt in most steps, and self-attention of the others in every second.

Reference: FasterCache, Lyu et al. 2024 (arXiv:2410.19355), equations 5 (attention) and 9 to 11 (guidance).
Shapes: B batch of one list of conditions, R rows of all lists, C channels, h and w cells, N tokens.
"""

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.adapters.places import change_forward
from models.adapters.step_memory import ALWAYS, ATTENTION, BLOCKS, Memories, Stream, Window, claim
from models.call import Call, calling, current_call
from models.control.residuals import Residuals
from models.layout import layout_of

_Slices = dict[int, tuple[Tensor, Tensor]]

NEGATIVE = "negative"
_LOW_PART = 5


@dataclass(frozen=True)
class FasterCache:
    """Approximates the rows of the negative prompt from those of the positive one, by frequencies.

    Attributes:
        guidance_range: of so many steps the negative rows are computed in one; 1: in all.
        attention_range: of so many steps self-attention is computed in one; 1: in all. It is left out only in
            calls whose negative rows are left out, or that have rows of one kind only.
        weight: how far attention that is left out goes on as it changed last, 0 to 1.
        alpha: by what the difference of negative and positive is multiplied in each step in a row that is
            approximated, apart for low and high frequencies.
        guidance: the part of sampling in which negative rows are left out.
        attention: the part in which attention is.
        low: the part in which low frequencies are multiplied.
        high: the part in which high ones are.
    """

    guidance_range: int = 5
    attention_range: int = 2
    weight: float = 0.5
    alpha: float = 1.1
    guidance: Window = ALWAYS
    attention: Window = ALWAYS
    low: Window = ALWAYS
    high: Window = ALWAYS

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("faster cache", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Stand in for the network and its attentions; raises ValueError where it names none."""
        attentions = layout_of(root).self_attention if self.attention_range > 1 else ()
        claim(root, BLOCKS, "FasterCache", undo)
        claim(root, ATTENTION, "FasterCache", undo)
        memories = Memories(_Stream)
        for name in attentions:
            change_forward(root.get_submodule(name), _extrapolating(name, self, memories), undo)
        change_forward(root, lambda forward: _halving(forward, self, memories), undo)

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """What self-attentions gave the last two times; half of it where half the rows are negative."""
        return dict.fromkeys(layout_of(root).self_attention, 2) if self.attention_range > 1 else {}


@dataclass(eq=False)
class _Attention:
    """What an attention gave the rows that are never left out, the last two times, (r, N, C) each."""

    turn: int = 0
    known: tuple[Tensor, ...] = ()


class _Stream(Stream):
    """What one call of every step left to those after it."""

    def __init__(self) -> None:
        self.kept: tuple[int, ...] = ()
        self.difference: Tensor | None = None
        self.low, self.high = 1.0, 1.0
        self.attentions: dict[str, _Attention] = {}
        self.slices: _Slices = {}


def _halving(
    forward: Callable[..., Tensor], rule: FasterCache, memories: Memories[_Stream]
) -> Callable[..., Tensor]:
    def run(x: Tensor, *others: Any, **named: Any) -> Tensor:
        call, stream = current_call(), memories.current()
        stream.kept = tuple(index for index, row in enumerate(call.rows) if row != NEGATIVE)
        if not stream.kept or len(stream.kept) == len(call.rows):
            stream.kept = tuple(range(len(call.rows)))
            return forward(x, *others, **named)
        if not _leaves_out(rule, stream, x):
            output = forward(x, *others, **named)
            _learn(stream, call, output)
            return output
        fewer = replace(call, rows=tuple(call.rows[index] for index in stream.kept))
        memories.share(fewer)
        known, stream.slices = stream.slices, {}
        taken = [_taken(value, call, stream, known) for value in (x, *others, *named.values())]
        first, more = taken[: 1 + len(others)], taken[1 + len(others) :]
        with calling(fewer):
            output = forward(*first, **dict(zip(named, more, strict=True)))
        stream.low *= rule.alpha if rule.low.holds() else 1.0
        stream.high *= rule.alpha if rule.high.holds() else 1.0
        return _completed(stream, call, output)

    return run


def _leaves_out(rule: FasterCache, stream: _Stream, x: Tensor) -> bool:
    """Whether the negative rows of x (R, C, h, w) are approximated."""
    known = stream.difference
    fits = known is not None and known.shape[-2:] == x.shape[-2:]
    return fits and stream.step % rule.guidance_range != 0 and rule.guidance.holds()


def _learn(stream: _Stream, call: Call, output: Tensor) -> None:
    """Remember how the spectra of negative rows differ from those of the first others, of (R, C, h, w)."""
    parts = output.float().chunk(len(call.rows))
    first = parts[stream.kept[0]]
    negatives = [part for part, row in zip(parts, call.rows, strict=True) if row == NEGATIVE]
    stream.difference = torch.fft.fft2(torch.cat([part - first for part in negatives]))
    stream.low = stream.high = 1.0


def _completed(stream: _Stream, call: Call, output: Tensor) -> Tensor:
    """All rows (R, C, h, w), the negative ones approximated from the others (r, C, h, w)."""
    if stream.difference is None:
        raise RuntimeError("rows were left out before they were computed once")
    others = list(output.chunk(len(stream.kept)))
    is_low = low_frequencies(output.shape[-2], output.shape[-1], output.device)
    scale = torch.where(is_low, stream.low, stream.high)
    change = torch.fft.ifft2(stream.difference * scale).real
    first = others[0].float()
    negatives = [(first + part).to(output.dtype) for part in change.split(call.batch)]
    return torch.cat([negatives.pop(0) if row == NEGATIVE else others.pop(0) for row in call.rows])


def low_frequencies(height: int, width: int, device: torch.device) -> Tensor:
    """Which frequencies (h, w) of a picture count as low: those within a fifth of its shorter side."""
    down = torch.fft.fftfreq(height, 1 / height, device=device)
    across = torch.fft.fftfreq(width, 1 / width, device=device)
    return down[:, None] ** 2 + across**2 <= (min(height, width) // _LOW_PART) ** 2


def _taken(value: Any, call: Call, stream: _Stream, before: _Slices) -> Any:
    """The rows of an input that are not left out; what does not come by rows is handed on.

    A tensor that the last such call took too gives the same one again, so that what is made of prompts is
    found again (see models/unet/projections.py).
    """
    if isinstance(value, Residuals):
        return value.each(lambda part: _rows(part, call, stream.kept))
    if not isinstance(value, Tensor):
        return value
    known = before.get(id(value))
    if known is None or known[0] is not value:
        known = value, _rows(value, call, stream.kept)
    stream.slices[id(value)] = known
    return known[1]


def _rows(value: Tensor, call: Call, kept: tuple[int, ...]) -> Tensor:
    if value.ndim == 0 or value.shape[0] != len(call.rows) * call.batch:
        return value
    chunks = value.chunk(len(call.rows))
    return torch.cat([chunks[index] for index in kept])


def _extrapolating(
    name: str, rule: FasterCache, memories: Memories[_Stream]
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    def make(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def run(x: Tensor, *others: Any, **named: Any) -> Tensor:
            stream, call = memories.current(), current_call()
            attention = stream.attentions.setdefault(name, _Attention())
            is_whole = len(call.rows) > len(stream.kept)
            is_due = attention.turn > 0 and attention.turn % rule.attention_range == 0
            attention.turn += 1
            known = attention.known
            fits = bool(known) and all(one.shape[:2] == x.shape[:2] for one in known)
            if fits and not is_whole and not is_due and rule.attention.holds():
                output = known[-1] + (known[-1] - known[0]) * rule.weight
                attention.known = (known[-1], output)
                return output
            output = forward(x, *others, **named)
            kept = output if not is_whole else _rows(output, call, stream.kept)
            attention.known = (known[-1] if known else kept, kept)
            return output

        return run

    return make
