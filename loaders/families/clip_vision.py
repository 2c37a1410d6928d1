"""Answers how large a CLIP picture tower in a file is and where its parameters are, in either common layout.

Names are those of transformers (`vision_model.encoder.layers.0.self_attn.q_proj`), with or without the first
word, or those of OpenCLIP behind `visual.` (`transformer.resblocks.0.attn.in_proj_weight`).
"""

from collections.abc import Sequence
from math import isqrt

from loaders.assemble import Storage, assemble
from loaders.conditions import Shapes, count
from loaders.derived import DerivedWeights
from loaders.families.kl import sources_shapes
from loaders.families.open_clip import vision_pieces
from loaders.files import Weights
from loaders.keymap import Sources, rename, strip, without
from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.encode import VisionModel

# In files of their own, in whole CLIPs, in language models that see, in unCLIP, Zero123 and video networks.
PREFIXES = (
    "",
    "visual.",
    "clip.",
    "vision_tower.",
    "image_encoder.",
    "embedder.model.visual.",
    "cond_stage_model.model.visual.",
    "conditioner.embedders.0.open_clip.model.visual.",
)
_PATCH = "vision_model.embeddings.patch_embedding.weight"
# The token of the whole picture, which other kinds of towers do not have.
_FIRST_NAMES = ("vision_model.embeddings.class_embedding", "embeddings.class_embedding", "class_embedding")
_OLD_NAMES = [
    (rf"{name}\.", f"vision_model.{name}.")
    for name in ("embeddings", "encoder", "pre_layrnorm", "post_layernorm")
]
# Sizes of heads where they are not 64: OpenCLIP's H and bigG have 16 of them.
_HEADS = {1280: 16, 1664: 16}
# OpenAI's own towers have the rough activation and 24 blocks at most, OpenCLIP's larger ones the exact one.
_MOST_ROUGH_LAYERS = 24


def read_vision(weights: Weights, storage: Storage, prefixes: Sequence[str] = PREFIXES) -> VisionModel | None:
    """The picture tower of a file, or None where there is none under any of some prefixes.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    prefix = next((p for p in prefixes if any(p + name in weights for name in _FIRST_NAMES)), None)
    if prefix is None:
        return None
    derived = DerivedWeights(weights, vision_pieces(weights, prefix))
    sources = vision_sources(derived, prefix)
    config = vision_config(sources_shapes(derived, sources))
    network = assemble(lambda: ClipVision(config), derived, sources, storage, "picture tower")
    return VisionModel(network, name=weights.path.name)


def vision_sources(shapes: Shapes, prefix: str) -> Sources:
    """Where each parameter is under a prefix; a projector for a language model stands beside the tower."""
    projector = {name: name for name in shapes if name.startswith("multi_modal_projector.")}
    return without(rename(strip(shapes, prefix), _OLD_NAMES), ("position_ids",)) | projector


def vision_config(shapes: Shapes) -> ClipVisionConfig:
    """The sizes of a tower from its shapes under today's names."""
    width, _, patch, _ = shapes[_PATCH]
    layers = count(shapes, "vision_model.encoder.layers.")
    projection = shapes.get("visual_projection.weight")
    language = shapes.get("multi_modal_projector.linear_1.weight")
    tokens = shapes["vision_model.embeddings.position_embedding.weight"][0]
    return ClipVisionConfig(
        width=width,
        layers=layers,
        heads=_HEADS.get(width, max(1, width // 64)),
        feed_forward=shapes["vision_model.encoder.layers.0.mlp.fc1.weight"][0],
        patch=patch,
        size=isqrt(tokens - 1) * patch,
        activation="quick_gelu" if layers <= _MOST_ROUGH_LAYERS else "gelu",
        projection=projection[0] if projection else None,
        language_width=language[0] if language else None,
    )
