"""Which conditions share a call of the network, and how are their answers laid over each other?"""

import weakref

import pytest
import torch
from torch import Tensor

from models.conditioner import PlainConditioner, Surroundings
from models.noise import NoiseTable
from schedulers.batching import ConditionedDenoiser
from schedulers.conditioning import CellArea, ConditioningValue, Setting, resolve
from schedulers.guiders.cfg import Guidance
from schedulers.inpaint import fitted_mask, inside_mask
from schedulers.prediction import NetworkDenoiser
from schedulers.sample import guided
from schedulers.tables import sigma_table
from tests.schedulers.toys import PATH, SAMPLING, ToyNetwork, entry, toy_model

TABLE = sigma_table(NoiseTable())
X = torch.randn(2, 4, 32, 32, generator=torch.Generator().manual_seed(3))
SIGMA = 2.0


def setup(
    positive: ConditioningValue, negative: ConditioningValue = ()
) -> tuple[ConditionedDenoiser, ToyNetwork]:
    model = toy_model()
    lists = resolve(
        {"positive": positive, "negative": negative}, Setting.plain(X.shape, TABLE.percent_to_sigma)
    )
    assert isinstance(model.network, ToyNetwork)
    return ConditionedDenoiser(NetworkDenoiser.of(model), lists), model.network


@torch.no_grad()
def predict(
    positive: ConditioningValue, negative: ConditioningValue = (), sigma: float = SIGMA
) -> dict[str, Tensor]:
    return setup(positive, negative)[0](X, sigma, ("positive", "negative"))


@torch.no_grad()
def test_both_prompts_go_in_one_call_negative_first() -> None:
    positive, negative = entry(1), entry(2)
    denoiser, network = setup((positive,), (negative,))
    denoiser(X, SIGMA, ("positive", "negative"))
    ((x, _, context),) = network.calls
    assert x.shape == (4, 4, 32, 32)
    assert torch.equal(x[:2], x[2:])
    assert torch.equal(context, torch.cat([negative.embedding] * 2 + [positive.embedding] * 2))


@torch.no_grad()
def test_a_list_that_is_not_asked_for_is_not_computed() -> None:
    denoiser, network = setup((entry(1),), (entry(2),))
    assert list(denoiser(X, SIGMA, ("positive",))) == ["positive"]
    assert network.calls[0][0].shape[0] == 2


@torch.no_grad()
@pytest.mark.parametrize(
    ("tokens", "other", "calls"), [(77, 77, 1), (77, 154, 1), (77, 308, 1), (77, 385, 2), (4, 6, 1)]
)
def test_prompts_of_different_length_share_a_call_up_to_four_repeats(
    tokens: int, other: int, calls: int
) -> None:
    denoiser, network = setup((entry(1, tokens),), (entry(2, other),))
    both = denoiser(X, SIGMA, ("positive", "negative"))
    assert len(network.calls) == calls
    alone = setup((entry(1, tokens),))[0](X, SIGMA, ("positive",))
    torch.testing.assert_close(both["positive"], alone["positive"])


def test_strength_cancels_out_where_one_entry_stands_alone() -> None:
    plain = predict((entry(1),))["positive"]
    torch.testing.assert_close(predict((entry(1, strength=0.3),))["positive"], plain)
    torch.testing.assert_close(predict((entry(1, strength=-2.0),))["positive"], plain)


def test_nothing_active_predicts_exactly_zero() -> None:
    late = (entry(1, start=0.9),)
    for result in (predict(()), predict(late), predict((entry(1, strength=0.0),))):
        assert not result["positive"].any()
        assert not result["negative"].any()


def test_combined_entries_are_the_mean_weighted_by_strength() -> None:
    one, other = predict((entry(1),))["positive"], predict((entry(2),))["positive"]
    both = predict((entry(1, strength=3.0), entry(2)))["positive"]
    torch.testing.assert_close(both, one * 0.75 + other * 0.25)


def test_masks_that_part_the_picture_give_each_part_its_own_prediction() -> None:
    left = torch.zeros(1, 32, 32)
    left[:, :, :16] = 1
    one, other = predict((entry(1),))["positive"], predict((entry(2),))["positive"]
    both = predict((entry(1, mask=left), entry(2, mask=1 - left)))["positive"]
    torch.testing.assert_close(both, torch.where(left[:, None] > 0, one, other))


def test_masks_count_per_picture_of_the_batch() -> None:
    masks = torch.zeros(2, 32, 32)
    masks[1] = 1
    one, other = predict((entry(1),))["positive"], predict((entry(2),))["positive"]
    both = predict((entry(1, mask=masks), entry(2, mask=1 - masks)))["positive"]
    torch.testing.assert_close(both, torch.stack([other[0], one[1]]))


@torch.no_grad()
def test_an_area_is_computed_on_its_own_cells_only() -> None:
    area = CellArea(16, 24, 8, 4)
    denoiser, network = setup((entry(1, area=area),))
    result = denoiser(X, SIGMA, ("positive",))["positive"]
    assert network.calls[0][0].shape == (2, 4, 16, 24)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[8:24, 4:28] = True
    assert not result[..., ~inside].any()
    assert result[..., inside].abs().min() > 0


@torch.no_grad()
def test_areas_of_one_size_share_a_call_wherever_they_are() -> None:
    same = (entry(1, area=CellArea(16, 16, 0, 0)), entry(2, area=CellArea(16, 16, 16, 16)))
    denoiser, network = setup(same)
    denoiser(X, SIGMA, ("positive",))
    assert [call[0].shape[0] for call in network.calls] == [4]
    denoiser, network = setup((*same, entry(3, area=CellArea(8, 16, 0, 0)), entry(4)))
    denoiser(X, SIGMA, ("positive",))
    assert [call[0].shape for call in network.calls] == [(4, 4, 16, 16), (2, 4, 8, 16), (2, 4, 32, 32)]


def test_a_region_over_a_background_fades_into_it() -> None:
    area = CellArea(16, 16, 8, 8)
    background = predict((entry(2),))["positive"]
    both = predict((entry(1, area=area, strength=1.0), entry(2)))["positive"]
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[8:24, 8:24] = False
    torch.testing.assert_close(both[..., outside], background[..., outside])
    denoiser, _ = setup((entry(1, area=area),))
    with torch.no_grad():
        region = denoiser(X, SIGMA, ("positive",))["positive"]
    corner = 0.25 * 0.25
    expected = (region[..., 8, 8] * corner + background[..., 8, 8]) / (corner + 1)
    torch.testing.assert_close(both[..., 8, 8], expected)
    torch.testing.assert_close(both[..., 16, 16], (region[..., 16, 16] + background[..., 16, 16]) / 2)


def test_a_window_switches_an_entry_off() -> None:
    early = entry(1, end=0.5)
    late = entry(2, start=0.5)
    border = TABLE.percent_to_sigma(0.5)
    one, other = (
        predict((entry(1),), sigma=border * 2)["positive"],
        predict((entry(2),), sigma=border / 2)["positive"],
    )
    torch.testing.assert_close(predict((early, late), sigma=border * 2)["positive"], one)
    torch.testing.assert_close(predict((early, late), sigma=border / 2)["positive"], other)


def refusing(network: torch.nn.Module, most: int) -> list[int]:
    """Let a network find no memory for more rows than so many; the rows of every call that it gets."""
    sizes: list[int] = []

    def refuse(module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        sizes.append(inputs[0].shape[0])
        if inputs[0].shape[0] > most:
            raise torch.OutOfMemoryError("out of memory")

    network.register_forward_pre_hook(refuse)
    return sizes


@torch.no_grad()
def test_prompts_run_apart_where_memory_does_not_hold_them_together() -> None:
    entries = (entry(1), entry(2), entry(3))
    together = setup(entries)[0](X, SIGMA, ("positive",))["positive"]
    denoiser, network = setup(entries)
    sizes = refusing(network, 2)
    torch.testing.assert_close(denoiser(X, SIGMA, ("positive",))["positive"], together)
    assert sizes == [6, 2, 2, 2]
    denoiser(X, SIGMA, ("positive",))
    assert sizes == [6, 2, 2, 2, 2, 2, 2]


@torch.no_grad()
def test_pictures_run_apart_where_memory_does_not_hold_one_prompt_for_all() -> None:
    x = torch.randn(5, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    entries = (entry(1), entry(2))
    together = setup(entries)[0](x, SIGMA, ("positive",))["positive"]
    denoiser, network = setup(entries)
    sizes = refusing(network, 2)
    torch.testing.assert_close(denoiser(x, SIGMA, ("positive",))["positive"], together)
    assert sizes == [10, 5, 2, 2, 1, 2, 2, 1]
    sizes.clear()
    denoiser(x, SIGMA, ("positive",))
    assert sizes == [2, 2, 1, 2, 2, 1]


@torch.no_grad()
def test_no_more_rows_run_at_once_than_is_said() -> None:
    x = torch.randn(5, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    whole, network = setup((entry(1), entry(2)))
    together = whole(x, SIGMA, ("positive",))["positive"]
    sizes = refusing(network, 10)
    for most, expected in ((3, [3, 2, 3, 2]), (5, [5, 5]), (9, [5, 5]), (10, [10])):
        denoiser = ConditionedDenoiser(whole._network, whole._lists, most_rows=most)
        torch.testing.assert_close(denoiser(x, SIGMA, ("positive",))["positive"], together)
        assert sizes == expected
        sizes.clear()


@torch.no_grad()
def test_what_failed_for_want_of_memory_is_let_go_of_before_less_is_tried() -> None:
    denoiser, network = setup((entry(1), entry(2)))
    alive: list[weakref.ref[Tensor]] = []

    def refuse(module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].shape[0] > 2:
            large = torch.zeros(8)
            alive.append(weakref.ref(large))
            raise torch.OutOfMemoryError("out of memory")
        assert alive[0]() is None

    network.register_forward_pre_hook(refuse)
    denoiser(X, SIGMA, ("positive",))
    assert len(alive) == 1


@torch.no_grad()
def test_one_prompt_that_memory_does_not_hold_is_an_error() -> None:
    denoiser, network = setup((entry(1),))
    refusing(network, 0)
    with pytest.raises(torch.OutOfMemoryError):
        denoiser(X, SIGMA, ("positive",))


@torch.no_grad()
def test_no_evaluation_reads_a_number_back_from_the_device() -> None:
    model = toy_model()
    model.network.to("meta")
    mask = torch.ones(1, 64, 64)
    positive = (entry(1), entry(2, area=CellArea(16, 16, 0, 8)), entry(3, mask=mask, strength=0.5, end=0.5))
    x = torch.empty(2, 4, 32, 32, device="meta")
    where = Surroundings(x, x, None, 0, x.device)
    setting = Setting(PlainConditioner(), where, TABLE.percent_to_sigma)
    lists = resolve({"positive": positive, "negative": (entry(4, 14),)}, setting)
    denoise = guided(ConditionedDenoiser(NetworkDenoiser.of(model), lists), Guidance(7.0), SAMPLING)
    denoised, _ = inside_mask(denoise, fitted_mask(mask, x.shape).to("meta"), x, x, PATH)(x, SIGMA)
    assert denoised.shape == x.shape
