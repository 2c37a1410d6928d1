"""Turns a difference of weights into a LoRA: the nearest matrix of a small rank.

Reference: Eckart & Young 1936: no matrix of rank r is nearer than the sum of the r largest singular terms.
"""

import torch
from torch import Tensor


def nearest_product(difference: Tensor, rank: int) -> tuple[Tensor, Tensor] | None:
    """The factors of the matrix of a rank that is nearest to a difference; None for a difference of zeros.

    Args:
        difference: (out, in) or (out, in, kh, kw).
        rank: not above it; less where the difference has less.

    Returns:
        up (out, r) or (out, r, 1, 1) and down (r, in) or (r, in, kh, kw) in float32, with columns and rows of
        equal size, so that 16 bits hold both well.
    """
    matrix = difference.flatten(1).double()
    if not matrix.any():
        return None
    wide = matrix.shape[0] < matrix.shape[1]
    # The singular vectors of the shorter side are the eigenvectors of its small square product.
    square = matrix @ matrix.T if wide else matrix.T @ matrix
    squares, vectors = torch.linalg.eigh(square)
    rank = min(rank, int((squares > squares[-1] * torch.finfo(torch.float64).eps * len(squares)).sum()))
    vectors = vectors[:, -rank:].flip(1)
    up, down = (vectors, vectors.T @ matrix) if wide else (matrix @ vectors, vectors.T)
    balance = squares[-rank:].flip(0) ** 0.25
    up, down = (up * balance, down / balance[:, None]) if wide else (up / balance, down * balance[:, None])
    ones = [1] * (difference.ndim - 2)
    return up.float().reshape(-1, rank, *ones), down.float().reshape(rank, *difference.shape[1:])
