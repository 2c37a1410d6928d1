"""Are the features of several control networks added place by place?"""

import torch

from models.control.residuals import ControlResiduals, summed


def test_sums_are_taken_place_by_place_and_missing_places_count_nothing() -> None:
    one, two = torch.ones(1), torch.full((1,), 2.0)
    both = summed(
        [ControlResiduals(input=(None, one), middle=one), ControlResiduals(middle=two, output=(two,))]
    )
    assert both is not None
    assert both.input_at(0) is None
    assert both.input_at(1) is one
    assert both.input_at(2) is None
    assert both.middle is not None
    assert float(both.middle) == 3.0
    assert both.output_at(0) is two
    assert both.output_at(1) is None


def test_one_stays_itself_and_none_is_none() -> None:
    alone = ControlResiduals()
    assert summed([alone]) is alone
    assert summed([]) is None
