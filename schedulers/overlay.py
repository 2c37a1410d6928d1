"""Lays the answers of conditions over each other, and answers where those that fill the rest come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from schedulers.conditioning import Term, cropped
from schedulers.inpaint import tiled

_NEVER_ZERO = 1e-37


def laid_over(x: Tensor, answers: Sequence[tuple[Term, Tensor]]) -> Tensor:
    """The weighted mean (B, C, H, W) of the answers of one list; exactly 0 where none holds.

    x is (B, C, H, W), each answer (B, C, h, w) over the area of its term.
    """
    if len(answers) == 1:
        term, output = answers[0]
        if term.area is None and term.weight is None and term.strength != 0:
            return output
    total = torch.zeros_like(x)
    weights = torch.full_like(x, _NEVER_ZERO)
    for term, output in answers:
        weight = torch.full_like(output, term.strength)
        if term.weight is not None:
            weight = tiled(term.weight, x.shape[0]) * weight
        target, counted = total, weights
        if term.area is not None:
            target, counted = cropped(total, term.area), cropped(weights, term.area)
        target += output * weight
        counted += weight
    return total / weights


def filled(terms: Sequence[Term], x: Tensor) -> tuple[Term, ...]:
    """Terms of one list that hold together on x (B, C, H, W), default ones with the weight that others leave.

    That is what lacks to 1 of the sum of their weights; a default for which nothing is left is not there.
    """
    others = [term for term in terms if not term.is_default]
    if len(others) == len(terms):
        return tuple(terms)
    left: Tensor | None = None
    if others:
        left = torch.ones((x.shape[0], 1, *x.shape[-2:]), device=x.device)
        for term in others:
            part = left if term.area is None else cropped(left, term.area)
            part -= term.strength if term.weight is None else tiled(term.weight, x.shape[0]) * term.strength
        left = left.relu()
        if not bool(left.any()):
            return tuple(others)
    defaults = (term for term in terms if term.is_default)
    return (*others, *(_weighted(term, left) for term in defaults))


def _weighted(term: Term, left: Tensor | None) -> Term:
    """A term whose weight is `left` (B, 1, H, W) on its area; None = 1 everywhere."""
    weight = left if left is None or term.area is None else cropped(left, term.area)
    return replace(term, weight=weight, strength=1.0)
