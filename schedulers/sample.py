"""Sampling as a node asks for it: noise and a latent in, a denoised latent out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.adapters.patch import Patch
from models.call import Run
from models.conditioner import Surroundings
from models.diffusion import DiffusionModel
from schedulers.batching import ConditionedDenoiser
from schedulers.conditioning import ConditioningValue, Setting, resolve
from schedulers.guiders.cfg import Guidance, Guider
from schedulers.guiders.rule import Asking, MaskRule, Predict, Sampling, Spoiling, Wrapping, started
from schedulers.inpaint import MaskAt, fitted_mask, inside_mask
from schedulers.noise import BrownianNoise, GaussianNoise, reseeded_noise
from schedulers.prediction import NetworkDenoiser, initial_state, path_of
from schedulers.samplers.table import method
from schedulers.step import Method, Noise, PairDenoiser, Step
from schedulers.tables import sigma_table

Lists = Mapping[str, ConditioningValue]


@dataclass(frozen=True, eq=False)
class Sampled:
    """What sampling gives: (B, C, H, W) each, float32 on the CPU, as the VAE knows it.

    latent: where sampling ended.
    denoised: the last estimate of the clean latent.
    """

    latent: Tensor
    denoised: Tensor


@dataclass(frozen=True, eq=False)
class Companion:
    """A second network that predicts lists of its own; it must be on the device."""

    model: DiffusionModel
    lists: Lists


def guided(predict: Predict, guider: Guider, sampling: Sampling) -> PairDenoiser:
    """The denoiser a guider makes of predictions."""

    def denoise(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return guider.denoise(x, sigma, predict, sampling)

    return denoise


def noise_source(chosen: Method, x: Tensor, sigmas: Sequence[float], seed: int, scale: float = 1.0) -> Noise:
    """The noise a sampler draws on its way, `scale` times as strong; x: (B, C, H, W), where it starts."""
    drawn: Noise
    if chosen.noise == "brownian":
        drawn = BrownianNoise(x, sigmas, seed, on_device=chosen.noise_on_device)
    else:
        drawn = GaussianNoise(x, seed)
    return drawn if scale == 1.0 else lambda sigma, sigma_next: drawn(sigma, sigma_next) * scale


def sample(
    model: DiffusionModel,
    noise: Tensor,
    latent: Tensor,
    positive: ConditioningValue,
    negative: ConditioningValue,
    *,
    cfg: float,
    sampler: str,
    sigmas: Tensor,
    seed: int,
    noise_mask: Tensor | None = None,
    device: torch.device | str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> Tensor:
    """The latent (B, C, H, W) after sampling with classifier-free guidance; see `sample_guided`.

    Args:
        model: its network must be on the device.
        noise: (B, C, H, W), unit variance (zeros to add none).
        latent: (B, C, H, W) unscaled; where it is all zero there is no picture to start from.
        positive: what to draw.
        negative: what to draw away from.
        cfg: scale of classifier-free guidance.
        sampler: a name in SAMPLERS.
        sigmas: (n + 1,) noise levels to visit; with none the latent comes back as it is.
        seed: of the noise that samplers draw on their way.
        noise_mask: (H, W), (N, H, W) or (N, 1, H, W) of any size, 1 = denoise, None = everywhere.
        device: where to compute.
        on_step: called after each of the n steps; what it raises ends sampling.

    Raises ValueError for an unknown sampler, or noise that is not shaped like the latent.
    """
    return sample_guided(
        model,
        Guidance(cfg),
        {"positive": positive, "negative": negative},
        noise,
        latent,
        chosen=method(sampler),
        sigmas=sigmas,
        seed=seed,
        noise_mask=noise_mask,
        device=device,
        on_step=on_step,
    ).latent


@torch.no_grad()
def sample_guided(
    model: DiffusionModel,
    guider: Guider,
    lists: Lists,
    noise: Tensor,
    latent: Tensor,
    *,
    chosen: Method,
    sigmas: Tensor,
    seed: int,
    noise_mask: Tensor | None = None,
    companions: Sequence[Companion] = (),
    device: torch.device | str = "cpu",
    on_step: Callable[[Step], None] | None = None,
    most_rows: int | None = None,
) -> Sampled:
    """Sample latents (B, C, H, W) with a guider over named lists of conditions.

    The other arguments are those of `sample`.

    chosen: the sampler.
    companions: further networks, for lists that the guider asks for and `lists` does not have.
    most_rows: of latents in one run of a network, prompts counted; None for as many as memory allows.
    """
    if noise.shape != latent.shape:
        raise ValueError(f"noise is {tuple(noise.shape)} but the latent is {tuple(latent.shape)}")
    levels = [float(level) for level in sigmas]
    if not levels:
        return Sampled(latent, latent)
    path, table = path_of(model), sigma_table(model.noise)
    chosen = chosen.on(path)
    noise, start = noise.to(device, torch.float32), latent.to(device, torch.float32)
    start = model.latent.to_network(start) if bool(start.any()) else start
    mask = None if noise_mask is None else fitted_mask(noise_mask, latent.shape).to(device)
    where = Surroundings(noise, start, mask, seed, torch.device(device))
    rules = started(model.rules)
    spoiling = tuple(rule for rule in rules if isinstance(rule, Spoiling))
    sampling = Sampling(path, table, tuple(levels), _guiding(rules), chosen.pair is not None, spoiling)
    asked = [Companion(model, rule.lists) for rule in rules if isinstance(rule, Asking)]
    networks = [Companion(model, lists), *companions, *asked]
    predict = _predictor(networks, where, sampling.sigmas, most_rows)
    denoise = guided(predict, guider, sampling)
    for rule in rules:
        if isinstance(rule, Wrapping):
            denoise = rule.wrapped(denoise)
    scale = model.noise_scale
    noise = noise * scale
    mask_noise = reseeded_noise(noise.shape, seed).to(device) * scale if chosen.own_mask_noise else noise
    if mask is not None:
        denoise = inside_mask(denoise, mask, start, mask_noise, path, _mask_at(rules, sampling))
    x = initial_state(model, start, noise, levels[0])
    denoised: Tensor | None = None
    for step in chosen.steps(denoise, x, levels, noise_source(chosen, x, levels, seed, scale)):
        x, denoised = step.x, step.denoised
        if on_step is not None:
            on_step(step)
    if path.flow:
        x = x / (1.0 - (levels[-1] or chosen.last_sigma))
    ended = model.latent.to_vae(x).cpu()
    return Sampled(ended, ended if denoised is None else model.latent.to_vae(denoised).cpu())


def _predictor(
    networks: Sequence[Companion], where: Surroundings, sigmas: tuple[float, ...], most_rows: int | None
) -> Predict:
    """Evaluates each list with the network it belongs to; lists of one network in one go."""
    run = Run(where.seed, where.noise.shape)
    denoisers = [(one.lists, _conditioned(one, where, sigmas, run, most_rows)) for one in networks]

    def predict(
        x: Tensor, sigma: float, names: Sequence[str], under: Sequence[Patch] = ()
    ) -> dict[str, Tensor]:
        predictions: dict[str, Tensor] = {}
        for lists, denoiser in denoisers:
            known = [name for name in names if name in lists]
            if known:
                predictions |= denoiser(x, sigma, known, under)
        return predictions

    return predict


def _conditioned(
    one: Companion, where: Surroundings, sigmas: tuple[float, ...], run: Run, most_rows: int | None
) -> ConditionedDenoiser:
    network = NetworkDenoiser.of(one.model)
    where = replace(where, network=one.model.network)
    to_sigma = network.table.percent_to_sigma
    setting = Setting(one.model.conditioner, where, to_sigma, max(sigmas), one.model)
    return ConditionedDenoiser(network, resolve(one.lists, setting), sigmas, run, most_rows)


def _guiding(rules: Sequence[Any]) -> tuple[Any, ...]:
    """The rules about what predictions come to."""
    return tuple(rule for rule in rules if not isinstance(rule, MaskRule | Spoiling | Wrapping))


def _mask_at(rules: Sequence[Any], sampling: Sampling) -> MaskAt | None:
    """How the last rule about masks changes one."""
    for rule in reversed(rules):
        if isinstance(rule, MaskRule):
            return lambda mask, sigma: rule.mask_at(mask, sigma, sampling)
    return None
