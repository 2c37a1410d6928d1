"""Checks the quantiles behind the `beta` schedule against scipy."""

import numpy
import pytest

from schedulers.beta_distribution import quantiles

special = pytest.importorskip("scipy.special")


@pytest.mark.parametrize("shape", [0.4, 0.6, 0.9])
def test_quantiles_agree_with_scipy(shape: float) -> None:
    parts = numpy.linspace(0.0, 1.0, 1001)
    assert numpy.abs(quantiles(shape, parts) - special.betaincinv(shape, shape, parts)).max() <= 1e-13


def test_the_steps_chosen_are_those_that_scipy_chooses() -> None:
    for steps in [*range(1, 101), 500, 1000]:
        parts = 1 - numpy.linspace(0, 1, steps, endpoint=False)
        expected = numpy.rint(special.betaincinv(0.6, 0.6, parts) * 999)
        assert numpy.array_equal(numpy.rint(quantiles(0.6, parts) * 999), expected), steps


def test_the_ends_and_the_middle_are_exact() -> None:
    assert quantiles(0.6, numpy.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]
