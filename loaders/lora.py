"""Opens LoRA files of every dialect for a pair of networks, and says how much of each file was understood."""

import logging
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary, ref

import torch
from torch import nn

from loaders.errors import UnknownFormat
from loaders.files import Weights
from loaders.lora_alphas import stated_alphas
from loaders.lora_dialects import diffusers, kohya, peft
from loaders.lora_dialects.layout import Layout, Part, Target, layout_of
from loaders.lora_formats import Stem, read_deltas
from loaders.lora_report import LoraReport, described, looks_like, part_of
from loaders.opening import open_weights
from loaders.photo_maker import lora_of
from models.adapters.deltas import Delta, Parts, fits, signature
from models.adapters.patch import Patched
from models.adapters.weights import DeltaSet, WeightPatch
from models.diffusion import DiffusionModel, TextModel

logger = logging.getLogger(__name__)

DIALECTS = (kohya.DIALECT, diffusers.DIALECT, peft.DIALECT)
_KEPT_FILES = 4
Blocks = Sequence[tuple[str, float]]


@dataclass(frozen=True, eq=False)
class LoraLoad:
    """The changes of one file, and how much of it found a place.

    Attributes:
        model: what it changes in the diffusion network.
        clip: what it changes in the text encoder.
        report: how much of the file found a place.
    """

    model: DeltaSet
    clip: DeltaSet
    report: LoraReport

    def summary(self) -> str:
        """The report in one line."""
        return "; ".join(self.report.lines())

    def patch_model(
        self, model: Patched[DiffusionModel], strength: float, blocks: Blocks = ()
    ) -> Patched[DiffusionModel]:
        """The model with its changes; at strength 0, or where there are none, the same object.

        Args:
            model: the model that the file was opened for.
            strength: how strongly the changes work; below 0 the other way.
            blocks: beginning of parameter names -> what the strength is multiplied by there.
        """
        if strength == 0.0 or not self.model.deltas:
            return model
        return model.with_patch(WeightPatch(self.model, strength, tuple(blocks)))

    def patch_clip(self, clip: Patched[TextModel], strength: float) -> Patched[TextModel]:
        """The text encoder with its changes; at strength 0, or where there are none, the same object."""
        if strength == 0.0 or not self.clip.deltas:
            return clip
        return clip.with_patch(WeightPatch(self.clip, strength))


# What was read last for each network: another strength asks for the same again. Gone with the network.
_known: "WeakKeyDictionary[nn.Module, OrderedDict[Hashable, LoraLoad]]" = WeakKeyDictionary()


def open_lora_patches(
    path: Path, model: Patched[DiffusionModel] | None, clip: Patched[TextModel] | None
) -> tuple[tuple[WeightPatch, ...], tuple[WeightPatch, ...], LoraReport]:
    """The patches of a LoRA for a model and for a text encoder, at strength 1, and the report on the file.

    For whoever installs them by himself, as hooks do: `patch.scaled(factor)` is the same at another strength,
    and two patches with equal keys do the same. Files are opened and kept as by `open_lora`, with its errors.
    """
    load = open_lora(path, model, clip)
    unet, text = ((WeightPatch(deltas, 1.0),) if deltas.deltas else () for deltas in (load.model, load.clip))
    return unet, text, load.report


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
        known[asked] = _read(path, networks, described(model, clip))
    known.move_to_end(asked)
    while len(known) > _KEPT_FILES:
        known.popitem(last=False)
    return known[asked]


def _read(path: Path, networks: Mapping[Part, nn.Module | None], opened_for: str) -> LoraLoad:
    weights = lora_of(open_weights(path))
    found = _read_all(weights, layout_of(networks["model"], networks["clip"]))
    shapes = {
        Target(part, name): parameter.shape
        for part, network in networks.items()
        if network is not None
        for name, parameter in network.named_parameters()
    }
    known: dict[Hashable, bool] = {}
    fitting = [change for change in found if _fits(change, shapes, known)]
    if not fitting:
        reasons = [*_reasons(weights, found, shapes, networks), looks_like(weights), opened_for]
        raise UnknownFormat(path, "a LoRA for this model", reasons, list(weights))
    placed = {name for change in fitting for name in change.names}
    parts = {part: _deltas(change for change in fitting if change.target.part == part) for part in networks}
    report = LoraReport(
        name=path.name,
        dialects=tuple(dict.fromkeys(change.dialect for change in fitting)),
        matched={
            part: len({name for c in fitting if c.target.part == part for name in c.names})
            for part in networks
        },
        changed={part: len(deltas) for part, deltas in parts.items()},
        unmatched={
            part: tuple(name for name in weights if name not in placed and part_of(name) == part)
            for part in networks
        },
        absent=tuple(part for part, network in networks.items() if network is None),
    )
    logger.log(logging.WARNING if report.is_partial else logging.INFO, "%s", "; ".join(report.lines()))
    return LoraLoad(DeltaSet(parts["model"], path.name), DeltaSet(parts["clip"], path.name), report)


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
    alphas = stated_alphas(weights)
    changes = []
    present = set(_stems_of(weights))
    for dialect in DIALECTS:
        for stem, targets in dialect.stems(layout).items():
            for target in targets if stem in present else ():
                group = Stem(stem, tensors.keys(), tensors.__getitem__, alphas(stem))
                for changed, delta in read_deltas(group, target).items():
                    changes.append(_Change(changed, delta, frozenset(group.used), dialect.id))
    return changes


def _stems_of(names: Iterable[str]) -> Iterator[str]:
    """What the endings of tensors may stand behind: every name up to a dot, or to `_lora.`."""
    for name in names:
        end = name.rfind(".")
        while end > 0:
            yield name[:end]
            end = name.rfind(".", 0, end)
        head, parted, _ = name.partition("_lora.")
        if parted:
            yield head


def _fits(change: _Change, shapes: Mapping[Target, torch.Size], known: dict[Hashable, bool]) -> bool:
    """Whether a change fits its parameter; what is made alike is tried once."""
    shape = shapes.get(Target(change.target.part, change.target.parameter))
    if shape is None:
        return False
    rows, delta = change.target.rows, change.delta
    tried = delta if rows is None else Parts([(*rows, delta)])
    made = (signature(tried), shape)
    if made not in known:
        known[made] = fits(tried, shape)
    return known[made]


def _deltas(changes: Iterable[_Change]) -> dict[str, Delta]:
    """The delta of each parameter; of several for the same rows the last counts."""
    places: dict[str, dict[tuple[int, int] | None, Delta]] = {}
    for change in changes:
        places.setdefault(change.target.parameter, {})[change.target.rows] = change.delta
    return {name: _joined(found) for name, found in places.items()}


def _joined(found: Mapping[tuple[int, int] | None, Delta]) -> Delta:
    if None in found:
        return found[None]
    return Parts([(*rows, delta) for rows, delta in found.items() if rows is not None])


def _reasons(
    weights: Weights,
    found: Sequence[_Change],
    shapes: Mapping[Target, torch.Size],
    networks: Mapping[Part, nn.Module | None],
) -> list[str]:
    """Why nothing in a file fits."""
    wanted = {part_of(name) for name in weights}
    if not found and len(wanted) == 1 and networks[only := wanted.pop()] is None:
        part = {"model": "the network", "clip": "a text encoder"}[only]
        return [f"Everything in it is for {part}, which is not connected here."]
    if not found:
        ids = ", ".join(dialect.id for dialect in DIALECTS)
        return [f"None of its names is one that {ids} would give to a part of this model."]
    target = found[0].target
    shape = shapes.get(Target(target.part, target.parameter))
    where = f"{target.parameter} of shape {tuple(shape)}" if shape else target.parameter
    return [f"Its names are known, but its sizes are made for another model: {where} does not fit."]
