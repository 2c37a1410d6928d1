"""Are the features of several control networks added place by place?"""

import torch

from models.blank import Blank, is_blank
from models.control.residuals import ControlResiduals, DeferredResiduals, summed


def test_sums_are_taken_place_by_place_and_missing_places_count_nothing() -> None:
    one, two = torch.ones(1), torch.full((1,), 2.0)
    both = summed(
        [ControlResiduals(input=(None, one), middle=one), ControlResiduals(middle=two, output=(two,))]
    )
    assert isinstance(both, ControlResiduals)
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


def test_what_is_deferred_is_computed_when_it_is_added_to_features_that_were() -> None:
    asked = []

    def compute() -> ControlResiduals:
        asked.append(1)
        return ControlResiduals(middle=torch.ones(1, 2, 3, 3), output=(torch.ones(1, 2, 3, 3),))

    features = torch.randn(1, 2, 3, 3)
    blank = Blank(features).like(features)
    assert is_blank(blank)
    assert not is_blank(features)
    early = ControlResiduals(input=(torch.full((1, 2, 3, 3), 4.0),))
    both = summed([DeferredResiduals(compute), early])
    assert both is not None
    doubled = both.each(lambda part: part * 2)
    assert torch.equal(doubled.to_input(features, 0), features + 8)
    assert torch.equal(doubled.to_input(features, 1), features)
    assert doubled.to_middle(blank) is blank
    assert doubled.to_skip(features, 0, blank) is features
    assert asked == []
    assert torch.equal(doubled.to_middle(features), features + 2)
    assert torch.equal(doubled.to_skip(features, 0, features), features + 2)
    assert torch.equal(doubled.to_skip(features, 1, features), features)
    assert asked == [1]
