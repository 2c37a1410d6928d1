"""Teaches a text encoder, before any picture, to say what is where in a scene."""

import random
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from training.denoiser import Denoiser
from training.loop import Settings, Training
from training.plan import plan_batch, plan_loss

SETTINGS = Settings(
    steps=2500, learning_rate=1.0e-3, batch=128, warmup=50, hold=0.6, average=0.98, seed=19, parts=2
)


def text_loss(network: Denoiser, settings: Settings, step: int, part: int = 0) -> Tensor:
    """The error of the plans read from the captions of one part of a batch."""
    rng = random.Random(f"text {settings.seed}:{step}:{part}")
    rows, plans = plan_batch(network.table, settings.batch // settings.parts, rng)
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        outputs = network.plans(rows)
    return plan_loss(outputs.float(), plans)


def train_text(file: Path, network: Denoiser, settings: Settings = SETTINGS) -> None:
    """Train the text encoder of a denoiser in place; its UNet stays as it is."""
    network.unet.requires_grad_(False)
    training = Training(network, settings, file)
    training.run(partial(text_loss, network, settings))
    training.average.install(network)
    network.unet.requires_grad_(True)
