"""Finds weights as bitsandbytes stores them: NF4 and FP4, with or without double quantization, and LLM.int8.

Reference: the keys of its state dicts (bitsandbytes, `QuantState.as_dict` and `Linear8bitLt`); LLM.int8,
Dettmers et al. 2022 (arXiv:2208.07339).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from loaders.errors import BrokenFile
from loaders.files import Shape, Weights
from loaders.identify.quantised import STATE
from loaders.quantised.entry import Entry, Found, packed, read_markers, require
from models.packed.integers import Integers
from models.packed.levels import TABLES, Levels

_PARTS = {"sizes": "absmax", "levels": "quant_map"}
_NESTED = {"size_sizes": "nested_absmax", "size_levels": "nested_quant_map"}


def find(weights: Weights) -> Found:
    """The weights of a file that bitsandbytes packed.

    Raises:
        BrokenFile: for a kind that is not known, or if parts are missing.
    """
    states = {match[0]: match for name in weights if (match := STATE.fullmatch(name))}
    tables = read_markers(weights, states)
    entries = {match[1]: _four_bits(weights, match[1], tables[name]) for name, match in states.items()}
    beside = set(states)
    for name in weights:
        layer = name.removesuffix(".SCB")
        if name.endswith(".SCB") and f"{layer}.weight" in weights:
            shape = weights[f"{layer}.weight"]
            sources = {"data": f"{layer}.weight", "scale": name}
            entries[f"{layer}.weight"] = Entry(shape, sources, partial(_eight_bits, shape))
            beside.add(f"{layer}.weight_format")
    return Found(entries, frozenset(beside))


def _four_bits(weights: Weights, name: str, table: Mapping[str, Any]) -> Entry:
    kind, shape, block = table.get("quant_type"), table.get("shape"), table.get("blocksize")
    if kind not in TABLES or not isinstance(shape, list) or not isinstance(block, int) or block % 2:
        raise BrokenFile(
            weights.path, f"{name} is packed by bitsandbytes in a way that is not known: {table}"[:300]
        )
    parts = dict(_PARTS)
    nested = int(table.get("nested_blocksize", 0)) if "nested_offset" in table else 0
    if nested:
        parts |= _NESTED
    sources = {"data": name} | {part: f"{name}.{ending}" for part, ending in parts.items()}
    require(weights, name, sources)
    offset = float(table.get("nested_offset", 0.0))
    made = partial(_levels, Levels(kind, block, nested), tuple(shape), offset)
    return Entry(tuple(int(size) for size in shape), sources, made)


def _levels(packing: Levels, shape: Shape, offset: float, parts: Mapping[str, Tensor]) -> Tensor:
    data = parts["data"].view(torch.uint8).reshape(-1)
    filled = pad(data, (0, -len(data) % (packing.block // 2)))
    more = {"size_offset": torch.tensor(offset)} if packing.nested else {}
    return packed(packing, shape, {**parts, "data": filled, **more})


def _eight_bits(shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    scale = parts["scale"].float().reshape(-1, 1) / 127
    return packed(Integers(8, by_row=True), shape, {"data": parts["data"].view(torch.int8), "scale": scale})
