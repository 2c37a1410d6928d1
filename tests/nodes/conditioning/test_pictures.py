"""Pictures hung on prompts, for networks that see one."""

import pytest
import torch
from torch import Tensor

from nodes.api.errors import NodeError
from nodes.conditioning.pictures import depth, edit, inpaint, upscale
from nodes.latent.vae import encode
from schedulers.conditioning import Entry

PROMPTS = (Entry(torch.zeros(1, 3, 4), extra={"width": 5}), Entry(torch.ones(1, 3, 4)))
NEGATIVE = PROMPTS[:1]


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_inpainting_shows_the_grey_picture_and_keeps_the_whole_one(ctx, checkpoint) -> None:
    pixels, mask = picture(1, 20, 24, 3), torch.zeros(1, 20, 24)
    mask[:, 8:16, 8:16] = 0.6
    positive, negative, latent = inpaint(ctx, PROMPTS, NEGATIVE, checkpoint.vae, pixels, mask)
    assert len(positive) == 2
    assert len(negative) == 1
    assert positive[0].extra["width"] == 5
    # The picture is 20 pixels high: rows 2 to 17 remain.
    grey = pixels[:, 2:18].clone()
    grey[:, 6:14, 8:16] = 0.5
    seen = positive[1].extra["concat_latent_image"]
    assert torch.allclose(seen, encode(ctx, grey, checkpoint.vae).samples, atol=1e-5)
    assert torch.equal(latent.samples, encode(ctx, pixels, checkpoint.vae).samples)
    assert torch.equal(negative[0].extra["concat_mask"], mask[:, 2:18])
    assert torch.equal(latent.noise_mask, mask[:, None, 2:18])
    *_, free = inpaint(ctx, PROMPTS, NEGATIVE, checkpoint.vae, pixels, mask, noise_mask=False)
    assert free.noise_mask is None


def test_editing_shows_the_picture_and_starts_from_nothing(ctx, checkpoint) -> None:
    pixels = picture(2, 19, 24, 3)
    positive, negative, latent = edit(ctx, PROMPTS, NEGATIVE, checkpoint.vae, pixels)
    expected = encode(ctx, pixels[:, 1:17], checkpoint.vae).samples
    for entry in (*positive, *negative):
        assert torch.equal(entry.extra["concat_latent_image"], expected)
    assert torch.equal(latent.samples, torch.zeros(2, 4, 2, 3))


def test_upscaling_shows_the_picture_at_a_quarter_of_the_result() -> None:
    pixels = picture(2, 10, 12, 3)
    positive, negative, latent = upscale(pixels, PROMPTS, NEGATIVE, 4.0, 0.2)
    assert torch.allclose(positive[0].extra["concat_image"], pixels.movedim(-1, 1) * 2 - 1)
    assert negative[0].extra["noise_augmentation"] == 0.2
    assert torch.equal(latent.samples, torch.zeros(2, 4, 10, 12))
    *_, smaller = upscale(pixels, PROMPTS, NEGATIVE, 1.0)
    assert smaller.samples.shape == (2, 4, 2, 3)
    with pytest.raises(NodeError, match="leave no picture"):
        upscale(pixels, PROMPTS, NEGATIVE, 0.0)


def test_depth_is_hung_on_both_lists() -> None:
    near = picture(1, 8, 8, 3)
    positive, negative = depth(PROMPTS, NEGATIVE, near)
    assert torch.equal(positive[1].extra["concat_image"], near.movedim(-1, 1))
    assert torch.equal(negative[0].extra["concat_image"], near.movedim(-1, 1))


def test_a_missing_vae_is_said_so(ctx) -> None:
    with pytest.raises(NodeError, match="no VAE"):
        inpaint(ctx, PROMPTS, NEGATIVE, None, picture(1, 16, 16, 3), torch.ones(1, 16, 16))
