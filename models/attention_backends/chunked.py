"""Computes attention in parts that fit into a memory budget, in plain operations of torch.

References: Rabe and Staats 2021 (arXiv:2112.05682), algorithm of section 2 and 3; the running softmax is that
of Milakov and Gimelshein 2018 (arXiv:1805.02867), algorithm 3.
Shapes: B batch, H heads, N query tokens, M key tokens, D width of one head.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attention_backends.backend import Case

# Scores, what they become, and what they are multiplied with stand in memory together.
_COPIES = 3
_LEAST_KEYS = 512
_LEAST_ROOM_BYTES = 2**20
# On processors, parts that stay in their caches are computed a fifth faster (benchmarks/RESULTS.md).
_CACHED_BYTES = 2**23


@dataclass(frozen=True)
class Chunked:
    """Attention of so many queries to so many keys at a time that the scores stay within a budget.

    Attributes:
        name: what people call it.
        room: bytes that may be used on a device for what is between inputs and output.
        whole_rows: whether each query sees all its keys at once ("split"), which needs memory that grows with
            their number; otherwise ("sub-quadratic") what it needs does not grow.
        upcast: whether scores of 16 bits are computed in float32.
    """

    name: str
    room: Callable[[torch.device], int]
    whole_rows: bool = False
    upcast: bool = True
    is_exact: bool = True

    def missing(self) -> str:
        """Nothing: it runs everywhere."""
        return ""

    def refusal(self, case: Case) -> str:
        """Nothing: it takes everything."""
        del case
        return ""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Attend in parts."""
        room = max(self.room(query.device), _LEAST_ROOM_BYTES)
        if query.device.type == "cpu":
            room = min(room, _CACHED_BYTES)
        return chunked_attention(
            query, key, value, mask, causal, room, whole_rows=self.whole_rows, upcast=self.upcast
        )


def chunked_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    causal: bool,
    room_bytes: int,
    *,
    whole_rows: bool = False,
    upcast: bool = True,
) -> Tensor:
    """Softmax attention, scaled by 1/sqrt(D), in parts; queries that may see no key get zeros.

    Args:
        query: (B, H, N, D).
        key: (B, H, M, D).
        value: (B, H, M, E).
        mask: broadcastable to (B, H, N, M); boolean (True attends) or additive.
        causal: each query sees keys at its own position and before.
        room_bytes: memory for scores and what is made of them.
        whole_rows: whether each query meets all keys at once.
        upcast: whether 16 bits are widened to float32 inside.

    Returns:
        (B, H, N, E).
    """
    dtype = torch.float32 if upcast and query.dtype.itemsize < 4 else query.dtype
    sizes = _Sizes.fitting(query, key, room_bytes // (_COPIES * dtype.itemsize), whole_rows)
    made = query.new_empty(*query.shape[:-1], value.shape[-1])
    key, value = (tensor.expand(*query.shape[:2], -1, -1) for tensor in (key, value))
    whole_mask = None if mask is None else mask.expand(*query.shape[:-1], key.shape[-2])
    for rows in sizes.parts():
        part = None if whole_mask is None else whole_mask[rows]
        keys, values = key[rows[:2]], value[rows[:2]]
        running = _Running(query[rows].to(dtype) / math.sqrt(query.shape[-1]), values.shape[-1])
        last = rows[2].stop if causal else key.shape[-2]
        for start in range(0, min(last, key.shape[-2]), sizes.keys):
            span = slice(start, min(start + sizes.keys, key.shape[-2]))
            seen = None if part is None else part[..., span]
            running.see(keys[:, :, span], values[:, :, span], seen, rows[2].start - start if causal else None)
        made[rows] = running.outcome().to(made.dtype)
    return made


@dataclass(frozen=True)
class _Sizes:
    """How many heads, queries and keys meet at a time."""

    shape: tuple[int, int, int]
    heads: int
    queries: int
    keys: int

    @classmethod
    def fitting(cls, query: Tensor, key: Tensor, room: int, whole_rows: bool) -> "_Sizes":
        """The largest that make no more than so many scores at once."""
        batch, heads, queries = query.shape[:3]
        keys = key.shape[-2]
        width = keys if whole_rows else min(keys, max(_LEAST_KEYS, math.isqrt(max(1, room // heads))))
        # What runs along with the scores: the queries, and sums as wide as a head.
        each = width + 2 * query.shape[-1]
        together = max(1, room // each)
        if together >= heads * queries:
            return cls((batch, heads, queries), heads, queries, width)
        if together >= heads:
            return cls((batch, heads, queries), heads, together // heads, width)
        return cls((batch, heads, queries), 1, min(queries, together), width)

    def parts(self) -> Iterator[tuple[slice, slice, slice]]:
        """Which rows of (B, H, N) go together."""
        batch, heads, queries = self.shape
        for sample in range(batch):
            for head in range(0, heads, self.heads):
                for first in range(0, queries, self.queries):
                    yield (
                        slice(sample, sample + 1),
                        slice(head, head + self.heads),
                        slice(first, min(first + self.queries, queries)),
                    )


class _Running:
    """What some queries have seen so far: a sum of values, its weight, and the highest score."""

    def __init__(self, query: Tensor, width: int) -> None:
        self.query = query
        self.sum = query.new_zeros(*query.shape[:-1], width)
        self.weight = query.new_zeros(*query.shape[:-1], 1)
        self.highest = query.new_full((*query.shape[:-1], 1), -math.inf)

    def see(self, keys: Tensor, values: Tensor, mask: Tensor | None, diagonal: int | None) -> None:
        """Meet further keys, of which those that the mask or the diagonal hides are left out."""
        scores = self.query @ keys.to(self.query.dtype).transpose(-1, -2)
        if mask is not None and mask.dtype is torch.bool:
            scores.masked_fill_(~mask, -math.inf)
        elif mask is not None:
            scores += mask
        if diagonal is not None:
            hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu_(diagonal + 1)
            scores.masked_fill_(hidden, -math.inf)
        highest = torch.maximum(self.highest, scores.amax(dim=-1, keepdim=True))
        # Where nothing was to be seen yet, the highest is -inf, and -inf less -inf is no number.
        level = highest.masked_fill(highest == -math.inf, 0.0)
        scores.sub_(level).exp_()
        faded = (self.highest - level).exp_()
        self.weight.mul_(faded).add_(scores.sum(dim=-1, keepdim=True))
        self.sum.mul_(faded).add_(scores @ values.to(scores.dtype))
        self.highest = highest

    def outcome(self) -> Tensor:
        """The mean of the values seen; zeros where none was."""
        return self.sum.div_(self.weight.masked_fill_(self.weight == 0, 1.0))
