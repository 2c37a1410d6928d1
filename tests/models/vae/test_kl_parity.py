"""Checks the KL autoencoder number by number against diffusers on redrawn weights."""

import pytest
import torch

from models.vae.kl import AutoencoderKL, KLConfig
from tests.oracle.diffusers_names import redraw, vae_state, worst_ratio

diffusers = pytest.importorskip("diffusers")

CONFIG = KLConfig(channels=32, multipliers=(1, 2, 2), residual_blocks=2)


@pytest.fixture(scope="module")
def pair() -> tuple[torch.nn.Module, AutoencoderKL]:
    oracle = redraw(
        diffusers.AutoencoderKL(
            block_out_channels=(32, 64, 64),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=2,
            latent_channels=4,
        )
    )
    ours = AutoencoderKL(CONFIG).eval()
    ours.load_state_dict(vae_state(oracle.state_dict(), levels=3), strict=True)
    return oracle, ours


def test_encoding_agrees_with_the_oracle(pair: tuple) -> None:
    oracle, ours = pair
    pixels = torch.rand(2, 32, 48, 3, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = oracle.encode(pixels.movedim(-1, 1) * 2 - 1).latent_dist
        got = ours.encode(pixels)
    assert worst_ratio(got.mode(), expected.mode()) <= 5e-5
    assert worst_ratio(got.log_variance, expected.logvar) <= 5e-5


def test_decoding_agrees_with_the_oracle(pair: tuple) -> None:
    oracle, ours = pair
    latent = torch.randn(2, 4, 6, 9, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        expected = oracle.decode(latent).sample
        assert worst_ratio(ours.decode_raw(latent), expected) <= 5e-5
        picture = ours.decode(latent)
    assert picture.shape == (2, 24, 36, 3)
    assert float(picture.min()) >= 0.0
    assert float(picture.max()) <= 1.0


def test_a_latent_is_drawn_alike_from_equal_generators(pair: tuple) -> None:
    _, ours = pair
    with torch.no_grad():
        distribution = ours.encode(torch.rand(1, 16, 16, 3))
    draws = [distribution.sample(torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], distribution.mode())


def test_the_divergence_from_the_unit_gaussian_is_zero_for_it() -> None:
    from models.vae.autoencoder import Distribution

    zeros = torch.zeros(2, 4, 3, 3)
    assert torch.equal(Distribution(zeros, zeros).kl(), torch.zeros(2))
    assert float(Distribution(zeros + 1, zeros).kl()[0]) == pytest.approx(18.0)


def test_pixels_that_do_not_fit_the_grid_are_refused(pair: tuple) -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        pair[1].encode(torch.zeros(1, 30, 32, 3))
