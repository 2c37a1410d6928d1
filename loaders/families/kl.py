"""Answers how large a KL autoencoder in a file is and where its parameters are, in either common layout."""

from dataclasses import replace
from typing import Any

from loaders.conditions import Shapes, count
from loaders.keymap import Sources, rename, strip
from models.vae.asymmetric import AsymmetricConfig
from models.vae.kl import KLConfig

# Where the parameters of an autoencoder start: in whole checkpoints, and in files of their own.
PREFIXES = ("first_stage_model.", "vae.", "")
ORIGINAL_KEY = "decoder.conv_in.weight"
_PICTURE = "decoder.condition_encoder.layers"
_DIFFUSERS_KEY = "decoder.up_blocks.0.resnets.0.norm1.weight"


def kl_prefix(shapes: Shapes) -> str | None:
    """The prefix under which a file holds an autoencoder, or None."""
    return next((prefix for prefix in PREFIXES if prefix + ORIGINAL_KEY in shapes), None)


def kl_sources(shapes: Shapes, prefix: str) -> Sources:
    """Where each parameter is, whichever layout the file has."""
    sources = strip(shapes, prefix)
    if _DIFFUSERS_KEY in sources:
        levels = max(count(sources_shapes(shapes, sources), f"{half}_blocks.") for half in _HALVES)
        sources = rename(sources, _diffusers_rules(levels))
    # Some files nest the convolutions around the latent in the halves they belong to.
    return rename(
        sources,
        [(r"decoder\.post_quant_conv\.", "post_quant_conv."), (r"encoder\.quant_conv\.", "quant_conv.")],
    )


def sources_shapes(shapes: Shapes, sources: Sources) -> Shapes:
    """The shapes of a file under the names its parameters have in the network."""
    return {name: shapes[source] for name, source in sources.items()}


def kl_config(shapes: Shapes) -> KLConfig:
    """The sizes of an autoencoder from its shapes under original names."""
    return KLConfig(
        **_half(shapes, "encoder.down.", "encoder.conv_in.weight", 0),
        image_channels=shapes["encoder.conv_in.weight"][1],
        latent_channels=shapes[ORIGINAL_KEY][1],
        quant_convolutions="post_quant_conv.weight" in shapes,
    )


def asymmetric_config(shapes: Shapes) -> AsymmetricConfig | None:
    """The sizes of an autoencoder whose decoder is told of the picture; None where it is not."""
    layers = count(shapes, f"{_PICTURE}.")
    if not layers:
        return None
    encoder = kl_config(shapes)
    return AsymmetricConfig(
        encoder=encoder,
        decoder=replace(encoder, **_half(shapes, "decoder.up.", "decoder.norm_out.weight", 1)),
        picture_widths=tuple(shapes[f"{_PICTURE}.{index}.weight"][0] for index in range(layers)),
    )


def _half(shapes: Shapes, levels: str, finest: str, more_blocks: int) -> dict[str, Any]:
    """Width, levels and blocks of one half, which has more blocks a level than the sizes tell."""
    channels = shapes[finest][0]
    multipliers = (shapes[f"{levels}{i}.block.0.conv1.weight"][0] for i in range(count(shapes, levels)))
    return {
        "channels": channels,
        "multipliers": tuple(width // channels for width in multipliers),
        "residual_blocks": count(shapes, f"{levels}0.block.") - more_blocks,
    }


_HALVES = ("encoder.down", "decoder.up")


def _diffusers_rules(levels: int) -> list[tuple[str, str]]:
    """Regular expressions from diffusers' names to the original ones."""
    rules = []
    for level in range(levels):
        mirrored = levels - 1 - level
        for half, blocks, target in (
            ("encoder", "down_blocks", f"down.{level}"),
            ("decoder", "up_blocks", f"up.{mirrored}"),
        ):
            start = rf"{half}\.{blocks}\.{level}\."
            rules += [
                (start + r"resnets\.(\d+)\.conv_shortcut\.", rf"{half}.{target}.block.\1.nin_shortcut."),
                (start + r"resnets\.(\d+)\.", rf"{half}.{target}.block.\1."),
                (start + r"downsamplers\.0\.", f"{half}.{target}.downsample."),
                (start + r"upsamplers\.0\.", f"{half}.{target}.upsample."),
            ]
    middle = r"(encoder|decoder)\.mid_block\."
    attention = middle + r"attentions\.0\."
    return [
        *rules,
        (middle + r"resnets\.0\.", r"\1.mid.block_1."),
        (middle + r"resnets\.1\.", r"\1.mid.block_2."),
        (attention + r"group_norm\.", r"\1.mid.attn_1.norm."),
        (attention + r"(?:to_q|query)\.", r"\1.mid.attn_1.q."),
        (attention + r"(?:to_k|key)\.", r"\1.mid.attn_1.k."),
        (attention + r"(?:to_v|value)\.", r"\1.mid.attn_1.v."),
        (attention + r"(?:to_out\.0|proj_attn)\.", r"\1.mid.attn_1.proj_out."),
        (r"(encoder|decoder)\.conv_norm_out\.", r"\1.norm_out."),
    ]
