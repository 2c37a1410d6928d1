"""Says what a way to compute attention is, and what distinguishes the calls among which one is chosen.

Shapes: B batch, H heads, N query tokens, M key tokens, D width of one head.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """What calls have in common for which the same backend is best; counts are powers of two from above.

    Attributes:
        device: where the tensors are.
        dtype: their number type.
        rows: B * H.
        queries: N.
        keys: M.
        width: D, exactly.
        mask: "" without one, "boolean" or "added".
        causal: whether queries see no later keys.
        is_square: whether N is M, exactly.
    """

    device: torch.device
    dtype: torch.dtype
    rows: int
    queries: int
    keys: int
    width: int
    mask: str = ""
    causal: bool = False
    is_square: bool = True


class Backend(Protocol):
    """A way to compute attention."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether it errs no more than its number type does; others are used by those who ask for them."""
        ...

    def missing(self) -> str:
        """What this machine lacks for it, in a sentence; empty if nothing."""
        ...

    def refusal(self, case: Case) -> str:
        """What it does not do about a case, in a sentence; empty if it can."""
        ...

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Softmax attention, scaled by 1/sqrt(D): (B, H, N, D) of (B, H, N, D) and twice (B, H, M, D)."""
        ...


def case_of(query: Tensor, key: Tensor, mask: Tensor | None, causal: bool) -> Case:
    """The case of a call with a query (B, H, N, D), a key (B, H, M, D) and a mask broadcastable to both."""
    kind = "" if mask is None else "boolean" if mask.dtype is torch.bool else "added"
    queries, keys = query.shape[-2], key.shape[-2]
    return Case(
        query.device,
        query.dtype,
        _power_of_two(query.shape[0] * query.shape[1]),
        _power_of_two(queries),
        _power_of_two(keys),
        query.shape[-1],
        kind,
        causal,
        queries == keys,
    )


def _power_of_two(count: int) -> int:
    """The least power of two that is not below a count."""
    return 1 << max(0, count - 1).bit_length()
