"""Previews are made as was asked for, or roughly where a file is missing."""

from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file

from models.diffusion import LatentFormat
from models.vae.tiny import TinyConfig, TinyDecoder
from nodes.sampling.preview import previewer
from tests.fixtures.checkpoints import redrawn

FACTORS = ((1.0, 0.0, 0.0),) * 4
SHOWN = LatentFormat(rgb_factors=FACTORS, preview="taesd")


def latents() -> torch.Tensor:
    return torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))


def test_a_tiny_decoder_makes_the_picture_of_the_first_latent(make_context, tmp_path: Path) -> None:
    decoder = redrawn(TinyDecoder(TinyConfig()), 1)
    save_file(decoder.state_dict(), tmp_path / "models" / "vae_approx" / "taesd_decoder.safetensors")
    make = previewer(make_context(preview_method="taesd"), SHOWN)
    assert make is not None
    with torch.no_grad():
        expected = decoder(latents()[:1])[0].clamp(0, 1).movedim(0, -1) * 255
    got = torch.from_numpy(numpy.array(make(latents())))
    assert got.shape == (24, 40, 3)
    assert float((got - expected).abs().max()) <= 1.0


def test_colours_stand_in_for_a_missing_decoder(make_context, caplog) -> None:
    make = previewer(make_context(preview_method="taesd"), SHOWN)
    assert make is not None
    assert make(latents()).size == (5, 3)
    assert "no file taesd_decoder" in caplog.text


@pytest.mark.parametrize(("method", "latent"), [("none", SHOWN), ("auto", LatentFormat(rgb_factors=None))])
def test_nothing_is_shown_where_nothing_is_wanted_or_known(make_context, method, latent) -> None:
    assert previewer(make_context(preview_method=method), latent) is None
