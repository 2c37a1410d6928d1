"""Which networks does a node run, on what shapes, and what does it give? Known by the types of its wires."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from executor.memory.trial import META, TOKENS
from models.adapters.patch import Patched
from models.diffusion import DiffusionModel, TextModel, VaeModel
from models.text.clip import ClipText
from models.upscale.model import UpscaleModel
from models.vision.encode import VisionModel
from nodes.api.spec import NodeSpec
from schedulers.conditioning import Entry
from schedulers.control import networks
from schedulers.guiders.wired import WiredGuider
from schedulers.latent import LatentBatch

# Chunks of a usual prompt, and the empty one beside it where words have weights.
CHUNKS = 2
UPSCALE_TILE = 512


@dataclass(frozen=True)
class Run:
    """A network that is run.

    Attributes:
        patched: the model.
        shape: of its largest input (see `executor.memory.trial`).
        what: what it does, in a word.
        tiles: by how much the input may be cut if it does not fit, or 0.
    """

    patched: Patched[Any]
    shape: tuple[int, ...]
    what: str
    tiles: int = 0


Runs: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True)
class Outcome:
    """What a node that runs networks runs, and what it gives: shapes without numbers."""

    runs: Runs
    results: tuple[Any, ...]


def runs_of(spec: NodeSpec, given: Mapping[str, Any]) -> Outcome | None:
    """The networks that a node runs when it is given these inputs; None if it runs none that is known."""
    gives = {output.type for output in spec.outputs}
    values = list(given.values())
    latent = _first(values, LatentBatch)
    if latent is not None and "LATENT" in gives and not {"CONDITIONING", "MODEL"} & gives:
        sampled = _sampling(given, values, latent)
        if sampled is not None:
            return Outcome(sampled, (latent,) * len(spec.outputs))
    if (vae := _model(values, VaeModel)) is not None:
        coded = _coding(vae, values, latent, gives, given)
        if coded is not None:
            return coded
    if (clip := _model(values, TextModel)) is not None and gives == {"CONDITIONING"}:
        return _encoding(clip)
    picture = _picture(values)
    if picture is None:
        return None
    if (vision := _model(values, VisionModel)) is not None:
        size = vision.base.network.config.size
        return Outcome((Run(vision, (picture.shape[0], 3, size, size), "look"),), ())
    if (upscaler := _model(values, UpscaleModel)) is not None:
        return _enlarging(upscaler, picture)
    return None


def _sampling(given: Mapping[str, Any], values: list[Any], latent: LatentBatch) -> Runs | None:
    guider = _first(values, WiredGuider)
    if guider is not None:
        models = [guider.model, *(helper.model.on_device(guider.model.device) for helper in guider.helpers)]
        lists = [entries for one in (guider, *guider.helpers) for entries in one.lists.values()]
    else:
        model = _model(values, DiffusionModel)
        lists = [value for value in values if _is_conditioning(value)]
        if model is None or not lists:
            return None
        if given.get("cfg") == 1:
            lists = lists[:1]
        models = [model]
    batch, _, height, width = latent.samples.shape
    rows = max(1, sum(len(entries) for entries in lists)) * batch
    steers = (control for control in networks(*lists) if isinstance(control, Patched))
    steering = [control.on_device(models[0].device) for control in steers]
    return tuple(
        Run(model, (rows, _channels(model), height, width), "sample" if model in models else "steer")
        for model in (*models, *steering)
    )


def _coding(
    vae: Patched[VaeModel],
    values: list[Any],
    latent: LatentBatch | None,
    gives: set[str],
    given: Mapping[str, Any],
) -> Outcome | None:
    network = vae.base.network
    tile = given.get("tile_size")
    side = tile if isinstance(tile, int) else 0
    if latent is not None and "IMAGE" in gives:
        batch, _, height, width = latent.samples.shape
        shape = _cut((1, network.latent_channels, height, width), side // network.downscale)
        picture = (batch, height * network.downscale, width * network.downscale, 3)
        return Outcome((Run(vae, shape, "decode", 64),), (torch.empty(picture, device=META),))
    pixels = _picture(values)
    if pixels is not None and gives & {"LATENT", "CONDITIONING"}:
        batch, height, width = pixels.shape[0], *(s - s % network.downscale for s in pixels.shape[1:3])
        cells = height // network.downscale, width // network.downscale
        samples = torch.empty(batch, network.latent_channels, *cells, device=META)
        prompts = [value for value in values if _is_conditioning(value)]
        made: tuple[Any, ...] = (LatentBatch(samples),) if "LATENT" in gives else ()
        run = Run(vae, _cut((1, 3, height, width), side), "encode", 512)
        return Outcome((run,), (*prompts, *made))
    return None


def _encoding(clip: Patched[TextModel]) -> Outcome:
    widths = [each.config.width for each in clip.base.network.values() if isinstance(each, ClipText)]
    entry = Entry(
        torch.empty(1, TOKENS, sum(widths), device=META),
        torch.empty(1, widths[-1] if widths else 1, device=META),
    )
    return Outcome((Run(clip, (CHUNKS, TOKENS), "encode"),), ((entry,),))


def _enlarging(upscaler: Patched[UpscaleModel], picture: Tensor) -> Outcome:
    batch, height, width, _ = picture.shape
    scale = upscaler.base.scale
    shape = (1, upscaler.base.channels, min(height, UPSCALE_TILE), min(width, UPSCALE_TILE))
    made = torch.empty(batch, height * scale, width * scale, 3, device=META)
    return Outcome((Run(upscaler, shape, "enlarge"),), (made,))


def _cut(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
    return (*shape[:2], min(shape[2], side), min(shape[3], side)) if side else shape


def _channels(model: Patched[Any]) -> int:
    return model.base.latent.channels if isinstance(model.base, DiffusionModel) else 4


def _is_conditioning(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, Entry) for one in value)


def _picture(values: Iterable[Any]) -> Tensor | None:
    """The first input that has the shape of pictures (B, H, W, C)."""
    return next((value for value in values if isinstance(value, Tensor) and value.ndim == 4), None)


def _first(values: Iterable[Any], kind: type[Any]) -> Any:
    return next((value for value in values if isinstance(value, kind)), None)


def _model(values: Iterable[Any], kind: type[Any]) -> Any:
    """The first patched model whose base is of a kind."""
    return next(
        (value for value in values if isinstance(value, Patched) and isinstance(value.base, kind)), None
    )


def smaller(run: Run, side: int) -> Run:
    """The same run on tiles of a side."""
    return replace(run, shape=_cut(run.shape, side))


def fewer(run: Run) -> list[Run]:
    """The same run on ever fewer latents at a time, where it samples."""
    if run.what != "sample":
        return []
    found, rows = [], run.shape[0]
    while rows > 1:
        rows = (rows + 1) // 2
        found.append(replace(run, shape=(rows, *run.shape[1:])))
    return found
