"""Sharpens the decoder of a finished autoencoder; its latents, which the denoiser knows, stay as they are."""

import random
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from models.diffusion import LatentFormat
from models.vae.kl import AutoencoderKL
from training.autoencoder import encode, pixels, scene_picture
from training.loop import Settings, Training, seeded

SETTINGS = Settings(
    steps=1100, learning_rate=6.0e-4, batch=4, warmup=50, hold=0.3, average=0.995, seed=13, parts=2
)
# What a denoiser leaves of noise in the latents it makes, in its own units.
LEFT_OVER = 0.06


def decoder_loss(network: AutoencoderKL, settings: Settings, step: int, part: int = 0) -> Tensor:
    """Absolute and squared error of whole pictures decoded from slightly noisy latents."""
    rng = random.Random(f"{settings.seed}:{step}:{part}")
    pictures = [scene_picture(rng, crop=False) for _ in range(settings.batch // settings.parts)]
    latents = encode(network, pictures)
    noise = torch.randn(latents.shape, generator=seeded(settings.seed, step, part))
    latents = latents + noise * (LEFT_OVER / LatentFormat().scale)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        decoded = network.decode_raw(latents)
    target = pixels(pictures)
    return l1_loss(decoded.float(), target) + mse_loss(decoded.float(), target)


def train_decoder(file: Path, network: AutoencoderKL, settings: Settings = SETTINGS) -> AutoencoderKL:
    """The same autoencoder with its decoder trained on, averaged weights in place."""
    torch.manual_seed(settings.seed)
    network.requires_grad_(False)
    network.decoder.requires_grad_(True)
    training = Training(network, settings, file)
    training.run(partial(decoder_loss, network, settings))
    training.average.install(network)
    return network.requires_grad_(False).eval()
