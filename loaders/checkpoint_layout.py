"""Answers under which names the parts of a model stand in whole checkpoints, to write them there."""

import json
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from loaders.families import sd1, sd2, sdxl
from loaders.families.latents import PLAYGROUND, RGB_METADATA, SD, SDXL, UPSCALER
from loaders.families.open_clip import text_sources, vision_sources
from loaders.quantised.written import written
from loaders.safetensors_writer import Planned, planned
from models.adapters.patch import Patched
from models.adapters.weight_change import PatchedWeights, original_parameter
from models.diffusion import DiffusionModel, TextModel, VaeModel
from models.noise import ContinuousLog, NoiseTable
from models.packed.away import waiting
from models.packed.tensor import Packed, dense
from models.text.encoders import TextEncoders
from models.vae.tiny import TinyAutoencoder
from models.vision.encode import VisionModel

MODEL_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
# Where checkpoints keep the picture tower that draws in place of a text encoder.
_VISION_PREFIXES: Mapping[str, str] = {"zero123": "cond_stage_model.model.visual."}
# Parameters of diffusion networks that stand beside them in files.
_OUTSIDE = frozenset(sd1.PROJECTION)
# Which encoders a model has -> where each stands.
_TEXT_PLACES: Mapping[frozenset[str], Mapping[str, tuple[str, ...]]] = {
    frozenset(places): places for places in (sd1.TEXT, sd2.TEXT, sdxl.TEXT, sdxl.REFINER_TEXT)
}
_OPEN_CLIP = ("clip_g", "clip_h")
_POSITIONS = 77
_ARCHITECTURES = {
    "sdxl": "stable-diffusion-xl-v1-base",
    "sdxl_edit": "stable-diffusion-xl-v1-edit",
    "sdxl_refiner": "stable-diffusion-xl-v1-refiner",
}


def model_tensors(model: Patched[DiffusionModel]) -> dict[str, Planned]:
    """A diffusion network under its names in checkpoints, with the keys that say how it is sampled.

    Weights that are packed and not changed stay so, where files of tensors have a form for them.
    """
    weights, tensors = PatchedWeights(model, is_exact=True), dict[str, Planned]()
    for name, plan in weights_of(model).items():
        packed = weights.packed(name)
        stored = None if packed is None else written(name, packed)
        parts = {name: plan} if stored is None else {part: planned(one) for part, one in stored.items()}
        tensors |= {_in_file(part): one for part, one in parts.items()}
    return tensors | {name: planned(tensor) for name, tensor in sampling_keys(model.base).items()}


def _in_file(name: str) -> str:
    return name if name in _OUTSIDE else MODEL_PREFIX + name


def vision_tensors(vision: Patched[VisionModel], family: str) -> dict[str, Planned]:
    """A picture tower under its names in checkpoints of a family, in 16 bits.

    Raises:
        ValueError: if checkpoints of the family hold none in place of a text encoder.
    """
    prefix = _VISION_PREFIXES.get(family)
    if prefix is None:
        known = ", ".join(_VISION_PREFIXES)
        raise ValueError(
            f"checkpoints of {family} do not hold a CLIP vision model in place of a text encoder; "
            f"those that do are of {known}"
        )
    weights = {name: plan.as_type(torch.float16) for name, plan in weights_of(vision).items()}
    sources = vision_sources(weights)
    return {
        prefix + name: _joined([weights[source] for source in found], swapped)
        for name, (found, swapped) in sources.items()
    }


def text_tensors(clip: Patched[TextModel]) -> dict[str, Planned]:
    """Text encoders under their names in checkpoints, in 16 bits.

    Raises:
        ValueError: if no checkpoint has these encoders together.
    """
    encoders = encoders_of(clip)
    places = _TEXT_PLACES.get(frozenset(encoders))
    if places is None:
        raise ValueError(
            f"no checkpoint holds the text encoders {' and '.join(encoders)}; save them by themselves"
        )
    tensors: dict[str, Planned] = {}
    for encoder, weights in encoders.items():
        prefix = places[encoder][0]
        inside = _open_clip(weights) if encoder in _OPEN_CLIP else _bare(weights)
        if encoder != "clip_g" and len(encoders) > 1:
            inside["text_model.embeddings.position_ids"] = planned(torch.arange(_POSITIONS)[None])
        tensors |= {prefix + name: plan for name, plan in inside.items()}
    return tensors


def vae_tensors(vae: Patched[VaeModel]) -> dict[str, Planned]:
    """An autoencoder under the names it has in a file of its own."""
    tensors = weights_of(vae)
    network = vae.base.network
    if isinstance(network, TinyAutoencoder):
        tensors["vae_scale"] = planned(torch.tensor(network.config.scale))
        tensors["vae_shift"] = planned(torch.tensor(network.config.shift))
    return tensors


def encoders_of(clip: Patched[TextModel]) -> dict[str, dict[str, Planned]]:
    """Each text encoder by name, under the names of transformers and in 16 bits."""
    encoders: dict[str, dict[str, Planned]] = {}
    for name, plan in weights_of(clip).items():
        encoder, _, inside = name.partition(".")
        encoders.setdefault(encoder, {})[inside] = plan.as_type(TextEncoders.rounded_to)
    return encoders


def weights_of(
    patched: Patched[DiffusionModel] | Patched[TextModel] | Patched[VaeModel] | Patched[VisionModel],
) -> dict[str, Planned]:
    """The parameters of a model as its patches make them, unpacked, under the names in its network.

    They have the bits that the file has that they come from, also where the network keeps fewer; those that
    are packed become 16 bits.
    """
    weights = PatchedWeights(patched, is_exact=True)
    plans = {}
    for name, shape in weights.shapes.items():
        is_packed = isinstance(waiting(original_parameter(weights.network, name)), Packed)
        dtype = weights.dtype(name)
        dtype = torch.float16 if is_packed and dtype is torch.float32 else dtype
        plans[name] = Planned(dtype, tuple(shape), partial(_numbers, weights, name))
    return plans


def _numbers(weights: PatchedWeights, name: str) -> Tensor:
    return dense(weights.read(name))


def lines_about(model: Patched[DiffusionModel]) -> list[str]:
    """What becomes of packed weights when a network is saved, and of bits that cannot be had any more."""
    weights = PatchedWeights(model, is_exact=True)
    stored: dict[str, int] = {}
    unpacked = lost = 0
    for name in weights.shapes:
        packed = weights.packed(name)
        if packed is not None and written(name, packed) is not None:
            stored[packed.format.name] = stored.get(packed.format.name, 0) + 1
        elif isinstance(waiting(original_parameter(weights.network, name)), Packed):
            unpacked += 1
        lost += weights.lost(name)
    lines = [f"{count} weights are saved as they are packed: {name}" for name, count in stored.items()]
    if unpacked:
        lines.append(
            f"{unpacked} packed weights are saved in 16 bits: something changes them, or their format is not "
            "for such files"
        )
    if lost:
        lines.append(f"Warning: {lost} weights are saved with fewer bits: the file they came from is gone")
    return lines


def texts_about(model: DiffusionModel, title: str) -> dict[str, str]:
    """What the header of a checkpoint says of its network."""
    texts: dict[str, str] = {}
    if model.family in _ARCHITECTURES:
        texts["modelspec.sai_model_spec"] = "1.0.0"
        texts["modelspec.implementation"] = "sgm"
        texts["modelspec.title"] = title
        texts["modelspec.architecture"] = _ARCHITECTURES[model.family]
    if model.prediction in ("eps", "v"):
        texts["modelspec.predict_key"] = {"eps": "epsilon", "v": "v"}[model.prediction]
    factors = model.latent.rgb_factors
    if factors is not None and factors not in [
        known.rgb_factors for known in (SD, SDXL, PLAYGROUND, UPSCALER)
    ]:
        texts[RGB_METADATA] = json.dumps([*factors, model.latent.rgb_bias])
    return texts


def sampling_keys(model: DiffusionModel) -> dict[str, Tensor]:
    """Tensors that say by their names, some by their numbers too, how a network is sampled."""
    noise = model.noise
    keys = {}
    if model.prediction == "v" and isinstance(noise, ContinuousLog):
        keys["edm_vpred.sigma_max"] = torch.tensor(noise.sigma_max)
        keys["edm_vpred.sigma_min"] = torch.tensor(noise.sigma_min)
    elif model.prediction == "v":
        keys["v_pred"] = torch.empty(0)
    if isinstance(noise, NoiseTable) and noise.zero_terminal_snr:
        keys["ztsnr"] = torch.empty(0)
    if model.prediction == "edm" and model.latent.mean:
        keys["edm_mean"] = torch.tensor(model.latent.mean).view(1, -1, 1, 1)
        keys["edm_std"] = torch.tensor(model.latent.deviation).view(1, -1, 1, 1)
    return keys


def _bare(weights: Mapping[str, Planned]) -> dict[str, Planned]:
    return {name: plan for name, plan in weights.items() if not name.startswith("text_projection")}


def _open_clip(weights: Mapping[str, Planned]) -> dict[str, Planned]:
    tensors = {}
    for name, (sources, swapped) in text_sources(weights).items():
        tensors[name] = _joined([weights[source] for source in sources], swapped)
    return tensors


def _joined(plans: list[Planned], swapped: bool) -> Planned:
    """Tensors one below the other, or one with its axes swapped."""
    first = plans[0]
    if swapped:
        return Planned(first.dtype, first.shape[::-1], lambda: first.make().T)
    shape = (sum(plan.shape[0] for plan in plans), *first.shape[1:])
    return Planned(first.dtype, shape, lambda: torch.cat([plan.make() for plan in plans]))
