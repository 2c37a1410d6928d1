"""Quantiles of the beta distribution, for schedules that place their levels by it.

Reference: NIST Digital Library of Mathematical Functions, 8.17.22 (the incomplete beta function as a
continued fraction, evaluated by Lentz's method) and 8.17.4 (its symmetry).
"""

import math

import numpy
from numpy.typing import NDArray

_MOST_TERMS = 400
_HALVINGS = 70
_TINY = 1e-300


def quantiles(alpha: float, beta: float, parts: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """Where a share of Beta(alpha, beta) lies below, for each part (n,) in [0, 1].

    Good to about 1e-14. The median of a symmetric distribution is exactly 0.5. Raises ValueError where alpha
    or beta is not above 0.
    """
    if alpha <= 0 or beta <= 0:
        raise ValueError(f"a beta distribution needs alpha and beta above 0, got {alpha} and {beta}")
    low, high = numpy.zeros_like(parts), numpy.ones_like(parts)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = _share_below(alpha, beta, middle) < parts
        low, high = numpy.where(below, middle, low), numpy.where(below, high, middle)
    found = (low + high) / 2
    if alpha == beta:
        found = numpy.where(parts == 0.5, 0.5, found)
    inside = numpy.where(parts >= 1.0, 1.0, found)
    return numpy.asarray(numpy.where(parts <= 0.0, 0.0, inside))


def _share_below(alpha: float, beta: float, x: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """The regularised incomplete beta function I(x; alpha, beta) for x (n,) in [0, 1]."""
    mirrored = x > (alpha + 1) / (alpha + beta + 2)
    first, second = numpy.where(mirrored, beta, alpha), numpy.where(mirrored, alpha, beta)
    x = numpy.clip(numpy.where(mirrored, 1.0 - x, x), _TINY, 1.0)
    log_whole = math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
    with numpy.errstate(divide="ignore"):
        log_factor = first * numpy.log(x) + second * numpy.log1p(-x) - log_whole
    share = numpy.exp(log_factor) / first * _fraction(first, second, x)
    return numpy.asarray(numpy.where(mirrored, 1.0 - share, share))


def _fraction(
    alpha: NDArray[numpy.float64], beta: NDArray[numpy.float64], x: NDArray[numpy.float64]
) -> NDArray[numpy.float64]:
    """The continued fraction at x (n,); converges fast where x < (alpha + 1) / (alpha + beta + 2)."""
    numerator = numpy.ones_like(x)
    denominator = 1.0 / _away_from_zero(1.0 - (alpha + beta) * x / (alpha + 1))
    value = denominator
    for term in range(1, _MOST_TERMS):
        even = term * (beta - term) * x / ((alpha + 2 * term - 1) * (alpha + 2 * term))
        odd = -(alpha + term) * (alpha + beta + term) * x / ((alpha + 2 * term) * (alpha + 2 * term + 1))
        for factor in (even, odd):
            denominator = 1.0 / _away_from_zero(1.0 + factor * denominator)
            numerator = _away_from_zero(1.0 + factor / numerator)
            change = denominator * numerator
            value = value * change
        if bool(numpy.all(numpy.abs(change - 1.0) < 1e-15)):
            break
    return value


def _away_from_zero(value: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    return numpy.where(numpy.abs(value) < _TINY, _TINY, value)
