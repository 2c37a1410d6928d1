"""Samples with a sampler, noise levels, noise and guider of one's own choice."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import torch

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas
from nodes.api.widgets import Range, Seed
from nodes.sampling.run import fitted_latent, sample_latent
from schedulers.guiders.cfg import Guidance
from schedulers.guiders.wired import WiredGuider
from schedulers.latent import LatentBatch
from schedulers.noise import NoiseSource, NoNoise, SeededNoise
from schedulers.prediction import path_of

Scale = Annotated[float, Range(0.0, 100.0, step=0.1, round=0.01)]


class Sampled(NamedTuple):
    """Where sampling ended, and the last estimate of the clean latent."""

    output: Latent
    denoised_output: Latent


@node(id="RandomNoise", display_name="RandomNoise", category="sampling/custom_sampling/noise")
def random_noise(*, noise_seed: Seed = 0) -> Noise:
    """Make noise from a seed.

    Args:
        noise_seed: the same seed gives the same noise.
    """
    return SeededNoise(noise_seed)


@node(id="DisableNoise", display_name="DisableNoise", category="sampling/custom_sampling/noise")
def disable_noise() -> Noise:
    """Add no noise, for a latent that has some left."""
    return NoNoise()


@node(id="SamplerCustom", display_name="SamplerCustom", category="sampling/custom_sampling")
def sampler_custom(
    ctx: Context,
    *,
    model: Model,
    add_noise: bool = True,
    noise_seed: Seed = 0,
    cfg: Scale = 8.0,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
) -> Sampled:
    """Draw what prompts describe, with a sampler and noise levels of one's own choice.

    Args:
        model: the network that knows what pictures look like.
        add_noise: off goes on from the noise that is in the latent.
        noise_seed: fixes the noise.
        cfg: how closely the picture follows the prompts; 1 ignores the negative one and takes half the time.
        positive: what to draw.
        negative: what to keep away from.
        sampler: the method that takes the steps.
        sigmas: the noise levels to visit; with none the latent comes back as it is.
        latent_image: (B, C, h, w), empty, a picture, or what another sampler left.
    """
    guider = WiredGuider(model, Guidance(cfg), {"positive": positive, "negative": negative})
    noise = SeededNoise(noise_seed) if add_noise else NoNoise(noise_seed)
    return Sampled(*sample_latent(ctx, guider, latent_image, noise, sampler, lambda base: sigmas))


@node(id="SamplerCustomAdvanced", display_name="SamplerCustomAdvanced", category="sampling/custom_sampling")
def sampler_custom_advanced(
    ctx: Context, *, noise: Noise, guider: Guider, sampler: Sampler, sigmas: Sigmas, latent_image: Latent
) -> Sampled:
    """Draw with noise, guider, sampler and noise levels of one's own choice.

    Args:
        noise: the noise that the picture is made of.
        guider: the model with its prompts.
        sampler: the method that takes the steps.
        sigmas: the noise levels to visit; with none the latent comes back as it is.
        latent_image: (B, C, h, w), empty, a picture, or what another sampler left.
    """
    return Sampled(*sample_latent(ctx, guider, latent_image, noise, sampler, lambda base: sigmas))


@node(
    id="AddNoise",
    display_name="AddNoise",
    category="_for_testing/custom_sampling/noise",
    experimental=True,
)
def add_noise(*, model: Model, noise: Noise, sigmas: Sigmas, latent_image: Latent) -> Latent:
    """Put noise on a latent, as much as lies between the first and the last noise level.

    Args:
        model: says how its training mixed pictures and noise.
        noise: the noise.
        sigmas: noise levels; with none the latent comes back as it is.
        latent_image: (B, C, h, w).
    """
    latent: LatentBatch = latent_image
    source: NoiseSource = noise
    if len(sigmas) == 0:
        return latent
    base = model.base
    start = fitted_latent(base, latent)
    drawn = source.draw(start, latent.batch_index)
    scale = float(abs(sigmas[0] - sigmas[-1]) if len(sigmas) > 1 else sigmas[0])
    clean = base.latent.to_network(start) if bool(start.any()) else start
    noisy = base.latent.to_vae(path_of(base).noised(clean, drawn, scale))
    return replace(latent, samples=torch.nan_to_num(noisy, nan=0.0, posinf=0.0, neginf=0.0))
