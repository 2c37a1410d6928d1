"""Samples latents: the two classic samplers with everything in one node."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated

import torch

from models.diffusion import DiffusionModel
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning, Latent, Model
from nodes.api.widgets import Choice, Range, Seed
from schedulers.conditioning import ConditioningValue
from schedulers.control import networks
from schedulers.latent import LatentBatch, with_channels
from schedulers.noise import initial_noise
from schedulers.preview import latent_to_rgb
from schedulers.sample import sample
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import SCHEDULES, ksampler_sigmas
from schedulers.step import Step

PREVIEW_SECONDS = 0.1

Steps = Annotated[int, Range(1, 10_000)]
Guidance = Annotated[float, Range(0.0, 100.0, step=0.1, round=0.01)]
SamplerName = Annotated[str, Choice(SAMPLERS)]
ScheduleName = Annotated[str, Choice(SCHEDULES)]


def reporter(ctx: Context, model: DiffusionModel, total: int) -> Callable[[Step], None]:
    """Return what is called after each step: it reports progress and, now and then, shows a rough picture."""
    shows = ctx.preview_method != "none" and model.latent.rgb_factors is not None
    last_shown = float("-inf")

    def report(step: Step) -> None:
        nonlocal last_shown
        ctx.progress(step.index + 1, total)
        now = time.monotonic()
        if shows and now - last_shown >= PREVIEW_SECONDS:
            from PIL import Image

            last_shown = now
            ctx.preview(Image.fromarray(latent_to_rgb(step.denoised, model.latent).numpy()))

    return report


def check_width(model: DiffusionModel, name: str, conditioning: ConditioningValue) -> None:
    """Raise NodeError if prompts come from a text encoder that the network was not trained with."""
    expected = getattr(getattr(model.network, "config", None), "context_width", None)
    for entry in conditioning:
        given = entry.embedding.shape[-1]
        if expected is not None and given != expected:
            raise NodeError(
                f"{name} comes from a text encoder with {given} numbers a token, "
                f"but this model wants {expected}: take the CLIP of the same checkpoint"
            )


def sample_latent(
    ctx: Context,
    model: Model,
    latent: LatentBatch,
    positive: ConditioningValue,
    negative: ConditioningValue,
    *,
    seed: int,
    cfg: float,
    sampler: str,
    make_sigmas: Callable[[DiffusionModel], torch.Tensor],
    adds_noise: bool = True,
) -> LatentBatch:
    """Return a latent sampled along the noise levels that make_sigmas gives for the model.

    latent.samples: (B, C, h, w); an empty one takes the number of channels the model wants.
    """
    with ExitStack() as borrowed:
        base = borrowed.enter_context(ctx.resident(model))
        for network in networks(positive, negative):
            borrowed.enter_context(ctx.resident(network))
        check_width(base, "positive", positive)
        check_width(base, "negative", negative)
        start = with_channels(latent.samples, base.latent.channels)
        if start.shape[1] != base.latent.channels:
            raise NodeError(
                f"latent_image has {start.shape[1]} channels but this model wants {base.latent.channels}"
            )
        if adds_noise:
            noise = initial_noise(start.shape, seed, latent.batch_index)
        else:
            noise = torch.zeros_like(start)
        sigmas = make_sigmas(base)
        samples = sample(
            base,
            noise,
            start,
            positive,
            negative,
            cfg=cfg,
            sampler=sampler,
            sigmas=sigmas,
            seed=seed,
            noise_mask=latent.noise_mask,
            device=next(base.network.parameters()).device,
            on_step=reporter(ctx, base, len(sigmas) - 1),
        )
    return replace(latent, samples=samples)


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
        model,
        latent_image,
        positive,
        negative,
        seed=seed,
        cfg=cfg,
        sampler=sampler_name,
        make_sigmas=lambda base: ksampler_sigmas(base, sampler_name, scheduler, steps, denoise),
    )


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
        model,
        latent_image,
        positive,
        negative,
        seed=noise_seed,
        cfg=cfg,
        sampler=sampler_name,
        make_sigmas=lambda base: ksampler_sigmas(
            base,
            sampler_name,
            scheduler,
            steps,
            start=start_at_step,
            end=end_at_step,
            force_full_denoise=return_with_leftover_noise != "enable",
        ),
        adds_noise=add_noise != "disable",
    )
