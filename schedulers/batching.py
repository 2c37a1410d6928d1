"""Which conditions run through the network together, and how their answers are laid over each other."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from schedulers.conditioning import Term, cropped
from schedulers.inpaint import tiled
from schedulers.prediction import NetworkDenoiser

logger = logging.getLogger(__name__)

_NEVER_ZERO = 1e-37
_MOST_REPEATS = 4


class ConditionedDenoiser:
    """Denoised latents for named lists of conditions, in as few network calls as shapes allow."""

    def __init__(self, network: NetworkDenoiser, lists: Mapping[str, tuple[Term, ...]]) -> None:
        """Terms must be resolved for the latents that will come."""
        self._network = network
        self._lists = lists
        self._contexts: dict[tuple[int, ...], Tensor] = {}
        self._most_terms = max(1, sum(len(terms) for terms in lists.values()))

    def __call__(self, x: Tensor, sigma: float, names: Sequence[str]) -> dict[str, Tensor]:
        """The prediction (B, C, H, W) of each list for x (B, C, H, W): exactly 0 where no term holds."""
        active = [(name, term) for name in names for term in self._lists[name] if term.is_active(sigma)]
        outputs: dict[int, Tensor] = {}
        waiting = list(range(len(active)))
        while waiting:
            group = _together(waiting, [term for _, term in active])
            terms = [active[index][1] for index in group]
            outputs.update(zip(group, self._run(x, sigma, terms), strict=True))
            waiting = [index for index in waiting if index not in outputs]
        return {
            name: _laid_over(
                x, [(term, outputs[index]) for index, (owner, term) in enumerate(active) if owner == name]
            )
            for name in names
        }

    def _run(self, x: Tensor, sigma: float, terms: Sequence[Term]) -> tuple[Tensor, ...]:
        """One (B, C, h, w) answer for each of terms that fit together, in one call if memory allows."""
        if len(terms) > self._most_terms:
            return self._run_parts(x, sigma, terms)
        area = terms[0].area
        crops = [x if term.area is None else cropped(x, term.area) for term in terms]
        if len(terms) == 1:
            stacked = crops[0]
        elif area is None:
            stacked = x.repeat(len(terms), 1, 1, 1)
        else:
            stacked = torch.cat(crops)
        context = self._context(terms, x.shape[0])
        try:
            output = self._network(stacked, sigma, context)
        except torch.OutOfMemoryError:
            if len(terms) == 1:
                raise
            self._most_terms = len(terms) // 2
            logger.info("No memory for %d prompts in one run, going on with %d", len(terms), self._most_terms)
            return self._run_parts(x, sigma, terms)
        return output.chunk(len(terms))

    def _run_parts(self, x: Tensor, sigma: float, terms: Sequence[Term]) -> tuple[Tensor, ...]:
        most = self._most_terms
        parts = [self._run(x, sigma, terms[first : first + most]) for first in range(0, len(terms), most)]
        return tuple(answer for part in parts for answer in part)

    def _context(self, terms: Sequence[Term], batch: int) -> Tensor:
        """Embeddings (len(terms) * batch, T, D); short ones are repeated, which attention does not notice."""
        name = (batch, *(id(term) for term in terms))
        if name not in self._contexts:
            longest = math.lcm(*(term.embedding.shape[1] for term in terms))
            rows = [term.embedding.repeat(1, longest // term.embedding.shape[1], 1) for term in terms]
            self._contexts[name] = torch.cat([tiled(row, batch) for row in rows])
        return self._contexts[name]


def _together(waiting: Sequence[int], terms: Sequence[Term]) -> list[int]:
    """The waiting indices that can share a call with the first of them, last first."""
    first = terms[waiting[0]]
    return [index for index in waiting if _fit(first, terms[index])][::-1]


def _fit(one: Term, other: Term) -> bool:
    size = (one.area.height, one.area.width) if one.area else None
    other_size = (other.area.height, other.area.width) if other.area else None
    if size != other_size or one.embedding.shape[2] != other.embedding.shape[2]:
        return False
    tokens, other_tokens = one.embedding.shape[1], other.embedding.shape[1]
    if tokens == other_tokens:
        return True
    return math.lcm(tokens, other_tokens) // min(tokens, other_tokens) <= _MOST_REPEATS


def _laid_over(x: Tensor, answers: Sequence[tuple[Term, Tensor]]) -> Tensor:
    """The weighted mean (B, C, H, W) of the answers of one list."""
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
