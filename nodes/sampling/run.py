"""Runs a guider and a sampler for a node: borrows the networks, reports each step, shows rough pictures."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

import torch

from models.conditioner import ContextConditioner
from models.diffusion import DiffusionModel
from nodes.api.context import Context
from nodes.api.errors import NodeError
from nodes.sampling.preview import previewer
from schedulers.conditioning import ConditioningValue
from schedulers.control import networks
from schedulers.guiders.rule import Asking
from schedulers.guiders.wired import WiredGuider
from schedulers.latent import LatentBatch, with_channels
from schedulers.noise import NoiseSource
from schedulers.sample import Companion, sample_guided
from schedulers.step import Method, Step

PREVIEW_SECONDS = 0.1


def reporter(ctx: Context, model: DiffusionModel, total: int) -> Callable[[Step], None]:
    """Return what is called after each step: it reports progress and, now and then, shows a rough picture."""
    picture = previewer(ctx, model.latent)
    last_shown = float("-inf")

    def report(step: Step) -> None:
        nonlocal last_shown
        ctx.progress(step.index + 1, total)
        now = time.monotonic()
        if picture is not None and now - last_shown >= PREVIEW_SECONDS:
            last_shown = now
            ctx.preview(picture(step.denoised))

    return report


def check_width(model: DiffusionModel, name: str, conditioning: ConditioningValue) -> None:
    """Raise NodeError if prompts come from a text encoder that the network was not trained with."""
    if isinstance(model.conditioner, ContextConditioner):
        return
    expected = getattr(getattr(model.network, "config", None), "context_width", None)
    for entry in conditioning:
        given = entry.embedding.shape[-1]
        if expected is not None and given != expected:
            raise NodeError(
                f"{name} comes from a text encoder with {given} numbers a token, "
                f"but this model wants {expected}: take the CLIP of the same checkpoint"
            )


def fitted_latent(model: DiffusionModel, latent: LatentBatch) -> torch.Tensor:
    """The samples (B, C, h, w) of a latent for a model; an empty one takes the channels it wants."""
    start = with_channels(latent.samples, model.latent.channels)
    if start.shape[1] != model.latent.channels:
        raise NodeError(
            f"latent_image has {start.shape[1]} channels but this model wants {model.latent.channels}"
        )
    return start


class Latents(NamedTuple):
    """Where sampling ended, and the last estimate of the clean latent."""

    output: LatentBatch
    denoised_output: LatentBatch


def _all_lists(model: DiffusionModel, lists: Mapping[str, ConditioningValue]) -> dict[str, ConditioningValue]:
    """The conditions of a model, with those that its rules ask for."""
    found = dict(lists)
    for rule in model.rules:
        if isinstance(rule, Asking):
            found |= rule.lists
    return found


def _evaluated(latent: LatentBatch, lists: Mapping[str, ConditioningValue]) -> tuple[int, ...]:
    """The shape of the largest input that the network gets: all prompts at once, each for all pictures."""
    batch, *cells = latent.samples.shape
    return max(1, sum(len(entries) for entries in lists.values())) * batch, *cells


def _most_rows(ctx: Context, guider: WiredGuider, shape: tuple[int, ...]) -> int | None:
    """How many latents fit into one run of the network; None for all of a shape (B, C, h, w)."""
    rows = shape[0]
    while rows > 1 and not ctx.fits(guider.model, (rows, *shape[1:])):
        rows = (rows + 1) // 2
    if rows == shape[0]:
        return None
    ctx.log.info("There is no memory for %d latents in one run; they go %d at a time", shape[0], rows)
    return rows


def sample_latent(
    ctx: Context,
    guider: WiredGuider,
    latent: LatentBatch,
    noise: NoiseSource,
    chosen: Method,
    make_sigmas: Callable[[DiffusionModel], torch.Tensor],
) -> Latents:
    """Return a latent sampled along the noise levels that make_sigmas gives for the guider's model.

    latent.samples: (B, C, h, w); an empty one takes the number of channels the model wants.
    """
    with ExitStack() as borrowed:
        shape = _evaluated(latent, guider.lists)
        most_rows = _most_rows(ctx, guider, shape)
        shape = (min(shape[0], most_rows or shape[0]), *shape[1:])
        base = borrowed.enter_context(ctx.resident(guider.model, shape))
        # What meets in a step meets on one device.
        device = guider.model.device
        companions = [
            Companion(
                borrowed.enter_context(ctx.resident(helper.model.on_device(device), shape)), helper.lists
            )
            for helper in guider.helpers
        ]
        for model, lists in ((base, guider.lists), *((one.model, one.lists) for one in companions)):
            conditions = _all_lists(model, lists)
            for network in networks(*conditions.values()):
                borrowed.enter_context(ctx.resident(network.on_device(device), shape))
            for name, conditioning in conditions.items():
                check_width(model, name, conditioning)
        start = fitted_latent(base, latent)
        sigmas = make_sigmas(base)
        sampled = sample_guided(
            base,
            guider.guider,
            guider.lists,
            noise.draw(start, latent.batch_index),
            start,
            chosen=chosen,
            sigmas=sigmas,
            seed=noise.seed,
            noise_mask=latent.noise_mask,
            companions=companions,
            device=next(base.network.parameters()).device,
            on_step=reporter(ctx, base, len(sigmas) - 1),
            most_rows=most_rows,
        )
    return Latents(replace(latent, samples=sampled.latent), replace(latent, samples=sampled.denoised))
