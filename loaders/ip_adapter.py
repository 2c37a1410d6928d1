"""Opens IP-Adapters: which kind it is, and how large, is read from its names and shapes."""

import logging
from pathlib import Path

import torch

from loaders.assemble import Storage, assemble
from loaders.conditions import Shapes, count
from loaders.consistent import consistent
from loaders.identify.kinds import ADAPTER
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.image_prompt import ImagePromptConfig, ImagePromptModel, ImagePromptNetwork
from models.adapters.patch import Patched

logger = logging.getLogger(__name__)

FIRST = "ip_adapter.1.to_k_ip.weight"
BASE, FULL, PLUS = "image_proj.proj.weight", "image_proj.proj.3.weight", "image_proj.latents"


def open_ip_adapter(path: Path, dtype: torch.dtype | None = None) -> Patched[ImagePromptModel]:
    """Open an IP-Adapter.

    Args:
        path: a safetensors file or a restricted pickle.
        dtype: how it is kept, by default float32.

    Raises:
        UnknownFormat: if the file holds none, or one of a kind that is not known.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    if FIRST not in weights or not any(name in weights for name in (BASE, FULL, PLUS)):
        tried = [
            f"Looked for {FIRST}.",
            f"Looked for {BASE} (base), {FULL} (full face) and {PLUS} (plus); others are not known.",
        ]
        raise unfit(weights, ADAPTER, "an IP-Adapter of a known kind", tried)
    names = {name: name for name in weights}
    storage = Storage(dtype or torch.float32)
    with consistent(path):
        config = image_prompt_config(weights)
        network = assemble(lambda: ImagePromptNetwork(config), weights, names, storage, "IP-Adapter")
    logger.info("%s: IP-Adapter %s, %d attentions", path.name, config.kind, len(config.attention_widths))
    return Patched(ImagePromptModel(network, path.name))


def image_prompt_config(shapes: Shapes) -> ImagePromptConfig:
    """The sizes of an IP-Adapter from its shapes; raises KeyError for a name that is missing."""
    attentions = sum(name.endswith(".to_k_ip.weight") for name in shapes)
    widths = tuple(shapes[f"ip_adapter.{2 * index + 1}.to_k_ip.weight"][0] for index in range(attentions))
    text_width = shapes[FIRST][1]
    if PLUS in shapes:
        _, tokens, inner = shapes[PLUS]
        layers = count(shapes, "image_proj.layers.")
        seen = shapes["image_proj.proj_in.weight"][1]
        return ImagePromptConfig("plus", seen, text_width, tokens, widths, inner, layers)
    if FULL in shapes:
        return ImagePromptConfig("full", shapes["image_proj.proj.0.weight"][1], text_width, 0, widths)
    rows, seen = shapes[BASE]
    return ImagePromptConfig("base", seen, text_width, rows // text_width, widths)
