import pytest
import torch
from torch import Tensor

from nodes.api.errors import NodeError
from nodes.image.batch import join, pick, repeat, repeat_to_batch
from nodes.image.blend import BLENDS, blend, composite
from nodes.image.colour import add_noise, empty, invert
from nodes.image.filters import blur, gaussian, sharpen
from nodes.image.geometry import crop, flip, pad_for_outpainting, rotate
from nodes.image.quantise import bayer, quantise
from nodes.image.size import size


def random_image(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_inverting_twice_gives_the_picture_back_and_inverts_alpha() -> None:
    image = random_image(1, 3, 3, 4)
    assert torch.equal(invert(image), 1.0 - image)
    assert torch.allclose(invert(invert(image)), image)


def test_an_empty_picture_has_the_channels_of_its_number() -> None:
    image = empty(2, 3, 2, 0x336699)
    assert image.shape == (2, 3, 2, 3)
    assert torch.allclose(image[1, 2, 1] * 255, torch.tensor([0x33, 0x66, 0x99]).float())


def test_noise_is_fixed_by_its_seed_and_clipped() -> None:
    image = random_image(1, 4, 4, 3)
    assert torch.equal(add_noise(image, 7, 1.0), add_noise(image, 7, 1.0))
    assert not torch.equal(add_noise(image, 7, 1.0), add_noise(image, 8, 1.0))
    assert torch.equal(add_noise(image, 2**64 - 1, 0.0), image)
    noisy = add_noise(image, 1, 1.0)
    assert noisy.min() >= 0
    assert noisy.max() <= 1


def test_a_batch_takes_the_size_of_its_first_picture() -> None:
    joined = join(random_image(1, 4, 6, 3), random_image(2, 8, 8, 3))
    assert joined.shape == (3, 4, 6, 3)


def test_a_missing_alpha_channel_is_opaque() -> None:
    joined = join(random_image(1, 2, 2, 3), random_image(1, 2, 2, 4))
    assert joined.shape == (2, 2, 2, 4)
    assert (joined[0, ..., 3] == 1).all()


def test_batches_are_cut_or_repeated_whole() -> None:
    rows = torch.arange(3)[:, None]
    assert repeat_to_batch(rows, 2).flatten().tolist() == [0, 1]
    assert repeat_to_batch(rows, 7).flatten().tolist() == [0, 1, 2, 0, 1, 2, 0]
    image = random_image(2, 2, 2, 3)
    assert torch.equal(repeat(image, 2), torch.cat((image, image)))


def test_picking_stays_inside_the_batch() -> None:
    image = random_image(3, 2, 2, 3)
    assert torch.equal(pick(image, 1, 5), image[1:])
    assert torch.equal(pick(image, 9, 1), image[2:])


def test_a_crop_ends_where_the_picture_ends() -> None:
    image = random_image(1, 4, 6, 3)
    assert torch.equal(crop(image, 2, 3, 1, 1), image[:, 1:4, 1:3])
    assert crop(image, 100, 100, 99, 99).shape == (1, 1, 1, 3)


def test_turning_is_clockwise() -> None:
    image = torch.arange(6.0).reshape(1, 2, 3, 1)
    turned = rotate(image=image, rotation="90 degrees")
    assert turned[0, ..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    assert torch.equal(rotate(image=image, rotation="none"), image)
    assert torch.equal(rotate(image=turned, rotation="270 degrees"), image)


def test_flips_name_the_direction_of_movement() -> None:
    image = torch.arange(4.0).reshape(1, 2, 2, 1)
    assert flip(image=image, flip_method="x-axis: vertically").flatten().tolist() == [2, 3, 0, 1]
    assert flip(image=image, flip_method="y-axis: horizontally").flatten().tolist() == [1, 0, 3, 2]


def test_outpainting_pads_with_grey_and_masks_what_is_new() -> None:
    image, mask = pad_for_outpainting(random_image(2, 4, 4, 3), 8, 0, 0, 16, 0)
    assert image.shape == (2, 20, 12, 3)
    assert mask.shape == (1, 20, 12)
    assert (image[:, :, :8] == 0.5).all()
    assert (mask[:, :4, 8:] == 0).all()
    assert mask.sum() == 20 * 12 - 16


def test_the_outpainting_mask_fades_into_the_picture_on_padded_sides_only() -> None:
    _, mask = pad_for_outpainting(random_image(1, 16, 16, 3), 8, 0, 0, 0, 4)
    inner = mask[0, :, 8:]
    expected = torch.tensor([((4 - distance) / 4) ** 2 for distance in range(4)] + [0.0] * 12)
    assert torch.allclose(inner, expected.expand(16, 16))


@pytest.mark.parametrize("mode", BLENDS)
def test_a_blend_factor_of_zero_shows_the_first_picture(mode: str) -> None:
    first, second = random_image(1, 3, 3, 3), random_image(1, 3, 3, 3, seed=1)
    assert torch.allclose(blend(image1=first, image2=second, blend_factor=0.0, blend_mode=mode), first)


def test_blend_formulas() -> None:
    def mixed(mode: str, base: float, over: float) -> float:
        pictures = [torch.full((1, 1, 1, 3), value) for value in (base, over)]
        return float(
            blend(image1=pictures[0], image2=pictures[1], blend_factor=1.0, blend_mode=mode)[0, 0, 0, 0]
        )

    assert mixed("normal", 0.2, 0.7) == pytest.approx(0.7)
    assert mixed("multiply", 0.5, 0.5) == pytest.approx(0.25)
    assert mixed("screen", 0.5, 0.5) == pytest.approx(0.75)
    assert mixed("overlay", 0.25, 0.5) == pytest.approx(0.25)
    assert mixed("overlay", 0.75, 0.5) == pytest.approx(0.75)
    assert mixed("soft_light", 0.5, 0.25) == pytest.approx(0.375)
    assert mixed("soft_light", 0.64, 0.75) == pytest.approx(0.64 + 0.5 * (0.8 - 0.64))
    assert mixed("difference", 0.2, 0.7) == 0.0
    assert mixed("difference", 0.7, 0.2) == pytest.approx(0.5)


def test_a_blend_fits_size_and_channels_and_refuses_other_batches() -> None:
    first = random_image(1, 4, 4, 4)
    assert blend(image1=first, image2=random_image(1, 8, 6, 3), blend_mode="normal").shape == (1, 4, 4, 4)
    with pytest.raises(NodeError, match=r"2 pictures .* 3"):
        blend(image1=random_image(2, 2, 2, 3), image2=random_image(3, 2, 2, 3), blend_mode="normal")


def test_a_composite_is_cut_at_the_border_and_leaves_its_inputs_alone() -> None:
    under, over = torch.zeros(2, 4, 4, 3), torch.ones(1, 3, 3, 3)
    result = composite(under, over, 2, 3)
    assert under.sum() == 0
    assert result[..., 0].sum(dim=(1, 2)).tolist() == [2, 2]
    assert (result[:, 3, 2:] == 1).all()
    assert composite(under, over, 100, 100).sum() == 0


def test_a_composite_follows_its_mask() -> None:
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 0.5
    result = composite(torch.zeros(1, 4, 4, 3), torch.ones(1, 2, 2, 3), 0, 0, True, mask)
    assert (result[:, :2] == 0.5).all()
    assert (result[:, 2:] == 0).all()


def test_a_gaussian_sums_to_one_and_counts_sigma_in_radii() -> None:
    kernel = gaussian(2, 1.0)
    assert kernel.sum() == pytest.approx(1.0)
    assert kernel[2, 0] / kernel[2, 2] == pytest.approx(2.718281828 ** (-1 / 2))


def test_blurring_and_sharpening_leave_flat_pictures_alone() -> None:
    flat = torch.full((1, 9, 9, 3), 0.3)
    assert torch.allclose(blur(flat, 3, 1.0), flat, atol=1e-6)
    assert torch.allclose(sharpen(flat, 2, 1.0, 1.0), flat, atol=1e-5)
    assert torch.equal(sharpen(random_image(1, 5, 5, 3), 1, 1.0, 0.0), random_image(1, 5, 5, 3))


def test_a_radius_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(NodeError, match="radius of 5"):
        blur(random_image(1, 4, 9, 3), 5, 1.0)


def test_the_bayer_matrix_is_the_known_one() -> None:
    assert (bayer(1) * 4 + 1.5).tolist() == [[0, 2], [3, 1]]
    ranks = (bayer(2) * 16 + 7.5).flatten().tolist()
    assert sorted(ranks) == list(range(16))


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "bayer-2", "bayer-16"])
def test_a_palette_has_no_more_colours_than_asked_for(dither: str) -> None:
    result = quantise(image=random_image(2, 20, 20, 3), colors=5, dither=dither)
    assert result.shape == (2, 20, 20, 3)
    for frame in result:
        assert len(torch.unique(frame.reshape(-1, 3), dim=0)) <= 5


def test_only_coloured_pictures_have_a_palette() -> None:
    with pytest.raises(NodeError, match="not 4"):
        quantise(image=random_image(1, 2, 2, 4), colors=2, dither="none")


def test_the_size_is_told_and_shown(ctx) -> None:
    assert size(ctx, torch.zeros(2, 3, 5, 3)) == (5, 3, 2)
    assert "width: 5, height: 3" in ctx.events[0].text
