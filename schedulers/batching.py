"""Which conditions run through the network together, and how their answers are laid over each other."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from models.adapters.kept import KeptChanges
from models.adapters.patch import Patch, install
from models.call import Call, Run, Weighed, calling
from schedulers.conditioning import Term, cropped
from schedulers.inpaint import tiled
from schedulers.overlay import filled, laid_over
from schedulers.prediction import NetworkDenoiser

logger = logging.getLogger(__name__)

_MOST_REPEATS = 4


@dataclass(frozen=True, eq=False)
class _Active:
    """A term of the named list that holds now, with what it changes in the network.

    against: the terms of the negative prompt that hold in the same place.
    """

    name: str
    term: Term
    patches: tuple[Patch, ...]
    against: tuple[Term, ...] = ()

    @property
    def hooked(self) -> tuple[Hashable, ...]:
        """What the patches do."""
        return tuple(patch.key for patch in self.patches)


class ConditionedDenoiser:
    """Denoised latents for named lists of conditions, in as few network calls as shapes allow."""

    def __init__(
        self,
        network: NetworkDenoiser,
        lists: Mapping[str, tuple[Term, ...]],
        sigmas: tuple[float, ...] = (),
        run: Run | None = None,
        most_rows: int | None = None,
    ) -> None:
        """Terms must be resolved for the latents that will come; sigmas are the noise levels of the run.

        One call of the network gets `most_rows` latents at most, prompts counted, as far as it can be split.
        """
        self._network = network
        self._lists = lists
        self._sigmas = sigmas
        self._sampling = run or Run()
        self._contexts: dict[tuple[int, ...], tuple[Tensor, Mapping[str, Tensor]]] = {}
        self._texts: dict[tuple[int, int], Tensor] = {}
        self._kept = KeptChanges(network.model.network)
        self._filled: dict[tuple[int, ...], tuple[Term, ...]] = {}
        self._evaluations = 0
        self._most_terms = max(1, sum(len(terms) for terms in lists.values()))
        self._most_rows = most_rows
        self._parts: dict[tuple[int, int, int], Term] = {}

    def __call__(
        self, x: Tensor, sigma: float, names: Sequence[str], under: Sequence[Patch] = ()
    ) -> dict[str, Tensor]:
        """The prediction (B, C, H, W) of each list for x (B, C, H, W): exactly 0 where no term holds.

        `under` is installed in the network for this evaluation only.
        """
        self._evaluations += 1
        if self._most_rows is not None:
            self._most_terms = min(self._most_terms, max(1, self._most_rows // x.shape[0]))
        active = [
            _Active(
                name, term, () if term.hook is None else term.hook.patches(sigma), self._opposed(term, sigma)
            )
            for name in names
            for term in self._holding(name, x, sigma)
        ]
        self._kept.forget_all_but([member.hooked for member in active])
        outputs: dict[int, Tensor] = {}
        waiting = list(range(len(active)))
        while waiting:
            group = _together(waiting, active)
            members = [active[index] for index in group]
            with ExitStack() as undo:
                self._kept.install(members[0].patches, undo)
                install(self._network.model.network, tuple(under), undo)
                outputs.update(zip(group, self._run(x, sigma, members, under), strict=True))
            waiting = [index for index in waiting if index not in outputs]
        return {
            name: laid_over(
                x, [(one.term, outputs[index]) for index, one in enumerate(active) if one.name == name]
            )
            for name in names
        }

    def _holding(self, name: str, x: Tensor, sigma: float) -> tuple[Term, ...]:
        """The terms of a list that hold at a noise level; what defaults fill is worked out once."""
        terms = tuple(term for term in self._lists[name] if term.is_active(sigma))
        if not any(term.is_default for term in terms):
            return terms
        key = (x.shape[0], *(id(term) for term in terms))
        if key not in self._filled:
            self._filled[key] = filled(terms, x)
        return self._filled[key]

    def _opposed(self, term: Term, sigma: float) -> tuple[Term, ...]:
        """The terms of the negative prompt that hold where a term does."""
        negative = self._lists.get("negative", ())
        return tuple(other for other in negative if other.area == term.area and other.is_active(sigma))

    def _run(
        self, x: Tensor, sigma: float, members: Sequence[_Active], under: Sequence[Patch]
    ) -> tuple[Tensor, ...]:
        """One (B, C, h, w) answer for each of terms that fit together, in one call if memory allows."""
        if len(members) > self._most_terms:
            return self._run_terms(x, sigma, members, under)
        if self._most_rows is not None and x.shape[0] > self._most_rows and not members[0].term.controls:
            return self._run_rows(x, sigma, members[0], under)
        try:
            return self._run_together(x, sigma, members, under)
        except torch.OutOfMemoryError:
            if len(members) == 1 and (x.shape[0] == 1 or members[0].term.controls):
                raise
        # Not while the error is handled: it holds all that was computed up to then.
        if len(members) > 1:
            self._most_terms = len(members) // 2
            logger.info(
                "No memory for %d prompts in one run, going on with %d", len(members), self._most_terms
            )
        else:
            self._most_rows = x.shape[0] // 2
            logger.info("No memory for %d pictures in one run, going on with %d", len(x), self._most_rows)
        return self._run(x, sigma, members, under)

    def _run_together(
        self, x: Tensor, sigma: float, members: Sequence[_Active], under: Sequence[Patch]
    ) -> tuple[Tensor, ...]:
        terms = [member.term for member in members]
        area = terms[0].area
        crops = [x if term.area is None else cropped(x, term.area) for term in terms]
        if len(terms) == 1:
            stacked = crops[0]
        elif area is None:
            stacked = x.repeat(len(terms), 1, 1, 1)
        else:
            stacked = torch.cat(crops)
        context, inputs = self._context(terms, x.shape[0])
        rows = tuple(member.name for member in members)
        height, width = stacked.shape[-2:]
        places = height, width, self._sigmas, self._sampling, self._evaluations
        alone = members[0].hooked, tuple(patch.key for patch in under)
        purpose = (tuple(id(term) for term in terms), *alone)
        against = partial(self._against, members, x.shape[0])
        with calling(Call(sigma, rows, x.shape[0], *places, purpose, against)):
            output = self._network(stacked, sigma, context, inputs, terms[0].controls)
        return output.chunk(len(terms))

    def _run_terms(
        self, x: Tensor, sigma: float, members: Sequence[_Active], under: Sequence[Patch]
    ) -> tuple[Tensor, ...]:
        """The answers of terms, a few at a time."""
        most = self._most_terms
        groups = [members[first : first + most] for first in range(0, len(members), most)]
        return tuple(answer for group in groups for answer in self._run(x, sigma, group, under))

    def _run_rows(
        self, x: Tensor, sigma: float, member: _Active, under: Sequence[Patch]
    ) -> tuple[Tensor, ...]:
        """The answer of one term without controls, a few pictures of x at a time."""
        batch, most = x.shape[0], self._most_rows or 1
        answers: list[Tensor] = []
        for first in range(0, batch, most):
            last = min(batch, first + most)
            against = tuple(self._part(term, batch, first, last) for term in member.against)
            part = replace(member, term=self._part(member.term, batch, first, last), against=against)
            answers += self._run(x[first:last], sigma, [part], under)
        return (torch.cat(answers),)

    def _part(self, term: Term, batch: int, first: int, last: int) -> Term:
        """A term for some rows of a batch; one and the same each time, as contexts go by identity."""
        name = (id(term), first, last)
        if name not in self._parts:
            rows = {key: tiled(value, batch)[first:last] for key, value in term.inputs.items()}
            embedding = (
                tiled(term.embedding, batch)[first:last] if len(term.embedding) > 1 else term.embedding
            )
            self._parts[name] = replace(term, inputs=rows, embedding=embedding)
        return self._parts[name]

    def _against(self, members: Sequence[_Active], batch: int, chunk: int) -> Weighed:
        """The texts (batch, T, D) of the negative prompt for one of the members, with their strengths."""
        return tuple((self._text(term, batch), term.strength) for term in members[chunk].against)

    def _text(self, term: Term, batch: int) -> Tensor:
        """The text (batch, T, D) of a term; one and the same each time."""
        name = (id(term), batch)
        if name not in self._texts:
            self._texts[name] = tiled(term.embedding, batch).to(self._network.dtype)
        return self._texts[name]

    def _context(self, terms: Sequence[Term], batch: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Embeddings (len(terms) * batch, T, D) and the further inputs with as many rows.

        Short embeddings are repeated, which attention does not notice.
        """
        name = (batch, *(id(term) for term in terms))
        if name not in self._contexts:
            longest = math.lcm(*(term.embedding.shape[1] for term in terms))
            rows = [term.embedding.repeat(1, longest // term.embedding.shape[1], 1) for term in terms]
            inputs = {
                key: torch.cat([tiled(term.inputs[key], batch) for term in terms]) for key in terms[0].inputs
            }
            context = torch.cat([tiled(row, batch) for row in rows])
            # In the number type of the network, so that it sees one and the same tensor in every step.
            self._contexts[name] = context.to(self._network.dtype), inputs
        return self._contexts[name]


def _together(waiting: Sequence[int], active: Sequence[_Active]) -> list[int]:
    """The waiting indices that can share a call with the first of them, last first."""
    first = active[waiting[0]]
    return [index for index in waiting if _fit(first, active[index])][::-1]


def _fit(one: _Active, other: _Active) -> bool:
    term, another = one.term, other.term
    size = (term.area.height, term.area.width) if term.area else None
    other_size = (another.area.height, another.area.width) if another.area else None
    if size != other_size or term.embedding.shape[2] != another.embedding.shape[2]:
        return False
    if term.controls != another.controls or one.hooked != other.hooked:
        return False
    if {key: value.shape for key, value in term.inputs.items()} != {
        key: value.shape for key, value in another.inputs.items()
    }:
        return False
    tokens, other_tokens = term.embedding.shape[1], another.embedding.shape[1]
    if tokens == other_tokens:
        return True
    return math.lcm(tokens, other_tokens) // min(tokens, other_tokens) <= _MOST_REPEATS
