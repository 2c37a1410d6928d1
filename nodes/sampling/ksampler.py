"""Samples latents: the two classic samplers with everything in one node."""

from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Conditioning, Latent, Model
from nodes.api.widgets import Choice, Range, Seed
from nodes.sampling.run import sample_latent
from schedulers.guiders.cfg import Guidance as Scaled
from schedulers.guiders.wired import WiredGuider
from schedulers.noise import NoNoise, SeededNoise
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import SCHEDULES, ksampler_sigmas

Steps = Annotated[int, Range(1, 10_000)]
Guidance = Annotated[float, Range(0.0, 100.0, step=0.1, round=0.01)]
SamplerName = Annotated[str, Choice(SAMPLERS)]
ScheduleName = Annotated[str, Choice(SCHEDULES)]


@node(id="KSampler", display_name="KSampler", category="sampling")
def ksampler(
    ctx: Context,
    *,
    model: Model,
    seed: Seed = 0,
    steps: Steps = 20,
    cfg: Guidance = 8.0,
    sampler_name: SamplerName,
    scheduler: ScheduleName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0,
) -> Latent:
    """Draw what prompts describe by taking noise out of a latent, step by step.

    Args:
        model: the network that knows what pictures look like.
        seed: fixes the noise; the same seed gives the same picture.
        steps: how many steps; more take longer and are finer.
        cfg: how closely the picture follows the prompts; 1 ignores the negative one and takes half the time.
        sampler_name: the method that takes the steps.
        scheduler: how the noise levels are spread over the steps.
        positive: what to draw.
        negative: what to keep away from.
        latent_image: (B, C, h, w), empty or a picture to start from.
        denoise: how much of the latent is drawn anew; below 1 its picture shines through.
    """
    return sample_latent(
        ctx,
        WiredGuider(model, Scaled(cfg), {"positive": positive, "negative": negative}),
        latent_image,
        SeededNoise(seed),
        SAMPLERS[sampler_name],
        lambda base: ksampler_sigmas(base, sampler_name, scheduler, steps, denoise),
    ).output


@node(id="KSamplerAdvanced", display_name="KSampler (Advanced)", category="sampling")
def ksampler_advanced(
    ctx: Context,
    *,
    model: Model,
    add_noise: Annotated[str, Choice(("enable", "disable"))],
    noise_seed: Seed = 0,
    steps: Steps = 20,
    cfg: Guidance = 8.0,
    sampler_name: SamplerName,
    scheduler: ScheduleName,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: Annotated[int, Range(0, 10_000)] = 0,
    end_at_step: Annotated[int, Range(0, 10_000)] = 10_000,
    return_with_leftover_noise: Annotated[str, Choice(("disable", "enable"))],
) -> Latent:
    """Take a part of the steps of a sampler, so that several can share the work on one picture.

    Args:
        model: the network that knows what pictures look like.
        add_noise: disable goes on from the noise that is in the latent.
        noise_seed: fixes the noise.
        steps: how many steps the whole picture takes.
        cfg: how closely the picture follows the prompts; 1 ignores the negative one and takes half the time.
        sampler_name: the method that takes the steps.
        scheduler: how the noise levels are spread over the steps.
        positive: what to draw.
        negative: what to keep away from.
        latent_image: (B, C, h, w), empty, a picture, or what another sampler left.
        start_at_step: the first step to take, counted from 0.
        end_at_step: the step to stop before.
        return_with_leftover_noise: enable leaves the noise of the steps that were not taken in the latent.
    """
    return sample_latent(
        ctx,
        WiredGuider(model, Scaled(cfg), {"positive": positive, "negative": negative}),
        latent_image,
        NoNoise(noise_seed) if add_noise == "disable" else SeededNoise(noise_seed),
        SAMPLERS[sampler_name],
        lambda base: ksampler_sigmas(
            base,
            sampler_name,
            scheduler,
            steps,
            start=start_at_step,
            end=end_at_step,
            force_full_denoise=return_with_leftover_noise != "enable",
        ),
    ).output
