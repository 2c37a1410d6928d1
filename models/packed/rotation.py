"""Turns the rows of a weight so that no number stands out before they are rounded, and back.

Reference: ConvRot, arXiv:2512.03673: a regular Hadamard matrix on each group of columns.
"""

import math

import torch
from torch import Tensor

from models.packed.tables import kept_where_used

# Regular: every row has the same sum. It and its Kronecker powers are symmetric, so they undo themselves.
_SEED = ((1, 1, 1, -1), (1, 1, -1, 1), (1, -1, 1, 1), (-1, 1, 1, 1))

# Two multiplications with the factors of a power take less than one with the power.
_INNER = 16


def is_group(size: int) -> bool:
    """Whether there is a rotation of so many columns: a power of four."""
    return size >= 4 and 4 ** round(math.log(size, 4)) == size


@kept_where_used
def hadamard(size: int, device: torch.device) -> Tensor:
    """The rotation of groups of a size, (size, size) in float32.

    Raises:
        ValueError: if the size is no power of four.
    """
    if not is_group(size):
        raise ValueError(f"columns are rotated in groups of 4, 16, 64, 256 ..., not of {size}")
    seed = torch.tensor(_SEED, dtype=torch.float32, device=device)
    matrix = seed
    while len(matrix) < size:
        matrix = torch.kron(matrix, seed)
    return matrix / size**0.5


def rotated(rows: Tensor, group: int) -> Tensor:
    """Rows (rows, columns) in float32 with each group of columns rotated; twice gives them back.

    Raises:
        ValueError: if the columns are no whole number of groups.
    """
    if rows.shape[1] % group:
        raise ValueError(f"{rows.shape[1]} columns are not groups of {group}")
    inner = min(group, _INNER)
    turned = (rows.reshape(-1, inner) @ hadamard(inner, rows)).reshape(-1, group // inner, inner)
    if group > inner:
        turned = torch.matmul(hadamard(group // inner, rows), turned)
    return turned.reshape(rows.shape)
