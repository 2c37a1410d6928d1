"""Writes the diffusion network of a file, or its text encoder, as GGUF with fewer bits for each number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from loaders.assemble import Storage
from loaders.checkpoint_layout import sampling_keys, texts_about
from loaders.consistent import consistent
from loaders.errors import UnknownFormat
from loaders.families.clip_text import clip_prefixes
from loaders.files import Weights
from loaders.gguf_writer import PLAIN, Stored, storable, write_gguf
from loaders.headers_alone import headers_alone
from loaders.keymap import Sources, strip, without
from loaders.opening import open_weights
from loaders.packing import SPARED
from loaders.registry import identify
from models.packed.tensor import dense

# What the field calls the network of each family; it knows no others of those that are opened here.
_ARCHITECTURES = {"sdxl": "sdxl"}
_DEFAULT_ARCHITECTURE, _TEXT_ARCHITECTURE = "sd1", "clip"
# Tables that are looked up row by row: few bits cost much there and save little.
_LOOKED_UP = ("token_embedding", "position_embedding", "positional_embedding")
_SMALL = 1024
_USELESS = ("position_ids", "logit_scale")


@dataclass(frozen=True)
class Quantised:
    """What was written.

    Attributes:
        path: the file.
        title: what it holds.
        size_bytes: of the new file.
        was_bytes: what its numbers take in 16 bits.
        packed: how many tensors are of the type asked for.
        plain: how many are not.
    """

    path: Path
    title: str
    size_bytes: int
    was_bytes: int
    packed: int
    plain: int


@dataclass(frozen=True)
class _Part:
    weights: Weights
    sources: Sources
    title: str
    architecture: str
    texts: Mapping[str, str]
    keys: Mapping[str, Tensor]


def quantise(
    source: Path,
    target: Path,
    kind: str,
    on_written: Callable[[int, int], None] = lambda count, total: None,
) -> Quantised:
    """Write the diffusion network of a file as GGUF, or the text encoder where there is no network.

    One tensor at a time is in memory. The file is there whole at the end, or not at all.

    Args:
        source: a file of any kind that is opened here.
        target: where to write; what is there is replaced.
        kind: for all large weights it can hold, one of `WRITTEN` or `WRITTEN_PLAIN`; others take 16 bits.
        on_written: told how many tensors of how many are written, after each.

    Raises:
        UnknownFormat: if the file holds neither.
        BrokenFile: if it is damaged.
        ValueError: if numbers cannot be packed.
        OSError: if the file cannot be written.
    """
    part = _part(open_weights(source))
    tensors = {
        name: Stored(
            part.weights[from_name], _kind(name, part.weights[from_name], kind), partial(_read, part, name)
        )
        for name, from_name in part.sources.items()
    }
    tensors |= {
        name: Stored(tuple(key.shape), "F32", partial(torch.clone, key)) for name, key in part.keys.items()
    }
    partial_file = target.with_name(f".{target.name}.part")
    try:
        with partial_file.open("wb") as file:
            write_gguf(file, tensors, part.architecture, kind, part.texts, on_written)
        partial_file.replace(target)
    except BaseException:
        partial_file.unlink(missing_ok=True)
        raise
    packed = sum(stored.kind == kind for stored in tensors.values())
    was = 2 * sum(prod(stored.shape) for stored in tensors.values())
    return Quantised(target, part.title, target.stat().st_size, was, packed, len(tensors) - packed)


def _part(weights: Weights) -> _Part:
    """What of a file is written."""
    try:
        match = identify(weights)
    except UnknownFormat:
        with consistent(weights.path):
            prefixes = clip_prefixes(weights)
        if len(prefixes) != 1:
            raise
        sources = without(strip(weights, prefixes[0]), _USELESS)
        return _Part(weights, sources, "CLIP text encoder", _TEXT_ARCHITECTURE, {}, {})
    with consistent(weights.path), headers_alone():
        model = match.family.read_model(weights, match.sources, Storage())
    sources = {name: match.sources[name] for name in model.network.state_dict()}
    keys = {name: key if key.numel() else torch.zeros(1) for name, key in sampling_keys(model).items()}
    architecture = _ARCHITECTURES.get(model.family.partition("_")[0], _DEFAULT_ARCHITECTURE)
    texts = texts_about(model, weights.path.stem)
    return _Part(weights, sources, match.family.title, architecture, texts, keys)


def _read(part: _Part, name: str) -> Tensor:
    return dense(part.weights.read(part.sources[name]))


def _kind(name: str, shape: tuple[int, ...], kind: str) -> str:
    """The type in which a tensor is stored."""
    if len(shape) < 2 or prod(shape) < _SMALL:
        return "F32"
    if kind in PLAIN:
        return kind
    is_precious = name.startswith(SPARED) or any(word in name for word in _LOOKED_UP)
    return "F16" if is_precious or not storable(shape, kind) else kind
