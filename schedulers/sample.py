"""Sampling as a node asks for it: noise and a latent in, a denoised latent out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from models.call import Run
from models.conditioner import Surroundings
from models.diffusion import DiffusionModel
from schedulers.batching import ConditionedDenoiser
from schedulers.conditioning import ConditioningValue, Setting, Term, resolve
from schedulers.guiders.cfg import Guidance, Guider
from schedulers.inpaint import fitted_mask, inside_mask
from schedulers.noise import BrownianNoise, GaussianNoise, reseeded_noise
from schedulers.prediction import NetworkDenoiser, initial_state
from schedulers.samplers.table import method
from schedulers.step import Method, Noise, PairDenoiser, Step


def guided(conditioned: ConditionedDenoiser, guider: Guider, sigmas: tuple[float, ...] = ()) -> PairDenoiser:
    """The denoiser a guider makes of predictions; sigmas are the noise levels of the run."""

    def denoise(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return guider.denoise(x, sigma, conditioned, sigmas)

    return denoise


def noise_source(chosen: Method, x: Tensor, sigmas: Sequence[float], seed: int) -> Noise:
    """The noise a sampler draws on its way; x: (B, C, H, W), the state it starts from."""
    if chosen.noise == "brownian":
        return BrownianNoise(x, sigmas, seed, on_device=chosen.noise_on_device)
    return GaussianNoise(x, seed)


@torch.no_grad()
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
    """The latent (B, C, H, W) after sampling, float32 on the CPU, unscaled as the VAE knows it.

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
    chosen = method(sampler)
    if noise.shape != latent.shape:
        raise ValueError(f"noise is {tuple(noise.shape)} but the latent is {tuple(latent.shape)}")
    levels = [float(level) for level in sigmas]
    if not levels:
        return latent
    network = NetworkDenoiser.of(model)
    chosen = chosen.on(network.table.percent_to_sigma)
    scale, shift = model.latent.scale, model.latent.shift
    noise, start = noise.to(device, torch.float32), latent.to(device, torch.float32)
    if bool(start.any()):
        start = (start - shift) * scale
    mask = None if noise_mask is None else fitted_mask(noise_mask, latent.shape).to(device)
    where = Surroundings(noise, start, mask, seed, torch.device(device))
    terms = _terms(network, {"positive": positive, "negative": negative}, where)
    guider = Guidance(cfg, model.rules, always_negative=chosen.pair is not None)
    visited = tuple(levels)
    denoise = guided(ConditionedDenoiser(network, terms, visited, Run(seed, noise.shape)), guider, visited)
    mask_noise = reseeded_noise(noise.shape, seed).to(device) if chosen.own_mask_noise else noise
    if mask is not None:
        denoise = inside_mask(denoise, mask, start, mask_noise)
    x = initial_state(start, noise, levels[0], network.table)
    for step in chosen.steps(denoise, x, levels, noise_source(chosen, x, levels, seed)):
        x = step.x
        if on_step is not None:
            on_step(step)
    return (x / scale + shift).cpu()


def _terms(
    network: NetworkDenoiser, lists: Mapping[str, ConditioningValue], where: Surroundings
) -> dict[str, tuple[Term, ...]]:
    """Named lists of conditions as they come to be on what is sampled."""
    return resolve(lists, Setting(network.model.conditioner, where, network.table.percent_to_sigma))
