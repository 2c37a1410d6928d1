"""Are the levels of GITS those that were published, for every coefficient and count of steps?"""

from itertools import pairwise

import pytest

from nodes.sampling.schedules import gits
from schedulers.gits import GITS, gits_levels


def test_there_are_levels_for_each_coefficient_and_count() -> None:
    assert list(GITS) == [round(0.8 + 0.05 * place, 2) for place in range(15)]
    for rows in GITS.values():
        assert [len(row) for row in rows] == list(range(3, 22))
        for row in rows:
            assert (row[0], row[-1]) == (14.61464119, 0.02916753)
            assert all(high > low for high, low in pairwise(row))


def test_some_rows_are_those_of_the_paper() -> None:
    assert gits_levels(0.8, 2) == (14.61464119, 7.49001646, 0.02916753)
    assert gits_levels(0.8, 3) == (14.61464119, 11.54541874, 6.77309084, 0.02916753)
    assert gits_levels(0.8, 4) == (14.61464119, 11.54541874, 7.49001646, 3.07277966, 0.02916753)


def test_the_node_ends_at_nought_and_takes_the_last_part() -> None:
    whole = gits(coeff=1.2, steps=10, denoise=1.0)
    assert len(whole) == 11
    assert whole.tolist()[:-1] == pytest.approx(gits_levels(1.2, 10)[:-1])
    assert float(whole[-1]) == 0.0
    assert gits(coeff=1.2, steps=10, denoise=0.5).tolist() == whole[5:].tolist()
    assert len(gits(coeff=1.2, steps=10, denoise=0.0)) == 0


def test_more_steps_than_published_are_interpolated() -> None:
    longer = gits(coeff=1.0, steps=33, denoise=1.0).tolist()
    assert len(longer) == 34
    assert longer[0] == pytest.approx(14.61464119)
    assert all(high > low for high, low in pairwise(longer))


def test_what_has_no_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not 1\.23"):
        gits_levels(1.23, 5)
    with pytest.raises(ValueError, match="2 steps and more"):
        gits_levels(1.0, 1)


def test_a_coefficient_that_is_not_quite_round_is_taken_for_the_next() -> None:
    assert gits_levels(0.8 + 3 * 0.05, 4) == gits_levels(0.95, 4)
