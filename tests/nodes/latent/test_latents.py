import pytest
import torch
from torch import Tensor

from nodes.api.errors import NodeError
from nodes.latent.batch import join, pick, repeat, seed_behaviour
from nodes.latent.combine import add, blend, composite, composite_masked, interpolate, multiply, subtract
from nodes.latent.empty import empty
from nodes.latent.inpaint import crop_both, grown, set_noise_mask
from nodes.latent.scale import scale, scale_by
from nodes.latent.transform import crop, flip, rotate
from nodes.latent.vae import crop_to_cells
from schedulers.latent import LatentBatch


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def latent(*shape: int, seed: int = 0, **fields: object) -> LatentBatch:
    return LatentBatch(random(*shape, seed=seed), **fields)


def test_an_empty_latent_drops_what_is_over_a_cell() -> None:
    made = empty(1000, 519, 2)
    assert made.samples.shape == (2, 4, 64, 125)
    assert not made.samples.any()


def scaled(samples: LatentBatch, width: int, height: int, crop: str = "disabled") -> tuple[int, ...]:
    result = scale(samples=samples, upscale_method="nearest-exact", width=width, height=height, crop=crop)
    return tuple(result.samples.shape[-2:])


def test_sizes_are_pixels_of_eight_to_a_cell_and_at_least_64() -> None:
    samples = latent(1, 4, 8, 16)
    assert scaled(samples, 200, 120) == (15, 25)
    assert scaled(samples, 8, 8) == (8, 8)
    assert scaled(samples, 0, 128) == (16, 32)
    assert scaled(samples, 128, 0) == (8, 16)
    assert scaled(samples, 0, 8) == (8, 16)
    assert scale(samples=samples, upscale_method="area", width=0, height=0, crop="disabled") is samples


def test_scaling_keeps_mask_and_unknown_fields() -> None:
    mask = torch.ones(1, 1, 64, 64)
    samples = latent(1, 4, 8, 8, noise_mask=mask, batch_index=(3,), extra={"kind": "x"})
    result = scale_by(samples=samples, upscale_method="bislerp", scale_by=1.5)
    assert result.samples.shape == (1, 4, 12, 12)
    assert result.noise_mask is mask
    assert result.batch_index == (3,)
    assert result.extra == {"kind": "x"}


def test_scaling_by_a_factor_rounds_to_even() -> None:
    result = scale_by(samples=latent(1, 4, 5, 7), upscale_method="bilinear", scale_by=0.5)
    assert result.samples.shape == (1, 4, 2, 4)


def test_repeating_repeats_the_whole_batch() -> None:
    samples = latent(2, 4, 2, 2)
    result = repeat(samples, 3)
    assert torch.equal(result.samples, torch.cat([samples.samples] * 3))
    assert result.batch_index is None


def test_repeating_repeats_masks_only_where_there_are_several() -> None:
    one = repeat(latent(2, 4, 2, 2, noise_mask=torch.ones(1, 1, 4, 4)), 2)
    assert one.noise_mask.shape == (1, 1, 4, 4)
    mask = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
    two = repeat(latent(2, 4, 2, 2, noise_mask=mask), 2)
    assert two.noise_mask[:, 0, 0, 0].tolist() == [0, 1, 0, 1]
    # For six latents these two go round, as in the ecosystem: 0 1 0 1 0 1.
    three = repeat(latent(3, 4, 2, 2, noise_mask=mask), 2)
    assert three.noise_mask[:, 0, 0, 0].tolist() == [0, 1, 0, 1]


def test_repeated_latents_draw_noise_of_their_own() -> None:
    result = repeat(latent(2, 4, 2, 2, batch_index=(4, 6)), 3)
    assert result.batch_index == (4, 6, 7, 9, 10, 12)


def test_a_picked_latent_keeps_its_place_in_the_batch() -> None:
    samples = latent(4, 4, 2, 2, noise_mask=torch.arange(2.0).reshape(2, 1, 1, 1))
    result = pick(samples, 1, 2)
    assert torch.equal(result.samples, samples.samples[1:3])
    assert result.batch_index == (1, 2)
    assert result.noise_mask.flatten().tolist() == [1, 0]
    assert pick(samples, 60, 5).batch_index == (3,)
    assert pick(latent(3, 4, 2, 2, batch_index=(5, 6, 7)), 1, 1).batch_index == (6,)


def test_joined_batches_keep_their_noise() -> None:
    result = join(latent(2, 4, 4, 4), latent(1, 4, 6, 6))
    assert result.samples.shape == (3, 4, 4, 4)
    assert result.batch_index == (0, 1, 0)


def test_seeds_of_a_batch_can_be_made_equal() -> None:
    samples = latent(3, 4, 2, 2, batch_index=(5, 6, 7))
    assert seed_behaviour(samples, "fixed").batch_index == (5, 5, 5)
    assert seed_behaviour(samples, "random").batch_index is None
    assert seed_behaviour(latent(2, 4, 2, 2), "fixed").batch_index == (0, 0)


def test_turning_flipping_and_cropping() -> None:
    samples = LatentBatch(torch.arange(6.0).reshape(1, 1, 2, 3))
    assert rotate(samples=samples, rotation="90 degrees").samples[0, 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    flipped = flip(samples=samples, flip_method="x-axis: vertically")
    assert flipped.samples[0, 0].tolist() == [[3, 4, 5], [0, 1, 2]]
    big = latent(1, 4, 16, 16)
    assert torch.equal(crop(big, 64, 64, 16, 24).samples, big.samples[..., 3:11, 2:10])
    assert crop(big, 512, 512, 9999, 9999).samples.shape == (1, 4, 8, 8)
    assert crop(latent(1, 4, 4, 4), 64, 64, 64, 64).samples.shape == (1, 4, 4, 4)


def test_sums_fit_the_second_latent_to_the_first() -> None:
    first, second = latent(2, 4, 4, 4), latent(1, 4, 4, 4, seed=1)
    assert torch.allclose(add(first, second).samples, first.samples + second.samples)
    assert torch.allclose(subtract(first, second).samples, first.samples - second.samples)
    assert torch.equal(multiply(first, -2.0).samples, first.samples * -2)
    assert add(first, latent(1, 4, 8, 8)).samples.shape == (2, 4, 4, 4)
    with pytest.raises(NodeError, match="4 and 16 channels"):
        add(first, latent(1, 16, 4, 4))


def test_interpolation_ends_at_its_latents() -> None:
    first, second = latent(2, 4, 4, 4), latent(2, 4, 4, 4, seed=1)
    assert torch.allclose(interpolate(first, second, 1.0).samples, first.samples, atol=1e-5)
    assert torch.allclose(interpolate(first, second, 0.0).samples, second.samples, atol=1e-5)
    lengths = interpolate(first, second, 0.5).samples.norm(dim=1)
    assert torch.allclose(lengths, (first.samples.norm(dim=1) + second.samples.norm(dim=1)) / 2, atol=1e-5)


def test_a_blend_factor_of_one_is_the_first_latent() -> None:
    first, second = latent(1, 4, 4, 4), latent(1, 4, 4, 4, seed=1)
    assert torch.equal(blend(first, second, 1.0).samples, first.samples)
    assert torch.equal(blend(first, second, 0.0).samples, second.samples)


def test_a_composite_fades_only_inside_the_picture() -> None:
    under, over = LatentBatch(torch.zeros(1, 1, 6, 6)), LatentBatch(torch.ones(1, 1, 4, 4))
    corner = composite(under, over, 0, 0, 16).samples[0, 0]
    assert corner[0].tolist() == [1, 1, 1, 0.5, 0, 0]
    assert corner[3, 3] == 0.25
    assert not under.samples.any()
    edge = composite(under, over, 16, 16, 0).samples[0, 0]
    assert edge.sum() == 16
    with pytest.raises(NodeError, match="48x48"):
        composite(under, over, 48, 0, 0)


def test_a_masked_composite_counts_in_cells() -> None:
    under, over = LatentBatch(torch.zeros(2, 1, 6, 6)), LatentBatch(torch.ones(1, 1, 2, 2))
    result = composite_masked(under, over, 8, 16, False, torch.full((1, 16, 16), 0.5))
    assert result.samples[:, 0, 2:4, 1:3].unique().tolist() == [0.5]
    assert result.samples.sum() == 4


def test_a_noise_mask_gets_a_channel_and_keeps_its_size() -> None:
    result = set_noise_mask(latent(2, 4, 8, 8), torch.rand(3, 5, 7))
    assert result.noise_mask.shape == (3, 1, 5, 7)
    assert set_noise_mask(latent(1, 4, 8, 8), torch.rand(5, 7)).noise_mask.shape == (1, 1, 5, 7)


@pytest.mark.parametrize(
    ("pixels", "rows"), [(0, [4]), (1, [4]), (2, [4, 5]), (3, [3, 4, 5]), (6, [2, 3, 4, 5, 6, 7])]
)
def test_a_mask_grows_by_a_square_that_leans_when_it_is_even(pixels: int, rows: list[int]) -> None:
    mask = torch.zeros(1, 1, 9, 9)
    mask[0, 0, 4, 4] = 1
    result = grown(mask, pixels)
    assert result.shape == mask.shape
    assert result[0, 0].amax(dim=1).nonzero().flatten().tolist() == rows
    assert result[0, 0].amax(dim=0).nonzero().flatten().tolist() == rows


@pytest.mark.parametrize("pixels", [1, 2, 3, 4, 6, 7])
def test_growing_agrees_with_a_convolution(pixels: int) -> None:
    import torch.nn.functional as functional

    mask = (torch.rand(2, 1, 12, 15, generator=torch.Generator().manual_seed(0)) > 0.9).float()
    padding = -(-(pixels - 1) // 2)
    expected = functional.conv2d(mask, torch.ones(1, 1, pixels, pixels), padding=padding).clamp(0, 1)
    assert torch.equal(grown(mask, pixels), expected[..., :12, :15].round())


def test_pictures_are_cut_at_the_centre_to_whole_cells() -> None:
    pixels = torch.arange(19 * 21).reshape(1, 19, 21, 1)
    cut = crop_to_cells(pixels, 8)
    assert cut.shape == (1, 16, 16, 1)
    assert cut[0, 0, 0, 0] == 1 * 21 + 2
    both = crop_both(pixels, pixels[..., 0], 8)
    assert torch.equal(both[0], cut)
    assert torch.equal(both[1], cut[..., 0])
    with pytest.raises(NodeError, match="5x20"):
        crop_to_cells(torch.zeros(1, 20, 5, 3), 8)
