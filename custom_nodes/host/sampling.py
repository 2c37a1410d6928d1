"""Samples latents for packs, with values in their form (`nodes.common_ksampler` to packs)."""

from typing import Any

from custom_nodes.host.state import get_context
from custom_nodes.v1.values import from_pack, to_pack
from nodes.sampling.run import sample_latent
from schedulers.guiders.cfg import Guidance
from schedulers.guiders.wired import WiredGuider
from schedulers.noise import NoNoise, SeededNoise
from schedulers.samplers.table import method
from schedulers.sigmas import ksampler_sigmas


def common_ksampler(
    model: Any,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Any,
    negative: Any,
    latent: Any,
    denoise: float = 1.0,
    disable_noise: bool = False,
    start_step: int | None = None,
    last_step: int | None = None,
    force_full_denoise: bool = False,
) -> tuple[Any]:
    """The latent that a sampler leaves, in a tuple; works while a node runs."""
    prompts = {
        "positive": from_pack(positive, "CONDITIONING"),
        "negative": from_pack(negative, "CONDITIONING"),
    }
    result = sample_latent(
        get_context(),
        WiredGuider(model, Guidance(cfg), prompts),
        from_pack(latent, "LATENT"),
        NoNoise(seed) if disable_noise else SeededNoise(seed),
        method(sampler_name),
        lambda base: ksampler_sigmas(
            base,
            sampler_name,
            scheduler,
            steps,
            denoise,
            start=start_step,
            end=last_step,
            force_full_denoise=force_full_denoise,
        ),
    )
    return (to_pack(result.output),)
