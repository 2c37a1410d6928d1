"""Are mixtures of models what their formulas say, and are they made only when they are used?"""

import pytest
import torch
from torch import Tensor, nn

from models.adapters.deltas import Added
from models.adapters.merged import Merge, Mix, compare, merge
from models.adapters.patch import Patched, applied
from models.adapters.products import LowRank
from models.adapters.scaled_weights import ScaledWeights
from models.adapters.weight_change import PatchedWeights
from models.adapters.weights import DeltaSet, WeightPatch
from models.diffusion import DiffusionModel

NAME = "input_blocks.1.to_q.weight"


class Small(nn.Module):
    def __init__(self, seed: int, width: int = 6) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.input_blocks = nn.ModuleList(
            nn.ModuleDict({"to_q": nn.Linear(width if index == 1 else 5, 4)}) for index in range(11)
        )
        self.time_embed = nn.Linear(3, 3)
        self.register_buffer("table", torch.arange(4))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        self.requires_grad_(False)


def model(seed: int, width: int = 6) -> Patched[DiffusionModel]:
    return Patched(DiffusionModel(network=Small(seed, width), family="sd15", name=f"model {seed}"))


def weights(patched: Patched[DiffusionModel]) -> dict[str, Tensor]:
    with applied(patched) as base:
        return {name: tensor.clone() for name, tensor in base.network.named_parameters()}


def lora(strength: float, seed: int = 5) -> WeightPatch:
    generator = torch.Generator().manual_seed(seed)
    up, down = torch.randn(4, 2, generator=generator), torch.randn(2, 6, generator=generator)
    return WeightPatch(DeltaSet({NAME: Added(LowRank(up, down))}), strength)


@pytest.fixture
def pair() -> tuple[Patched[DiffusionModel], Patched[DiffusionModel]]:
    return model(1), model(2)


Pair = tuple[Patched[DiffusionModel], Patched[DiffusionModel]]


def test_every_weight_is_mixed_in_the_proportions(pair: Pair) -> None:
    first, second = pair
    one, two = weights(first), weights(second)
    mixed = weights(merge(first, second, Mix(0.25, 0.75)))
    for name, tensor in mixed.items():
        torch.testing.assert_close(tensor, 0.25 * one[name] + 0.75 * two[name])
    assert all(torch.equal(tensor, one[name]) for name, tensor in weights(first).items())


def test_the_longest_beginning_of_a_name_decides(pair: Pair) -> None:
    first, second = pair
    one, two = weights(first), weights(second)
    blocks = (("input", Mix(0.5, 0.5)), ("input_blocks.1.", Mix(0.1, 0.9)))
    mixed = weights(merge(first, second, Mix(1.0, 0.0), blocks))
    for name, kept in ((NAME, 0.1), ("input_blocks.10.to_q.weight", 0.5), ("time_embed.bias", 1.0)):
        torch.testing.assert_close(mixed[name], kept * one[name] + (1 - kept) * two[name])


def test_loras_of_both_go_into_the_mixture_and_later_ones_on_top(pair: Pair) -> None:
    first, second = pair
    one, two = weights(first)[NAME], weights(second)[NAME]
    delta = weights(first.with_patch(lora(1.0)))[NAME] - one
    merged = merge(first.with_patch(lora(1.0)), second.with_patch(lora(2.0)), Mix(0.5, 0.5))
    torch.testing.assert_close(
        weights(merged.with_patch(lora(-1.0)))[NAME], 0.5 * (one + delta) + 0.5 * (two + 2 * delta) - delta
    )


def test_a_model_is_mixed_with_itself_under_other_patches(pair: Pair) -> None:
    first, _ = pair
    one = weights(first)[NAME]
    delta = weights(first.with_patch(lora(1.0)))[NAME] - one
    merged = merge(
        first.with_patch(lora(1.0)), first.with_patch(ScaledWeights((("to_q", 2.0),))), Mix(0.5, 0.5)
    )
    torch.testing.assert_close(weights(merged)[NAME], 0.5 * (one + delta) + 0.5 * 2 * one)
    assert torch.equal(weights(first)[NAME], one)


def test_what_stands_on_the_other_network_makes_no_difference(pair: Pair) -> None:
    first, second = pair
    expected = weights(merge(first, second, Mix(0.5, 0.5)))
    with applied(second.with_patch(lora(3.0))), applied(second.with_patch(lora(1.0, seed=8))):
        mixed = weights(merge(first, second, Mix(0.5, 0.5)))
    assert all(torch.equal(tensor, mixed[name]) for name, tensor in expected.items())


def test_mixtures_can_be_mixed(pair: Pair) -> None:
    first, second = pair
    third = model(3)
    difference = merge(second, third, Mix(1.0, -1.0))
    mixed = weights(merge(first, difference, Mix(1.0, 1.0)))
    one, two, three = (weights(value) for value in (first, second, third))
    for name, tensor in mixed.items():
        torch.testing.assert_close(tensor, one[name] + two[name] - three[name])


def test_nothing_is_taken_where_shapes_differ_and_the_report_says_so() -> None:
    first, second = model(1), model(2, width=7)
    report = compare(first, second)
    assert report.reshaped == (NAME,)
    assert "nothing is taken of 1 weights" in report.lines()[0]
    mixed = weights(merge(first, second, Mix(0.5, 0.5)))
    torch.testing.assert_close(mixed[NAME], 0.5 * weights(first)[NAME])


def test_models_with_nothing_in_common_are_refused() -> None:
    other = Patched(DiffusionModel(network=nn.Linear(2, 2), family="x", name="other"))
    with pytest.raises(ValueError, match=r"model 1 with 24 weights, and other with 2 weights"):
        compare(model(1), other)


def test_equal_mixtures_have_equal_keys(pair: Pair) -> None:
    first, second = pair
    assert merge(first, second, Mix(0.5, 0.5)).stack == merge(first, second, Mix(0.5, 0.5)).stack
    assert merge(first, second, Mix(0.5, 0.5)).stack != merge(first, second, Mix(0.6, 0.4)).stack
    other = second.with_patch(lora(1.0))
    assert merge(first, second, Mix(0.5, 0.5)).stack != merge(first, other, Mix(0.5, 0.5)).stack


def test_a_share_of_one_changes_no_weight(pair: Pair) -> None:
    first, second = pair
    unchanged = Merge(PatchedWeights(second), Mix(1.0, 0.0))
    assert list(unchanged.places(first.base.network)) == []


def test_weights_of_sixteen_bits_are_mixed_in_full_and_rounded_once() -> None:
    first, second = model(1), model(2)
    for value in (first, second):
        value.base.network.to(torch.bfloat16)
    one, two = weights(first)[NAME].float(), weights(second)[NAME].float()
    mixed = weights(merge(first, second, Mix(0.3, 0.7)).with_patch(lora(0.01)))[NAME]
    delta = lora(0.01).change(NAME, torch.zeros(4, 6))
    assert torch.equal(mixed, (0.3 * one + 0.7 * two + delta).bfloat16())


def test_the_weights_of_a_patched_model_are_read_without_touching_its_network(pair: Pair) -> None:
    first, _ = pair
    patched = first.with_patch(lora(1.0))
    before = {name: id(tensor) for name, tensor in first.base.network.named_parameters()}
    there = PatchedWeights(patched)
    read = {name: there.read(name) for name in there.shapes}
    assert list(read) == list(before)
    assert {name: id(tensor) for name, tensor in first.base.network.named_parameters()} == before
    assert all(torch.equal(tensor, read[name]) for name, tensor in weights(patched).items())
