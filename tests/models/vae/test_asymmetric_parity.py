"""Checks the asymmetric autoencoder number by number against diffusers, under both sets of names."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.checkpoint import open_vae
from models.vae.asymmetric import AsymmetricAutoencoder
from tests.oracle.diffusers_names import redraw, vae_state, worst_ratio

diffusers = pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def oracle() -> torch.nn.Module:
    # Four levels: the features of the picture are made for as many.
    return redraw(
        diffusers.AsymmetricAutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            down_block_out_channels=(32, 32, 64, 64),
            layers_per_down_block=1,
            up_block_types=("UpDecoderBlock2D",) * 4,
            up_block_out_channels=(32, 64, 128, 128),
            layers_per_up_block=2,
        )
    )


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_the_asymmetric_autoencoder_agrees_with_the_oracle(
    tmp_path: Path, oracle: torch.nn.Module, layout: str
) -> None:
    state = oracle.state_dict() if layout == "diffusers" else vae_state(oracle.state_dict(), levels=4)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "x.safetensors")
    ours = open_vae(tmp_path / "x.safetensors").base.network
    assert isinstance(ours, AsymmetricAutoencoder)
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randn(2, 3, 32, 48, generator=generator)
    latent = torch.randn(2, 4, 4, 6, generator=generator)
    mask = (torch.rand(2, 1, 32, 48, generator=generator) > 0.5).float()
    with torch.no_grad():
        assert worst_ratio(ours.encode_raw(pixels).mode(), oracle.encode(pixels).latent_dist.mode()) <= 5e-5
        assert worst_ratio(ours.decode_raw(latent), oracle.decode(latent).sample) <= 5e-5
        expected = oracle.decode(latent, image=pixels, mask=mask).sample
        assert worst_ratio(ours.decode_around(latent, pixels, mask), expected) <= 5e-5
