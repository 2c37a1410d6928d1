"""Trains the autoencoder of the bundled model and fits its latents to the scale SD-1.x expects.

Reference: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 (autoencoder) and appendix G (scale).
"""

import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from models.diffusion import LatentFormat
from models.vae.kl import AutoencoderKL, KLConfig
from training.loop import Settings, Training, seeded
from training.scenes import arrange, random_scene
from training.shapes import SIDE, Bytes, Style, draw

CONFIG = KLConfig(channels=32, multipliers=(1, 1, 2, 4), residual_blocks=1)
SETTINGS = Settings(
    steps=4400, learning_rate=1.0e-3, batch=16, warmup=100, hold=0.6, average=0.998, seed=11, parts=2
)
CROP = 64
KL_WEIGHT = 5e-4
WHOLE_EVERY = 3


def scene_picture(rng: random.Random, *, crop: bool, kept_back: bool = False) -> Bytes:
    """A drawn picture for the autoencoder, some in odd colours or another style, or a crop near a shape."""
    figures, background = arrange(random_scene(rng, kept_back=kept_back), rng)
    if rng.random() < 0.1:
        figures = [replace(figure, colour=_any_colour(rng)) for figure in figures]
        background = _any_colour(rng)
    style: Style = rng.choices(("solid", "outline", "pastel"), (0.79, 0.06, 0.15))[0]
    picture = draw(figures, background, style)
    if not crop:
        return picture
    centre = rng.choice(figures)
    limit = SIDE - CROP
    top = min(limit, max(0, int(centre.y + rng.uniform(-20, 20)) - CROP // 2))
    left = min(limit, max(0, int(centre.x + rng.uniform(-20, 20)) - CROP // 2))
    return picture[top : top + CROP, left : left + CROP]


def _any_colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def pixels(pictures: list[Bytes]) -> Tensor:
    """Pictures as (B, 3, H, W) in [-1, 1]."""
    channels_first = torch.from_numpy(np.stack(pictures)).movedim(-1, 1).contiguous()
    return channels_first.float().div(127.5).sub(1.0)


def reconstruction_loss(network: AutoencoderKL, settings: Settings, step: int, part: int = 0) -> Tensor:
    """Absolute and squared error of a noisy round trip, and a little divergence from the unit Gaussian."""
    rng = random.Random(f"{settings.seed}:{step}")
    whole = step % WHOLE_EVERY == WHOLE_EVERY - 1
    count = max(1, settings.batch // 4) if whole else settings.batch
    pictures = [scene_picture(rng, crop=not whole) for _ in range(count)]
    target = pixels(pictures[part :: settings.parts])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distribution = network.encode_raw(target)
        sampled = distribution.sample(seeded(settings.seed, step, part))
        decoded = network.decode_raw(sampled)
    decoded = decoded.float()
    divergence = distribution.kl().float().mean() / distribution.mean[0].numel()
    return l1_loss(decoded, target) + mse_loss(decoded, target) + KL_WEIGHT * divergence


def train_autoencoder(file: Path, settings: Settings = SETTINGS, config: KLConfig = CONFIG) -> AutoencoderKL:
    """The trained autoencoder, averaged weights in place, latents scaled."""
    torch.manual_seed(settings.seed)
    network = AutoencoderKL(config)
    start_with_little_noise(network)
    training = Training(network, settings, file)
    training.run(partial(reconstruction_loss, network, settings))
    training.average.install(network)
    network.requires_grad_(False).eval()
    fit_scale(network, settings.seed)
    return network


@torch.no_grad()
def start_with_little_noise(network: AutoencoderKL) -> None:
    """Let latents start almost certain, so that the first steps are not spent on learning to be."""
    convolution = network.quant_conv
    assert isinstance(convolution, torch.nn.Conv2d)
    assert convolution.bias is not None
    convolution.bias[network.config.latent_channels :] = -5.0


@torch.no_grad()
def fit_scale(network: AutoencoderKL, seed: int, count: int = 256) -> None:
    """Fold offsets and scales into the 1x1 convolutions: scaled latents get mean 0 and variance 1."""
    rng = random.Random(f"{seed}:scale")
    pictures = [scene_picture(rng, crop=False) for _ in range(count)]
    latents = torch.cat([encode(network, pictures[i : i + 32]) for i in range(0, count, 32)])
    mean = latents.mean(dim=(0, 2, 3))
    factor = 1.0 / (latents.std(dim=(0, 2, 3)) * LatentFormat().scale)
    channels = len(mean)
    inner, outer = network.quant_conv, network.post_quant_conv
    assert isinstance(inner, torch.nn.Conv2d)
    assert isinstance(outer, torch.nn.Conv2d)
    assert inner.bias is not None
    assert outer.bias is not None
    inner.weight[:channels] *= factor[:, None, None, None]
    inner.bias[:channels] = (inner.bias[:channels] - mean) * factor
    inner.bias[channels:] += 2.0 * factor.log()
    outer.bias += outer.weight[:, :, 0, 0] @ mean
    outer.weight /= factor[None, :, None, None]


@torch.no_grad()
def encode(network: AutoencoderKL, pictures: list[Bytes]) -> Tensor:
    """The latents (B, C, h, w) of pictures, in the autoencoder's units."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return network.encode_raw(pixels(pictures)).mode().float()


@torch.no_grad()
def round_trip_decibels(network: AutoencoderKL, count: int = 64, *, kept_back: bool = True) -> float:
    """Mean peak signal-to-noise ratio of a round trip of drawn, solid pictures, as the app does it."""
    rng = random.Random("round trip")
    ratios = []
    for _ in range(count):
        figures, background = arrange(random_scene(rng, kept_back=kept_back), rng)
        picture = torch.from_numpy(draw(figures, background)).float().div(255.0)[None]
        restored = network.decode(network.encode(picture).mode())
        ratios.append(-10.0 * torch.log10(mse_loss(restored, picture)).item())
    return sum(ratios) / len(ratios)
