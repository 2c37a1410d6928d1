import random

import numpy as np
import pytest
import torch

from models.text.clip import ClipTextConfig
from models.unet.config import UNetConfig
from models.vae.kl import AutoencoderKL, KLConfig
from training.adapter import train_adapter
from training.autoencoder import encode, scene_picture
from training.decoder import decoder_loss, train_decoder
from training.denoiser import Denoiser
from training.latents import BLOCK, LatentSet, cover_of, picture_of, prepare
from training.loop import Settings
from training.shapes import Figure

SETTINGS = Settings(steps=6, learning_rate=2e-3, batch=4, warmup=1, average=0.5, parts=2)


@pytest.fixture
def autoencoder():
    torch.manual_seed(0)
    return AutoencoderKL(KLConfig(channels=32, multipliers=(1, 1, 1, 1), residual_blocks=1))


def test_training_the_decoder_alone_leaves_the_latents_as_they_were(autoencoder, tmp_path):
    pictures = [scene_picture(random.Random(1), crop=False)]
    latents = encode(autoencoder, pictures)
    before = decoder_loss(autoencoder, SETTINGS, 100).item()
    trained = train_decoder(tmp_path / "decoder.pt", autoencoder, SETTINGS)
    assert torch.equal(encode(trained, pictures), latents)
    assert decoder_loss(trained, SETTINGS, 100).item() < before


def test_an_adapter_trains_without_touching_the_denoiser(tmp_path):
    torch.manual_seed(0)
    unet = UNetConfig(
        channels=32,
        multipliers=(1, 1),
        input_depths=((0,), (1,)),
        output_depths=((0, 0), (1, 1)),
        context_width=64,
    )
    denoiser = Denoiser(unet, ClipTextConfig(width=64, layers=1, heads=1, feed_forward=64))
    weights = {name: tensor.clone() for name, tensor in denoiser.state_dict().items()}
    data = LatentSet(torch.randn(8, 4, 16, 16).half(), seed=7)
    adapted = train_adapter(tmp_path / "adapter.pt", denoiser, data, SETTINGS)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in denoiser.state_dict().items())
    assert {name.rpartition(".")[2] for name in adapted.tensors()} == {"weight", "alpha"}
    assert all(tensor.shape[0] == 8 for name, tensor in adapted.tensors().items() if "down" in name)


def test_encoded_pictures_are_kept_and_not_encoded_again(autoencoder, tmp_path, monkeypatch):
    monkeypatch.setattr("training.latents.BLOCK", 32)
    assert BLOCK > 32
    file = tmp_path / "latents.npy"
    autoencoder.requires_grad_(False)
    first = prepare(file, autoencoder, 4, seed=7)
    kept = np.load(file)
    monkeypatch.setattr("training.latents.encode", None)
    again = prepare(file, autoencoder, 8, seed=7)
    assert len(first) == 4
    assert len(again) == 8
    assert torch.equal(again.latents[:4], first.latents)
    assert kept.shape == (32, 4, 16, 16)


def test_pastel_pictures_are_paler_than_the_same_in_solid_colours():
    for index in range(10):
        solid, pastel = (picture_of(index, 7, style).astype(int) for style in ("solid", "pastel"))
        assert np.ptp(pastel, axis=-1).mean() <= np.ptp(solid, axis=-1).mean()


def test_the_cover_of_a_figure_is_the_cells_around_it():
    cover = cover_of([Figure("circle", 32.0, 96.0, 12.0, (0, 0, 0))])
    rows, columns = np.nonzero(cover)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 14, 2, 6)
