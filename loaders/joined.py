"""Answers what several weight files hold together: shards of one network, or a folder as diffusers has it.

A folder is shown under the names of a whole checkpoint, so that whoever reads checkpoints reads folders too.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Copies, Shape, Weights, copies_nothing, open_file
from loaders.identify.folder import Component, read_components

Open = Callable[[Path], Weights]

NETWORK, VAE = "model.diffusion_model.", "first_stage_model."
_CLIP_L, _CLIP_H = "cond_stage_model.transformer.", "cond_stage_model.model."
_FIRST, _SECOND, _ALONE = (
    "conditioner.embedders.0.transformer.",
    "conditioner.embedders.1.model.",
    "conditioner.embedders.0.model.",
)
_VISION = "embedder.model."
_WIDTH_OF_H = 1024
_SCHEDULER = Path("scheduler") / "scheduler_config.json"
_LARGEST_INDEX = 50_000_000


class JoinedWeights(Weights):
    """The tensors of several files, each under a prefix, and tensors that stand in no file."""

    def __init__(
        self,
        path: Path,
        parts: Sequence[tuple[str, Weights]],
        flags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """A name that two parts have is read from the later one; flags are tensors without numbers."""
        super().__init__(path, metadata or {})
        self._places = {prefix + name: (weights, name) for prefix, weights in parts for name in weights}
        self._flags = frozenset(flags)

    def __getitem__(self, name: str) -> Shape:
        if name in self._flags:
            return (0,)
        weights, own = self._places[name]
        return weights[own]

    def __iter__(self) -> Iterator[str]:
        yield from self._places
        yield from self._flags

    def __len__(self) -> int:
        return len(self._places) + len(self._flags)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, file by file."""
        files: dict[int, tuple[Weights, dict[str, str]]] = {}
        for name in names:
            self.taken.add(name)
            if name in self._flags:
                yield name, torch.zeros(0)
                continue
            weights, own = self._places[name]
            files.setdefault(id(weights), (weights, {}))[1][own] = name
        for weights, wanted in files.values():
            for own, tensor in weights.read_many(wanted, copies):
                yield wanted[own], tensor


def open_shards(index: Path) -> Weights:
    """The network that an index of shards describes.

    Raises:
        BrokenFile: if the index is damaged, or a shard is missing or outside its folder.
    """
    table = _json(index).get("weight_map")
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
        raise BrokenFile(index, "it is no index of shards: it has no weight_map")
    parts = []
    for name in sorted(set(table.values())):
        shard = index.parent / name
        if Path(name).name != name or not shard.is_file():
            raise BrokenFile(index, f"it names the shard {name!r}, which is not there")
        parts.append(("", open_file(shard)))
    joined = JoinedWeights(index, parts)
    missing = [name for name in table if name not in joined]
    if missing:
        raise BrokenFile(index, f"{len(missing)} tensors are in no shard: {', '.join(missing[:3])}")
    return joined


def open_folder(folder: Path, open_component: Open) -> Weights:
    """A pipeline or one component of it, under the names of a whole checkpoint.

    Args:
        folder: where it is.
        open_component: opens the weights of one component.

    Raises:
        BrokenFile: if it is neither, or a component that it names has no weights.
    """
    components = read_components(folder)
    for component in components:
        if component.weights is None and component.name in _PREFIXED:
            raise BrokenFile(folder, f"its {component.name} cannot be read: {component.problem}")
    opened = {one.name: open_component(one.weights) for one in components if one.weights is not None}
    if len(components) == 1 and components[0].name == folder.name:
        return JoinedWeights(folder, [(_alone(components[0]), opened[folder.name])])
    parts = [(prefix, opened[name]) for name, prefix in _prefixes(opened).items()]
    flags, metadata = _training(folder)
    return JoinedWeights(folder, parts, flags, metadata)


_PREFIXED = ("unet", "vae", "text_encoder", "text_encoder_2", "image_encoder")


def _prefixes(opened: Mapping[str, Weights]) -> dict[str, str]:
    """What the names of each component start with in a checkpoint."""
    prefixes = {"unet": NETWORK, "vae": VAE, "image_encoder": _VISION}
    if "text_encoder_2" in opened:
        both = "text_encoder" in opened
        prefixes |= {"text_encoder": _FIRST, "text_encoder_2": _SECOND if both else _ALONE}
    elif "text_encoder" in opened:
        tokens = opened["text_encoder"].get("text_model.embeddings.token_embedding.weight", (0, 0))
        prefixes["text_encoder"] = _CLIP_H if tokens[1] == _WIDTH_OF_H else _CLIP_L
    return {name: prefix for name, prefix in prefixes.items() if name in opened}


def _alone(component: Component) -> str:
    """A component that stands alone has no prefix, but for autoencoders, whose names others share."""
    return VAE if component.type.startswith("Autoencoder") else ""


def _training(folder: Path) -> tuple[list[str], dict[str, str]]:
    """How the network was trained, as its scheduler has it: keys and texts as checkpoints say it."""
    if not (folder / _SCHEDULER).is_file():
        return [], {}
    scheduler = _json(folder / _SCHEDULER)
    prediction = str(scheduler.get("prediction_type", "epsilon"))
    flags = ["v_pred"] if prediction == "v_prediction" else []
    if scheduler.get("rescale_betas_zero_snr") is True:
        flags.append("ztsnr")
    if str(scheduler.get("_class_name", "")).startswith("EDM"):
        flags += ["edm_mean", "edm_std"]
    return flags, {"modelspec.prediction_type": prediction}


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_INDEX:
        raise BrokenFile(path, f"it has more than {_LARGEST_INDEX} bytes")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BrokenFile(path, f"it is not valid JSON ({error})"[:200]) from error
    if not isinstance(table, dict):
        raise BrokenFile(path, "it is no table")
    return table
