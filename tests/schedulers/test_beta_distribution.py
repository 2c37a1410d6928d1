"""Are the quantiles those of the beta distribution? Checked against scipy."""

import numpy
import pytest

from schedulers.beta_distribution import quantiles

special = pytest.importorskip("scipy.special")


@pytest.mark.parametrize(
    ("first", "second"),
    [(0.6, 0.6), (0.4, 0.4), (0.9, 0.9), (0.3, 2.0), (1.0, 1.0), (5.0, 0.7), (50.0, 30.0)],
)
def test_quantiles_agree_with_scipy(first: float, second: float) -> None:
    parts = numpy.linspace(0.0, 1.0, 301)
    expected = special.betaincinv(first, second, parts)
    assert numpy.abs(quantiles(first, second, parts) - expected).max() <= 1e-13


def test_the_steps_chosen_are_those_that_scipy_chooses() -> None:
    for steps in [*range(1, 101, 3), 500, 1000]:
        parts = 1 - numpy.linspace(0, 1, steps, endpoint=False)
        expected = numpy.rint(special.betaincinv(0.6, 0.6, parts) * 999)
        assert numpy.array_equal(numpy.rint(quantiles(0.6, 0.6, parts) * 999), expected), steps


def test_the_ends_and_the_middle_are_exact() -> None:
    assert quantiles(0.6, 0.6, numpy.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]


def test_a_distribution_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, got 0"):
        quantiles(0.0, 1.0, numpy.array([0.5]))
