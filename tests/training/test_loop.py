from dataclasses import replace
from functools import partial

import pytest
import torch

from models.text.clip import ClipTextConfig
from models.unet.config import UNetConfig
from models.vae.kl import AutoencoderKL, KLConfig
from training.autoencoder import encode, fit_scale, reconstruction_loss, scene_picture
from training.denoiser import Denoiser, level_weights, signal_levels, training_loss
from training.latents import LatentSet
from training.loop import Settings, Training

SETTINGS = Settings(steps=12, learning_rate=2e-3, batch=4, warmup=2, seed=3, log_steps=4)
TINY_KL = KLConfig(channels=32, multipliers=(1, 1, 1, 1), residual_blocks=1)
TINY_UNET = UNetConfig(
    channels=32,
    multipliers=(1, 1),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=64,
)
TINY_TEXT = ClipTextConfig(width=64, layers=1, heads=1, feed_forward=64)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    return LatentSet(torch.randn(16, 4, 16, 16, generator=generator).half(), seed=7)


def denoiser_training(file, data, settings=SETTINGS):
    torch.manual_seed(1)
    network = Denoiser(TINY_UNET, TINY_TEXT)
    levels = signal_levels()
    return Training(network, settings, file), partial(training_loss, network, data, settings, levels)


def test_a_few_steps_lower_the_loss_of_the_denoiser(tmp_path, data):
    training, loss = denoiser_training(tmp_path / "run.pt", data)
    before = loss(0, 0).item()
    training.run(loss)
    assert training.step == SETTINGS.steps
    assert loss(0, 0).item() < before


def test_a_stopped_run_goes_on_to_the_very_same_weights(tmp_path, data):
    whole, loss = denoiser_training(tmp_path / "whole.pt", data)
    whole.run(loss)
    first, loss = denoiser_training(tmp_path / "parts.pt", data)
    first.run(loss, until=5)
    second, loss = denoiser_training(tmp_path / "parts.pt", data)
    assert second.step == 5
    second.run(loss)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name
    for name, tensor in whole.average.weights.items():
        assert torch.equal(tensor, second.average.weights[name]), name


def test_a_few_steps_lower_the_loss_of_the_autoencoder(tmp_path):
    torch.manual_seed(2)
    network = AutoencoderKL(TINY_KL)
    training = Training(network, SETTINGS, tmp_path / "run.pt")
    before = reconstruction_loss(network, SETTINGS, 0).item()
    training.run(partial(reconstruction_loss, network, SETTINGS))
    assert reconstruction_loss(network, SETTINGS, 0).item() < before


def test_fitted_latents_have_unit_scale_and_decode_as_before():
    import random

    torch.manual_seed(3)
    network = AutoencoderKL(TINY_KL)
    rng = random.Random("5:scale")
    pictures = [scene_picture(rng, crop=False) for _ in range(16)]
    network.requires_grad_(False)
    before = network.decode_raw(encode(network, pictures))
    with torch.no_grad():
        fit_scale(network, seed=5, count=16)
    latents = encode(network, pictures)
    assert torch.allclose(latents.mean(dim=(0, 2, 3)), torch.zeros(4), atol=0.02)
    assert torch.allclose(latents.std(dim=(0, 2, 3)) * 0.18215, torch.ones(4), atol=0.02)
    # Encoding is in bfloat16, so single pixels may move a little.
    assert (network.decode_raw(latents) - before).abs().mean() < 0.01


def test_the_rate_rises_holds_and_falls_to_nothing():
    settings = replace(SETTINGS, steps=100, warmup=10, hold=0.5)
    rates = [settings.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(settings.learning_rate / 10)
    assert rates[10:50] == [settings.learning_rate] * 40
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


def test_signal_levels_are_those_of_the_family():
    levels = signal_levels()
    sigma = ((1 - levels) / levels).sqrt()
    assert sigma[0].item() == pytest.approx(0.0292, abs=1e-4)
    assert sigma[-1].item() == pytest.approx(14.6146, abs=1e-3)
    assert (level_weights(levels) > 0).all()
