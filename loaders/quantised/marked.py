"""Finds weights of the ecosystem's own quantised files: with a scale beside, or marked layer by layer.

Old files have `scale_weight` beside each weight and a tensor `scaled_fp8`, newer ones `weight_scale` and
`comfy_quant`, bytes of JSON that name a format, or the same in a table in the header.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Shape, Weights
from loaders.identify.quantised import HEADER, MARKER, SCALES, listed_weight, whole
from loaders.quantised.entry import (
    Entry,
    Found,
    one_or_rows,
    packed,
    parsed,
    read_markers,
    require,
    unswizzled,
)
from models.packed.blocks import MxFp8, NvFp4
from models.packed.codebook import Codebook
from models.packed.float8 import Float8
from models.packed.integers import Integers
from models.packed.rotation import is_group

_INPUTS = (".input_scale", ".scale_input")
_FLOATS = {torch.float8_e4m3fn, torch.float8_e5m2}
_GROUP = 256

Parts = Mapping[str, Tensor]
Table = Mapping[str, Any]


def find(weights: Weights) -> Found:
    """The weights of a file that are scaled or marked.

    Raises:
        BrokenFile: for a format that is not known, or parts that do not go together.
    """
    markers = [name for name in weights if name.endswith(MARKER)]
    layers = {name.removesuffix(MARKER): table for name, table in read_markers(weights, markers).items()}
    layers |= _from_header(weights, layers)
    entries = {f"{layer}.weight": _marked(weights, layer, table) for layer, table in layers.items()}
    for name in list(weights):
        for ending in SCALES:
            weight = f"{name.removesuffix(ending)}.weight"
            if name.endswith(ending) and weight in weights and weight not in entries:
                entries[weight] = _scaled(weights, weight, name)
    beside = {*markers, *(name for name in weights if name.endswith((*_INPUTS, "scaled_fp8")))}
    return Found(entries, frozenset(beside))


def _from_header(weights: Weights, known: Mapping[str, Table]) -> dict[str, dict[str, Any]]:
    text = weights.metadata.get(HEADER)
    layers = parsed(weights, HEADER, text).get("layers", {}) if text else {}
    if not isinstance(layers, dict) or not all(isinstance(table, dict) for table in layers.values()):
        raise BrokenFile(weights.path, f"{HEADER} lists no layers")
    named = {listed_weight(layer, weights).removesuffix(".weight"): table for layer, table in layers.items()}
    return {layer: table for layer, table in named.items() if layer and layer not in known}


def _marked(weights: Weights, layer: str, table: Table) -> Entry:
    kind = table.get("format")
    reader = _READERS.get(str(kind))
    if reader is None:
        known = ", ".join(_READERS)
        raise BrokenFile(weights.path, f"{layer} is quantised as {kind!r}; what can be opened is {known}")
    if f"{layer}.pre_quant_scale" in weights:
        raise BrokenFile(
            weights.path,
            f"{layer} scales what comes into it (AWQ), which cannot be opened; {kind} without can",
        )
    sources = {part: layer + ending for part, ending in _ENDINGS[str(kind)].items()}
    require(weights, f"{layer}, marked as {kind},", sources)
    if kind == "asym_w4a8_int8" and f"{layer}.weight_correction" in weights:
        sources["correction"] = f"{layer}.weight_correction"
    shape = whole(weights[sources["data"]], table)
    return Entry(shape, sources, partial(reader, table, shape))


def _scaled(weights: Weights, weight: str, scale: str) -> Entry:
    """A weight whose number type says what it is, with a scale beside."""
    layer = weight.removesuffix(".weight")
    if f"{layer}.weight_scale_2" in weights:
        raise BrokenFile(
            weights.path, f"{layer} has two scales but no {MARKER}: only NVFP4 that is marked can be opened"
        )
    shape = weights[weight]
    sources = {"data": weight, "scale": scale}
    return Entry(shape, sources, partial(_by_type, {}, shape))


def _by_type(table: Table, shape: Shape, parts: Parts) -> Tensor:
    data = parts["data"]
    if data.dtype in _FLOATS:
        return _float8(table, shape, parts)
    if data.dtype is torch.int8:
        return _int8(table, shape, parts)
    if data.is_floating_point():
        return data.float() * one_or_rows(parts["scale"], shape)
    raise ValueError(
        f"numbers of the type {str(data.dtype).removeprefix('torch.')} with a scale are not known"
    )


def _float8(table: Table, shape: Shape, parts: Parts) -> Tensor:
    data = parts["data"]
    if data.dtype is torch.uint8:  # as writers had to store it before the container knew the type
        data = data.view(getattr(torch, str(table["format"])))
    if data.dtype not in _FLOATS:
        raise ValueError(f"its weight is {data.dtype}, not of eight bits")
    scale = one_or_rows(parts["scale"], shape)
    return packed(Float8(data.dtype, is_scaled=True), shape, {"data": data, "scale": scale})


def _int8(table: Table, shape: Shape, parts: Parts) -> Tensor:
    scale = one_or_rows(parts["scale"], shape)
    rotation = _rotation(table, shape[1]) if table.get("convrot") else 0
    if rotation and len(shape) != 2:
        raise ValueError("rotated weights are matrices")
    packing = Integers(8, by_row=scale.ndim > 0, rotation=rotation)
    return packed(packing, shape, {"data": parts["data"].view(torch.int8), "scale": scale})


def _int4(table: Table, shape: Shape, parts: Parts) -> Tensor:
    scale = parts["scale"].float().reshape(shape[0], 1)
    packing = Integers(4, by_row=True, rotation=_rotation(table, shape[1]))
    return packed(packing, shape, {"data": parts["data"].view(torch.int8), "scale": scale})


def _w4a8(table: Table, shape: Shape, parts: Parts) -> Tensor:
    rows, blocks = parts["block_scale"].shape
    block = int(table.get("group_size", 16))
    if shape != (rows, blocks * block):
        raise ValueError(f"blocks of {block} in four bits make {(rows, blocks * block)}, not {tuple(shape)}")
    packing = Codebook(block, _rotation(table, shape[1]))
    return packed(packing, shape, {**parts, "data": parts["data"].view(torch.uint8)})


def _mxfp8(table: Table, shape: Shape, parts: Parts) -> Tensor:
    rows, columns = shape
    scale = unswizzled(parts["scale"].view(torch.uint8), rows, columns // MxFp8.block)
    return packed(MxFp8(), shape, {"data": parts["data"].view(torch.float8_e4m3fn), "scale": scale})


def _nvfp4(table: Table, shape: Shape, parts: Parts) -> Tensor:
    rows, columns = shape
    scale = unswizzled(parts["scale"].view(torch.float8_e4m3fn), rows, columns // NvFp4.block)
    whole = parts["whole"].float().reshape(())
    return packed(NvFp4(), shape, {"data": parts["data"].view(torch.uint8), "scale": scale, "whole": whole})


def _rotation(table: Table, columns: int) -> int:
    group = int(table.get("convrot_groupsize", _GROUP))
    if not is_group(group) or columns % group:
        raise ValueError(f"{columns} columns cannot be rotated in groups of {group}")
    return group


Reader = Callable[[Table, Shape, Parts], Tensor]
_PLAIN = {"data": ".weight", "scale": ".weight_scale"}
_ENDINGS: Mapping[str, Mapping[str, str]] = {
    "float8_e4m3fn": _PLAIN,
    "float8_e5m2": _PLAIN,
    "int8_tensorwise": _PLAIN,
    "convrot_w4a4": _PLAIN,
    "mxfp8": _PLAIN,
    "nvfp4": _PLAIN | {"whole": ".weight_scale_2"},
    "asym_w4a8_int8": {
        "data": ".weight",
        "block_scale": ".weight_s_rel",
        "row_scale": ".weight_s_channel",
        "levels": ".weight_codebook",
    },
}
_READERS: Mapping[str, Reader] = {
    "float8_e4m3fn": _float8,
    "float8_e5m2": _float8,
    "int8_tensorwise": _int8,
    "convrot_w4a4": _int4,
    "mxfp8": _mxfp8,
    "nvfp4": _nvfp4,
    "asym_w4a8_int8": _w4a8,
}
