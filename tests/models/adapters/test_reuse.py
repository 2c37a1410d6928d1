"""Are runs of a network left out where, and only where, little would change?"""

from collections.abc import Sequence
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor, nn

from models.adapters.number_type import NumberType
from models.adapters.reuse import ChangeRate, StepReuse
from models.call import Call, Run, calling
from schedulers.guiders.reuse import GuidanceReuse

X = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))


class Doubling(nn.Module):
    """Twice the first channels of its input; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.register_buffer("steps", torch.arange(3))
        self.calls = 0

    def forward(self, x: Tensor, t: Tensor, *, bias: float = 0.0) -> Tensor:
        self.calls += 1
        return x[:, :4] * self.weight + bias


def computed(patch: StepReuse, inputs: Sequence[tuple[float, Tensor]]) -> tuple[list[bool], list[Tensor]]:
    """Which calls of a run were computed, and what they gave."""
    network, run, made, outputs = Doubling(), Run(), [], []
    with ExitStack() as undo:
        patch.install(network, undo)
        for sigma, x in inputs:
            before = network.calls
            with calling(Call(sigma, ("negative", "positive"), 1, 16, 16, run=run)):
                outputs.append(network(x, torch.zeros(2), bias=0.5))
            made.append(network.calls > before)
    assert "forward" not in network.__dict__
    return made, outputs


def scaled(*factors: float) -> list[tuple[float, Tensor]]:
    return [(10.0 - number, X * factor) for number, factor in enumerate(factors)]


def test_what_changes_little_is_left_out_until_it_adds_up() -> None:
    # The output is about twice the input and moves twice as much: 0.1 of the input is some 0.1 of the output.
    made, outputs = computed(StepReuse(0.15, 100.0, 0.0), scaled(1.0, 1.1, 1.2, 1.3, 1.4, 1.6))
    assert made == [True, True, False, True, False, True]
    assert torch.allclose(outputs[2], X * 1.2 + (X * 1.1 + 0.5), atol=1e-6)


def test_a_threshold_of_nothing_leaves_nothing_out() -> None:
    assert all(computed(StepReuse(0.0, 100.0, 0.0), scaled(1.0, 1.0, 1.0, 1.0))[0])


def test_nothing_is_left_out_before_and_after_its_part_of_sampling() -> None:
    steps = scaled(1.0, 1.01, 1.02, 1.03, 1.04)
    # The first step inside is remembered, the second compared with it: the third is left out at the earliest.
    assert computed(StepReuse(9.0, 9.5, 6.5), steps)[0] == [True, True, True, False, True]
    assert computed(StepReuse(9.0, 8.5, 6.5), steps)[0] == [True] * 5
    assert computed(StepReuse(9.0, 100.0, 100.0), steps)[0] == [True] * 5


def test_all_calls_of_a_step_are_left_out_together() -> None:
    steps = [(sigma, x) for sigma, x in scaled(1.0, 1.1, 1.11) for _ in range(2)]
    made, outputs = computed(StepReuse(0.2, 100.0, 0.0), steps)
    assert made == [True, True, True, True, False, False]
    assert torch.equal(outputs[4], outputs[5])


def test_evaluations_at_the_same_level_are_judged_each_for_itself() -> None:
    network, run, made = Doubling(), Run(), []
    both, alone = ("negative", "positive"), ("positive",)
    calls = [(9.0, both, 1.0), (8.0, both, 1.1), (8.0, both, 1.11), (8.0, alone, 1.11), (8.0, both, 1.5)]
    with ExitStack() as undo:
        StepReuse(0.2, 100.0, 0.0).install(network, undo)
        for number, (sigma, rows, factor) in enumerate(calls):
            before = network.calls
            with calling(Call(sigma, rows, 1, 16, 16, run=run, evaluation=number)):
                network(X[: len(rows)] * factor, torch.zeros(2))
            made.append(network.calls > before)
    assert made == [True, True, False, True, True]


def test_another_size_is_computed() -> None:
    steps = [*scaled(1.0, 1.01), (5.0, X[..., :8, :8])]
    assert computed(StepReuse(9.0, 100.0, 0.0), steps)[0] == [True, True, True]


def test_channels_behind_the_latent_are_no_part_of_the_change() -> None:
    wide = [(sigma, torch.cat((x, X), dim=1)) for sigma, x in scaled(1.0, 1.01, 1.02)]
    made, outputs = computed(StepReuse(9.0, 100.0, 0.0), wide)
    assert made == [True, True, False]
    assert outputs[2].shape == X.shape


def test_change_is_not_judged_before_there_is_anything_to_compare() -> None:
    rate = ChangeRate(9.0)
    assert not rate.is_small(X)
    rate.learn(X, X, 2, may_judge=True)
    assert not rate.is_small(X)
    rate.learn(X * 2, X * 2, 2, may_judge=True)
    assert rate.is_small(X * 2)


def test_guidance_is_left_out_as_a_whole() -> None:
    asked = []

    def denoise(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        asked.append(sigma)
        return x * 2, x * 3

    reusing = GuidanceReuse(0.25, 100.0, 1.0).wrapped(denoise)
    results = [reusing(x, sigma) for sigma, x in scaled(1.0, 1.1, 1.2)]
    assert asked == [10.0, 9.0]
    assert torch.allclose(results[2][0], X * 1.2 + X * 1.1)
    assert torch.allclose(results[2][1], X * 1.2 + X * 2.2)
    reusing(X, 1.0)
    assert asked == [10.0, 9.0, 1.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_computes_in_another_type_and_is_what_it_was_afterwards(dtype: torch.dtype) -> None:
    network = Doubling()
    weight, steps = network.weight, network.steps
    with ExitStack() as undo:
        NumberType(dtype).install(network, undo)
        assert (network.weight.dtype, network.steps.dtype) == (dtype, torch.int64)
        assert isinstance(network.weight, nn.Parameter)
    assert network.weight is weight
    assert network.steps is steps
