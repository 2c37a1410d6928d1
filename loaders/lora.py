"""Opens LoRA files of every dialect for a pair of networks, and says how much of each file was understood."""

import logging
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary, ref

import torch
from torch import nn

from loaders.errors import UnknownFormat
from loaders.files import Weights
from loaders.lora_dialects import diffusers, kohya, peft
from loaders.lora_dialects.layout import Layout, Part, Target, layout_of
from loaders.lora_formats import Stem, read_deltas
from loaders.opening import open_weights
from models.adapters.patch import Patched
from models.adapters.weights import Delta, DeltaSet, WeightPatch
from models.diffusion import DiffusionModel, TextModel

logger = logging.getLogger(__name__)

DIALECTS = (kohya.DIALECT, diffusers.DIALECT, peft.DIALECT)
_TEXT_PREFIXES = ("lora_te", "text_encoder")
_KEPT_FILES = 4


@dataclass(frozen=True, eq=False)
class LoraLoad:
    """The changes of one file, and how much of it found a place.

    Attributes:
        name: the file.
        model: what it changes in the diffusion network.
        clip: what it changes in the text encoder.
        dialects: ids of the dialects its names are in.
        matched: how many weights it changes in each part.
        unmatched: names of its tensors that changed nothing, by the part they seem to be for.
    """

    name: str
    model: DeltaSet
    clip: DeltaSet
    dialects: tuple[str, ...]
    matched: Mapping[Part, int]
    unmatched: Mapping[Part, tuple[str, ...]]

    def patch_model(self, model: Patched[DiffusionModel], strength: float) -> Patched[DiffusionModel]:
        """The model with its changes; at strength 0, or where there are none, the same object."""
        if strength == 0.0 or not self.model.deltas:
            return model
        return model.with_patch(WeightPatch(self.model, strength))

    def patch_clip(self, clip: Patched[TextModel], strength: float) -> Patched[TextModel]:
        """The text encoder with its changes; at strength 0, or where there are none, the same object."""
        if strength == 0.0 or not self.clip.deltas:
            return clip
        return clip.with_patch(WeightPatch(self.clip, strength))

    def summary(self) -> str:
        """The report in one line."""
        parts = ", ".join(f"{part} {count}" for part, count in self.matched.items())
        lost = sum(len(names) for names in self.unmatched.values())
        text = f"{self.name} ({', '.join(self.dialects)}): weights changed: {parts}"
        return text + (f"; {lost} tensors changed nothing" if lost else "")


# What was read last for each network: another strength asks for the same again. Gone with the network.
_known: "WeakKeyDictionary[nn.Module, OrderedDict[Hashable, LoraLoad]]" = WeakKeyDictionary()


def open_lora(path: Path, model: Patched[DiffusionModel] | None, clip: Patched[TextModel] | None) -> LoraLoad:
    """Open a LoRA for the networks of a model and a text encoder, either of which may be None.

    A file that was opened for the same networks lately, and has not changed, is not read again.

    Raises:
        UnknownFormat: if nothing in the file fits them.
        BrokenFile: if it is damaged.
    """
    networks: dict[Part, nn.Module | None] = {
        "model": model.base.network if model else None,
        "clip": clip.base.network if clip else None,
    }
    owner = networks["model"] or networks["clip"]
    if owner is None:
        raise ValueError("a LoRA is opened for a model or a text encoder, but neither was given")
    status = path.stat()
    other = networks["clip"] if networks["clip"] is not owner else None
    asked = (path, status.st_size, status.st_mtime_ns, ref(other) if other is not None else None)
    known = _known.setdefault(owner, OrderedDict())
    if asked not in known:
        known[asked] = _read(path, networks)
    known.move_to_end(asked)
    while len(known) > _KEPT_FILES:
        known.popitem(last=False)
    return known[asked]


def _read(path: Path, networks: Mapping[Part, nn.Module | None]) -> LoraLoad:
    weights = open_weights(path)
    found = _read_all(weights, layout_of(networks["model"], networks["clip"]))
    shapes = {
        Target(part, name): parameter.shape
        for part, network in networks.items()
        if network is not None
        for name, parameter in network.named_parameters()
    }
    fitting = [f for f in found if f.target in shapes and f.delta.fits(shapes[f.target])]
    if not fitting:
        raise UnknownFormat(path, "a LoRA for this model", _reasons(found, shapes), list(weights))
    parts: dict[Part, dict[str, Delta]] = {"model": {}, "clip": {}}
    for change in fitting:
        parts[change.target.part][change.target.parameter] = change.delta
    load = LoraLoad(
        name=path.name,
        model=DeltaSet(parts["model"], path.name),
        clip=DeltaSet(parts["clip"], path.name),
        dialects=tuple(dict.fromkeys(change.dialect for change in fitting)),
        matched={part: len(deltas) for part, deltas in parts.items()},
        unmatched=_unmatched(weights, {name for change in fitting for name in change.names}),
    )
    lost = sum(len(names) for part, names in load.unmatched.items() if networks[part] is not None)
    logger.log(logging.WARNING if lost else logging.INFO, "%s", load.summary())
    return load


@dataclass(frozen=True, eq=False)
class _Change:
    """A delta found in a file: for what, from which tensors, named in which dialect."""

    target: Target
    delta: Delta
    names: frozenset[str]
    dialect: str


def _read_all(weights: Weights, layout: Layout) -> list[_Change]:
    """Every change that the names of a file ask for."""
    tensors = dict(weights.read_many(weights))
    changes = []
    for dialect in DIALECTS:
        for stem, target in dialect.stems(layout).items():
            group = Stem(stem, tensors.keys(), tensors.__getitem__)
            for changed, delta in read_deltas(group, target).items():
                changes.append(_Change(changed, delta, frozenset(group.used), dialect.id))
    return changes


def _unmatched(weights: Weights, placed: set[str]) -> dict[Part, tuple[str, ...]]:
    lost = [name for name in weights if name not in placed]
    parts: dict[Part, list[str]] = {"model": [], "clip": []}
    for name in lost:
        parts["clip" if name.startswith(_TEXT_PREFIXES) or "text_model." in name else "model"].append(name)
    return {part: tuple(names) for part, names in parts.items()}


def _reasons(found: list[_Change], shapes: Mapping[Target, torch.Size]) -> list[str]:
    """Why nothing in a file fits."""
    if not found:
        ids = ", ".join(dialect.id for dialect in DIALECTS)
        return [f"None of its names is one that {ids} would give to a part of it."]
    first = found[0]
    shape = shapes.get(first.target)
    where = f"{first.target.parameter} of shape {tuple(shape)}" if shape else first.target.parameter
    return [f"Its names are known, but its sizes are made for another model: {where} does not fit."]
