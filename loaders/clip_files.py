"""Opens CLIP's text encoders and picture towers from files of their own, or out of whole checkpoints."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from loaders.assemble import HALF, Storage
from loaders.consistent import consistent
from loaders.errors import BrokenFile
from loaders.families.clip_text import clip_kind, clip_prefixes, read_clip
from loaders.families.clip_vision import read_vision
from loaders.files import Weights
from loaders.identify.kinds import TEXT, VISION
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.diffusion import TextModel
from models.text.clip import ClipText
from models.text.encoders import TextEncoders
from models.text.tokenizer import clip_tokenizer
from models.vision.encode import VisionModel

logger = logging.getLogger(__name__)

# Which family reads prompts with which encoders.
FAMILIES: Mapping[frozenset[str], str] = {
    frozenset({"clip_l"}): "sd15",
    frozenset({"clip_h"}): "sd2",
    frozenset({"clip_l", "clip_g"}): "sdxl",
    frozenset({"clip_g"}): "sdxl_refiner",
}
TITLES = {"clip_l": "CLIP-L", "clip_h": "OpenCLIP-H", "clip_g": "OpenCLIP-bigG"}


def open_text_encoders(
    paths: Sequence[Path], *, stays_on_cpu: bool = False, storage: Storage = HALF
) -> Patched[TextModel]:
    """Open text encoders that belong together; how prompts are read follows from which they are.

    Args:
        paths: files with one or more encoders each, in any order.
        stays_on_cpu: whether they are computed with on the CPU, whatever device there is.
        storage: how the weights are kept.

    Raises:
        UnknownFormat: if a file holds no text encoder of a known kind.
        BrokenFile: if one is damaged or incomplete, or the encoders do not go together.
    """
    encoders: dict[str, ClipText] = {}
    for path in paths:
        for name, encoder in _encoders(open_weights(path), storage).items():
            if name in encoders:
                raise BrokenFile(
                    path, f"it holds {TITLES[name]} as another file does; different ones are needed"
                )
            encoders[name] = encoder
    family = FAMILIES.get(frozenset(encoders))
    if family is None:
        raise BrokenFile(paths[-1], f"no model has the text encoders {_titles(encoders)} together")
    network = TextEncoders({name: encoders[name] for name in TITLES if name in encoders})
    network.stays_on_cpu = stays_on_cpu
    names = ", ".join(path.name for path in paths)
    logger.info("%s: text encoders %s", names, _titles(encoders))
    return Patched(TextModel(network, clip_tokenizer(), family=family, name=names))


def open_vision(path: Path) -> Patched[VisionModel]:
    """Open a picture tower.

    Raises:
        UnknownFormat: if the file holds none.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    with consistent(path):
        model = read_vision(weights, HALF)
    if model is None:
        tried = [
            "Looked for vision_model.embeddings.class_embedding and OpenCLIP's visual.class_embedding: "
            "the towers of CLIP can be opened, SigLIP and DINO cannot."
        ]
        raise unfit(weights, VISION, "a CLIP vision model", tried)
    return Patched(model)


def _encoders(weights: Weights, storage: Storage) -> dict[str, ClipText]:
    """Every text encoder of a file, by name."""
    with consistent(weights.path):
        prefixes = {clip_kind(weights, prefix): prefix for prefix in clip_prefixes(weights)}
    if not prefixes:
        tried = [
            f"The text encoders that can be opened are {', '.join(TITLES.values())}, in the names of "
            "transformers (text_model.encoder.layers...) or OpenCLIP (transformer.resblocks...)."
        ]
        raise unfit(weights, TEXT, "a text encoder of a known kind", tried)
    with consistent(weights.path):
        return {name: read_clip(weights, prefix, name, storage) for name, prefix in prefixes.items()}


def _titles(encoders: Mapping[str, ClipText]) -> str:
    return " and ".join(title for name, title in TITLES.items() if name in encoders)
