"""Writes, cuts and changes lists of noise levels."""

import re
from typing import Annotated, Literal, NamedTuple

import torch

from nodes.api.declare import node
from nodes.api.sockets import Model, Sigmas
from nodes.api.widgets import Range, Text
from schedulers.formulas import extended, flipped
from schedulers.tables import sigma_table

_NUMBER = re.compile(r"[-+]?(?:\d*\.*\d+)")


class SplitSigmas(NamedTuple):
    """The noisier and the cleaner part."""

    high_sigmas: Sigmas
    low_sigmas: Sigmas


class SigmaValue(NamedTuple):
    """A noise level."""

    sigma_value: float


@node(
    id="ManualSigmas", display_name="ManualSigmas", category="_for_testing/custom_sampling", experimental=True
)
def manual(*, sigmas: Annotated[str, Text(multiline=False, dynamic_prompts=False)] = "1, 0.5") -> Sigmas:
    """Take noise levels from a text.

    Args:
        sigmas: numbers, whatever stands between them; 1e-3 is read as 1 and -3.
    """
    return torch.tensor([float(number) for number in _NUMBER.findall(sigmas)], dtype=torch.float32)


@node(id="SplitSigmas", display_name="SplitSigmas", category="sampling/custom_sampling/sigmas")
def split(*, sigmas: Sigmas, step: Annotated[int, Range(0, 10_000)] = 0) -> SplitSigmas:
    """Cut noise levels at a step, so that two samplers can share them.

    Args:
        sigmas: noise levels, high to low.
        step: steps of the first part; the level at the cut belongs to both.
    """
    return SplitSigmas(sigmas[: step + 1], sigmas[step:])


@node(id="SplitSigmasDenoise", display_name="SplitSigmasDenoise", category="sampling/custom_sampling/sigmas")
def split_denoise(
    *, sigmas: Sigmas, denoise: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0
) -> SplitSigmas:
    """Cut noise levels so that the second part is a share of the steps.

    Args:
        sigmas: noise levels, high to low.
        denoise: share of the steps in the second part; where it rounds to none, the first part is empty.
    """
    steps = round(max(len(sigmas) - 1, 0) * denoise)
    return SplitSigmas(sigmas[:-steps] if steps else sigmas[:0], sigmas[-(steps + 1) :])


@node(id="FlipSigmas", display_name="FlipSigmas", category="sampling/custom_sampling/sigmas")
def flip(*, sigmas: Sigmas) -> Sigmas:
    """Turn noise levels round, to go from a picture back to its noise.

    Args:
        sigmas: noise levels; a 0 that comes first becomes 0.0001.
    """
    return flipped(sigmas)


@node(id="SetFirstSigma", display_name="SetFirstSigma", category="sampling/custom_sampling/sigmas")
def set_first(
    *,
    sigmas: Sigmas,
    sigma: Annotated[float, Range(0.0, 20_000.0, step=0.001, extra={"round": False})] = 136.0,
) -> Sigmas:
    """Replace the first noise level.

    Args:
        sigmas: noise levels.
        sigma: the first one.
    """
    changed = sigmas.clone()
    changed[:1] = sigma
    return changed


@node(
    id="ExtendIntermediateSigmas",
    display_name="ExtendIntermediateSigmas",
    category="sampling/custom_sampling/sigmas",
)
def extend(
    *,
    sigmas: Sigmas,
    steps: Annotated[int, Range(1, 100)] = 2,
    start_at_sigma: Annotated[float, Range(-1.0, 20_000.0, step=0.01, extra={"round": False})] = -1.0,
    end_at_sigma: Annotated[float, Range(0.0, 20_000.0, step=0.01, extra={"round": False})] = 12.0,
    spacing: Literal["linear", "cosine", "sine"],
) -> Sigmas:
    """Part the steps between some noise levels into smaller ones.

    Args:
        sigmas: noise levels.
        steps: parts of each step.
        start_at_sigma: the highest level whose step is parted; below 0 there is no bound.
        end_at_sigma: the lowest level whose step is parted.
        spacing: linear parts evenly, cosine puts more levels at the end of a step, sine at its start.
    """
    return extended(sigmas, steps, start_at_sigma, end_at_sigma, spacing)


@node(
    id="SamplingPercentToSigma",
    display_name="SamplingPercentToSigma",
    category="sampling/custom_sampling/sigmas",
)
def percent_to_sigma(
    *,
    model: Model,
    sampling_percent: Annotated[float, Range(0.0, 1.0, step=0.0001)] = 0.0,
    return_actual_sigma: bool = False,
) -> SigmaValue:
    """Find the noise level that a model reaches after a part of sampling.

    Args:
        model: whose noise levels count.
        sampling_percent: 0 before the first step, 1 after the last.
        return_actual_sigma: give the model's highest and lowest level for 0 and 1, not the numbers that stand
            for "always" in conditions.
    """
    table = sigma_table(model.base.noise)
    if return_actual_sigma and sampling_percent in (0.0, 1.0):
        return SigmaValue(table.sigma_max if sampling_percent == 0.0 else table.sigma_min)
    return SigmaValue(table.percent_to_sigma(sampling_percent))
