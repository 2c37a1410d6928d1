"""Adams-Bashforth multistep methods on the probability-flow ODE in sigma."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from numpy.polynomial import Polynomial
from torch import Tensor

from schedulers.step import Denoiser, Step

_HIGHEST_ORDER = 4
_EVEN_WEIGHTS = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)

Weights = Callable[[Sequence[float], int, int], Sequence[float]]


def lagrange_weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """The integrals from start to end of the Lagrange polynomials on nodes."""
    weights = []
    for place, node in enumerate(nodes):
        basis = Polynomial([1.0])
        for other_place, other in enumerate(nodes):
            if other_place != place:
                basis = basis * Polynomial([-other, 1.0]) / (node - other)
        area = basis.integ()
        weights.append(float(area(end) - area(start)))
    return weights


def _multistep(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    weights: Weights,
    highest: int = _HIGHEST_ORDER,
    *,
    jumps: bool = True,
) -> Iterator[Step]:
    """Steps up to the highest order; weights(sigmas, index, order) are factors of slopes, newest first.

    jumps: the step to sigma 0 is the prediction.
    """
    slopes: list[Tensor] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes[: highest - 1]]
        if sigma_next == 0 and jumps:
            x = denoised
        else:
            for weight, slope in zip(weights(sigmas, index, len(slopes)), slopes, strict=True):
                x = x + slope * weight
        yield Step(index, sigma_next, x, denoised)


def _exact(sigmas: Sequence[float], index: int, order: int) -> Sequence[float]:
    nodes = [sigmas[index - back] for back in range(order)]
    return lagrange_weights(nodes, sigmas[index], sigmas[index + 1])


def _even(sigmas: Sequence[float], index: int, order: int) -> Sequence[float]:
    width = sigmas[index + 1] - sigmas[index]
    return [width * weight for weight in _EVEN_WEIGHTS[order - 1]]


def _varied(sigmas: Sequence[float], index: int, order: int) -> Sequence[float]:
    """Weights of iPNDM for uneven steps, as zju-pi/diff-sampler writes them (not quite those of Adams)."""
    widths = [sigmas[index + 1 - back] - sigmas[index - back] for back in range(order)]
    width = widths[0]
    if order == 1:
        return [width]
    one = widths[1]
    newest, second = (2 + width / one) / 2, -(width / one) / 2
    if order == 2:
        return [width * newest, width * second]
    two = widths[2]
    ahead = width * (width + one)
    third = (1 - width / (3 * (width + one)) * ahead / (one * (one + two))) / 2
    if order == 3:
        shares = [newest + third, second - (1 + one / two) * third, third * one / two]
        return [width * share for share in shares]
    three = widths[3]
    fourth = (
        (1 - width / (3 * (width + one))) / 2
        + (1 - width / (2 * (width + one))) * width / (6 * (width + one + two))
    ) * (ahead * (width + one + two) / (one * (one + two) * (one + two + three)))
    ratio = one * (one + two) / (two * (two + three))
    shares = [
        newest + third + fourth,
        second - (1 + one / two) * third - (1 + one / two + ratio) * fourth,
        third * one / two + (one / two + ratio * (1 + two / three)) * fourth,
        -fourth * ratio * one / two,
    ]
    return [width * share for share in shares]


def lms(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, order: int = _HIGHEST_ORDER, jumps: bool = True
) -> Iterator[Step]:
    """Linear multistep with exact weights for uneven steps (k-diffusion); x: (B, C, H, W).

    order: how many slopes are kept; above 4 it loses its footing near sigma 0.
    jumps: the step to sigma 0 is the prediction, not one more of the kind.
    """
    return _multistep(denoise, x, sigmas, _exact, order, jumps=jumps)


def ipndm(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Improved PNDM (Zhang & Chen 2023): fourth order with the weights of even steps; x: (B, C, H, W)."""
    return _multistep(denoise, x, sigmas, _even)


def ipndm_v(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Improved PNDM with weights that follow uneven steps (zju-pi/diff-sampler); x: (B, C, H, W)."""
    return _multistep(denoise, x, sigmas, _varied)
