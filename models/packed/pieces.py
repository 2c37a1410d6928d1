"""Unpacks and packs large weights a few rows at a time, so that little memory is needed beside them."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

# Numbers that are worked on at once: so many lie in a processor's cache; elsewhere each call takes time.
PIECE, PIECE_ELSEWHERE = 1 << 20, 1 << 24


def unpacked_rows(
    shape: torch.Size,
    dtype: torch.dtype,
    device: torch.device,
    make: Callable[[int, int], Tensor],
) -> Tensor:
    """A weight put together of pieces.

    Args:
        shape: of the weight, (rows, ...).
        dtype: its number type.
        device: where it is.
        make: the rows from one up to another, in any shape and floating-point type.
    """
    rows, step = shape[0], rows_at_once(shape, device)
    if step >= rows:
        return make(0, rows).to(dtype).reshape(shape)
    made = torch.empty(shape, dtype=dtype, device=device)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        made[first:last] = make(first, last).reshape(made[first:last].shape)
    return made


def packed_rows(dense: Tensor, pack: Callable[[Tensor, int, int], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The parts of a weight that is packed row by row, each with its rows first.

    Args:
        dense: the weight (rows, ...); without rows, (numbers,), it counts as one row.
        pack: the parts of the rows from one up to another, which come as (rows, numbers) in float32.
    """
    matrix = as_matrix(dense)
    step, made = rows_at_once(matrix.shape, matrix.device), list[Tensor]()
    for first in range(0, len(matrix), step):
        rows = matrix[first : first + step]
        last = first + len(rows)
        parts = pack(rows.float(), first, last)
        if last == len(matrix) and not made:
            return parts
        # What is kept gets its memory once and whole: pieces of it would lie between what is forgotten.
        made = made or [part.new_empty((len(matrix), *part.shape[1:])) for part in parts]
        for whole, part in zip(made, parts, strict=True):
            whole[first:last] = part
    return tuple(made)


def as_matrix(dense: Tensor) -> Tensor:
    """A weight (any shape) as (rows, numbers)."""
    return dense.detach().flatten(1) if dense.ndim > 1 else dense.detach().reshape(1, -1)


def largest_of(dense: Tensor, *, by_row: bool = False) -> Tensor:
    """How far from zero a weight (any shape), or each row of it, reaches, without a copy of it.

    Returns:
        () or (rows, 1) in float32.
    """
    matrix = as_matrix(dense)
    low, high = matrix.aminmax(dim=1, keepdim=True) if by_row else matrix.aminmax()
    return torch.maximum(-low, high).float()


def rows_at_once(shape: torch.Size, device: torch.device) -> int:
    """How many rows of a weight are worked on together on a device."""
    most = PIECE if device.type == "cpu" else PIECE_ELSEWHERE
    return max(1, most // max(1, shape[1:].numel()))


def beside(scale: Tensor, shape: torch.Size) -> Tensor:
    """Scales (one, or one for each row) so that they can be multiplied with a weight of a shape."""
    if scale.numel() == 1:
        return scale.reshape(())
    return scale.reshape(shape[0], *[1] * (len(shape) - 1))


def rows_of(scale: Tensor, first: int, last: int) -> Tensor:
    """The scales of some rows, of one for all or one for each in the first axis; shape as it came."""
    return scale if scale.ndim == 0 else scale[first:last]


def in_blocks(rows: Tensor, size: int, mode: str = "constant") -> Tensor:
    """Rows (rows, columns) as (rows, blocks, size), filled up with zeros, or in another mode of padding."""
    missing = -rows.shape[1] % size
    return (pad(rows, (0, missing), mode=mode) if missing else rows).reshape(len(rows), -1, size)


class InRows:
    """A format whose parts can be cut where rows begin."""

    def rows(
        self, parts: Mapping[str, Tensor], shape: torch.Size, begin: int, end: int
    ) -> Mapping[str, Tensor]:
        """The parts of the rows from one up to another, sharing memory.

        Those with names as below have a row for each, or one number for all.
        """
        by_row = ("data", "scale", "offset")
        return {name: rows_of(part, begin, end) if name in by_row else part for name, part in parts.items()}
