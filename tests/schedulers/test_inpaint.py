"""Does a mask keep what it covers, at the noise level of each step?"""

import torch

from schedulers.inpaint import fitted_mask, inside_mask, tiled
from tests.schedulers.toys import PATH, paired

SHAPE = (3, 4, 8, 8)


def test_a_mask_of_pixels_is_scaled_to_cells_without_rounding() -> None:
    mask = torch.zeros(64, 64)
    mask[:, 20:] = 1
    fitted = fitted_mask(mask, SHAPE)
    assert fitted.shape == SHAPE
    row = torch.nn.functional.interpolate(mask[None, None], size=(8, 8), mode="bilinear")[0, 0, 0]
    assert torch.equal(fitted[2, 3, 5], row)
    assert 0 < float(row[2]) < 1


def test_masks_are_repeated_or_cut_to_the_batch() -> None:
    masks = torch.stack([torch.zeros(8, 8), torch.ones(8, 8)])
    assert fitted_mask(masks, SHAPE)[:, 0, 0, 0].tolist() == [0.0, 1.0, 0.0]
    assert fitted_mask(masks[:, None], (1, 4, 8, 8))[:, 0, 0, 0].tolist() == [0.0]
    rows = torch.arange(3)
    assert tiled(rows, 7).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert tiled(rows, 3) is rows


def test_outside_the_mask_the_network_sees_the_noised_original_and_answers_it() -> None:
    latent, noise, x = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(SHAPE)
    mask[..., :4] = 1
    seen: list[torch.Tensor] = []

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        seen.append(x)
        return x * 0.5

    denoised, negative = inside_mask(paired(denoise), mask, latent, noise, PATH)(x, 3.0)
    assert torch.equal(seen[0][..., :4], x[..., :4])
    torch.testing.assert_close(seen[0][..., 4:], (latent + 3.0 * noise)[..., 4:])
    assert torch.equal(denoised[..., :4], x[..., :4] * 0.5)
    assert torch.equal(denoised[..., 4:], latent[..., 4:])
    assert torch.equal(negative, seen[0] * 0.5)
