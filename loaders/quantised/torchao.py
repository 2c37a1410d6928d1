"""Finds weights as torchao stores them in safetensors: parts in tensors, and what they are in the header.

Reference: torchao, `torchao.prototype.safetensors` (`flatten_tensor_state_dict`).
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Shape, Weights
from loaders.identify.quantised import TORCHAO
from loaders.quantised.entry import Entry, Found, one_or_rows, packed, parsed, require, unswizzled
from models.packed.affine import Affine, joined
from models.packed.blocks import MxFp8, NvFp4
from models.packed.float8 import Float8
from models.packed.integers import Integers

_FIELDS = frozenset({"scale", "zero_point", "per_tensor_scale"})


def find(weights: Weights) -> Found:
    """The weights of a file that torchao packed.

    Raises:
        BrokenFile: for a kind that cannot be opened, or if parts are missing.
    """
    listed = weights.metadata.get(TORCHAO)
    if listed is None:
        return Found()
    try:
        names = json.loads(listed)
    except ValueError as error:
        raise BrokenFile(weights.path, f"{TORCHAO} of its header is not valid JSON") from error
    entries, beside = {}, set()
    for name in names if isinstance(names, list) else []:
        table = parsed(weights, str(name), weights.metadata.get(name, "{}"))
        if table.get("_type") in (None, "Tensor"):
            continue
        entries[name], more = _entry(weights, name, table)
        beside |= more
    return Found(entries, frozenset(beside))


def _entry(weights: Weights, name: str, table: Mapping[str, Any]) -> tuple[Entry, set[str]]:
    kind, about = str(table["_type"]), table.get("_data", {})
    reader = _READERS.get(kind)
    if reader is None:
        known = ", ".join(_READERS)
        raise BrokenFile(
            weights.path, f"{name} is packed by torchao as {kind}; what can be opened is {known}"
        )
    module, _, parameter = name.rpartition(".")
    stored = {part: f"{module}._{parameter}_{part}" for part in table.get("_tensor_data_names", ())}
    require(weights, name, stored)
    sources = {"data": stored["qdata"]} | {part: stored[part] for part in _FIELDS if part in stored}
    shape = weights[stored["qdata"]]
    if kind == "NVFP4Tensor":
        shape = (shape[0], shape[1] * 2)
    converts = kind in ("IntxUnpackedToInt8Tensor", "NVFP4Tensor")
    beside = set(stored.values()) - set(sources.values())
    return Entry(shape, sources, partial(reader, about, shape), converts), beside


def _float8(about: Mapping[str, Any], shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    data, scale = parts["data"], one_or_rows(parts["scale"], shape)
    return packed(Float8(data.dtype, is_scaled=True), shape, {"data": data, "scale": scale})


def _int8(about: Mapping[str, Any], shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    zero = parts.get("zero_point")
    if zero is not None and not zero.is_meta and bool(zero.any()):
        raise ValueError("whole numbers of eight bits with a zero point cannot be opened")
    scale = one_or_rows(parts["scale"], shape)
    return packed(Integers(8, by_row=scale.ndim > 0), shape, {"data": parts["data"], "scale": scale})


def _intx(about: Mapping[str, Any], shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    """Whole numbers of one to eight bits, a byte each, in blocks: kept in two, four or eight bits."""
    bits = int(str(about["target_dtype"]["_data"]).removeprefix("int"))
    rows, block = about["block_size"]
    if rows != 1:
        raise ValueError(f"blocks of {rows} rows cannot be opened")
    kept = next(kept for kept in (2, 4, 8) if bits <= kept)
    lowest = 2 ** (kept - 1)
    scale = parts["scale"].float()
    numbers = (parts["data"].to(torch.int16) + lowest).to(torch.uint8)
    offset = -(parts["zero_point"].float() + lowest) * scale
    made = {"data": joined(numbers, kept), "scale": scale, "offset": offset}
    return packed(Affine(kept, int(block)), shape, made)


def _mxfp8(about: Mapping[str, Any], shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    if parts["data"].dtype is not torch.float8_e4m3fn or about["block_size"] != MxFp8.block:
        raise ValueError("of microscaled numbers only those of float8_e4m3fn in blocks of 32 can be opened")
    rows, columns = shape
    scale = parts["scale"].view(torch.uint8)
    if about["is_swizzled_scales"]:
        scale = unswizzled(scale, rows, columns // MxFp8.block)
    return packed(MxFp8(), shape, {"data": parts["data"], "scale": scale})


def _nvfp4(about: Mapping[str, Any], shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    rows, columns = shape
    scale = parts["scale"].view(torch.float8_e4m3fn)
    if about.get("is_swizzled_scales"):
        scale = unswizzled(scale, rows, columns // NvFp4.block)
    data = parts["data"].view(torch.uint8)
    whole = parts.get("per_tensor_scale", torch.ones(())).float().reshape(())
    # The first number is in the lower half of a byte here, in the upper one elsewhere.
    return packed(NvFp4(), shape, {"data": (data >> 4) | (data << 4), "scale": scale, "whole": whole})


_READERS: Mapping[str, Callable[[Mapping[str, Any], Shape, Mapping[str, Tensor]], Tensor]] = {
    "Float8Tensor": _float8,
    "Int8Tensor": _int8,
    "IntxUnpackedToInt8Tensor": _intx,
    "MXTensor": _mxfp8,
    "NVFP4Tensor": _nvfp4,
}
