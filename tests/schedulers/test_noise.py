"""Does every random number come from where the ecosystem takes it?"""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schedulers.noise import BrownianNoise, BrownianTree, GaussianNoise, initial_noise, reseeded_noise

SHAPE = (2, 4, 4, 4)


def test_initial_noise_is_one_draw_from_the_seeded_global_generator() -> None:
    noise = initial_noise(SHAPE, 42)
    after = torch.randn(3)
    torch.manual_seed(42)
    assert torch.equal(noise, torch.randn(SHAPE))
    assert torch.equal(after, torch.randn(3))


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_every_seed_that_a_widget_gives_is_taken(seed: int) -> None:
    first = initial_noise(SHAPE, seed)
    assert torch.equal(first, initial_noise(SHAPE, seed))
    assert not torch.equal(first, reseeded_noise(SHAPE, seed))
    assert GaussianNoise(first, seed)(1.0, 0.5).shape == first.shape
    assert BrownianNoise(first, [2.0, 1.0, 0.5], seed)(2.0, 1.0).isfinite().all()


def test_a_batch_index_picks_rows_drawn_one_by_one() -> None:
    whole = initial_noise((5, 4, 2, 2), 3)
    picked = initial_noise((4, 4, 2, 2), 3, batch_index=(4, 1, 1, 2))
    assert torch.equal(picked, whole[[4, 1, 1, 2]])


def test_rows_that_do_not_fill_blocks_of_16_differ_from_slices_of_a_batch() -> None:
    whole = initial_noise((2, 4, 3, 3), 3)
    picked = initial_noise((2, 4, 3, 3), 3, batch_index=(0, 1))
    torch.manual_seed(3)
    rows = torch.cat([torch.randn(1, 4, 3, 3), torch.randn(1, 4, 3, 3)])
    assert torch.equal(picked, rows)
    assert not torch.equal(picked, whole)


def test_a_batch_index_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="names 3 latents but the batch has 2"):
        initial_noise(SHAPE, 0, batch_index=(0, 1, 2))


def test_sampler_noise_on_the_cpu_comes_from_the_next_seed() -> None:
    x = torch.zeros(SHAPE)
    torch.manual_seed(0)
    untouched = torch.randn(1)
    torch.manual_seed(0)
    noise = GaussianNoise(x, 7)
    draws = [noise(2.0, 1.0), noise(1.0, 0.5)]
    assert torch.equal(untouched, torch.randn(1))
    generator = torch.Generator().manual_seed(8)
    for draw in draws:
        assert torch.equal(draw, torch.randn(SHAPE, generator=generator))


def test_the_brownian_path_is_that_of_torchsde() -> None:
    torchsde = pytest.importorskip("torchsde")
    low, high = 0.029167158529162407, 14.614640235900879
    x = torch.zeros(1, 4, 8, 8)
    ours = BrownianTree(x, low, high, 1234)
    theirs = torchsde.BrownianTree(t0=low, w0=x, t1=high, entropy=1234)
    borders = [round(low + (high - low) * (part / 17) ** 3, 6) for part in range(1, 17)]
    for start, end in [*pairwise(borders), (borders[2], borders[11])]:
        torch.testing.assert_close(ours.increment(start, end), theirs(start, end), rtol=0, atol=1e-6)


def test_the_brownian_path_has_known_values() -> None:
    tree = BrownianTree(torch.zeros(3), 0.5, 10.0, 2024)
    stored = {
        (0.5, 10.0): [5.628579, -2.074618, 0.809178],
        (0.5, 5.25): [0.501178, 0.428115, -0.906428],
        (1.0, 3.0): [-0.696879, 1.414912, -0.896219],
        (7.123456, 7.2): [0.045943, 0.290755, -0.173997],
    }
    for (start, end), values in stored.items():
        assert tree.increment(start, end).tolist() == pytest.approx(values, abs=2e-6)


@given(st.lists(st.floats(0.03, 14.6), min_size=3, max_size=3, unique=True), st.integers(0, 2**64 - 1))
def test_increments_of_the_path_add_up_in_any_order(times: list[float], seed: int) -> None:
    start, middle, end = sorted(times)
    tree = BrownianTree(torch.zeros(8, dtype=torch.float64), 0.03, 14.6, seed)
    late = tree.increment(middle, end)
    whole = tree.increment(start, end)
    fresh = BrownianTree(torch.zeros(8, dtype=torch.float64), 0.03, 14.6, seed)
    assert torch.equal(fresh.increment(start, end), whole)
    torch.testing.assert_close(tree.increment(start, middle) + late, whole, rtol=0, atol=1e-9)


def test_brownian_noise_has_unit_variance_and_the_sign_of_falling_sigmas() -> None:
    x = torch.zeros(1, 4, 64, 64)
    sigmas = [14.6, 3.0, 0.4, 0.03, 0.0]
    noise = BrownianNoise(x, sigmas, 5)
    tree = BrownianTree(x, 0.03, 14.6, 5)
    for sigma, sigma_next in [(14.6, 3.0), (3.0, 0.4), (0.4, 0.03)]:
        draw = noise(sigma, sigma_next)
        assert float(draw.std()) == pytest.approx(1.0, abs=0.03)
        expected = -tree.increment(sigma_next, sigma) / math.sqrt(sigma - sigma_next)
        torch.testing.assert_close(draw, expected)
    assert not noise(3.0, 3.0).any()


def test_two_halves_of_a_brownian_step_make_the_whole() -> None:
    noise = BrownianNoise(torch.zeros(1, 4, 8, 8), [8.0, 1.0], 5)
    whole = noise(8.0, 2.0) * math.sqrt(6.0)
    halves = noise(8.0, 5.0) * math.sqrt(3.0) + noise(5.0, 2.0) * math.sqrt(3.0)
    torch.testing.assert_close(whole, halves, rtol=0, atol=1e-5)
