"""Answers how large a CLIP text encoder in a file is and where its parameters are, whatever their age."""

from loaders.conditions import Shapes, count
from loaders.keymap import Sources, rename, strip, without
from models.text.clip import ClipTextConfig

HEAD_WIDTH = 64
_OLD_NAMES = [(rf"{name}\.", f"text_model.{name}.") for name in ("embeddings", "encoder", "final_layer_norm")]


def clip_sources(shapes: Shapes, prefix: str) -> Sources:
    """Where each parameter is under a prefix; empty where there is no encoder."""
    sources = rename(strip(shapes, prefix), _OLD_NAMES)
    # Positions 0 to 76, and the scale of the image-text loss: files carry them, no encoder needs them.
    sources = without(sources, ("position_ids", "logit_scale"))
    return sources if "text_model.embeddings.token_embedding.weight" in sources else {}


def clip_config(shapes: Shapes) -> ClipTextConfig:
    """The sizes of an encoder from its shapes under today's names."""
    vocabulary, width = shapes["text_model.embeddings.token_embedding.weight"]
    projection = shapes.get("text_projection.weight")
    return ClipTextConfig(
        vocabulary=vocabulary,
        width=width,
        layers=count(shapes, "text_model.encoder.layers."),
        heads=max(1, width // HEAD_WIDTH),
        feed_forward=shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
        positions=shapes["text_model.embeddings.position_embedding.weight"][0],
        projection=projection[0] if projection else None,
    )
