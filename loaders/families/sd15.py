"""Describes Stable Diffusion 1.x: how its files are known, what they hold, what sampling must know."""

import json
from collections.abc import Mapping
from typing import Literal

from loaders.assemble import Storage, assemble
from loaders.conditions import All, HasAll, HasNone, HasRank, HasSize, below
from loaders.errors import BrokenFile
from loaders.families.clip_text import read_text_model
from loaders.families.family import Family
from loaders.families.kl import kl_config, kl_prefix, kl_sources, sources_shapes
from loaders.families.ldm_unet import unet_config
from loaders.files import Weights
from loaders.keymap import Sources
from models.diffusion import DiffusionModel, LatentFormat, TextModel, VaeModel
from models.noise import NoiseTable
from models.unet.unet import UNet
from models.vae.kl import AutoencoderKL

TEXT_PREFIX = "cond_stage_model.transformer."
# A linear map from latents to colours, fitted by users of the family; a file may bring its own.
RGB_FACTORS = (
    (0.3512, 0.2297, 0.3227),
    (0.3250, 0.4974, 0.2350),
    (-0.2829, 0.1762, 0.2721),
    (-0.2120, -0.2616, -0.7177),
)
RGB_METADATA = "sfumato.rgb_factors"

DETECT = All(
    (
        HasAll(
            (
                "input_blocks.0.0.weight",
                "time_embed.0.weight",
                "middle_block.0.in_layers.0.weight",
                "output_blocks.0.0.in_layers.0.weight",
                "out.2.weight",
            )
        ),
        HasSize("input_blocks.0.0.weight", 1, 4),
        HasRank("1.proj_in.weight", 4),
        HasNone(("label_emb.", "time_stack.", "input_blocks.1.0.time_stack.")),
    )
)


def read_model(weights: Weights, sources: Sources, storage: Storage) -> DiffusionModel:
    """The UNet, with what sampling must know."""
    config = unet_config(sources_shapes(weights, sources))
    network = assemble(lambda: UNet(config), weights, sources, storage, "UNet")
    return DiffusionModel(
        network=network,
        family=FAMILY.id,
        prediction=_prediction(weights),
        noise=NoiseTable(zero_terminal_snr="ztsnr" in weights),
        latent=latent_format(weights, config.out_channels),
        name=weights.path.name,
    )


def read_text(weights: Weights, storage: Storage) -> TextModel | None:
    """The text encoder of a checkpoint, or None where it has none."""
    return read_text_model(weights, {"clip_l": (TEXT_PREFIX,)}, FAMILY.id, storage)


def read_vae(weights: Weights, storage: Storage) -> VaeModel | None:
    """The autoencoder of a checkpoint or of a file of its own, or None where there is none."""
    prefix = kl_prefix(weights)
    if prefix is None:
        return None
    sources = kl_sources(weights, prefix)
    shapes = sources_shapes(weights, sources)
    if not below(shapes, "encoder.down."):
        raise BrokenFile(weights.path, "its autoencoder has no encoder")
    config = kl_config(shapes)
    network = assemble(lambda: AutoencoderKL(config), weights, sources, storage, "autoencoder")
    return VaeModel(
        network=network, latent=latent_format(weights, config.latent_channels), name=weights.path.name
    )


def latent_format(weights: Weights, channels: int) -> LatentFormat:
    """How latents are scaled, and shown; a file's own colours go before the family's."""
    own = weights.metadata.get(RGB_METADATA)
    factors = _read_factors(weights, own) if own else RGB_FACTORS
    rows, bias = factors[:channels], factors[channels] if len(factors) == channels + 1 else (0.0, 0.0, 0.0)
    return LatentFormat(channels=channels, rgb_factors=rows if len(rows) == channels else None, rgb_bias=bias)


def _read_factors(weights: Weights, text: str) -> tuple[tuple[float, float, float], ...]:
    """Rows of three numbers, one a channel and perhaps one more to be added, from JSON."""
    try:
        return tuple((float(r), float(g), float(b)) for r, g, b in json.loads(text))
    except (ValueError, TypeError) as error:
        raise BrokenFile(weights.path, f"its metadata {RGB_METADATA} is not rows of three numbers") from error


def _prediction(weights: Weights) -> Literal["eps", "v"]:
    """Shapes cannot tell what a network predicts: it is noise, unless the file says otherwise."""
    names: Mapping[str, str] = weights.metadata
    stated = names.get("modelspec.prediction_type", names.get("modelspec.predict_key", ""))
    return "v" if "v_pred" in weights or stated in {"v", "v_prediction"} else "eps"


FAMILY = Family(
    id="sd15",
    title="Stable Diffusion 1.x",
    detect=DETECT,
    read_model=read_model,
    read_text=read_text,
    read_vae=read_vae,
)
