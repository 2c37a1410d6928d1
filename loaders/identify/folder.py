"""Answers which components a folder in the layout of diffusers has, and where the weights of each are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loaders.errors import BrokenFile

INDEX = "model_index.json"
# Base names of weights, and endings, the preferred first: small before large, safetensors before pickles.
USUAL_NAMES = ("diffusion_pytorch_model", "model", "pytorch_model", "adapter_model")
_ENDINGS = (
    ".fp16.safetensors",
    ".safetensors",
    ".safetensors.index.fp16.json",
    ".safetensors.index.json",
    ".fp16.bin",
    ".bin",
)
_WITHOUT_WEIGHTS = ("scheduler", "tokenizer", "feature_extractor", "image_processor", "processor")
_LARGEST_CONFIG = 10_000_000
_SUFFIXES = frozenset((".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf"))
_SHOWN = 5


@dataclass(frozen=True)
class Component:
    """A component of a pipeline.

    Attributes:
        name: its folder ("unet", "vae", ...), or that of the whole where the folder is one component.
        library: what it was written by, as the folder says.
        type: its class there.
        weights: the file, or the index of shards; None where there is none.
        problem: what is wrong with it; empty where nothing is.
    """

    name: str
    library: str
    type: str
    weights: Path | None
    problem: str = ""


def read_components(folder: Path) -> tuple[Component, ...]:
    """The components that have weights.

    Raises:
        BrokenFile: if the folder is no pipeline and no component, or has several files of weights.
    """
    index = folder / INDEX
    if not index.is_file():
        only = find_weights(folder) or _only_weights(folder)
        config = _table(folder / "config.json") if (folder / "config.json").is_file() else {}
        return (Component(folder.name, "", str(config.get("_class_name", "")), only),)
    table = _table(index)
    components = []
    for name, value in table.items():
        if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or value[0] is None:
            continue
        if name.startswith(_WITHOUT_WEIGHTS):
            continue
        place = folder / name
        inside = Path(name).name == name and place.is_dir()
        weights = find_weights(place) if inside else None
        problem = "" if weights else "its folder is not there" if not inside else "it has no weights"
        components.append(Component(name, str(value[0]), str(value[1]), weights, problem))
    if not components:
        raise BrokenFile(folder, f"its {INDEX} names no component that has weights")
    return tuple(components)


def find_weights(folder: Path, variant: str = "") -> Path | None:
    """The file with a component's weights, or the index of its shards; of a variant ("fp16") if asked for."""
    endings: tuple[str, ...] = _ENDINGS
    if variant:
        endings = tuple(e for e in _ENDINGS if ".fp16." in e)
        endings = tuple(ending.replace("fp16", variant) for ending in endings)
    for name in USUAL_NAMES:
        for ending in endings:
            if (path := folder / (name + ending)).is_file():
                return path
    return None


def _only_weights(folder: Path) -> Path:
    """The one file of weights in a folder, whatever its name is."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not found:
        raise BrokenFile(folder, f"it has neither a {INDEX} nor weights under a usual name")
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BrokenFile(
            folder, f"it has no {INDEX} but {len(found)} files of weights, name one: {names}{more}"
        )
    return found[0]


def _table(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_CONFIG:
        raise BrokenFile(path, f"it has more than {_LARGEST_CONFIG} bytes")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BrokenFile(path, f"it is not valid JSON ({error})"[:200]) from error
    if not isinstance(table, dict):
        raise BrokenFile(path, "it is no table")
    return table
