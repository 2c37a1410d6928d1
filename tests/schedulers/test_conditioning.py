"""What do areas, masks and windows come to on a latent?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.noise import NoiseTable
from schedulers.conditioning import CellArea, ConditioningValue, FractionArea, Setting, Term, resolve
from schedulers.tables import sigma_table
from tests.schedulers.toys import entry

TABLE = sigma_table(NoiseTable())


def terms(
    positive: ConditioningValue, negative: ConditioningValue = (), size: int = 32
) -> dict[str, tuple[Term, ...]]:
    lists = {"positive": positive, "negative": negative}
    return resolve(lists, Setting.plain((1, 4, size, size), TABLE.percent_to_sigma))


def weight(term: Term) -> torch.Tensor:
    assert term.weight is not None
    return term.weight


def test_a_plain_entry_holds_everywhere_and_always() -> None:
    (term,) = terms((entry(1),))["positive"]
    assert (term.area, term.weight, term.strength) == (None, None, 1.0)
    assert all(term.is_active(sigma) for sigma in (0.0, 0.03, 14.6, 4518.0))


def test_a_window_includes_both_its_ends() -> None:
    (term,) = terms((entry(1, start=0.2, end=0.5),))["positive"]
    start, end = TABLE.percent_to_sigma(0.2), TABLE.percent_to_sigma(0.5)
    assert [term.is_active(sigma) for sigma in (start * 1.001, start, 3.0, end, end * 0.999)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_fraction_becomes_cells_rounded_half_to_even_and_at_least_one() -> None:
    area = FractionArea(height=0.5, width=0.001, top=0.25, left=0.5)
    (term,) = terms((entry(1, area=area),), size=10)["positive"]
    assert term.area == CellArea(height=5, width=1, top=2, left=5)


def test_an_area_is_cut_at_the_edge_and_refused_outside() -> None:
    (term,) = terms((entry(1, area=CellArea(16, 20, 24, 0)),))["positive"]
    assert term.area == CellArea(8, 20, 24, 0)
    with pytest.raises(ValueError, match="outside the latent of 32 x 32 cells"):
        terms((entry(1, area=CellArea(8, 8, 32, 0)),))


def test_an_area_fades_on_the_sides_that_lie_inside() -> None:
    (term,) = terms((entry(1, area=CellArea(16, 8, 0, 4)),))["positive"]
    rows = [1.0] * 12 + [1.0, 0.75, 0.5, 0.25]
    columns = [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    torch.testing.assert_close(weight(term)[0, 0], torch.tensor(rows)[:, None] * torch.tensor(columns)[None])


def test_a_large_area_fades_over_eight_cells() -> None:
    (term,) = terms((entry(1, area=CellArea(64, 128, 0, 64)),), size=192)["positive"]
    expected = torch.cat([torch.arange(1, 9) / 8, torch.ones(120)])
    torch.testing.assert_close(weight(term)[0, 0, 0], expected)


def test_a_mask_is_scaled_to_the_latent_and_does_not_fade() -> None:
    mask = torch.zeros(1, 64, 64)
    mask[:, :, :32] = 1
    area = CellArea(16, 32, 0, 0)
    plain, within = terms((entry(1, mask=mask, mask_strength=0.5), entry(2, mask=mask, area=area)))[
        "positive"
    ]
    assert weight(plain).shape == (1, 1, 32, 32)
    assert weight(plain)[0, 0, 5].tolist() == [0.5] * 16 + [0.0] * 16
    assert weight(within).shape == (1, 1, 16, 32)
    assert weight(within)[0, 0, 15].tolist() == [1.0] * 16 + [0.0] * 16


def test_mask_bounds_make_an_area_of_at_least_eight_cells() -> None:
    mask = torch.zeros(1, 32, 32)
    mask[0, 10:22, 4:7] = -0.5
    (term,) = terms((entry(1, mask=mask, mask_bounds=True),))["positive"]
    assert term.area == CellArea(height=12, width=8, top=10, left=4)
    (empty,) = terms((entry(1, mask=torch.zeros(32, 32), mask_bounds=True),))["positive"]
    assert empty.area == CellArea(8, 8, 0, 0)


def test_a_regional_entry_gets_a_partner_in_the_other_list() -> None:
    area = CellArea(16, 16, 0, 8)
    regional, plain = entry(1, area=area, strength=0.4, start=0.1), entry(2)
    resolved = terms((regional,), (plain,))
    first, partner = resolved["negative"]
    assert first.area is None
    assert partner.area == area
    assert torch.equal(partner.embedding, plain.embedding)
    assert partner.strength == 0.4
    assert partner.sigma_start == resolved["positive"][0].sigma_start
    assert len(resolved["positive"]) == 1


def test_the_partner_is_made_of_the_smallest_entry_that_contains_the_area() -> None:
    inner = CellArea(8, 8, 8, 8)
    everywhere, wide, narrow = (
        entry(2),
        entry(3, area=CellArea(32, 32, 0, 0)),
        entry(4, area=CellArea(20, 20, 4, 4)),
    )
    aside = entry(5, area=CellArea(8, 8, 20, 20))
    negative = terms((entry(1, area=inner),), (everywhere, wide, narrow, aside))["negative"]
    partners = [term for term in negative if term.area == inner]
    assert len(partners) == 1
    assert torch.equal(partners[0].embedding, narrow.embedding)


def test_an_entry_on_the_same_area_needs_no_partner() -> None:
    area = CellArea(8, 8, 8, 8)
    resolved = terms((entry(1, area=area),), (entry(2, area=area),))
    assert (len(resolved["positive"]), len(resolved["negative"])) == (1, 1)
    assert len(terms((entry(1, area=area),), ())["negative"]) == 0


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 31), st.integers(0, 31))
def test_weights_fit_their_area_and_stay_in_range(height: int, width: int, top: int, left: int) -> None:
    (term,) = terms((entry(1, area=CellArea(height, width, top, left)),))["positive"]
    assert term.area is not None
    assert weight(term).shape == (1, 1, term.area.height, term.area.width)
    assert term.area.top + term.area.height <= 32
    assert term.area.left + term.area.width <= 32
    assert 0 < float(weight(term).min()) <= float(weight(term).max()) <= 1
