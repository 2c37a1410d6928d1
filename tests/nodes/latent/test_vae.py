from dataclasses import replace

import pytest
import torch
from torch import Tensor

from nodes.api.errors import Cancelled, NodeError
from nodes.latent.inpaint import encode_for_inpainting
from nodes.latent.vae import decode, encode
from schedulers.latent import LatentBatch


def picture(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_decoded_pictures_are_pixels_on_the_cpu(ctx, checkpoint) -> None:
    pictures = decode(ctx, LatentBatch(torch.randn(3, 4, 4, 6)), checkpoint.vae)
    assert pictures.shape == (3, 32, 48, 3)
    assert pictures.dtype is torch.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert not pictures.requires_grad


def test_encoding_takes_the_most_likely_latent(ctx, checkpoint) -> None:
    pixels = picture(2, 16, 24, 3)
    latent = encode(ctx, pixels, checkpoint.vae)
    with torch.no_grad():
        expected = checkpoint.vae.base.network.encode(pixels).mode()
    assert torch.allclose(latent.samples, expected, atol=1e-5)
    assert latent.noise_mask is None


def test_pictures_are_cut_at_the_centre_and_lose_their_alpha(ctx, checkpoint) -> None:
    pixels = picture(1, 19, 21, 4)
    expected = encode(ctx, pixels[:, 1:17, 2:18, :3], checkpoint.vae)
    assert torch.equal(encode(ctx, pixels, checkpoint.vae).samples, expected.samples)


def test_a_picture_in_a_batch_is_the_same_as_alone(ctx, checkpoint) -> None:
    pixels = picture(2, 16, 16, 3)
    together = encode(ctx, pixels, checkpoint.vae).samples
    assert torch.equal(together[1:], encode(ctx, pixels[1:], checkpoint.vae).samples)


def test_wrong_values_are_refused_with_their_shape(ctx, checkpoint) -> None:
    with pytest.raises(NodeError, match=r"\(1, 16, 4, 4\)"):
        decode(ctx, LatentBatch(torch.zeros(1, 16, 4, 4)), checkpoint.vae)
    with pytest.raises(NodeError, match=r"\(1, 16, 16, 1\)"):
        encode(ctx, picture(1, 16, 16, 1), checkpoint.vae)
    with pytest.raises(NodeError, match="no VAE"):
        decode(ctx, LatentBatch(torch.zeros(1, 4, 4, 4)), None)
    with pytest.raises(NodeError, match="no VAE"):
        encode(ctx, picture(1, 16, 16, 3), None)
    with pytest.raises(NodeError, match="no VAE"):
        encode_for_inpainting(ctx, picture(1, 16, 16, 3), None, torch.ones(1, 16, 16))


def test_a_cancelled_job_stops_between_pictures(make_context, checkpoint) -> None:
    answers = iter([False, True])
    ctx = make_context(is_cancelled=lambda: next(answers))
    with pytest.raises(Cancelled):
        encode(ctx, picture(3, 16, 16, 3), checkpoint.vae)


def test_inpainting_greys_what_the_ungrown_mask_covers(ctx, checkpoint) -> None:
    pixels, mask = picture(2, 16, 16, 3), torch.zeros(1, 16, 16)
    mask[:, 4:8, 4:8] = 0.6
    mask[:, 12, 12] = 0.4
    grey = pixels.clone()
    grey[:, 4:8, 4:8] = 0.5
    latent = encode_for_inpainting(ctx, pixels, checkpoint.vae, mask, 3)
    assert torch.allclose(latent.samples, encode(ctx, grey, checkpoint.vae).samples, atol=1e-5)
    assert latent.noise_mask.shape == (1, 1, 16, 16)
    assert latent.noise_mask.sum() == 36
    assert (latent.noise_mask[..., 3:9, 3:9] == 1).all()
    assert torch.equal(pixels, picture(2, 16, 16, 3))


def test_the_inpainting_mask_is_fitted_and_cut_like_the_picture(ctx, checkpoint) -> None:
    mask = torch.zeros(1, 38, 42)
    mask[:, :, 21:] = 1
    latent = encode_for_inpainting(ctx, picture(1, 19, 21, 3), checkpoint.vae, mask, 0)
    assert latent.noise_mask.shape == (1, 1, 16, 16)
    # Columns 2 to 18 of 21 remain; the border in the middle of column 10 is half covered, which rounds to 0.
    assert latent.noise_mask[0, 0, 0].tolist() == [0.0] * 9 + [1.0] * 7
    with pytest.raises(NodeError, match="2 pictures but 3 masks"):
        encode_for_inpainting(ctx, picture(2, 16, 16, 3), checkpoint.vae, torch.ones(3, 16, 16))


def test_a_picture_below_one_cell_is_refused_with_its_size(ctx, checkpoint) -> None:
    small = picture(1, 5, 20, 3)
    with pytest.raises(NodeError, match="a 20x5 picture is smaller than one latent cell of 8 pixels"):
        encode(ctx, small, checkpoint.vae)
    with pytest.raises(NodeError, match="a 20x5 picture"):
        encode_for_inpainting(ctx, small, checkpoint.vae, torch.ones(1, 5, 20))


def test_a_vae_on_the_wire_is_not_changed(ctx, checkpoint) -> None:
    before = {name: value.clone() for name, value in checkpoint.vae.base.network.state_dict().items()}
    renamed = checkpoint.vae.with_base(replace(checkpoint.vae.base, name="other"))
    decode(ctx, LatentBatch(torch.zeros(1, 4, 4, 4)), renamed)
    after = checkpoint.vae.base.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
