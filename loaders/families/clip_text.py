"""Answers how large a CLIP text encoder in a file is and where its parameters are, in either common layout.

Names are those of transformers (`text_model.encoder.layers.0.self_attn.q_proj`), with or without the first
word, or those of OpenCLIP (`transformer.resblocks.0.attn.in_proj_weight`), where three matrices are one.
"""

from collections.abc import Mapping, Sequence

from loaders.assemble import Storage, assemble
from loaders.conditions import Shapes, count
from loaders.derived import DerivedWeights
from loaders.families.kl import sources_shapes
from loaders.families.open_clip import text_pieces
from loaders.files import Weights
from loaders.keymap import Sources, rename, strip, without
from models.clip_layers import Activation
from models.diffusion import TextModel
from models.text.clip import ClipText, ClipTextConfig
from models.text.encoders import TextEncoders
from models.text.tokenizer import clip_tokenizer

HEAD_WIDTH = 64
# OpenAI's own encoder has the rough activation, those of OpenCLIP the exact one: shapes do not tell.
ACTIVATIONS: dict[str, Activation] = {"clip_l": "quick_gelu", "clip_h": "gelu", "clip_g": "gelu"}
# OpenCLIP's H has 24 blocks, of which the families that use it drop the last, some already in their files.
FULL_LAYERS = {"clip_h": 24}
# Larger encoders have more blocks than these, where one may lack its last.
LEAST_LAYERS = (("clip_g", 31), ("clip_h", 23), ("clip_l", 1))
_TOKENS = "text_model.embeddings.token_embedding.weight"
_FIRST_NAMES = (_TOKENS, _TOKENS.removeprefix("text_model."), "token_embedding.weight")
_OLD_NAMES = [(rf"{name}\.", f"text_model.{name}.") for name in ("embeddings", "encoder", "final_layer_norm")]


def read_text_model(
    weights: Weights, places: Mapping[str, Sequence[str]], family: str, storage: Storage
) -> TextModel | None:
    """The text encoders of a checkpoint, or None where it lacks one of them or none are asked for.

    Args:
        weights: the file.
        places: name of an encoder -> prefixes under which it may be.
        family: whose rules of prompts apply.
        storage: how the weights are kept.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    found = {}
    for name, prefixes in places.items():
        prefix = clip_prefix(weights, prefixes)
        if prefix is None:
            return None
        found[name] = prefix
    if not found:
        return None
    network = TextEncoders({name: read_clip(weights, p, name, storage) for name, p in found.items()})
    return TextModel(network, clip_tokenizer(), family=family, name=weights.path.name)


def clip_prefixes(shapes: Shapes) -> list[str]:
    """Every prefix under which a file has a text encoder."""
    endings = ("layers.0.layer_norm1.weight", "resblocks.0.ln_1.weight")
    starts = {name.removesuffix(e) for name in shapes for e in endings if name.endswith(e)}
    stems = ("text_model.encoder.", "encoder.", "transformer.")
    cut = set()
    for start in starts:
        stem = next((stem for stem in stems if start.endswith(stem)), None)
        if stem is not None:
            cut.add(start.removesuffix(stem))
    return [prefix for prefix in sorted(cut) if clip_prefix(shapes, [prefix]) is not None]


def clip_kind(shapes: Shapes, prefix: str) -> str:
    """The name of the encoder under a prefix: how many blocks it has tells them apart."""
    layers = max(
        count(shapes, prefix + stack)
        for stack in ("text_model.encoder.layers.", "encoder.layers.", "transformer.resblocks.")
    )
    return next(name for name, least in LEAST_LAYERS if layers >= least)


def clip_prefix(shapes: Shapes, prefixes: Sequence[str]) -> str | None:
    """The first prefix under which there is a text encoder, or None."""
    return next((p for p in prefixes if any(p + name in shapes for name in _FIRST_NAMES)), None)


def read_clip(weights: Weights, prefix: str, encoder: str, storage: Storage) -> ClipText:
    """The text encoder under a prefix.

    Args:
        weights: the file.
        prefix: what the names of the encoder's tensors start with, in either layout.
        encoder: "clip_l", "clip_g" or "clip_h": what cannot be seen in the file depends on it.
        storage: how the weights are kept.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    derived = DerivedWeights(weights, text_pieces(weights, prefix))
    sources = clip_sources(derived, prefix)
    config = clip_config(sources_shapes(derived, sources), encoder)
    return assemble(lambda: ClipText(config), derived, sources, storage, f"text encoder {encoder}")


def clip_sources(shapes: Shapes, prefix: str) -> Sources:
    """Where each parameter is under a prefix."""
    sources = rename(strip(shapes, prefix), _OLD_NAMES)
    # Positions 0 to 76, and the scale of the image-text loss: files carry them, no encoder needs them.
    return without(sources, ("position_ids", "logit_scale"))


def clip_config(shapes: Shapes, encoder: str = "clip_l") -> ClipTextConfig:
    """The sizes of an encoder from its shapes under today's names."""
    vocabulary, width = shapes[_TOKENS]
    projection = shapes.get("text_projection.weight")
    layers = count(shapes, "text_model.encoder.layers.")
    return ClipTextConfig(
        vocabulary=vocabulary,
        width=width,
        layers=layers,
        heads=max(1, width // HEAD_WIDTH),
        feed_forward=shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
        positions=shapes["text_model.embeddings.position_embedding.weight"][0],
        activation=ACTIVATIONS[encoder],
        projection=projection[0] if projection else None,
        dropped_layers=1 if layers == FULL_LAYERS.get(encoder, 0) - 1 else 0,
    )
