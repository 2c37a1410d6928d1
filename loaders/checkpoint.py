"""Opens checkpoints: a file in, models for the wires out, with a report of what was loaded."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loaders.assemble import AUTOENCODER, HALF, Storage
from loaders.consistent import consistent
from loaders.families import kl
from loaders.families.autoencoders import read_vae
from loaders.families.clip_vision import read_vision
from loaders.families.latents import SD
from loaders.files import Weights
from loaders.identify.kinds import VAE
from loaders.opening import open_weights
from loaders.registry import identify
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.diffusion import DiffusionModel, TextModel, VaeModel
from models.vision.encode import VisionModel

logger = logging.getLogger(__name__)

# What training leaves in checkpoints beside the networks: averaged copies, noise tables, losses, flags.
_BESIDE = (
    "model_ema.",
    "betas",
    "alphas_cumprod",
    "sqrt_",
    "log_one_minus_",
    "posterior_",
    "logvar",
    "first_stage_model.loss.",
    "loss.",
    "v_pred",
    "ztsnr",
    "edm_",
    "embedder.",
    "cond_stage_model.model.visual.",
    "denoiser.",
    "vae_sc",
    "vae_sh",
)
_BESIDE_ENDINGS = (
    *("position_ids", "logit_scale", "num_batches_tracked"),
    # What quantised layers say of themselves and of the numbers they work on.
    *("scaled_fp8", ".comfy_quant", ".scale_input", ".input_scale"),
)


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a file.

    Attributes:
        family: id of the family that claimed it.
        loaded: how many tensors went into each part.
        unexpected: names of tensors that no part wanted.
    """

    family: str
    loaded: Mapping[str, int]
    unexpected: tuple[str, ...]

    def summary(self) -> str:
        """The report in one line."""
        parts = ", ".join(f"{part} {count}" for part, count in self.loaded.items())
        more = "" if len(self.unexpected) <= 3 else ", ..."
        unused = f"; {len(self.unexpected)} unused: {', '.join(self.unexpected[:3])}{more}"
        return f"{self.family}: {parts} tensors" + (unused if self.unexpected else "")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The models of one file; clip, vae and vision are None where it holds none."""

    model: Patched[DiffusionModel]
    clip: Patched[TextModel] | None
    vae: Patched[VaeModel] | None
    report: LoadReport
    vision: Patched[VisionModel] | None = None


def open_checkpoint(
    path: Path,
    storage: Storage | None = None,
    *,
    text: Storage = HALF,
    vae: Storage | None = None,
    with_vision: bool = False,
) -> Checkpoint:
    """Open a whole checkpoint, or a diffusion network alone.

    Args:
        path: a safetensors file or a restricted pickle.
        storage: how the diffusion network is kept, by default in float32.
        text: how the text encoders are, by default in float32 rounded through float16, as the ecosystem does.
        vae: how the autoencoder is, by default in float32.
        with_vision: whether to read the picture tower that some files hold, too.

    Raises:
        UnknownFormat: if no family claims the file.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    match = identify(weights)
    with consistent(path):
        model = match.family.read_model(weights, match.sources, storage or Storage())
        clip = match.family.read_text(weights, text)
        autoencoder = match.family.read_vae(weights, vae or AUTOENCODER)
        vision = read_vision(weights, HALF) if with_vision else None
    loaded = {"model": _size(model), "clip": _size(clip), "vae": _size(autoencoder)}
    if vision is not None:
        loaded["vision"] = _size(vision)
    report = LoadReport(match.family.id, loaded, _unexpected(weights))
    logger.info("%s: %s", path.name, report.summary())
    return Checkpoint(
        Patched(model),
        Patched(clip) if clip else None,
        Patched(autoencoder) if autoencoder else None,
        report,
        Patched(vision) if vision else None,
    )


def open_diffusion(path: Path, storage: Storage | None = None) -> Patched[DiffusionModel]:
    """Open a diffusion network: a file of its own in the original or diffusers' layout, or a checkpoint's.

    Args:
        path: a safetensors file or a restricted pickle.
        storage: how the weights are kept, by default in float32.

    Raises:
        UnknownFormat: if no family claims the file.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    match = identify(weights)
    with consistent(path):
        model = match.family.read_model(weights, match.sources, storage or Storage())
    logger.info("%s: %s, %d tensors", path.name, match.family.title, _size(model))
    return Patched(model)


def open_vae(path: Path, storage: Storage | None = None) -> Patched[VaeModel]:
    """Open an autoencoder: a file of its own in the original or diffusers' layout, or that of a checkpoint.

    Args:
        path: a safetensors file or a restricted pickle.
        storage: how the weights are kept, by default in float32.

    Raises:
        UnknownFormat: if the file holds none.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    with consistent(path):
        vae = read_vae(weights, storage or AUTOENCODER, SD)
    if vae is None:
        tried = [f"Looked for {kl.ORIGINAL_KEY} behind {', '.join(repr(p) for p in kl.PREFIXES)}."]
        raise unfit(weights, VAE, "an autoencoder of a known kind", tried)
    return Patched(vae)


def _size(model: DiffusionModel | TextModel | VaeModel | VisionModel | None) -> int:
    return sum(1 for _ in model.network.parameters()) if model else 0


def _unexpected(weights: Weights) -> tuple[str, ...]:
    return tuple(
        name
        for name in weights
        if name not in weights.taken and not name.startswith(_BESIDE) and not name.endswith(_BESIDE_ENDINGS)
    )
